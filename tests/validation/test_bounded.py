"""Every query that is ever sent reads only the partitions it needs.

Shown three ways. The proof reads the statement: each table is bounded by its own partition column. A dry run on the
emulator shows that the statement is one that BigQuery takes, with its names and types; the emulator has no partitions,
so it takes an unbounded one too. And rows outside every bound are laid under the fixtures: no verdict may see them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery

from shared.adapters.audit_schema import COMPLETIONS, EXECUTIONS, between_sql
from shared.adapters.sql_warehouse import SqlWarehouse
from shared.app.validation import trends
from shared.app.validation import write_results as validation_record
from shared.app.validation.checks.sql import parameters
from shared.app.validation.validate import check_all
from shared.ports import CalendarRef, Row, TableRef
from tests.contract.warehouses import BigQueryWorld
from tests.functions.worlds import POLICY
from tests.validation.bounded import partitions, unbounded
from tests.validation.fixtures import CONFIG, DATASET, VALIDATION, Fixture, Table, fixtures, read
from tests.validation.worlds import on_duckdb

KNOWN = partitions(POLICY, DATASET)
QUERIES = {f"{c.name} {q.subject}".strip(): q.sql for c in VALIDATION.checks.values() for q in c.queries}
OURS = {
    "runs of the day": validation_record.RUNS_OF_DAY.replace("${record}", DATASET),
    "results of the day": validation_record.RESULTS_OF_DAY.replace("${record}", DATASET),
    "trends": trends.RESULTS.replace("${record}", DATASET),
    "completions": between_sql(DATASET, COMPLETIONS),
    "executions": between_sql(DATASET, EXECUTIONS),
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
    """Keeps what it is asked about rows, and answers nothing; every date column has one type."""

    def __init__(self, kind: str) -> None:
        super().__init__(Path())
        self.asked: list[str] = []
        self._kind = kind

    def columns_sql(self, dataset: str, project: str | None) -> str:
        return f"columns of {dataset}"

    def run(self, sql: str, parameters: object) -> list[dict[str, object]]:
        if "columns of" in sql:
            columns = {name.lower(): column for name, column in KNOWN.items()}
            places = [(*name.split("."), column) for name, column in columns.items()]
            return [
                {
                    "project": "",
                    "dataset": place,
                    "table_name": name,
                    "column_name": column,
                    "data_type": self._kind,
                    "is_partitioning_column": "NO",
                }
                for place, name, column in places
            ]
        self.asked.append(sql)
        return [{"table_name": name, "n": 1} for name in KNOWN]


@pytest.mark.parametrize("kind", ["DATE", "DATETIME", "TIMESTAMP", "INT64"])
def test_what_the_warehouse_asks_by_itself_is_bounded_too(kind: str) -> None:
    """The rows of every table and the units of the calendar, whatever type the partition has."""
    calendar = POLICY.calendar
    assert calendar is not None
    warehouse, day = Listening(kind), date(2026, 1, 21)
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


ASKED: dict[str, Any] = {
    "first": datetime(2026, 1, 20, tzinfo=UTC),
    "last": datetime(2026, 1, 22, tzinfo=UTC),
    "pipeline": "nba/",
}


@pytest.fixture(scope="module")
def world(bigquery_host: str) -> BigQueryWorld:
    """The record and every table of the policy, empty, in a project of the emulator."""
    world = BigQueryWorld(bigquery_host)
    world.create_tables()
    for table in read(VALIDATION.checks["games_final"], "passes").tables().values():
        world.table(table.name, table.columns, [])
    return world


def dry_run(world: BigQueryWorld, name: str, sql: str) -> bigquery.QueryJob:
    """Let BigQuery say what it would do, with the parameters that the query is sent with."""
    given = (
        ASKED
        if name != "completions"
        else {parameter: at.date() if isinstance(at, datetime) else at for parameter, at in ASKED.items()}
    )
    target = read(VALIDATION.checks["games_final"], "passes").target()
    arguments = {key: value for key, value in {**parameters(sql, target), **given}.items() if f"@{key}" in sql}
    settings = world.warehouse._settings(arguments)
    settings.dry_run = True
    return world.client.query(sql, job_config=settings, timeout=30, retry=None, job_retry=None)


@pytest.mark.xdist_group("bigquery")
@pytest.mark.parametrize("name", ALL)
def test_every_query_passes_a_dry_run(world: BigQueryWorld, name: str) -> None:
    """Its tables, columns and parameters exist and fit, and a check's columns are those that are read of it."""
    job = dry_run(world, name, ALL[name])
    assert job.state == "DONE"
    columns = {field.name for field in job.schema or []}
    if name in QUERIES:
        assert "value" in columns
        assert columns <= {"subject", "value", "expected", "note"}


