"""Phase 5: `/start` works before it answers, its answers are verdicts; `/regenerate-with-supersede` repeats.

`/consolidate` makes what the workers of a batch staged the predictions of its date, once for each batch.
"""

from __future__ import annotations

import threading
from datetime import date
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from tests.services.health import service
from tests.services.surroundings import Job, Surroundings, envelope

IDENTITY = "prediction-coordinator"
PHASE, TOPIC = "phase_5_predictions", "nba-phase5-predictions-complete"
PREDICTIONS = Job("PredictionCoordinator", "nba_predictions.player_prop_predictions", 30)
CONTEXT, FEATURES = "nba_analytics.upcoming_player_game_context", "nba_predictions.ml_feature_store_v2"
RUN_MODES = {"FIRST", "RETRY", "FINAL_RETRY", "LAST_CALL", "BACKFILL"}
REQUIRED_PERCENT = 80.0


def create_app(around: Surroundings) -> Flask:
    app = service("coordinator", IDENTITY, around)
    at_work: dict[str, str] = {}
    done: dict[str, str] = {}
    merged: set[str] = set()
    lock = threading.Lock()

    @app.post("/start")
    def start() -> ResponseReturnValue:
        body: dict[str, Any] = request.get_json(silent=True) or {}
        day, force = str(body.get("game_date") or around.now().date()), bool(body.get("force"))
        try:
            date.fromisoformat(day)
        except ValueError:
            return jsonify({"status": "error", "message": f"Invalid game_date: {day}"}), 400
        if body.get("prediction_run_mode", "FIRST") not in RUN_MODES:
            return jsonify({"status": "error", "message": "Invalid prediction_run_mode"}), 400
        refusal = _refusal(around, day)
        if refusal is not None:
            return refusal
        with lock:
            if at_work and not force:
                batch = next(iter(at_work.values()))
                return jsonify({"status": "already_running", "batch_id": batch}), 409
        # The players are read before the batch is known to anybody: this is what makes the answer late.
        around.sleep(around.work)
        batch = f"batch_{day}_{int(around.now().timestamp())}"
        with lock:
            at_work[day] = batch
        players = around.tables.count(CONTEXT, day)
        threading.Thread(target=_predict, args=(around, at_work, done, lock, day, batch, body), daemon=True).start()
        return jsonify(
            {
                "status": "started",
                "batch_id": batch,
                "game_date": day,
                "total_requests": players,
                "published": players,
                "monitor_url": f"/status?batch_id={batch}",
            }
        ), 202

    @app.get("/status")
    def status() -> ResponseReturnValue:
        day, batch = request.args.get("game_date"), request.args.get("batch_id")
        for states, word in ((at_work, "in_progress"), (done, "complete")):
            for one_day, one_batch in states.items():
                if one_day == day or one_batch == batch:
                    return jsonify({"status": word, "batch_id": one_batch, "game_date": one_day})
        return jsonify({"status": "no_active_batch"})

    @app.post("/regenerate-with-supersede")
    def regenerate() -> ResponseReturnValue:
        body: dict[str, Any] = request.get_json(silent=True) or {}
        if "game_date" not in body:
            return jsonify({"status": "error", "error": "Missing required field: game_date"}), 400
        day = body["game_date"]
        batch = f"regen_{day}_{body.get('reason', 'feature_upgrade')}_{int(around.now().timestamp())}"
        threading.Thread(target=_predict, args=(around, at_work, done, lock, day, batch, body), daemon=True).start()
        return jsonify({"status": "accepted", "game_date": day, "batch_id": batch}), 202

    @app.post("/consolidate")
    def consolidate() -> ResponseReturnValue:
        body: dict[str, Any] = request.get_json(silent=True) or {}
        day, batch = body.get("game_date"), body.get("batch_id")
        if not day or not batch:
            return jsonify({"status": "error", "error": "game_date and batch_id required"}), 400
        rows = PREDICTIONS.rows_per_game * around.tables.games(day)
        with lock:
            fresh = batch not in merged
            merged.add(batch)
        if fresh:
            around.tables.write(PREDICTIONS.table, day, rows)
        return jsonify({"status": "success", "batch_id": batch, "rows_merged": rows if fresh else 0})

    return app


def _refusal(around: Surroundings, day: str) -> ResponseReturnValue | None:
    """Return the verdict on a date that cannot be predicted, in the service's own words and statuses."""
    if around.tables.games(day) == 0:
        return jsonify({"status": "no_games_scheduled", "game_date": day})
    players = around.tables.count(CONTEXT, day)
    if players == 0:
        return jsonify({"status": "error", "message": f"No players found for {day}"}), 404
    percent = 100 * around.tables.count(FEATURES, day) / players
    if percent < REQUIRED_PERCENT:
        answer = {
            "status": "error",
            "error": "DATA_INCOMPLETE",
            "message": f"Analytics coverage: {percent:.1f}%",
            "details": {"analytics_coverage_pct": percent, "threshold": REQUIRED_PERCENT},
            "coverage_pct": percent,
            "required_pct": REQUIRED_PERCENT,
            "game_date": day,
        }
        return jsonify(answer), 503
    return None


def _predict(
    around: Surroundings,
    at_work: dict[str, str],
    done: dict[str, str],
    lock: threading.Lock,
    day: str,
    batch: str,
    body: dict[str, Any],
) -> None:
    around.sleep(around.work)
    players = around.tables.count(CONTEXT, day)
    around.tables.write(PREDICTIONS.table, day, PREDICTIONS.rows_per_game * around.tables.games(day))
    metadata = {
        "batch_id": batch,
        "expected_players": players,
        "completed_players": players,
        "completed_predictions": players,
        "total_predictions": 5 * players,
        "completion_pct": 100.0 if players else 0.0,
    }
    handed = {"correlation_id": body.get("correlation_id"), "execution_id": batch}
    around.publish(TOPIC, envelope(around, PHASE, PREDICTIONS, day, players, metadata, **handed))
    with lock:
        at_work.pop(day, None)
        done[day] = batch
