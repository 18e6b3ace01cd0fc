"""Tables of the NBA pipeline as its services write them: schedule and statistics name a game differently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

TEAMS = (
    "ATL", "BKN", "BOS", "CHA", "CHI", "CLE", "DAL", "DEN", "DET", "GSW", "HOU", "IND", "LAC", "LAL", "MEM",
    "MIA", "MIL", "MIN", "NOP", "NYK", "OKC", "ORL", "PHI", "PHX", "POR", "SAC", "SAS", "TOR", "UTA", "WAS",
)  # fmt: skip
SCHEDULE_TABLE = "nba_raw.v_nbac_schedule_latest"
POSTPONEMENTS_TABLE = "nba_orchestration.game_postponements"
STATISTICS_TABLE = "nba_analytics.player_game_summary"
SCHEDULE_COLUMNS: Mapping[str, str] = {
    "game_date": "DATE",
    "game_id": "STRING",
    "game_date_est": "TIMESTAMP",
    "game_status": "INT64",
    "game_status_text": "STRING",
    "away_team_tricode": "STRING",
    "home_team_tricode": "STRING",
    "away_team_score": "INT64",
    "home_team_score": "INT64",
}
POSTPONEMENTS_COLUMNS: Mapping[str, str] = {"game_id": "STRING", "original_date": "DATE", "new_date": "DATE"}


class GameStatus(StrEnum):
    """What a game of the schedule may be; the text column never says more than its first three words."""

    SCHEDULED = "Scheduled"
    IN_PROGRESS = "In Progress"
    FINAL = "Final"
    POSTPONED = "Postponed"  # listed, without a new date
    MOVED = "Moved"  # listed, with a new date
    UNSCORED = "Unscored"  # final without scores: never played


STATUS_NUMBER = {GameStatus.SCHEDULED: 1, GameStatus.IN_PROGRESS: 2, GameStatus.FINAL: 3, GameStatus.UNSCORED: 3}
STATUS_TEXT = {1: "Scheduled", 2: "In Progress", 3: "Final"}


def teams(number: int) -> tuple[str, str]:
    """Return the away and the home team of a date's game of this number, counted from 0."""
    return TEAMS[2 * number % len(TEAMS)], TEAMS[(2 * number + 1) % len(TEAMS)]


def unit(number: int) -> str:
    """Return `AWAY@HOME`, the key that every source can give."""
    return "@".join(teams(number))


def schedule_id(day: date, number: int) -> str:
    """Return the id that the schedule gives a game: ten digits that say nothing of its date or teams."""
    return f"00225{(day.toordinal() * 15 + number) % 100_000:05d}"


def statistics_id(day: date, number: int) -> str:
    """Return the id that box scores and statistics give the same game: its date and its two teams."""
    return "_".join((f"{day:%Y%m%d}", *teams(number)))


def schedule_row(day: date, number: int, status: GameStatus, tip_off: time = time(0, 30)) -> dict[str, Any]:
    """Return a game as the schedule has it; ``tip_off`` is a time of the next day in UTC, which is what the column
    ``game_date_est`` holds in spite of its name."""
    code = STATUS_NUMBER.get(status, 1)
    away, home = teams(number)
    scored = status is GameStatus.FINAL
    starts_at = datetime.combine(day + timedelta(days=1), tip_off)
    return {
        "game_date": day,
        "game_id": schedule_id(day, number),
        "game_date_est": f"{starts_at:%Y-%m-%d %H:%M:%S}+00",
        "game_status": code,
        "game_status_text": STATUS_TEXT[code],
        "away_team_tricode": away,
        "home_team_tricode": home,
        "away_team_score": 101 if scored else None,
        "home_team_score": 99 if scored else None,
    }


def postponement_rows(day: date, games: Mapping[int, GameStatus]) -> Iterator[dict[str, Any]]:
    """Yield what is listed of the games that do not take place on their date."""
    for number, status in games.items():
        if status in (GameStatus.POSTPONED, GameStatus.MOVED):
            later = day + timedelta(days=9) if status is GameStatus.MOVED else None
            yield {"game_id": schedule_id(day, number), "original_date": day, "new_date": later}
