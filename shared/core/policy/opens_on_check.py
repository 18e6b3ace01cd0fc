"""What is wrong with the data that something opens on: the rerun of a phase, a workflow (behaviour 9, R13)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from shared.core.policy.config_error import ConfigError, suggest
from shared.core.policy.phases import Phase
from shared.core.policy.policy import Policy


def inputs_problems(
    policy: Policy, key: str, phase: str, processors: Iterable[str], modes: Iterable[str]
) -> Iterator[ConfigError]:
    """Yield an unknown phase, unknown processors, and those that nobody judges in any of the modes."""
    if phase not in policy.phases:
        yield ConfigError(f"{key}.phase", f"there is no phase {phase}", suggest(phase, policy.phases))
        return
    listed = list(modes)
    judged = {name for mode in listed for name in _judged(policy, phase, mode)}
    for place, name in enumerate(processors):
        if name not in policy.phases[phase].processors:
            reason = f"{phase} has no processor {name}"
            yield ConfigError(f"{key}.processors[{place}]", reason, suggest(name, policy.phases[phase].processors))
        elif name not in judged:
            reason = f"nothing expects {name} in {' or '.join(listed)}: whether it is done nobody judges"
            yield ConfigError(f"{key}.processors[{place}]", reason, suggest(name, judged))


def rerun_opens_on_problems(policy: Policy, phase: Phase, key: str) -> Iterator[ConfigError]:
    """Yield data that can never be there before the phase, and what is said of it in vain."""
    rerun = phase.rerun
    if rerun is None:
        return
    if rerun.grace is not None and not rerun.opens_on:
        yield ConfigError(f"{key}.grace", "nothing opens on data", "add opens_on, or leave grace out")
    if rerun.grace is not None and rerun.grace <= timedelta(0):
        reason = "must be longer than nothing: a phase needs time to report"
        yield ConfigError(f"{key}.grace", reason, "such as 20m; left out, what is missing is asked at due.warning")
    if rerun.opens_on and not policy.after(phase.name):
        reason = f"no transition waits for {phase.name}: nothing of it is ever missing"
        yield ConfigError(f"{key}.opens_on", reason, "leave it out")
    earlier = _earlier(policy, phase.name)
    for place, inputs in enumerate(rerun.opens_on):
        here = f"{key}.opens_on[{place}]"
        if inputs.mode and inputs.mode not in policy.modes:
            yield ConfigError(f"{here}.mode", f"there is no mode {inputs.mode}", suggest(inputs.mode, policy.modes))
            continue
        yield from inputs_problems(
            policy, here, inputs.phase, inputs.processors, [inputs.mode] if inputs.mode else policy.modes
        )
        if inputs.phase in policy.phases and inputs.phase not in earlier:
            reason = f"{phase.name} does not come after {inputs.phase}: it never lacks its data"
            hint = f"one of {', '.join(sorted(earlier))}" if earlier else "leave it out: no phase is earlier"
            yield ConfigError(f"{here}.phase", reason, hint)


def _judged(policy: Policy, phase: str, mode: str) -> frozenset[str]:
    """Return the processors of a phase that its first transition of the mode expects: it says whether they are done."""
    waiting = [transition.expects[mode] for transition in policy.after(phase) if mode in transition.expects]
    return waiting[0].expected if waiting else frozenset()


def _earlier(policy: Policy, phase: str) -> frozenset[str]:
    """Return the phases that a phase comes after, at any distance."""
    reached: set[str] = set()
    ahead = [phase]
    while ahead:
        starting = policy.starting(ahead.pop())
        new = [name for name in (starting.after if starting is not None else ()) if name not in reached]
        reached.update(new)
        ahead += new
    return frozenset(reached - {phase})
