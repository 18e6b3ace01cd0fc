"""What is unusual of a night that is otherwise in order: a phase that runs too long, rows outside their band (T12).

A night whose input was unusual, and people were told so, is expected to be: what a degraded, repeated or paused start
makes of it, and what a backfill does, is no news.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from math import floor

from shared.core import commands
from shared.core.alerting.condition import Condition, of_transition
from shared.core.alerting.due import Predecessor
from shared.core.alerting.kinds import AlertKind
from shared.core.calendar import working_day
from shared.core.decision.completeness import ProcessorStatus, Status
from shared.core.decision.refusal import judged_by
from shared.core.decision.snapshot import DecisionInput
from shared.core.learning.anomaly import Band, Learning, Usuals
from shared.core.learning.values import counted, is_counted, measured
from shared.core.model import Lane, State
from shared.core.texts import amount, clock_time, duration, names


def is_ordinary(snapshot: DecisionInput, now: datetime) -> bool:
    """True of a transition of which people have heard nothing: live, by itself, whole, once, in no pause."""
    plan = snapshot.state.accepted_plan
    return _is_undisturbed(snapshot, now) and (plan is None or not plan.degraded)


def _is_undisturbed(snapshot: DecisionInput, now: datetime) -> bool:
    state = snapshot.state
    by_itself = state.generation <= 1 and not state.acts and state.request is None
    return snapshot.key.lane is Lane.LIVE and by_itself and snapshot.pause(now) is None


def of_length(snapshot: DecisionInput, usuals: Usuals, now: datetime) -> Iterator[Condition]:
    """Yield that the started phase runs longer than it ever does, until it has ended."""
    at, band = too_long_at(snapshot, usuals, now), length_band(snapshot, usuals)
    if at is None or not isinstance(band, Band) or now < at:
        return
    since = snapshot.state.dispatched_at
    assert since is not None
    phase = snapshot.transition.starts
    what = (
        f"{phase} has run for {duration(now - since)} since {clock_time(snapshot.policy, since, now)}; it usually "
        f"takes {duration(timedelta(seconds=band.usual))}{_with_units(snapshot)} and at most "
        f"{duration(timedelta(seconds=band.high))}, by {amount(band.nights, 'night')}; "
        f"no end reported by {names(running(snapshot))}"
    )
    do = f"look at the run of {names(running(snapshot))}: {commands.explain(snapshot.transition.name, snapshot.key)}"
    yield of_transition(snapshot, AlertKind.RUNS_LONG, "", what, "its end ends this; nothing is started again", do)


def of_rows(
    snapshot: DecisionInput, usuals: Usuals, now: datetime, before: Mapping[str, Predecessor]
) -> Iterator[Condition]:
    """Yield rows outside their usual band, until a full report within it; each processor's once.

    That something else is missing at the trigger does not end it: only what the phase was started with counts.
    """
    if usuals.limits.rows is None or not _is_undisturbed(snapshot, now):
        return
    for transition, processor in counted(snapshot.policy, snapshot.key.mode):
        starter = before.get(processor.phase)
        if transition.name != snapshot.transition.name or (starter is not None and not starter.ordinary):
            continue
        at = snapshot.seen.statuses.get(processor.name)
        rows = None if at is None else full_rows(snapshot, at)
        band = rows_band(snapshot, usuals, processor.name)
        if rows is None or not isinstance(band, Band) or band.holds(rows):
            continue
        what = (
            f"{processor.name} reported {amount(rows, 'row')}{_with_units(snapshot)}; usual are {round(band.usual)}, "
            f"between {round(band.low)} and {round(band.high)}, by {amount(band.nights, 'night')}"
        )
        then, do = (
            "it counts as done; its next full report within the band ends this",
            f"look at the source of {processor.name}",
        )
        yield of_transition(snapshot, AlertKind.ROWS_OUTSIDE, processor.name, what, then, do)


def running(snapshot: DecisionInput) -> tuple[str, ...]:
    """Return the processors of the started phase that have reported no outcome since it was dispatched."""
    since, judged = snapshot.state.dispatched_at, judged_by(snapshot)[0]
    if since is None:
        return ()
    latest = {name: completion.latest for name, completion in snapshot.started.items()}
    ends = {name: report.received_at for name, report in latest.items() if report is not None}
    return tuple(sorted(name for name in judged if name not in ends or ends[name] < since))


def length_band(snapshot: DecisionInput, usuals: Usuals) -> Band | Learning | None:
    """Return how long the started phase may run; None where that is not measured."""
    key, phase = snapshot.key, snapshot.transition.starts
    if snapshot.transition not in measured(snapshot.policy, key.mode):
        return None
    return usuals.duration_band(phase, key.mode, working_day(key, snapshot.policy), _units(snapshot))


def rows_band(snapshot: DecisionInput, usuals: Usuals, processor: str) -> Band | Learning | None:
    key = snapshot.key
    return usuals.rows_band(processor, key.mode, working_day(key, snapshot.policy), _units(snapshot))


def too_long_at(snapshot: DecisionInput, usuals: Usuals, now: datetime) -> datetime | None:
    """Return from when on the started phase runs too long; None where it has ended, or nobody would be told."""
    state = snapshot.state
    if usuals.limits.runs_longer is None or snapshot.empty or snapshot.closed or not is_ordinary(snapshot, now):
        return None
    if state.state not in (State.DISPATCHED, State.CONFIRMED) or state.dispatched_at is None or not running(snapshot):
        return None
    band = length_band(snapshot, usuals)
    return state.dispatched_at + timedelta(seconds=floor(band.high) + 1) if isinstance(band, Band) else None


def full_rows(snapshot: DecisionInput, at: ProcessorStatus) -> int | None:
    """Return the rows of a report that counts and is of the whole night; None of any other."""
    report = at.report
    if at.status is not Status.DONE or report is None or at.counter_missing or at.nothing_to_do or at.per_unit:
        return None
    if snapshot.is_early(report) or not is_counted(report):
        return None
    return report.records


def _units(snapshot: DecisionInput) -> int | None:
    return None if snapshot.units is None else snapshot.units.total


def _with_units(snapshot: DecisionInput) -> str:
    units = _units(snapshot)
    return "" if units is None else f" with {amount(units, snapshot.policy.unit)}"
