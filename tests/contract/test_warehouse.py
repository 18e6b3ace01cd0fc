"""The Warehouse port, on DuckDB and on a BigQuery emulator: the same GoogleSQL gives the same numbers."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.google.bigquery import BigQueryWarehouse
from shared.adapters.local.duckdb import DuckDbWarehouse
from shared.adapters.sql_warehouse import SqlWarehouse
from shared.core.errors import OrchError, PolicyError, Unavailable
from shared.core.model import Units
from shared.core.policy.policy import Excluded
from shared.ports import CalendarRef, TableRef, UnitsRef, Warehouse
from shared.simulation.nba_tables import (
    POSTPONEMENTS_TABLE,
    SCHEDULE_COLUMNS,
    SCHEDULE_TABLE,
    STATISTICS_TABLE,
    GameStatus,
    schedule_id,
    schedule_row,
    statistics_id,
    unit,
)
from tests.contract.nba import STATISTICS, fill_games, fill_schedule, fill_statistics, plain
from tests.contract.warehouses import BOTH, CONFIG, DuckDbWorld, World, made
from tests.local_server import closed_port

DAY = date(2026, 1, 21)
NEXT = DAY + timedelta(days=1)
ON, OTHER = DAY.isoformat(), NEXT.isoformat()
DATED = {"game_date": "DATE"}
LISTED = {"game_date": "DATE", "game_id": "STRING", "game_status_text": "STRING"}
SEASON = Path(__file__).resolve().parents[1] / "random_nights" / "nba_schedule_2024_25.csv"
PLAYERS = {"game_date": "DATE", "player_lookup": "STRING"}
FEATURES = {**PLAYERS, "is_quality_ready": "BOOL"}
CALENDAR = CalendarRef(
    "nba_raw.v_nbac_schedule_latest", "game_date", "game_status_text", excluded_statuses=("Postponed", "Cancelled")
)


@pytest.fixture(params=BOTH)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return made(request, tmp_path)


def test_rows_counts_the_rows_of_the_date(world: World) -> None:
    """Each table is counted by its own date column; one with rows of other dates only has 0."""
    world.table("nba_raw.some", DATED, [[ON], [ON], [OTHER], [None]])
    world.table("nba_raw.elsewhen", DATED, [[OTHER]])
    world.table("nba_precompute.cached", {"cache_date": "DATE"}, [[ON]])
    asked = [TableRef("nba_raw.some"), TableRef("nba_raw.elsewhen"), TableRef("nba_precompute.cached", "cache_date")]
    expected = {"nba_raw.some": 2, "nba_raw.elsewhen": 0, "nba_precompute.cached": 1}
    assert world.warehouse.rows(asked, DAY) == expected
    assert list(world.warehouse.rows(asked, DAY)) == list(expected)


@pytest.mark.parametrize(
    "bad",
    [TableRef("nba_raw.missing"), TableRef("no_such_dataset.table"), TableRef("nba_raw.other", "no_such_column")],
    ids=lambda ref: f"{ref.table}.{ref.date_column}",
)
def test_one_unreadable_table_is_none_and_the_others_keep_their_number(world: World, bad: TableRef) -> None:
    """A missing table, dataset or column hides no other table's rows."""
    world.table("nba_raw.some", DATED, [[ON], [ON]])
    world.table("nba_raw.other", DATED, [])
    assert world.warehouse.rows([TableRef("nba_raw.some"), bad], DAY) == {"nba_raw.some": 2, bad.table: None}
    assert world.warehouse.rows([bad], DAY) == {bad.table: None}


def test_rows_is_one_query_unless_a_table_is_unreadable(world: World) -> None:
    """Any number of tables costs one query, after one for the types of their columns, which BigQuery describes without
    one where they are few; nothing asked costs none."""
    world.table("nba_raw.a", DATED, [])
    world.table("nba_other.b", DATED, [])
    warehouse, tables = world.warehouse, [TableRef("nba_raw.a"), TableRef("nba_other.b")]
    assert isinstance(warehouse, SqlWarehouse)
    assert warehouse.rows([], DAY) == {}
    assert warehouse.operations["queries"] == 0
    described = isinstance(warehouse, BigQueryWarehouse)
    warehouse.rows(tables, DAY)
    assert warehouse.operations["queries"] == 2 - described
    warehouse.rows(tables, NEXT)
    assert warehouse.operations["queries"] == 3 - described


