"""What a person must know about a transition, as values derived from its state (behaviour 7).

An alert is not an event but a condition that holds: whoever looks derives the same set, the store
remembers what was said, and what no longer holds is recovered. Nothing here sends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from shared.core import commands
from shared.core.calendar import due_at
from shared.core.decision.completeness import Completeness, ProcessorStatus, Status
from shared.core.decision.decide import confirm_by
from shared.core.decision.decisions import Blocked, Decision, Held, Wait
from shared.core.decision.pause import paused_text
from shared.core.decision.refresh import another_may_follow, refresh_causes
from shared.core.decision.refusal import refusals
from shared.core.decision.silence import deadline_at, end_expected_at, not_ended
from shared.core.decision.snapshot import DecisionInput
from shared.core.decision.unproven import exhausted
from shared.core.model import Lane, State
from shared.core.policy.transitions import ConfirmBy
from shared.core.texts import amount, clock_time, duration, names, say

UNFIT_FOR = timedelta(minutes=5)
SAME_FAILURE = 3


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertKind(StrEnum):
    """What an alert is about; part of its fingerprint, so a word never changes."""

    UNDER_MINIMUM = "under_minimum"
    COUNTER_MISSING = "counter_missing"
    FAILING = "failing"
    SILENT = "silent"
    GATE = "gate"
    GATE_WARNING = "gate_warning"
    DISPATCH = "dispatch"
    NOT_TAKEN = "not_taken"
    PREFLIGHT = "preflight"
    ON_HOLD = "on_hold"
    HELD = "held"
    UNCONFIRMED = "unconfirmed"
    DEGRADED = "degraded"
    LATE = "late"
    OVERTAKEN = "overtaken"
    DUE_WARNING = "due_warning"
    DUE_CRITICAL = "due_critical"
    CALENDAR = "calendar"
    EXPIRED = "expired"
    RECONCILED = "reconciled"
    REPAIR_REFUSED = "repair_refused"
    REPAIR_FAULT = "repair_fault"
    REPAIR_NOT_TAKEN = "repair_not_taken"
    REPAIR_IN_VAIN = "repair_in_vain"
    BY_TABLE = "by_table"
    QUARANTINE = "quarantine"
    ERROR = "error"
    VALIDATION = "validation"
    REPORT = "report"
    REPORT_UNSENT = "report_unsent"
    STATE_DOWN = "state_down"
    BOTH_DOWN = "both_down"
    DEAD_LETTERS = "dead_letters"
    DEPARTED = "departed"
    FAULT = "fault"
    OLD_DATES = "old_dates"
    OTHER_DATASET = "other_dataset"
    PRESUMED = "presumed"
    UNITS_SHORT = "units_short"
    NOTHING = "nothing"
    NOTHING_TO_DO = "nothing_to_do"
    REFUSED = "refused"
    NOT_ENDED = "not_ended"
    GATE_OVERDUE = "gate_overdue"
    PAUSED = "paused"
    PAUSE_GOES_ON = "pause_goes_on"
    PAUSE_ENDED = "pause_ended"


DUE = frozenset(
    {
        AlertKind.DUE_WARNING,
        AlertKind.DUE_CRITICAL,
        AlertKind.REPAIR_REFUSED,
        AlertKind.REPAIR_FAULT,
        AlertKind.REPAIR_NOT_TAKEN,
        AlertKind.REPAIR_IN_VAIN,
    }
)
# What is seen by a decision: of a transition that a pause keeps from being decided it is not known.
DECIDED = frozenset(
    {
        AlertKind.GATE,
        AlertKind.GATE_OVERDUE,
        AlertKind.NOT_TAKEN,
        AlertKind.PREFLIGHT,
        AlertKind.DISPATCH,
        AlertKind.HELD,
    }
)


class Lifecycle(StrEnum):
    """Whether a condition can end: `standing` ones are repeated and recovered, `once` is said and stays said."""

    ONGOING = "standing"
    ONCE = "once"

    @classmethod
    def of_later_version(cls, document: Mapping[str, object]) -> Lifecycle:
        """What an older version cannot tell the end of is said once and stays said."""
        return cls.ONCE


@dataclass(frozen=True, slots=True)
class Condition:
    """Something a person must know. ``subject`` is the processor, gate or service it is about."""

    kind: AlertKind
    severity: Severity
    run: str
    transition: str
    subject: str
    text: str
    lifecycle: Lifecycle = Lifecycle.ONGOING

    @property
    def fingerprint(self) -> str:
        """Return the identity of the alert: kind, run, transition, processor (behaviour A2)."""
        return fingerprint(self.kind, self.run, self.transition, self.subject)


def fingerprint(kind: AlertKind, run: str, transition: str, subject: str) -> str:
    joined = "\x1f".join((kind, run, transition, subject))
    return f"{kind}-{hashlib.sha256(joined.encode()).hexdigest()[:20]}"


@dataclass(frozen=True, slots=True)
class Predecessor:
    """What the transition that starts a phase looks like, for a due time that only waits for it (behaviour T2).

    ``paused`` says that a pause keeps it, or what it waits for, from being started (behaviour T8); ``started_at`` is
    when the phase was started, None while it was not.
    """

    name: str
    overdue: bool
    speaks: bool
    paused: bool = False
    started_at: datetime | None = None


NOBODY: Mapping[str, Predecessor] = MappingProxyType({})


def rests(snapshot: DecisionInput, decision: Decision, now: datetime) -> frozenset[AlertKind]:
    """Return the kinds of alerts of which a pause keeps anything from being known: by it they are not over (T8)."""
    pause = snapshot.pause(now)
    if pause is None:
        return frozenset()
    undecided = isinstance(decision, Wait) and decision.reason == paused_text(snapshot.policy, pause)
    due = DUE if not snapshot.state.triggered else frozenset[AlertKind]()
    return due | (DECIDED if undecided else frozenset())


def conditions(
    snapshot: DecisionInput,
    decision: Decision,
    now: datetime,
    before: Mapping[str, Predecessor] = NOBODY,
    passed_by: str = "",
    in_vain: str = "",
) -> tuple[Condition, ...]:
    """Return all that holds for this transition now; nothing for a date without units.

    ``before`` holds, by phase, the transitions of the run that start what this one waits for; ``passed_by`` names one
    that comes after it and was triggered all the same. ``in_vain`` says which accepted repairs of what is missing
    changed nothing.
    """
    if snapshot.empty or snapshot.closed:
        return ()
    seen = snapshot.seen
    found = [
        *_reports(snapshot, seen),
        *_blocked(snapshot, decision, now),
        *_held(snapshot, decision, now),
        *_unconfirmed(snapshot, now),
        *_refused(snapshot, now),
        *_not_ended(snapshot, now),
        *_triggered(snapshot, seen),
        *_late(snapshot, seen, now),
        *(() if snapshot.pause(now) is not None else _due(snapshot, seen, decision, now, before, passed_by, in_vain)),
    ]
    return tuple(_capped(c) for c in found) if snapshot.key.lane is Lane.BACKFILL else tuple(found)


def _capped(condition: Condition) -> Condition:
    """Backfill wakes nobody (behaviour A3)."""
    return replace(condition, severity=Severity.INFO)


def _condition(
    snapshot: DecisionInput,
    kind: AlertKind,
    severity: Severity,
    subject: str,
    *said: str,
    lasting: Lifecycle = Lifecycle.ONGOING,
) -> Condition:
    run, transition = snapshot.key.id, snapshot.transition.name
    return Condition(kind, severity, run, transition, subject, say(run, transition, *said), lasting)


def _reports(snapshot: DecisionInput, seen: Completeness) -> Iterator[Condition]:
    """Yield what is odd about single processors' reports (behaviour R6)."""
    for name in sorted(seen.expected):
        at = seen.statuses[name]
        yield from _by_units(snapshot, at)
        if at.status is Status.UNDER_MINIMUM and at.report is not None and at.needs_rows is None:
            records = amount(at.report.records, "record")
            what = f"{name} reported {records} of at least {at.min_records}: not counted as done"
            yield _condition(
                snapshot,
                AlertKind.UNDER_MINIMUM,
                Severity.WARNING,
                name,
                what,
                "its next report may repair it",
                f"look at the run of {name} and its source",
            )
        if at.counter_missing and at.report is not None:
            what = (
                f"counter missing: {name} reported {amount(at.report.records, 'record')} while its table holds enough"
            )
            yield _condition(
                snapshot,
                AlertKind.COUNTER_MISSING,
                Severity.WARNING,
                name,
                what,
                "it is counted as done",
                f"make {name} report its record count",
                lasting=Lifecycle.ONCE,
            )
        known = snapshot.completions.get(name)
        cause = known.failures[0] if known is not None and known.failures else None
        if cause is not None and cause.count >= SAME_FAILURE and at.status is not Status.DONE:
            what = f"{name} failed {cause.count} times for the same reason: {cause.text}"
            yield _condition(snapshot, AlertKind.FAILING, Severity.WARNING, name, what, "", f"repair {name}")
        if at.report is not None and at.report.outcome.value == "inferred":
            what = f"{name} wrote its table but reported nothing; taken as completed from its output"
            yield _condition(
                snapshot,
                AlertKind.SILENT,
                Severity.WARNING,
                name,
                what,
                "it counts as done",
                f"make {name} publish its completions",
                lasting=Lifecycle.ONCE,
            )


