"""Units as units: what a table must hold of a date, several loaders of one name, and reports of nothing (R10, R12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.decision.completeness import ProcessorStatus, Status, opened_at, processor_status
from shared.core.decision.fold import apply_report
from shared.core.decision.holdings import Holdings, Shortfall
from shared.core.model import Completion, Outcome, Report
from shared.core.policy.phases import Need, Processor, Reports

NAME, TABLE = "loader", "raw.loaded"
T0 = datetime(2026, 3, 11, 9, 0, tzinfo=UTC)
DAY = date(2026, 3, 10)
GAMES = ("BOS@NYK", "MIL@ORL", "PHX@LAL")
SUCCESS, SKIPPED, PARTIAL, FAILED = Outcome.SUCCESS, Outcome.SKIPPED, Outcome.PARTIAL, Outcome.FAILED
BY_UNITS = Processor(NAME, "phase2", table=TABLE, units="game", min_records_per_unit=20)
PER_UNIT = replace(BY_UNITS, reports=Reports.PER_UNIT)
PLAIN = Processor(NAME, "phase2", table=TABLE)
WORDS = st.sampled_from([SUCCESS, PARTIAL, SKIPPED, FAILED, Outcome.NO_DATA])


def report_of(outcome: Outcome = SUCCESS, records: int | None = None, minute: int = 0, **more: Any) -> Report:
    at = T0 + timedelta(minutes=minute)
    return Report(f"{minute}-{records}-{outcome}-{more}", "phase2", NAME, outcome, at, at, records, **more)


def fold(*reports: Report) -> Completion:
    completion: Completion | None = None
    for report in reports:
        completion = apply_report(completion, report)
    assert completion is not None
    return completion


def stands(
    processor: Processor,
    *reports: Report,
    held: tuple[str, ...] | str | None = "unread",
    rows: Mapping[str, int | None] | None = None,
    names: tuple[str, ...] = GAMES,
    units: int | None = len(GAMES),
    **more: Any,
) -> ProcessorStatus:
    read = {} if held == "unread" else {NAME: None if held is None else frozenset(held)}
    holdings = Holdings(read, names, "game")
    return processor_status(processor, fold(*reports), units, rows or {}, carried=None, holdings=holdings, **more)


@pytest.mark.parametrize("records", [None, 1, 60, 5000])
@pytest.mark.parametrize("processor", [BY_UNITS, PER_UNIT], ids=["whole", "per unit"])
def test_the_table_decides_and_no_number_of_rows(processor: Processor, records: int | None) -> None:
    """Whatever the report counts: it is not done while a unit is short, and done when each is there."""
    asked = stands(processor, report_of(records=records))
    assert (asked.status, asked.needs_units) == (Status.UNITS_SHORT, NAME)
    short = stands(processor, report_of(records=records), held=GAMES[:2])
    assert (short.status, short.needs_units) == (Status.UNITS_SHORT, None)
    assert short.shortfall == Shortfall(1, 3, ("PHX@LAL",), "game")
    assert stands(processor, report_of(records=records), held=(*GAMES, "another")).status is Status.DONE


def test_the_units_that_are_short_are_named() -> None:
    """By name where the calendar has names, else by number; units of other names may be those it cannot name."""
    assert stands(BY_UNITS, report_of(), held=("MIL@ORL",)).shortfall == Shortfall(2, 3, ("BOS@NYK", "PHX@LAL"), "game")
    unnamed = stands(BY_UNITS, report_of(), held=("x",), names=()).shortfall
    assert unnamed is not None
    assert unnamed.text == "2 of 3 games missing"
    named = Shortfall(2, 3, ("BOS@NYK", "PHX@LAL"), "game")
    assert named.text == "2 of 3 games missing: BOS@NYK, PHX@LAL"
    partly = stands(BY_UNITS, report_of(), held=("BOS@NYK", "x"), names=("BOS@NYK",))
    assert partly.shortfall == Shortfall(1, 3, (), "game")


@pytest.mark.parametrize(("records", "word"), [(60, Status.DONE), (59, Status.UNITS_SHORT), (None, Status.DONE)])
def test_what_cannot_be_read_does_not_refuse(records: int | None, word: Status) -> None:
    """Then the floor of the report decides."""
    assert stands(BY_UNITS, report_of(records=records), held=None).status is word


def test_reports_of_single_units_are_added_where_the_table_cannot_be_read() -> None:
    """None of them is under the floor of the whole date; together they are judged by it, each message once."""
    reports = [report_of(records=25, minute=minute) for minute in range(3)]
    assert stands(PER_UNIT, *reports[:2], held=None).status is Status.UNITS_SHORT
    assert stands(PER_UNIT, *reports[:2], reports[1], held=None).status is Status.UNITS_SHORT
    assert stands(PER_UNIT, *reports, held=None).status is Status.DONE


@pytest.mark.parametrize(("units", "names"), [(None, ()), (0, ())])
def test_nothing_is_demanded_where_the_units_are_unknown_or_none(units: int | None, names: tuple[str, ...]) -> None:
    """A floor that cannot be computed does not refuse, and no table is asked (T3)."""
    at = stands(BY_UNITS, report_of(records=1), units=units, names=names)
    assert (at.status, at.asks) == (Status.DONE, False)


def test_the_clock_starts_with_the_report_that_the_table_vouches_for() -> None:
    """A report of one of three units opens nothing, however many its rows; the third one does (R7)."""
    reports = [report_of(records=100, minute=minute) for minute in range(3)]
    for count, held, first in ((1, GAMES[:1], None), (3, GAMES, reports[2].received_at)):
        holdings = Holdings({NAME: frozenset(held)}, GAMES)
        assert opened_at(PER_UNIT, fold(*reports[:count]), 3, {}, holdings) == first


@pytest.mark.parametrize("report", [report_of(Outcome.INFERRED, 60), report_of(SKIPPED)], ids=["inferred", "skipped"])
def test_what_counts_without_its_table_starts_the_clock(report: Report) -> None:
    """An outcome that no table has to vouch for counts when it comes, for a processor of units too (R7)."""
    at = opened_at(BY_UNITS, fold(report), len(GAMES), {}, Holdings({}, GAMES, "game"))
    assert at == report.received_at


@pytest.mark.parametrize("carried", [None, {NAME: None}], ids=["before its trigger", "after it"])
def test_what_one_unit_reported_is_no_measure_of_growth(carried: Mapping[str, int | None] | None) -> None:
    """A refresh compares records: those of the unit that came last say nothing of the date, whenever they are asked."""
    holdings = Holdings({NAME: frozenset(GAMES)}, GAMES, "game")
    at = processor_status(PER_UNIT, fold(report_of(records=34)), 3, {}, carried=carried, holdings=holdings)
    assert (at.status, at.records) == (Status.DONE, None)
    assert processor_status(BY_UNITS, fold(report_of(records=34)), 3, {}, carried=None, holdings=holdings).records == 34


def test_rows_of_a_loader_that_reports_per_unit_are_those_of_its_table() -> None:
    """Without units of its own the table's rows are held against the floor: 2 rows a game, 6 of three games."""
    processor = replace(PER_UNIT, units="", min_records_per_unit=2)
    assert stands(processor, report_of(records=2)).needs_rows == TABLE
    assert stands(processor, report_of(records=2), rows={TABLE: 5}).status is Status.UNITS_SHORT
    done = stands(processor, report_of(records=2), rows={TABLE: 6})
    assert (done.status, done.counter_missing) == (Status.DONE, False)


