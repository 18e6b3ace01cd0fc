"""Where a policy lets a run end in silence (behaviour T10): it loads with a warning, and `orch check` refuses it."""

from __future__ import annotations

from collections.abc import Iterator

from shared.core.policy.config_error import ConfigError
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Expectation, Transition

NO_DUE = "neither a due time nor a reason why there is none: if it is never triggered nobody hears of it"
NO_END = "nothing waits for {phase}, and no time is set for its end: if it begins and never ends nobody hears of it"


def silences(policy: Policy) -> list[ConfigError]:
    """Return every transition of every mode that has neither a due time nor a reason for that."""
    hint = 'add due: {warning: "HH:MM", critical: "HH:MM"}; or due: none, because: why nobody has to know'
    return [
        ConfigError(f"transitions.{transition.name}.expects.{mode}", NO_DUE, hint)
        for transition in policy.transitions.values()
        for mode, expectation in transition.expects.items()
        if expectation.due is None and not expectation.no_due
    ]


def endless(policy: Policy) -> list[ConfigError]:
    """Return last phases that report and whose end no key asks for: allowed, and seldom meant."""
    hint = "add ended_within: the longest that it may take from its start on, such as 1h"
    return [
        ConfigError(f"transitions.{transition.name}.confirm", NO_END.format(phase=transition.starts), hint)
        for transition in policy.transitions.values()
        if _last_in(policy, transition) and transition.confirm.ended_within is None
    ]


def _last_in(policy: Policy, transition: Transition) -> list[str]:
    """Return the modes in which nothing waits for what the transition starts, although it reports."""
    starts = policy.phases.get(transition.starts)
    if starts is None or not starts.processors:
        return []
    waiting = {mode for after in policy.after(transition.starts) for mode in after.expects}
    return [mode for mode in transition.expects if mode not in waiting]


def due_problems(expectation: Expectation, key: str) -> Iterator[ConfigError]:
    """Yield a due time that is switched off without a reason, and a reason of nothing."""
    if expectation.no_due and not expectation.because:
        yield ConfigError(f"{key}.because", "is missing", "due: none wants because: why nobody needs to hear of it")
    if expectation.because and not expectation.no_due:
        yield ConfigError(
            f"{key}.because", "stands without due: none", "it says why there is no due time: leave it out"
        )


def end_problems(policy: Policy, transition: Transition, key: str) -> Iterator[ConfigError]:
    """Yield a time for the end of a phase that never reports, or whose end others wait for anyway."""
    confirm = transition.confirm
    if confirm.ended_within is None or transition.starts not in policy.phases:
        return
    where = f"{key}.confirm.ended_within"
    if not policy.phases[transition.starts].processors:
        yield ConfigError(where, f"{transition.starts} never reports", "leave it out: nothing shows its end")
    elif not _last_in(policy, transition):
        waiting = ", ".join(successor.name for successor in policy.after(transition.starts))
        yield ConfigError(
            where, f"{waiting} waits for {transition.starts}", "leave it out: the due time there tells it"
        )
    elif confirm.ended_within <= confirm.within:
        yield ConfigError(where, "is not longer than within", "a phase begins before it ends: give it more time")
