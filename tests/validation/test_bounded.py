"""Every query that is ever sent reads only the partitions it needs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from shared.adapters.record_schema import completions_sql
from shared.adapters.sql_warehouse import SqlWarehouse
from shared.app import trends, validation_record
from shared.ports import CalendarRef, TableRef
from tests.functions.worlds import POLICY
from tests.validation.bounded import partitions, unbounded
from tests.validation.fixtures import CONFIG, DATASET, VALIDATION

KNOWN = partitions(POLICY, DATASET)
QUERIES = {f"{c.name} {q.subject}".strip(): q.sql for c in VALIDATION.checks.values() for q in c.queries}
OURS = {
    "runs of the day": validation_record.RUNS_OF_DAY.replace("${record}", DATASET),
    "results of the day": validation_record.RESULTS_OF_DAY.replace("${record}", DATASET),
    "trends": trends.RESULTS.replace("${record}", DATASET),
    "completions": completions_sql(DATASET),
    **{str(file.relative_to(CONFIG)): file.read_text() for file in sorted((CONFIG / "gates").glob("*.sql"))},
}
ALL = QUERIES | OURS


@pytest.mark.parametrize("name", ALL)
def test_every_table_of_a_query_is_bounded_by_its_partition(name: str) -> None:
    """Without the bound BigQuery refuses the record's tables, and reads all of the others."""
    assert unbounded(ALL[name], KNOWN) == []


def test_every_sql_file_is_a_check() -> None:
    """A file that no check names is judged by nobody."""
    files = {f"checks/{file.name}" for file in (CONFIG / "checks").glob("*.sql")}
    assert files == {check.sql for check in VALIDATION.checks.values() if check.sql}


class Listening(SqlWarehouse):
    """Keeps what it is asked, and answers nothing."""

    def __init__(self) -> None:
        super().__init__(Path())
        self.asked: list[str] = []

    def run(self, sql: str, parameters: object) -> list[dict[str, object]]:
        self.asked.append(sql)
        return [{"table_name": name, "n": 0} for name in KNOWN]


def test_what_the_warehouse_asks_by_itself_is_bounded_too() -> None:
    """The rows of every table and the units of the calendar."""
    calendar = POLICY.calendar
    assert calendar is not None
    warehouse, day = Listening(), date(2026, 1, 21)
    warehouse.rows([TableRef(name, column) for name, column in KNOWN.items()], day)
    with pytest.raises(KeyError):
        warehouse.units(CalendarRef(calendar.table, calendar.date_column, calendar.status_column), [day])
    assert [unbounded(sql, KNOWN) for sql in warehouse.asked] == [[], []]


TABLE = "nba_analytics.player_game_summary"


@pytest.mark.parametrize(
    "where",
    [
        "",
        "WHERE minutes_played > @n",
        "WHERE game_date <= @date",
        "WHERE game_date >= other_date",
        "WHERE game_date = @date OR minutes_played > @n",
        "WHERE DATE(game_date) = @date",
        "WHERE cache_date = @date",
        "WHERE game_date IS NOT NULL",
        "WHERE game_date >= (SELECT MAX(day) FROM d.t)",
        "GROUP BY game_date HAVING game_date = @date",
    ],
)
def test_a_query_without_a_bound_is_found(where: str) -> None:
    """A filter on another column, from above only, on a computed value or that need not hold prunes nothing."""
    assert TABLE in unbounded(f"SELECT COUNT(*) AS value FROM `{TABLE}` {where}", KNOWN)


def test_a_bound_of_one_table_is_none_of_another() -> None:
    """Each side of a join, and each part of a union, needs its own."""
    joined = f"SELECT 1 FROM `{TABLE}` AS a JOIN `nba_raw.nbac_team_boxscore` AS b ON a.game_id = b.game_id"
    assert unbounded(f"{joined} WHERE a.game_date = @date", KNOWN) == ["nba_raw.nbac_team_boxscore"]
    bounded = f"SELECT 1 FROM `{TABLE}` WHERE game_date = @date"
    assert unbounded(f"{bounded} UNION ALL SELECT 1 FROM `{TABLE}`", KNOWN) == [TABLE]
    assert unbounded("SELECT 1 FROM `nba_raw.unknown` WHERE game_date = @date", KNOWN) == ["nba_raw.unknown"]
