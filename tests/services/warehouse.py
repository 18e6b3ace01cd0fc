"""The warehouse as a stand-in sees it: the DuckDB file that the functions read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from shared.core.policy.policy import Policy
from shared.simulation.demo.fixtures import change_file, insert, number_in_file
from shared.simulation.nba_tables import SCHEDULE_TABLE, statistics_id

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class WarehouseTables:
    """Rows by date; the date column of a table that the policy does not name is ``game_date``.

    One thread at a time: a process opens a file in one way only. Readers take little, for who writes keeps others out.
    """

    def __init__(self, path: Path, policy: Policy) -> None:
        jobs = (
            part
            for phase in policy.phases.values()
            for processor in phase.processors.values()
            for part in processor.parts
        )
        self._path, self._turn = path, Lock()
        self._columns = {job.table: job.date_column for job in jobs if job.table is not None}
        self._games: dict[str, int] = {}

    def games(self, day: str) -> int:
        """The schedule of these days does not change: it is read once."""
        if day not in self._games:
            self._games[day] = self._number(f"SELECT COUNT(*) FROM {SCHEDULE_TABLE} WHERE game_date = ?", day)
        return self._games[day]

    def count(self, table: str, day: str) -> int:
        return self._number(f"SELECT COUNT(*) FROM {table} WHERE {self._date_column(table)} = ?", day)

    def write(self, table: str, day: str, rows: int) -> None:
        games = self._ids(day)

        def work(connection: DuckDBPyConnection) -> None:
            connection.execute(f"DELETE FROM {table} WHERE {self._date_column(table)} = ?", [day])
            insert(connection, table, date.fromisoformat(day), games, range(rows))

        self._change(work)

    def write_game(self, table: str, day: str, game: int, rows: int) -> int:
        games = [self._ids(day)[game]]
        numbers = range(game * rows, (game + 1) * rows)
        self._change(lambda connection: insert(connection, table, date.fromisoformat(day), games, numbers))
        return rows

    def _date_column(self, table: str) -> str:
        return self._columns.get(table, "game_date")

    def _ids(self, day: str) -> list[str]:
        return [statistics_id(date.fromisoformat(day), number) for number in range(self.games(day))]

    def _change(self, work: Callable[[DuckDBPyConnection], None]) -> None:
        with self._turn:
            change_file(self._path, work)

    def _number(self, sql: str, day: str) -> int:
        with self._turn:
            return number_in_file(self._path, sql, [day])
