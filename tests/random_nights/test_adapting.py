"""Random nights whose runs are given their times by past nights, judged by an oracle of its own (behaviour T11)."""

from __future__ import annotations

import pytest

from shared.app.state import learned
from shared.core.model import RunKey
from shared.core.policy.adaptive import autos
from shared.runtime import policy_in
from tests.random_nights.adapting import adaptive, adapts, in_force, lessons
from tests.random_nights.generator import generate
from tests.random_nights.parallel import play_seed, single_loaders

SEEDS = (61, 96, 131, 159)


@pytest.mark.parametrize("seed", SEEDS)
def test_runs_go_by_the_times_that_they_were_given(seed: int) -> None:
    """No trigger before them, none forgotten after them, alerts at the due times that nights say."""
    assert list(play_seed(seed).violations) == []


def test_who_goes_by_the_fixed_times_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no run is given what was learned, most of these nights break a promise: which ones hangs on when sweeps
    come."""
    monkeypatch.setattr(learned, "learned_times", lambda *_: {})
    assert len([seed for seed in SEEDS if play_seed(seed).violations]) > len(SEEDS) // 2


def test_the_nights_are_of_every_kind() -> None:
    """Of some transitions nothing is known, of some too little, of some enough for a weekday; times that are learned
    lie at either bound and between them."""
    policy = single_loaders(policy_in())
    places = set()
    for night in (generate(policy, seed) for seed in range(5, 140, 7)):
        assert adapts(night)
        left, past = adaptive(policy, night.seed), lessons(policy, night)
        for transition in left.transitions.values():
            for mode, expectation in transition.expects.items():
                after = in_force(past, transition, RunKey(left.pipeline, night.day, mode))
                for tier, before in zip(after.tiers, expectation.tiers, strict=True):
                    if before.auto is not None:
                        bounds = (before.auto.at_least, before.auto.at_most)
                        places.add("fixed" if tier.after == before.after else tier.after in bounds)
                assert len(list(autos(after))) == len(list(autos(expectation)))
    assert places == {"fixed", True, False}
