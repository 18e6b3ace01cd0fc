"""What is wrong with a policy, beyond the shape of its file. Nothing here reads anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import pairwise
from types import MappingProxyType

from shared.core.gate_check import gate_problems
from shared.core.names import forms
from shared.core.policy import Policy
from shared.core.problem import Problem, spell, suggest
from shared.core.step_check import rerun_problems
from shared.core.transition_check import transition_problems
from shared.core.wire_check import wire_problems

__all__ = ["Problem", "problems", "silences"]

SEVERITIES = ("info", "warning", "critical")
LONGEST_LEASE = timedelta(minutes=15)
PREFLIGHT = timedelta(seconds=5)


def problems(policy: Policy, unreadable: Mapping[str, str] = MappingProxyType({})) -> list[Problem]:
    """Return everything that is wrong, in the order of the file.

    ``unreadable`` says of the SQL files that the functions could not read why, as the gates name them.
    """
    found = [
        *_modes(policy),
        *_phases(policy),
        *_clashes(policy),
        *wire_problems(policy),
        *gate_problems(policy, unreadable),
    ]
    found += [*_lease(policy), *_chain(policy)]
    for transition in policy.transitions.values():
        found += transition_problems(policy, transition)
    return [*found, *_alerts(policy), *_repairs(policy)]


def silences(policy: Policy) -> list[Problem]:
    """Return where a run could wait for ever and nobody be told: allowed, and seldom meant."""
    return [
        Problem(
            f"transitions.{transition.name}.expects.{mode}",
            "neither a due time nor a deadline: if something stays missing nobody hears of it",
            "add due: {warning, critical}, or a deadline",
        )
        for transition in policy.transitions.values()
        for mode, expectation in transition.expects.items()
        if expectation.due is None and expectation.deadline is None
    ]


def _modes(policy: Policy) -> Iterator[Problem]:
    taken: dict[int, str] = {}
    for mode in policy.modes.values():
        other = taken.setdefault(mode.partition_offset_days, mode.name)
        if other != mode.name:
            key = f"modes.{mode.name}.partition_offset_days"
            yield Problem(key, f"{other} has the same offset", "a date belongs to one mode: give each its own")
        if mode.same_evening_from is not None and mode.partition_offset_days >= 0:
            reason = f"{mode.name} works on its date on the day itself or before: there is no evening to reach back to"
            hint = "it belongs to a mode with a negative partition_offset_days; leave it out here"
            yield Problem(f"modes.{mode.name}.same_evening_from", reason, hint)


def _phases(policy: Policy) -> Iterator[Problem]:
    taken: dict[str, str] = {}
    for phase in policy.phases.values():
        key = f"phases.{phase.name}"
        other = taken.setdefault(phase.completions_topic, phase.name)
        if other != phase.name:
            yield Problem(f"{key}.completions_topic", f"{other} reports on it already", "give each phase its own topic")
        yield from rerun_problems(policy, phase, f"{key}.rerun")


def _clashes(policy: Policy) -> Iterator[Problem]:
    """Yield each accepted name that means two processors, once for a pair of keys (behaviour R2)."""
    everywhere: dict[str, tuple[str, str]] = {}
    within: dict[tuple[str, str], tuple[str, str]] = {}
    said = set()
    for phase in policy.phases.values():
        for processor in phase.processors.values():
            me = (phase.name, processor.name)
            for form in forms(processor):
                other = within.setdefault((phase.name, form.name), me)
                if other == me and not form.local:
                    other = everywhere.setdefault(form.name, me)
                if other != me and (me, form.origin, other) not in said:
                    said.add((me, form.origin, other))
                    yield _clash(me, form.origin, form.name, other)


def _clash(me: tuple[str, str], origin: str, name: str, other: tuple[str, str]) -> Problem:
    key = f"phases.{me[0]}.processors.{me[1]}" + (f".{origin}" if origin else "")
    reason = f"the name {name} means both {me[1]} of {me[0]} and {other[1]} of {other[0]}"
    return Problem(key, reason, "a name on the wire must mean one processor: take it from one of the two")


def _lease(policy: Policy) -> Iterator[Problem]:
    lease = policy.claim_lease
    if lease <= timedelta(0):
        yield Problem(
            "claim_lease", "must be longer than nothing", "2m is longer than most dispatches with their retries"
        )
        return
    if lease > LONGEST_LEASE:
        reason = f"{spell(lease)} is longer than {spell(LONGEST_LEASE)}: a crash would stall a run for that long"
        yield Problem("claim_lease", reason, "2m is longer than most dispatches with their retries")
    asking = [t.name for t in policy.transitions.values() if t.preflight is not None]
    if asking and lease <= PREFLIGHT:
        reason = f"{spell(lease)} is not longer than the {spell(PREFLIGHT)} of the preflight of {asking[0]}"
        yield Problem("claim_lease", reason, "2m is longer than most dispatches with their retries")


def _chain(policy: Policy) -> Iterator[Problem]:
    """Yield where the transitions do not lead from each phase to the next one of the file."""
    whole = True
    taken: dict[str, str] = {}
    for transition in policy.transitions.values():
        found = _link(policy, transition.name, transition.after, transition.starts)
        other = taken.setdefault(transition.after, transition.name)
        if found is None and other != transition.name:
            key = f"transitions.{transition.name}.after"
            found = Problem(key, f"{other} waits for {transition.after} already", "one transition leads out of a phase")
        if found is not None:
            whole = False
            yield found
    phases = list(policy.phases)
    for phase, following in pairwise(phases):
        if whole and phase not in taken:
            hint = f"add a transition with after: {phase}, starts: {following}"
            yield Problem("transitions", f"nothing leads from {phase} to {following}", hint)


def _link(policy: Policy, name: str, after: str, starts: str) -> Problem | None:
    phases = list(policy.phases)
    for role, phase in (("after", after), ("starts", starts)):
        if phase not in policy.phases:
            return Problem(f"transitions.{name}.{role}", f"there is no phase {phase}", suggest(phase, phases))
    distance = phases.index(starts) - phases.index(after)
    if distance == 1:
        return None
    hint = "a transition leads from a phase to the next one; phases stand in the order in which they run"
    if distance == 0:
        reason = f"{starts} would start itself"
    elif distance < 0:
        reason = f"{starts} comes before {after}: the phases would run in a circle"
    else:
        between = ", ".join(phases[phases.index(after) + 1 : phases.index(starts)])
        reason = f"{between} between {after} and {starts} is left out"
    return Problem(f"transitions.{name}.starts", reason, hint)


def _alerts(policy: Policy) -> Iterator[Problem]:
    alerts = policy.alerts
    for severity in alerts.channels:
        if severity not in SEVERITIES:
            yield Problem(f"alerts.channels.{severity}", "there is no such severity", suggest(severity, SEVERITIES))
    for severity in SEVERITIES:
        if severity not in alerts.channels:
            reason = f"there is no channel for {severity}: nobody would read its alerts"
            yield Problem("alerts.channels", reason, f"add {severity}: NAME_OF_A_SECRET; two severities may share one")
    for severity in sorted(alerts.pagerduty.severities if alerts.pagerduty else ()):
        if severity not in SEVERITIES:
            key = "alerts.pagerduty.severities"
            yield Problem(key, f"there is no severity {severity}", suggest(severity, SEVERITIES))
    if alerts.repeat_after <= timedelta(0):
        yield Problem("alerts.repeat_after", "must be longer than nothing", "24h says a standing alert once a day")


def _repairs(policy: Policy) -> Iterator[Problem]:
    repairs = policy.repairs
    if repairs.max_attempts < 1:
        reason = f"{repairs.max_attempts} attempts repair nothing"
        yield Problem("repairs.max_attempts", reason, "1 is the least; a phase without rerun is never run again")
    if repairs.cooldown <= timedelta(0):
        yield Problem("repairs.cooldown", "must be longer than nothing", "30m leaves a rerun time to report")
