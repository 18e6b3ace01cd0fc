"""What is wrong with the pauses of a policy."""

from __future__ import annotations

from collections.abc import Iterator

from shared.core.policy.config_error import ConfigError, suggest
from shared.core.policy.policy import PlannedPause, Policy


def pause_problems(policy: Policy) -> Iterator[ConfigError]:
    """Yield pauses that are over before they begin, are of nothing that there is, or are listed twice."""
    seen: set[str] = set()
    for place, pause in enumerate(policy.pauses):
        key = f"pauses[{place}]"
        if pause.until <= pause.begins:
            reason = f"{pause.until} is not after from ({pause.begins})"
            yield ConfigError(
                f"{key}.until", reason, "it is over with the first instant of this date: name a later one"
            )
        yield from _scope(policy, pause, key)
        if pause.id in seen:
            yield ConfigError(key, "stands there twice", "leave one of the two")
        seen.add(pause.id)


def _scope(policy: Policy, pause: PlannedPause, key: str) -> Iterator[ConfigError]:
    mode, transition = pause.mode, pause.transition
    if mode is not None and mode not in policy.modes:
        yield ConfigError(f"{key}.mode", f"there is no mode {mode}", suggest(mode, policy.modes))
    if transition is None:
        return
    if transition not in policy.transitions:
        reason = f"there is no transition {transition}"
        yield ConfigError(f"{key}.transition", reason, suggest(transition, policy.transitions))
    elif mode in policy.modes and mode not in policy.transitions[transition].expects:
        reason = f"{mode} does not pass through {transition}"
        modes = ", ".join(policy.transitions[transition].expects)
        yield ConfigError(f"{key}.mode", reason, f"one of {modes}, or leave it out")
