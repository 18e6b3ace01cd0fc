"""What is true in the world of a scenario: games, rows and readings as its events give them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import PurePath

from shared.core.model import Units
from shared.core.policy import Policy
from shared.simulation.scenario import Change, GameCount

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