def _by_units(snapshot: DecisionInput, at: ProcessorStatus) -> Iterator[Condition]:
    """Yield what a table lacks of a date, and who says that nothing was done (behaviour R10, R12)."""
    name, report = at.processor, at.report
    if report is None or at.asks:
        return
    if at.status is Status.UNITS_SHORT and not at.per_unit and at.shortfall is not None:
        what = f"{name} reported success, and its table is short: {at.shortfall.text}"
        then, do = "it is not counted as done; the next report may repair it", f"look at the source of {name}"
        yield _condition(snapshot, AlertKind.UNITS_SHORT, Severity.WARNING, name, what, then, do)
    if at.status is Status.NOTHING:
        cause = f" ({report.error})" if report.error else ""
        counted = (
            "skipped" if report.records is None else f"{report.outcome.value} with {amount(report.records, 'record')}"
        )
        what = f"{name} reported {counted}{cause} on a date with {snapshot.policy.unit}s, and its table holds no rows"
        then, do = "it is not counted as done; rows in its table make it count", f"look at the run of {name}"
        yield _condition(snapshot, AlertKind.NOTHING, Severity.WARNING, name, what, then, do)
    if at.nothing_to_do:
        what = f"{name} had nothing to do: 0 of 0 expected"
        then = "it counts as done; the gates decide"
        yield _condition(snapshot, AlertKind.NOTHING_TO_DO, Severity.INFO, name, what, then, lasting=Lifecycle.ONCE)