# The same three rows, two of the date and one of the next, in every type that holds dates. In New York the date
# begins at 05:00 UTC; its last instants belong to the next date in UTC.
HELD: dict[str, tuple[str, list[Any]]] = {
    "DATETIME": ("DATETIME", ["2026-01-21 00:00:00", "2026-01-21 23:59:59.999999", "2026-01-22 00:00:00"]),
    "TIMESTAMP": ("TIMESTAMP", ["2026-01-21 05:00:00+00", "2026-01-22 04:59:59.999999+00", "2026-01-22 05:00:00+00"]),
    "text": ("STRING", ["2026-01-21", " 20260121 ", "2026-01-22"]),
    "text with a time": ("STRING", ["2026-01-21T00:00:00", "2026-01-21 23:59:59.5", "2026-01-22T00:00"]),
    "text with a zone": ("STRING", ["2026-01-21T05:00:00Z", "2026-01-22 04:59:59 UTC", "2026-01-22T00:00:00-05:00"]),
    "INT64": ("INT64", [20260121, 20260121, 20260122]),
    "FLOAT64": ("FLOAT64", [20260121.0, 20260121.0, 20260122.0]),
    "NUMERIC": ("NUMERIC", ["20260121", "20260121", "20260122"]),
}


@pytest.mark.parametrize("held", HELD)
def test_rows_of_a_date_are_counted_whatever_the_type_of_the_column(world: World, held: str) -> None:
    """An instant counts on the pipeline's local date, a local time as it stands, text and numbers as they say."""
    kind, values = HELD[held]
    world.table("nba_raw.some", {"game_date": kind}, [[value] for value in [*values, None]])
    world.table("nba_raw.plain", DATED, [[ON]])
    asked = [TableRef("nba_raw.some"), TableRef("nba_raw.plain")]
    before = DAY - timedelta(days=1)
    assert world.warehouse.rows(asked, DAY) == {"nba_raw.some": 2, "nba_raw.plain": 1}
    assert world.warehouse.rows(asked, NEXT) == {"nba_raw.some": 1, "nba_raw.plain": 0}
    assert world.warehouse.rows(asked, before) == {"nba_raw.some": 0, "nba_raw.plain": 0}


@pytest.mark.parametrize("held", HELD)
def test_units_of_a_date_are_counted_whatever_the_type_of_the_column(world: World, held: str) -> None:
    """The calendar of the same columns: never no games because of a type."""
    kind, values = HELD[held]
    columns = {**LISTED, "game_date": kind}
    world.table(CALENDAR.table, columns, [[value, "1", "Final"] for value in [*values, None]])
    before = DAY - timedelta(days=1)
    expected = {before: Units(0, 0), DAY: Units(2, 2), NEXT: Units(1, 1)}
    assert world.warehouse.units(CALENDAR, [before, DAY, NEXT]) == expected
    assert world.warehouse.units(CALENDAR, [DAY]) == {DAY: Units(2, 2)}


UNHELD: dict[str, tuple[str, list[Any]]] = {
    "another order": ("STRING", ["21.01.2026", "1/21/2026"]),
    "no date after all": ("STRING", ["2026-01-21 late"]),
    "seconds": ("INT64", [1768975200]),
    "days": ("INT64", [20474]),
    "truth": ("BOOL", [True]),
}


@pytest.mark.parametrize("held", UNHELD)
def test_a_column_in_which_nobody_finds_dates_is_unreadable_and_not_empty(world: World, held: str) -> None:
    """What may be the date in another form is no zero: None for a table, Unavailable for the calendar."""
    kind, values = UNHELD[held]
    world.table("nba_raw.some", {"game_date": kind}, [[value] for value in [*values, None]])
    world.table(CALENDAR.table, {**LISTED, "game_date": kind}, [[value, "1", "Final"] for value in values])
    world.table("nba_raw.plain", DATED, [[ON]])
    asked = [TableRef("nba_raw.some"), TableRef("nba_raw.plain")]
    assert world.warehouse.rows(asked, DAY) == {"nba_raw.some": None, "nba_raw.plain": 1}
    with pytest.raises(Unavailable, match="game_date"):
        world.warehouse.units(CALENDAR, [DAY])


