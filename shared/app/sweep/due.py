"""Which open runs a sweep looks at, and when each is looked at next (behaviour T7).

A run is put off to the next moment at which the clock, or what nobody tells us of, may change anything of it. Whoever
changes something of it makes it due (`shared/app/state/opening.py`). Two rules keep it from being put off unseen: it is
written under the version that was read, so that an event in between wins; and an event settles before a sweep puts it
off, so that whoever found it made due already and wrote a moment later is seen too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from shared.app.alerting.raise_alerts import Moments
from shared.app.context import Context
from shared.app.state.opening import SECOND_LOOK
from shared.app.state.repository import Loaded, Stored, due_runs, next_due_at, open_runs, save_run
from shared.app.state.upkeep import Upkeep, looked_by
from shared.app.sweep.closing import Closing
from shared.app.sweep.repair import silent_required
from shared.app.transitions.reconcile import ReconcileResult
from shared.core.alerting.pause_alerts import pause_moments
from shared.core.calendar import instant, units_due_at
from shared.core.decision.gates import UNREAD
from shared.core.decision.pause import Pause
from shared.core.model import Run
from shared.core.reporting.findings import Sweep
from shared.ports import StateStore


@dataclass(frozen=True, slots=True)
class Chosen:
    """The runs that a sweep looks at: all open ones where it is ``whole``; and why a document cannot be read.

    ``upkeep_at`` is when what is of no run is due, where that is later: None where it is due now.
    """

    whole: bool
    runs: list[Stored[Run]]
    unread: Mapping[str, ValueError]
    upkeep_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing is due; ``moments`` are when something will be."""

    moments: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """A run as a sweep left it, and how it ends, if it does. ``clock`` is when the clock alone may change anything of
    it, or its calendar is read again; ``again`` when it is to be looked at; None is the next minute."""

    run: Stored[Run]
    closing: Closing | None = None
    clock: datetime | None = None
    again: datetime | None = None


def choose(ctx: Context, upkeep: Upkeep | None, now: datetime) -> Chosen | Idle:
    """Return what a sweep has to look at, by one query and one document where nothing is due.

    Without an upkeep every open run is meant, as after an outage of the store, which events may not have come through.
    """
    store, policy = ctx.ports.store, ctx.policy
    lost = ctx.memory.state_down_since is not None
    if upkeep is None or lost or upkeep.asks_for_all(looked_by(ctx), now):
        return Chosen(True, *open_runs(store, policy))
    first = next_due_at(store, policy.pipeline)
    if first is not None and first <= now:
        return Chosen(False, *due_runs(store, policy, now), None if upkeep.is_due(now) else upkeep.next_at)
    if upkeep.is_due(now):
        return Chosen(False, [], {})
    return Idle(tuple(at for at in (first, upkeep.next_at, upkeep.whole_at) if at is not None))


def next_sweep_at(done: Sweep, store: StateStore, pipeline: str) -> datetime | None:
    """Return when the clock alone may change anything after a sweep, None where the next minute already may.

    Only rehearsals ask, which skip the minutes until then; deployed, every minute is swept.
    """
    at = done.next_at
    if done.whole or at is None or done.began is None:
        return at
    first = next_due_at(store, pipeline, done.began)
    return at if first is None else min(at, first)


def next_look(
    ctx: Context, run: Run, loaded: Loaded, results: Sequence[ReconcileResult], clock: datetime | None, now: datetime
) -> datetime | None:
    """Return when a run is looked at again, None where the next minute: at ``clock``, when the clock alone may change
    anything of it, or sooner where what nobody tells us of may: tables, a service, another run, the calendar."""
    if clock is None or any(result.snapshot.readings != UNREAD for result in results):
        return None
    if silent_required(ctx, loaded, now):
        return None
    if ctx.policy.calendar is None or not any(waits(result) for result in results):
        return clock
    read_again_at = units_due_at(run, ctx.policy)
    if run.units is not None and (run.units.all_final or run.units.total == 0):
        # Such a date changes seldom: a reading that serves no time is made again with the next look at every run.
        return clock if read_again_at is None else min(clock, read_again_at)
    if any(short_of_units(result) for result in results):
        return None
    return None if read_again_at is None else min(clock, read_again_at)


def waits(result: ReconcileResult) -> bool:
    return not result.snapshot.state.triggered


def short_of_units(result: ReconcileResult) -> bool:
    """True where a transition waits for a processor that another reading of the calendar may let count."""
    return waits(result) and result.snapshot.seen.short_of_units


def begun(ctx: Context, run: Stored[Run], changed: Run, started: datetime) -> Stored[Run]:
    """Write what a look brings into a run's document before it begins; the run as it is where somebody else wrote.

    That the calendar was read, and says what it said, is no reason to write: it is kept by the next write there is.
    What touches the run from now on is seen by the next sweep: it stays due until an event has settled.
    """
    if run.value.touched:
        changed = replace(changed, touched=False, settles_at=started + SECOND_LOOK)
    if replace(changed, units_read_at=run.value.units_read_at) == run.value:
        return Stored(changed, run.version)
    return save_run(ctx.ports.store, Stored(changed, run.version), ctx.policy) or Stored(changed, run.version)


def put_off_all(ctx: Context, done: Sweep, looks: Mapping[str, Look], moments: Moments) -> None:
    """Write when each run is looked at next, where that changes, and note when the clock has something to do.

    ``moments`` are when something of an alert may change, by the run that it is of; of no run or of one that was not
    looked at they are the upkeep's.
    """
    for run_id, look in looks.items():
        own = moments.get(run_id, ())
        if run_id in done.seen:
            started, settles_at = done.began or ctx.ports.clock.now(), look.run.value.settles_at
            settling = settles_at is not None and settles_at > started
            done.wakeups += [look.clock, *own, *((settles_at,) if settling else ())]
            if look.closing is None and not settling:
                _put_off(ctx, look, own, started)
    done.wakeups += moments.get("", ())


def _put_off(ctx: Context, look: Look, moments: Iterable[datetime], started: datetime) -> None:
    """Write when a run is looked at next: later than its document says only if it was due when this sweep began."""
    run = look.run.value
    again = started if look.again is None else min((look.again, *(at for at in moments if at > started)))
    before = run.next_check_at
    if before is not None and (again <= started if before <= started else again >= before):
        return
    save_run(ctx.ports.store, Stored(replace(run, next_check_at=again), look.run.version), ctx.policy)


def next_upkeep(
    ctx: Context, done: Sweep, before: Upkeep, own: Iterable[datetime | None], pauses: Iterable[Pause]
) -> Upkeep:
    """Return what the next sweeps have to do after one that has ended now; ``own`` is when what is of no run is due."""
    now, moments = ctx.ports.clock.now(), list(own)
    instants = [at for at in moments if at is not None]
    next_at = None if done.cut or len(instants) < len(moments) else min(instants, default=None)
    after = replace(before, next_at=next_at, touched=False, closed=tuple(done.closed))
    if not done.whole or done.cut:
        return after
    tomorrow = ctx.policy.local(now).date() + timedelta(days=1)
    whole_at = min(
        now + ctx.looks_at_all_every,
        instant(tomorrow, time(0), ctx.policy.zone),  # what is said of runs of old dates is said of a day
        *pause_moments(ctx.policy, tuple(pauses), now),
    )
    return replace(after, looked_by=looked_by(ctx), whole_at=whole_at)