def _blocked(snapshot: DecisionInput, decision: Decision, now: datetime) -> Iterator[Condition]:
    """Yield one warning for each gate that blocks; the next service and the dispatch only after a while."""
    if not isinstance(decision, Blocked):
        return
    for name, text in decision.reasons.items():
        block = snapshot.state.blocked.get(name)
        since = now if block is None else block.since
        again = "it is tried again at every sweep and goes by itself once this clears"
        what = f"{text} (since {clock_time(snapshot.policy, since, now)})"
        if name in snapshot.policy.gates:
            do = f"look at {name}: {_explain(snapshot)}"
            yield _condition(snapshot, AlertKind.GATE, Severity.WARNING, name, f"blocked by {what}", again, do)
            deadline = deadline_at(snapshot)
            if deadline is not None and now >= deadline:
                since_when = f"still blocked at its deadline {clock_time(snapshot.policy, deadline, now)} by {what}"
                yield _condition(snapshot, AlertKind.GATE_OVERDUE, Severity.CRITICAL, name, since_when, again, do)
        elif name == "answer":
            yield _not_taken(snapshot, decision, what, now)
        elif now - since >= UNFIT_FOR:
            sending = name == "dispatch"
            kind = AlertKind.DISPATCH if sending else AlertKind.PREFLIGHT
            do = "look at the target of the dispatch" if sending else f"repair {name}"
            yield _condition(
                snapshot,
                kind,
                Severity.CRITICAL,
                name,
                f"ready for {duration(now - since)} but blocked: {what}",
                again,
                f"{do}: {_explain(snapshot)}",
            )


