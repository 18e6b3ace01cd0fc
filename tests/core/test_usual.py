"""What is usual of a value by past nights, and between what a night is usual (behaviour T12)."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from math import exp, log, sqrt
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.learning.anomaly import Band, Learning, Usuals
from shared.core.learning.usual import SMALLEST_SPREAD, Sample, Usual, usual_of
from shared.core.policy.anomalies import OFF, Anomalies, RowsBand, RunsLonger
from shared.documents import from_data, to_data

MONDAY = date(2026, 1, 5)
GAMES = (7, 2, 11, 5, 9, 8, 3)


def noise(n: int) -> float:
    """Return one of forty values as a normal distribution has them, in an order that follows neither size nor week."""
    return NormalDist().inv_cdf(((n * 17) % 40 + 0.5) / 40)


def nights(
    value: Callable[[date, int], float], count: int = 40, width: float = 0.1, games: tuple[int, ...] = GAMES
) -> list[Sample]:
    """Return so many nights in a row, whose ratio to a value differs by a tenth or so."""
    days = [MONDAY + timedelta(days=n) for n in range(count)]
    listed = [(day, games[n % len(games)]) for n, day in enumerate(days)]
    return [Sample(day, value(day, units) * exp(width * noise(n)), units) for n, (day, units) in enumerate(listed)]


def usual(samples: list[Sample]) -> Usual:
    learned = usual_of(samples)
    assert learned is not None
    return learned


@pytest.mark.parametrize(
    ("value", "games", "expected"),
    [
        (lambda day, games: 28 * games, 14, 392),
        (lambda day, games: 430, 14, 430),
        (lambda day, games: 240 + 60 * games, 14, 1080),
        (lambda day, games: 28 * games, 1, 28),
    ],
)
def test_what_is_usual_follows_the_units_as_far_as_it_does(
    value: Callable[[date, int], float], games: int, expected: float
) -> None:
    """In proportion, not at all, or in part; also of a date with more or fewer units than any night before."""
    assert usual(nights(value)).expected(MONDAY, games) == pytest.approx(expected, rel=0.12)


def test_without_units_the_nights_are_as_they_are() -> None:
    plain = [Sample(sample.day, 300, None) for sample in nights(lambda day, games: 300)]
    learned = usual(plain)
    assert (learned.per_unit, learned.units) == (0.0, None)
    assert learned.expected(MONDAY, None) == pytest.approx(300)
    assert learned.expected(MONDAY, 7) == pytest.approx(300)


def test_one_unknown_number_of_units_and_none_counts() -> None:
    """A line that is drawn of some nights only would say something of the others that nobody knows."""
    samples = nights(lambda day, games: 28 * games)
    assert usual([*samples, Sample(MONDAY, 200, None)]).per_unit == 0


def test_a_night_of_nothing_and_no_night_teach_nothing() -> None:
    assert usual_of([]) is None
    assert usual_of([Sample(MONDAY, 0, 7)]) is None
    assert usual([Sample(MONDAY, 0, 7), Sample(MONDAY, 100, 7)]).nights == 1


def test_faults_move_little() -> None:
    """Three of forty nights five times as long: the usual time moves by less than a twentieth, the spread by half."""
    samples = nights(lambda day, games: 600)
    struck = [
        sample._replace(value=sample.value * 5) if n in (3, 17, 31) else sample for n, sample in enumerate(samples)
    ]
    before, after = usual(samples), usual(struck)
    assert after.expected(MONDAY, 7) == pytest.approx(before.expected(MONDAY, 7), rel=0.05)
    assert after.spread < 1.5 * before.spread


def test_the_spread_is_that_of_the_logarithm() -> None:
    assert usual(nights(lambda day, games: 600, width=0.3, games=(7,))).spread == pytest.approx(0.3, rel=0.12)


def test_one_strange_night_alone_does_not_raise_what_one_of_twenty_exceeds() -> None:
    samples = nights(lambda day, games: 600)
    struck = [samples[0]._replace(value=6000), *samples[1:]]
    assert usual(struck).p95 < 1.3


def test_what_regularly_takes_long_is_usual() -> None:
    """Every eighth night takes three times as long: one of twenty exceeds that, so that nobody is told."""
    samples = nights(lambda day, games: 600 * (3 if day.toordinal() % 8 == 0 else 1), count=72)
    assert usual(samples).p95 > 2.5


def test_a_weekday_is_another_once_seven_of_it_are_known() -> None:
    """Mondays take twice as long: six of them say nothing, seven do, and no other weekday moves."""

    def value(day: date, games: int) -> float:
        return 300 * (2 if day.weekday() == 0 else 1)

    six, seven = usual(nights(value, count=42)), usual(nights(value, count=49))
    assert six.expected(MONDAY, 7) == pytest.approx(six.expected(MONDAY + timedelta(days=1), 7))
    assert seven.expected(MONDAY, 7) == pytest.approx(600, rel=0.15)
    assert seven.expected(MONDAY + timedelta(days=1), 7) == pytest.approx(300, rel=0.15)


def test_weekdays_differ_by_chance_in_one_record_of_twenty() -> None:
    """Of a hundred records in which all are alike, few have a weekday of its own, and nearly all where one takes half
    as long again: each is known by nine or ten nights that differ by a fifth."""
    rng = random.Random(1)

    def moved(monday: float) -> bool:
        samples = [
            Sample(day, 300 * exp(rng.gauss(0, 0.2)) * (monday if day.weekday() == 0 else 1))
            for day in (MONDAY + timedelta(days=n) for n in range(66))
        ]
        return bool(usual(samples).weekdays)

    assert sum(moved(1.0) for _ in range(100)) <= 12
    assert sum(moved(1.5) for _ in range(100)) >= 90


def test_faults_are_left_out_of_what_one_of_twenty_exceeds() -> None:
    """Two of sixty nights may be faults, and do not raise it; of what four do it is said that nights differ so."""
    samples = nights(lambda day, games: 600, count=60)

    def struck(*places: int) -> Usual:
        return usual([each._replace(value=6000) if n in places else each for n, each in enumerate(samples)])

    assert struck(9, 40).p95 < 1.2
    assert struck(9, 40, 41, 50, 55, 57).p95 > 5


def test_fewer_units_even_out_less() -> None:
    """The band of a night with a quarter of the usual units is twice as wide, of more units no narrower; where the
    value does not follow the units it stays."""
    learned, width = Usual(30, 0.0, 28.0, 0.1, 1.2, units=8), log(Usual(30, 430.0, 0.0, 0.1, 1.2).ratio(4, 8))
    assert learned.ratio(4, 2) == pytest.approx(exp(2 * width))
    assert learned.ratio(4, 8) == learned.ratio(4, 15) == learned.ratio(4, None) == pytest.approx(exp(width))
    assert Usual(30, 430.0, 0.0, 0.1, 1.2, units=8).ratio(4, 2) == pytest.approx(exp(width))


@pytest.mark.parametrize(
    ("nights_known", "normal", "student"),
    [
        (14, 1.95996, 2.1788),
        (30, 1.95996, 2.0484),
        (62, 1.95996, 2.0003),
        (14, 3.29053, 4.3178),
        (30, 3.29053, 3.6739),
        (62, 3.29053, 3.4602),
    ],
)
def test_few_nights_make_a_wider_band(nights_known: int, normal: float, student: float) -> None:
    """As a prediction interval is, with the quantiles of printed tables: two numbers are taken from the nights."""
    width = log(Usual(nights_known, 600, 0, 0.2, 1.2).ratio(normal, None)) / 0.2
    assert width == pytest.approx(student * sqrt(1 + 1 / nights_known), rel=0.06)


def test_what_never_differs_may_differ_by_a_quarter() -> None:
    assert Usual(30, 16.0, 0.0, 0.0, 1.0).ratio(4, 8) == pytest.approx(exp(4 * SMALLEST_SPREAD))


@given(st.lists(st.tuples(st.floats(1, 1e5), st.integers(1, 15)), min_size=2, max_size=30), st.floats(0.01, 100))
def test_what_is_usual_is_in_no_unit(values: list[tuple[float, int]], times: float) -> None:
    """Seconds or minutes: the usual value is so many times as large, and no ratio changes."""
    samples = [Sample(MONDAY + timedelta(days=n), value, units) for n, (value, units) in enumerate(values)]
    plain, other = usual(samples), usual([sample._replace(value=sample.value * times) for sample in samples])
    assert other.expected(MONDAY, 5) == pytest.approx(times * plain.expected(MONDAY, 5), rel=1e-6)
    assert (other.spread, other.p95) == pytest.approx((plain.spread, plain.p95), rel=1e-6, abs=1e-9)


def test_it_is_stored_and_read_again() -> None:
    learned = usual(nights(lambda day, games: 300 * (2 if day.weekday() == 0 else 1), count=49))
    assert from_data(Usual, to_data(learned)) == learned


LIMITS = Anomalies(14, RunsLonger(2, 2), RowsBand(4))


def usuals(learned: Usual, limits: Anomalies = LIMITS) -> Usuals:
    return Usuals(limits, {"phase4": {"overnight": learned}}, {"pgs": {"overnight": learned}})


@pytest.mark.parametrize(
    ("learned", "high"),
    [
        (Usual(30, 600, 0, 0.1, 1.2), 1200),  # twice the usual time
        (Usual(30, 600, 0, 0.1, 2.5), 1500),  # what one night of twenty exceeds
        (Usual(30, 600, 0, 0.5, 1.2), 600 * exp(2.13 * 0.5)),  # what it differs by from night to night
    ],
)
def test_a_phase_may_run_as_long_as_the_longest_of_three(learned: Usual, high: float) -> None:
    band = usuals(learned).duration_band("phase4", "overnight", MONDAY, 7)
    assert band == Band(0.0, 600, pytest.approx(high, rel=1e-2), 30)


def test_rows_have_a_band_on_both_sides() -> None:
    band = usuals(Usual(30, 0, 28, 0.1, 1.2)).rows_band("pgs", "overnight", MONDAY, 7)
    assert isinstance(band, Band)
    assert (band.low * band.high, band.usual) == (pytest.approx(196 * 196), pytest.approx(196))
    assert band.high == pytest.approx(196 * exp(4.68 * 0.1), rel=1e-2)


def test_a_band_holds_its_ends() -> None:
    band = Band(100, 200, 400, 30)
    assert [band.holds(value) for value in (99, 100, 400, 401)] == [False, True, True, False]


def test_too_few_nights_say_nothing() -> None:
    """13 of 14 nights, of another mode, or of another phase: it is being learned."""
    few = usuals(Usual(13, 600, 0, 0.1, 1.2))
    assert few.duration_band("phase4", "overnight", MONDAY, 7) == Learning(13, 14)
    assert few.rows_band("pgs", "overnight", MONDAY, 7) == Learning(13, 14)
    assert few.duration_band("phase4", "tomorrow", MONDAY, 7) == Learning(0, 14)
    assert few.rows_band("other", "overnight", MONDAY, 7) == Learning(0, 14)
    assert isinstance(usuals(Usual(14, 600, 0, 0.1, 1.2)).rows_band("pgs", "overnight", MONDAY, 7), Band)


def test_what_the_policy_takes_back_is_not_looked_at() -> None:
    off = usuals(Usual(30, 600, 0, 0.1, 1.2), OFF)
    assert off.duration_band("phase4", "overnight", MONDAY, 7) is None
    assert off.rows_band("pgs", "overnight", MONDAY, 7) is None
    assert (OFF.nights_needed, Anomalies(rows=None).nights_needed) == (0, 75)
