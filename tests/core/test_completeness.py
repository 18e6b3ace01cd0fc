"""Where a processor stands: the table of behaviour R6 row by row, and when the clock starts (R7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from shared.core.decision.completeness import ProcessorStatus, Rows, Status, processor_status
from shared.core.model import Outcome, Plan, Report, RunKey
from shared.core.policy.phases import Disabled
from tests.core.build import (
    COORDINATOR,
    DAY,
    GAMES,
    LINES,
    NIGHT,
    PCF,
    PGS,
    PHASE3,
    PHASE_OF,
    POLICY,
    T0,
    TO3,
    TO5,
    TO6,
    TOGS,
    UPGC,
    at,
    dispatched,
    done,
    fold,
    plan,
    report,
    snapshot,
)  # fmt: skip

FLOOR = 10 * GAMES
TABLE = "nba_analytics.player_game_summary"
SUCCESS, PARTIAL, NO_DATA = Outcome.SUCCESS, Outcome.PARTIAL, Outcome.NO_DATA
SKIPPED, FAILED, STARTED, INFERRED = Outcome.SKIPPED, Outcome.FAILED, Outcome.STARTED, Outcome.INFERRED
Said = tuple[Outcome, int | None]


def reports_of(*what: Said) -> list[Report]:
    """Return reports of one processor, a minute apart."""
    return [report(PGS, outcome, records, ended=at(minutes=n)) for n, (outcome, records) in enumerate(what)]


def stands(
    reports: list[Report],
    rows: Rows | None = None,
    *,
    games: int | None = GAMES,
    carried: dict[str, int | None] | None = None,
    name: str = PGS,
) -> ProcessorStatus:
    processor = POLICY.phases[PHASE_OF[name]].processors[name]
    return processor_status(processor, fold(*reports) if reports else None, games, rows or {}, carried=carried)


# reports, rows in the table (None: not read), word, whether the table has to be read
TABLE_OF_R6: dict[str, tuple[list[Said], int | None, Status, bool]] = {
    "nothing": ([], None, Status.ABSENT, False),
    "started": ([(STARTED, None)], None, Status.STARTED, False),
    "started with records": ([(STARTED, 500)], 500, Status.STARTED, False),
    "success, records missing": ([(SUCCESS, None)], None, Status.DONE, False),
    "success, one below the floor": ([(SUCCESS, FLOOR - 1)], None, Status.UNDER_MINIMUM, True),
    "success, at the floor": ([(SUCCESS, FLOOR)], None, Status.DONE, False),
    "success, one above the floor": ([(SUCCESS, FLOOR + 1)], None, Status.DONE, False),
    "success, none at all": ([(SUCCESS, 0)], None, Status.UNDER_MINIMUM, True),
    "success, below, table one below": ([(SUCCESS, 1)], FLOOR - 1, Status.UNDER_MINIMUM, False),
    "success, below, table at the floor": ([(SUCCESS, 1)], FLOOR, Status.DONE, False),
    "success, below, then repaired": ([(SUCCESS, 1), (SUCCESS, FLOOR)], None, Status.DONE, False),
    "success, enough, then below": ([(SUCCESS, FLOOR), (SUCCESS, 1)], None, Status.UNDER_MINIMUM, True),
    "partial, one below the floor": ([(PARTIAL, FLOOR - 1)], None, Status.PARTIAL_SHORT, False),
    "partial, below, table full": ([(PARTIAL, FLOOR - 1)], 500, Status.PARTIAL_SHORT, False),
    "partial, at the floor": ([(PARTIAL, FLOOR)], None, Status.PARTIAL, False),
    "partial, records missing": ([(PARTIAL, None)], None, Status.PARTIAL, False),
    "partial, then success": ([(PARTIAL, FLOOR), (SUCCESS, FLOOR)], None, Status.DONE, False),
    "skipped": ([(SKIPPED, None)], None, Status.DONE, False),
    "skipped with a count": ([(SKIPPED, 0)], None, Status.DONE, False),
    "inferred": ([(INFERRED, 1)], None, Status.DONE, False),
    "no data, units": ([(NO_DATA, None)], None, Status.NOT_YET, False),
    "no data, units, table full": ([(NO_DATA, None)], 500, Status.NOT_YET, False),
    "no data after a success": ([(SUCCESS, FLOOR), (NO_DATA, 0)], None, Status.NOT_YET, True),
    "no data after a success, table short": ([(SUCCESS, FLOOR), (NO_DATA, 0)], FLOOR - 1, Status.NOT_YET, False),
    "no data after a success, table enough": ([(SUCCESS, FLOOR), (NO_DATA, 0)], FLOOR, Status.DONE, False),
    "no data after a partial": ([(PARTIAL, FLOOR), (NO_DATA, 0)], None, Status.NOT_YET, True),
    "no data after a partial, table enough": ([(PARTIAL, FLOOR), (NO_DATA, 0)], FLOOR, Status.PARTIAL, False),
    "no data after too few": ([(SUCCESS, 1), (NO_DATA, 0)], None, Status.UNDER_MINIMUM, True),
    "no data, then a success": ([(NO_DATA, 0), (SUCCESS, FLOOR)], None, Status.DONE, False),
    "failed": ([(FAILED, None)], None, Status.FAILED, False),
    "failed, table full": ([(FAILED, None)], 500, Status.FAILED, False),
    "failed after a success": ([(SUCCESS, FLOOR), (FAILED, None)], None, Status.FAILED, False),
    "failed after a success, table full": ([(SUCCESS, FLOOR), (FAILED, None)], 500, Status.FAILED, False),
    "failed after a partial": ([(PARTIAL, FLOOR), (FAILED, None)], None, Status.FAILED, False),
    "failed, then a success": ([(FAILED, None), (SUCCESS, FLOOR)], None, Status.DONE, False),
    "started after a success": ([(SUCCESS, FLOOR), (STARTED, None)], None, Status.DONE, False),
    "started after a failure": ([(FAILED, None), (STARTED, None)], None, Status.FAILED, False),
}  # fmt: skip


@pytest.mark.parametrize(("what", "rows", "word", "reads"), TABLE_OF_R6.values(), ids=TABLE_OF_R6.keys())
def test_the_table_of_outcomes(what: list[Said], rows: int | None, word: Status, reads: bool) -> None:
    """Each row of R6, on a date with units: what it counts as, and whether the table must be read to know."""
    pgs_status = stands(reports_of(*what), {} if rows is None else {TABLE: rows})
    assert (pgs_status.status, pgs_status.needs_rows) == (word, TABLE if reads else None)


@pytest.mark.parametrize("what", [(SUCCESS, 1), (PARTIAL, 1)])
@pytest.mark.parametrize("games", [0, None])
def test_no_floor_without_units_or_while_they_are_unknown(what: Said, games: int | None) -> None:
    """A floor that cannot be computed does not refuse (T3), and one of no units is none."""
    assert stands(reports_of(what), games=games).status is (Status.DONE if what[0] is SUCCESS else Status.PARTIAL)


def test_a_processor_without_a_minimum_has_no_floor() -> None:
    """Where the policy demands no records, none are missing."""
    assert stands([report(PCF, records=1)], name=PCF).status is Status.DONE


@pytest.mark.parametrize(("games", "word"), [(0, Status.DONE), (1, Status.NOT_YET), (None, Status.NOT_YET)])
def test_no_data_counts_only_on_a_date_without_units(games: int | None, word: Status) -> None:
    """`no_data` is the truth of an empty date and `not_yet` of any other, an unknown one included."""
    assert stands(reports_of((NO_DATA, None)), games=games).status is word


def test_a_table_that_could_not_be_read_is_not_asked_again() -> None:
    """Unreadable is a reading: it does not outvote the report, and asks for nothing more."""
    pgs_status = stands(reports_of((SUCCESS, 1)), {TABLE: None})
    assert (pgs_status.status, pgs_status.needs_rows) == (Status.UNDER_MINIMUM, None)


def test_a_full_table_with_a_low_count_is_a_missing_counter() -> None:
    """The table outvotes the report, which is said (R6)."""
    assert stands(reports_of((SUCCESS, 1)), {TABLE: FLOOR}).counter_missing
    assert not stands(reports_of((SUCCESS, FLOOR)), {TABLE: FLOOR}).counter_missing


def test_the_standing_shows_report_and_floor() -> None:
    """What it is judged by can be shown to a person."""
    [success_report] = reports_of((SUCCESS, 1))
    assert (stands([success_report]).report, stands([success_report]).min_records) == (success_report, FLOOR)


@pytest.mark.parametrize("after", [(FAILED, None), (NO_DATA, 0)])
def test_nothing_retracts_what_a_trigger_has_carried(after: Said) -> None:
    """Once the transition has triggered with it, a failure or `no_data` no longer takes a success back (R6)."""
    reports = reports_of((SUCCESS, FLOOR), after)
    assert stands(reports, carried=None).status is not Status.DONE
    assert stands(reports, carried={PGS: FLOOR}).status is Status.DONE


@pytest.mark.parametrize("after", [(FAILED, None), (NO_DATA, 0)])
def test_a_trigger_without_it_does_not_bring_a_retracted_success_back(after: Said) -> None:
    """A success that was retracted before the trigger left without it stays retracted until the next report."""
    reports = reports_of((SUCCESS, FLOOR), after)
    assert stands(reports, carried={UPGC: None}).status is not Status.DONE


def test_a_failure_without_any_success_stays_a_failure_after_the_trigger() -> None:
    """There is nothing that it could be taken back to."""
    assert stands(reports_of((FAILED, None)), carried={}).status is Status.FAILED


def test_what_the_table_outvoted_is_not_read_again_after_the_trigger() -> None:
    """A processor that a trigger carried stays done without another look at its table."""
    pgs_status = stands(reports_of((SUCCESS, 1)), carried={PGS: 1})
    assert (pgs_status.status, pgs_status.needs_rows) == (Status.DONE, None)


@pytest.mark.parametrize(
    ("rows", "word", "reads"),
    [
        ({}, Status.UNDER_MINIMUM, TABLE),
        ({TABLE: FLOOR - 1}, Status.UNDER_MINIMUM, None),
        ({TABLE: None}, Status.UNDER_MINIMUM, None),
        ({TABLE: FLOOR}, Status.DONE, None),
    ],
)
@pytest.mark.parametrize("carried", [None, {}, {PGS: FLOOR}, {PGS: 2}], ids=str)
def test_a_low_report_is_judged_alike_before_a_trigger_and_after_it(
    rows: Rows, word: Status, reads: str | None, carried: dict[str, int | None] | None
) -> None:
    """R6: the table is asked about a count that no trigger has carried, and outvotes it if it holds enough."""
    pgs_status = stands(reports_of((SUCCESS, 1)), rows, carried=carried)
    assert (pgs_status.status, pgs_status.needs_rows) == (word, reads)
    assert pgs_status.counter_missing == (word is Status.DONE)


def disabled_since(since: date) -> frozenset[str]:
    """Return what a night expects while the gamebook is disabled from this date on."""
    name = LINES
    phase = POLICY.phases["phase2"]
    off = replace(phase.processors[name], disabled=Disabled(since, "source outage"))
    changed = replace(phase, processors={**phase.processors, name: off})
    policy = replace(POLICY, phases={**POLICY.phases, "phase2": changed})
    seen = snapshot(*done(name), transition=TO3, policy=policy).seen
    assert (name in seen.expected) == (name in seen.required) == (name in seen.statuses)
    assert (seen.opened_at is not None) == (name in seen.expected)
    return seen.expected


def test_a_disabled_processor_is_not_expected_from_its_date_on() -> None:
    """Dates before `since` are as if it were not disabled; from it on nobody waits and no clock starts (R2)."""
    whole = POLICY.transitions[TO3].expects["overnight"].expected
    assert disabled_since(DAY + timedelta(days=1)) == whole
    assert disabled_since(DAY) == whole - {LINES}
    assert disabled_since(DAY - timedelta(days=1)) == whole - {LINES}


def test_the_picture_is_of_expected_processors_only() -> None:
    """Whoever is not expected in this mode neither counts nor starts the clock (R7, D1)."""
    seen = snapshot(*done(PGS, TOGS), key=RunKey("nba", DAY, "same_day")).seen
    assert (seen.done, seen.present, seen.opened_at) == (frozenset(), frozenset(), None)
    assert seen.missing == ("upcoming_player_game_context", "upcoming_team_game_context")


def test_missing_names_the_required_first() -> None:
    """What a person reads begins with what matters most, and a partial is still missing."""
    seen = snapshot(report(PGS, PARTIAL, 100), *done(TOGS)).seen
    assert seen.missing == (
        "player_game_summary",
        "upcoming_player_game_context",
        "team_defense_game_summary",
        "upcoming_team_game_context",
    )
    assert (seen.done, seen.partial, seen.present) == ({TOGS}, {PGS}, {PGS, TOGS})
    assert not seen.complete


def test_partials_are_never_complete() -> None:
    """Everybody reported, one of them a part: not complete (R6)."""
    assert snapshot(*done(*PHASE3)).seen.complete
    assert not snapshot(*done(*PHASE3[1:]), report(PGS, PARTIAL, 500)).seen.complete


def test_partial_counts_as_done_where_a_completion_gate_judges_it() -> None:
    """With a `completion_percent` gate the gate decides about parts (R6)."""
    seen = snapshot(report(COORDINATOR, PARTIAL, 5), transition=TO6).seen
    assert (seen.done, seen.partial, seen.complete) == ({COORDINATOR}, frozenset(), True)


def test_the_clock_starts_with_the_first_that_counts_of_any() -> None:
    """R7: of all expected processors the earliest receipt of one that counts; failed and short ones do not."""
    reports = [
        report(PGS, FAILED, ended=T0),
        report(UPGC, records=1, ended=at(minutes=1)),
        report(TOGS, records=14, ended=at(minutes=3)),
        report(UPGC, records=200, ended=at(minutes=4)),
    ]
    assert snapshot(*reports[:2]).seen.opened_at is None
    assert snapshot(*reports).seen.opened_at == at(minutes=3)


def test_a_partial_starts_the_clock() -> None:
    """R7: done or partial; a partial below its floor does not."""
    assert snapshot(report(PGS, PARTIAL, FLOOR)).seen.opened_at == T0
    assert snapshot(report(PGS, PARTIAL, FLOOR - 1)).seen.opened_at is None


def test_the_clock_counts_receipts() -> None:
    """R7: a processor that ended hours ago opens the transition when its report is received."""
    assert snapshot(report(PGS, ended=T0, received=at(hours=3))).seen.opened_at == at(hours=3)


def test_a_retraction_does_not_move_the_start_of_the_clock() -> None:
    """R7: later reports never move it, a failure of the very processor that started it included."""
    reports = [report(PGS), report(PGS, FAILED, ended=at(minutes=5)), report(UPGC, ended=at(minutes=9))]
    assert [snapshot(*reports[:n]).seen.opened_at for n in (1, 2, 3)] == [T0, T0, T0]


def test_two_transitions_look_at_their_own_phase() -> None:
    """A phase's processors stand by the transition that waits for them."""
    assert snapshot(transition=TO5).seen.expected == frozenset(POLICY.phases["phase4"].processors)
    assert LINES in snapshot(transition=TO3).seen.expected


def test_nothing_is_missing_of_a_backfill_that_carried_everything() -> None:
    """After a trigger the picture shows what was carried as done, whatever failed since."""
    carried: Plan = plan()
    failed = [report(name, FAILED, ended=at(hours=2)) for name in PHASE3]
    assert snapshot(*done(*PHASE3), *failed, key=NIGHT, state=dispatched(carried)).seen.complete
