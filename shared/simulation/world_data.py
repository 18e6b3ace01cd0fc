"""What is true in the world of a scenario: games, rows and readings as its events give them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import PurePath

from shared.core.calendar import instant
from shared.core.model import Units
from shared.core.policy.policy import Policy
from shared.core.workflows.units import ScheduledUnit
from shared.simulation.scenario import Change, GameCount

FULL = 100.0
# When the units of a date begin, by local time.
BEGINS = time(19, 30)


class WorldData:
    """What is true in the world, changed by events."""

    def __init__(self, policy: Policy, start: datetime) -> None:
        self._today, self._zone = policy.local(start).date(), policy.zone
        self._names: dict[date, tuple[str, ...]] = {}
        self._held: dict[str, dict[date, int | tuple[str, ...]]] = {}
        self._gates = {gate.sql: gate.name for gate in policy.gates.values() if gate.sql}
        self._games: dict[date, GameCount] = {}
        self._rows: dict[str, dict[date, int]] = {}
        self._always: dict[str, float] = {}
        self._readings: dict[str, dict[date, float]] = {}
        self._starts: dict[date, tuple[time, ...]] = {}

    def merge(self, change: Change) -> None:
        """Take over what an event says, by table and date."""
        for day, games in change.games.items():
            self._games[day] = games if isinstance(games, GameCount) else self._counted(day, games)
        self._names.update(change.units)
        self._starts.update(change.starts_at)
        for table, held in change.units_held.items():
            self._held.setdefault(table, {}).update(held)
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

    def units(self, day: date, over_since: datetime | None = None) -> Units:
        """Return the units of a date, by name where the scenario names them.

        Final ones come first, then those in progress; all but the postponed, which are the last, are units. One in
        progress that began at ``BEGINS`` or earlier before ``over_since`` is presumed over.
        """
        games = self._counted_games(day)
        names = self.all_names(day)
        overdue = over_since is not None and instant(day, BEGINS, self._zone) <= over_since
        presumed = names[games.final : games.final + games.in_progress] if overdue else ()
        return Units(games.units, games.final + len(presumed), names if day in self._names else (), presumed)

    def schedule(self, day: date, over_since: datetime | None = None) -> tuple[ScheduledUnit, ...]:
        """Return the units of a date with their starts, in the order of ``starts_at``: those that are final first."""
        final = self.units(day, over_since).final or 0
        starts = self._starts.get(day, ())
        return tuple(
            ScheduledUnit(name, instant(day, starts[at] if at < len(starts) else BEGINS, self._zone), at < final)
            for at, name in enumerate(self.all_names(day))
        )

    def held(self, table: str, day: date) -> frozenset[str]:
        """Return the units of a date that a table holds: as the scenario says, else all as soon as it has any row."""
        holding = self._held.get(table, {}).get(day)
        if holding is None:
            return frozenset(self.all_names(day)) if self.rows(table, day) else frozenset()
        return frozenset(self.all_names(day)[:holding]) if isinstance(holding, int) else frozenset(holding)

    def all_names(self, day: date) -> tuple[str, ...]:
        """Return the names of a date's units; those that the scenario does not name are numbered."""
        total = self._counted_games(day).units
        numbered = tuple(f"unit {number}" for number in range(1, total + 1))
        return (*self._names.get(day, ()), *numbered[len(self._names.get(day, ())) :])[:total]

    def _counted_games(self, day: date) -> GameCount:
        games = self._games.get(day)
        return games if games is not None else self._counted(day, len(self._names.get(day, ())))

    def reading(self, sql_file: str, day: date) -> float:
        gate = self._gates.get(sql_file, PurePath(sql_file).stem)
        return self._readings.get(gate, {}).get(day, self._always.get(gate, FULL))

    def days(self) -> list[date]:
        """Return the dates that anything is known of."""
        return sorted({*self._games, *self._names, *(day for rows in self._rows.values() for day in rows)})

    def snapshot(self) -> object:
        """Return the games and rows as they are now, to be compared with what they become."""
        held = {table: dict(of) for table, of in self._held.items()}
        return dict(self._games), dict(self._names), held, {table: dict(rows) for table, rows in self._rows.items()}

    def _counted(self, day: date, games: int) -> GameCount:
        return GameCount(final=games) if day < self._today else GameCount(scheduled=games)
