"""The warehouse of a scenario: games, rows and readings as the file gives them, and the record kept in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import PurePath
from typing import Any

from shared.core.errors import Unavailable
from shared.core.model import Units
from shared.core.policy import Policy
from shared.ports import CalendarRef, Row, TableRef
from shared.simulation.faults import Stage
from shared.simulation.scenario import Change, FaultKind, GameCount
from shared.simulation.sql import WorldSql

PORT = "warehouse"
FULL = 100.0


class Facts:
    """What is true in the world, changed by events."""

    def __init__(self, policy: Policy, start: datetime) -> None:
        self._today = policy.local(start).date()
        self._gates = {gate.sql: gate.name for gate in policy.gates.values() if gate.sql}
        self._games: dict[date, GameCount] = {}
        self._rows: dict[str, dict[date, int]] = {}
        self._always: dict[str, float] = {}
        self._readings: dict[str, dict[date, float]] = {}

    def merge(self, change: Change) -> None:
        """Take over what an event says, by table and date."""
        for day, games in change.games.items():
            self._games[day] = games if isinstance(games, GameCount) else self._counted(day, games)
        for table, rows in change.rows.items():
            self._rows.setdefault(table, {}).update(rows)
        for gate, reading in change.readings.items():
            if isinstance(reading, Mapping):
                self._readings.setdefault(gate, {}).update(reading)
            else:
                self._always[gate], self._readings[gate] = reading, {}

    def grow(self, table: str, day: date, records: int) -> bool:
        """Let a table hold at least so many rows of the date; say whether that changed it."""
        rows = self._rows.setdefault(table, {})
        if records <= rows.get(day, 0):
            return False
        rows[day] = records
        return True

    def rows(self, table: str, day: date) -> int:
        return self._rows.get(table, {}).get(day, 0)

    def units(self, day: date) -> Units:
        games = self._games.get(day, GameCount())
        return Units(games.units, games.final)

    def reading(self, sql_file: str, day: date) -> float:
        gate = self._gates.get(sql_file, PurePath(sql_file).stem)
        return self._readings.get(gate, {}).get(day, self._always.get(gate, FULL))

    def days(self) -> list[date]:
        """Return the dates that anything is known of."""
        return sorted({*self._games, *(day for rows in self._rows.values() for day in rows)})

    def snapshot(self) -> object:
        """Return the games and rows as they are now, to be compared with what they become."""
        return dict(self._games), {table: dict(rows) for table, rows in self._rows.items()}

    def _counted(self, day: date, games: int) -> GameCount:
        return GameCount(final=games) if day < self._today else GameCount(scheduled=games)


class SimulatedWarehouse:
    """A ``Warehouse`` over the facts; a refused table is None, everything else that is refused ``Unavailable``."""

    def __init__(self, facts: Facts, stage: Stage, sql: WorldSql | None = None) -> None:
        self._facts, self._stage, self._sql = facts, stage, sql

    def rows(self, tables: Sequence[TableRef], day: date) -> dict[str, int | None]:
        if self._stage.answer(PORT) is FaultKind.REJECTS:
            return {ref.table: None for ref in tables}
        return {ref.table: self._facts.rows(ref.table, day) for ref in tables}

    def number(self, sql_file: str, day: date) -> float | None:
        self._read()
        return self._facts.reading(sql_file, day)

    def units(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, Units]:
        self._read()
        return {day: self._facts.units(day) for day in days}

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        self._read()
        if self._sql is None:
            raise Unavailable(PORT, "this simulated warehouse runs no free SQL")
        return self._sql.query(sql, parameters)

    def _read(self) -> None:
        if self._stage.answer(PORT) is FaultKind.REJECTS:
            raise Unavailable(PORT, "refused: 403 quota exceeded (simulated)")


class SimulatedRecord:
    """A ``Record`` that keeps its rows, each insert id once."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.tables: dict[str, dict[str, Mapping[str, Any]]] = {}

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        if self._stage.answer(PORT) is FaultKind.REJECTS:
            raise Unavailable(PORT, "refused: 403 quota exceeded (simulated)")
        kept = self.tables.setdefault(table, {})
        for row in rows:
            kept.setdefault(row.insert_id, row.columns)

    def completions(self, first: date, last: date) -> list[dict[str, Any]]:
        if self._stage.answer(PORT) is FaultKind.REJECTS:
            raise Unavailable(PORT, "refused: 403 quota exceeded (simulated)")
        rows = self.tables.get("phase_completions", {}).values()
        return [dict(row) for row in rows if first.isoformat() <= str(row["game_date"]) <= last.isoformat()]
