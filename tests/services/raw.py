"""Phase 2: its loaders make rows of what scrapers announce by push, or are called one by one by a scheduler.

A loader of a game's file loads that game; a batch loader takes all files of a workflow's run at once, by the first of
them. What no loader is there for is answered so.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from shared.simulation.nba_tables import unit
from tests.services.health import service
from tests.services.push import BadPush, message
from tests.services.surroundings import Job, Surroundings, envelope

PHASE, TOPIC = "phase_2_raw", "nba-phase2-raw-complete"
# Rows of one game.
WHOLE = (
    Job("OddsApiGameLinesBatchProcessor", "nba_raw.odds_api_game_lines", 8),
    Job("OddsApiPropsBatchProcessor", "nba_raw.odds_api_player_points_props", 150),
    Job("NbacPlayerBoxscoreProcessor", "nba_raw.nbac_player_boxscores", 27),
)
PER_GAME = (
    Job("NbacGamebookProcessor", "nba_raw.nbac_gamebook_player_stats", 34),
    Job("NbacTeamBoxscoreProcessor", "nba_raw.nbac_team_boxscore", 2),
    Job("BigDataBallPbpProcessor", "nba_raw.bigdataball_play_by_play", 480),
)
# Loaders that nobody waits for, on the same topic.
BESIDE = (
    Job("BdlLiveBoxscoresProcessor", "nba_raw.bdl_live_boxscores", 25),
    Job("NbacScoreboardV2Processor", "nba_raw.nbac_scoreboard_v2", 1),
)
# Loaders of what discoveries look for: they write, and nobody waits for them.
FOUND = (
    Job("NbacInjuryReportProcessor", "nba_raw.nbac_injury_report", 4),
    Job("NbacRefereeAssignmentsProcessor", "nba_raw.nbac_referee_assignments", 3),
)
JOBS = {job.name: job for job in (*WHOLE, *PER_GAME, *FOUND, *BESIDE)}
# Which scraper's file is whose to load.
LOADERS = {
    "oddsa_game_lines": "OddsApiGameLinesBatchProcessor",
    "oddsa_player_props": "OddsApiPropsBatchProcessor",
    "nbac_gamebook_pdf": "NbacGamebookProcessor",
    "bigdataball_pbp": "BigDataBallPbpProcessor",
    "nbac_injury_report": "NbacInjuryReportProcessor",
    "nbac_referee_assignments": "NbacRefereeAssignmentsProcessor",
}


def create_app(around: Surroundings) -> Flask:
    app = service("raw", "raw-processor", around)
    batches, turn = set[tuple[str, str]](), Lock()

    @app.post("/process")
    def process() -> ResponseReturnValue:
        try:
            body = message(request.get_json(silent=True))
        except BadPush as wrong:
            return wrong.answer
        if body.get("status") not in ("success", "partial"):
            return jsonify({"status": "skipped", "reason": "nothing was scraped"})
        job = JOBS.get(LOADERS.get(str(body.get("processor_name")), ""))
        if job is None:
            return jsonify({"status": "no_processors", "scraper": body.get("processor_name")})
        batch = (job.name, _run_of(body))
        with turn:
            if job in WHOLE and batch in batches:
                return jsonify({"status": "loaded before", "loader": job.name})
            batches.add(batch)
        _load(around, job, body["game_date"], body.get("metadata", {}).get("game"))
        return jsonify({"status": "loaded", "loader": job.name})

    @app.post("/load")
    def load() -> ResponseReturnValue:
        body: dict[str, Any] = request.get_json(silent=True) or {}
        job, day = JOBS.get(str(body.get("loader"))), body.get("game_date")
        if job is None or not day:
            return jsonify({"error": "loader and game_date required"}), 400
        _load(around, job, day)
        return jsonify({"status": "loaded", "loader": job.name})

    return app


def _run_of(body: dict[str, Any]) -> str:
    """Return the run of a workflow that a file belongs to: what its calls have in common, else the file itself."""
    return "/".join(str(body.get("execution_id")).split("/")[:4])


def _load(around: Surroundings, job: Job, day: str, game: str | None = None) -> None:
    """Make rows of a date, or of one game of it, and report them."""
    games = range(around.tables.games(day))
    if job in PER_GAME:
        for number in games:
            if game is None or unit(number) == game:
                _report(around, job, day, around.tables.write_game(job.table, day, number, job.rows_per_game))
        return
    rows = job.rows_per_game * len(games)
    if job not in BESIDE:
        around.tables.write(job.table, day, rows)
    _report(around, job, day, rows)


def _report(around: Surroundings, job: Job, day: str, rows: int) -> None:
    metadata = {"rows_updated": 0, "processing_strategy": "INSERT"}
    around.publish(TOPIC, envelope(around, PHASE, job, day, rows, metadata, trigger_source="unified_v2"))
