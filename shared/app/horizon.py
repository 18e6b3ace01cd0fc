"""How long nothing can change by the clock alone: until then a sweep that follows no event finds nothing new.

Only rehearsals use it, to skip the minutes in which nothing happens; deployed, every minute is swept.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from shared.app.context import Context
from shared.app.reconcile import Settled
from shared.core.calendar import closes_at, due_at, instant
from shared.core.decide import Done, EmptyOk, Held, Situation, Wait, confirm_by, refresh_until
from shared.core.model import Lane, Run, State


def of_run(ctx: Context, run: Run, settled: Iterable[Settled], now: datetime) -> datetime | None:
    """Return when the clock alone may change something of a run, None where the next minute already may."""
    unread = run.units is None and ctx.policy.calendar is not None
    if unread or (run.baseline is None and run.key.lane is Lane.LIVE):
        return None
    moments = [closes_at(run.key, run.opened_at, ctx.policy)]
    if run.reopened_at is not None:
        moments.append(run.reopened_at + timedelta(hours=48))
    for one in settled:
        if not isinstance(one.decision, Wait | Done | EmptyOk | Held) or _under_repair(one.situation, now):
            return None
        moments += _moments(one)
    return min((at for at in moments if at > now), default=None)


def _moments(one: Settled) -> list[datetime]:
    situation, found = one.situation, [refresh_until(one.situation)]
    if isinstance(one.decision, Wait):
        found.append(one.decision.next_at)
    if situation.state.state is State.DISPATCHED:
        found.append(confirm_by(situation.state, situation.transition.confirm.within))
    due = situation.expectation.due
    if due is not None and situation.state.carried is None:
        found += [due_at(situation.key, at, situation.policy) for at in (due.warning, due.critical)]
    # The clock may pass the moment of `refresh_until` itself unchanged: one second later it is over.
    return [at + extra for at in found if at is not None for extra in (timedelta(0), timedelta(seconds=1))]


def _under_repair(situation: Situation, now: datetime) -> bool:
    """True while self-heal looks at tables and cooldowns: from the due time on, until the trigger."""
    due = situation.expectation.due
    at = due_at(situation.key, due.warning or due.critical, situation.policy) if due else None
    return at is not None and now >= at and situation.state.carried is None and not situation.empty


def openings(ctx: Context, now: datetime) -> list[datetime]:
    """Return when the next runs are expected, today and tomorrow."""
    today = ctx.policy.local(now).date()
    days = (today, today + timedelta(days=1))
    found = [instant(day, mode.opens_at, ctx.policy.zone) for day in days for mode in ctx.policy.modes.values()]
    return [at for at in found if at > now]
