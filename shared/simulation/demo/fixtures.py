"""The facts of a scenario's world as tables, so that the gates' own SQL reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import date, time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from shared.core.model import Units
from shared.core.policy.phases import Processor
from shared.core.policy.policy import Policy
from shared.simulation.nba_tables import (
    POSTPONEMENTS_COLUMNS,
    POSTPONEMENTS_TABLE,
    SCHEDULE_COLUMNS,
    SCHEDULE_TABLE,
    GameStatus,
    schedule_row,
    statistics_id,
)
from shared.simulation.world_data import WorldData

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PATIENCE_SECONDS = 30
# What the gates ask for, beside the date: every table has it. A third of the players did not play.
_COLUMNS = (
    "game_id VARCHAR, away_team_tricode VARCHAR, home_team_tricode VARCHAR, player_lookup VARCHAR,"
    " minutes_played DOUBLE, is_dnp BOOLEAN, is_quality_ready BOOLEAN"
)
_ROW = (
    "game, split_part(game, '_', 2), split_part(game, '_', 3), 'player ' || i,"
    " CASE WHEN i % 3 < 2 THEN 24.0 END, i % 3 = 2, TRUE"
)
_TYPES = {"STRING": "VARCHAR", "INT64": "BIGINT", "DATE": "DATE", "TIMESTAMP": "TIMESTAMPTZ"}

T = TypeVar("T")
Rows = dict[tuple[str, date], int]


class Fixtures:
    """Every table of the policy in a DuckDB file; ``follow`` makes them hold what the facts say of these dates.

    ``beside`` are tables that only workflows read, ``tip_offs`` the UTC times at which the games of a date begin.
    """

    def __init__(
        self,
        path: Path,
        policy: Policy,
        days: Sequence[date],
        beside: Mapping[str, str] | None = None,
        tip_offs: Mapping[date, time] | None = None,
    ) -> None:
        self._path, self._calendar, self._days = path, policy.calendar, days
        self._beside, self._tip_offs = beside or {}, tip_offs or {}
        self._units: dict[date, Units] = {}
        self._rows: Rows = {}
        processors = (processor for phase in policy.phases.values() for processor in phase.processors.values())
        jobs = (part for processor in processors for part in processor.parts)
        self._tables: dict[str, Processor] = {job.table: job for job in jobs if job.table is not None}

    def follow(self, facts: WorldData) -> None:
        """Write what has changed since the last call; rows that went away stay."""
        units = {day: facts.units(day) for day in self._days}
        rows = {(table, day): facts.rows(table, day) for table in self._tables for day in self._days}
        if (units, rows) == (self._units, self._rows):
            return
        change_file(self._path, lambda connection: self._change(connection, units, rows))
        self._units, self._rows = units, rows

    def _change(self, connection: DuckDBPyConnection, units: dict[date, Units], rows: Rows) -> None:
        if not self._units:
            self._create(connection)
        for day, games in units.items():
            if self._units.get(day) != games:
                self._play(connection, day, games)
        for (table, day), count in rows.items():
            before = self._rows.get((table, day), 0)
            if count > before:
                ids = [statistics_id(day, number) for number in range(max(1, units[day].total or 1))]
                insert(connection, table, day, ids, range(before, count))

    def _create(self, connection: DuckDBPyConnection) -> None:
        dates = {table: processor.date_column for table, processor in self._tables.items()}
        tables = {table: f"{column} DATE, {_COLUMNS}" for table, column in {**self._beside, **dates}.items()}
        if self._calendar is not None:
            tables[SCHEDULE_TABLE] = _typed(SCHEDULE_COLUMNS)
            tables[POSTPONEMENTS_TABLE] = _typed(POSTPONEMENTS_COLUMNS)
        for table, columns in tables.items():
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.rsplit('.', 1)[0]}")
            connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")

    def _play(self, connection: DuckDBPyConnection, day: date, games: Units) -> None:
        """Let the schedule say how many games of a date there are, and how many of them are final."""
        if self._calendar is None:
            return
        connection.execute(f"DELETE FROM {SCHEDULE_TABLE} WHERE game_date = ?", [day])  # noqa: S608
        for number in range(games.total or 0):
            status = GameStatus.FINAL if number < (games.final or 0) else GameStatus.SCHEDULED
            row = schedule_row(day, number, status, *([self._tip_offs[day]] if day in self._tip_offs else []))
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {SCHEDULE_TABLE} VALUES ({marks})", list(row.values()))  # noqa: S608


def insert(connection: DuckDBPyConnection, table: str, day: date, games: Sequence[str], numbers: range) -> None:
    """Insert rows of a date with these numbers, spread over its games."""
    listed = "SELECT i, list_extract(?, i % ? + 1) AS game FROM range(?, ?) AS numbers(i)"
    sql = f"INSERT INTO {table} SELECT ?, {_ROW} FROM ({listed})"  # noqa: S608 - a table of our policy
    connection.execute(sql, [day, list(games), len(games), numbers.start, numbers.stop])


def _typed(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {_TYPES[kind]}" for name, kind in columns.items())


def add_tables(source: Path, target: Path) -> None:
    """Add the rows of every table of one file to the table of the same name in another."""

    def add(connection: DuckDBPyConnection) -> None:
        tables = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'source'"
        ).fetchall()
        for schema, table in tables:
            name = f'"{schema}"."{table}"'
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            connection.execute(f"CREATE TABLE IF NOT EXISTS {name} AS FROM source.{name} LIMIT 0")
            connection.execute(f"INSERT INTO {name} BY NAME FROM source.{name}")

    change_file(target, add, attach=source)


def number_in_file(path: Path, sql: str, values: Sequence[object]) -> int:
    """Return the one number that a query reads; others may read meanwhile."""
    import duckdb

    def attempt() -> int:
        with closing(duckdb.connect(path, read_only=True)) as connection:
            [[count]] = connection.execute(sql, list(values)).fetchall()
            return int(count)

    return _patiently(attempt)


def change_file(path: Path, work: Callable[[DuckDBPyConnection], None], attach: Path | None = None) -> None:
    """Open the file for one transaction, again while another process has it."""
    import duckdb

    def attempt() -> None:
        with closing(duckdb.connect(path)) as connection:
            if attach is not None:
                quoted = str(attach).replace("'", "''")
                connection.execute(f"ATTACH '{quoted}' AS source (READ_ONLY)")
            connection.execute("BEGIN")
            work(connection)
            connection.execute("COMMIT")

    _patiently(attempt)


def _patiently(attempt: Callable[[], T]) -> T:
    """Return what an attempt does, made again while another process has the file."""
    import duckdb
    import tenacity

    return tenacity.Retrying(
        stop=tenacity.stop_after_delay(_PATIENCE_SECONDS),
        wait=tenacity.wait_random(0.01, 0.05),
        retry=tenacity.retry_if_exception_type(duckdb.IOException),
        reraise=True,
    )(attempt)
