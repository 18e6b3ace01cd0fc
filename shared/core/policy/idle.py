"""What a policy says in vain: it loads with a warning, and `orch check` refuses it (behaviour T3, T10)."""

from __future__ import annotations

from shared.core.policy.calendar_check import idle_floors
from shared.core.policy.config_error import ConfigError
from shared.core.policy.mode_check import never_told
from shared.core.policy.policy import Policy
from shared.core.policy.silence_check import silences


def idle(policy: Policy) -> list[ConfigError]:
    """Return transitions whose silence raises no alert, due times after the end, and floors that refuse nothing."""
    return [*silences(policy), *never_told(policy), *idle_floors(policy)]
