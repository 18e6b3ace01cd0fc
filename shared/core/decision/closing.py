"""When nothing of a run is left to be done, so that it may close (behaviour T5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.core.calendar import working_day
from shared.core.decision.refresh import another_may_follow
from shared.core.decision.silence import end_expected_at
from shared.core.decision.snapshot import Situation
from shared.core.model import State, TransitionState


def is_over(situations: Sequence[Situation], now: datetime) -> bool:
    """True once every transition of a run has come to its end and no other generation may follow.

    Those after which nothing comes are confirmed, observed or empty, and their phases have ended, or it has been told
    that they have not (T10); the others triggered, observed or empty. What
    is empty has ended with the run's working day: until then the calendar may still bring its units back (T4).
    """
    waited_for = {phase for situation in situations for phase in situation.transition.after}
    if not situations or any(_refreshable(situation, now) for situation in situations):
        return False
    return all(_ended(situation, situation.transition.starts not in waited_for, now) for situation in situations)


def never_triggered(situation: Situation) -> bool:
    """True for a transition of a date with units that was neither dispatched nor observed."""
    return not situation.state.triggered and not situation.empty


def _ended(situation: Situation, last: bool, now: datetime) -> bool:
    state = situation.state
    if _owed(state):
        return False
    if state.carried is None:
        key, policy = situation.key, situation.policy
        return situation.empty and policy.local(now).date() > working_day(key, policy)
    ends_by = end_expected_at(situation)
    if last and ends_by is not None and (now < ends_by or situation.pause(now) is not None):
        return False
    return state.state in (State.CONFIRMED, State.OBSERVED) if last else True


def _owed(state: TransitionState) -> bool:
    """True while a dispatch is under way, still to be made or not confirmed: closing the run would end it unseen
    (behaviour D3, D8)."""
    failing = state.failure is not None and state.carried is None
    return state.state in (State.CLAIMED, State.DISPATCHED) or state.request is not None or failing


def _refreshable(situation: Situation, now: datetime) -> bool:
    return situation.state.carried is not None and another_may_follow(situation, now)
