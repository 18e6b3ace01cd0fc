"""Judging what has to keep moving: alerts to people, dead letters back to the pipeline, the sweep itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.app.alerting import outbox
from shared.app.context import Context
from shared.app.quarantine.rows import rows
from shared.app.state.lock import Lease, paths
from shared.app.state.upkeep import due_since
from shared.core.alerting.alert import Alert, Pending
from shared.core.validation.checks import Status, Target
from shared.core.validation.verdict import Measure, Measured
from shared.documents import from_data

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def alert_delivery(ctx: Context, target: Target, options: Mapping[str, Any]) -> Measured:
    """Measure for how many minutes each alert waits to be sent; one that a sink refuses fails at once."""
    waiting = [outbox.read(document).alert for document in outbox.own_alerts(ctx, {"unsent": True})]
    measures = [_waiting(alert, target) for alert in waiting]
    return Measured(tuple(measures) or (Measure("", 0.0, note="no alert waits"),))


def _waiting(alert: Alert, target: Target) -> Measure:
    since = alert.ended_at or alert.last_at if alert.pending is Pending.RECOVERY else alert.last_at
    note = f"refused: {alert.refused}" if alert.refused else alert.severity
    verdict = Status.FAIL if alert.refused else None
    return Measure(alert.fingerprint, max(target.now - since, timedelta(0)) / MINUTE, note=note, verdict=verdict)


def quarantine_age(ctx: Context, target: Target, options: Mapping[str, Any]) -> Measured:
    """Measure for how many hours each row of quarantine waits for somebody to replay it."""
    measures = [
        Measure(row.bodies[0].message_ids[0], max(target.now - row.first_at, timedelta(0)) / HOUR, note=row.reason)
        for row in rows(ctx)
    ]
    return Measured(tuple(measures) or (Measure("", 0.0, note="quarantine is empty"),))


def sweep_alive(ctx: Context, target: Target, options: Mapping[str, Any]) -> Measured:
    """Measure how many minutes ago the last sweep ended that looked at something, or how long one is due since, where
    that is less: a sweep that finds nothing due writes nothing. One under way ended now. Without any: no number."""
    document = next((document for document in ctx.ports.store.get(*paths(ctx, "sweep")) if document is not None), None)
    if document is None:
        return Measured((Measure("", None, note="no sweep was ever made"),))
    since = max(from_data(Lease, document.data).expires_at, due_since(ctx) or datetime.min.replace(tzinfo=UTC))
    return Measured((Measure("", max(target.now - since, timedelta(0)) / MINUTE, note="since the last sweep"),))
