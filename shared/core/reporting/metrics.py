"""The numbers of a deployment as metrics, in the words of OpenMetrics: pure, from what the stores hold now.

Nothing is counted in a process, so that a function that was scaled to zero has lost nothing. Numbers of events are
therefore of a window that moves with the clock: they fall as well as rise, and are gauges and gauge histograms, never
counters; ``rate()`` of them says nothing. A true counter, or histogram, is only what a store counts up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from shared.core.alerting.alert import Alert
from shared.core.batches.batch import Batch, BatchState
from shared.core.circuit_breaker import Circuit, Position
from shared.core.limits.waits import WAIT_BOUNDS, Waits
from shared.core.model import Lane, State, TransitionState
from shared.core.objectives.budget import Measured, ObjectiveStatus
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Role
from shared.core.reporting.open_figures import RunFacts, open_figures
from shared.core.severity import Severity
from shared.core.workflows.runs import RunStatus, RunSummary

# Triggers, workflow runs and batches of so long count in histograms.
WINDOW = timedelta(days=7)
SECOND = timedelta(seconds=1)
# Seconds: a hand-off has one objective, at 60; waits, workflows and batches go from seconds to hours.
HANDOFF_BOUNDS = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
LONG_BOUNDS = (10.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0)


class MetricKind(StrEnum):
    """A metric type of OpenMetrics."""

    GAUGE = "gauge"
    COUNTER = "counter"
    GAUGE_HISTOGRAM = "gaugehistogram"
    HISTOGRAM = "histogram"
    STATE_SET = "stateset"


@dataclass(frozen=True, slots=True)
class Distribution:
    """How many values are at most each bound, and at most infinity; and their sum."""

    bounds: tuple[float, ...]
    cumulated: tuple[int, ...]
    total: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One series: a number, a distribution, or for each of several states whether it is the present one."""

    labels: Mapping[str, str]
    value: float | Distribution | Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Family:
    """A metric and its series. ``unit`` is the end of ``name`` where it has one; a counter's name is without `_total`,
    which its samples carry."""

    name: str
    kind: MetricKind
    help: str
    samples: tuple[Sample, ...]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class LockFacts:
    """A lock that was ever taken: until when it is held, and how often it changed hands."""

    expires_at: datetime
    acquisitions: int


@dataclass(frozen=True, slots=True)
class SweepFacts:
    """When a sweep last ended that looked at something, and when the next has something to do; None where there never
    was one."""

    ended_at: datetime | None
    due_at: datetime | None


@dataclass(frozen=True)
class PipelineFacts:
    """What the stores hold of one pipeline at one moment. A part that could not be read is None and named in
    ``unread``; a pipeline without workflows has no runs of them.

    ``runs`` are the open ones and those of the dates of the window, ``waits`` those for a place at each table.
    """

    policy: Policy
    now: datetime
    runs: Sequence[RunFacts] | None = None
    firing: Sequence[Alert] | None = None
    unsent: Sequence[Alert] | None = None
    quarantined: int | None = None
    breakers: Mapping[str, Circuit] | None = None
    locks: Mapping[str, LockFacts] | None = None
    sweep: SweepFacts | None = None
    workflow_runs: Sequence[RunSummary] | None = None
    batches: Sequence[Batch] | None = None
    measured: Measured | None = None
    waits: Mapping[str, Waits] | None = None
    unread: frozenset[str] = field(default_factory=frozenset)

    @property
    def since(self) -> datetime:
        return self.now - WINDOW


PARTS = ("runs", "alerts", "quarantine", "breakers", "sweep", "workflows", "batches")

Samples = Iterable[tuple[Mapping[str, str], float | Distribution | Mapping[str, bool]]]


@dataclass(frozen=True, slots=True)
class _Metric:
    name: str
    kind: MetricKind
    help: str
    samples: Callable[[PipelineFacts], Samples]
    unit: str = ""


