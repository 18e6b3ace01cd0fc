"""Phase 2: its loaders, called one by one; what they write and report is a night's, some of it once per game."""

from __future__ import annotations

from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from tests.services.health import service
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
    Job("NbacInjuryReportProcessor", "nba_raw.nbac_injury_report", 4),
    Job("BdlLiveBoxscoresProcessor", "nba_raw.bdl_live_boxscores", 25),
    Job("NbacScoreboardV2Processor", "nba_raw.nbac_scoreboard_v2", 1),
)
JOBS = {job.name: job for job in (*WHOLE, *PER_GAME, *BESIDE)}


def create_app(around: Surroundings) -> Flask:
    app = service("raw", "raw-processor", around)

    @app.post("/load")
    def load() -> ResponseReturnValue:
        body: dict[str, Any] = request.get_json(silent=True) or {}
        job, day = JOBS.get(str(body.get("loader"))), body.get("game_date")
        if job is None or not day:
            return jsonify({"error": "loader and game_date required"}), 400
        games = range(around.tables.games(day))
        if job in PER_GAME:
            for game in games:
                _report(around, job, day, around.tables.write_game(job.table, day, game, job.rows_per_game))
        else:
            rows = job.rows_per_game * len(games)
            if job in WHOLE:
                around.tables.write(job.table, day, rows)
            _report(around, job, day, rows)
        return jsonify({"status": "loaded", "loader": job.name})

    return app


def _report(around: Surroundings, job: Job, day: str, rows: int) -> None:
    metadata = {"rows_updated": 0, "processing_strategy": "INSERT"}
    around.publish(TOPIC, envelope(around, PHASE, job, day, rows, metadata, trigger_source="unified_v2"))
