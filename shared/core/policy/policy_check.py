"""What is wrong with a policy, beyond the shape of its file. Nothing here reads anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType

from shared.core.policy.after_run_check import after_run_problems
from shared.core.policy.alert_check import alert_problems
from shared.core.policy.answer_check import answer_problems
from shared.core.policy.batch_check import batch_problems
from shared.core.policy.calendar_check import calendar_problems, units_problems
from shared.core.policy.config_error import ConfigError, spell, suggest
from shared.core.policy.gate_check import gate_problems
from shared.core.policy.mode_check import mode_problems
from shared.core.policy.names import forms
from shared.core.policy.objective_check import objective_problems
from shared.core.policy.opens_on_check import rerun_opens_on_problems
from shared.core.policy.pause_check import pause_problems
from shared.core.policy.phases import Phase
from shared.core.policy.policy import Policy
from shared.core.policy.step_check import rerun_problems
from shared.core.policy.transition_check import transition_problems
from shared.core.policy.transitions import Transition
from shared.core.policy.wire_check import wire_problems

__all__ = ["ConfigError", "problems"]

LONGEST_LEASE = timedelta(minutes=15)
PREFLIGHT = timedelta(seconds=5)


def problems(policy: Policy, unreadable: Mapping[str, str] = MappingProxyType({})) -> list[ConfigError]:
    """Return everything that is wrong, in the order of the file.

    ``unreadable`` says of the SQL files that the functions could not read why, as the gates name them.
    """
    errors = [
        *calendar_problems(policy),
        *mode_problems(policy),
        *answer_problems(policy),
        *_phases(policy),
        *_clashes(policy),
        *wire_problems(policy),
        *gate_problems(policy, unreadable),
    ]
    errors += [*_lease(policy), *_graph(policy)]
    for transition in policy.transitions.values():
        errors += transition_problems(policy, transition)
    errors += batch_problems(policy, unreadable)
    if policy.signals:
        from shared.core.policy.signal_check import signal_problems  # most pipelines have none

        errors += signal_problems(policy)
    return [
        *errors,
        *after_run_problems(policy),
        *alert_problems(policy),
        *_repairs(policy),
        *pause_problems(policy),
        *objective_problems(policy),
    ]


def _phases(policy: Policy) -> Iterator[ConfigError]:
    taken: dict[str, str] = {}
    for phase in policy.phases.values():
        key = f"phases.{phase.name}"
        yield from _reporting(phase, key)
        other = taken.setdefault(phase.completions_topic, phase.name)
        if other != phase.name and phase.completions_topic:
            yield ConfigError(
                f"{key}.completions_topic", f"{other} reports on it already", "give each phase its own topic"
            )
        yield from rerun_problems(policy, phase, f"{key}.rerun")
        yield from rerun_opens_on_problems(policy, phase, f"{key}.rerun")
        for processor in phase.processors.values():
            named = policy.calendar is not None and bool(policy.calendar.unit_key)
            yield from units_problems(processor, f"{key}.processors.{processor.name}", named=named)


def _reporting(phase: Phase, key: str) -> Iterator[ConfigError]:
    """Yield a phase that would report and is not heard, or is listened to and has no processor that reports (D13)."""
    if phase.processors and not phase.completions_topic:
        hint = f"add the topic they report on, such as {phase.name}-complete"
        yield ConfigError(f"{key}.completions_topic", "is missing: its processors could not be heard", hint)
    if phase.completions_topic and not phase.processors:
        reason = "nobody is known who reports on its completions_topic"
        yield ConfigError(f"{key}.processors", reason, "name its processors, or leave out both: it never reports")


def _clashes(policy: Policy) -> Iterator[ConfigError]:
    """Yield each accepted name that means two processors, once for a pair of keys (behaviour R2)."""
    everywhere: dict[str, tuple[str, str]] = {}
    within: dict[tuple[str, str], tuple[str, str]] = {}
    reported = set()
    for phase in policy.phases.values():
        for processor in phase.processors.values():
            me = (phase.name, processor.name)
            for form in forms(processor):
                other = within.setdefault((phase.name, form.name), me)
                if other == me and not form.local:
                    other = everywhere.setdefault(form.name, me)
                if other != me and (me, form.origin, other) not in reported:
                    reported.add((me, form.origin, other))
                    yield _clash(me, form.origin, form.name, other)


def _clash(me: tuple[str, str], origin: str, name: str, other: tuple[str, str]) -> ConfigError:
    key = f"phases.{me[0]}.processors.{me[1]}" + (f".{origin}" if origin else "")
    reason = f"the name {name} means both {me[1]} of {me[0]} and {other[1]} of {other[0]}"
    return ConfigError(key, reason, "a name on the wire must mean one processor: take it from one of the two")


def _lease(policy: Policy) -> Iterator[ConfigError]:
    lease = policy.claim_lease
    if lease <= timedelta(0):
        yield ConfigError(
            "claim_lease", "must be longer than nothing", "2m is longer than most dispatches with their retries"
        )
        return
    if lease > LONGEST_LEASE:
        reason = f"{spell(lease)} is longer than {spell(LONGEST_LEASE)}: a crash would stall a run for that long"
        yield ConfigError("claim_lease", reason, "2m is longer than most dispatches with their retries")
    asking = [t.name for t in policy.transitions.values() if t.preflight is not None]
    if asking and lease <= PREFLIGHT:
        reason = f"{spell(lease)} is not longer than the {spell(PREFLIGHT)} of the preflight of {asking[0]}"
        yield ConfigError("claim_lease", reason, "2m is longer than most dispatches with their retries")


def _graph(policy: Policy) -> Iterator[ConfigError]:
    """Yield where transitions and phases make no graph without circles in which each phase has its place (D13)."""
    whole = True
    starters: dict[str, str] = {}
    for transition in policy.transitions.values():
        errors = [*_ends(policy, transition), *_started_twice(transition, starters)]
        whole = whole and not errors
        yield from errors
    if not whole:
        return
    yield from _circles(policy)
    for phase in policy.phases.values():
        if not policy.after(phase.name) and phase.name not in starters:
            hint = f"add a transition with after: {phase.name}, or one that starts it"
            yield ConfigError(f"phases.{phase.name}", "no transition leads to it or from it", hint)


def _ends(policy: Policy, transition: Transition) -> Iterator[ConfigError]:
    key = f"transitions.{transition.name}"
    for role, named in (("after", transition.after), ("starts", (transition.starts,))):
        for phase in named:
            if phase not in policy.phases:
                yield ConfigError(f"{key}.{role}", f"there is no phase {phase}", suggest(phase, policy.phases))
            elif role == "after" and not policy.phases[phase].processors:
                reason = f"{phase} has no processors: nothing of it can be waited for"
                yield ConfigError(f"{key}.after", reason, "name its processors and their completions_topic")
    if transition.starts in transition.after:
        hint = "a transition leads from one phase to another; phases run in no circle"
        yield ConfigError(f"{key}.starts", f"{transition.starts} would start itself", hint)


def _started_twice(transition: Transition, starters: dict[str, str]) -> Iterator[ConfigError]:
    other = starters.setdefault(transition.starts, transition.name)
    if other != transition.name:
        hint = "one transition starts a phase: let it wait for several with after: [...]"
        yield ConfigError(f"transitions.{transition.name}.starts", f"{other} starts {transition.starts} already", hint)


def _circles(policy: Policy) -> Iterator[ConfigError]:
    """Yield each circle of phases once, at the transition of it that goes back in the order of the file."""
    places = {phase: place for place, phase in enumerate(policy.phases)}
    reported: set[str] = set()
    for name, beyond in policy.beyond.items():
        if name not in beyond or name in reported:
            continue
        circle = {other for other in beyond if name in policy.beyond[other]}
        reported |= circle
        listed = [transition for transition in policy.transitions.values() if transition.name in circle]
        back = min(
            listed, key=lambda transition: places[transition.starts] - max(places[phase] for phase in transition.after)
        )
        reason = f"{back.starts} comes before {', '.join(back.after)}: the phases would run in a circle"
        hint = "a transition leads from a phase to one that nothing before it waits for"
        yield ConfigError(f"transitions.{back.name}.starts", reason, hint)


def _repairs(policy: Policy) -> Iterator[ConfigError]:
    repairs = policy.repairs
    if repairs.max_attempts < 1:
        reason = f"{repairs.max_attempts} attempts repair nothing"
        yield ConfigError("repairs.max_attempts", reason, "1 is the least; a phase without rerun is never run again")
    for mode in sorted((repairs.modes or frozenset()) - policy.modes.keys()):
        yield ConfigError("repairs.modes", f"there is no mode {mode}", suggest(mode, policy.modes))
    if repairs.cooldown <= timedelta(0):
        yield ConfigError("repairs.cooldown", "must be longer than nothing", "30m leaves a rerun time to report")
