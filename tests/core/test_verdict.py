"""What measures come to: the worst of them, at the thresholds exactly, and never a pass for what is not known."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.severity import Severity
from shared.core.validation.checks import Category, Check, Nothing, Status, Thresholds
from shared.core.validation.trend import ResultOfDay, RunOfDay, day_trend
from shared.core.validation.verdict import (
    Measure,
    Measured,
    Result,
    Summary,
    SummaryStatus,
    broken,
    health,
    judge,
    skipped,
)
from tests.core.build import DAY

LIMITS = Thresholds(warn_below=80, fail_below=50)


def check(limits: Thresholds = LIMITS, nothing: Nothing = Nothing.SKIP, severity: Severity = Severity.WARNING) -> Check:
    return Check("one", "One", Category.QUALITY, severity, ("noon",), limits, False, nothing, time(12))


@pytest.mark.parametrize(
    ("limits", "value", "status"),
    [
        (LIMITS, 80, Status.PASS),
        (LIMITS, 79.9, Status.WARN),
        (LIMITS, 50, Status.WARN),
        (LIMITS, 49.9, Status.FAIL),
        (Thresholds(warn_above=2, fail_above=6), 2, Status.PASS),
        (Thresholds(warn_above=2, fail_above=6), 2.1, Status.WARN),
        (Thresholds(warn_above=2, fail_above=6), 6, Status.WARN),
        (Thresholds(warn_above=2, fail_above=6), 6.1, Status.FAIL),
        (Thresholds(warn_from=5, fail_from=10), 4, Status.PASS),
        (Thresholds(warn_from=5, fail_from=10), 5, Status.WARN),
        (Thresholds(warn_from=5, fail_from=10), 9, Status.WARN),
        (Thresholds(warn_from=5, fail_from=10), 10, Status.FAIL),
        (Thresholds(fail_below=1, fail_above=3), 4, Status.FAIL),
        (Thresholds(warn_below=0), -1, Status.WARN),
    ],
)
def test_thresholds_at_their_edges(limits: Thresholds, value: float, status: Status) -> None:
    """Below and above leave the number itself alone; from takes it in."""
    assert judge(check(limits), Measured((Measure("", value),))).status is status


@pytest.mark.parametrize("nothing", Nothing)
@pytest.mark.parametrize("measures", [(), (Measure("", None),), (Measure("", float("nan")),)])
def test_nothing_is_what_the_check_says(nothing: Nothing, measures: tuple[Measure, ...]) -> None:
    """No row, no number and no possible number mean the same, and never what another check would say."""
    assert judge(check(nothing=nothing), Measured(measures)).status is Status[nothing.name]


def test_a_cap_softens_a_failure_only() -> None:
    """What may be lacking warns at most; a pass stays a pass."""
    capped = [Measure("", value, worst=Status.WARN) for value in (0, 90)]
    assert [measure.status(check()) for measure in capped] == [Status.WARN, Status.PASS]


values = st.lists(st.none() | st.floats(0, 100), max_size=6)


@given(values, st.lists(st.just("a table"), max_size=2), st.sampled_from(Nothing))
def test_what_could_not_be_read_is_never_a_pass(
    numbers: list[float | None], unread: list[str], nothing: Nothing
) -> None:
    """With anything unread a check fails or is in error; and a failure is never hidden by it."""
    measures = tuple(Measure(str(n), value) for n, value in enumerate(numbers))
    without = judge(check(nothing=nothing), Measured(measures)).status
    result = judge(check(nothing=nothing), Measured(measures, tuple(unread)))
    if not unread:
        assert result.status is without
    else:
        failed = measures and without is Status.FAIL
        assert result.status is (Status.FAIL if failed else Status.ERROR)
        assert "could not read a table" in result.message


def test_the_message_names_the_worst_first() -> None:
    """Of many, five are named, the failures before the warnings, with their numbers."""
    measures = [Measure(f"w{n}", 70) for n in range(4)] + [Measure(f"f{n}", 10, "all") for n in range(3)]
    message = judge(check(), Measured(tuple(measures))).message
    assert message.startswith("7 of 7: f0: 10, expected all; f1")
    assert message.endswith("and 2 more")


def result(status: Status, severity: Severity = Severity.WARNING) -> Result:
    return Result(check(severity=severity), status, "")


@pytest.mark.parametrize(
    ("results", "word", "score"),
    [
        ([], SummaryStatus.OK, None),
        ([result(Status.SKIP)], SummaryStatus.OK, None),
        ([result(Status.PASS), result(Status.SKIP)], SummaryStatus.OK, 100.0),
        ([result(Status.PASS), result(Status.WARN)], SummaryStatus.WARNING, 75.0),
        ([result(Status.PASS), result(Status.FAIL)], SummaryStatus.WARNING, 50.0),
        ([result(Status.PASS), result(Status.ERROR)], SummaryStatus.WARNING, 50.0),
        ([result(Status.PASS), result(Status.FAIL, Severity.CRITICAL)], SummaryStatus.CRITICAL, 33.3),
        ([result(Status.ERROR), result(Status.SKIP)], SummaryStatus.CRITICAL, 0.0),
    ],
)
def test_a_run_comes_to_a_word_and_a_score(results: list[Result], word: SummaryStatus, score: float | None) -> None:
    """A run in which nothing could be judged is critical, one with nothing to judge has no score."""
    summary = Summary(tuple(results))
    assert (summary.status, summary.health) == (word, score)


def test_a_summary_names_what_it_could_not_read_once() -> None:
    """With the checks that needed it."""
    first_check, other = check(), Check("other", "O", Category.QUALITY, Severity.INFO, (), LIMITS, False, Nothing.SKIP)
    results = (
        broken(first_check, "the record is away"),
        broken(other, "the record is away"),
        skipped(first_check, "not due"),
    )
    assert Summary(results).unread == ("the record is away (one, other)",)


def test_a_day_is_the_sum_of_its_runs() -> None:
    """A run given twice counts once; skips are no checks; errors are in the total only."""
    runs = [RunOfDay("a", "ok", 100), RunOfDay("b", "critical", 300), RunOfDay("a", "ok", 100)]
    words = ["PASS", "PASS", "WARN", "FAIL", "FAIL", "ERROR", "SKIP"]
    results = [ResultOfDay("x" if n < 5 else "y", word, "info") for n, word in enumerate(words)]
    trend = day_trend(DAY, runs, results)
    assert (trend.total_runs, trend.ok_runs, trend.warning_runs, trend.critical_runs) == (2, 1, 0, 1)
    counts = (trend.total_checks, trend.checks_passed, trend.checks_warned, trend.checks_failed)
    assert counts == (6, 2, 1, 2)
    assert (trend.most_common_failures, trend.avg_duration_ms) == ({"x": 2}, 200)
    assert trend.health_score == health((Severity.INFO, Status(word)) for word in words)