def _not_taken(snapshot: DecisionInput, decision: Blocked, what: str, now: datetime) -> Condition:
    """Tell of a service that answered no: it is well, and its answer is a verdict (behaviour D10)."""
    again = "it is asked again when an input changes"
    at = decision.next_at
    then = again if at is None else f"{again}, at the latest at {clock_time(snapshot.policy, at, now)}"
    do = f"see what it lacks: {_explain(snapshot)}"
    return _condition(snapshot, AlertKind.NOT_TAKEN, Severity.WARNING, "", what, then, do)


def _held(snapshot: DecisionInput, decision: Decision, now: datetime) -> Iterator[Condition]:
    if not isinstance(decision, Held):
        return
    since = snapshot.state.held_since or now
    what = f"held since {clock_time(snapshot.policy, since, now)}: {decision.text}"
    name, key = snapshot.transition.name, snapshot.key
    if decision.cause == "operator":
        do = f"when it may go: {commands.release(name, key, 'it may go')}"
        yield _condition(snapshot, AlertKind.ON_HOLD, Severity.INFO, "", what, "", do)
        return
    then = "it goes by itself when what is missing arrives"
    if decision.cause == "rejected":
        then = "nothing is retried until an operator or a deploy changes something"
    do = f"repair it, then: {commands.trigger(name, key, 'repaired what held it')}"
    yield _condition(snapshot, AlertKind.HELD, Severity.CRITICAL, "", what, then, do)


def _unconfirmed(snapshot: DecisionInput, now: datetime) -> Iterator[Condition]:
    state, confirm = snapshot.state, snapshot.transition.confirm
    if exhausted(snapshot, now):
        yield _never_answered(snapshot, now)
    if state.unproven is not None or state.state is not State.DISPATCHED or confirm.by is not ConfirmBy.FIRST_REPORT:
        return
    if state.dispatches <= confirm.redispatch or now < confirm_by(state, confirm.within):
        return
    phase = snapshot.transition.starts
    assert state.dispatched_at is not None
    since = clock_time(snapshot.policy, state.dispatched_at, now)
    what = f"dispatched {amount(state.dispatches, 'time')} since {since}, and {phase} has not begun"
    listener = ", ".join(snapshot.transition.topics) or "its trigger"
    again = commands.trigger(snapshot.transition.name, snapshot.key, f"{phase} has not begun")
    do = f"see whether anything listens to {listener}; to send it anew: {again}"
    yield _condition(
        snapshot, AlertKind.UNCONFIRMED, Severity.CRITICAL, "", what, f"any report of {phase} confirms it", do
    )


def _refused(snapshot: DecisionInput, now: datetime) -> Iterator[Condition]:
    """Yield that what was started did no work, with its own reason (behaviour D8)."""
    name, key = snapshot.transition.name, snapshot.key
    for processor, report in refusals(snapshot).items():
        cause = f": {report.error}" if report.error else ", and no cause"
        when = clock_time(snapshot.policy, report.received_at, now)
        what = f"{processor} reported {report.outcome.value} at {when}{cause}"
        again = another_may_follow(snapshot, now)
        then = "it is started again when an input changes" if again else "nothing starts it again"
        do = f"repair it, then: {commands.trigger(name, key, f'what {processor} refused is repaired')}"
        yield _condition(snapshot, AlertKind.REFUSED, Severity.WARNING, processor, what, then, do)


