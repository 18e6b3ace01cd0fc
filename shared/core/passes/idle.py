"""What a policy says in vain: it loads with a warning, and `orch check` refuses it (behaviour T3, T10)."""

from __future__ import annotations

from shared.core.calendar_check import idle_floors
from shared.core.passes.check import never_told
from shared.core.policy import Policy
from shared.core.problem import Problem
from shared.core.silence_check import silences


def idle(policy: Policy) -> list[Problem]:
    """Return transitions of whose silence nobody hears, due times after the end, and floors that refuse nothing."""
    return [*silences(policy), *never_told(policy), *idle_floors(policy)]
