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
from shared.core.decide import confirm_by
from shared.core.decision import Blocked, Decision, Held, Wait
from shared.core.model import Lane, State
from shared.core.pause import paused_text
from shared.core.refresh import another_may_follow, refresh_causes
from shared.core.refusal import refusals
from shared.core.silence import deadline_at, end_expected_at, not_ended
from shared.core.situation import Situation
from shared.core.standing import Picture, Standing, Word
from shared.core.texts import amount, clock_time, duration, names, say
from shared.core.transitions import ConfirmBy
from shared.core.unproven import exhausted

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
    WORKFLOW_FAILED = "workflow_failed"
    WORKFLOW_MISSED = "workflow_missed"
    WORKFLOW_UNITS = "workflow_units"
    WORKFLOW_REFUSED = "workflow_refused"
    WORKFLOW_WARNING = "workflow_warning"
    WORKFLOW_OUTPUT = "workflow_output"
    WORKFLOW_CALENDAR = "workflow_calendar"
    FILES_REFUSED = "files_refused"


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


class Lasting(StrEnum):
    """Whether a condition can end: `standing` ones are repeated and recovered, `once` is said and stays said."""

    STANDING = "standing"
    ONCE = "once"

    @classmethod
    def of_later_version(cls, document: Mapping[str, object]) -> Lasting:
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
    lasting: Lasting = Lasting.STANDING

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


def rests(situation: Situation, decision: Decision, now: datetime) -> frozenset[AlertKind]:
    """Return the kinds of alerts of which a pause keeps anything from being known: by it they are not over (T8)."""
    pause = situation.pause(now)
    if pause is None:
        return frozenset()
    undecided = isinstance(decision, Wait) and decision.reason == paused_text(situation.policy, pause)
    due = DUE if not situation.state.triggered else frozenset[AlertKind]()
    return due | (DECIDED if undecided else frozenset())


