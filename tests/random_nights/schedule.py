"""The real 2024-25 season: how many games each local date had."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

FILE = Path(__file__).parent / "nba_schedule_2024_25.csv"
EASTERN = ZoneInfo("America/New_York")


@lru_cache(maxsize=1)
def season() -> Mapping[date, int]:
    """Return every date from the first game to the last with its games, dates without games included.

    A game belongs to the local date of its tip-off, late games of the west coast to the evening before in UTC.
    """
    with FILE.open(newline="", encoding="utf-8") as lines:
        games = Counter(_local_date(row) for row in csv.DictReader(lines) if row["postponed"] != "Y")
    first, last = min(games), max(games)
    every = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return {day: games[day] for day in every}


@lru_cache(maxsize=1)
def game_dates() -> tuple[date, ...]:
    """Return the dates that had games."""
    return tuple(day for day, games in season().items() if games)


def _local_date(row: Mapping[str, str]) -> date:
    return datetime.fromisoformat(row["tipoff_utc"]).astimezone(EASTERN).date()