@pytest.mark.parametrize("kind", ["STRING", "INT64"])
def test_an_empty_column_of_text_or_numbers_has_no_rows(world: World, kind: str) -> None:
    """Without any value there is nothing that could be the date: zero, and not unreadable."""
    world.table("nba_raw.some", {"game_date": kind}, [[None]])
    world.table(CALENDAR.table, {**LISTED, "game_date": kind}, [])
    assert world.warehouse.rows([TableRef("nba_raw.some")], DAY) == {"nba_raw.some": 0}
    assert world.warehouse.units(CALENDAR, [DAY]) == {DAY: Units(0, 0)}


G = GameStatus


@pytest.mark.parametrize(
    ("schedule", "played", "percent"),
    [
        ([], [], None),
        ([G.POSTPONED], [0], None),
        ([G.FINAL, G.FINAL], [], 0),
        ([G.FINAL, G.FINAL, G.FINAL, G.FINAL], [0, 2, 3], 75),
        ([G.FINAL, G.POSTPONED, G.MOVED, G.UNSCORED], [0], 100),
        ([G.FINAL, G.IN_PROGRESS], [0, 1], 100),
        ([G.FINAL, G.IN_PROGRESS], [0], 50),
        ([G.FINAL], [0, 9], 100),
    ],
    ids=["no games", "all postponed", "0 of 2", "3 of 4", "not played aside", "stuck", "half", "unlisted"],
)
def test_game_coverage(world: World, schedule: list[GameStatus], played: list[int], percent: float | None) -> None:
    """Percent of the date's games, postponed ones aside, with player statistics; other dates do not count."""
    fill_games(world, {DAY: schedule, NEXT: [G.FINAL]}, {DAY: played, NEXT: [1]})
    assert world.warehouse.number("gates/game_coverage.sql", DAY) == percent


def test_a_game_without_status_or_listed_twice_is_one_game(world: World) -> None:
    """Neither loses a game nor counts it twice."""
    rows = [schedule_row(DAY, 0, G.FINAL), schedule_row(DAY, 0, G.FINAL), schedule_row(DAY, 1, G.SCHEDULED)]
    rows[2] |= {"game_status": None, "game_status_text": None}
    fill_schedule(world, rows)
    fill_statistics(world, {DAY: [0]})
    assert world.warehouse.number("gates/game_coverage.sql", DAY) == 50


@pytest.mark.parametrize(
    ("minutes", "percent"),
    [([], None), ([None, None], 0), ([0, 12, None, 30], 75), ([5], 100)],
    ids=["no rows", "0 of 2", "3 of 4", "all"],
)
def test_minutes_coverage(world: World, minutes: list[int | None], percent: float | None) -> None:
    """Percent of those who played on the date that have minutes; nobody at all is no number."""
    rows: list[list[Any]] = [[ON, "20260121_MIL_ORL", played, False] for played in minutes]
    others = [[ON, "20260121_MIL_ORL", None, True]] * 9 + [[OTHER, "20260122_MIL_ORL", None, False]]
    world.table(STATISTICS_TABLE, STATISTICS, [*rows, *others])
    assert world.warehouse.number("gates/minutes_coverage.sql", DAY) == percent


