"""When nothing of a run is left to be done, so that it may close (behaviour T5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.core.calendar import working_day
from shared.core.decision.refresh import another_may_follow
from shared.core.decision.silence import end_expected_at
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import State, TransitionState


def is_over(snapshots: Sequence[DecisionInput], now: datetime) -> bool:
    """True once every transition of a run has come to its end and no other generation may follow.

    Those after which nothing comes are confirmed, observed or empty, and their phases have ended, or it has been told
    that they have not (T10); the others triggered, observed or empty. What
    is empty has ended with the run's working day: until then the calendar may still bring its units back (T4).
    """
    waited_for = {phase for snapshot in snapshots for phase in snapshot.transition.after}
    if not snapshots or any(_refreshable(snapshot, now) for snapshot in snapshots):
        return False
    return all(_ended(snapshot, snapshot.transition.starts not in waited_for, now) for snapshot in snapshots)


def never_triggered(snapshot: DecisionInput) -> bool:
    """True for a transition of a date with units that was neither dispatched nor observed."""
    return not snapshot.state.triggered and not snapshot.empty


def _ended(snapshot: DecisionInput, last: bool, now: datetime) -> bool:
    state = snapshot.state
    if _owed(state):
        return False
    if state.accepted_plan is None:
        key, policy = snapshot.key, snapshot.policy
        return snapshot.empty and policy.local(now).date() > working_day(key, policy)
    ends_by = end_expected_at(snapshot)
    if last and ends_by is not None and (now < ends_by or snapshot.pause(now) is not None):
        return False
    return state.state in (State.CONFIRMED, State.OBSERVED) if last else True


def _owed(state: TransitionState) -> bool:
    """True while a dispatch is under way, still to be made or not confirmed: closing the run would end it unseen
    (behaviour D3, D8)."""
    failing = state.failure is not None and state.accepted_plan is None
    return state.state in (State.CLAIMED, State.DISPATCHED) or state.request is not None or failing


def _refreshable(snapshot: DecisionInput, now: datetime) -> bool:
    return snapshot.state.accepted_plan is not None and another_may_follow(snapshot, now)
