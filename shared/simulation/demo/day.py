"""A night and the day after with the stand-ins of the services: who reports what, and when the schedulers call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from shared.adapters.config.policy_file import load_policy
from shared.core.policy.policy import Policy
from shared.simulation.demo.nights import Night
from shared.simulation.demo.servers import ROOT
from shared.simulation.scenario import GameCount

PLAYED, NEXT = date(2026, 3, 10), date(2026, 3, 11)
GAMES = {PLAYED: GameCount(final=6), NEXT: GameCount(scheduled=5)}
BEGINS, ENDS = time(5, 25), time(13, 0)
# What was predicted for the night on the day before, which grading holds against the statistics.
PREDICTED = ("nba_predictions.player_prop_predictions", PLAYED, 180)
DAY = Night(
    "day",
    "11 March 2026: the night of 10 March and the day after, with stand-ins of every service",
    "",
    (("phase5_to_phase6", "2026-03-11", "same_day"),),
)


@dataclass(frozen=True)
class ScheduledCall:
    """What a scheduler of the pipeline asks one of its services for."""

    at: datetime
    name: str
    path: str
    body: dict[str, Any]
    text: str


def policy_of_day() -> Policy:
    return load_policy(ROOT / "config" / "nba.yaml")


def span(policy: Policy) -> tuple[datetime, datetime]:
    """Return when the day begins and ends."""
    return _at(policy, BEGINS), _at(policy, ENDS)


def scheduled_calls(policy: Policy) -> Iterator[ScheduledCall]:
    """Yield in order what the schedulers ask: the loaders of the night, then those of the day and its analytics."""
    for at, loader, day in (
        ("05:30", "OddsApiGameLinesBatchProcessor", PLAYED),
        ("05:32", "OddsApiPropsBatchProcessor", PLAYED),
        ("05:33", "NbacInjuryReportProcessor", PLAYED),
        ("05:36", "NbacTeamBoxscoreProcessor", PLAYED),
        ("05:40", "NbacPlayerBoxscoreProcessor", PLAYED),
        ("05:41", "NbacScoreboardV2Processor", PLAYED),
        ("05:43", "BigDataBallPbpProcessor", PLAYED),
        ("05:47", "NbacGamebookProcessor", PLAYED),
        ("10:20", "BdlLiveBoxscoresProcessor", PLAYED),
        ("10:30", "OddsApiGameLinesBatchProcessor", NEXT),
        ("10:32", "OddsApiPropsBatchProcessor", NEXT),
    ):
        told = {"loader": loader, "game_date": day.isoformat()}
        yield ScheduledCall(_at(policy, time.fromisoformat(at)), "raw", "/load", told, f"{loader} loads {day}")
    context = ["UpcomingPlayerGameContextProcessor", "UpcomingTeamGameContextProcessor"]
    body = {"start_date": NEXT.isoformat(), "end_date": NEXT.isoformat(), "processors": context, "backfill_mode": False}
    yield ScheduledCall(_at(policy, time(10, 35)), "analytics", "/process-date-range", body, f"the contexts of {NEXT}")


def _at(policy: Policy, at: time) -> datetime:
    return datetime.combine(PLAYED + timedelta(days=1), at, policy.zone)
