"""What is wrong with one transition of a policy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from shared.core.policy.adaptive_check import adaptive_problems
from shared.core.policy.config_error import ConfigError, spell, suggest
from shared.core.policy.mode_check import nominal
from shared.core.policy.names import build_names
from shared.core.policy.policy import Policy
from shared.core.policy.silence_check import due_problems, end_problems
from shared.core.policy.step_check import step_problems
from shared.core.policy.transitions import ConfirmBy, Expectation, HttpCall, Publication, Role, Step, Transition
from shared.core.wire.answers import MAY_PASS

# The most that a publication takes.
PUBLISH = timedelta(seconds=10)


def transition_problems(policy: Policy, transition: Transition) -> Iterator[ConfigError]:
    """Yield what is wrong with what a transition waits for, sends, and is confirmed by."""
    key = f"transitions.{transition.name}"
    if not transition.expects:
        yield ConfigError(f"{key}.expects", "exists in no mode", "name a mode, or any_mode for all of them")
    for mode, expectation in transition.expects.items():
        yield from _expectation(policy, transition, mode, expectation)
    if transition.preflight is not None and transition.preflight not in policy.services:
        reason = f"there is no service {transition.preflight}"
        yield ConfigError(f"{key}.preflight", reason, suggest(transition.preflight, policy.services))
    yield from step_problems(policy, transition, key)
    yield from _target(transition, key)
    yield from _never_reported(policy, transition, key)
    yield from _loop(policy, transition, key)
    yield from _times(policy, transition, key)
    yield from end_problems(policy, transition, key)
    if transition.refresh is not None and transition.refresh.at_most < 1:
        reason = f"{transition.refresh.at_most} refreshes are none"
        yield ConfigError(f"{key}.refresh.at_most", reason, "1 is the least; leave refresh out for none")


def _expectation(policy: Policy, transition: Transition, mode: str, expectation: Expectation) -> Iterator[ConfigError]:
    key = f"transitions.{transition.name}.expects.{mode}"
    if mode not in policy.modes:
        yield ConfigError(key, f"there is no mode {mode}", suggest(mode, [*policy.modes, "any_mode"]))
    both = sorted(expectation.required & expectation.optional)
    if both:
        yield ConfigError(
            f"{key}.optional", f"{', '.join(both)} is required already", "name it in one of the two lists"
        )
    yield from _members(policy, transition, expectation, key)
    if not expectation.expected:
        yield ConfigError(f"{key}.required", "nothing is expected", "name at least one processor")
    yield from _tiers(expectation, key)
    yield from due_problems(expectation, key)
    yield from adaptive_problems(expectation, policy.modes.get(mode), key)
    due, passes = expectation.due, policy.modes.get(mode)
    if passes is None or due is None or due.warning is None or due.critical is None:
        return
    if nominal(due.warning, passes) >= nominal(due.critical, passes):
        reason = f"{due.warning} is not before critical ({due.critical})"
        yield ConfigError(
            f"{key}.due.warning", reason, "warn first; both are on the run's working day, +1d a day later"
        )


def _members(policy: Policy, transition: Transition, expectation: Expectation, key: str) -> Iterator[ConfigError]:
    phases = [policy.phases[phase] for phase in transition.after if phase in policy.phases]
    if len(phases) < len(transition.after):
        return
    processors, where = policy.awaited[transition.name], " or ".join(transition.after)
    canonical_of = {name: canonical for phase in phases for name, canonical in build_names(phase).items()}
    for role, names in (("required", expectation.required), ("optional", expectation.optional)):
        for name in sorted(names - processors.keys()):
            canonical = canonical_of.get(name)
            hint = f"its canonical name is {canonical}" if canonical else suggest(name, processors)
            yield ConfigError(f"{key}.{role}", f"{name} is no processor of {where}", hint)
    members = [processors[name] for name in expectation.expected if name in processors]
    if members and len(members) == len(expectation.expected) and all(processor.disabled for processor in members):
        yield ConfigError(
            f"{key}.required", "every processor expected is disabled", "expect one that runs, or enable one"
        )


def _tiers(expectation: Expectation, key: str) -> Iterator[ConfigError]:
    expected, required = len(expectation.expected), len(expectation.required)
    tiers, deadline = expectation.tiers, expectation.deadline
    for place, tier in enumerate(tiers):
        at_least = f"{key}.tiers[{place}].at_least"
        if tier.at_least > expected:
            yield ConfigError(
                at_least, f"{tier.at_least} of {expected} expected can never be", f"{expected} at the most"
            )
        if tier.at_least < required:
            reason = f"{tier.at_least} is below the {required} required, which every tier needs anyway"
            yield ConfigError(at_least, reason, f"{required} at the least")
        if deadline is not None and tier.after >= deadline.after:
            reason = f"{spell(tier.after)} is not before the deadline ({spell(deadline.after)})"
            yield ConfigError(f"{key}.tiers[{place}].after", reason, "a tier at or after the deadline never counts")
    for place, (before, tier) in enumerate(pairwise(tiers), start=1):
        if tier.at_least > before.at_least:
            reason = f"rises from {before.at_least} to {tier.at_least}: tiers ask for less as time goes by"
            yield ConfigError(
                f"{key}.tiers[{place}].at_least", reason, f"{before.at_least} at the most, or swap the tiers"
            )
        if tier.after <= before.after:
            reason = f"{spell(tier.after)} is not later than the tier above ({spell(before.after)})"
            yield ConfigError(f"{key}.tiers[{place}].after", reason, "list the tiers in the order of their times")
    if tiers and deadline is not None and min(tier.after for tier in tiers) >= deadline.after:
        yield ConfigError(
            f"{key}.deadline.after", "no tier can be reached before it", "move the deadline behind the tiers"
        )


def _target(transition: Transition, key: str) -> Iterator[ConfigError]:
    """Yield what a transition that triggers has no way to send; one that only observes sends nothing (behaviour D6)."""
    dispatch, by = transition.dispatch, transition.confirm.by
    if dispatch.role is not Role.TRIGGER:
        return
    calls = any(isinstance(step.target, HttpCall) for step in dispatch.steps)
    publishes = any(isinstance(step.target, Publication) for step in dispatch.steps)
    if not dispatch.steps:
        yield ConfigError(
            f"{key}.dispatch", "triggers, but has neither topic nor http", "add a topic, or role: observe"
        )
    elif by is ConfirmBy.HTTP and not calls:
        yield ConfigError(
            f"{key}.confirm.by", "dispatch has no http to confirm it", "add dispatch.http, or by: first_report"
        )
    elif by is ConfirmBy.PUBLISH and not publishes:
        yield ConfigError(f"{key}.confirm.by", "dispatch has no topic to confirm it", "by: http, or add dispatch.topic")


def _never_reported(policy: Policy, transition: Transition, key: str) -> Iterator[ConfigError]:
    """Yield a confirmation that can never come: by a report of a phase that never reports (behaviour D13)."""
    phase = policy.phases.get(transition.starts)
    if phase is not None and not phase.processors and transition.confirm.by is ConfirmBy.FIRST_REPORT:
        reason = f"{phase.name} has no processors: it never reports"
        yield ConfigError(
            f"{key}.confirm.by", reason, "by: publish, or by: http; or name its processors and their topic"
        )


def _loop(policy: Policy, transition: Transition, key: str) -> Iterator[ConfigError]:
    """Yield a trigger that would come back as a completion: every trigger would be a message in quarantine."""
    for step in transition.all_steps:
        topic = step.target.topic if isinstance(step.target, Publication) else ""
        if topic in policy.topics:
            reason = f"{topic} is the completions topic of {policy.topics[topic]}"
            yield ConfigError(f"{key}.{step.place}.topic", reason, "triggers need a topic of their own")


def _times(policy: Policy, transition: Transition, key: str) -> Iterator[ConfigError]:
    """Yield where an inner time does not fit into the outer one (behaviour 12)."""
    lease, confirm = policy.claim_lease, transition.confirm
    for steps in (transition.dispatch.steps, transition.refresh.steps if transition.refresh is not None else ()):
        yield from _steps_fit(lease, steps, key)
    if confirm.within <= timedelta(0):
        yield ConfigError(f"{key}.confirm.within", "must be longer than nothing", "15m leaves a phase time to begin")
    elif confirm.by is ConfirmBy.FIRST_REPORT and confirm.within <= lease:
        reason = f"{spell(confirm.within)} is not longer than claim_lease ({spell(lease)})"
        yield ConfigError(f"{key}.confirm.within", reason, "wait longer for a report than for the dispatch itself")


def _steps_fit(lease: timedelta, steps: tuple[Step, ...], key: str) -> Iterator[ConfigError]:
    """Yield where a step may outlast the claim, which each step that was accepted renews.

    A call is repeated only while the claim leaves time for it, so that one timeout is what has to fit; an answer that
    takes longer is of unknown outcome (behaviour D11).
    """
    for step in steps:
        if isinstance(step.target, HttpCall):
            yield from _call_fits(lease, step.target, f"{key}.{step.place}.http")
        elif timedelta(0) < lease <= PUBLISH:
            reason = f"{spell(lease)} is not longer than a publish ({spell(PUBLISH)})"
            yield ConfigError("claim_lease", reason, "2m is longer than most dispatches with their retries")


def _call_fits(lease: timedelta, call: HttpCall, key: str) -> Iterator[ConfigError]:
    never = sorted(status for status in call.accepted if status in MAY_PASS or status >= 500)
    if never:
        reason = f"{never[0]} is no acceptance: such an answer is tried again"
        yield ConfigError(f"{key}.accepted", reason, "name answers after which the service is at work")
    if call.timeout <= timedelta(0):
        yield ConfigError(f"{key}.timeout", "must be longer than nothing", "30s leaves a service time to answer")
    elif call.timeout >= lease:
        reason = f"{spell(call.timeout)} is not shorter than claim_lease ({spell(lease)})"
        hint = "lower http.timeout, or raise claim_lease; an answer that takes longer is of unknown outcome"
        yield ConfigError(f"{key}.timeout", reason, hint)
