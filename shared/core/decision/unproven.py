"""What becomes of a call whose outcome is unknown: it is not repeated blindly (behaviour D11)."""

from __future__ import annotations

from datetime import datetime

from shared.core.decision.decisions import Blocked, Decision, Doubt, Proven, Read, Trigger, Wait
from shared.core.decision.gates import Wanted
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import State, Unproven
from shared.core.policy.transitions import HttpCall, Step


def step_of(snapshot: DecisionInput) -> Step | None:
    """Return the first step of the plan that is not proven; None where the policy has no such step any more."""
    plan, proven = snapshot.state.plan, snapshot.state.steps_proven
    steps = () if plan is None else snapshot.transition.steps(plan.reason)
    return steps[proven] if proven < len(steps) else None


def doubt(snapshot: DecisionInput) -> Doubt | None:
    """Return that the call of an ended claim may have left, where its service can be asked; else None."""
    claim, step = snapshot.state.claim, step_of(snapshot)
    if claim is None or step is None or snapshot.policy.status_of(step) is None:
        return None
    return Doubt(claim.claimed_at, "whoever made the call ended before it was answered")


def unproven(snapshot: DecisionInput, now: datetime) -> Decision | None:
    """Decide a transition whose last call has no known outcome; None where there is none.

    The service is asked first where it can be. It is called again, under the same trigger id, only once it had the time
    to say that it is at work, and its phase to report; a call that is known to have failed since, as any other.
    """
    state, step = snapshot.state, step_of(snapshot)
    if state.unproven is None or state.plan is None or step is None or not isinstance(step.target, HttpCall):
        return None
    service = step.target.service
    if snapshot.policy.status_of(step) is not None:
        if snapshot.readings.at_work is None:
            return Read(Wanted(status=service))
        if snapshot.readings.at_work:
            return Proven(service)
    if state.failure is not None:
        text, retry_at = state.failure.text, state.failure.retry_at
        return Blocked({state.failure.reason: text}, retry_at) if now < retry_at else Trigger(state.plan)
    text, at = text_of(snapshot, state.unproven), again_at(snapshot, state.unproven)
    if now < at:
        return Wait(text, at)
    return Wait(text) if exhausted(snapshot, now) else Trigger(state.plan)


def text_of(snapshot: DecisionInput, call: Unproven) -> str:
    times = "" if call.calls == 1 else f" {call.calls} times"
    return f"dispatched{times}, unproven: {call.text}; no report of {snapshot.transition.starts} yet"


def again_at(snapshot: DecisionInput, call: Unproven) -> datetime:
    """Return when a call without a known outcome may be made again."""
    return call.last_at + snapshot.transition.confirm.within


def exhausted(snapshot: DecisionInput, now: datetime) -> bool:
    """True once the latest call that the policy allows has had its time: `confirm.redispatch` repetitions, but one at
    the least."""
    state, call = snapshot.state, snapshot.state.unproven
    if call is None or state.state is not State.DISPATCHED or state.failure is not None:
        return False
    allowed = 1 + max(1, snapshot.transition.confirm.redispatch)
    return call.calls >= allowed and now >= again_at(snapshot, call)
