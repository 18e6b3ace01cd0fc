"""Phase 4: `/process` runs what a source table triggers, never all; `/process-date` runs a list and always says 200."""

from __future__ import annotations

from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from tests.services.health import service
from tests.services.push import BadPush, message
from tests.services.surroundings import Job, Surroundings, envelope

IDENTITY = "precompute-processor"
PHASE, TOPIC = "phase_4_precompute", "nba-phase4-precompute-complete"
DEFENSE_ZONE = Job("TeamDefenseZoneAnalysisProcessor", "nba_precompute.team_defense_zone_analysis", 2)
SHOT_ZONE = Job("PlayerShotZoneAnalysisProcessor", "nba_precompute.player_shot_zone_analysis", 30)
CACHE = Job("PlayerDailyCacheProcessor", "nba_precompute.player_daily_cache", 30)
FACTORS = Job("PlayerCompositeFactorsProcessor", "nba_precompute.player_composite_factors", 30)
FEATURES = Job("MLFeatureStoreProcessor", "nba_predictions.ml_feature_store_v2", 30)
# In the order in which they run, whatever the order they are asked in.
JOBS = {job.name: job for job in (DEFENSE_ZONE, SHOT_ZONE, CACHE, FACTORS, FEATURES)}
TRIGGERS = {
    "player_game_summary": (CACHE,),
    "upcoming_player_game_context": (CACHE,),
    "team_defense_game_summary": (DEFENSE_ZONE,),
    "team_offense_game_summary": (SHOT_ZONE,),
}


def create_app(around: Surroundings) -> Flask:
    app = service("precompute", IDENTITY, around)

    @app.post("/process")
    def process() -> ResponseReturnValue:
        try:
            body = message(request.get_json(silent=True))
        except BadPush as wrong:
            return wrong.answer
        day = body.get("analysis_date") or body.get("game_date")
        if not body.get("success", True):
            return jsonify({"status": "skipped", "reason": "Phase 3 processing failed"})
        table = body.get("source_table")
        if not table:
            return jsonify({"error": "Missing source_table in message"}), 400
        jobs = TRIGGERS.get(table, ())
        if not jobs:
            return jsonify({"status": "no_processors", "source_table": table})
        results = [run(around, job, str(day), body) for job in jobs]
        return jsonify({"status": "completed", "analysis_date": day, "results": results})

    @app.post("/process-date")
    def process_date() -> ResponseReturnValue:
        body: dict[str, Any] = request.get_json(silent=True) or {}
        day = body.get("analysis_date")
        if not day:
            return jsonify({"error": "analysis_date required"}), 400
        named = body.get("processors") or list(JOBS)
        results = [run(around, job, day, body) for name, job in JOBS.items() if name in named]
        return jsonify({"status": "completed", "analysis_date": day, "results": results})

    return app


def run(around: Surroundings, job: Job, day: str, body: dict[str, Any]) -> dict[str, Any]:
    around.sleep(around.work)
    failed = job.name in around.failing
    rows = 0 if failed else job.rows_per_game * around.tables.games(day)
    if not failed:
        around.tables.write(job.table, day, rows)
    metadata = {"total_runtime": around.work.total_seconds(), "rows_processed": rows, "rows_skipped": 0}
    more = (
        {"status": "failed", "error_message": "dependency check failed", "error_type": "ValueError"} if failed else {}
    )
    handed = {key: body[key] for key in ("correlation_id", "trigger_source") if body.get(key)}
    around.publish(TOPIC, envelope(around, PHASE, job, day, rows, metadata, **handed, **more))
    return {"processor": job.name, "status": "error" if failed else "success", "stats": {"rows_processed": rows}}
