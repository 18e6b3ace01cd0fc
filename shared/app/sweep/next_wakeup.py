"""How long nothing can change by the clock alone: until then a sweep that follows no event finds nothing new.

A run is put off so long (`due.py`), where nothing that nobody tells us of may change it either.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta

from shared.app.context import Context
from shared.app.state.usuals import usuals
from shared.app.sweep.repair import STARTED_STANDS_FOR
from shared.app.sweep.rerun import openings_of
from shared.app.transitions.preflight import CACHED
from shared.app.transitions.reconcile import ReconcileResult
from shared.core import reruns_on_data as on_data
from shared.core.alerting.progress import UNFIT_FOR
from shared.core.alerting.unusual import too_long_at
from shared.core.calendar import due_at, ends_at, instant
from shared.core.decision.decide import confirm_by
from shared.core.decision.decisions import Blocked, Confirm, Doubt, Proven, Read, Trigger, Wait
from shared.core.decision.refresh import refresh_until
from shared.core.decision.silence import deadline_at, end_expected_at
from shared.core.decision.snapshot import DecisionInput
from shared.core.decision.unproven import step_of
from shared.core.lacks import GRACE
from shared.core.model import Lane, Run, State
from shared.core.policy.after_run import NAME as AFTER_RUN


def of_run(ctx: Context, run: Run, results: list[ReconcileResult], now: datetime) -> datetime | None:
    """Return when the clock alone may change something of a run, None where the next minute already may."""
    unread = run.units is None and ctx.policy.calendar is not None
    if unread or (run.baseline is None and run.key.lane is Lane.LIVE):
        return None
    moments = [ends_at(run, ctx.policy), *_of_repairs(ctx, run)]
    moments += [read_at + CACHED for read_at, _ in ctx.memory.fitness.values()]
    moments += _and_after(on_data.moments(openings_of(ctx.policy, results, now), now))
    usual = usuals(ctx)
    for result in results:
        if isinstance(result.decision, Trigger | Confirm | Doubt | Proven | Read) or _may_be_at_work(result.snapshot):
            return None
        if isinstance(result.decision, Blocked) and AFTER_RUN in result.decision.reasons:
            return None  # another run goes on by itself
        moments += [*_of_transition(result), *_of_reports(ctx, result.snapshot)]
        too_long = too_long_at(result.snapshot, usual, now)
        moments += [] if too_long is None else [too_long]
    return min((at for at in moments if at > now), default=None)


def _of_transition(result: ReconcileResult) -> list[datetime]:
    snapshot, moments = result.snapshot, [refresh_until(result.snapshot)]
    if isinstance(result.decision, Wait | Blocked):
        moments.append(result.decision.next_at)
    if snapshot.state.failure is not None:
        moments.append(snapshot.state.failure.retry_at)
    moments += [block.since + UNFIT_FOR for block in snapshot.state.blocked.values()]
    if snapshot.state.state is State.DISPATCHED and snapshot.state.unproven is None:
        moments.append(confirm_by(snapshot.state, snapshot.transition.confirm.within))
    moments += [deadline_at(snapshot), end_expected_at(snapshot)]
    due = snapshot.expectation.due
    if due is not None and not snapshot.state.triggered:
        moments += [due_at(snapshot.key, at, snapshot.policy) for at in (due.warning, due.critical)]
    return _and_after(at for at in moments if at is not None)


def _may_be_at_work(snapshot: DecisionInput) -> bool:
    """True while a service is asked every minute whether it is at work (behaviour D11)."""
    step = step_of(snapshot) if snapshot.state.unproven is not None else None
    return step is not None and snapshot.policy.status_of(step) is not None


def _of_repairs(ctx: Context, run: Run) -> list[datetime]:
    """Return when self-heal may try again, or stops taking a phase for running."""
    cooldown, logs = ctx.policy.repairs.cooldown, run.repairs.values()
    tried = [log.last_at + cooldown for log in logs if log.last_at is not None]
    asked = [log.failure.retry_at for log in logs if log.failure is not None]
    called = [
        log.accepted_at + wait for log in logs if log.accepted_at is not None for wait in (cooldown, cooldown + GRACE)
    ]
    return _and_after([*tried, *asked, *called])


def _of_reports(ctx: Context, snapshot: DecisionInput) -> list[datetime]:
    started = [
        completion.started_at for completion in snapshot.completions.values() if completion.started_at is not None
    ]
    waits = (ctx.policy.repairs.cooldown + GRACE, STARTED_STANDS_FOR)
    return _and_after(at + wait for at in started for wait in waits)


def _and_after(moments: Iterable[datetime]) -> list[datetime]:
    """Return the moments and a second after each: some end with their moment, some begin with it."""
    return [at + extra for at in moments for extra in (timedelta(0), timedelta(seconds=1))]


def openings(ctx: Context, now: datetime) -> list[datetime]:
    """Return when the next runs are expected, today and tomorrow."""
    today = ctx.policy.local(now).date()
    days = (today, today + timedelta(days=1))
    modes = ctx.policy.modes.values()
    moments = [instant(day, mode.opens_at, ctx.policy.zone) for day in days for mode in modes if mode.expected_on(day)]
    moments.append(instant(today + timedelta(days=1), time(0), ctx.policy.zone))  # the end of today's working day
    return [at for at in moments if at > now]
