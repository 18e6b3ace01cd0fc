"""Folding reports: events change state, whatever order they come in (behaviour R5, R6, R7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.decision.completeness import opened_at
from shared.core.decision.fold import NO_CAUSE, REMEMBERED_CAUSES, REMEMBERED_MESSAGES, apply_report
from shared.core.model import Cause, Completion, Outcome
from tests.core.build import PGS, POLICY, T0, at, fold, report

PROCESSOR = POLICY.phases["phase3"].processors[PGS]


def counts(completion: Completion) -> dict[str, int]:
    return {cause.text: cause.count for cause in completion.failures}


def test_an_older_report_that_comes_late_is_superseded() -> None:
    """A failure that ended before the success is kept as superseded, and changes nothing of what counts (R5)."""
    success = report(PGS, records=80, ended=at(minutes=5), received=at(minutes=6))
    failure = report(PGS, Outcome.FAILED, ended=T0, received=at(minutes=9), error="timeout")
    after = fold(success, failure)
    assert after.latest == success
    assert after.last_good == success
    assert after.superseded == 1
    assert counts(after) == {}


def test_of_two_at_the_same_instant_the_one_received_later_stands() -> None:
    """Where the event time does not decide, arrival does."""
    first = report(PGS, records=1, received=at(minutes=1))
    second = report(PGS, records=2, received=at(minutes=2))
    assert fold(first, second).latest == second
    assert fold(second, first).latest == first


def test_a_message_that_was_counted_counts_no_more() -> None:
    """The same message again, also one of several before and received much later, is the identity (R5)."""
    first, second = report(PGS, records=80), report(PGS, Outcome.FAILED, ended=at(minutes=5), error="no rows")
    after = fold(first, second)
    for again in (first, second, replace(second, received_at=at(hours=5))):
        assert apply_report(after, again) == after


def test_started_stands_beside_the_outcome() -> None:
    """A `started` that comes after an outcome is noted, and the outcome stands (R6)."""
    success = report(PGS, records=80)
    after = fold(success, report(PGS, Outcome.STARTED, ended=at(minutes=9)))
    assert (after.latest, after.superseded, after.started_at) == (success, 0, at(minutes=9))
    assert fold(report(PGS, Outcome.STARTED)).latest is None


def test_the_remembered_messages_are_bounded() -> None:
    """A document does not grow with the reports; the latest messages are the ones remembered."""
    count = REMEMBERED_MESSAGES + 10
    after = fold(*(report(PGS, ended=at(minutes=n), message_id=f"m{n}") for n in range(count)))
    assert after.message_ids == tuple(f"m{n}" for n in range(10, count))
    assert after.superseded == count - 1


@pytest.mark.parametrize(
    ("causes", "counted"),
    [
        (["no rows"] * 3, {"no rows": 3}),
        (["", "  ", ""], {NO_CAUSE: 3}),
        (["no rows", "timeout", "no rows"], {"no rows": 2, "timeout": 1}),
        (["no rows", " no rows\n"], {"no rows": 2}),
        (["x" * 300, "x" * 200], {"x" * 200: 2}),
    ],
)
def test_failures_are_counted_by_cause(causes: list[str], counted: dict[str, int]) -> None:
    """The same cause is one cause, a missing one too (R6)."""
    fails = (report(PGS, Outcome.FAILED, ended=at(minutes=n), error=cause) for n, cause in enumerate(causes))
    assert counts(fold(*fails)) == counted


def test_causes_are_bounded() -> None:
    """Of very many causes the most frequent are kept."""
    often = [report(PGS, Outcome.FAILED, ended=at(minutes=n), error="often") for n in range(2)]
    others = [report(PGS, Outcome.FAILED, ended=at(minutes=n), error=f"cause {n}") for n in range(2, 30)]
    after = fold(*often, *others)
    assert len(after.failures) == REMEMBERED_CAUSES
    assert after.failures[0] == Cause("often", 2)


def test_a_good_report_ends_the_series_of_failures() -> None:
    """After a success the next failure is the first of another series."""
    fails = [report(PGS, Outcome.FAILED, ended=at(minutes=n), error="no rows") for n in range(2)]
    after = fold(*fails, report(PGS, records=80, ended=at(minutes=5)))
    assert counts(after) == {}
    later = apply_report(after, report(PGS, Outcome.FAILED, ended=at(minutes=6), error="no rows"))
    assert counts(later) == {"no rows": 1}


def test_a_good_report_from_before_the_failure_does_not_end_its_series() -> None:
    """A success that ended earlier and came late leaves the standing failure counted."""
    failure = report(PGS, Outcome.FAILED, ended=at(minutes=9), error="no rows")
    assert counts(fold(failure, report(PGS, ended=at(minutes=2), received=at(minutes=12)))) == {"no rows": 1}


def test_the_clock_starts_at_the_receipt_and_not_at_the_event() -> None:
    """R7: a report that ended an hour before it was received opens the transition when it was received."""
    after = fold(report(PGS, records=80, ended=T0, received=at(hours=1)))
    assert opened_at(PROCESSOR, after, 7, {}) == at(hours=1)


def test_a_second_success_does_not_move_the_clock() -> None:
    """R7: once a report that counts was recorded, a better one later leaves the start where it was."""
    after = fold(report(PGS, records=80), report(PGS, records=90, ended=at(minutes=20)))
    assert opened_at(PROCESSOR, after, 7, {}) == T0


def test_a_failure_does_not_take_the_start_of_the_clock_back() -> None:
    """R7: a retraction leaves the receipt of the first completion that counted."""
    failed = report(PGS, Outcome.FAILED, ended=at(minutes=9))
    after = fold(report(PGS, records=80), failed, report(PGS, records=90, ended=at(minutes=20)))
    assert opened_at(PROCESSOR, after, 7, {}) == T0
    assert opened_at(PROCESSOR, fold(report(PGS, records=80), failed), 7, {}) == T0


def test_a_folding_of_seconds_apart_is_exact() -> None:
    """Event times are compared to the microsecond."""
    first = report(PGS, records=1, ended=T0 + timedelta(microseconds=1), message_id="a")
    second = report(PGS, records=2, ended=T0, message_id="b")
    assert fold(first, second).latest == first
