"""Nights of a pipeline that leaves tiers, deadlines and due times to past nights, and what each run is decided by then.

Worked out a second time, without a line of `shared/core/learning` or `shared/core/policy/adaptive.py`: the quantile is
that of the standard library, and the bounds are kept to here.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

from shared.core.learning.learned import Learned
from shared.core.learning.nights import NightSample
from shared.core.model import Lane, RunKey
from shared.core.policy.adaptive import Auto
from shared.core.policy.mode_check import nominal
from shared.core.policy.policy import Mode, Policy
from shared.core.policy.transitions import AfterOpened, Due, DueTime, Expectation, Transition
from tests.random_nights.case import Night

ENOUGH = 7
HUNDRED_SECONDS = timedelta(seconds=100)


def adapts(night: Night) -> bool:
    """True for the nights of every seventh seed."""
    return night.seed % 7 == 5


def adaptive(policy: Policy, seed: int) -> Policy:
    """Return the policy with most of its times left to past nights: from half to twice the fixed ones."""
    chance = Random(f"adaptive/{seed}")
    transitions = {
        name: replace(
            transition,
            expects={
                mode: _left(expectation, policy.modes[mode], chance) for mode, expectation in transition.expects.items()
            },
        )
        for name, transition in policy.transitions.items()
    }
    return replace(policy, version=f"adaptive {seed}", transitions=transitions)


def _left(expectation: Expectation, mode: Mode, chance: Random) -> Expectation:
    if chance.random() < 0.8:
        tiers = tuple(replace(tier, auto=_auto(tier.after, chance)) for tier in expectation.tiers)
        deadline = (
            None
            if expectation.deadline is None
            else replace(expectation.deadline, auto=_auto(expectation.deadline.after, chance))
        )
        expectation = replace(expectation, tiers=tiers, deadline=deadline)
    due = expectation.due
    if due is not None and chance.random() < 0.6:
        lengths = [_after_opened(at, mode) for at in (due.warning, due.critical)]
        autos = [None if length is None or length <= timedelta(0) else _auto(length, chance) for length in lengths]
        if None not in autos:
            expectation = replace(expectation, due=replace(due, warning_auto=autos[0], critical_auto=autos[1]))
    return expectation


def _auto(length: timedelta, chance: Random) -> Auto:
    quantile, nights = chance.choice((0.5, 0.9, 0.95, 1.0)), chance.choice((14, 28, 60))
    return Auto(quantile, nights, chance.choice((0.5, 1.0, 1.5, 2.0)), length / 2, length * 2)


def _after_opened(at: DueTime | None, mode: Mode) -> timedelta | None:
    return None if at is None else nominal(at, mode) - nominal(AfterOpened(timedelta(0)), mode)


def lessons(policy: Policy, night: Night) -> Learned:
    """Return what is known of past nights before this one: of some transitions and modes much, of others too little.

    It counts as learned on a later day, so that no sweep of this night learns anew.
    """
    chance = Random(f"lessons/{night.seed}")
    waits = {
        name: {mode: tuple(_samples(night, chance)) for mode in sorted(transition.expects)}
        for name, transition in policy.transitions.items()
    }
    return Learned(night.end + timedelta(days=400), night.day, night.day, waits)


def _samples(night: Night, chance: Random) -> Iterator[NightSample]:
    most, longest = chance.choice((0, 6, 8, 20, 60)), chance.choice((10, 60, 200))
    for back in range(most, 0, -1):
        if chance.random() < 0.9:
            wait, triggered = chance.randrange(longest), chance.randrange(-20, 300)
            yield NightSample(night.day - timedelta(days=back), wait * HUNDRED_SECONDS, triggered * HUNDRED_SECONDS)


def in_force(learned: Learned | None, transition: Transition, key: RunKey) -> Expectation:
    """Return what a run is decided by: the times of ``transition``, those that it leaves to nights as these say."""
    expectation = transition.expects[key.mode]
    if learned is None or key.lane is Lane.BACKFILL:
        return expectation
    samples = learned.waits.get(transition.name, {}).get(key.mode, ())
    latest, tiers = timedelta(0), []
    for tier in expectation.tiers:
        after = _length(tier.auto, samples, key) or tier.after
        latest = after if tier.auto is None else max(latest, after)
        tiers.append(replace(tier, after=latest))
    deadline = expectation.deadline
    if deadline is not None and deadline.auto is not None:
        after = _length(deadline.auto, samples, key) or deadline.after
        deadline = replace(deadline, after=max(after, latest))
    return replace(expectation, tiers=tuple(tiers), deadline=deadline, due=_due(expectation.due, samples, key))


def _due(due: Due | None, samples: tuple[NightSample, ...], key: RunKey) -> Due | None:
    if due is None:
        return None
    first, second = (_length(auto, samples, key, of_due=True) for auto in (due.warning_auto, due.critical_auto))
    if first is not None and second is not None:
        second = max(first, second)
    warning = due.warning if first is None else AfterOpened(first)
    return replace(due, warning=warning, critical=due.critical if second is None else AfterOpened(second))


def _length(
    auto: Auto | None, samples: tuple[NightSample, ...], key: RunKey, *, of_due: bool = False
) -> timedelta | None:
    """Return a time as past nights say it, None where the fixed one holds."""
    if auto is None:
        return None
    nights = [night for night in samples if 0 < (key.day - night.day).days <= auto.nights]
    alike = [night for night in nights if night.day.isoweekday() == key.day.isoweekday()]
    chosen = alike if len(alike) >= ENOUGH else nights
    if len(chosen) < ENOUGH:
        return None
    seconds = [round((night.triggered if of_due else night.wait).total_seconds()) for night in chosen]
    percent = round(auto.quantile * 100)
    cut = max(seconds) if percent == 100 else statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1]
    return sorted([auto.at_least, timedelta(seconds=round(cut)) * auto.times, auto.at_most])[1]