def conditions(
    situation: Situation,
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
    if situation.empty or situation.closed:
        return ()
    seen = situation.seen
    found = [
        *_reports(situation, seen),
        *_blocked(situation, decision, now),
        *_held(situation, decision, now),
        *_unconfirmed(situation, now),
        *_refused(situation, now),
        *_not_ended(situation, now),
        *_triggered(situation, seen),
        *_late(situation, seen, now),
        *(() if situation.pause(now) is not None else _due(situation, seen, decision, now, before, passed_by, in_vain)),
    ]
    return tuple(_capped(c) for c in found) if situation.key.lane is Lane.BACKFILL else tuple(found)


def _capped(condition: Condition) -> Condition:
    """Backfill wakes nobody (behaviour A3)."""
    return replace(condition, severity=Severity.INFO)


def _condition(
    situation: Situation,
    kind: AlertKind,
    severity: Severity,
    subject: str,
    *said: str,
    lasting: Lasting = Lasting.STANDING,
) -> Condition:
    run, transition = situation.key.id, situation.transition.name
    return Condition(kind, severity, run, transition, subject, say(run, transition, *said), lasting)


def _reports(situation: Situation, seen: Picture) -> Iterator[Condition]:
    """Yield what is odd about single processors' reports (behaviour R6)."""
    for name in sorted(seen.expected):
        at = seen.standings[name]
        yield from _by_units(situation, at)
        if at.word is Word.UNDER_MINIMUM and at.report is not None and at.needs_rows is None:
            what = f"{name} reported {amount(at.report.records, 'record')} of at least {at.floor}: not counted as done"
            yield _condition(
                situation,
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
                situation,
                AlertKind.COUNTER_MISSING,
                Severity.WARNING,
                name,
                what,
                "it is counted as done",
                f"make {name} report its record count",
                lasting=Lasting.ONCE,
            )
        known = situation.completions.get(name)
        cause = known.failures[0] if known is not None and known.failures else None
        if cause is not None and cause.count >= SAME_FAILURE and at.word is not Word.DONE:
            what = f"{name} failed {cause.count} times for the same reason: {cause.text}"
            yield _condition(situation, AlertKind.FAILING, Severity.WARNING, name, what, "", f"repair {name}")
        if at.report is not None and at.report.outcome.value == "inferred":
            what = f"{name} wrote its table but reported nothing; taken as completed from its output"
            yield _condition(
                situation,
                AlertKind.SILENT,
                Severity.WARNING,
                name,
                what,
                "it counts as done",
                f"make {name} publish its completions",
                lasting=Lasting.ONCE,
            )


def _by_units(situation: Situation, at: Standing) -> Iterator[Condition]:
    """Yield what a table lacks of a date, and who says that nothing was done (behaviour R10, R12)."""
    name, report = at.processor, at.report
    if report is None or at.asks:
        return
    if at.word is Word.UNITS_SHORT and not at.per_unit and at.shortfall is not None:
        what = f"{name} reported success, and its table is short: {at.shortfall.text}"
        then, do = "it is not counted as done; the next report may repair it", f"look at the source of {name}"
        yield _condition(situation, AlertKind.UNITS_SHORT, Severity.WARNING, name, what, then, do)
    if at.word is Word.NOTHING:
        cause = f" ({report.error})" if report.error else ""
        counted = (
            "skipped" if report.records is None else f"{report.outcome.value} with {amount(report.records, 'record')}"
        )
        what = f"{name} reported {counted}{cause} on a date with {situation.policy.unit}s, and its table holds no rows"
        then, do = "it is not counted as done; rows in its table make it count", f"look at the run of {name}"
        yield _condition(situation, AlertKind.NOTHING, Severity.WARNING, name, what, then, do)
    if at.nothing_to_do:
        what = f"{name} had nothing to do: 0 of 0 expected"
        then = "it counts as done; the gates decide"
        yield _condition(situation, AlertKind.NOTHING_TO_DO, Severity.INFO, name, what, then, lasting=Lasting.ONCE)


def _blocked(situation: Situation, decision: Decision, now: datetime) -> Iterator[Condition]:
    """Yield one warning for each gate that blocks; the next service and the dispatch only after a while."""
    if not isinstance(decision, Blocked):
        return
    for name, text in decision.reasons.items():
        block = situation.state.blocked.get(name)
        since = now if block is None else block.since
        again = "it is tried again at every sweep and goes by itself once this clears"
        what = f"{text} (since {clock_time(situation.policy, since, now)})"
        if name in situation.policy.gates:
            do = f"look at {name}: {_explain(situation)}"
            yield _condition(situation, AlertKind.GATE, Severity.WARNING, name, f"blocked by {what}", again, do)
            deadline = deadline_at(situation)
            if deadline is not None and now >= deadline:
                since_when = f"still blocked at its deadline {clock_time(situation.policy, deadline, now)} by {what}"
                yield _condition(situation, AlertKind.GATE_OVERDUE, Severity.CRITICAL, name, since_when, again, do)
        elif name == "answer":
            yield _not_taken(situation, decision, what, now)
        elif now - since >= UNFIT_FOR:
            sending = name == "dispatch"
            kind = AlertKind.DISPATCH if sending else AlertKind.PREFLIGHT
            do = "look at the target of the dispatch" if sending else f"repair {name}"
            yield _condition(
                situation,
                kind,
                Severity.CRITICAL,
                name,
                f"ready for {duration(now - since)} but blocked: {what}",
                again,
                f"{do}: {_explain(situation)}",
            )


def _not_taken(situation: Situation, decision: Blocked, what: str, now: datetime) -> Condition:
    """Tell of a service that answered no: it is well, and its answer is a verdict (behaviour D10)."""
    again = "it is asked again when an input changes"
    at = decision.next_at
    then = again if at is None else f"{again}, at the latest at {clock_time(situation.policy, at, now)}"
    do = f"see what it lacks: {_explain(situation)}"
    return _condition(situation, AlertKind.NOT_TAKEN, Severity.WARNING, "", what, then, do)


def _held(situation: Situation, decision: Decision, now: datetime) -> Iterator[Condition]:
    if not isinstance(decision, Held):
        return
    since = situation.state.held_since or now
    what = f"held since {clock_time(situation.policy, since, now)}: {decision.text}"
    name, key = situation.transition.name, situation.key
    if decision.cause == "operator":
        do = f"when it may go: {commands.release(name, key, 'it may go')}"
        yield _condition(situation, AlertKind.ON_HOLD, Severity.INFO, "", what, "", do)
        return
    then = "it goes by itself when what is missing arrives"
    if decision.cause == "rejected":
        then = "nothing is retried until an operator or a deploy changes something"
    do = f"repair it, then: {commands.trigger(name, key, 'repaired what held it')}"
    yield _condition(situation, AlertKind.HELD, Severity.CRITICAL, "", what, then, do)


def _unconfirmed(situation: Situation, now: datetime) -> Iterator[Condition]:
    state, confirm = situation.state, situation.transition.confirm
    if exhausted(situation, now):
        yield _never_answered(situation, now)
    if state.unproven is not None or state.state is not State.DISPATCHED or confirm.by is not ConfirmBy.FIRST_REPORT:
        return
    if state.dispatches <= confirm.redispatch or now < confirm_by(state, confirm.within):
        return
    phase = situation.transition.starts
    assert state.dispatched_at is not None
    since = clock_time(situation.policy, state.dispatched_at, now)
    what = f"dispatched {amount(state.dispatches, 'time')} since {since}, and {phase} has not begun"
    listener = ", ".join(situation.transition.topics) or "its trigger"
    again = commands.trigger(situation.transition.name, situation.key, f"{phase} has not begun")
    do = f"see whether anything listens to {listener}; to send it anew: {again}"
    yield _condition(
        situation, AlertKind.UNCONFIRMED, Severity.CRITICAL, "", what, f"any report of {phase} confirms it", do
    )


def _refused(situation: Situation, now: datetime) -> Iterator[Condition]:
    """Yield that what was started did no work, with its own reason (behaviour D8)."""
    name, key = situation.transition.name, situation.key
    for processor, report in refusals(situation).items():
        cause = f": {report.error}" if report.error else ", and no cause"
        when = clock_time(situation.policy, report.received_at, now)
        what = f"{processor} reported {report.outcome.value} at {when}{cause}"
        again = another_may_follow(situation, now)
        then = "it is started again when an input changes" if again else "nothing starts it again"
        do = f"repair it, then: {commands.trigger(name, key, f'what {processor} refused is repaired')}"
        yield _condition(situation, AlertKind.REFUSED, Severity.WARNING, processor, what, then, do)


def _never_answered(situation: Situation, now: datetime) -> Condition:
    """Tell of a call that was made as often as it may be and of which nobody knows what came of it (behaviour D11)."""
    call, phase = situation.state.unproven, situation.transition.starts
    assert call is not None
    since = clock_time(situation.policy, call.since, now)
    what = f"called {amount(call.calls, 'time')} since {since} and never answered: {call.text}; {phase} has not begun"
    again = commands.trigger(situation.transition.name, situation.key, f"{phase} has not begun")
    do = f"see whether the service works on it; to call it anew: {again}"
    then = f"any report of {phase} confirms it"
    return _condition(situation, AlertKind.UNCONFIRMED, Severity.CRITICAL, "", what, then, do)


def _not_ended(situation: Situation, now: datetime) -> Iterator[Condition]:
    """Yield a last phase that was started and reports no end (behaviour T10)."""
    at, state = end_expected_at(situation), situation.state
    if at is None or now < at or situation.pause(now) is not None:
        return
    assert state.dispatched_at is not None
    phase, who = situation.transition.starts, names(not_ended(situation))
    began = clock_time(situation.policy, state.dispatched_at, now)
    within = duration(at - state.dispatched_at)
    what = f"{phase} was started at {began} and has not ended within {within}: no end reported by {who}"
    again = commands.trigger(situation.transition.name, situation.key, f"{phase} has not ended")
    then, do = "its report ends this", f"look at the run of {who}; to start it anew: {again}"
    yield _condition(situation, AlertKind.NOT_ENDED, Severity.WARNING, "", what, then, do)


def _triggered(situation: Situation, seen: Picture) -> Iterator[Condition]:
    """Yield what was not as it should be at the trigger: once per run and transition, once per gate (A5)."""
    carried = situation.state.carried
    if carried is None or situation.state.state is State.OBSERVED:
        return
    if carried.degraded and carried.reason not in ("refresh", "operator"):
        optional = not frozenset(carried.missing) & seen.required
        severity = Severity.INFO if carried.first_tier and optional else Severity.WARNING
        described = dict(zip(carried.missing, _described(seen, carried.missing), strict=True))
        parts = [f"{name} (partial)" if name in carried.partial else described[name] for name in carried.missing]
        what = f"triggered degraded by {carried.reason} without {names(parts)}"
        yield _condition(
            situation, AlertKind.DEGRADED, severity, "", what, "what arrives later is said", lasting=Lasting.ONCE
        )
    for gate, text in carried.warnings.items():
        yield _condition(
            situation,
            AlertKind.GATE_WARNING,
            Severity.WARNING,
            gate,
            f"triggered although {text}",
            lasting=Lasting.ONCE,
        )


def _described(seen: Picture, missing: tuple[str, ...]) -> list[str]:
    """Return the processors with what their tables lack; one that is no longer expected as it is."""
    return [seen.described([name])[0] if name in seen.standings else name for name in missing]


def _late(situation: Situation, seen: Picture, now: datetime) -> Iterator[Condition]:
    """Yield what arrived after the trigger and starts nothing again (behaviour D8)."""
    carried = situation.state.carried
    resting = situation.state.state not in (State.CLAIMED, State.OBSERVED)
    if carried is None or another_may_follow(situation, now) or not resting:
        return
    for name in sorted(refresh_causes(situation, seen, carried)):
        report = seen.standings[name].report
        count = "" if report is None or report.records is None else f" with {amount(report.records, 'record')}"
        said = (
            "was missing at the trigger and has arrived" if name in carried.missing else "has grown since the trigger"
        )
        what = f"{name} {said}{count}; nothing is triggered again"
        again = commands.trigger(situation.transition.name, situation.key, f"{name} {said}")
        do = f"if it matters: {again}"
        yield _condition(situation, AlertKind.LATE, Severity.INFO, name, what, "", do, lasting=Lasting.ONCE)


def _due(
    situation: Situation,
    seen: Picture,
    decision: Decision,
    now: datetime,
    before: Mapping[str, Predecessor],
    passed_by: str,
    in_vain: str,
) -> Iterator[Condition]:
    """Yield due alerts, or that the transition was overtaken (behaviour T2)."""
    due = situation.expectation.due
    state = situation.state
    if due is None or state.triggered or state.state is State.OBSERVED:
        return
    warning = due_at(situation.key, due.warning, situation.policy)
    critical = due_at(situation.key, due.critical, situation.policy)
    reached = [at for at in (warning, critical) if at is not None and now >= at]
    if not reached:
        return
    if situation.next_report_at is not None or passed_by:
        further = f"{situation.transition.starts} reports" if not passed_by else f"the run has come to {passed_by}"
        what = f"overtaken: {further} although nothing was triggered"
        yield _condition(
            situation, AlertKind.OVERTAKEN, Severity.INFO, "", what, "it is decided as usual", lasting=Lasting.ONCE
        )
        return
    if _waits_for_the_overdue(situation, seen, before):
        return
    why = "; ".join(text for text in (_why_not(situation, seen, decision, before, now), in_vain) if text)
    for kind, severity, at in (
        (AlertKind.DUE_WARNING, Severity.WARNING, warning),
        (AlertKind.DUE_CRITICAL, Severity.CRITICAL, critical),
    ):
        if at is not None and now >= at:
            what = f"not triggered at its due time {clock_time(situation.policy, at, now)}: {why}"
            yield _condition(situation, kind, severity, "", what, "it goes by itself once it may", _explain(situation))


def _waits_for_the_overdue(situation: Situation, seen: Picture, before: Mapping[str, Predecessor]) -> bool:
    """True if all that is missing is of phases that have said nothing and whose start is overdue, and told so, or
    paused."""
    spoken = {known.phase for known in situation.completions.values()}
    silent = {situation.processors[name].phase for name in seen.missing} or set(situation.transition.after)
    causes = [before.get(phase) for phase in silent]
    told = (one is not None and (one.paused or (one.overdue and one.speaks)) for one in causes)
    return not silent & spoken and all(told)


def _explain(situation: Situation) -> str:
    return commands.explain(situation.transition.name, situation.key)


def _why_not(
    situation: Situation, seen: Picture, decision: Decision, before: Mapping[str, Predecessor], now: datetime
) -> str:
    if isinstance(decision, Blocked):
        return "blocked by " + names(decision.reasons.values())
    if isinstance(decision, Held):
        return f"held: {decision.text}"
    begun = names(_begun(situation, seen, before, now), none="")
    if begun:
        return f"{begun} and has not ended; missing {names(seen.described(seen.missing))}"
    if not situation.completions:
        return f"no message from {names(situation.transition.after)}; missing {names(seen.described(seen.missing))}"
    return f"missing {names(seen.described(seen.missing))}"


def _begun(situation: Situation, seen: Picture, before: Mapping[str, Predecessor], now: datetime) -> Iterator[str]:
    """Yield the phases that were started and of which somebody is still missing (behaviour T10)."""
    for phase in sorted({situation.processors[name].phase for name in seen.missing}):
        at = before[phase].started_at if phase in before else None
        if at is not None:
            yield f"{phase} was started at {clock_time(situation.policy, at, now)}"


def is_due(situation: Situation, now: datetime) -> bool:
    """True once the transition's first due time has passed without a trigger."""
    due = situation.expectation.due
    if due is None or situation.state.triggered:
        return False
    at = due_at(situation.key, due.warning or due.critical, situation.policy)
    return at is not None and now >= at