def test_gates_of_statistics_read_right_on_the_nights_of_a_season(tmp_path: Path) -> None:
    """With all games there both gates read 100; with one, two or all games missing, coverage says the share.

    The games are those of a real season, under the schedule's own ids; statistics name date and teams.
    """
    season: dict[date, list[tuple[str, str, str]]] = {}
    with SEASON.open(encoding="utf-8") as file:
        for game in csv.DictReader(file):
            if game["status"] == "final" and game["postponed"] == "N":
                day = date.fromisoformat(game["game_date"])
                season.setdefault(day, []).append((game["game_id"], game["away"], game["home"]))
    world = DuckDbWorld(tmp_path / "season.duckdb")
    schedule = [
        {"game_date": day, "game_id": game, "game_status": 3, "game_status_text": "Final", "away_team_tricode": away}
        | {"home_team_tricode": home, "away_team_score": 101, "home_team_score": 99}
        for day, games in season.items()
        for game, away, home in games
    ]
    fill_schedule(world, schedule)
    rows = [
        [day.isoformat(), f"{day:%Y%m%d}_{away}_{home}", None if dnp else 24, dnp]
        for day, games in season.items()
        for _, away, home in games
        for dnp in (False, False, True)
    ]
    world.table(STATISTICS_TABLE, STATISTICS, rows)
    assert len(season) > 200
    for gate, nights in (("game_coverage", list(season)[::4]), ("minutes_coverage", list(season)[::20])):
        readings = {day: world.warehouse.number(f"gates/{gate}.sql", day) for day in nights}
        assert {day: reading for day, reading in readings.items() if reading != 100} == {}
    nights = [day for day, games in season.items() if len(games) >= 3][:5]
    for day in nights:
        games = season[day]
        for missing in (1, 2, len(games)):
            game_ids = tuple(f"{day:%Y%m%d}_{away}_{home}" for _, away, home in games[:missing])
            world.execute(
                f"DELETE FROM {STATISTICS_TABLE} WHERE game_id IN {game_ids if len(game_ids) > 1 else (*game_ids, '')}"
            )
            share = 100 * (len(games) - missing) / len(games)
            assert world.warehouse.number("gates/game_coverage.sql", day) == pytest.approx(share)


@pytest.mark.parametrize(
    ("expected", "features", "percent"),
    [
        ([], [("a", True)], None),
        (["a", "b"], [], 0),
        (["a", "b"], [("a", False), ("b", None)], 0),
        (["a", "b", "c", "d"], [("a", True), ("b", False), ("c", True), ("c", True), ("d", True)], 75),
        (["a"], [("a", True), ("z", True)], 100),
    ],
    ids=["nobody expected", "no features", "none clean", "3 of 4", "stranger"],
)
def test_feature_store_coverage(
    world: World, expected: list[str], features: list[tuple[str, bool | None]], percent: float | None
) -> None:
    """Percent of the players expected on the date whose features are clean; strangers do not count."""
    context = [[ON, player] for player in expected]
    world.table("nba_analytics.upcoming_player_game_context", PLAYERS, [*context, [OTHER, "other"]])
    store = [[ON, player, clean] for player, clean in features]
    world.table("nba_predictions.ml_feature_store_v2", FEATURES, [*store, [OTHER, "b", True]])
    assert world.warehouse.number("gates/feature_store_coverage.sql", DAY) == percent


def test_a_number_that_cannot_be_read_is_no_number(world: World) -> None:
    """A gate whose tables are missing raises Unavailable; it is not taken for 0 or for nothing."""
    with pytest.raises(Unavailable) as caught:
        world.warehouse.number("gates/minutes_coverage.sql", DAY)
    assert caught.value.port == "warehouse"


@pytest.mark.parametrize("file", ["gates/no_such_gate.sql", "../README.md", "/etc/hostname", "gates"])
def test_a_gate_file_lies_under_the_configuration(world: World, file: str) -> None:
    """Another path is a wrong policy, whether or not there is such a file."""
    with pytest.raises(PolicyError, match="hint:"):
        world.warehouse.number(file, DAY)


def test_a_gate_that_changes_a_table_is_refused(world: World) -> None:
    """A gate is asked each minute: what it would change would soon be past the statements that a table takes a day."""
    with pytest.raises(OrchError) as refused:
        world.warehouse.number("batches/merge.sql", DAY)
    assert isinstance(refused.value, PolicyError)
    assert refused.value.reason == "changes nba_predictions.player_prop_predictions, and a gate only reads"


def test_units_are_the_games_that_are_not_excluded(world: World) -> None:
    """Scheduled, final and those without a status are units; dates without any have none; other dates stay out."""
    statuses = ["Final", "Final", "Scheduled", "In Progress", None, "Postponed", "Cancelled"]
    games = [[ON, str(number), status] for number, status in enumerate(statuses)]
    far = (DAY + timedelta(days=2)).isoformat()
    world.table(CALENDAR.table, LISTED, [*games, [OTHER, "8", "Postponed"], [far, "9", "Final"], [None, "10", "Final"]])
    before, after = DAY - timedelta(days=1), DAY + timedelta(days=2)
    assert world.warehouse.units(CALENDAR, [DAY, after, before, NEXT, DAY]) == {
        DAY: Units(5, 2),
        after: Units(1, 1),
        before: Units(0, 0),
        NEXT: Units(0, 0),
    }
    assert world.warehouse.units(CALENDAR, [DAY, after + timedelta(days=1)])[DAY] == Units(5, 2)
    assert world.warehouse.units(CALENDAR, []) == {}


