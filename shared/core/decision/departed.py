"""What a run still holds and the policy no longer knows: a policy may change at any moment of a run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from shared.core.model import Run, State, TransitionState
from shared.core.policy.policy import Policy


def departed(policy: Policy, run: Run, states: Mapping[str, TransitionState]) -> tuple[str, ...]:
    """Return what left the policy so that the run cannot be decided any more, in words; empty while it can.

    That is its mode, and a transition of which something was claimed or asked for: whether another name stands for
    it now nobody can tell, and what it started must not be started twice under another trigger id. An operator who
    reopens the run has seen it. All else that leaves (a processor, a phase, a gate, a service, the calendar, tiers)
    is decided without.
    """
    mode = run.key.mode
    passed = {name for name, transition in policy.transitions.items() if mode in transition.expects}
    if mode not in policy.modes or not passed:
        return (f"mode {mode}",)
    names = (name for name, state in states.items() if name not in passed and _begun(state, run.reopened_at))
    return tuple(
        f"transition {name}, {states[name].state.value} as generation {states[name].generation}" for name in names
    )


def _begun(state: TransitionState, reopened_at: datetime | None) -> bool:
    """True once anything of a transition was claimed or asked for, since an operator reopened the run if one did."""
    if state.state is State.OBSERVED or (state.generation == 0 and state.request is None):
        return False
    claimed_at = None if state.claim is None else state.claim.claimed_at
    asked_at = None if state.request is None else state.request.at
    called_at = None if state.unproven is None else state.unproven.last_at
    moments = [at for at in (claimed_at, asked_at, called_at, state.last_dispatched_at) if at is not None]
    return reopened_at is None or any(at >= reopened_at for at in moments)
