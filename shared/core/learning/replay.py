"""When a recorded night would have been triggered, and with what missing: decided anew by other times.

The recorded reports are given to the decision one by one, in the order of their receipt, and the clock is asked at
every moment at which it alone changes anything. What was read of tables then is not in the record: a report that
counted is taken to have enough records.

Of gates and services the record says when they blocked a transition that was ready, and that they let it go at its
trigger. A night that was blocked goes at its trigger at the soonest: what was too little at a time was too little
before. Where nothing had been read by the time in question they are taken to be passed, which ``gates_read`` says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.decision.decide import decide
from shared.core.decision.decisions import Held, Trigger, Wait
from shared.core.decision.fold import GOOD, apply_report
from shared.core.decision.snapshot import DecisionInput
from shared.core.learning.nights import SENT, RecordedRun
from shared.core.model import UNTOUCHED, Completion, LogEntry, Logged, Report, Units
from shared.core.policy.phases import Processor, Reports
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Dispatch, Expectation, Role, Transition

# A record of one night ends; a clock that still moves things after so long moves them for nobody.
LONGEST = timedelta(days=3)
UNKNOWN = Units(None, None)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a night would have come to: the trigger ``at``, None for never, its ``reason`` and what it lacked.
    ``since`` is when the clock of the transition started, ``last_at`` the receipt of the last report before the
    trigger, ``ready_at`` when it would have gone but for gates and services. ``gates_read`` is true where the record
    knows of these at the trigger."""

    at: datetime | None
    reason: str = ""
    missing: tuple[str, ...] = ()
    since: datetime | None = None
    last_at: datetime | None = None
    ready_at: datetime | None = None
    gates_read: bool = False

    @property
    def blocked(self) -> bool:
        """True where gates or services made it go later than it was ready, or kept it from going at all."""
        return self.ready_at is not None and self.ready_at != self.at

    @property
    def wait(self) -> timedelta:
        """Return how long it waited after its clock started; nothing where it never went."""
        return timedelta(0) if self.at is None or self.since is None else max(self.at - self.since, timedelta(0))


@dataclass(frozen=True, slots=True)
class GateRecord:
    """What the record knows of the gates and services of one transition in one night: whether they ``blocked`` it, and
    when they let it go, None for never or where nothing is known."""

    blocked: bool = False
    passed_at: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """True while they are known to block."""
        return self.blocked and (self.passed_at is None or at < self.passed_at)

    def knows(self, at: datetime) -> bool:
        """True where they had been read by then."""
        return self.blocked or (self.passed_at is not None and at >= self.passed_at)


def gate_record(entries: Iterable[LogEntry]) -> GateRecord:
    """Return what the decisions of a transition say of its gates, up to its first trigger."""
    blocked = False
    for entry in sorted(entries, key=lambda entry: entry.at):
        if entry.decision in SENT:
            return GateRecord(blocked, entry.at)
        blocked = blocked or entry.decision == Logged.BLOCKED
    return GateRecord(blocked)


def judged_by_reports(policy: Policy) -> Policy:
    """Return the policy in which reports alone decide what is done: no floors, no tables, no gates to read."""
    phases = {
        phase.name: replace(phase, processors={name: _plain(each) for name, each in phase.processors.items()})
        for phase in policy.phases.values()
    }
    transitions = {name: replace(each, gates=(), preflight=None) for name, each in policy.transitions.items()}
    return replace(policy, phases=phases, transitions=transitions, pauses=())


def _plain(processor: Processor) -> Processor:
    return replace(
        processor,
        table=None,
        units="",
        min_records=None,
        min_records_per_unit=None,
        reports=Reports.WHOLE,
        sources={name: _plain(source) for name, source in processor.sources.items()},
    )


def replay(policy: Policy, transition: Transition, expectation: Expectation, run: RecordedRun) -> Replayed:
    """Return what a night would have come to by this expectation; ``policy`` is one that is judged by reports."""
    rules = replace(
        policy.transitions[transition.name],
        expects={run.key.mode: replace(expectation, after_run=None)},
        dispatch=Dispatch(Role.TRIGGER),
    )
    policy = replace(policy, transitions={**policy.transitions, transition.name: rules})
    snapshot = DecisionInput(policy, rules, run.key, UNTOUCHED, units=UNKNOWN, pauses=())
    opened = run.opened.get(transition.name)
    reports = [report for report in run.reports if _counts(report, transition, expectation, opened)]
    return _played(snapshot, reports, gate_record(run.decisions.get(transition.name, ())))


def _counts(report: Report, transition: Transition, expectation: Expectation, opened: datetime | None) -> bool:
    """True for a report that bears on the transition; one before its clock started fell short then, and opened none."""
    of_it = report.phase in transition.after and report.processor in expectation.expected
    return of_it and (opened is None or report.received_at >= opened or report.outcome not in GOOD)


def _played(snapshot: DecisionInput, reports: list[Report], gates: GateRecord) -> Replayed:
    completions: dict[str, Completion] = {}
    last_at: datetime | None = None
    ready_at: datetime | None = None
    for place, report in enumerate(reports):
        own = replace(report, records=None) if report.outcome in GOOD else report
        completions[report.processor] = apply_report(completions.get(report.processor), own)
        last_at = report.received_at
        ends_at = reports[place + 1].received_at if place + 1 < len(reports) else last_at + LONGEST
        now = replace(snapshot, completions=dict(completions))
        ready = _until(now, report.received_at, ends_at)
        if ready is not None and gates.holds(ready[0]):
            ready_at = ready_at or ready[0]
            passed_at = gates.passed_at
            ready = None if passed_at is None or passed_at >= ends_at else _until(now, passed_at, ends_at)
        if ready is not None:
            at, decision = ready
            plan = decision.plan
            since = now.clock_from
            return Replayed(at, plan.reason, plan.missing, since, last_at, ready_at or at, gates.knows(at))
    since = replace(snapshot, completions=completions).clock_from
    return Replayed(None, since=since, last_at=last_at, ready_at=ready_at, gates_read=gates.blocked)


def _until(snapshot: DecisionInput, begins: datetime, ends: datetime) -> tuple[datetime, Trigger] | None:
    """Return the first moment from one report to the next at which the transition goes; None if it does not."""
    at: datetime | None = begins
    while at is not None and (at < ends or at == begins):
        decision = decide(snapshot, at)
        if isinstance(decision, Trigger):
            return at, decision
        at = decision.next_at if isinstance(decision, Wait) else None
        assert not isinstance(decision, Held) or at is None
    return None
