"""The NBA pipeline's schedule and statistics in a world's warehouse, in the shapes that the services write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from shared.simulation.nba_tables import (
    POSTPONEMENTS_COLUMNS,
    POSTPONEMENTS_TABLE,
    SCHEDULE_COLUMNS,
    SCHEDULE_TABLE,
    STATISTICS_TABLE,
    GameStatus,
    postponement_rows,
    schedule_row,
    statistics_id,
)
from tests.contract.warehouses import World

STATISTICS = {"game_date": "DATE", "game_id": "STRING", "minutes_played": "INT64", "is_dnp": "BOOL"}


def fill_games(world: World, games: Mapping[date, Sequence[GameStatus]], played: Mapping[date, Sequence[int]]) -> None:
    """Write schedule, postponements and statistics in the shapes that the services write."""
    numbered = {day: dict(enumerate(listed)) for day, listed in games.items()}
    rows = [schedule_row(day, n, status) for day, listed in numbered.items() for n, status in listed.items()]
    fill_schedule(world, rows, [row for day, listed in numbered.items() for row in postponement_rows(day, listed)])
    fill_statistics(world, played)


def fill_schedule(
    world: World, games: Sequence[Mapping[str, Any]], postponed: Sequence[Mapping[str, Any]] = ()
) -> None:
    world.table(SCHEDULE_TABLE, SCHEDULE_COLUMNS, plain(games, SCHEDULE_COLUMNS))
    world.table(POSTPONEMENTS_TABLE, POSTPONEMENTS_COLUMNS, plain(postponed, POSTPONEMENTS_COLUMNS))


def plain(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> list[list[Any]]:
    return [
        [value.isoformat() if isinstance(value, date) else value for value in map(row.get, columns)] for row in rows
    ]


def fill_statistics(world: World, played: Mapping[date, Sequence[int]]) -> None:
    """Write a box score of each game played: of 30 players 11 did not play and have no minutes."""
    rows = [
        [day.isoformat(), statistics_id(day, number), None if dnp else 24, dnp]
        for day, numbers in played.items()
        for number in numbers
        for dnp in [False] * 19 + [True] * 11
    ]
    world.table(STATISTICS_TABLE, STATISTICS, rows)
