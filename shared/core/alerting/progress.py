"""What keeps a transition from starting the next phase, and what is odd about its start (behaviour D3 to D11, A5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from shared.core import commands
from shared.core.alerting.condition import Condition, explain_line, of_transition
from shared.core.alerting.kinds import AlertKind
from shared.core.decision.completeness import Completeness
from shared.core.decision.decide import confirm_by
from shared.core.decision.decisions import Blocked, Decision, Held
from shared.core.decision.refresh import another_may_follow
from shared.core.decision.refusal import refusals
from shared.core.decision.silence import deadline_at, end_expected_at, not_ended
from shared.core.decision.snapshot import DecisionInput
from shared.core.decision.unproven import exhausted
from shared.core.model import HoldCause, State, TriggerReason
from shared.core.policy.after_run import NAME as AFTER_RUN
from shared.core.policy.transitions import ConfirmBy
from shared.core.severity import Severity
from shared.core.texts import amount, clock_time, duration, names

UNFIT_FOR = timedelta(minutes=5)


def of_blocks(snapshot: DecisionInput, decision: Decision, now: datetime) -> Iterator[Condition]:
    """Yield one warning for each gate that blocks; the next service and the dispatch only after a while."""
    if not isinstance(decision, Blocked):
        return
    for name, text in decision.reasons.items():
        block = snapshot.state.blocked.get(name)
        since = now if block is None else block.since
        again = "it is tried again at every sweep and goes by itself once this clears"
        what = f"{text} (since {clock_time(snapshot.policy, since, now)})"
        if name in snapshot.policy.gates or name == AFTER_RUN:
            do = f"look at {name}: {explain_line(snapshot)}"
            if name != AFTER_RUN:  # to wait for another run is no fault before the deadline
                yield of_transition(snapshot, AlertKind.GATE, name, f"blocked by {what}", again, do)
            deadline = deadline_at(snapshot)
            if deadline is not None and now >= deadline:
                since_when = f"still blocked at its deadline {clock_time(snapshot.policy, deadline, now)} by {what}"
                yield of_transition(snapshot, AlertKind.GATE_OVERDUE, name, since_when, again, do)
        elif name == "answer":
            yield _not_taken(snapshot, decision, what, now)
        elif now - since >= UNFIT_FOR:
            sending = name == "dispatch"
            kind = AlertKind.DISPATCH if sending else AlertKind.PREFLIGHT
            do = "look at the target of the dispatch" if sending else f"repair {name}"
            yield of_transition(
                snapshot,
                kind,
                name,
                f"ready for {duration(now - since)} but blocked: {what}",
                again,
                f"{do}: {explain_line(snapshot)}",
            )


def _not_taken(snapshot: DecisionInput, decision: Blocked, what: str, now: datetime) -> Condition:
    """Tell of a service that answered no: it is well, and its answer is a verdict (behaviour D10)."""
    again = "it is asked again when an input changes"
    at = decision.next_at
    then = again if at is None else f"{again}, at the latest at {clock_time(snapshot.policy, at, now)}"
    do = f"see what it lacks: {explain_line(snapshot)}"
    return of_transition(snapshot, AlertKind.NOT_TAKEN, "", what, then, do)


def of_hold(snapshot: DecisionInput, decision: Decision, now: datetime) -> Iterator[Condition]:
    if not isinstance(decision, Held):
        return
    since = snapshot.state.held_since or now
    what = f"held since {clock_time(snapshot.policy, since, now)}: {decision.text}"
    name, key = snapshot.transition.name, snapshot.key
    if decision.cause is HoldCause.OPERATOR:
        do = f"when it may go: {commands.release(name, key, 'it may go')}"
        yield of_transition(snapshot, AlertKind.ON_HOLD, "", what, "", do)
        return
    then = "it goes by itself when what is missing arrives"
    if decision.cause is HoldCause.REJECTED:
        then = "nothing is retried until an operator or a deploy changes something"
    do = f"repair it, then: {commands.trigger(name, key, 'repaired what held it')}"
    yield of_transition(snapshot, AlertKind.HELD, "", what, then, do)


def of_confirmation(snapshot: DecisionInput, now: datetime) -> Iterator[Condition]:
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
    yield of_transition(snapshot, AlertKind.UNCONFIRMED, "", what, f"any report of {phase} confirms it", do)


def of_refusals(snapshot: DecisionInput, now: datetime) -> Iterator[Condition]:
    """Yield that what was started did no work, with its own reason (behaviour D8)."""
    name, key = snapshot.transition.name, snapshot.key
    for processor, report in refusals(snapshot).items():
        cause = f": {report.error}" if report.error else ", and no cause"
        when = clock_time(snapshot.policy, report.received_at, now)
        what = f"{processor} reported {report.outcome.value} at {when}{cause}"
        again = another_may_follow(snapshot, now)
        then = "it is started again when an input changes" if again else "nothing starts it again"
        do = f"repair it, then: {commands.trigger(name, key, f'what {processor} refused is repaired')}"
        yield of_transition(snapshot, AlertKind.REFUSED, processor, what, then, do)


def _never_answered(snapshot: DecisionInput, now: datetime) -> Condition:
    """Tell of a call that was made as often as it may be and whose outcome is unknown (behaviour D11)."""
    call, phase = snapshot.state.unproven, snapshot.transition.starts
    assert call is not None
    since = clock_time(snapshot.policy, call.since, now)
    what = f"called {amount(call.calls, 'time')} since {since} and never answered: {call.text}; {phase} has not begun"
    again = commands.trigger(snapshot.transition.name, snapshot.key, f"{phase} has not begun")
    do = f"see whether the service works on it; to call it anew: {again}"
    then = f"any report of {phase} confirms it"
    return of_transition(snapshot, AlertKind.UNCONFIRMED, "", what, then, do)


def of_end(snapshot: DecisionInput, now: datetime) -> Iterator[Condition]:
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
    yield of_transition(snapshot, AlertKind.NOT_ENDED, "", what, then, do)


def of_trigger(snapshot: DecisionInput, completeness: Completeness) -> Iterator[Condition]:
    """Yield what was not as it should be at the trigger: once per run and transition, once per gate (A5)."""
    carried = snapshot.state.accepted_plan
    if carried is None or snapshot.state.state is State.OBSERVED:
        return
    if carried.degraded and carried.reason not in (TriggerReason.REFRESH, TriggerReason.OPERATOR):
        optional = not frozenset(carried.missing) & completeness.required
        severity = Severity.INFO if carried.first_tier and optional else Severity.WARNING
        described = dict(zip(carried.missing, _described(completeness, carried.missing), strict=True))
        parts = [f"{name} (partial)" if name in carried.partial else described[name] for name in carried.missing]
        what = f"triggered degraded by {carried.reason} without {names(parts)}"
        yield of_transition(snapshot, AlertKind.DEGRADED, "", what, "what arrives later is said", severity=severity)
    for gate, text in carried.warnings.items():
        yield of_transition(snapshot, AlertKind.GATE_WARNING, gate, f"triggered although {text}")


def _described(completeness: Completeness, missing: tuple[str, ...]) -> list[str]:
    """Return the processors with what their tables lack; one that is no longer expected as it is."""
    return [completeness.described([name])[0] if name in completeness.statuses else name for name in missing]
