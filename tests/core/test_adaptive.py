"""A run is decided, explained and told of by the times that it was given from past nights (behaviour T11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.core.alerting.conditions import conditions
from shared.core.alerting.kinds import AlertKind
from shared.core.decision.decisions import Held, Trigger, Wait
from shared.core.decision.explain import explain
from shared.core.decision.next_moment import next_moment
from shared.core.decision.silence import deadline_at
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import LearnedTime
from shared.core.policy.adaptive import Auto
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Due, LocalTime, Then
from tests.core.build import NIGHT, PGS, PHASE3, T0, TO4, at, decided, done, snapshot, with_expectation
from tests.core.test_learning import adaptive, minutes

FOUR = PHASE3[:4]


def value(usual: float, times: float = 1.5, nights: int = 26, weekday: str = "") -> LearnedTime:
    return LearnedTime(minutes(usual * times), minutes(usual), 0.95, times, nights, weekday)


def opened(*names: str, policy: Policy | None = None, **learned: LearnedTime) -> DecisionInput:
    """Return a run that was given these times, after a success of each of these processors at T0."""
    return snapshot(*done(*names or FOUR), policy=policy or adaptive(), learned=learned)


def test_a_tier_goes_at_its_learned_time_and_not_before() -> None:
    """Fixed 15 minutes, learned 31 x 1.5: 46 minutes 30 seconds after the first report."""
    run = opened(tier_1=value(31), tier_2=value(31), deadline=value(60))
    assert isinstance(decided(run, at(minutes=46, seconds=29)), Wait)
    decision = decided(run, at(minutes=46, seconds=30))
    assert isinstance(decision, Trigger)
    assert decision.plan.reason == "tier_1"


def test_a_learned_time_may_be_sooner_than_the_fixed_one() -> None:
    run = opened(tier_1=value(6.8), tier_2=value(20))
    assert isinstance(decided(run, at(minutes=10, seconds=11)), Wait)
    assert isinstance(decided(run, at(minutes=10, seconds=12)), Trigger)


def test_a_deadline_holds_at_its_learned_time() -> None:
    """And whoever asks when it is has the same answer."""
    run = opened(PGS, tier_1=value(10), tier_2=value(10), deadline=value(40))
    assert deadline_at(run) == at(minutes=60)
    assert isinstance(decided(run, at(minutes=59, seconds=59)), Wait)
    assert isinstance(decided(run, at(minutes=60)), Held)


def test_the_next_moment_is_the_learned_one() -> None:
    run = opened(tier_1=value(31), tier_2=value(40), deadline=value(60))
    moment = next_moment(run, decided(run, at(minutes=16)), at(minutes=16))
    assert (moment.name, moment.at) == ("tier_1", at(minutes=46, seconds=30))


def test_a_run_without_learned_times_has_the_fixed_ones() -> None:
    """As one that was opened before the policy said auto, or with fewer than seven nights."""
    assert isinstance(decided(opened(), at(minutes=14, seconds=59)), Wait)
    assert isinstance(decided(opened(), at(minutes=15)), Trigger)


def test_due_alerts_come_at_the_learned_time() -> None:
    """Counted from the opening of the mode, 05:00: fixed 08:30, learned 2 h x 1.5."""
    wide = Auto(0.95, 28, 1.5, minutes(60), minutes(600))
    clock = Due(LocalTime(0, (T0 + minutes(0)).time().replace(hour=8, minute=30)), None, wide)
    policy = with_expectation(TO4, "overnight", due=clock)
    run = opened(PGS, policy=policy, due_warning=value(120))
    kinds = {now: _kinds(run, now) for now in (119, 120)}
    assert kinds == {119: set(), 120: {AlertKind.DUE_WARNING}}
    assert AlertKind.DUE_WARNING not in _kinds(replace(run, learned={}), 149)
    assert AlertKind.DUE_WARNING in _kinds(replace(run, learned={}), 150)


def _kinds(run: DecisionInput, after: float) -> set[AlertKind]:
    now = at(minutes=after)
    listed = conditions(run, decided(run, now), now)
    return {condition.kind for condition in listed if condition.kind in (AlertKind.DUE_WARNING, AlertKind.DUE_CRITICAL)}


def explained(run: DecisionInput, now: float = 16) -> tuple[dict[str, Any], str]:
    there = explain(run, decided(run, at(minutes=now)), at(minutes=now))
    return {entry["name"]: entry["learned"] for entry in there.evidence["times"]}, there.text


def test_explain_says_which_nights_a_time_is_of() -> None:
    """The quantile, the nights, what they usually take, the factor, and what it was kept to."""
    run = opened(
        tier_1=value(31),
        tier_2=value(20, weekday="Thu", nights=8),
        deadline=LearnedTime(minutes(900), minutes(600), 0.5, 1.5, 9),
    )
    entries, text = explained(run)
    assert "tier_1         06:46 EST      4 of 5 and every required one; p95 of 26 nights 31 min x 1.5\n" in text
    assert "; p95 of 8 Thu nights 20 min x 1.5, not before the time above it\n" in text
    assert "; p50 of 9 nights 10 h x 1.5, at most 4 h\n" in text
    assert (entries["tier_1"]["after_seconds"], entries["tier_1"]["usual_seconds"]) == (2790.0, 1860.0)
    assert entries["due_warning"] is None


def test_explain_says_why_a_time_is_fixed() -> None:
    entries, text = explained(opened())
    assert {name for name, entry in entries.items() if entry} == {"tier_1", "tier_2", "deadline"}
    assert "fixed: the run was opened with fewer than 7 ordinary nights known" in text
    assert "nights" not in explain(snapshot(*done(PGS)), Wait(""), T0).text


lengths = st.integers(0, 400).map(minutes)
learned = st.fixed_dictionaries(
    {}, optional={name: st.integers(0, 400).map(lambda n: value(n, 1)) for name in ("tier_1", "tier_2", "deadline")}
)


@given(
    bounds=st.lists(st.integers(0, 300), min_size=6, max_size=6, unique=True).map(sorted),
    times=learned,
    now=st.integers(0, 400),
    count=st.integers(2, 5),
)
def test_a_learned_run_is_decided_as_one_with_these_times_fixed(
    bounds: list[int], times: dict[str, LearnedTime], now: int, count: int
) -> None:
    """For any bounds that rise and any learned times: an oracle works the lengths out by itself, and the decision is
    that of a policy that has them fixed. None leaves its bounds, so nothing goes before its policy allows."""
    lows, highs = bounds[:3], bounds[3:]
    before = adaptive().transitions[TO4].expects["overnight"]
    assert before.deadline is not None
    autos = [Auto(0.95, 28, 1.0, minutes(low), minutes(high)) for low, high in zip(lows, highs, strict=True)]
    tiers = tuple(
        replace(tier, after=minutes(low), auto=auto) for tier, low, auto in zip(before.tiers, lows, autos, strict=False)
    )
    last = replace(before.deadline, after=minutes(lows[2]), then=Then.TRIGGER_IF_REQUIRED, auto=autos[2])
    policy = with_expectation(TO4, "overnight", tiers=tiers, deadline=last)
    of_auto, floor = [], 0.0
    for name, low, high in zip(("tier_1", "tier_2", "deadline"), lows, highs, strict=True):
        after = times[name].after / minutes(1) if name in times else low
        floor = max(floor, min(max(after, low), high))
        of_auto.append(minutes(floor))
    fixed = with_expectation(
        TO4,
        "overnight",
        tiers=tuple(replace(tier, after=after, auto=None) for tier, after in zip(tiers, of_auto, strict=False)),
        deadline=replace(last, after=of_auto[2], auto=None),
    )
    if not times:
        of_auto = [minutes(low) for low in lows]
    run = snapshot(*done(*PHASE3[:count]), policy=policy, learned=times, key=NIGHT)
    own = decided(run, T0 + minutes(now))
    other = decided(replace(run, policy=fixed, transition=fixed.transitions[TO4], learned={}), T0 + minutes(now))
    assert own == other
    if isinstance(own, Trigger) and own.plan.missing:
        assert now >= lows[("tier_1", "tier_2", "deadline").index(own.plan.reason)]


def test_a_bound_that_the_policy_tightens_counts_at_once() -> None:
    """For runs that are open too: no run is ever decided outside the bounds of the policy in force."""
    tight = adaptive(Auto(0.95, 28, 1.5, timedelta(0), minutes(12)))
    run = opened(policy=tight, tier_1=value(31))
    assert isinstance(decided(run, at(minutes=11, seconds=59)), Wait)
    assert isinstance(decided(run, at(minutes=12)), Trigger)
