"""Which nights teach something, what is measured of them, and which time follows for a run (behaviour T11)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from shared.core.calendar import due_at
from shared.core.decision.pause import Pause
from shared.core.learning.learned import Learned, learn, learned_time, learned_times
from shared.core.learning.nights import NightSample, RecordedRun, Unusual, night_sample
from shared.core.model import Lane, LearnedTime, LogEntry, Outcome, Report, RunKey
from shared.core.policy.adaptive import Auto, effective
from shared.core.policy.anomalies import OFF
from shared.core.policy.phases import Disabled, Need
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import AfterOpened, Deadline, Due, LocalTime, Then, Tier
from shared.documents import from_data, to_data
from tests.core.build import DAY, NIGHT, PGS, PHASE3, POLICY, T0, TDGS, TO4, UTGC, report, with_expectation
from tests.core.test_sources import policy_of_sources

MINUTE = timedelta(minutes=1)
AUTO = Auto(0.95, 28, 1.5, 10 * MINUTE, 240 * MINUTE)


def minutes(number: float) -> timedelta:
    return number * MINUTE


def adaptive(auto: Auto = AUTO, policy: Policy = POLICY) -> Policy:
    """Return the reference policy in which the tiers and the deadline of a transition are learned."""
    before = policy.transitions[TO4].expects["overnight"]
    assert before.deadline is not None
    tiers = tuple(replace(tier, auto=auto) for tier in before.tiers)
    deadline = replace(before.deadline, auto=auto)
    return replace(with_expectation(TO4, "overnight", policy, tiers=tiers, deadline=deadline), anomalies=OFF)


def whole(*waits: float, names: Iterable[str] = PHASE3) -> tuple[Report, ...]:
    """Return the success of each processor so many minutes after T0; those without a number come at once."""
    after = [*waits, *[0.0] * len(PHASE3)]
    return tuple(report(name, records=200, ended=T0 + minutes(n)) for name, n in zip(names, after, strict=False))


def trigger(after: float, reason: str = "complete", decision: str = "trigger", **more: Any) -> LogEntry:
    return replace(LogEntry(T0 + minutes(after), 1, decision, reason), **more)


def night(reports: Iterable[Report], *entries: LogEntry, key: RunKey = NIGHT) -> RecordedRun:
    return RecordedRun(key, tuple(reports), {TO4: entries})


def sampled(
    run: RecordedRun, *pauses: Pause, policy: Policy = POLICY, today: date = DAY + timedelta(days=1)
) -> NightSample | Unusual:
    return night_sample(policy, policy.transitions[TO4], run, pauses, today)


def test_a_night_is_measured_to_its_last_report_not_to_its_trigger() -> None:
    """A gate that keeps a whole phase waiting for two hours teaches nothing: the jobs took 31 minutes."""
    opens = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)
    assert sampled(night(whole(0, 31, 12), trigger(151))) == NightSample(DAY, minutes(31), T0 + minutes(151) - opens)


@pytest.mark.parametrize(
    ("why", "run"),
    [
        (Unusual.NEVER_TRIGGERED, night(whole(0, 31))),
        (Unusual.NEVER_TRIGGERED, night(whole(0, 31), trigger(31, decision="blocked"))),
        (Unusual.OPERATOR, night(whole(0, 31), trigger(20, decision="operator_hold"), trigger(40))),
        (Unusual.REFRESHED, night(whole(0, 31), trigger(31), trigger(90, "refresh", generation=2))),
        (Unusual.DEGRADED, night(whole(0, 31)[:4], trigger(120, "tier_2", degraded=True, missing=(UTGC,)))),
        (Unusual.INCOMPLETE, night(whole(0, 31)[:4], trigger(31))),
        (Unusual.INCOMPLETE, night([*whole(0, 31)[:4], report(UTGC, Outcome.NO_DATA)], trigger(31))),
        (Unusual.INCOMPLETE, night([*whole(0, 31)[:4], report(UTGC, Outcome.INFERRED, 90)], trigger(31))),
    ],
)
def test_nights_that_teach_nothing(why: Unusual, run: RecordedRun) -> None:
    assert sampled(run) is why


@pytest.mark.parametrize(
    ("pause", "counts"),
    [
        (Pause("1", T0 + minutes(5), T0 + minutes(20), ""), False),
        (Pause("1", T0 + minutes(5), T0 + minutes(20), "", transition="phase2_to_phase3"), False),
        (Pause("1", T0 + minutes(5), T0 + minutes(20), "", mode="tomorrow"), True),
        (Pause("1", T0 + minutes(5), T0 + minutes(20), "", workflow="morning_operations"), True),
        (Pause("1", T0 - minutes(90), T0 - minutes(70), ""), True),
        (Pause("1", T0 + minutes(32), None, ""), True),
        (Pause("1", T0 - minutes(900), None, ""), False),
        (Pause("1", T0 - minutes(900), None, "", ended_at=T0 - minutes(300)), True),
    ],
)
def test_a_pause_of_the_mode_makes_a_night_unusual(pause: Pause, counts: bool) -> None:
    """Of its transitions too: what comes before one waits with it. The run opened at 05:00, and went at 06:31."""
    opened = whole(0, 31)
    assert isinstance(sampled(night(opened, trigger(31)), pause), NightSample) is counts


def test_what_a_learned_time_cut_short_still_teaches() -> None:
    """Else each night that a learned time degraded would leave, and the rest teach a shorter time still."""
    late = night(whole(0, 29), trigger(20, "tier_2", degraded=True, missing=(UTGC,)))
    assert sampled(late) is Unusual.DEGRADED
    policy = adaptive()
    learned = sampled(late, policy=policy)
    assert isinstance(learned, NightSample)
    assert learned.wait == minutes(29)
    refreshed = replace(late, decisions={TO4: (*late.decisions[TO4], trigger(30, "refresh", generation=2))})
    assert sampled(refreshed, policy=policy) == learned
    fixed = policy.transitions[TO4].expects["overnight"].tiers[0].after
    beyond = night(whole(0, fixed / MINUTE + 1), trigger(10, "tier_1", degraded=True, missing=(UTGC,)))
    assert sampled(beyond, policy=policy) is Unusual.DEGRADED


def test_only_what_is_expected_today_counts() -> None:
    """Reports of one that left the expectation neither start the clock nor end the wait; of one that is new, nights
    before it was expected are incomplete."""
    narrower = with_expectation(TO4, "overnight", optional=frozenset(), required=frozenset({PGS, TDGS}))
    run = night(whole(10, 80, 31, 90, 0), trigger(95))
    assert whole(10, 80, 31)[2].processor == TDGS
    assert sampled(run, policy=narrower) == replace(_sample(run), wait=minutes(21))
    assert sampled(night(whole(0, 31)[:4], trigger(31))) is Unusual.INCOMPLETE


def _sample(run: RecordedRun) -> NightSample:
    sample = sampled(run)
    assert isinstance(sample, NightSample)
    return sample


def test_one_that_is_disabled_by_now_is_not_waited_for() -> None:
    phases, phase = POLICY.phases, POLICY.phases[POLICY.transitions[TO4].after[0]]
    off = replace(phase.processors[UTGC], disabled=Disabled(DAY + timedelta(days=1), "broken"))
    policy = replace(POLICY, phases={**phases, phase.name: replace(phase, processors={**phase.processors, UTGC: off})})
    run = night(whole(0, 31)[:4], trigger(31))
    assert isinstance(sampled(run, policy=policy), NightSample)
    assert sampled(run, policy=policy, today=DAY) is Unusual.INCOMPLETE


def test_the_clock_starts_where_the_record_says_it_did() -> None:
    """A report below its floor opens nothing: the trigger's own `opened_at` says which did (R7)."""
    run = replace(night(whole(0, 31, 12, 10, 10), trigger(31)), opened={TO4: T0 + minutes(10)})
    assert _sample(run).wait == minutes(21)


