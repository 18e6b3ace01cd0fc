"""Service level objectives: which events count, what is left of a budget, and when it burns too fast (behaviour 14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.alerting.objectives import burn_condition
from shared.core.decision.pause import Pause
from shared.core.model import Lane, LogEntry, Logged, Run, Units
from shared.core.objectives.budget import RULES, BurnRule, Verdict, burn_rate, burning, status
from shared.core.objectives.events import Event, Events, Gap, Slices, Tally, hand_offs, triggers_by_due
from shared.core.policy.objective_check import objective_problems
from shared.core.policy.objectives import Objective, ObjectiveKind, Objectives
from shared.core.policy.transitions import Role
from shared.core.severity import Severity
from tests.core.build import BACKFILL, NIGHT, POLICY, T0, TO4, at, with_expectation, with_transition

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NINETY_NINE = Objective(99)
OF = Objectives()
HAND_OFF = ObjectiveKind.HAND_OFF
# 08:30 of the morning after, in New York.
DUE = at(hours=2, minutes=30)
LATER = DUE + HOUR
RUN = Run(NIGHT, T0 - HOUR, units=Units(7, 7))
LIMIT = timedelta(seconds=60)


def trigger(when: datetime, seconds: float | None = None, decision: str = Logged.TRIGGER) -> LogEntry:
    return LogEntry(when, 1, decision, "complete", handoff_seconds=seconds)


def by_due(*entries: LogEntry, run: Run = RUN, now: datetime = LATER, **more: object) -> list[bool]:
    """Return of each event of phase 3 to 4 whether it was good."""
    policy = more.pop("policy", POLICY)
    pauses: Sequence[Pause] = more.pop("pauses", ())  # type: ignore[assignment]
    events = triggers_by_due(policy, [run], {run.key: {TO4: entries}}, pauses, now)  # type: ignore[arg-type]
    return [event.good for event in events.listed if TO4 in event.text]


# A trigger that says how long it took.


@pytest.mark.parametrize(("seconds", "good"), [(0.0, True), (60.0, True), (60.001, False)])
def test_the_limit_is_within(seconds: float, good: bool) -> None:
    """Sixty seconds are good, a moment more is not."""
    [event] = hand_offs({NIGHT: {TO4: [trigger(T0, seconds)]}}, LIMIT).listed
    assert (event.at, event.good) == (T0, good)


@pytest.mark.parametrize(
    "entry",
    [trigger(when=T0), trigger(T0, 5, Logged.REDISPATCH), trigger(T0, 5, Logged.OBSERVE)],
    ids=["not measured", "sent again", "observed"],
)
def test_what_is_no_hand_off_is_no_event(entry: LogEntry) -> None:
    """Neither good nor bad: it says nothing of how soon a trigger is sent."""
    assert hand_offs({NIGHT: {TO4: [entry]}}, LIMIT).listed == ()


def test_the_backfill_lane_does_not_count() -> None:
    """A repair of the past is made when there is time."""
    assert hand_offs({BACKFILL: {TO4: [trigger(T0, 500)]}}, LIMIT).listed == ()


# Each live run and transition that has a due time is one event, at that time.


@pytest.mark.parametrize(
    ("when", "good"), [(DUE - MINUTE, True), (DUE - timedelta(seconds=1), True), (DUE, False), (DUE + HOUR, False)]
)
def test_at_the_due_time_is_late(when: datetime, good: bool) -> None:
    """As the alert has it, which is raised at that time."""
    assert by_due(trigger(when), now=LATER + HOUR) == [good]


def test_one_that_never_was_is_bad_once_it_is_due() -> None:
    """A silent night has no line in the log; that the run was there is enough. Before, nothing is known."""
    assert by_due() == [False]
    assert by_due(now=DUE + MINUTE) == []
    assert by_due(now=DUE - HOUR) == []


def test_a_call_of_unknown_outcome_left() -> None:
    """It counts as dispatched when it was made (behaviour D11); proof came after the due time."""
    assert by_due(trigger(DUE - MINUTE, None, Logged.UNPROVEN), trigger(DUE + HOUR)) == [True]


def test_the_first_trigger_counts() -> None:
    """A refresh of the afternoon makes no night late."""
    assert by_due(trigger(DUE + HOUR), trigger(DUE - HOUR), now=LATER + HOUR) == [True]


@pytest.mark.parametrize(
    "run",
    [
        replace(RUN, key=replace(NIGHT, lane=Lane.BACKFILL)),
        replace(RUN, units=Units(0, 0)),
        replace(RUN, opened_at=DUE),
    ],
    ids=["backfill", "no units", "opened after it"],
)
def test_a_run_that_could_not_be_in_time_is_no_event(run: Run) -> None:
    """Nothing was expected of it then."""
    assert by_due(run=run) == []


def test_a_date_that_turned_out_empty_is_no_event() -> None:
    """Its units were postponed while it waited."""
    assert by_due(trigger(DUE - HOUR, None, Logged.EMPTY_OK), run=replace(RUN, units=None)) == []


def test_a_run_of_unknown_units_counts() -> None:
    """A pipeline without a calendar has something to do on every date."""
    assert by_due(run=replace(RUN, units=None)) == [False]


@pytest.mark.parametrize(
    ("begins", "ends", "counts"),
    [
        (T0, None, False),
        (T0, DUE + MINUTE, False),
        (T0, DUE, True),
        (DUE + MINUTE, None, True),
    ],
    ids=["paused", "paused at it", "over at it", "begun after it"],
)
def test_one_that_is_paused_at_its_due_time_does_not_count(
    begins: datetime, ends: datetime | None, counts: bool
) -> None:
    """Nobody is told either (behaviour T8)."""
    assert len(by_due(pauses=[Pause("1", begins, ends, "between rounds")])) == counts


def test_one_that_an_operator_holds_does_not_count() -> None:
    """Unless it was released again before."""
    held = LogEntry(T0, 0, Logged.OPERATOR_HOLD, "wait for me (by alice)")
    released = LogEntry(at(hours=1), 0, Logged.OPERATOR_RELEASE, "go on (by alice)")
    assert by_due(held) == []
    assert by_due(held, released) == [False]
    assert by_due(held, replace(released, at=DUE + MINUTE)) == []


def test_an_observed_transition_does_not_count() -> None:
    """It starts nothing."""
    policy = with_transition(TO4, dispatch=replace(POLICY.transitions[TO4].dispatch, role=Role.OBSERVE))
    assert by_due(policy=policy) == []


def test_a_transition_without_a_due_time_does_not_count() -> None:
    """The policy says that nobody waits for it."""
    assert by_due(policy=with_expectation(TO4, "overnight", due=None)) == []


# Time in slices of five minutes, bad where something was due and no sweep looked.


def test_a_gap_makes_the_slices_bad_that_it_reaches_into() -> None:
    """Seven minutes are two slices, of a day's 288."""
    series = Slices(T0, (Gap(at(hours=1), at(hours=1, minutes=7)),))
    assert series.tally(T0, at(hours=24)) == Tally(288, 2)
    assert series.tally(T0, at(hours=1)) == Tally(12, 0)
    assert series.tally(at(hours=1, minutes=5), at(hours=2)) == Tally(11, 1)