def _never_answered(snapshot: DecisionInput, now: datetime) -> Condition:
    """Tell of a call that was made as often as it may be and of which nobody knows what came of it (behaviour D11)."""
    call, phase = snapshot.state.unproven, snapshot.transition.starts
    assert call is not None
    since = clock_time(snapshot.policy, call.since, now)
    what = f"called {amount(call.calls, 'time')} since {since} and never answered: {call.text}; {phase} has not begun"
    again = commands.trigger(snapshot.transition.name, snapshot.key, f"{phase} has not begun")
    do = f"see whether the service works on it; to call it anew: {again}"
    then = f"any report of {phase} confirms it"
    return _condition(snapshot, AlertKind.UNCONFIRMED, Severity.CRITICAL, "", what, then, do)


def _not_ended(snapshot: DecisionInput, now: datetime) -> Iterator[Condition]:
    """Yield a last phase that was started and reports no end (behaviour T10)."""
    at, state = end_expected_at(snapshot), snapshot.state
    if at is None or now < at or snapshot.pause(now) is not None:
        return
    assert state.dispatched_at is not None
    phase, who = snapshot.transition.starts, names(not_ended(snapshot))
    began = clock_time(snapshot.policy, state.dispatched_at, now)
    within = duration(at - state.dispatched_at)
    what = f"{phase} was started at {began} and has not ended within {within}: no end reported by {who}"
    again = commands.trigger(snapshot.transition.name, snapshot.key, f"{phase} has not ended")
    then, do = "its report ends this", f"look at the run of {who}; to start it anew: {again}"
    yield _condition(snapshot, AlertKind.NOT_ENDED, Severity.WARNING, "", what, then, do)


def _triggered(snapshot: DecisionInput, seen: Completeness) -> Iterator[Condition]:
    """Yield what was not as it should be at the trigger: once per run and transition, once per gate (A5)."""
    carried = snapshot.state.accepted_plan
    if carried is None or snapshot.state.state is State.OBSERVED:
        return
    if carried.degraded and carried.reason not in ("refresh", "operator"):
        optional = not frozenset(carried.missing) & seen.required
        severity = Severity.INFO if carried.first_tier and optional else Severity.WARNING
        described = dict(zip(carried.missing, _described(seen, carried.missing), strict=True))
        parts = [f"{name} (partial)" if name in carried.partial else described[name] for name in carried.missing]
        what = f"triggered degraded by {carried.reason} without {names(parts)}"
        yield _condition(
            snapshot, AlertKind.DEGRADED, severity, "", what, "what arrives later is said", lasting=Lifecycle.ONCE
        )
    for gate, text in carried.warnings.items():
        yield _condition(
            snapshot,
            AlertKind.GATE_WARNING,
            Severity.WARNING,
            gate,
            f"triggered although {text}",
            lasting=Lifecycle.ONCE,
        )


def _described(seen: Completeness, missing: tuple[str, ...]) -> list[str]:
    """Return the processors with what their tables lack; one that is no longer expected as it is."""
    return [seen.described([name])[0] if name in seen.statuses else name for name in missing]


def _late(snapshot: DecisionInput, seen: Completeness, now: datetime) -> Iterator[Condition]:
    """Yield what arrived after the trigger and starts nothing again (behaviour D8)."""
    carried = snapshot.state.accepted_plan
    resting = snapshot.state.state not in (State.CLAIMED, State.OBSERVED)
    if carried is None or another_may_follow(snapshot, now) or not resting:
        return
    for name in sorted(refresh_causes(snapshot, seen, carried)):
        report = seen.statuses[name].report
        count = "" if report is None or report.records is None else f" with {amount(report.records, 'record')}"
        said = (
            "was missing at the trigger and has arrived" if name in carried.missing else "has grown since the trigger"
        )
        what = f"{name} {said}{count}; nothing is triggered again"
        again = commands.trigger(snapshot.transition.name, snapshot.key, f"{name} {said}")
        do = f"if it matters: {again}"
        yield _condition(snapshot, AlertKind.LATE, Severity.INFO, name, what, "", do, lasting=Lifecycle.ONCE)