def test_an_evening_run_waits_from_its_opening() -> None:
    """In a mode that is reported to on the evening itself tiers run from `opens_at`: so does what is measured (R11)."""
    mode = replace(POLICY.modes["overnight"], same_evening_from=time(21, 30))
    policy = replace(POLICY, modes={**POLICY.modes, "overnight": mode})
    evening = [replace(arrival, received_at=arrival.received_at - minutes(600)) for arrival in whole(0, 31)]
    sample = sampled(night(evening, trigger(-569)), policy=policy)
    assert isinstance(sample, NightSample)
    assert (sample.wait, sample.triggered) == (timedelta(0), minutes(-569 + 60))


def test_each_source_of_a_name_is_looked_at() -> None:
    """Where any is enough the first ends the wait, where all are needed the last."""
    for need, wait in ((Need.ANY, 12), (Need.ALL, 44)):
        policy = policy_of_sources(need)
        processor = next(p for p in policy.awaited[TO4].values() if p.sources)
        others = [arrival for arrival in whole(0, 0) if arrival.processor != processor.name]
        both = [
            report(processor.name, records=200, ended=T0 + minutes(after), source=source)
            for source, after in (("Players", 44), ("Teams", 12))
        ]
        listed = sorted([*others, *both], key=lambda arrival: arrival.received_at)
        sample = sampled(night(listed, trigger(60)), policy=policy)
        assert isinstance(sample, NightSample)
        assert sample.wait == minutes(wait)