def families(pipelines: Sequence[PipelineFacts]) -> tuple[Family, ...]:
    """Return every metric of these pipelines, each series labelled by its pipeline; a part that could not be read has
    no series, and `orch_part_readable` says so."""
    return tuple(
        Family(
            metric.name,
            metric.kind,
            metric.help,
            tuple(
                Sample({"pipeline": facts.policy.pipeline, **labels}, value)
                for facts in pipelines
                for labels, value in metric.samples(facts)
            ),
            metric.unit,
        )
        for metric in METRICS
    )


def key_figures(facts: PipelineFacts) -> dict[str, float]:
    """Return what is one number of a pipeline, for the log: metrics of Cloud Monitoring are made from its lines."""
    runs = facts.runs
    figures: dict[str, float | None] = {
        **({} if runs is None else open_figures(facts.policy, runs)),
        "runs_closed": None if runs is None else float(sum(entry.run.closed_at is not None for entry in runs)),
        "blocked_oldest_seconds": _first(_blocked_age(facts)),
        "breakers_open": _breakers_open(facts),
        "quarantined": _first(_quarantined(facts)),
        "unsent_alerts": None if facts.unsent is None else float(len(facts.unsent)),
        "unsent_oldest_seconds": _first(_unsent_age(facts)),
        "orphaned_decisions": _first(_orphaned(facts)),
        "orphaned_oldest_seconds": _first(_orphaned_age(facts)),
        "sweep_age_seconds": _first(_sweep_age(facts)),
        "sweep_overdue_seconds": _first(_sweep_overdue(facts)),
        "parts_unread": float(len(facts.unread)),
    }
    return {name: value for name, value in figures.items() if value is not None}


def distribution(values: Iterable[timedelta], bounds: tuple[float, ...]) -> Distribution:
    """Return durations as a distribution over seconds; one that equals a bound is at most it."""
    seconds = [value / SECOND for value in values]
    cumulated = tuple(sum(value <= bound for value in seconds) for bound in bounds)
    return Distribution(bounds, (*cumulated, len(seconds)), sum(seconds))


def _first(samples: Samples) -> float | None:
    return next((value for _, value in samples if isinstance(value, float)), None)


def _breakers_open(facts: PipelineFacts) -> float | None:
    if facts.breakers is None:
        return None
    return float(sum(circuit.position is not Position.CLOSED for circuit in facts.breakers.values()))


def _readable(facts: PipelineFacts) -> Samples:
    for part in PARTS:
        yield {"part": part}, float(part not in facts.unread)


def _window(facts: PipelineFacts) -> Samples:
    yield {}, WINDOW / SECOND


def _runs(facts: PipelineFacts) -> Samples:
    if facts.runs is None:
        return
    for mode in facts.policy.modes:
        for lane in Lane:
            listed = [entry.run for entry in facts.runs if entry.run.key.mode == mode and entry.run.key.lane is lane]
            closed = sum(run.closed_at is not None for run in listed)
            for state, count in (("open", len(listed) - closed), ("closed", closed)):
                yield {"mode": mode, "lane": lane.value, "state": state}, float(count)


def _live_states(facts: PipelineFacts, transition: str, mode: str | None = None) -> Iterator[TransitionState]:
    """Yield what is stored of a transition in the live runs of a mode, of a run of which nothing is as it begins."""
    expects = facts.policy.transitions[transition].expects
    for entry in facts.runs or ():
        key = entry.run.key
        if key.lane is Lane.LIVE and mode in (None, key.mode) and key.mode in expects:
            yield entry.transitions.get(transition, TransitionState())


def _transitions(facts: PipelineFacts) -> Samples:
    if facts.runs is None:
        return
    for name, transition in facts.policy.transitions.items():
        for mode in transition.expects:
            states = [stored.state for stored in _live_states(facts, name, mode)]
            for state in State:
                yield {"transition": name, "mode": mode, "state": state.value}, float(states.count(state))


