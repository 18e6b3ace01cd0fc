"""What is wrong with the objectives of a policy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from shared.core.policy.config_error import ConfigError
from shared.core.policy.objectives import LONGEST_WINDOW, ObjectiveKind
from shared.core.policy.policy import Policy

SHORTEST_WINDOW = timedelta(days=3)
# A sweep is made every minute: what is due has waited for one by then.
SHORTEST_SWEEP = timedelta(minutes=2)


def objective_problems(policy: Policy) -> Iterator[ConfigError]:
    """Yield objectives that leave nothing to be spent, and windows in which they cannot be measured."""
    slos = policy.objectives
    for kind, objective in slos.stated().items():
        key = f"slos.{kind.value}"
        if not 0 < objective.goal < 100:
            hint = "99 lets one of a hundred be bad; leave the objective out by null"
            yield ConfigError(f"{key}.goal", f"{objective.goal:g} percent leaves no error budget to spend", hint)
        least = SHORTEST_SWEEP if kind is ObjectiveKind.SWEEP_HEALTH else timedelta(seconds=1)
        if objective.within is not None and objective.within < least:
            reason = f"is shorter than {least.total_seconds():g} s: nothing could be good"
            yield ConfigError(f"{key}.within", reason, "60s for a hand-off, 5m for a sweep")
    if not SHORTEST_WINDOW <= slos.window <= LONGEST_WINDOW:
        reason = "is not from 3 to 28 days: the longest burn rate needs three, and runs are kept for 30"
        yield ConfigError("slos.window", reason, "28d has four of each weekday")
