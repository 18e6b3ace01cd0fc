"""Phase 6: exports the date in `target_date`, UTC yesterday without one; refuses while there is too little."""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from tests.services.health import service
from tests.services.push import BadPush, message
from tests.services.surroundings import Surroundings

TOPIC = "nba-phase6-export-complete"
CONTEXT, PREDICTIONS = "nba_analytics.upcoming_player_game_context", "nba_predictions.player_prop_predictions"
MIN_PLAYERS, MIN_PREDICTIONS = 30, 50
CHECKED = {"tonight", "tonight-players", "predictions", "best-bets", "streaks"}


def create_app(around: Surroundings) -> Flask:
    app = service("export", "phase6-export", around)

    @app.post("/")
    def export() -> ResponseReturnValue:
        try:
            body = message(request.get_json(silent=True))
        except BadPush as wrong:
            return wrong.answer
        day = _date(around, body.get("target_date", "yesterday"))
        types = body.get("export_types") or ["results", "performance", "best-bets"]
        status, paths, errors = _export(around, day, types)
        around.publish(TOPIC, _completion(around, body, day, types, status, paths, errors))
        return jsonify({"status": status, "target_date": day})

    return app


def _date(around: Surroundings, word: str) -> str:
    today = around.now().astimezone(UTC).date()
    return {"today": today.isoformat(), "yesterday": (today - timedelta(days=1)).isoformat()}.get(word, word)


def _export(around: Surroundings, day: str, types: list[str]) -> tuple[str, dict[str, str], list[str]]:
    if CHECKED & set(types):
        players = around.tables.count(CONTEXT, day)
        if players < MIN_PLAYERS:
            return "analytics_not_ready", {}, [f"Only {players} players in context (minimum {MIN_PLAYERS})"]
        active = around.tables.count(PREDICTIONS, day)
        if active < MIN_PREDICTIONS:
            return "validation_failed", {}, [f"Only {active} active predictions (minimum {MIN_PREDICTIONS})"]
    around.sleep(around.work)
    folder = around.exports / day
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for kind in types:
        path = folder / f"{kind}.json"
        path.write_text(json.dumps({"date": day, "type": kind}), encoding="utf-8")
        paths[kind] = f"{day}/{path.name}"
    return "success", paths, []


def _completion(
    around: Surroundings,
    body: dict[str, Any],
    day: str,
    types: list[str],
    status: str,
    paths: dict[str, str],
    errors: list[str],
) -> dict[str, Any]:
    """Return the export's own shape: a target date, no game date, causes as a list."""
    return {
        "processor_name": "Phase6Export",
        "phase": "phase_6_publishing",
        "correlation_id": body.get("correlation_id"),
        "timestamp": around.now().isoformat(),
        "status": status,
        "export_type": "daily",
        "duration_seconds": around.work.total_seconds(),
        "paths": paths,
        "errors": errors,
        "trigger_source": body.get("trigger_source"),
        "target_date": day,
        "export_types": types,
    }