def _triggered(facts: PipelineFacts, transition: str) -> list[TransitionState]:
    """Return the transitions that dispatched in the window: those that only observe dispatch nothing."""
    states = _live_states(facts, transition)
    return [state for state in states if state.dispatched_at is not None and state.dispatched_at >= facts.since]


def _sending(facts: PipelineFacts) -> list[str]:
    if facts.runs is None:
        return []
    return [name for name, each in facts.policy.transitions.items() if each.dispatch.role is not Role.OBSERVE]


def _waits(facts: PipelineFacts) -> Samples:
    for name in _sending(facts):
        waits = [
            max(state.dispatched_at - state.accepted_plan.opened_at, timedelta(0))
            for state in _triggered(facts, name)
            if state.dispatched_at is not None
            and state.accepted_plan is not None
            and state.accepted_plan.opened_at is not None
        ]
        yield {"transition": name}, distribution(waits, LONG_BOUNDS)


def _handoffs(facts: PipelineFacts) -> Samples:
    for name in _sending(facts):
        handoffs = [handoff for state in _triggered(facts, name) if (handoff := state.handoff) is not None]
        yield {"transition": name}, distribution(handoffs, HANDOFF_BOUNDS)


def _blocked_age(facts: PipelineFacts) -> Samples:
    if facts.runs is None:
        return
    starts = [
        block.since
        for entry in facts.runs
        if entry.run.closed_at is None and entry.run.key.lane is Lane.LIVE
        for state in entry.transitions.values()
        if state.state is State.BLOCKED
        for block in state.blocked.values()
    ]
    yield {}, _age(facts, starts)


def _age(facts: PipelineFacts, starts: Iterable[datetime]) -> float:
    """Return the seconds since the earliest of some moments, 0 where there is none."""
    return max((facts.now - min(starts, default=facts.now)) / SECOND, 0.0)


def _breakers(facts: PipelineFacts) -> Samples:
    for name, circuit in (facts.breakers or {}).items():
        yield {"breaker": name}, {position.value: circuit.position is position for position in Position}


def _lock_waits(facts: PipelineFacts) -> Samples:
    for name, lock in (facts.locks or {}).items():
        yield {"lock": name}, max((lock.expires_at - facts.now) / SECOND, 0.0)


def _lock_waited(facts: PipelineFacts) -> Samples:
    for table, waits in (facts.waits or {}).items():
        yield {"lock": table}, Distribution(WAIT_BOUNDS, waits.cumulated(), waits.seconds)


def _lock_acquisitions(facts: PipelineFacts) -> Samples:
    for name, lock in (facts.locks or {}).items():
        yield {"lock": name}, float(lock.acquisitions)


def _quarantined(facts: PipelineFacts) -> Samples:
    if facts.quarantined is not None:
        yield {}, float(facts.quarantined)


def _firing(facts: PipelineFacts) -> Samples:
    if facts.firing is not None:
        for severity in Severity:
            yield {"severity": severity.value}, float(sum(alert.severity == severity for alert in facts.firing))


def _unsent(facts: PipelineFacts) -> Samples:
    if facts.unsent is not None:
        refused = sum(bool(alert.refused) for alert in facts.unsent)
        yield {"state": "refused"}, float(refused)
        yield {"state": "pending"}, float(len(facts.unsent) - refused)


def _unsent_age(facts: PipelineFacts) -> Samples:
    if facts.unsent is not None:
        yield {}, _age(facts, [alert.ended_at or alert.last_at for alert in facts.unsent])


def _orphans(facts: PipelineFacts) -> list[datetime]:
    return [
        logged.at
        for entry in facts.runs or ()
        for state in entry.transitions.values()
        for logged in state.pending_audit
    ]


def _orphaned(facts: PipelineFacts) -> Samples:
    if facts.runs is not None:
        yield {}, float(len(_orphans(facts)))


def _orphaned_age(facts: PipelineFacts) -> Samples:
    if facts.runs is not None:
        yield {}, _age(facts, _orphans(facts))