def samples(*waits: float, last: date = DAY) -> list[NightSample]:
    """Return one night for each wait, the last on the date before."""
    days = [last - timedelta(days=n) for n in range(len(waits), 0, -1)]
    return [NightSample(day, minutes(wait), minutes(60 + wait)) for day, wait in zip(days, waits, strict=True)]


def test_the_time_that_follows() -> None:
    """p95 of 26 nights of 6 to 31 minutes is 29 min 45 s; half as much more is 44 min 37.5 s."""
    value = learned_time(POLICY, NIGHT, "tier_1", AUTO, samples(*range(6, 32)))
    usual = timedelta(minutes=29, seconds=45)
    assert value == LearnedTime(usual * 1.5, usual, 0.95, 1.5, 26)
    due = learned_time(POLICY, NIGHT, "due_warning", AUTO, samples(*range(6, 32)))
    assert due is not None
    assert due.usual == usual + minutes(60)


def test_fewer_than_seven_nights_teach_nothing() -> None:
    assert learned_time(POLICY, NIGHT, "tier_1", AUTO, samples(*range(6))) is None
    assert learned_time(POLICY, NIGHT, "tier_1", AUTO, samples(*range(7))) is not None


def test_only_the_last_nights_before_the_run_count() -> None:
    """Not the run's own date, and none that is older than so many dates: what is not learned anew fades."""
    old = samples(*[500.0] * 10, last=DAY - timedelta(days=28))
    own = [NightSample(DAY, minutes(500), minutes(500))]
    value = learned_time(POLICY, NIGHT, "tier_1", AUTO, [*old, *samples(*[10.0] * 8), *own])
    assert value is not None
    assert (value.nights, value.usual) == (8, minutes(10))
    assert learned_time(POLICY, NIGHT, "tier_1", AUTO, [*old, *own]) is None


def test_nights_of_the_weekday_count_where_there_are_seven() -> None:
    """Wednesday's games are worked on on a Thursday: eight Thursdays of 60 minutes say 60, four say nothing."""
    long = replace(AUTO, nights=60)
    nights = [
        NightSample(day := DAY - timedelta(days=n), minutes(60 if day.weekday() == DAY.weekday() else 10), minutes(0))
        for n in range(59, 0, -1)
    ]
    value = learned_time(POLICY, NIGHT, "tier_1", long, nights)
    assert value is not None
    assert (value.weekday, value.usual, value.nights) == ("Thu", minutes(60), 8)
    value = learned_time(POLICY, NIGHT, "tier_1", AUTO, nights)
    assert value is not None
    assert (value.weekday, value.nights) == ("", 28)


def test_a_pipeline_of_one_weekday_needs_no_word_of_it() -> None:
    """Where every night is of one weekday, it says nothing to name it."""
    weekly = [NightSample(DAY - timedelta(days=7 * n), minutes(10), minutes(0)) for n in range(8, 0, -1)]
    value = learned_time(POLICY, NIGHT, "tier_1", replace(AUTO, nights=60), weekly)
    assert value is not None
    assert (value.weekday, value.nights) == ("", 8)


def test_each_mode_learns_from_its_own_nights() -> None:
    """A mode that appears first has none, and a backfill run is given none at all."""
    policy = adaptive()
    days = [DAY - timedelta(days=n) for n in range(10, 0, -1)]
    runs = [
        RecordedRun(
            replace(NIGHT, day=day),
            tuple(replace(arrival, received_at=arrival.received_at + (day - DAY)) for arrival in whole(0, 31)),
            {TO4: (replace(trigger(31), at=T0 + minutes(31) + (day - DAY)),)},
        )
        for day in days
    ]
    learned = learn(policy, runs, [], days[0], DAY, T0)
    assert {name: sorted(modes) for name, modes in learned.waits.items()} == {TO4: ["overnight"]}
    times = learned_times(policy, NIGHT, learned)
    assert sorted(times) == [TO4]
    assert {value.usual for value in times[TO4].values()} == {minutes(31)}
    assert learned_times(policy, replace(NIGHT, mode="same_day"), learned) == {}
    assert learned_times(policy, replace(NIGHT, lane=Lane.BACKFILL), learned) == {}
    assert learned_times(POLICY, NIGHT, learned) == {}


