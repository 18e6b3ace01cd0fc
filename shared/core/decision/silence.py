"""Silence of what was started: a last phase that reports no end, and gates that block for too long (behaviour T10, A5).

The end of a phase that others wait for is told by their due times; of a last phase by `confirm.ended_within`.
"""

from __future__ import annotations

from datetime import datetime

from shared.core.decision.refusal import judged_by
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import State


def not_ended(snapshot: DecisionInput) -> tuple[str, ...]:
    """Return who of the started last phase has reported no end since the latest generation was dispatched.

    Nobody of a phase that others of the run wait for, that never reports, or of which the policy wants no end.
    """
    state = snapshot.state
    judged, awaited = judged_by(snapshot)
    unasked = snapshot.transition.confirm.ended_within is None or snapshot.empty
    if (
        awaited
        or unasked
        or state.accepted_plan is None
        or state.dispatched_at is None
        or state.state is State.OBSERVED
    ):
        return ()
    ends = {name: completion.latest for name in judged if (completion := snapshot.started.get(name)) is not None}
    since = state.dispatched_at
    return tuple(name for name in sorted(judged) if (end := ends.get(name)) is None or end.received_at < since)


def end_expected_at(snapshot: DecisionInput) -> datetime | None:
    """Return when a last phase should have reported its end at the latest; None where no end is owed."""
    within, since = snapshot.transition.confirm.ended_within, snapshot.state.dispatched_at
    return None if within is None or since is None or not not_ended(snapshot) else since + within


def deadline_at(snapshot: DecisionInput) -> datetime | None:
    """Return the deadline of a transition that was not triggered, None while nothing has opened it (behaviour R7)."""
    deadline, since = snapshot.expectation.deadline, snapshot.clock_from
    return None if deadline is None or since is None or snapshot.state.triggered else since + deadline.after
