"""A night and the day after with the stand-ins of the services: which workflows run, and when the schedulers call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from shared.adapters.config.policy_file import load_policy
from shared.adapters.config.workflows_file import load_workflows
from shared.core.policy.policy import Policy
from shared.core.workflows.model import Discovery, Workflows
from shared.simulation.demo.nights import Night
from shared.simulation.demo.servers import ROOT
from shared.simulation.scenario import GameCount

PLAYED, NEXT = date(2026, 3, 10), date(2026, 3, 11)
GAMES = {PLAYED: GameCount(final=6), NEXT: GameCount(scheduled=5)}
# An evening in the west: 22:30 in New York, twelve hours after the lines are first asked for.
TIP_OFFS = {NEXT: time(2, 30)}
BEGINS, ENDS = time(3, 25), time(13, 0)
# How many runs of which workflow and date there are from begin to end.
WORKFLOW_RUNS: Mapping[tuple[date, str], int] = {
    (PLAYED, "post_game_window_3"): 1,
    (NEXT, "injury_discovery"): 1,
    (NEXT, "referee_discovery"): 3,
    (NEXT, "morning_operations"): 1,
    (NEXT, "betting_lines"): 2,
    (NEXT, "roster_refresh"): 1,
}
# What scrapers answer in place of success, one answer a call, the last for ever: one is busy once, and referees are
# published in the course of the morning.
_NOTHING_YET = {"body": {"status": "success", "data_summary": {"rowCount": 0}}}
ANSWERS: Mapping[str, list[dict[str, Any]]] = {
    "nbac_play_by_play": [{"status": 503, "body": {"error": "busy"}}, {}],
    "nbac_referee_assignments": [_NOTHING_YET, _NOTHING_YET, {}],
}
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


def workflows_of_day(policy: Policy) -> Workflows:
    return load_workflows(ROOT / "config" / "workflows.yaml", policy)


def discovered(workflows: Workflows) -> dict[str, str]:
    """Return the tables that discoveries ask, each with its date column: no processor of the policy need have them."""
    kinds = [workflow.decide for workflow in workflows.workflows.values()]
    return {kind.found.table: kind.found.date_column for kind in kinds if isinstance(kind, Discovery)}


def span(policy: Policy) -> tuple[datetime, datetime]:
    """Return when the day begins and ends."""
    return _at(policy, BEGINS), _at(policy, ENDS)


def scheduled_calls(policy: Policy) -> Iterator[ScheduledCall]:
    """Yield in order what the schedulers ask: loaders of what no workflow fetches, then the analytics of the day."""
    for at, loader, day in (
        ("03:33", "OddsApiGameLinesBatchProcessor", PLAYED),
        ("03:36", "OddsApiPropsBatchProcessor", PLAYED),
        ("03:38", "NbacTeamBoxscoreProcessor", PLAYED),
        ("03:42", "NbacPlayerBoxscoreProcessor", PLAYED),
        ("03:43", "NbacScoreboardV2Processor", PLAYED),
        ("10:20", "BdlLiveBoxscoresProcessor", PLAYED),
    ):
        parameters = {"loader": loader, "game_date": day.isoformat()}
        yield ScheduledCall(_at(policy, time.fromisoformat(at)), "raw", "/load", parameters, f"{loader} loads {day}")
    context = ["UpcomingPlayerGameContextProcessor", "UpcomingTeamGameContextProcessor"]
    body = {"start_date": NEXT.isoformat(), "end_date": NEXT.isoformat(), "processors": context, "backfill_mode": False}
    yield ScheduledCall(_at(policy, time(10, 35)), "analytics", "/process-date-range", body, f"the contexts of {NEXT}")


def _at(policy: Policy, at: time) -> datetime:
    return datetime.combine(PLAYED + timedelta(days=1), at, policy.zone)
