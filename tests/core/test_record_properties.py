"""What holds of any history of reports, in whatever order it comes (behaviour R5, R6, R7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.model import Completion, Outcome, Report
from shared.core.record import GOOD, record
from shared.core.standing import opened_at
from tests.core.build import PGS, POLICY, at, fold, report

PROCESSOR = POLICY.phases["phase3"].processors[PGS]
OUTCOMES = sorted(Outcome)
CAUSES = ("", "no rows", "timeout")


@st.composite
def histories(draw: st.DrawFn, outcomes: list[Outcome] = OUTCOMES, most: int = 8) -> list[Report]:
    """Draw reports of one processor, each ended at another minute, received one second after the other."""
    ends = draw(st.lists(st.integers(0, 30), unique=True, max_size=most, min_size=1))
    return [
        report(
            PGS,
            draw(st.sampled_from(outcomes)),
            draw(st.none() | st.integers(0, 120)),
            ended=at(minutes=end),
            received=at(hours=1, seconds=place),
            message_id=f"m{place}",
            error=draw(st.sampled_from(CAUSES)),
        )
        for place, end in enumerate(ends)
    ]


def latest_of(reports: list[Report]) -> Report | None:
    said = [one for one in reports if one.outcome is not Outcome.STARTED]
    return max(said, key=lambda one: one.occurred_at, default=None)


@settings(deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_the_latest_outcome_stands_whatever_the_order_of_arrival(history: list[Report], random: object) -> None:
    """`latest` and `good` are those that ended last; how they were shuffled on the way changes neither (R5)."""
    shuffled = list(history)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    after = fold(*shuffled)
    assert after.latest == latest_of(history)
    assert after.good == latest_of([one for one in history if one.outcome in GOOD])


@settings(deadline=None)
@given(histories(), st.data())
def test_the_same_message_twice_changes_nothing(history: list[Report], data: st.DataObject) -> None:
    """A message that was counted is the identity, at once or later, even if its delivery differs (R5)."""
    after = fold(*history)
    again = data.draw(st.sampled_from(history))
    assert record(after, again) == after
    assert record(after, replace(again, received_at=at(hours=5), records=999)) == after


@settings(deadline=None)
@given(histories())
def test_started_never_replaces_an_outcome(history: list[Report]) -> None:
    """With every `started` taken out, what counts is the same (R6)."""
    with_them = fold(*history)
    outcomes = [one for one in history if one.outcome is not Outcome.STARTED]
    without = fold(*outcomes) if outcomes else Completion("phase3", PGS)
    assert (with_them.latest, with_them.good, with_them.openers) == (without.latest, without.good, without.openers)
    assert (with_them.superseded, with_them.failures) == (without.superseded, without.failures)


@settings(deadline=None)
@given(histories())
def test_receipts_are_those_of_the_newest(history: list[Report]) -> None:
    """`last_received_at` is the receipt of the last arrival, `started_at` that of the last `started`."""
    after = fold(*history)
    starts = [one.received_at for one in history if one.outcome is Outcome.STARTED]
    assert after.last_received_at == history[-1].received_at
    assert after.started_at == max(starts, default=None)
    assert after.unrecorded == tuple(history)


@settings(deadline=None)
@given(histories())
def test_every_outcome_but_the_standing_one_is_superseded(history: list[Report]) -> None:
    """`superseded` counts the outcomes that do not stand, however they came (R5)."""
    outcomes = [one for one in history if one.outcome is not Outcome.STARTED]
    assert fold(*history).superseded == max(0, len(outcomes) - 1)


def first_that_counts(history: list[Report], floor: int | None, rows: int | None) -> datetime | None:
    """Say by R6 and R7 alone which receipt starts the clock: that of the first report that stood and counted."""
    latest: Report | None = None
    for one in history:
        if one.outcome is Outcome.STARTED or (latest is not None and one.occurred_at < latest.occurred_at):
            continue
        latest = one
        if one.outcome in (Outcome.SKIPPED, Outcome.INFERRED):
            return one.received_at
        enough = floor is None or one.records is None or one.records >= floor
        by_table = rows is not None and rows >= max(1, floor or 0)
        if one.outcome is Outcome.SUCCESS and (enough or by_table):
            return one.received_at
        if one.outcome is Outcome.PARTIAL and enough:
            return one.received_at
    return None


@settings(deadline=None)
@given(histories(), st.none() | st.integers(0, 12), st.none() | st.integers(0, 120))
def test_the_openers_kept_are_enough_to_tell_when_the_clock_started(
    history: list[Report], games: int | None, rows: int | None
) -> None:
    """Whatever the floor and the table turn out to be, the first report that counts is found among the openers."""
    table = {PROCESSOR.table or "": rows}
    expected = first_that_counts(history, PROCESSOR.floor(games), rows)
    assert opened_at(PROCESSOR, fold(*history), games, table) == expected


@settings(deadline=None)
@given(histories(outcomes=[Outcome.SUCCESS, Outcome.PARTIAL], most=12))
def test_openers_hold_only_what_may_matter(history: list[Report]) -> None:
    """A report that counts only where an earlier one does is not kept: each opener beats all before it."""
    openers = fold(*history).openers
    for place, later in enumerate(openers):
        for earlier in openers[:place]:
            more = earlier.records is not None and (later.records is None or later.records > earlier.records)
            assert more or (earlier.partial and not later.partial)


@settings(deadline=None)
@given(histories(outcomes=[Outcome.SUCCESS], most=6))
def test_later_reports_do_not_move_the_clock(history: list[Report]) -> None:
    """R7: once a report that counts was recorded, no later one changes when the clock started."""
    opening = report(PGS, records=80, ended=at(minutes=-5), received=at(minutes=1), message_id="first")
    assert opened_at(PROCESSOR, fold(opening, *history), 7, {}) == at(minutes=1)