def test_an_absolute_floor_needs_no_calendar() -> None:
    """`min_records` holds also where the units are unknown; of two floors the larger one."""
    processor = replace(PLAIN, min_records=5, min_records_per_unit=2)
    assert [processor.records_needed(units) for units in (None, 1, 3)] == [5, 5, 6]
    assert stands(processor, report_of(records=4), units=None).status is Status.UNDER_MINIMUM


# several loaders of one name

PLAYERS = Processor(f"{NAME}/Players", "phase2", table="raw.players", min_records_per_unit=20)
TEAMS = Processor(f"{NAME}/Teams", "phase2", table="raw.teams", min_records_per_unit=2)
ANY = Processor(NAME, "phase2", sources={"Players": PLAYERS, "Teams": TEAMS})
ALL = replace(ANY, need=Need.ALL)
PLAYERS_WELL, TEAMS_WELL = report_of(records=171, source="Players"), report_of(records=6, minute=1, source="Teams")
TEAMS_SHORT = report_of(records=2, minute=2, source="Teams")
TEAMS_FAILED = report_of(FAILED, minute=3, source="Teams")


@pytest.mark.parametrize("after", [TEAMS_SHORT, TEAMS_FAILED, report_of(Outcome.NO_DATA, minute=4, source="Teams")])
def test_one_loader_never_sets_back_another(after: Report) -> None:
    """The players' 171 rows stand, whatever the teams' loader says later."""
    empty = {"raw.teams": 0}
    assert stands(ANY, PLAYERS_WELL, after, rows=empty).status is Status.DONE
    assert stands(ANY, after, PLAYERS_WELL, rows=empty).status is Status.DONE
    assert stands(ALL, PLAYERS_WELL, after, rows=empty).status is not Status.DONE


