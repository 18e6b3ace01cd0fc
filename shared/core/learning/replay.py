"""When a recorded night would have been triggered, and with what missing: decided anew by other times.

The recorded reports are given to the decision one by one, in the order of their receipt, and the clock is asked at
every moment at which it alone changes anything. What was read of gates, tables and services then is not in the record:
gates and services are taken to be passed, and a report that counted is taken to have enough records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.decision.decide import decide
from shared.core.decision.decisions import Held, Trigger, Wait
from shared.core.decision.fold import GOOD, apply_report
from shared.core.decision.snapshot import DecisionInput
from shared.core.learning.nights import RecordedRun
from shared.core.model import UNTOUCHED, Completion, Report, Units
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
    trigger."""

    at: datetime | None
    reason: str = ""
    missing: tuple[str, ...] = ()
    since: datetime | None = None
    last_at: datetime | None = None

    @property
    def wait(self) -> timedelta:
        """Return how long it waited after its clock started; nothing where it never went."""
        return timedelta(0) if self.at is None or self.since is None else max(self.at - self.since, timedelta(0))


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
    return _played(snapshot, reports)


def _counts(report: Report, transition: Transition, expectation: Expectation, opened: datetime | None) -> bool:
    """True for a report that bears on the transition; one before its clock started fell short then, and opened none."""
    of_it = report.phase in transition.after and report.processor in expectation.expected
    return of_it and (opened is None or report.received_at >= opened or report.outcome not in GOOD)


def _played(snapshot: DecisionInput, reports: list[Report]) -> Replayed:
    completions: dict[str, Completion] = {}
    last_at: datetime | None = None
    for place, report in enumerate(reports):
        own = replace(report, records=None) if report.outcome in GOOD else report
        completions[report.processor] = apply_report(completions.get(report.processor), own)
        last_at = report.received_at
        ends_at = reports[place + 1].received_at if place + 1 < len(reports) else last_at + LONGEST
        now = replace(snapshot, completions=dict(completions))
        sent = _until(now, report.received_at, ends_at)
        if sent is not None:
            at, decision = sent
            return Replayed(at, decision.plan.reason, decision.plan.missing, now.clock_from, last_at)
    return Replayed(None, since=_since(snapshot, completions), last_at=last_at)


def _since(snapshot: DecisionInput, completions: Mapping[str, Completion]) -> datetime | None:
    return replace(snapshot, completions=completions).clock_from


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