def _workflow_runs(facts: PipelineFacts) -> Samples:
    listed = [run for run in facts.workflow_runs or () if run.decided_at >= facts.since]
    for workflow in sorted({run.workflow for run in listed}):
        statuses = [run.status for run in listed if run.workflow == workflow]
        for status in RunStatus:
            yield {"workflow": workflow, "status": status.value}, float(statuses.count(status))


def _workflow_durations(facts: PipelineFacts) -> Samples:
    durations: dict[str, list[timedelta]] = {}
    for run in facts.workflow_runs or ():
        if run.ended_at is not None and run.ended_at >= facts.since:
            durations.setdefault(run.workflow, []).append(max(run.ended_at - run.decided_at, timedelta(0)))
    for workflow in sorted(durations):
        yield {"workflow": workflow}, distribution(durations[workflow], LONG_BOUNDS)


def _batches(facts: PipelineFacts) -> Samples:
    if facts.batches is None:
        return
    for name in facts.policy.batches:
        listed = [
            batch.state
            for batch in facts.batches
            if batch.name == name and (batch.active or batch.started_at >= facts.since)
        ]
        for state in BatchState:
            yield {"batch": name, "state": state.value}, float(listed.count(state))


def _batch_durations(facts: PipelineFacts) -> Samples:
    if facts.batches is None:
        return
    for name in facts.policy.batches:
        durations = [
            max(ended - batch.started_at, timedelta(0))
            for batch in facts.batches
            if batch.name == name
            and (ended := batch.published_first_at or batch.published_at) is not None
            and ended >= facts.since
        ]
        yield {"batch": name}, distribution(durations, LONG_BOUNDS)


def _objectives(facts: PipelineFacts, number: Callable[[ObjectiveStatus], float | None]) -> Samples:
    for status in () if facts.measured is None else facts.measured.objectives:
        value = number(status)
        if value is not None:
            yield {"objective": status.kind.value}, value


def _burning(facts: PipelineFacts) -> Samples:
    for status in () if facts.measured is None else facts.measured.objectives:
        for severity in (Severity.CRITICAL, Severity.WARNING):
            burns = status.burn is not None and status.burn.rule.severity is severity
            yield {"objective": status.kind.value, "severity": severity.value}, float(burns)


def _measured_age(facts: PipelineFacts) -> Samples:
    if facts.measured is not None:
        yield {}, max((facts.now - facts.measured.at) / SECOND, 0.0)


def _sweep_age(facts: PipelineFacts) -> Samples:
    if facts.sweep is not None and facts.sweep.ended_at is not None:
        yield {}, max((facts.now - facts.sweep.ended_at) / SECOND, 0.0)


def _sweep_overdue(facts: PipelineFacts) -> Samples:
    """Yield for how long something is due that no sweep has looked at: one that finds nothing due writes nothing."""
    sweep = facts.sweep
    if sweep is not None and sweep.ended_at is not None and sweep.due_at is not None:
        yield {}, max((facts.now - max(sweep.ended_at, sweep.due_at)) / SECOND, 0.0)