def test_what_is_learned_is_read_as_it_was_written() -> None:
    learned = Learned(T0, DAY, DAY, {TO4: {"overnight": tuple(samples(1, 2.5))}})
    assert from_data(Learned, to_data(learned)) == learned
    assert from_data(Learned, {}) == Learned()


# the expectation that a run is decided by


def value(after: float) -> LearnedTime:
    return LearnedTime(minutes(after), minutes(after), 0.95, 1.0, 20)


def test_a_learned_time_replaces_the_fixed_one_within_the_bounds() -> None:
    policy = adaptive()
    before = policy.transitions[TO4].expects["overnight"]
    times = {"tier_1": value(3), "tier_2": value(31), "deadline": value(999)}
    after = effective(before, times)
    assert [tier.after for tier in after.tiers[:2]] == [minutes(10), minutes(31)]
    assert after.deadline is not None
    assert after.deadline.after == minutes(240)
    assert effective(before, {}) is before


def test_no_tier_overtakes_the_one_above_it() -> None:
    """Few processors never suffice before more do, whatever the nights say; nor does the deadline come first."""
    wide = Auto(0.5, 28, 1.0, minutes(0), minutes(500))
    before = (
        with_expectation(
            TO4,
            "overnight",
            tiers=(Tier(minutes(20), 4, wide), Tier(minutes(60), 3, wide)),
            deadline=Deadline(minutes(120), Then.TRIGGER, wide),
        )
        .transitions[TO4]
        .expects["overnight"]
    )
    after = effective(before, {"tier_1": value(90), "tier_2": value(30), "deadline": value(40)})
    assert [tier.after for tier in after.tiers] == [minutes(90), minutes(90)]
    assert after.deadline is not None
    assert after.deadline.after == minutes(90)


def test_due_times_count_from_the_opening() -> None:
    """A fixed one beside them stays; critical never comes before its warning."""
    wide = Auto(0.5, 28, 1.0, minutes(0), minutes(500))
    at = LocalTime(0, T0.time())
    before = replace(POLICY.transitions[TO4].expects["overnight"], due=Due(at, at, wide, None))
    assert effective(before, {"due_warning": value(30)}).due == Due(AfterOpened(minutes(30)), at, wide, None)
    both = replace(before, due=Due(at, at, wide, wide))
    after = effective(both, {"due_warning": value(50), "due_critical": value(40)}).due
    assert after is not None
    assert (after.warning, after.critical) == (AfterOpened(minutes(50)), AfterOpened(minutes(50)))


def test_what_the_policy_does_not_leave_to_nights_stays_fixed() -> None:
    """A run that was given times keeps the fixed ones where auto has left the policy since."""
    before = POLICY.transitions[TO4].expects["overnight"]
    assert effective(before, {"tier_1": value(31), "deadline": value(31)}) == before


@pytest.mark.parametrize(("day", "opens"), [(date(2025, 3, 8), 9), (date(2025, 11, 1), 10), (date(2025, 3, 7), 10)])
def test_a_night_in_which_the_clocks_change_is_measured_in_elapsed_time(day: date, opens: int) -> None:
    """From the opening at 05:00 local, which is another hour of UTC that morning; so is the due time that follows."""
    key = replace(NIGHT, day=day)
    began = datetime(day.year, day.month, day.day, opens, 30, tzinfo=UTC) + timedelta(days=1)
    reports = [
        replace(arrival, received_at=began + minutes(12 if arrival.processor == UTGC else 0)) for arrival in whole()
    ]
    reports.sort(key=lambda arrival: arrival.received_at)
    run = night(reports, replace(trigger(0), at=began + minutes(15)), key=key)
    assert sampled(run, today=day + timedelta(days=2)) == NightSample(day, minutes(12), minutes(45))
    assert due_at(key, AfterOpened(minutes(45)), POLICY) == began + minutes(15)
