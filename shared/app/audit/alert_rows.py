"""The rows of the table ``alerts``: one for each stage of an alert (behaviour 8)."""

from __future__ import annotations

from dataclasses import replace

from shared.app.alerting.outbox import own_alerts, path_of, read_all
from shared.app.audit.write import write_rows
from shared.app.context import Context
from shared.core.alerting.alert import Alert
from shared.documents import to_data
from shared.ports import Row


def write_alert_rows(ctx: Context) -> bool:
    """Write to the record what became of alerts since the last time; readers take the newest row of each. Return False
    if it could not be written."""
    kept = read_all(ctx, own_alerts(ctx, {"recorded": False}))
    if not write_rows(ctx, [_row(item.alert) for item in kept]):
        return False
    for item in kept:
        assert item.version is not None
        path = path_of(item.alert.fingerprint)
        # A lost race leaves the row to be written again as the alert is by then: each stage has an id of its own.
        ctx.ports.store.update(path, to_data(replace(item.alert, recorded=True)), item.version)
    return True


def _row(alert: Alert) -> tuple[str, Row]:
    stage = alert.resolved_at or alert.notified_at or alert.first_at
    alert_id = f"{alert.fingerprint}@{alert.first_at.isoformat()}"
    columns = {
        "alert_id": alert_id,
        "fingerprint": alert.fingerprint,
        "severity": alert.severity,
        "kind": alert.kind,
        "run_id": alert.run,
        "transition": alert.transition,
        "text": alert.text,
        "first_at": alert.first_at,
        "last_at": alert.last_at,
        "count": alert.count,
        "delivered_at": alert.notified_at,
        "resolved_at": alert.resolved_at,
    }
    return "alerts", Row(f"{alert_id}/{alert.count}/{alert.pending}/{stage.isoformat()}", columns)
