"""A season whose times are learned as it goes waits less, and never goes before its policy allows (behaviour T11)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.learning.learned import Learned
from shared.core.learning.nights import NightSample
from shared.core.policy.transitions import Expectation
from tests.core.build import TO4
from tests.random_nights.adapting import in_force
from tests.random_nights.adaptive_season import HOUR, MINUTE, MODE, VARIANTS, Went, nights, play, policy_of

NOTHING = timedelta(0)


def lengths(expectation: Expectation) -> dict[str, timedelta]:
    """Return the length of each time that lets something go without all, by its name in a trigger."""
    named = {f"tier_{number}": tier.after for number, tier in enumerate(expectation.tiers, start=1)}
    return named if expectation.deadline is None else {**named, "deadline": expectation.deadline.after}


def against_the_policy(expectation: Expectation, played: Sequence[Went]) -> Iterator[str]:
    """Yield the nights that went at another time than an oracle says, which knows the drawn nights and no record."""
    transition = policy_of(expectation).transitions[TO4]
    taught: list[NightSample] = []
    for went in played:
        plan, last = went.state.accepted_plan, max(went.night.waits) * MINUTE
        assert plan is not None
        learned = Learned(waits={TO4: {MODE: tuple(taught)}})
        allowed = lengths(in_force(learned, transition, went.run.key))
        if plan.reason == "complete":
            right = went.wait == last
        else:
            # Past its time a tier goes with the report that makes enough.
            by_report = went.wait / MINUTE in went.night.waits
            right = allowed[plan.reason] <= went.wait < last
            right = right and (by_report or went.wait < allowed[plan.reason] + MINUTE)
        if not right:
            yield f"{went.night}: {plan.reason} after {went.wait}, allowed {allowed}"
        fixed = lengths(expectation).get(plan.reason, NOTHING)
        if plan.reason == "complete" or last <= fixed:
            taught.append(NightSample(went.night.day, last, went.wait + HOUR))


@pytest.mark.nightly
@pytest.mark.parametrize("name", VARIANTS)
def test_a_season_waits_less_and_never_goes_before_its_policy_allows(name: str) -> None:
    """All 231 dates with games, by fixed times and by learned ones: no trigger before the time that the nights before
    it say, none later than a sweep after it; hours of waiting saved, and no more false degradations than before."""
    fixed, learned = VARIANTS[name]
    season = nights()
    before, after = play(fixed, season), play(learned, season)
    assert list(against_the_policy(fixed, before)) == []
    assert list(against_the_policy(learned, after)) == []
    waits = [sum((went.wait for went in played), NOTHING) for played in (before, after)]
    false = [sum(went.falsely_degraded for went in played) for played in (before, after)]
    assert any(went.run.learned for went in after)
    if not fixed.tiers:
        assert waits[1] < waits[0] / 2
        assert false[1] <= 5
    else:
        assert false[1] < false[0]


def test_the_first_nights_go_by_the_fixed_times() -> None:
    """Until seven are known; the eighth has learned times, and each is the oracle's."""
    _, learned = VARIANTS["a deadline of 4 h"]
    played = play(learned, nights()[:10])
    assert list(against_the_policy(learned, played)) == []
    nights_known = [went.run.learned[TO4]["deadline"].nights if went.run.learned else 0 for went in played]
    assert nights_known == [0] * 7 + nights_known[7:]
    assert nights_known[-1] >= 7


def test_the_oracle_sees_a_night_that_went_too_soon_or_too_late() -> None:
    """By two minutes."""
    fixed, _ = VARIANTS["a deadline of 4 h"]
    [silent] = play(fixed, [next(night for night in nights() if not night.comes_whole)])
    assert list(against_the_policy(fixed, [silent])) == []
    for shift in (-2 * MINUTE, 2 * MINUTE):
        assert silent.state.triggered_at is not None
        moved = replace(silent, state=replace(silent.state, triggered_at=silent.state.triggered_at + shift))
        assert len(list(against_the_policy(fixed, [moved]))) == 1