@pytest.mark.xdist_group("bigquery")
def test_a_query_that_cannot_run_fails_its_dry_run(world: BigQueryWorld) -> None:
    """A column that is not there, before anything is read."""
    with pytest.raises(BadRequest):
        dry_run(world, "absent", f"SELECT absent AS value FROM `{TABLE}` WHERE game_date = @date")


YEARS = 20
DATED = re.compile(r"\d{4}-\d{2}-\d{2}")
SQL = [fixture for fixture in fixtures() if fixture.check.queries]


class Haunted(Fixture):
    """A fixture with each of its rows once more, twenty years earlier: in no partition that anybody asks for."""

    def tables(self) -> dict[str, Table]:
        return {
            name: replace(table, rows=[*table.rows, *map(_old, table.rows)]) for name, table in super().tables().items()
        }

    def record(self) -> Iterator[tuple[str, list[Row]]]:
        for table, rows in super().record():
            yield table, [*rows, *(Row(f"{row.insert_id} of old", _old(dict(row.columns))) for row in rows)]


def _old(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _earlier(value) for name, value in row.items()}


def _earlier(value: Any) -> Any:
    if isinstance(value, date):
        return value.replace(year=value.year - YEARS)
    if isinstance(value, str) and DATED.match(value):
        return f"{int(value[:4]) - YEARS}{value[4:]}"
    return value


@pytest.mark.parametrize("fixture", SQL, ids=lambda fixture: fixture.id)
def test_what_lies_outside_the_bounds_changes_nothing(tmp_path: Path, fixture: Fixture) -> None:
    """Neither the verdict nor a number: the query does not read it."""
    outcomes = []
    for number, variant in enumerate((fixture, Haunted(fixture.check, fixture.name, fixture.data))):
        ctx = on_duckdb(variant, tmp_path / f"{number}.duckdb")
        (result,) = check_all(ctx, (variant.check,), variant.target(), None)
        outcomes.append((result.status, result.message, result.measures))
    assert outcomes[0] == outcomes[1]


def test_an_unbounded_query_sees_what_lies_outside(tmp_path: Path) -> None:
    """The same on a query that lost its bound: its number changes, so the test above can fail."""
    fixture = read(VALIDATION.checks["consecutive_failures"], "fails")
    queries = tuple(replace(query, sql=_without_bound(query.sql)) for query in fixture.check.queries)
    check, numbers = replace(fixture.check, queries=queries), []
    for number, kind in enumerate((Fixture, Haunted)):
        variant = kind(check, fixture.name, fixture.data)
        ctx = on_duckdb(variant, tmp_path / f"{number}.duckdb")
        (result,) = check_all(ctx, (check,), variant.target(), None)
        numbers.append([measure.value for measure in result.measures])
    assert numbers[0] != numbers[1]


def _without_bound(sql: str) -> str:
    start = sql.index("WHERE game_date BETWEEN")
    end = sql.index("AND NOT ENDS_WITH")
    return sql[:start] + "WHERE " + sql[end + len("AND ") :]