def test_time_before_the_pipeline_was_does_not_count() -> None:
    """A pipeline of an hour has twelve slices, not those of a month; without any sign of it none."""
    assert Slices(at(hours=23), ()).tally(at(hours=0), at(hours=24)) == Tally(12, 0)
    assert Slices(None, (Gap(T0, at(hours=2)),)).tally(T0, at(hours=24)) == Tally(0, 0)


@given(st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 300)), max_size=20), st.integers(0, 1440))
def test_never_more_are_bad_than_there_are(gaps: list[tuple[int, int]], begin: int) -> None:
    """However gaps lie over each other."""
    series = Slices(T0, tuple(Gap(at(minutes=a), at(minutes=a + length)) for a, length in gaps))
    total, bad = series.tally(at(minutes=begin), at(hours=24))
    assert 0 <= bad <= total


def events(*bad_after: float, every: timedelta = timedelta(hours=2), days: int = 28, now: datetime = T0) -> Events:
    """Return events at a steady pace up to now, those bad that lie so many hours back."""
    count = int(timedelta(days=days) / every)
    moments = [now - n * every for n in range(count)]
    bad = {now - hours * HOUR for hours in bad_after}
    return Events(tuple(sorted((Event(m, m not in bad, f"{m}") for m in moments), key=lambda event: event.at)))


