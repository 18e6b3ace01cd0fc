"""How long phases took and how many rows processors reported in the ordinary nights of the record (behaviour T12).

A night says something of a phase where its input was as usual: the transition that started it was triggered once, by
itself, whole and in no pause. What is measured of a phase begins with that dispatch and ends with the last report that
is expected of it; a phase that nothing here dispatches is not measured, nor one whose processors report in parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime

from shared.core.calendar import working_day
from shared.core.decision.pause import Pause
from shared.core.decision.refusal import ended_by
from shared.core.learning.nights import ACTS, NightSample, RecordedRun, night_sample
from shared.core.learning.usual import Sample, Usual, usual_of
from shared.core.model import Lane, Outcome, Report
from shared.core.policy.phases import Processor, Reports
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Role, Transition

ENDED = frozenset({Outcome.SUCCESS, Outcome.SKIPPED})
UnitsOf = Mapping[date, int | None]


def usual_durations(
    policy: Policy, runs: Iterable[RecordedRun], pauses: Sequence[Pause], today: date, units: UnitsOf
) -> dict[str, dict[str, Usual]]:
    """Return how long each phase usually takes, in seconds, by phase and mode."""
    samples: dict[str, dict[str, list[Sample]]] = {}
    for run in _live_runs(policy, runs):
        for transition in measured(policy, run.key.mode):
            if _is_ordinary(policy, transition, run, pauses, today):
                seconds = _seconds(policy, transition, run, today)
                if seconds is not None:
                    sample = Sample(working_day(run.key, policy), seconds, units.get(run.key.day))
                    samples.setdefault(transition.starts, {}).setdefault(run.key.mode, []).append(sample)
    return _usuals(samples)


def usual_rows(
    policy: Policy, runs: Iterable[RecordedRun], pauses: Sequence[Pause], today: date, units: UnitsOf
) -> dict[str, dict[str, Usual]]:
    """Return how many rows each processor usually reports, by processor and mode."""
    samples: dict[str, dict[str, list[Sample]]] = {}
    for run in _live_runs(policy, runs):
        ordinary: dict[str, bool] = {}
        for transition, processor in counted(policy, run.key.mode):
            starter = policy.starting(processor.phase)
            if transition.name not in ordinary:
                ordinary[transition.name] = _is_ordinary(policy, transition, run, pauses, today)
            if ordinary[transition.name] and (starter is None or _is_undisturbed(run, starter.name)):
                records = _records(run, transition, processor)
                if records is not None:
                    sample = Sample(working_day(run.key, policy), records, units.get(run.key.day))
                    samples.setdefault(processor.name, {}).setdefault(run.key.mode, []).append(sample)
    return _usuals(samples)


def measured(policy: Policy, mode: str) -> Iterator[Transition]:
    """Yield the transitions of a mode that start a phase whose end is known by one report of each processor."""
    for transition in policy.transitions.values():
        if mode in transition.expects and transition.dispatch.role is Role.TRIGGER:
            processors = policy.phases[transition.starts].processors
            ends = ended_by(policy, transition.starts, mode)
            if ends and all(_is_whole(processors[name]) for name in ends):
                yield transition


def counted(policy: Policy, mode: str) -> Iterator[tuple[Transition, Processor]]:
    """Yield the processors of a mode that report their rows as a whole, each with the first transition that waits for
    it."""
    listed: set[str] = set()
    for transition in policy.transitions.values():
        if mode in transition.expects:
            for name in sorted(transition.expects[mode].expected - listed):
                processor = policy.awaited[transition.name].get(name)
                if processor is not None and _is_whole(processor):
                    listed.add(name)
                    yield transition, processor


def is_counted(report: Report) -> bool:
    """True for a report that says how many rows a whole night has: a success with a count that is no increment."""
    return report.outcome is Outcome.SUCCESS and report.records is not None and not report.is_incremental


def _is_whole(processor: Processor) -> bool:
    return not processor.sources and processor.reports is Reports.WHOLE


def _live_runs(policy: Policy, runs: Iterable[RecordedRun]) -> Iterator[RecordedRun]:
    return (run for run in runs if run.key.lane is Lane.LIVE and run.key.mode in policy.modes)


def _is_ordinary(
    policy: Policy, transition: Transition, run: RecordedRun, pauses: Sequence[Pause], today: date
) -> bool:
    sample = night_sample(policy, transition, run, pauses, today)
    return _is_undisturbed(run, transition.name) and isinstance(sample, NightSample)


def _is_undisturbed(run: RecordedRun, transition: str) -> bool:
    """True of a transition that was triggered whole, once and by itself, if it was: a phase may start unasked."""
    entries = run.decisions.get(transition, ())
    return not any(entry.degraded or entry.generation > 1 or entry.decision in ACTS for entry in entries)


def _seconds(policy: Policy, transition: Transition, run: RecordedRun, today: date) -> float | None:
    """Return how long the started phase took; None where something of it reported no good end."""
    since = run.dispatched.get(transition.name)
    if since is None:
        return None
    processors = policy.phases[transition.starts].processors
    names = [
        name for name in ended_by(policy, transition.starts, run.key.mode) if not processors[name].disabled_on(today)
    ]
    ends = [_first(run, transition.starts, name, since) for name in names]
    times = [at for at in ends if at is not None]
    return (max(times) - since).total_seconds() if times and len(times) == len(ends) else None


def _first(run: RecordedRun, phase: str, processor: str, since: datetime) -> datetime | None:
    received = (
        report.received_at
        for report in run.reports
        if (report.phase, report.processor) == (phase, processor) and report.outcome in ENDED
    )
    return min((at for at in received if at >= since), default=None)


def _records(run: RecordedRun, transition: Transition, processor: Processor) -> int | None:
    """Return the rows of the last full report before the trigger, which is what it went by."""
    sent_at = run.dispatched.get(transition.name)
    reports = [
        report
        for report in run.reports
        if (report.phase, report.processor) == (processor.phase, processor.name)
        and is_counted(report)
        and (sent_at is None or report.received_at <= sent_at)
    ]
    return max(reports, key=lambda report: report.occurred_at).records if reports else None


def _usuals(samples: Mapping[str, Mapping[str, Sequence[Sample]]]) -> dict[str, dict[str, Usual]]:
    return {
        name: {mode: usual for mode, listed in by_mode.items() if (usual := usual_of(listed)) is not None}
        for name, by_mode in samples.items()
    }