def test_any_or_all_of_the_loaders_have_to_be_done() -> None:
    """One suffices, or each is needed; one that never reported is not done, and a table that may vouch is asked."""
    assert stands(ANY, TEAMS_WELL).status is Status.DONE
    assert stands(ALL, TEAMS_WELL).status is Status.ABSENT
    assert stands(ALL, TEAMS_WELL, PLAYERS_WELL).status is Status.DONE
    assert stands(ANY, TEAMS_SHORT).needs_rows == "raw.teams"
    assert stands(ANY, TEAMS_SHORT, rows={"raw.teams": 6}).status is Status.DONE


def test_a_report_of_the_processor_as_a_whole_counts_for_it() -> None:
    """Who reports under the canonical name says it of all its loaders."""
    assert stands(ALL, report_of()).status is Status.DONE
    assert stands(ALL, TEAMS_WELL, report_of(minute=5)).status is Status.DONE


def test_the_clock_starts_when_any_or_when_all_loaders_count() -> None:
    """The first that counts, or the moment at which none is missing any more."""
    completion = fold(PLAYERS_WELL, TEAMS_WELL)
    assert opened_at(ANY, completion, 3, {}) == PLAYERS_WELL.received_at
    assert opened_at(ALL, fold(PLAYERS_WELL), 3, {}) is None
    assert opened_at(ALL, completion, 3, {}) == TEAMS_WELL.received_at


# incremental reports


def test_an_incremental_report_never_lowers_what_stands() -> None:
    """It is kept, and the larger number, the better outcome stands; a newer full report is the truth again."""
    full, small = report_of(records=230), report_of(records=12, minute=1, is_incremental=True)
    for worse in (
        small,
        report_of(FAILED, minute=1, is_incremental=True),
        report_of(PARTIAL, 300, 1, is_incremental=True),
    ):
        completion = fold(full, worse)
        assert (completion.latest, completion.superseded) == (full, 1)
        assert fold(worse, full).latest == full
    more = report_of(records=240, minute=2, is_incremental=True)
    assert fold(full, more).latest == more
    anew = report_of(records=10, minute=3)
    assert fold(full, small, anew).latest == anew


@given(st.lists(st.tuples(st.sampled_from([SUCCESS, PARTIAL]), st.integers(0, 300)), min_size=1, max_size=6))
def test_no_series_of_incremental_reports_lowers_the_number(reports: list[tuple[Outcome, int]]) -> None:
    """After a full success of 150 records at least 150 stand."""
    later = [report_of(word, n, minute, is_incremental=True) for minute, (word, n) in enumerate(reports, start=1)]
    latest = fold(report_of(records=150), *later).latest
    assert latest is not None
    assert latest.outcome is SUCCESS
    assert latest.records is not None
    assert latest.records >= 150


# nothing is not something


@pytest.mark.parametrize("what", [report_of(records=0), report_of(SKIPPED), report_of(SKIPPED, 0)], ids=str)
def test_nothing_counts_only_if_the_table_holds_rows(what: Report) -> None:
    """The table is asked; without rows it is not done, unreadable it does not refuse, without units all is well."""
    assert stands(PLAIN, what, required=True).needs_rows == TABLE
    assert stands(PLAIN, what, rows={TABLE: 0}, required=True).status is Status.NOTHING
    assert stands(PLAIN, what, rows={TABLE: 1}, required=True).status is Status.DONE
    assert stands(PLAIN, what, rows={TABLE: None}, required=True).status is Status.DONE
    assert stands(PLAIN, what, units=0, required=True).status is Status.DONE
    assert stands(PLAIN, what, units=None, rows={TABLE: 0}, required=True).status is Status.NOTHING
    assert stands(BY_UNITS, what, held=(), required=True).status is Status.NOTHING
    assert opened_at(PLAIN, fold(what), 3, {TABLE: 0}, required=True) is None
    assert opened_at(PLAIN, fold(what), 3, {TABLE: 1}, required=True) == what.received_at


def test_a_missing_counter_starts_the_clock_as_ever() -> None:
    """Where the policy demands a number, a table that holds it outvotes a report of 0 (R6, R7)."""
    processor, what = replace(PLAIN, min_records_per_unit=1), report_of(records=0)
    assert stands(processor, what, rows={TABLE: 3}).counter_missing
    assert opened_at(processor, fold(what), 3, {TABLE: 3}, required=True) == what.received_at


def test_who_is_optional_may_skip() -> None:
    """Nothing to do is an outcome of an optional processor."""
    assert stands(PLAIN, report_of(SKIPPED), rows={TABLE: 0}).status is Status.DONE


def test_nothing_of_nothing_expected_is_done() -> None:
    """0 of 0 expected: there was nothing to do, whatever the table holds."""
    at = stands(PLAIN, report_of(records=0, expected_records=0), required=True)
    assert (at.status, at.nothing_to_do, at.asks) == (Status.DONE, True, False)
    assert stands(PLAIN, report_of(records=0, expected_records=3), rows={TABLE: 0}).status is Status.NOTHING