# What is left of it.


@pytest.mark.parametrize(
    ("total", "bad", "left", "verdict"),
    [
        (100, 0, 1.0, Verdict.MET),
        (100, 1, 0.0, Verdict.MET),
        (100, 2, -1.0, Verdict.MISSED),
        (200, 1, 0.5, Verdict.MET),
        (19, 3, pytest.approx(-14.789, abs=0.001), Verdict.TOO_FEW),
        (20, 3, pytest.approx(-14.0), Verdict.MISSED),
        (0, 0, None, Verdict.NO_EVENTS),
    ],
)
def test_it_is_the_share_that_was_not_spent(total: int, bad: int, left: object, verdict: Verdict) -> None:
    """All of it may be spent; fewer than twenty events are not judged, none at all have no budget."""
    listed = tuple(Event(T0 - 10 * DAY + n * MINUTE, n >= bad, "x") for n in range(total))
    objective = status(HAND_OFF, OF, NINETY_NINE, Events(listed), T0)
    assert (objective.budget_left, objective.verdict) == (left if left is None else pytest.approx(left), verdict)


def test_an_event_of_before_the_window_does_not_count() -> None:
    """At its edge it has left."""
    listed = tuple(Event(T0 - 28 * DAY + n * MINUTE, n > 0, "x") for n in range(30))
    assert status(HAND_OFF, OF, NINETY_NINE, Events(listed), T0).tally == Tally(29, 0)


def test_the_latest_failures_come_first() -> None:
    """Five of them, in words."""
    objective = status(HAND_OFF, OF, NINETY_NINE, events(2, 4, 6, 8, 10, 12), T0)
    assert list(objective.failures) == [f"{T0 - hours * HOUR}" for hours in (2, 4, 6, 8, 10)]


# Several windows and several rates, as the SRE workbook has them.


def test_the_rates_are_those_of_the_workbook() -> None:
    """Table 5-8, for a window of 30 days: 14.4 over 1 h and 5 m, 6 over 6 h and 30 m, 1 over 3 d and 6 h; each
    short window is a twelfth of its long one."""
    month = timedelta(days=30)
    assert [(rule.long, rule.short, round(rule.threshold(month), 6)) for rule in RULES] == [
        (HOUR, 5 * MINUTE, 14.4),
        (6 * HOUR, 30 * MINUTE, 6.0),
        (3 * DAY, 6 * HOUR, 1.0),
    ]
    assert [rule.severity for rule in RULES] == [Severity.CRITICAL, Severity.CRITICAL, Severity.WARNING]
    assert all(rule.long == 12 * rule.short for rule in RULES)


def rule_of(*bad_after: float, every: timedelta = timedelta(hours=2), of: Objectives = OF) -> BurnRule | None:
    burn = burning(of, NINETY_NINE, events(*bad_after, every=every), T0)
    return None if burn is None else burn.rule


def test_one_failure_of_a_daily_pipeline_says_nothing() -> None:
    """Of twelve events a day one is a hundred times the budget of its hour: it is no trend."""
    for hours in range(0, 72, 2):
        assert rule_of(hours) is None
    assert rule_of(0, of=replace(OF, at_least_failures=1)) is RULES[0]


def test_two_within_six_hours_call_somebody() -> None:
    """The second is the latest event: it still goes on."""
    assert rule_of(0, 2) is RULES[1]


def test_two_within_three_days_can_wait_until_the_morning() -> None:
    """Two of 36 in three days, the latest of them four hours ago."""
    assert rule_of(4, 48) is RULES[2]


def test_what_is_over_burns_no_more() -> None:
    """Two failures of the last six hours, and then good ones: the short window has a good event."""
    assert rule_of(4, 5.5, every=HOUR / 2) is RULES[2]
    assert rule_of(10, 12) is None