def test_units_without_excluded_statuses_are_all_games(world: World) -> None:
    """A calendar that excludes nothing counts every row; its word for final is its own, quotes and all."""
    world.table("ice.games", {"day": "DATE", "state": "STRING"}, [[ON, "it's over"], [ON, "Final"], [ON, None]])
    calendar = CalendarRef("ice.games", "day", "state", final_status="it's over")
    assert world.warehouse.units(calendar, [DAY]) == {DAY: Units(3, 1)}


NBA_CALENDAR = CalendarRef(
    SCHEDULE_TABLE,
    "game_date",
    "game_status_text",
    unit_key="CONCAT(away_team_tricode, '@', home_team_tricode)",
    final="game_status = 3 AND home_team_score IS NOT NULL AND away_team_score IS NOT NULL",
    start_column="game_date_est",
    excluded=Excluded(
        when="game_status = 3 AND (home_team_score IS NULL OR away_team_score IS NULL)",
        table=POSTPONEMENTS_TABLE,
        date_column="original_date",
        unit_key="game_id",
        calendar_key="game_id",
    ),
)


def test_units_are_named_by_the_calendar_s_key(world: World) -> None:
    """Listed, moved and unscored games are no units of their date; the others are told by name, final ones counted."""
    listed = [
        GameStatus.FINAL, GameStatus.IN_PROGRESS, GameStatus.SCHEDULED,
        GameStatus.POSTPONED, GameStatus.MOVED, GameStatus.UNSCORED,
    ]  # fmt: skip
    fill_games(world, {DAY: listed, NEXT: [GameStatus.FINAL, GameStatus.FINAL]}, {})
    expected = {
        DAY: Units(3, 1, tuple(sorted(unit(number) for number in range(3)))),
        NEXT: Units(2, 2, tuple(sorted(unit(number) for number in range(2)))),
    }
    assert world.warehouse.units(NBA_CALENDAR, [DAY, NEXT]) == expected


def test_rows_of_one_name_are_one_unit_and_a_row_without_a_name_is_one(world: World) -> None:
    """A game listed twice is one, final if either row is; one without teams is a game that nobody can name."""
    again = {**schedule_row(DAY, 0, GameStatus.SCHEDULED), "game_id": "0022599999"}
    nameless = {**schedule_row(DAY, 1, GameStatus.SCHEDULED), "home_team_tricode": None}
    other = {**schedule_row(DAY, 2, GameStatus.FINAL), "away_team_tricode": None}
    fill_schedule(world, [schedule_row(DAY, 0, GameStatus.FINAL), again, nameless, nameless, other])
    assert world.warehouse.units(NBA_CALENDAR, [DAY]) == {DAY: Units(4, 2, (unit(0),))}