@given(
    st.lists(st.tuples(WORDS, st.none() | st.integers(0, 300)), min_size=1, max_size=5), st.sets(st.sampled_from(GAMES))
)
def test_a_success_is_done_only_with_every_unit(reports: list[tuple[Outcome, int | None]], held: set[str]) -> None:
    """Of no series of reports a processor is done whose table lacks a unit."""
    history = [report_of(word, n, minute) for minute, (word, n) in enumerate(reports)]
    at = stands(BY_UNITS, *history, held=tuple(held), required=True)
    assert not at.asks
    assert (at.status is Status.DONE) <= (held == set(GAMES))


@pytest.mark.parametrize("processor", [BY_UNITS, PER_UNIT], ids=["whole", "per unit"])
def test_a_table_that_cannot_be_read_vouches_for_nobody(processor: Processor) -> None:
    """An empty report after a good one retracts it (R6), unless the table was read and holds every unit."""
    empty = report_of(Outcome.NO_DATA, minute=30)
    unread = {processor.table or "": None}
    assert stands(processor, report_of(records=60), empty, held=None, rows=unread).status is Status.NOT_YET
    assert stands(processor, report_of(records=60), empty, held=GAMES).status is Status.DONE


REPORTED = Processor(NAME, "phase2", reports=Reports.PER_UNIT)


def of_unit(unit: str, minute: int, outcome: Outcome = SUCCESS) -> Report:
    return report_of(outcome, minute=minute, unit=unit)


def reported(completion: Completion, names: tuple[str, ...] = GAMES, units: int | None = len(GAMES)) -> ProcessorStatus:
    holdings = Holdings({}, names, "game")
    return processor_status(REPORTED, completion, units, {}, carried=None, holdings=holdings)


def test_reports_that_name_their_units_count_them() -> None:
    """Without a table each unit of the date must have had a whole report; those that have not are named (R10)."""
    first, second = of_unit("BOS@NYK", 1), of_unit("MIL@ORL", 2)
    short = reported(fold(first, second))
    assert (short.status, short.shortfall) == (Status.UNITS_SHORT, Shortfall(1, 3, ("PHX@LAL",), "game"))
    assert reported(fold(first, second, of_unit("PHX@LAL", 3))).status is Status.DONE


def test_a_unit_twice_is_one_and_a_failed_one_is_none() -> None:
    """An overwrite adds nothing; a unit whose latest report failed is missing until it is whole again."""
    twice = fold(of_unit("BOS@NYK", 1), of_unit("BOS@NYK", 2), of_unit("MIL@ORL", 3))
    assert reported(twice).shortfall == Shortfall(1, 3, ("PHX@LAL",), "game")
    failed = fold(*map(of_unit, GAMES, range(3)), of_unit("BOS@NYK", 5, FAILED), of_unit("MIL@ORL", 6))
    assert reported(failed).shortfall == Shortfall(1, 3, ("BOS@NYK",), "game")
    assert reported(apply_report(failed, of_unit("BOS@NYK", 7))).status is Status.DONE


def test_a_unit_of_another_name_is_none_of_the_date() -> None:
    """Three reports do not make three units: names decide, not numbers (D1)."""
    strange = fold(of_unit("BOS@NYK", 1), of_unit("MIL@ORL", 2), of_unit("ATL@CHI", 3))
    assert reported(strange).shortfall == Shortfall(1, 3, ("PHX@LAL",), "game")


def test_one_unit_is_not_all_while_their_number_is_unknown() -> None:
    """Before the calendar is read the first of them must not complete the date; a report of the whole date does."""
    assert reported(fold(of_unit("BOS@NYK", 1)), (), None).status is Status.UNITS_SHORT
    assert reported(fold(report_of(minute=1)), (), None).status is Status.DONE


def test_the_clock_of_reported_units_begins_when_all_are_there() -> None:
    """Nothing counts before, so nothing starts tiers and deadline (R7)."""
    holdings = Holdings({}, GAMES, "game")
    two = fold(of_unit("BOS@NYK", 1), of_unit("MIL@ORL", 2))
    assert opened_at(REPORTED, two, 3, {}, holdings) is None
    whole = apply_report(two, of_unit("PHX@LAL", 9))
    assert opened_at(REPORTED, whole, 3, {}, holdings) == T0 + timedelta(minutes=9)


@given(st.permutations(list(enumerate(GAMES * 2))))
def test_the_order_of_units_does_not_matter(events: list[tuple[int, str]]) -> None:
    """Whatever the order of arrival, a set of whole reports has the same units."""
    completion = fold(*(of_unit(unit, minute) for minute, unit in events))
    assert reported(completion).status is Status.DONE
    assert sorted(completion.units) == sorted(GAMES)
