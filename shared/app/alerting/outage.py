"""Telling people that the state store does not answer: alerts would have been kept there (behaviour 8)."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.app.alerting.direct import send_direct
from shared.app.context import Context
from shared.core.alerting.condition import fingerprint
from shared.core.alerting.kinds import AlertKind
from shared.core.errors import Unavailable
from shared.core.texts import clock_time, duration, say
from shared.ports import Notice

DOWN_FOR = timedelta(minutes=5)


def down(ctx: Context, error: Unavailable, now: datetime) -> None:
    """Tell people directly that the state store does not answer: alerts would have been kept there."""
    memory = ctx.memory
    memory.state_down_since = memory.state_down_since or now
    length = now - memory.state_down_since
    if memory.state_down_notified or length < DOWN_FOR:
        return
    since = clock_time(ctx.policy, memory.state_down_since, now)
    what = f"the state store has not answered for {duration(length)} (since {since}): {error.reason}"
    text = say(ctx.policy.pipeline, "", what, "messages are redelivered until it is back", "look at the store")
    memory.state_down_notified = _straight(ctx, text, resolved=False)


def up(ctx: Context, now: datetime) -> None:
    memory = ctx.memory
    if memory.state_down_since is None:
        return
    if memory.state_down_notified or memory.straight_taken.pop(("state_down", False), ()):
        memory.state_down_notified = True  # to a person, who has to hear of its end
        length = duration(now - memory.state_down_since)
        if not _straight(
            ctx, say(ctx.policy.pipeline, "", f"over: the state store answers again after {length}"), resolved=True
        ):
            return
    memory.state_down_since, memory.state_down_notified = None, False


def alert_both_stores_down(ctx: Context, run: str, error: str) -> None:
    """Say that neither state nor record took a completion: critical, once a day by each instance (behaviour 8)."""
    now, memory = ctx.ports.clock.now(), ctx.memory
    if memory.both_down_notified_at is not None and now - memory.both_down_notified_at < ctx.policy.alerts.repeat_after:
        return
    text = say(run, "", f"neither the state store nor the record took a completion: {error}", "it is delivered again")
    if _straight(ctx, text, resolved=False, kind=AlertKind.BOTH_DOWN):
        memory.both_down_notified_at = now


def _straight(ctx: Context, text: str, *, resolved: bool, kind: AlertKind = AlertKind.STATE_DOWN) -> bool:
    """Send without the store, which does not answer; False if it could not be sent."""
    mark, all_taken = fingerprint(kind, ctx.policy.pipeline, "", ""), ctx.memory.straight_taken
    plain = Notice(mark, "critical", kind.value, text, resolved=resolved, taken=all_taken.get((kind, resolved), ()))
    unsent = send_direct(ctx, plain, ctx.policy.pipeline)
    if unsent is not None:
        all_taken[kind, resolved] = unsent.taken
        return False
    all_taken.pop((kind, resolved), None)
    return True
