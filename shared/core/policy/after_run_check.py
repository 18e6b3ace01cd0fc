"""What is wrong with waiting for other runs: those that can never come, and those that wait for each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from shared.core.policy.after_run import AfterRun
from shared.core.policy.config_error import ConfigError, suggest
from shared.core.policy.mode_check import DAYS
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Transition

Node = tuple[str, str, str]
"""A pipeline, a mode, a transition."""


def after_run_problems(policy: Policy, pipelines: Mapping[str, Policy] | None = None) -> Iterator[ConfigError]:
    """Yield runs that can never come, and runs that would wait for each other.

    ``pipelines`` are all of a deployment by name; None where only the one is known: then nothing is said of others.
    """
    policies = {policy.pipeline: policy} if pipelines is None else pipelines
    for transition in policy.transitions.values():
        for mode, expectation in transition.expects.items():
            after, key = expectation.after_run, f"transitions.{transition.name}.expects.{mode}.after_run"
            if after is None:
                continue
            if after.pipeline in policies:
                yield from _named(policies[after.pipeline], after, key)
                yield from _never_met(policy, policies[after.pipeline], mode, after, key)
            elif pipelines is not None:
                yield ConfigError(
                    f"{key}.pipeline", f"there is no pipeline {after.pipeline}", suggest(after.pipeline, policies)
                )
            if _waits_for_itself((policy.pipeline, mode, transition.name), policies):
                hint = "name another mode, date or pipeline; a run waits for its own phases with after: [...]"
                yield ConfigError(key, "the run would wait for itself", hint)


def _named(policy: Policy, after: AfterRun, key: str) -> Iterator[ConfigError]:
    there = policy.transitions.get(after.transition)
    if after.mode not in policy.modes:
        reason = f"there is no mode {after.mode} in {policy.pipeline}"
        yield ConfigError(f"{key}.mode", reason, suggest(after.mode, policy.modes))
    elif after.transition and there is None:
        reason = f"there is no transition {after.transition} in {policy.pipeline}"
        yield ConfigError(f"{key}.transition", reason, suggest(after.transition, policy.transitions))
    elif there is not None and after.mode not in there.expects:
        hint = f"name one of {', '.join(there.expects)}"
        yield ConfigError(f"{key}.mode", f"{after.mode} does not pass {after.transition}", hint)


def _never_met(policy: Policy, other: Policy, mode: str, after: AfterRun, key: str) -> Iterator[ConfigError]:
    """Yield that on no working day of a mode the run is expected that it waits for: nobody would open that (T1)."""
    waiting, there = policy.modes.get(mode), other.modes.get(after.mode)
    if waiting is None or there is None:
        return
    apart = timedelta(days=waiting.partition_offset_days + after.offset_days - there.partition_offset_days)
    if not any(waiting.expected_on(day) and there.expected_on(day + apart) for day in DAYS):
        days = f"{mode} is expected on {waiting.days.text}, {after.mode} on {there.days.text}"
        hint = "name the offset_days at which there is one, or another mode"
        yield ConfigError(key, f"the run that it waits for is never expected: {days}", hint)


def _waits_for_itself(start: Node, policies: Mapping[str, Policy]) -> bool:
    """True if a way along what is waited for leads back to the same run."""
    ahead: list[tuple[Node, int]] = _next(start, policies)
    seen: set[tuple[Node, int]] = set()
    while ahead:
        node, days = ahead.pop()
        if (node, days) == (start, 0):
            return True
        # A path whose dates are further off with every round never comes back.
        if (node, days) not in seen and abs(days) <= len(policies) * FURTHEST:
            seen.add((node, days))
            ahead += [(following, days + more) for following, more in _next(node, policies)]
    return False


FURTHEST = 31


def _next(node: Node, policies: Mapping[str, Policy]) -> list[tuple[Node, int]]:
    """Return what a transition of a run waits for, each with the days between the dates: what starts its phases, and
    the run that it comes after."""
    pipeline, mode, name = node
    policy = policies.get(pipeline)
    transition = None if policy is None else policy.transitions.get(name)
    if policy is None or transition is None or mode not in transition.expects:
        return []
    nodes = [((pipeline, mode, earlier.name), 0) for earlier in _before(policy, transition) if mode in earlier.expects]
    after = transition.expects[mode].after_run
    other = None if after is None else policies.get(after.pipeline)
    if after is None or other is None:
        return nodes
    named = [after.transition] if after.transition else list(other.transitions)
    return [*nodes, *(((after.pipeline, after.mode, name), after.offset_days) for name in named)]


def _before(policy: Policy, transition: Transition) -> list[Transition]:
    starters = (policy.starting(phase) for phase in transition.after)
    return [starter for starter in starters if starter is not None]
