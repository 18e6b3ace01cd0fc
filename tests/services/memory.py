"""Surroundings of a service in one process: time that a test moves, tables that count, messages that are kept."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.services.surroundings import Surroundings


class CountedTables:
    """Row counts by table and date."""

    def __init__(self, games: Mapping[str, int]) -> None:
        self._games = games
        self.rows: dict[tuple[str, str], int] = {}

    def games(self, day: str) -> int:
        return self._games.get(day, 0)

    def count(self, table: str, day: str) -> int:
        return self.rows.get((table, day), 0)

    def write(self, table: str, day: str, rows: int) -> None:
        self.rows[table, day] = rows

    def write_game(self, table: str, day: str, game: int, rows: int) -> int:
        self.rows[table, day] = self.count(table, day) + rows
        return rows


class Moved:
    """A clock that only its sleepers move."""

    def __init__(self, now: datetime) -> None:
        self._now, self._lock = now, threading.Lock()

    def now(self) -> datetime:
        return self._now

    def sleep(self, span: timedelta) -> None:
        with self._lock:
            self._now += span


class Kept(Surroundings):
    """Surroundings whose ``sent`` lists what was published, by topic."""

    def __init__(self, now: datetime, games: Mapping[str, int], exports: Path) -> None:
        clock = Moved(now)
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.arrived = threading.Condition()
        self.counted = CountedTables(games)
        super().__init__(clock.now, clock.sleep, self._keep, self.counted, exports)

    def _keep(self, topic: str, body: Mapping[str, Any]) -> None:
        with self.arrived:
            self.sent.append((topic, dict(body)))
            self.arrived.notify_all()

    def wait_for(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        """Return what was published once so many messages are there."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.sent) >= count, timeout=30)
            return list(self.sent)