TIP_OFF = datetime(2026, 1, 22, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(("late", "presumed"), [(timedelta(0), True), (timedelta(microseconds=-1), False)])
def test_a_unit_that_began_too_long_ago_is_presumed_over(world: World, late: timedelta, presumed: bool) -> None:
    """It counts as final and is named, whatever its status says; one without a start is waited for."""
    stuck, unstarted = (schedule_row(DAY, number, GameStatus.IN_PROGRESS) for number in (1, 2))
    games = [schedule_row(DAY, 0, GameStatus.FINAL), stuck, {**unstarted, "game_date_est": None}]
    fill_schedule(world, games)
    names = tuple(sorted(unit(number) for number in range(3)))
    expected = Units(3, 2 if presumed else 1, names, (unit(1),) if presumed else ())
    assert world.warehouse.units(replace(NBA_CALENDAR, over_since=TIP_OFF + late), [DAY]) == {DAY: expected}


STARTS = {
    "TIMESTAMP": "2026-01-22 00:30:00+00",
    "DATETIME": "2026-01-21 19:30:00",
    "STRING": "2026-01-21T19:30:00",
}


@pytest.mark.parametrize("kind", STARTS)
def test_a_start_is_an_instant_or_a_local_time(world: World, kind: str) -> None:
    """A start with an offset is that instant; one without is a time of the pipeline's zone."""
    world.table("ice.games", {"day": "DATE", "state": "STRING", "begins": kind}, [[ON, "on", STARTS[kind]]])
    calendar = CalendarRef("ice.games", "day", "state", start_column="begins", over_since=TIP_OFF)
    assert world.warehouse.units(calendar, [DAY])[DAY].final == 1
    assert world.warehouse.units(replace(calendar, over_since=TIP_OFF - timedelta(seconds=1)), [DAY])[DAY].final == 0


def test_a_list_of_what_does_not_take_place_that_cannot_be_read_is_not_an_empty_one(world: World) -> None:
    """Without it a postponed game would be waited for: the calendar is unreadable, and the last good reading serves."""
    world.table(SCHEDULE_TABLE, SCHEDULE_COLUMNS, plain([schedule_row(DAY, 0, GameStatus.FINAL)], SCHEDULE_COLUMNS))
    with pytest.raises(Unavailable):
        world.warehouse.units(NBA_CALENDAR, [DAY])


@pytest.mark.parametrize("kind", ["DATE", "STRING", "TIMESTAMP", "INT64"])
def test_the_list_may_hold_its_dates_in_another_type(world: World, kind: str) -> None:
    """Calendar and list are matched by the date that each of them says."""
    dates = {"INT64": 20260121, "TIMESTAMP": "2026-01-21 17:00:00+00"}
    world.table(SCHEDULE_TABLE, SCHEDULE_COLUMNS, plain([schedule_row(DAY, 0, GameStatus.FINAL)], SCHEDULE_COLUMNS))
    columns = {"game_id": "STRING", "original_date": kind}
    world.table(POSTPONEMENTS_TABLE, columns, [[schedule_id(DAY, 0), dates.get(kind, ON)]])
    assert world.warehouse.units(NBA_CALENDAR, [DAY]) == {DAY: Units(0, 0)}


BOX = UnitsRef(
    "box",
    "nba_raw.box",
    "game_date",
    "CONCAT(SPLIT(game_id, '_')[SAFE_OFFSET(1)], '@', SPLIT(game_id, '_')[SAFE_OFFSET(2)])",
    2,
)


def test_the_units_that_a_table_holds_with_enough_rows(world: World) -> None:
    """Two rows of a game are enough, one is not; other dates and rows without a game stay out; one query for all."""
    ids = [statistics_id(DAY, number) for number in (0, 0, 1, 2, 2, 2)]
    rows = [[ON, game] for game in ids] + [[ON, None], [OTHER, statistics_id(DAY, 1)]]
    world.table("nba_raw.box", {"game_date": "DATE", "game_id": "STRING"}, rows)
    world.table("nba_other.numbers", {"day": "STRING", "port": "INT64"}, [[ON, 7], [ON, 7], [OTHER, 8]])
    ports = UnitsRef("ports", "nba_other.numbers", "day", "port")
    assert world.warehouse.held([BOX, ports], DAY) == {"box": frozenset({unit(0), unit(2)}), "ports": frozenset({"7"})}
    warehouse = world.warehouse
    assert isinstance(warehouse, SqlWarehouse)
    before = warehouse.operations["queries"]
    warehouse.held([replace(BOX, at_least=1), ports], DAY)
    assert warehouse.operations["queries"] == before + 1
    assert warehouse.held([], DAY) == {}


def test_the_units_that_a_table_holds_on_several_dates(world: World) -> None:
    """Each date by its own rows, one without rows holds nothing, those between that were not asked stay out; one query
    for all. What cannot be read is None for every date, not empty."""
    day_between, later = DAY + timedelta(days=1), DAY + timedelta(days=2)
    rows = [[ON, statistics_id(DAY, 0)]] * 2 + [[ON, statistics_id(DAY, 1)]]
    rows += [[str(later), statistics_id(DAY, 1)]] * 2 + [[str(day_between), statistics_id(DAY, 2)]] * 2
    world.table("nba_raw.box", {"game_date": "DATE", "game_id": "STRING"}, rows)
    empty = later + timedelta(days=1)
    held = {DAY: frozenset({unit(0)}), later: frozenset({unit(1)}), empty: frozenset()}
    assert world.warehouse.held_on(BOX, [DAY, later, empty]) == held
    warehouse = world.warehouse
    assert isinstance(warehouse, SqlWarehouse)
    before = warehouse.operations["queries"]
    assert warehouse.held_on(BOX, list(held)) == held
    assert warehouse.operations["queries"] == before + 1
    assert warehouse.held_on(replace(BOX, expression="no_such_column"), list(held)) == dict.fromkeys(held)
    assert warehouse.held_on(replace(BOX, table="nba_raw.missing"), list(held)) == dict.fromkeys(held)
    assert warehouse.held_on(BOX, []) == {}


def test_a_date_that_nobody_can_read_hides_the_units_of_every_date(world: World) -> None:
    """A row whose text begins like one of the dates and is none may be of any of them; where no row is of a date, text
    in another form may be."""
    columns = {"game_date": "STRING", "game_id": "STRING"}
    plain = [[ON, statistics_id(DAY, 0)]] * 2
    later = DAY + timedelta(days=1)
    world.table("nba_raw.box", columns, [*plain, [f"{ON} or so", statistics_id(DAY, 1)]])
    assert world.warehouse.held_on(BOX, [DAY, later]) == {DAY: None, later: None}
    world.table("nba_raw.other", columns, [*plain, ["21 Jan", statistics_id(DAY, 1)]])
    assert world.warehouse.held_on(replace(BOX, table="nba_raw.other"), [DAY, later]) == {
        DAY: frozenset({unit(0)}),
        later: None,
    }


@pytest.mark.parametrize(
    "bad",
    [
        UnitsRef("bad", "nba_raw.missing", "game_date", "game_id"),
        UnitsRef("bad", "nba_raw.box", "game_date", "no_such_column"),
        UnitsRef("bad", "nba_raw.box", "game_date", "CONCAT("),
        UnitsRef("bad", "nba_raw.box", "game_id", "game_id"),
    ],
    ids=["table", "column", "expression", "date"],
)
def test_a_table_whose_units_cannot_be_read_is_none_and_hides_no_other(world: World, bad: UnitsRef) -> None:
    """Unreadable is not empty, and the others keep their units."""
    world.table("nba_raw.box", {"game_date": "DATE", "game_id": "STRING"}, [[ON, statistics_id(DAY, 0)]] * 2)
    assert world.warehouse.held([bad, BOX], DAY) == {"bad": None, "box": frozenset({unit(0)})}


def test_units_of_an_unreadable_calendar_are_not_zero(world: World) -> None:
    """A missing calendar raises Unavailable: an empty day would be believed."""
    with pytest.raises(Unavailable):
        world.warehouse.units(CALENDAR, [DAY])


EASTERN = timezone(timedelta(hours=-5))


def test_parameters_of_every_type_come_back_as_they_went_in(world: World) -> None:
    """Instants come back in UTC; an empty list holds nothing."""
    given_values = {
        "day": DAY,
        "text": "it's `quoted` -- ünïcode",
        "whole": 2**53 + 1,
        "real": 0.1,
        "yes": True,
        "instant": datetime(2026, 1, 21, 23, 30, 0, 250000, tzinfo=EASTERN),
    }
    sql = "SELECT " + ", ".join(f"@{name} AS {name}" for name in given_values)
    (row,) = world.warehouse.query(sql, given_values)
    assert row == {**given_values, "instant": datetime(2026, 1, 22, 4, 30, 0, 250000, tzinfo=UTC)}
    assert row["yes"] is True
    assert row["instant"].utcoffset() == timedelta(0)
    assert type(row["day"]) is date


@pytest.mark.parametrize(
    ("listed", "expected"),
    [(["a", "it's"], ["a", "it's"]), ([], []), (("b",), ["b"])],
    ids=["list", "empty", "tuple"],
)
def test_a_list_is_a_parameter(world: World, listed: Sequence[str], expected: list[str]) -> None:
    """``IN UNNEST(@list)`` finds what is in the list."""
    world.table("d.names", {"name": "STRING"}, [["a"], ["b"], ["it's"], [None]])
    rows = world.warehouse.query("SELECT name FROM `d.names` WHERE name IN UNNEST(@l) ORDER BY name", {"l": listed})
    assert [row["name"] for row in rows] == expected


def test_rows_come_in_the_order_the_query_asks_for(world: World) -> None:
    """Order, names and NULLs of a result are kept, timestamps in it or not."""
    world.table("d.t", {"game_date": "DATE", "n": "INT64"}, [[ON, 2], [OTHER, 3], [None, 1]])
    rows = world.warehouse.query("SELECT TIMESTAMP(game_date) AS at, n AS N FROM `d.t` ORDER BY n DESC", {})
    midnight = datetime(2026, 1, 21, tzinfo=UTC)
    assert rows == [{"at": midnight + timedelta(days=1), "N": 3}, {"at": midnight, "N": 2}, {"at": None, "N": 1}]


@pytest.mark.parametrize(
    "sql", ["SELECT 1 FROM `d.missing`", "SELECT nothing FROM `d.t`", "SELEC 1", "SELECT CAST(s AS INT64) FROM `d.t`"]
)
def test_a_query_that_fails_is_unavailable(world: World, sql: str) -> None:
    """A missing table or column, what is not SQL and what breaks on the way: never an empty answer."""
    world.table("d.t", {"s": "STRING"}, [["word"]])
    with pytest.raises(Unavailable) as caught:
        world.warehouse.query(sql, {})
    assert caught.value.port == "warehouse"


BAD_TABLES = ["plain", "a.b`; DROP TABLE x; --", "a.b' OR '1'='1", "a.b\n", "a.b c", "a.b.c.d", "", "a..b", "ä.b"]


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_table_name_that_is_no_name_never_reaches_the_warehouse(world: World, name: str) -> None:
    """Names cannot be parameters, so only letters, digits and underscores are let through."""
    with pytest.raises(PolicyError, match="hint:"):
        world.warehouse.rows([TableRef(name)], DAY)
    with pytest.raises(PolicyError):
        world.warehouse.units(CalendarRef(name, "game_date", "status"), [DAY])


@pytest.mark.parametrize("name", ["day`", "a.b", "1day", "", "day\n", "a-b", "COUNT(*)"])
def test_a_column_name_that_is_no_name_never_reaches_the_warehouse(world: World, name: str) -> None:
    """The same for columns, of tables and of the calendar."""
    with pytest.raises(PolicyError, match="hint:"):
        world.warehouse.rows([TableRef("a.b", name)], DAY)
    for day, status in ((name, "status"), ("day", name)):
        with pytest.raises(PolicyError):
            world.warehouse.units(CalendarRef("a.b", day, status), [DAY])


@pytest.fixture(params=["duckdb", "bigquery"])
def unreachable(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    """A warehouse that nobody answers for."""
    if request.param == "duckdb":
        return DuckDbWarehouse(tmp_path / "absent.duckdb", CONFIG)
    host = f"http://127.0.0.1:{closed_port()}"
    return BigQueryWarehouse("demo-nowhere", CONFIG, timeout=timedelta(seconds=1), emulator_host=host)


def test_a_warehouse_that_does_not_answer_is_unavailable(unreachable: Warehouse) -> None:
    """No rows are known of any table: that is an outage, not tables without rows."""
    for ask in (
        lambda: unreachable.rows([TableRef("a.b")], DAY),
        lambda: unreachable.units(CALENDAR, [DAY]),
        lambda: unreachable.number("gates/minutes_coverage.sql", DAY),
        lambda: unreachable.query("SELECT 1", {}),
    ):
        with pytest.raises(OrchError) as caught:
            ask()
        assert isinstance(caught.value, Unavailable)


days = st.none() | st.dates(DAY, DAY + timedelta(days=2))
tables = st.dictionaries(st.sampled_from(["d.a", "d.b", "e.a"]), st.lists(days, max_size=6), max_size=3)


@settings(max_examples=25, deadline=None)
@given(tables=tables, day=st.dates(DAY, DAY + timedelta(days=2)), missing=st.booleans())
def test_rows_agree_with_counting(tables: dict[str, list[date | None]], day: date, missing: bool) -> None:
    """For any small tables the numbers are what Python counts, with a missing table among them or not."""
    with tempfile.TemporaryDirectory() as folder:
        world = DuckDbWorld(Path(folder) / "house.duckdb")
        for name, dates in tables.items():
            world.table(name, DATED, [[each] for each in dates])
        expected: dict[str, int | None] = {name: dates.count(day) for name, dates in tables.items()}
        if missing:
            expected["e.missing"] = None
        assert world.warehouse.rows([TableRef(name) for name in expected], day) == expected
