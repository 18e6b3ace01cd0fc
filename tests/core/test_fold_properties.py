"""What holds of any history of reports, in whatever order it comes (behaviour R5, R6, R7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.core.decision.completeness import Completeness, completeness_of, opened_at
from shared.core.decision.fold import GOOD, apply_report
from shared.core.model import Completion, Outcome, Report
from shared.core.policy.demands import demands
from shared.core.policy.transitions import Expectation
from tests.core.build import DAY, PGS, POLICY, at, fold, report

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
    outcomes = [report for report in reports if report.outcome is not Outcome.STARTED]
    return max(outcomes, key=lambda report: report.occurred_at, default=None)


@settings(deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_the_latest_outcome_stands_whatever_the_order_of_arrival(history: list[Report], random: object) -> None:
    """`latest` and `good` are those that ended last; how they were shuffled on the way changes neither (R5)."""
    shuffled = list(history)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    after = fold(*shuffled)
    assert after.latest == latest_of(history)
    assert after.last_good == latest_of([report for report in history if report.outcome in GOOD])


@settings(deadline=None)
@given(histories(), st.data())
def test_the_same_message_twice_changes_nothing(history: list[Report], data: st.DataObject) -> None:
    """A message that was counted is the identity, at once or later, even if its delivery differs (R5)."""
    after = fold(*history)
    again = data.draw(st.sampled_from(history))
    assert apply_report(after, again) == after
    assert apply_report(after, replace(again, received_at=at(hours=5), records=999)) == after


@settings(deadline=None)
@given(histories())
def test_started_never_replaces_an_outcome(history: list[Report]) -> None:
    """With every `started` taken out, what counts is the same (R6)."""
    with_them = fold(*history)
    outcomes = [report for report in history if report.outcome is not Outcome.STARTED]
    without = fold(*outcomes) if outcomes else Completion("phase3", PGS)
    assert (with_them.latest, with_them.last_good, with_them.clock_starters) == (
        without.latest,
        without.last_good,
        without.clock_starters,
    )
    assert (with_them.superseded, with_them.failures) == (without.superseded, without.failures)


@settings(deadline=None)
@given(histories())
def test_receipts_are_those_of_the_newest(history: list[Report]) -> None:
    """`last_received_at` is the receipt of the last arrival, `started_at` that of the last `started`."""
    after = fold(*history)
    starts = [report.received_at for report in history if report.outcome is Outcome.STARTED]
    assert after.last_received_at == history[-1].received_at
    assert after.started_at == max(starts, default=None)
    assert after.pending_audit == tuple(history)


@settings(deadline=None)
@given(histories())
def test_every_outcome_but_the_standing_one_is_superseded(history: list[Report]) -> None:
    """`superseded` counts the outcomes that do not stand, however they came (R5)."""
    outcomes = [report for report in history if report.outcome is not Outcome.STARTED]
    assert fold(*history).superseded == max(0, len(outcomes) - 1)


def counting(heard: list[Report], floor: int | None, rows: int | None) -> Report | None:
    """Say by R6 and R12 alone which of the reports heard so far counts now, if any does."""
    latest = latest_of(heard)
    if latest is None or latest.outcome is Outcome.FAILED:
        return None
    by_table = rows is not None and rows >= max(1, floor or 0)
    if _says_nothing(latest, floor) and rows == 0:
        return None
    if latest.outcome is Outcome.NO_DATA:
        good = latest_of([report for report in heard if report.outcome in GOOD])
        # It retracts what was good, unless the table holds enough; a part is never counted by the table.
        partial = good is not None and good.outcome is Outcome.PARTIAL
        short = good is not None and good.records is not None and floor is not None and good.records < floor
        return good if by_table and not (partial and short) else None
    if latest.outcome in (Outcome.SKIPPED, Outcome.INFERRED):
        return latest
    enough = floor is None or latest.records is None or latest.records >= floor
    return latest if enough or (by_table and latest.outcome is Outcome.SUCCESS) else None


def _says_nothing(report: Report, floor: int | None) -> bool:
    """R12, of a required processor: it counts only if its table holds something, or cannot be read."""
    empty = report.outcome is Outcome.SUCCESS and report.records == 0 and floor is None
    return report.outcome is Outcome.SKIPPED or empty


def first_that_counts(history: list[Report], floor: int | None, rows: list[int | None]) -> datetime | None:
    """Say by R6 and R7 alone which receipt starts the clock: that of the first report that stood and counted."""
    for place in range(len(history)):
        first = counting(history[: place + 1], floor, rows[place])
        if first is not None:
            return first.received_at
    return None


def look(completion: Completion, games: int | None, rows: int | None, remembered: datetime | None) -> Completeness:
    """Look at a night that expects this processor alone."""
    return completeness_of(
        demands(Expectation(frozenset({PGS})), {PGS: PROCESSOR}, {PGS: PROCESSOR}, DAY, games),
        {PGS: completion},
        games,
        {PROCESSOR.table or "": rows},
        carried=None,
        partial_is_done=False,
        opened=remembered,
    )


@settings(deadline=None)
@example([report(PGS, records=1), report(PGS, Outcome.FAILED, ended=at(minutes=1))], 7, [100, 100])
@example([report(PGS, records=5), report(PGS, records=5, ended=at(minutes=1))], 7, [0, 100])
@example([report(PGS, Outcome.SKIPPED)], 7, [0])
@example([report(PGS, records=0)], None, [0])
@example([report(PGS, Outcome.PARTIAL, records=0)], None, [None])
@example(
    [
        report(PGS, Outcome.FAILED),
        report(PGS, Outcome.SKIPPED, ended=at(minutes=-1)),
        report(PGS, Outcome.NO_DATA, ended=at(minutes=1)),
    ],
    1,
    [None, None, 1],
)
@example([report(PGS, records=5), report(PGS, Outcome.NO_DATA, ended=at(minutes=1))], 7, [0, 100])
@example(
    [
        report(PGS, Outcome.FAILED, ended=at(minutes=4)),
        report(PGS, Outcome.SKIPPED, ended=at(minutes=3)),
        report(PGS, Outcome.NO_DATA, ended=at(minutes=5)),
    ],
    None,
    [None, None, None],
)
@given(histories(), st.none() | st.integers(1, 12), st.lists(st.none() | st.integers(0, 120), min_size=8, max_size=8))
def test_decided_after_each_delivery_the_clock_starts_with_the_first_report_that_counts(
    history: list[Report], games: int | None, rows: list[int | None]
) -> None:
    """Whatever the floor, and whatever the table holds at each decision; what only a table showed is remembered."""
    remembered: datetime | None = None
    for place in range(len(history)):
        seen = look(fold(*history[: place + 1]), games, rows[place], remembered)
        if seen.statuses[PGS].by_table:
            remembered = seen.opened_at
        assert seen.opened_at == first_that_counts(history[: place + 1], PROCESSOR.records_needed(games), rows)


@settings(deadline=None)
@given(histories(outcomes=[Outcome.SUCCESS, Outcome.PARTIAL], most=12))
def test_openers_hold_only_what_may_matter(history: list[Report]) -> None:
    """A report that counts only where an earlier one does is not kept: each opener beats all before it."""
    clock_starters = fold(*history).clock_starters
    for place, later in enumerate(clock_starters):
        for earlier in clock_starters[:place]:
            more = earlier.records is not None and (later.records is None or later.records > earlier.records)
            assert more or (earlier.partial and not later.partial)


@settings(deadline=None)
@given(histories(outcomes=[Outcome.SUCCESS], most=6))
def test_later_reports_do_not_move_the_clock(history: list[Report]) -> None:
    """R7: once a report that counts was recorded, no later one changes when the clock started."""
    opening = report(PGS, records=80, ended=at(minutes=-5), received=at(minutes=1), message_id="first")
    assert opened_at(PROCESSOR, fold(opening, *history), 7, {}) == at(minutes=1)