def test_a_short_window_without_events_is_told_by_the_latest_before() -> None:
    """Two hours lie between events, five minutes in the short window: neither proves that it is over, and a good
    event does."""
    moments = [T0 - 28 * DAY + n * 2 * HOUR for n in range(300)]
    good = [Event(moment, True, "x") for moment in moments]
    bad = [Event(T0 - timedelta(minutes=m), False, "x") for m in (50, 20)]
    assert burning(OF, NINETY_NINE, Events((*good, *bad)), T0).rule is RULES[0]  # type: ignore[union-attr]
    over = Event(T0 - timedelta(minutes=10), True, "x")
    burn = burning(OF, NINETY_NINE, Events((*good, *bad, over)), T0)
    assert burn is not None
    assert burn.rule is RULES[1]  # half an hour has one bad of two: it is not over for that


def test_too_few_events_burn_nothing() -> None:
    """A pipeline of its first days is told by its due alerts alone."""
    few = Events(tuple(Event(T0 - n * HOUR, False, "x") for n in range(10)))
    objective = status(HAND_OFF, OF, NINETY_NINE, few, T0)
    assert (objective.burn, objective.verdict) == (None, Verdict.TOO_FEW)


def test_busy_traffic_pages_by_the_hour() -> None:
    """With an event a minute a quarter of an hour of failures is 25 times the budget."""
    listed = tuple(Event(T0 - n * MINUTE, n >= 15, "x") for n in reversed(range(28 * 24 * 60)))
    objective = status(HAND_OFF, OF, NINETY_NINE, Events(listed), T0)
    assert objective.burn is not None
    assert objective.burn.rule is RULES[0]
    assert objective.burn.rate == pytest.approx(25)
    assert objective.verdict is Verdict.BURNING


def test_no_events_have_no_rate() -> None:
    """And divide by nothing."""
    assert burn_rate(Tally(0, 0), NINETY_NINE) == 0


@given(st.lists(st.booleans(), min_size=1, max_size=200), st.integers(1, 5))
def test_nothing_burns_without_so_many_failures(goods: list[bool], least: int) -> None:
    """Whatever order they come in."""
    listed = tuple(Event(T0 - n * 20 * MINUTE, good, "x") for n, good in enumerate(goods))
    burn = burning(replace(OF, at_least_failures=least), NINETY_NINE, Events(listed[::-1]), T0)
    assert burn is None or burn.tally.bad >= least


# What a person hears.


def test_a_burning_objective_is_a_condition_of_the_pipeline() -> None:
    """Kind and severity by the rule, the objective as its subject; the text has numbers and a command."""
    objective = status(HAND_OFF, OF, NINETY_NINE, events(0, 2), T0)
    condition = burn_condition(POLICY, objective)
    assert condition is not None
    assert (condition.kind, condition.severity, condition.run) == ("slo_fast_burn", Severity.CRITICAL, "nba")
    assert condition.subject == "hand_off"
    assert "2 of 3 bad in the last 6 h" in condition.text
    assert "slo" in condition.text


def test_one_that_does_not_burn_is_none() -> None:
    """A missed objective alone is told by page and report: nothing can be done about the past."""
    objective = status(HAND_OFF, OF, NINETY_NINE, events(*range(100, 200, 2)), T0)
    assert objective.verdict is Verdict.MISSED
    assert burn_condition(POLICY, objective) is None


@pytest.mark.parametrize(
    ("objectives", "key"),
    [
        (Objectives(hand_off=Objective(100, LIMIT)), "slos.hand_off.goal"),
        (Objectives(triggered_by_due=Objective(0)), "slos.triggered_by_due.goal"),
        (Objectives(hand_off=Objective(99, timedelta(0))), "slos.hand_off.within"),
        (Objectives(sweep_health=Objective(99, MINUTE)), "slos.sweep_health.within"),
        (Objectives(window=2 * DAY), "slos.window"),
        (Objectives(window=29 * DAY), "slos.window"),
    ],
)
def test_an_objective_that_cannot_be_measured_is_refused(objectives: Objectives, key: str) -> None:
    """With its key and a hint; the ones that hold by default are in order."""
    [problem] = objective_problems(replace(POLICY, objectives=objectives))
    assert problem.key == key
    assert problem.hint
    assert list(objective_problems(POLICY)) == []
