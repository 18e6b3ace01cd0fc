"""Asking for alerts, and what a person says of one: at work on it, or not to be told (behaviour A2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from shared.app.alerting import outbox
from shared.app.alerting.outbox import Kept
from shared.app.context import Context
from shared.app.outcome import CommandResult, Outcome, Why
from shared.app.state.compare_and_set import change_value
from shared.app.state.opening import touch
from shared.app.state.upkeep import touch_upkeep
from shared.core.alerting.alert import Alert, quieted
from shared.core.alerting.quiet import SAYS, Quiet, QuietKind
from shared.core.texts import day_time

SHORT = 8


class Which(StrEnum):
    """Of which alerts is asked: an open one holds, or has still to be sent."""

    OPEN = "open"
    OVER = "over"
    ALL = "all"


def is_open(alert: Alert) -> bool:
    return alert.firing or alert.unsent


def short_id(alert: Alert) -> str:
    """Return what people call an alert by: its kind, and so much of its fingerprint that no other has the same."""
    return alert.fingerprint[: len(alert.kind) + 1 + SHORT]


def listed(ctx: Context, which: Which = Which.OPEN, run: str | None = None) -> list[Alert]:
    """Return the alerts of the pipeline, those of one run if it is named, the newest first.

    An alert that nobody can read is left to the sweep. Alerts are kept for 30 days after they were last sent.
    """
    of_run: dict[str, str | int | bool | None] = {} if run is None else {"run": run}
    wheres = [of_run] if which is not Which.OPEN else [{**of_run, "standing": True}, {**of_run, "unsent": True}]
    alerts: dict[str, Alert] = {}
    for where in wheres:
        for document in outbox.own_alerts(ctx, where):
            try:
                alerts[document.id] = outbox.read(document).alert
            except ValueError as error:
                ctx.log("alert.unreadable", severity="WARNING", path=document.path, error=str(error))
    chosen = (alert for alert in alerts.values() if which is not Which.OVER or not is_open(alert))
    return sorted(chosen, key=lambda alert: (alert.last_at, alert.fingerprint), reverse=True)


def named(ctx: Context, name: str) -> list[Alert]:
    """Return the alerts whose id begins so: the open ones, and others only where no open one does."""
    for which in (Which.OPEN, Which.ALL):
        alerts = [alert for alert in listed(ctx, which) if alert.fingerprint.startswith(name)]
        if alerts:
            return alerts
    return []


def quiet(ctx: Context, fingerprint: str, kind: QuietKind, until: datetime, why: Why) -> CommandResult:
    """Keep an alert from being repeated until a time; one that is over can be silenced, and not acknowledged.

    Raises ``Contended`` if others write the alert all the time.
    """
    path, now = outbox.path_of(fingerprint), ctx.ports.clock.now()
    word = Quiet(kind, now, until, why.reason, why.by)

    def read() -> Kept | None:
        return outbox.read_or_drop(ctx, ctx.ports.store.get(path)[0])

    def change(kept: Kept | None) -> Kept | None:
        if kept is None or (kind is QuietKind.ACK and not is_open(kept.alert)):
            return None
        return replace(kept, alert=quieted(kept.alert, word))

    saved = change_value(read(), change, lambda kept: outbox.save(ctx, kept), read, path)
    if saved is None:
        kept = read()
        if kept is None:
            return CommandResult(Outcome.NOT_FOUND, f"there is no alert {fingerprint}")
        return CommandResult(Outcome.REFUSED, f"{short_id(kept.alert)} is over; there is nothing to acknowledge")
    touch_upkeep(ctx)
    touch(ctx, saved.alert.run)  # when it is told again has changed
    ctx.log(f"operator.alert_{kind}", fingerprint=fingerprint, until=until.isoformat(), reason=why.reason, by=why.by)
    return CommandResult(
        Outcome.DONE,
        f"{short_id(saved.alert)} is {SAYS[kind]} until {day_time(ctx.policy, until)}: it is not repeated before; "
        "its end is told",
    )
