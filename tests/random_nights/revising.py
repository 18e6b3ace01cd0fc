"""Nights in which another revision of the policy is put in force while their runs are open.

Every handler after that moment decides by it: what was triggered stands, what waits is judged anew. Its phases and
processors are the same, so that every message still means what it meant.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Deadline, Expectation, Then, Tier, Transition
from tests.random_nights.case import Night

MINUTE = timedelta(minutes=1)
SPANS = (0.25, 0.5, 1, 2, 3)


def revised_at(night: Night) -> datetime | None:
    """Return when the policy of a night changes: in every sixth, within some hours after one of its runs has begun."""
    if night.seed % 6 != 4:
        return None
    chance = Random(f"revision/{night.seed}")
    return night.begins[chance.choice(sorted(night.begins))] + MINUTE * chance.randrange(-30, 180)


def revised(policy: Policy, seed: int) -> Policy:
    """Return the policy with other tiers and deadlines, others of its processors required, and so another digest."""
    chance = Random(f"revised/{seed}")
    transitions = {name: _changed(transition, chance) for name, transition in policy.transitions.items()}
    return replace(policy, version=f"revised {seed}", transitions=transitions)


def _changed(transition: Transition, chance: Random) -> Transition:
    return replace(
        transition, expects={mode: _awaited(expectation, chance) for mode, expectation in transition.expects.items()}
    )


def _awaited(expectation: Expectation, chance: Random) -> Expectation:
    span = chance.choice(SPANS)
    required = frozenset(
        name for name in sorted(expectation.expected) if (name in expectation.required) is (chance.random() < 0.8)
    )
    required = required or expectation.required
    tiers = tuple(Tier(tier.after * span, max(1, tier.at_least - chance.randrange(2))) for tier in expectation.tiers)
    deadline = expectation.deadline
    if deadline is not None:
        then = deadline.then if chance.random() < 0.7 else chance.choice(list(Then))
        deadline = Deadline(deadline.after * chance.choice(SPANS), then)
    return replace(
        expectation, required=required, optional=expectation.expected - required, tiers=tiers, deadline=deadline
    )
