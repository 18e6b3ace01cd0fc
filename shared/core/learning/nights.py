"""What an ordinary night of the record is, and how long it took (behaviour T11).

A night is one live run. It teaches something of a transition where nothing but its jobs decided how long it took: it
was triggered, by itself, whole, once, in no pause. What is measured is when the jobs were ready, not when the policy
said go: a policy that learned from its own triggers would follow them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from shared.core.calendar import clock_from, instant, working_day
from shared.core.decision.pause import Pause
from shared.core.model import LogEntry, Logged, Outcome, Report, RunKey
from shared.core.policy.phases import Need, Processor
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Expectation, Transition

COUNTED = frozenset({Outcome.SUCCESS, Outcome.PARTIAL, Outcome.SKIPPED})
SENT = frozenset({Logged.TRIGGER, Logged.OBSERVE, Logged.UNPROVEN})
ACTS = frozenset({Logged.OPERATOR_HOLD, Logged.OPERATOR_RELEASE, Logged.OPERATOR_TRIGGER, Logged.OPERATOR_RERUN})


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """One run as the record has it: its ``reports`` in the order of their receipt, the ``decisions`` of each
    transition, when the clock of each was ``opened`` where its trigger says so (behaviour R7), and when what started
    the next phase was ``dispatched`` first."""

    key: RunKey
    reports: tuple[Report, ...] = ()
    decisions: Mapping[str, tuple[LogEntry, ...]] = field(default_factory=dict)
    opened: Mapping[str, datetime] = field(default_factory=dict)
    dispatched: Mapping[str, datetime] = field(default_factory=dict)


class Unusual(StrEnum):
    """Why a night teaches nothing of a transition."""

    NEVER_TRIGGERED = "never triggered"
    OPERATOR = "an operator acted"
    PAUSED = "paused"
    REFRESHED = "refreshed"
    DEGRADED = "degraded"
    INCOMPLETE = "without a report of each that is expected now"


@dataclass(frozen=True, slots=True)
class NightSample:
    """How long one ordinary night took. ``wait`` is from the start of the transition's clock to the receipt of the
    last report that it waited for; ``triggered`` from the opening of the mode to the trigger, less than nothing for one
    before it."""

    day: date
    wait: timedelta
    triggered: timedelta


def night_sample(
    policy: Policy, transition: Transition, run: RecordedRun, pauses: Iterable[Pause], today: date
) -> NightSample | Unusual:
    """Return how long a night of a transition took, or why it teaches nothing; what is expected ``today`` counts."""
    key, expectation = run.key, transition.expects[run.key.mode]
    decisions = sorted(run.decisions.get(transition.name, ()), key=lambda entry: entry.at)
    sent = next((entry for entry in decisions if entry.decision in SENT), None)
    if sent is None:
        return Unusual.NEVER_TRIGGERED
    if any(entry.decision in ACTS for entry in decisions):
        return Unusual.OPERATOR
    opens = instant(working_day(key, policy), policy.modes[key.mode].opens_at, policy.zone)
    first = min((report.received_at for report in run.reports), default=opens)
    if any(_is_within(pause, key.mode, min(first, opens), sent.at) for pause in pauses):
        return Unusual.PAUSED
    ready = readiness_of(policy, transition, run, sent.at, today)
    fixed = _fixed(expectation, sent.reason)
    cut_short = sent.degraded and fixed is not None and ready is not None and ready.wait <= fixed
    if any(entry.generation > 1 for entry in decisions) and not cut_short:
        return Unusual.REFRESHED
    if sent.degraded and not cut_short:
        return Unusual.DEGRADED
    return Unusual.INCOMPLETE if ready is None else NightSample(key.day, ready.wait, sent.at - opens)


@dataclass(frozen=True, slots=True)
class Readiness:
    """When the clock of a transition started, and when the last report that it waits for was received."""

    since: datetime
    whole_at: datetime

    @property
    def wait(self) -> timedelta:
        """Return the time between the two; nothing where all was there when the clock started."""
        return max(self.whole_at - self.since, timedelta(0))


def readiness_of(
    policy: Policy, transition: Transition, run: RecordedRun, triggered_at: datetime, today: date
) -> Readiness | None:
    """Return when everything that is expected today was there; None where something of it never came.

    Reports of processors that were expected then and are no more count for nothing.
    """
    processors = policy.awaited[transition.name]
    expected = {name for name in transition.expects[run.key.mode].expected if not processors[name].disabled_on(today)}
    reports: dict[str, list[Report]] = {name: [] for name in expected}
    for report in run.reports:
        if report.processor in expected and report.phase in transition.after:
            reports[report.processor].append(report)
    good = {Outcome.SUCCESS, Outcome.SKIPPED}
    if (transition.name, run.key.mode) in policy.judges_partials:
        good.add(Outcome.PARTIAL)
    arrivals = [_arrival(processors[name], reports[name], good, triggered_at) for name in expected]
    since = _since(run.opened.get(transition.name), (report for listed in reports.values() for report in listed))
    whole_at = [at for at in arrivals if at is not None]
    if since is None or not whole_at or len(whole_at) < len(arrivals):
        return None
    return Readiness(clock_from(run.key, since, policy), max(whole_at))


def _is_within(pause: Pause, mode: str, begins: datetime, ends: datetime) -> bool:
    """True for a pause of any transition of the mode: what comes before waits then too."""
    over_at = pause.over_at
    covers = pause.workflow is None and pause.mode in (None, mode)
    return covers and pause.begins_at <= ends and (over_at is None or over_at > begins)


def _fixed(expectation: Expectation, reason: str) -> timedelta | None:
    """Return how long the fixed time would have waited in place of a learned one that went first; None where none did.

    What came later than a learned time and before the fixed one is no reason to learn a shorter one still.
    """
    named = {f"tier_{number}": tier for number, tier in enumerate(expectation.tiers, start=1)}
    went = named.get(reason) or (expectation.deadline if reason == "deadline" else None)
    return None if went is None or went.auto is None else went.after


def _since(opened: datetime | None, reports: Iterable[Report]) -> datetime | None:
    """Return the receipt of the first report that counted; ``opened`` is when the clock then started, if known."""
    received = (report.received_at for report in reports if report.outcome in COUNTED)
    return min((at for at in received if opened is None or at >= opened), default=None)


def _arrival(
    processor: Processor, reports: Sequence[Report], good: Iterable[Outcome], triggered_at: datetime
) -> datetime | None:
    """Return when a processor was done: with the last good report before the trigger, else the first after it."""
    if not processor.sources:
        return _done_at([report.received_at for report in reports if report.outcome in good], triggered_at)
    times = [
        _done_at([r.received_at for r in reports if r.source == source and r.outcome in good], triggered_at)
        for source in processor.sources
    ]
    done = [at for at in times if at is not None]
    if processor.need is Need.ANY:
        return min(done, default=None)
    return max(done) if done and len(done) == len(times) else None


def _done_at(received: Sequence[datetime], triggered_at: datetime) -> datetime | None:
    before = [at for at in received if at <= triggered_at]
    return max(before) if before else min(received, default=None)