_GAUGE, _HISTOGRAM = MetricKind.GAUGE, MetricKind.GAUGE_HISTOGRAM
METRICS: tuple[_Metric, ...] = (
    _Metric("orch_part_readable", _GAUGE, "1 where a part of the stores could be read for this answer.", _readable),
    _Metric("orch_window_seconds", _GAUGE, "How far back events count in what is of a window.", _window, "seconds"),
    _Metric("orch_runs", _GAUGE, "Open runs, and closed ones of the dates of the window.", _runs),
    _Metric("orch_transitions", _GAUGE, "Transitions of these runs by state, live lane.", _transitions),
    _Metric(
        "orch_transition_wait_seconds", _HISTOGRAM,
        "From the first completion that counted to the dispatch, of dispatches of the window.", _waits, "seconds",
    ),
    _Metric(
        "orch_transition_handoff_seconds", _HISTOGRAM,
        "From the last thing waited for to the dispatch, of first triggers by completeness of the window that nothing"
        " kept back.", _handoffs, "seconds",
    ),
    _Metric(
        "orch_blocked_oldest_age_seconds", _GAUGE,
        "For how long the transition is blocked that is blocked longest, 0 where none is.", _blocked_age, "seconds",
    ),
    _Metric("orch_breaker_position", MetricKind.STATE_SET, "Position of each circuit breaker.", _breakers),
    _Metric(
        "orch_lock_wait_seconds", _GAUGE, "How long whoever asks for a lock now has to wait at most.", _lock_waits,
        "seconds",
    ),
    _Metric(
        "orch_lock_waited_seconds", MetricKind.HISTOGRAM,
        "How long statements waited for a place at the table that they change, all pipelines that change it together.",
        _lock_waited, "seconds",
    ),
    _Metric("orch_lock_acquisitions", MetricKind.COUNTER, "How often a lock changed hands.", _lock_acquisitions),
    _Metric("orch_quarantine_rows", _GAUGE, "Kinds of messages in quarantine that wait for a person.", _quarantined),
    _Metric("orch_alerts_firing", _GAUGE, "Alerts whose condition holds.", _firing),
    _Metric("orch_outbox_alerts", _GAUGE, "Alerts that are stored and not sent.", _unsent),
    _Metric("orch_outbox_oldest_age_seconds", _GAUGE, "Age of the oldest of them.", _unsent_age, "seconds"),
    _Metric("orch_record_pending_decisions", _GAUGE, "Decisions that the record does not have yet.", _orphaned),
    _Metric("orch_record_pending_oldest_age_seconds", _GAUGE, "Age of the oldest of them.", _orphaned_age, "seconds"),
    _Metric("orch_workflow_runs", _GAUGE, "Runs of workflows of the window by status.", _workflow_runs),
    _Metric(
        "orch_workflow_duration_seconds", _HISTOGRAM, "Duration of workflow runs that ended in the window.",
        _workflow_durations, "seconds",
    ),
    _Metric("orch_batches", _GAUGE, "Batches that are not over, and those of the window, by state.", _batches),
    _Metric(
        "orch_batch_duration_seconds", _HISTOGRAM, "From the start of a batch to its first end, of ends of the window.",
        _batch_durations, "seconds",
    ),
    _Metric(
        "orch_objective_goal_ratio", _GAUGE, "The share of events that have to be good.",
        lambda facts: _objectives(facts, lambda status: status.objective.goal / 100), "ratio",
    ),
    _Metric(
        "orch_objective_events", _GAUGE, "Events of an objective in its window, as a sweep measured it last.",
        lambda facts: _objectives(facts, lambda status: float(status.tally.total)),
    ),
    _Metric(
        "orch_objective_bad_events", _GAUGE, "Those of them that were bad.",
        lambda facts: _objectives(facts, lambda status: float(status.tally.bad)),
    ),
    _Metric(
        "orch_objective_budget_left_ratio", _GAUGE,
        "The share of the error budget that is left, negative once it is overspent; none of too few events.",
        lambda facts: _objectives(facts, lambda status: status.budget_left if status.judged else None), "ratio",
    ),
    _Metric(
        "orch_objective_burning", _GAUGE, "1 where the error budget burns too fast, by severity of the alert.",
        _burning,
    ),
    _Metric(
        "orch_objective_measured_age_seconds", _GAUGE, "Since when objectives were not measured.", _measured_age,
        "seconds",
    ),
    _Metric(
        "orch_sweep_age_seconds", _GAUGE,
        "Since when no sweep has looked at anything; one that finds nothing due writes nothing, for a quarter of an"
        " hour at most.", _sweep_age, "seconds",
    ),
    _Metric(
        "orch_sweep_overdue_seconds", _GAUGE, "For how long something is due that no sweep has looked at.",
        _sweep_overdue, "seconds",
    ),
)  # fmt: skip
