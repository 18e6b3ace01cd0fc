"""Whether a transition was triggered by its due time, said once of each (behaviour 14).

What the log counts in place of alerts: of one transition that is late there are a warning, a critical alert and their
ends. It is said where it is known for good, at the first trigger, or when the run closes without one. The record says
more (`events.py`): that a run was opened after the due time only it knows.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from shared.core.calendar import due_at
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import RunKey
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Due, Role

HELD, RELEASED = "hold", "release"


class Punctuality(StrEnum):
    """How a transition stands to its due time, once and for all."""

    IN_TIME = "in_time"
    LATE = "late"
    NEVER = "never"


def first_due_at(policy: Policy, key: RunKey, due: Due) -> datetime | None:
    """Return the earliest moment at which a transition is due, None where it is not on that day."""
    moments = (due_at(key, at, policy) for at in (due.warning, due.critical))
    return min((at for at in moments if at is not None), default=None)


def at_trigger(snapshot: DecisionInput, now: datetime) -> Punctuality | None:
    """Return how punctual the dispatch is that is made now; None where it is not the first, or is not judged."""
    due = _judged_at(snapshot)
    if due is None or snapshot.state.triggered:
        return None
    return Punctuality.IN_TIME if now < due else Punctuality.LATE


def at_close(snapshot: DecisionInput, now: datetime) -> Punctuality | None:
    """Return that a run ends without the trigger that was due; None where there was one, or it is not judged."""
    due = _judged_at(snapshot)
    return Punctuality.NEVER if due is not None and now >= due and not snapshot.state.triggered else None


def _judged_at(snapshot: DecisionInput) -> datetime | None:
    """Return the due time that is judged: none of what only observes, of a date without units, in a pause, or while an
    operator held it."""
    due = snapshot.expectation.due
    if due is None or snapshot.empty or snapshot.transition.dispatch.role is Role.OBSERVE:
        return None
    at = first_due_at(snapshot.policy, snapshot.key, due)
    if at is None or snapshot.pause(at) is not None:
        return None
    acts = [act for act in snapshot.state.acts if act.verb in (HELD, RELEASED) and act.at <= at]
    return None if acts and max(acts, key=lambda act: act.at).verb == HELD else at