def _due(
    snapshot: DecisionInput,
    seen: Completeness,
    decision: Decision,
    now: datetime,
    before: Mapping[str, Predecessor],
    passed_by: str,
    in_vain: str,
) -> Iterator[Condition]:
    """Yield due alerts, or that the transition was overtaken (behaviour T2)."""
    due = snapshot.expectation.due
    state = snapshot.state
    if due is None or state.triggered or state.state is State.OBSERVED:
        return
    warning = due_at(snapshot.key, due.warning, snapshot.policy)
    critical = due_at(snapshot.key, due.critical, snapshot.policy)
    reached = [at for at in (warning, critical) if at is not None and now >= at]
    if not reached:
        return
    if snapshot.next_report_at is not None or passed_by:
        further = f"{snapshot.transition.starts} reports" if not passed_by else f"the run has come to {passed_by}"
        what = f"overtaken: {further} although nothing was triggered"
        yield _condition(
            snapshot, AlertKind.OVERTAKEN, Severity.INFO, "", what, "it is decided as usual", lasting=Lifecycle.ONCE
        )
        return
    if _waits_for_the_overdue(snapshot, seen, before):
        return
    why = "; ".join(text for text in (_why_not(snapshot, seen, decision, before, now), in_vain) if text)
    for kind, severity, at in (
        (AlertKind.DUE_WARNING, Severity.WARNING, warning),
        (AlertKind.DUE_CRITICAL, Severity.CRITICAL, critical),
    ):
        if at is not None and now >= at:
            what = f"not triggered at its due time {clock_time(snapshot.policy, at, now)}: {why}"
            yield _condition(snapshot, kind, severity, "", what, "it goes by itself once it may", _explain(snapshot))


def _waits_for_the_overdue(snapshot: DecisionInput, seen: Completeness, before: Mapping[str, Predecessor]) -> bool:
    """True if all that is missing is of phases that have said nothing and whose start is overdue, and told so, or
    paused."""
    spoken = {known.phase for known in snapshot.completions.values()}
    silent = {snapshot.processors[name].phase for name in seen.missing} or set(snapshot.transition.after)
    causes = [before.get(phase) for phase in silent]
    told = (cause is not None and (cause.paused or (cause.overdue and cause.speaks)) for cause in causes)
    return not silent & spoken and all(told)


def _explain(snapshot: DecisionInput) -> str:
    return commands.explain(snapshot.transition.name, snapshot.key)


def _why_not(
    snapshot: DecisionInput, seen: Completeness, decision: Decision, before: Mapping[str, Predecessor], now: datetime
) -> str:
    if isinstance(decision, Blocked):
        return "blocked by " + names(decision.reasons.values())
    if isinstance(decision, Held):
        return f"held: {decision.text}"
    begun = names(_begun(snapshot, seen, before, now), none="")
    if begun:
        return f"{begun} and has not ended; missing {names(seen.described(seen.missing))}"
    if not snapshot.completions:
        return f"no message from {names(snapshot.transition.after)}; missing {names(seen.described(seen.missing))}"
    return f"missing {names(seen.described(seen.missing))}"


def _begun(
    snapshot: DecisionInput, seen: Completeness, before: Mapping[str, Predecessor], now: datetime
) -> Iterator[str]:
    """Yield the phases that were started and of which somebody is still missing (behaviour T10)."""
    for phase in sorted({snapshot.processors[name].phase for name in seen.missing}):
        at = before[phase].started_at if phase in before else None
        if at is not None:
            yield f"{phase} was started at {clock_time(snapshot.policy, at, now)}"


def is_due(snapshot: DecisionInput, now: datetime) -> bool:
    """True once the transition's first due time has passed without a trigger."""
    due = snapshot.expectation.due
    if due is None or snapshot.state.triggered:
        return False
    at = due_at(snapshot.key, due.warning or due.critical, snapshot.policy)
    return at is not None and now >= at
