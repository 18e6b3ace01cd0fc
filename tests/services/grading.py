"""Grading: one message with `target_date`; reports what it graded, or that there was nothing to grade."""

from __future__ import annotations

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from tests.services.health import service
from tests.services.push import BadPush, message
from tests.services.surroundings import Surroundings

TOPIC = "nba-grading-complete"
PREDICTIONS = "nba_predictions.player_prop_predictions"


def create_app(around: Surroundings) -> Flask:
    app = service("grading", "grading", around)

    @app.post("/")
    def grade() -> ResponseReturnValue:
        try:
            body = message(request.get_json(silent=True))
        except BadPush as wrong:
            return wrong.answer
        day = body.get("target_date")
        if not day:
            return jsonify({"error": "target_date required"}), 400
        around.sleep(around.work)
        count = around.tables.count(PREDICTIONS, day)
        completion = {
            "processor_name": "Phase5BGrading",
            "phase": "phase_5b_grading",
            "correlation_id": body.get("correlation_id"),
            "timestamp": around.now().isoformat(),
            "target_date": day,
            "status": "success" if count else "no_predictions",
            "graded_count": count,
            "aggregation_run": bool(body.get("run_aggregation")),
        }
        around.publish(TOPIC, completion)
        return jsonify({"status": completion["status"], "target_date": day})

    return app
