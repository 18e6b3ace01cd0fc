"""Phase 3: starts itself from raw completions; `/process-date-range` drops names that are no class names."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from tests.services.health import service
from tests.services.push import BadPush, message
from tests.services.surroundings import Job, Surroundings, envelope

IDENTITY = "analytics-processor"
PHASE, TOPIC = "phase_3_analytics", "nba-phase3-analytics-complete"
PLAYERS = Job("PlayerGameSummaryProcessor", "nba_analytics.player_game_summary", 30)
OFFENSE = Job("TeamOffenseGameSummaryProcessor", "nba_analytics.team_offense_game_summary", 2)
DEFENSE = Job("TeamDefenseGameSummaryProcessor", "nba_analytics.team_defense_game_summary", 2)
PLAYER_CONTEXT = Job("UpcomingPlayerGameContextProcessor", "nba_analytics.upcoming_player_game_context", 30)
TEAM_CONTEXT = Job("UpcomingTeamGameContextProcessor", "nba_analytics.upcoming_team_game_context", 2)
JOBS = {job.name: job for job in (PLAYERS, OFFENSE, DEFENSE, PLAYER_CONTEXT, TEAM_CONTEXT)}
# Which raw table starts what.
TRIGGERS = {
    "nbac_gamebook_player_stats": (PLAYERS, PLAYER_CONTEXT),
    "nbac_team_boxscore": (OFFENSE, DEFENSE),
    "odds_api_game_lines": (TEAM_CONTEXT,),
}


def create_app(around: Surroundings) -> Flask:
    app = service("analytics", IDENTITY, around)

    @app.post("/process")
    def process() -> ResponseReturnValue:
        try:
            body = message(request.get_json(silent=True))
        except BadPush as wrong:
            return wrong.answer
        if body.get("status") not in ("success", "partial"):
            return jsonify({"status": "skipped", "reason": "Raw processing failed"})
        table = body.get("output_table") or body.get("source_table")
        if not table:
            return jsonify({"error": "Missing output_table in message"}), 400
        jobs = TRIGGERS.get(str(table).split(".")[-1], ())
        if not jobs:
            return jsonify({"status": "no_processors", "source_table": table})
        results = [run(around, job, body["game_date"], {}) for job in jobs]
        return jsonify({"status": "completed", "source_table": table, "results": results})

    @app.post("/process-date-range")
    def process_date_range() -> ResponseReturnValue:
        body: dict[str, Any] = request.get_json(silent=True) or {}
        if not body.get("start_date") or not body.get("end_date"):
            return jsonify({"error": "start_date and end_date required"}), 400
        named = body.get("processors") or list(JOBS)
        jobs = [JOBS[name] for name in named if name in JOBS]
        days = _days(body["start_date"], body["end_date"])
        quiet = body.get("skip_downstream_trigger") is True
        results = [run(around, job, day, body, quiet=quiet) for day in days for job in jobs]
        return jsonify({"status": "completed", "results": results})

    return app


def run(around: Surroundings, job: Job, day: str, body: dict[str, Any], *, quiet: bool = False) -> dict[str, Any]:
    """Work, write the table, report; a service that is told to be quiet reports nothing."""
    around.sleep(around.work)
    failed = job.name in around.failing
    rows = 0 if failed else job.rows_per_game * around.tables.games(day)
    if not failed:
        around.tables.write(job.table, day, rows)
    metadata = {
        "is_incremental": False,
        "entities_changed_count": 0,
        "entities_total": None,
        "entities_changed": [],
        "extract_time": 3.1,
        "transform_time": 8.0,
        "save_time": 2.2,
    }
    more = {"status": "failed", "error_message": "No data extracted", "error_type": "ValueError"} if failed else {}
    if not quiet:
        around.publish(TOPIC, envelope(around, PHASE, job, day, rows, metadata, **_handed_down(body), **more))
    return {"processor": job.name, "status": "error" if failed else "success", "date": day}


def _handed_down(body: dict[str, Any]) -> dict[str, Any]:
    return {key: body[key] for key in ("correlation_id", "trigger_source") if body.get(key)}


def _days(first: str, last: str) -> list[str]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [(start + timedelta(days=n)).isoformat() for n in range((end - start).days + 1)]
