"""How each act changes a transition's stored state; pure, so that one can reason about a crash between two acts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.decision import cadence
from shared.core.decision.decisions import Blocked, Confirm, Decision, Done, EmptyOk, Held, Wait
from shared.core.model import (
    UNTOUCHED,
    Act,
    Block,
    Claim,
    Failure,
    Hold,
    HoldCause,
    LogEntry,
    Logged,
    Plan,
    State,
    TransitionState,
    TriggerReason,
    Unproven,
)

LOGGED = 50
REMEMBERED_ACTS = 10


def claimed(state: TransitionState, plan: Plan, owner: str, now: datetime, lease: timedelta) -> TransitionState:
    """Return the state in which ``owner`` may dispatch ``plan`` until the lease runs out."""
    again = plan.generation == state.generation
    return replace(
        state,
        state=State.CLAIMED,
        generation=plan.generation,
        attempt=state.attempt + 1 if again else 1,
        claim=Claim(owner, now, now + lease),
        plan=plan,
        steps_proven=state.steps_proven if again and not state.accepted_whole else 0,
        failure=state.failure if again else None,
        blocked={},
        held_since=None,
        hold=None,
    )


def dispatched(state: TransitionState, now: datetime, call: Unproven | None = None) -> TransitionState:
    """Return the state once everything of the claimed plan was accepted (behaviour D3).

    It left when it was claimed: a service that answers at its end has reported by then (D7). Where the last of it is a
    ``call`` whose outcome was unknown until now, it left when that was made (D11).
    """
    plan = state.plan
    assert plan is not None
    sent_at = now if state.claim is None else state.claim.claimed_at
    first, last, times = (
        (sent_at, sent_at, 1) if call is None else (min(call.since, call.last_at), call.last_at, call.calls)
    )
    again = state.accepted_whole
    new_window = not again and plan.reason != TriggerReason.REFRESH
    return logged(
        replace(
            state,
            state=State.DISPATCHED,
            claim=None,
            accepted_plan=plan,
            steps_proven=0,
            unproven=None,
            dispatches=state.dispatches + 1 if again else times,
            triggered_at=first if new_window or state.triggered_at is None else state.triggered_at,
            dispatched_at=state.dispatched_at if again else first,
            last_dispatched_at=last,
            confirmed_at=None,
            refreshes=state.refreshes + (plan.reason == TriggerReason.REFRESH and not again),
            failure=None,
            request=None if plan.reason == TriggerReason.OPERATOR else state.request,
        ),
        now,
        Logged.REDISPATCH if again else Logged.TRIGGER,
        plan.reason,
    )


def step_proven(state: TransitionState, until: datetime | None = None) -> TransitionState:
    """Return the state once one more step of the claimed plan was accepted: no later attempt makes it again (D12).

    The lease then runs ``until`` this, for the next step may take as long as the one before.
    """
    claim = state.claim
    if claim is not None and until is not None:
        claim = replace(claim, expires_at=max(claim.expires_at, until))
    return replace(state, steps_proven=state.steps_proven + 1, claim=claim)


def unproven(
    state: TransitionState, began: datetime, text: str, now: datetime, *, left: bool = True
) -> TransitionState:
    """Release the claim of a call that began at ``began`` and whose outcome is unknown: it counts as dispatched, and
    neither as accepted nor as failed (behaviour D11).

    Of a call that may never have ``left`` the reports since then say nothing: it counts as dispatched from now on.
    """
    before = state.unproven
    since, calls = (began if left else now, 1) if before is None else (before.since, before.calls + 1)
    lost = replace(
        state, state=State.DISPATCHED, claim=None, failure=None, unproven=Unproven(since, began, calls, text)
    )
    return logged(lost, now, Logged.UNPROVEN, text[:200])


def proven(state: TransitionState, steps: int, now: datetime) -> TransitionState:
    """Return the state once the call of unknown outcome is known to have been accepted; with ``steps`` in all, what is
    left of them is decided on as after any other part of a dispatch."""
    call = state.unproven
    assert call is not None
    if state.steps_proven + 1 >= steps:
        return dispatched(state, now, call)
    part = step_proven(replace(state, unproven=None, claim=None))
    back = _before_claim(part)
    return logged(replace(part, state=back), now, Logged.PROVEN, f"step {part.steps_proven} of {steps}")


def confirmed(state: TransitionState, decision: Confirm, now: datetime) -> TransitionState:
    """Return the state once the next phase is known to have begun; also of a claim whose dispatch was not marked."""
    if state.state is State.CLAIMED:
        state = dispatched(state, state.claim.claimed_at if state.claim else now)
    return logged(replace(state, state=State.CONFIRMED, confirmed_at=now), now, Logged.CONFIRM, decision.by.value)


def observed(state: TransitionState, plan: Plan, now: datetime) -> TransitionState:
    """Return the state of a transition that only watches (behaviour D6)."""
    next_state = replace(
        state,
        state=State.OBSERVED,
        generation=plan.generation,
        plan=plan,
        accepted_plan=plan,
        triggered_at=now,
        blocked={},
        held_since=None,
        request=None,
    )
    return logged(next_state, now, Logged.OBSERVE, plan.reason)


def call_failed(state: TransitionState, text: str, now: datetime, retry_at: datetime | None = None) -> TransitionState:
    """Release the claim; the sweep tries again, not before ``retry_at`` (behaviour D5)."""
    return _released(state, cadence.outage(state.failure, text, now, retry_at), now, Logged.FAILED)


def not_taken(state: TransitionState, verdict: str, text: str, now: datetime) -> TransitionState:
    """Release the claim: the service said no, and is asked again (behaviour D10).

    It said so itself: nothing of the call is unknown any more.
    """
    next_state = replace(state, unproven=None)
    return _released(next_state, cadence.verdict(state.failure, verdict, text, now), now, Logged(verdict))


def answered(state: TransitionState, who: str, text: str, note: str) -> TransitionState:
    """Return the state whose plan carries what the call of a step was answered: the words, and what failed of it."""
    plan = state.plan
    assert plan is not None
    answers = {**plan.answers, **({who: text} if text else {})}
    warnings = {**plan.warnings, **({who: note} if note else {})}
    return replace(state, plan=replace(plan, answers=answers, warnings=warnings))


def publish_failed(state: TransitionState, text: str, now: datetime) -> TransitionState:
    """Release the claim; the next delivery or sweep publishes again, without the steps that were accepted."""
    return _released(state, cadence.after(state.failure, text, now, timedelta(0)), now, Logged.FAILED)


def _released(state: TransitionState, failure: Failure, now: datetime, decision: Logged) -> TransitionState:
    back = _before_claim(state)
    blocked = {failure.reason: Block(failure.since, failure.text)}
    word = State.BLOCKED if back is State.WAITING else back
    released = replace(state, state=word, claim=None, failure=failure, blocked=blocked)
    return logged(released, now, decision, failure.text[:200])


def rejected(state: TransitionState, text: str, code_version: str, now: datetime) -> TransitionState:
    """Release the claim and hold: nothing is retried until an operator or a deploy (behaviour D5)."""
    back = _before_claim(state)
    hold = Hold(HoldCause.REJECTED, now, text, code_version)
    word = State.HELD if back is State.WAITING else back
    held = replace(state, state=word, claim=None, hold=hold, held_since=now, request=None)
    return logged(held, now, Logged.REJECTED, text[:200])


def acted(state: TransitionState, act: Act) -> TransitionState:
    """Return the state with what an operator told it, kept in the state and for the record (behaviour D9)."""
    reason = f"{act.reason} (by {act.by})" if act.by else act.reason
    kept = replace(state, acts=(*state.acts, act)[-REMEMBERED_ACTS:])
    return logged(kept, act.at, Logged(f"operator_{act.verb}"), reason)


def _before_claim(state: TransitionState) -> State:
    """Return the word a released claim falls back to: that of the generation before, if there was one, or that of a
    call whose outcome is unknown still."""
    if state.unproven is not None:
        return State.DISPATCHED
    if state.accepted_plan is None:
        return State.WAITING
    return State.CONFIRMED if state.confirmed_at is not None else State.DISPATCHED


def resting(
    state: TransitionState, decision: Decision, now: datetime, opened_at: datetime | None = None
) -> TransitionState:
    """Return the state in which a decision leaves a transition alone; the same object if nothing changed.

    ``opened_at`` is when the clock began, where that must be remembered.
    """
    if state.state in (State.CLAIMED, State.OBSERVED):
        return state
    blocked = _blocked(state, decision, now)
    if state.state in (State.DISPATCHED, State.CONFIRMED):
        return state if blocked == state.blocked else replace(state, blocked=blocked)
    word = resting_state(decision)
    held_since = (state.held_since or now) if word is State.HELD else None
    if isinstance(decision, Done) or (word is State.EMPTY_OK and state == UNTOUCHED):
        return state
    opened_at = state.opened_at or opened_at
    if (word, blocked, held_since, opened_at) == (state.state, state.blocked, state.held_since, state.opened_at):
        return state
    after = replace(state, state=word, blocked=blocked, held_since=held_since, opened_at=opened_at)
    return after if word is state.state else logged(after, now, Logged(word), _reason(decision))


def _blocked(state: TransitionState, decision: Decision, now: datetime) -> dict[str, Block]:
    if not isinstance(decision, Blocked):
        return {}
    since = {name: state.blocked[name].since if name in state.blocked else now for name in decision.reasons}
    return {name: Block(since[name], text) for name, text in decision.reasons.items()}


def resting_state(decision: Decision) -> State:
    """Return what a transition is called that rests with a decision."""
    match decision:
        case Blocked():
            return State.BLOCKED
        case Held():
            return State.HELD
        case EmptyOk():
            return State.EMPTY_OK
        case _:
            return State.WAITING


def _reason(decision: Decision) -> str:
    match decision:
        case Blocked():
            return "; ".join(decision.reasons.values())[:500]
        case Held():
            return decision.text[:500]
        case Wait():
            return decision.reason[:500]
        case _:
            return ""


def logged(state: TransitionState, now: datetime, decision: Logged, reason: str) -> TransitionState:
    """Add a line for the record, which a later sweep writes (behaviour 8)."""
    plan = state.plan
    degraded = plan is not None and plan.degraded
    handoff = state.handoff if decision == Logged.TRIGGER else None
    seconds = None if handoff is None else round(handoff.total_seconds(), 3)
    missing = plan.missing if plan is not None else ()
    entry = LogEntry(now, state.generation, decision, reason, degraded, missing, seconds)
    return replace(state, pending_audit=(*state.pending_audit, entry)[-LOGGED:])
