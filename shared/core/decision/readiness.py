"""Whether sets and clock allow a trigger: complete, a tier, the deadline (behaviour D1, section 3)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from shared.core.decision.completeness import Completeness
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import TriggerReason
from shared.core.policy.transitions import Then


class Ready(NamedTuple):
    """Why a transition may go: `complete`, `tier_2`, `deadline`, `refresh` or `operator`."""

    reason: str
    first_tier: bool = False


class NotReady(NamedTuple):
    """Why it may not go yet, and when the clock alone will change that."""

    reason: str
    next_at: datetime | None = None
    held: bool = False


def readiness(snapshot: DecisionInput, completeness: Completeness, now: datetime) -> Ready | NotReady:
    """Say whether sets and clock allow a trigger (behaviour D1, section 3); gates aside."""
    if completeness.complete:
        return Ready(TriggerReason.COMPLETE)
    waiting = "waiting for " + (", ".join(completeness.described(completeness.missing)) or "nothing that is expected")
    since = snapshot.clock_from
    if since is None:
        return NotReady(waiting)
    moments = []
    expectation = snapshot.expectation
    for number, tier in enumerate(expectation.tiers, start=1):
        at = since + tier.after
        moments.append(at)
        if now >= at and _enough(completeness, tier.at_least):
            return Ready(f"tier_{number}", first_tier=number == 1)
    deadline = expectation.deadline
    if deadline is not None:
        at = since + deadline.after
        moments.append(at)
        if now >= at:
            return _at_deadline(deadline.then, completeness)
    return NotReady(waiting, min((at for at in moments if at > now), default=None))


def _enough(completeness: Completeness, at_least: int) -> bool:
    present = completeness.present
    return len(present) >= min(at_least, len(completeness.expected)) and completeness.required <= present


def _at_deadline(then: Then, completeness: Completeness) -> Ready | NotReady:
    if then is Then.TRIGGER or (then is Then.TRIGGER_IF_REQUIRED and completeness.required <= completeness.present):
        return Ready(TriggerReason.DEADLINE)
    return NotReady(
        "the deadline has passed without " + ", ".join(completeness.described(completeness.missing)), held=True
    )
