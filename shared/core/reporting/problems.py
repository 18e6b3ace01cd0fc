"""What is wrong with a run, and in which order a person looks at it: the rule of `orch status` and of the page.

    problems(snapshot, decision, now)    what is wrong with one transition, from its state and the clock alone
    with_alerts(...)                     the same, with what people were told of it, and the other alerts that fire
    in_order(...)                        the worst first

Severities are those of the alerts of the same facts (behaviour A5, T2), so that the two never contradict each other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from shared.core.alerting.alert import Alert
from shared.core.alerting.kinds import AlertKind
from shared.core.alerting.progress import UNFIT_FOR
from shared.core.alerting.quiet import quiet_text
from shared.core.calendar import due_at
from shared.core.decision.completeness import Completeness, ProcessorStatus, Status
from shared.core.decision.decide import confirm_by
from shared.core.decision.decisions import Blocked, Decision, Held
from shared.core.decision.refusal import refusals
from shared.core.decision.silence import deadline_at, end_expected_at
from shared.core.decision.snapshot import DecisionInput
from shared.core.decision.unproven import exhausted
from shared.core.model import HoldCause, Lane, State, TriggerReason
from shared.core.policy.after_run import NAME as AFTER_RUN
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import ConfirmBy
from shared.core.severity import Severity
from shared.core.texts import amount, clock_time, duration, names


class ProblemKind(StrEnum):
    """What is wrong, in the order in which a person looks at what is equally severe."""

    NOT_OPENED = "not opened"
    HELD = "held"
    STUCK = "stuck"
    BLOCKED = "blocked"
    LATE = "late"
    FAILED = "failed"
    SHORT = "short"
    NEVER = "never triggered"
    DEGRADED = "degraded"
    ALERT = "alert"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class RunProblem:
    """One thing that is wrong. ``text`` says it without run and transition; ``transition`` is "" for what is of the
    whole run; ``since`` is None where nobody knows; ``subject`` is the gate, service or processor that it is about;
    ``alert`` is the fingerprint of the alert that people were sent of it, ``quiet`` what a person said of that."""

    kind: ProblemKind
    severity: Severity
    text: str
    run: str
    transition: str = ""
    since: datetime | None = None
    subject: str = ""
    alert: str = ""
    quiet: str = ""


# Which alerts tell of a problem that is seen in the state itself.
TELLS: Mapping[AlertKind, ProblemKind] = MappingProxyType(
    {
        AlertKind.HELD: ProblemKind.HELD,
        AlertKind.ON_HOLD: ProblemKind.HELD,
        AlertKind.UNCONFIRMED: ProblemKind.STUCK,
        AlertKind.NOT_ENDED: ProblemKind.STUCK,
        AlertKind.GATE: ProblemKind.BLOCKED,
        AlertKind.GATE_OVERDUE: ProblemKind.BLOCKED,
        AlertKind.PREFLIGHT: ProblemKind.BLOCKED,
        AlertKind.DISPATCH: ProblemKind.BLOCKED,
        AlertKind.NOT_TAKEN: ProblemKind.BLOCKED,
        AlertKind.DUE_WARNING: ProblemKind.LATE,
        AlertKind.DUE_CRITICAL: ProblemKind.LATE,
        AlertKind.FAILING: ProblemKind.FAILED,
        AlertKind.REFUSED: ProblemKind.FAILED,
        AlertKind.UNDER_MINIMUM: ProblemKind.SHORT,
        AlertKind.UNITS_SHORT: ProblemKind.SHORT,
        AlertKind.NOTHING: ProblemKind.SHORT,
    }
)
_GRAVEST = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)
_SHORT = frozenset({Status.UNDER_MINIMUM, Status.PARTIAL_SHORT, Status.UNITS_SHORT, Status.NOTHING})
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Lateness:
    """By how much a transition was triggered, or is, after its first due time (behaviour T2)."""

    due: datetime
    by: timedelta
    critical: bool


def lateness(snapshot: DecisionInput, now: datetime) -> Lateness | None:
    """Return by how much a transition is late, or was when it was triggered; None where it is not, in backfill, and
    while a pause keeps it (behaviour T8)."""
    due, state = snapshot.expectation.due, snapshot.state
    if due is None or snapshot.empty or (not state.triggered and snapshot.pause(now) is not None):
        return None
    warning = due_at(snapshot.key, due.warning, snapshot.policy)
    critical = due_at(snapshot.key, due.critical, snapshot.policy)
    first, moment = warning or critical, state.triggered_at or now
    if first is None or moment < first or state.state is State.OBSERVED:
        return None
    return Lateness(first, moment - first, critical is not None and moment >= critical)


def problems(
    snapshot: DecisionInput,
    decision: Decision,
    now: datetime,
    late_starters: Collection[str] = (),
    overtaken_by: str = "",
) -> tuple[RunProblem, ...]:
    """Return what is wrong with a transition, the worst first; nothing on a date without units.

    ``late_starters`` are the phases whose own start is late: what waits for nothing else is late by them (T2).
    ``overtaken_by`` names a later transition of the run that was triggered, or is reported to, although this one, which
    is only observed, was not.
    """
    if snapshot.empty:
        return ()
    completeness = snapshot.seen
    if snapshot.closed:
        listed = [*_never(snapshot), *_degraded(snapshot, completeness), *_late(snapshot, completeness, now, ())]
    else:
        listed = [
            *_held(snapshot, decision, now),
            *_stuck(snapshot, now),
            *_blocked(snapshot, decision, now),
            *_late(
                snapshot, completeness, now, late_starters, overtaken_by, named=isinstance(decision, Held | Blocked)
            ),
            *_failed(snapshot, completeness),
            *_degraded(snapshot, completeness),
        ]
    if snapshot.key.lane is Lane.BACKFILL:  # wakes nobody (behaviour A3)
        listed = [replace(problem, severity=Severity.INFO) for problem in listed]
    return in_order(listed)


def with_alerts(
    of_state: Iterable[RunProblem], alerts: Sequence[Alert], policy: Policy, now: datetime
) -> tuple[RunProblem, ...]:
    """Return problems with the alerts that told of them, and a problem for each other alert that fires; in order."""
    # Of what the last sweep saw gone nobody has been told yet: it is over all the same.
    firing = [alert for alert in alerts if alert.firing and alert.ended_at is None]
    used: set[str] = set()
    listed = []
    for problem in of_state:
        telling = [alert for alert in firing if _tells(alert, problem)]
        used |= {alert.fingerprint for alert in telling}
        worst = min(telling, key=lambda alert: _rank(alert.severity), default=None)
        listed.append(problem if worst is None else _with_alert(problem, worst, policy, now))
    listed += [of_alert(alert, policy, now) for alert in firing if alert.fingerprint not in used]
    return in_order(listed)


def of_alert(alert: Alert, policy: Policy, now: datetime) -> RunProblem:
    """Return an alert that fires as a problem of its own."""
    line = alert.text.splitlines()[0] if alert.text else alert.kind
    text = line.removeprefix(f"{alert.run} {alert.transition}".strip()).removeprefix(": ")
    severity = next((severity for severity in Severity if severity == alert.severity), Severity.WARNING)
    problem = RunProblem(
        ProblemKind.ALERT, severity, text, alert.run, alert.transition, alert.first_at, subject=alert.subject
    )
    return _with_alert(problem, alert, policy, now)


def in_order(listed: Iterable[RunProblem]) -> tuple[RunProblem, ...]:
    """Return problems, the worst first: by severity, then by kind, then the oldest."""
    return tuple(sorted(listed, key=order))


def order(problem: RunProblem) -> tuple[int, int, datetime, str, str]:
    """Return what problems are sorted by."""
    kind = list(ProblemKind).index(problem.kind)
    return _rank(problem.severity), kind, problem.since or _LAST, problem.run, problem.transition


def is_wrong(listed: Iterable[RunProblem]) -> bool:
    """True if any of it is more than information: what `orch status` ends with 1 for, at work on it or not."""
    return any(problem.severity is not Severity.INFO for problem in listed)


def _rank(severity: str) -> int:
    return next((place for place, each in enumerate(_GRAVEST) if each == severity), 1)


def _tells(alert: Alert, problem: RunProblem) -> bool:
    kind = next((TELLS[kind] for kind in TELLS if kind == alert.kind), None)
    about = alert.subject in ("", problem.subject) or problem.subject == ""
    return kind is problem.kind and (alert.run, alert.transition) == (problem.run, problem.transition) and about


def _with_alert(problem: RunProblem, alert: Alert, policy: Policy, now: datetime) -> RunProblem:
    return replace(problem, alert=alert.fingerprint, quiet=quiet_text(policy, alert.quiet, now))


def _of(
    snapshot: DecisionInput,
    kind: ProblemKind,
    severity: Severity,
    text: str,
    since: datetime | None = None,
    subject: str = "",
) -> RunProblem:
    return RunProblem(kind, severity, text, snapshot.key.id, snapshot.transition.name, since, subject)


def _held(snapshot: DecisionInput, decision: Decision, now: datetime) -> Iterator[RunProblem]:
    if isinstance(decision, Held):
        severity = Severity.INFO if decision.cause is HoldCause.OPERATOR else Severity.CRITICAL
        yield _of(snapshot, ProblemKind.HELD, severity, f"held: {decision.text}", snapshot.state.held_since or now)


def _stuck(snapshot: DecisionInput, now: datetime) -> Iterator[RunProblem]:
    """Yield a dispatch that nothing confirms, a claim that nobody ends, and a phase that reports no end."""
    state, confirm, starts = snapshot.state, snapshot.transition.confirm, snapshot.transition.starts
    if state.state is State.CLAIMED and state.claim is not None and now >= state.claim.expires_at:
        text = f"claimed {_clock(snapshot, state.claim.claimed_at, now)}, and whoever did so has not sent it"
        yield _of(snapshot, ProblemKind.STUCK, Severity.WARNING, text, state.claim.claimed_at)
    if state.unproven is not None and state.state is State.DISPATCHED:
        severity = Severity.CRITICAL if exhausted(snapshot, now) else Severity.WARNING
        text = f"called since {_clock(snapshot, state.unproven.since, now)}, outcome unknown: {state.unproven.text}"
        yield _of(snapshot, ProblemKind.STUCK, severity, text, state.unproven.since)
    elif state.state is State.DISPATCHED and confirm.by is ConfirmBy.FIRST_REPORT and _is_unconfirmed(snapshot, now):
        severity = Severity.CRITICAL if state.dispatches > confirm.redispatch else Severity.WARNING
        since = state.dispatched_at or now
        text = f"sent {_clock(snapshot, since, now)}, and no report of {starts} in {duration(now - since)}"
        yield _of(snapshot, ProblemKind.STUCK, severity, text, since)
    end = end_expected_at(snapshot)
    if end is not None and now >= end:
        text = f"{starts} should have ended by {_clock(snapshot, end, now)}"
        yield _of(snapshot, ProblemKind.STUCK, Severity.WARNING, text, end)


def _is_unconfirmed(snapshot: DecisionInput, now: datetime) -> bool:
    state = snapshot.state
    return state.last_dispatched_at is not None and now >= confirm_by(state, snapshot.transition.confirm.within)


def _blocked(snapshot: DecisionInput, decision: Decision, now: datetime) -> Iterator[RunProblem]:
    if not isinstance(decision, Blocked):
        return
    deadline = deadline_at(snapshot)
    overdue = deadline is not None and now >= deadline
    for name, reason in decision.reasons.items():
        block = snapshot.state.blocked.get(name)
        since = now if block is None else block.since
        text = f"blocked by {name}: {reason.removeprefix(f'{name}: ').removeprefix(f'{name} ')}"
        severity = Severity.WARNING
        if name in snapshot.policy.gates:
            severity = Severity.CRITICAL if overdue else Severity.WARNING
        elif name == AFTER_RUN:  # to wait for another run is no fault before the deadline
            severity = Severity.CRITICAL if overdue else Severity.INFO
        elif name != "answer" and now - since >= UNFIT_FOR:
            severity = Severity.CRITICAL
        yield _of(snapshot, ProblemKind.BLOCKED, severity, text, since, name)


def _late(
    snapshot: DecisionInput,
    completeness: Completeness,
    now: datetime,
    late_starters: Collection[str],
    overtaken_by: str = "",
    *,
    named: bool = False,
) -> Iterator[RunProblem]:
    """Yield by how much it is late; without what is missing where another problem has ``named`` the cause."""
    late = lateness(snapshot, now)
    if late is None or (snapshot.closed and not snapshot.state.triggered):
        return
    by = f"late by {duration(late.by)}: due {_clock(snapshot, late.due, now)}"
    if snapshot.state.triggered:
        yield _of(snapshot, ProblemKind.LATE, Severity.INFO, f"triggered {by}", late.due)
        return
    severity = Severity.CRITICAL if late.critical else Severity.WARNING
    further = f"{snapshot.transition.starts} reports" if snapshot.next_report_at is not None else ""
    if overtaken_by or further:
        text = f"{by}; {f'the run has come to {overtaken_by}' if overtaken_by else further} all the same"
        yield _of(snapshot, ProblemKind.LATE, Severity.INFO, text, late.due)
        return
    waited_for = {snapshot.processors[name].phase for name in completeness.missing if name in snapshot.processors}
    if not snapshot.completions and waited_for and waited_for <= set(late_starters):
        yield _of(
            snapshot, ProblemKind.LATE, Severity.INFO, f"{by}, as the start of {names(sorted(waited_for))} is", late.due
        )
        return
    missing = "" if named else names(completeness.described(completeness.missing), none="")
    yield _of(snapshot, ProblemKind.LATE, severity, f"{by}{f'; missing {missing}' if missing else ''}", late.due)


def _failed(snapshot: DecisionInput, completeness: Completeness) -> Iterator[RunProblem]:
    """Yield processors whose report does not count, while they are waited for, and a started phase that refused."""
    if not snapshot.state.triggered:
        for name in sorted(completeness.expected):
            at = completeness.statuses[name]
            if at.report is None or at.asks:
                continue
            severity = Severity.WARNING if name in completeness.required else Severity.INFO
            if at.status is Status.FAILED:
                why = f": {at.report.error[:200]}" if at.report.error else ""
                text = f"{name} failed{why}"
                yield _of(snapshot, ProblemKind.FAILED, severity, text, at.report.received_at, name)
            elif at.status in _SHORT:
                text = _short(at, snapshot.policy.unit)
                yield _of(snapshot, ProblemKind.SHORT, severity, text, at.report.received_at, name)
    for name, report in refusals(snapshot).items():
        why = f": {report.error[:200]}" if report.error else ""
        text = f"{name} reported {report.outcome.value}{why}"
        yield _of(snapshot, ProblemKind.FAILED, Severity.WARNING, text, report.received_at, name)


def _short(at: ProcessorStatus, unit: str) -> str:
    """Return what a report that does not count lacks, with its number."""
    if at.shortfall is not None:
        return f"{at.processor}: {at.shortfall.text}"
    assert at.report is not None
    records = amount(at.report.records, "record")
    if at.status is Status.NOTHING:
        return f"{at.processor} reported {at.report.outcome.value} with nothing, on a date with {unit}s"
    return f"{at.processor} reported {records}" + (f" of at least {at.min_records}" if at.min_records else "")


def _degraded(snapshot: DecisionInput, completeness: Completeness) -> Iterator[RunProblem]:
    plan, state = snapshot.state.accepted_plan, snapshot.state
    if plan is None or not plan.degraded or state.state is State.OBSERVED:
        return
    optional = not frozenset(plan.missing) & completeness.required
    meant = plan.reason in (TriggerReason.REFRESH, TriggerReason.OPERATOR) or (plan.first_tier and optional)
    by = plan.reason.replace("_", " ")
    text = f"triggered degraded by {by} without {names(plan.missing)}"
    yield _of(snapshot, ProblemKind.DEGRADED, Severity.INFO if meant else Severity.WARNING, text, state.triggered_at)


def _never(snapshot: DecisionInput) -> Iterator[RunProblem]:
    state = snapshot.state
    if not state.triggered and state.state not in (State.EMPTY_OK, State.OBSERVED):
        yield _of(snapshot, ProblemKind.NEVER, Severity.WARNING, "never triggered, and the run is closed")


def _clock(snapshot: DecisionInput, at: datetime, now: datetime) -> str:
    return clock_time(snapshot.policy, at, now)
