"""Alerts as people look at them: those that are open, and one of them whole."""

from __future__ import annotations

from shared.app.alerting import outbox
from shared.app.context import Context
from shared.core import commands
from shared.core.alerting.alert import Alert
from shared.core.alerting.kinds import CATALOGUE, AlertKind
from shared.core.alerting.quiet import quiet_text
from shared.core.reporting.page import AlertView, OpenAlert


def open_alerts(ctx: Context) -> tuple[OpenAlert, ...]:
    """Return the alerts whose condition holds, and those still to be sent, the newest first."""
    alerts = {
        document.id: outbox.read(document).alert
        for where in ({"standing": True}, {"unsent": True})
        for document in outbox.own_alerts(ctx, where)
    }
    newest, now = sorted(alerts.values(), key=lambda alert: alert.first_at, reverse=True), ctx.ports.clock.now()
    return tuple(
        OpenAlert(
            alert.severity,
            alert.run,
            alert.text.splitlines()[0] if alert.text else alert.kind,
            alert.first_at,
            _unsent(alert),
            quiet_text(ctx.policy, alert.quiet, now),
            alert.fingerprint,
        )
        for alert in newest
    )


def alert_view(ctx: Context, fingerprint: str) -> AlertView | None:
    """Return one alert of the pipeline, None where none of that id is kept; raises ``Unavailable``."""
    if not fingerprint or "/" in fingerprint:
        return None
    [document] = ctx.ports.store.get(outbox.path_of(fingerprint))
    if document is None:
        return None
    alert, now = outbox.read(document).alert, ctx.ports.clock.now()
    if alert.run.partition("/")[0] != ctx.policy.pipeline:
        return None
    kind = CATALOGUE.get(AlertKind(alert.kind)) if alert.kind in set(AlertKind) else None
    return AlertView(
        fingerprint=alert.fingerprint,
        title=alert.kind.replace("_", " ") if kind is None else kind.title,
        severity=alert.severity,
        run=alert.run if alert.run.count("/") >= 2 else "",
        transition=alert.transition,
        text=alert.text,
        fires=alert.firing,
        count=alert.count,
        first_at=alert.first_at,
        last_at=alert.last_at,
        notified_at=alert.notified_at,
        resolved_at=alert.resolved_at,
        unsent=_unsent(alert),
        quiet=quiet_text(ctx.policy, alert.quiet, now),
        meaning="" if kind is None else kind.meaning,
        action="" if kind is None else kind.action,
        command=commands.line("alerts", "show", alert.fingerprint),
    )


def _unsent(alert: Alert) -> str:
    return (alert.refused or "not sent yet") if alert.unsent else ""
