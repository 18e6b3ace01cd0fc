"""What weeks of validation show, on weeks made up for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.severity import Severity
from shared.core.validation.checks import Status
from shared.core.validation.recurrence import Outcome, analyse

ZONE = ZoneInfo("America/New_York")
MONDAY = date(2026, 1, 5)
LAST = MONDAY + timedelta(days=27)
LETTERS = {"p": Status.PASS, "w": Status.WARN, "f": Status.FAIL, "e": Status.ERROR, "s": Status.SKIP}


def series(check: str, letters: str, hour: int = 12, severity: Severity = Severity.WARNING) -> list[Outcome]:
    """Return one result a day, from Monday on, at this local hour."""
    return [
        Outcome(datetime(2026, 1, 5, hour, 30, tzinfo=ZONE) + timedelta(days=n), check, LETTERS[letter], severity)
        for n, letter in enumerate(letters)
    ]


def test_what_recurs_is_counted_in_alarms() -> None:
    """Three alarms of a day each recur more than one of two weeks; what never warned does not recur."""
    often, long, never = series("often", "fpfpfp"), series("long", "p" + "f" * 14 + "p"), series("never", "ppppssee")
    analysis = analyse([*long, *never, *often], MONDAY, LAST, ZONE)
    assert [(history.check, len(history.alarms), history.failed) for history in analysis.recurring] == [
        ("often", 3, 3),
        ("long", 1, 14),
    ]
    assert analysis.recurring[1].longest == timedelta(days=14)
    assert {history.check for history in analysis.histories} == {"often", "long", "never"}


@pytest.mark.parametrize(
    ("letters", "wolf"),
    [
        ("fpfpfp", True),
        ("fpfp", False),
        ("fpwpffpffp", True),
        ("fpffpffpffp", False),
        ("fpffpf", False),
        ("fefpfsfp", False),
        ("fpespfpespfp", True),
    ],
    ids=[
        "three brief",
        "too few",
        "two of four",
        "one of four",
        "the last one stands",
        "errors between",
        "skips after",
    ],
)
def test_a_check_cries_wolf(letters: str, wolf: bool) -> None:
    """Half of three or more alarms were over the next time anybody looked; one that stands is not over."""
    analysis = analyse(series("one", letters), MONDAY, LAST, ZONE)
    assert [history.check for history in analysis.wolves] == (["one"] if wolf else [])


def test_what_cannot_be_judged_ends_no_alarm() -> None:
    """A skip and an error between two failures leave one alarm, not two."""
    (history,) = analyse(series("one", "fsefp"), MONDAY, LAST, ZONE).histories
    assert [(alarm.runs, alarm.over) for alarm in history.alarms] == [(2, True)]


def test_hours_are_local_on_both_sides_of_a_clock_change() -> None:
    """Six in the morning is six in the morning, in winter and in summer."""
    around = [datetime(2026, 3, 7, 11, tzinfo=UTC), datetime(2026, 3, 9, 10, tzinfo=UTC)]
    analysis = analyse(
        [Outcome(at, "one", Status.FAIL, Severity.INFO) for at in around], date(2026, 3, 1), date(2026, 3, 31), ZONE
    )
    assert {hour: count.failed for hour, count in analysis.hours.items()} == {6: 2}


def test_health_moves_by_week_and_weight() -> None:
    """Weeks begin on Monday; a critical failure weighs four times an informative one; an error earns nothing."""
    grave = series("grave", "p" * 7 + "f" * 7, severity=Severity.CRITICAL)
    light = series("light", "p" * 14 + "e" * 7, severity=Severity.INFO)
    analysis = analyse([*grave, *light], MONDAY, LAST, ZONE)
    assert {week: count.health for week, count in analysis.weeks.items()} == {
        MONDAY: 100.0,
        MONDAY + timedelta(days=7): 20.0,
        MONDAY + timedelta(days=14): 0.0,
    }


def test_days_of_which_nothing_is_recorded_are_named() -> None:
    """Nobody looked: that is no good day, and it has no number."""
    analysis = analyse(series("one", "ppp"), MONDAY, MONDAY + timedelta(days=4), ZONE)
    assert analysis.silent == (MONDAY + timedelta(days=3), MONDAY + timedelta(days=4))


def test_days_outside_the_range_do_not_count() -> None:
    """A result of the evening before, which is the same day in UTC, is left out."""
    outside = Outcome(datetime(2026, 1, 5, 4, tzinfo=UTC), "one", Status.FAIL, Severity.INFO)
    assert analyse([outside], MONDAY, LAST, ZONE).histories == ()


@given(st.lists(st.text("pwfes", max_size=28), min_size=1, max_size=4), st.randoms())
def test_every_result_is_counted_once(columns: list[str], random: Iterable[object]) -> None:
    """By check, hour, day and week the same results are counted, in whatever order they come."""
    outcomes = [outcome for n, letters in enumerate(columns) for outcome in series(f"c{n}", letters, hour=n)]
    random.shuffle(outcomes)  # type: ignore[attr-defined]
    analysis = analyse(outcomes, MONDAY, LAST, ZONE)
    judged = sum(outcome.status is not Status.SKIP for outcome in outcomes)
    for counted in (analysis.histories, analysis.hours.values(), analysis.days.values(), analysis.weeks.values()):
        assert sum(count.judged for count in counted) == judged
    assert all(len(history.alarms) <= history.failed + history.warned for history in analysis.histories)
