"""The facts of a scenario's world as tables, so that the gates' own SQL reads them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from shared.core.model import Units
from shared.core.policy import Calendar, Policy, Processor
from shared.simulation.warehouse import Facts

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PATIENCE_SECONDS = 10
_OPEN_GAME = "Scheduled"


class Tables:
    """Every table of the policy in a DuckDB file; ``follow`` makes them hold what the facts say of these dates."""

    def __init__(self, path: Path, policy: Policy, days: Sequence[date]) -> None:
        self._path, self._policy, self._days = path, policy, days
        self._units: dict[date, Units] = {}
        self._rows: dict[tuple[str, date], int] = {}
        self._processors = {
            processor.table: processor
            for phase in policy.phases.values()
            for processor in phase.processors.values()
            if processor.table is not None
        }

    def follow(self, facts: Facts) -> None:
        """Write what has changed since the last call."""
        units = {day: facts.units(day) for day in self._days}
        rows = {(table, day): facts.rows(table, day) for table in self._processors for day in self._days}
        if (units, rows) == (self._units, self._rows):
            return
        _write(self._path, lambda connection: self._change(connection, units, rows))
        self._units, self._rows = units, rows

    def _change(
        self, connection: DuckDBPyConnection, units: dict[date, Units], rows: dict[tuple[str, date], int]
    ) -> None:
        calendar = self._policy.calendar
        if not self._units:
            _create(connection, self._processors.values(), calendar)
        for day, count in units.items():
            if calendar is not None and self._units.get(day) != count:
                _games(connection, calendar, day, count)
        for (table, day), count in rows.items():
            before = self._rows.get((table, day), 0)
            if count != before:
                _fill(connection, self._processors[table], day, (before, count), units[day].total or 1)


def _create(connection: DuckDBPyConnection, processors: object, calendar: Calendar | None) -> None:
    assert isinstance(processors, type({}.values()))
    for processor in processors:
        _schema(connection, processor.table)
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {processor.table} ({processor.date_column} DATE, game_id VARCHAR,"
            " player_lookup VARCHAR, minutes_played DOUBLE, is_quality_ready BOOLEAN, number BIGINT)"
        )
    if calendar is not None:
        _schema(connection, calendar.table)
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {calendar.table}"
            f" ({calendar.date_column} DATE, game_id VARCHAR, {calendar.status_column} VARCHAR)"
        )
