"""The stand-ins accept, refuse and answer as the services do; each claim is a row of what is known of them."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.services import analytics, coordinator, export, grading, precompute
from tests.services.memory import Kept

DAY = "2026-03-10"
APPS = [
    pytest.param(analytics, "analytics-processor", id="analytics"),
    pytest.param(precompute, "precompute-processor", id="precompute"),
    pytest.param(coordinator, "prediction-coordinator", id="coordinator"),
]


@pytest.fixture
def around(tmp_path: Path) -> Kept:
    return Kept(datetime(2026, 3, 11, 10, 0, tzinfo=UTC), {DAY: 8}, tmp_path)


def client(module: Any, around: Kept) -> FlaskClient:
    app: Any = module.create_app(around)
    made: FlaskClient = app.test_client()
    return made


def pushed(**body: object) -> dict[str, Any]:
    return {"message": {"data": base64.b64encode(json.dumps(body).encode()).decode()}}


@pytest.mark.parametrize(("module", "identity"), APPS)
def test_health_is_two_paths_and_ready_is_none(around: Kept, module: Any, identity: str) -> None:
    """Identity at `/health`, readiness at `/health/ready`, 404 at `/ready`."""
    web = client(module, around)
    assert web.get("/health").json == {"status": "healthy", "service": identity}
    assert web.get("/health/ready").json == {"status": "ready"}
    assert web.get("/ready").status_code == 404


def test_a_rerun_of_phase_3_by_canonical_names_runs_nothing_and_says_200(around: Kept) -> None:
    """Names that are no class names are dropped in silence."""
    web = client(analytics, around)
    asked = {"start_date": DAY, "end_date": DAY, "processors": ["player_game_summary"]}
    answer = web.post("/process-date-range", json=asked)
    assert (answer.status_code, answer.json["results"], around.sent) == (200, [], [])


def test_a_rerun_of_phase_3_by_class_names_reports_each(around: Kept) -> None:
    """What ran wrote its table and reported in the dialect of the publisher."""
    web = client(analytics, around)
    asked = {"start_date": DAY, "end_date": DAY, "processors": ["PlayerGameSummaryProcessor"]}
    assert len(web.post("/process-date-range", json=asked).json["results"]) == 1
    [(topic, body)] = around.sent
    assert topic == "nba-phase3-analytics-complete"
    assert (body["phase"], body["game_date"], body["record_count"]) == ("phase_3_analytics", DAY, 240)
    assert (body["output_table"], body["output_dataset"]) == ("player_game_summary", "nba_analytics")
    assert around.counted.count("nba_analytics.player_game_summary", DAY) == 240


def test_phase_4_by_push_never_runs_what_phase_5_needs(around: Kept) -> None:
    """All five source tables together start three of five processors; the feature store is not among them."""
    web = client(precompute, around)
    for table in (*precompute.TRIGGERS, "upcoming_team_game_context"):
        assert web.post("/process", json=pushed(source_table=table, analysis_date=DAY)).status_code == 200
    started = {body["processor_name"] for _, body in around.sent}
    assert precompute.FEATURES.name not in started
    assert len(started) == 3


def test_phase_4_wants_its_fields(around: Kept) -> None:
    """No source table by push, no date by call: 400."""
    web = client(precompute, around)
    assert web.post("/process", json=pushed(analysis_date=DAY)).status_code == 400
    assert web.post("/process-date", json={"game_date": DAY}).status_code == 400


def test_phase_4_says_200_although_all_failed(around: Kept) -> None:
    """Only the results tell."""
    around.failing = set(precompute.JOBS)
    answer = client(precompute, around).post("/process-date", json={"analysis_date": DAY})
    assert answer.status_code == 200
    assert {result["status"] for result in answer.json["results"]} == {"error"}
    assert [result["processor"] for result in answer.json["results"]] == list(precompute.JOBS)


def test_the_coordinator_answers_by_verdict(around: Kept) -> None:
    """No games 200, no players 404, incomplete 503 with numbers, started 202; the batch is published once."""
    web = client(coordinator, around)
    assert web.post("/start", json={"game_date": "2026-03-12"}).json["status"] == "no_games_scheduled"
    assert web.post("/start", json={"game_date": DAY}).status_code == 404
    around.counted.write(coordinator.CONTEXT, DAY, 240)
    around.counted.write(coordinator.FEATURES, DAY, 100)
    refused = web.post("/start", json={"game_date": DAY})
    assert (refused.status_code, refused.json["error"]) == (503, "DATA_INCOMPLETE")
    assert refused.json["coverage_pct"] == pytest.approx(41.67, abs=0.01)
    around.counted.write(coordinator.FEATURES, DAY, 240)
    before = around.now()
    assert web.post("/start", json={"game_date": DAY}).status_code == 202
    assert around.now() - before >= around.work
    [(_, body)] = around.wait_for(1)
    assert (body["status"], body["metadata"]["completion_pct"]) == ("success", 100.0)


def test_the_export_takes_yesterday_where_no_date_is_named(around: Kept) -> None:
    """`game_date` is not read: without `target_date` the wrong day is exported."""
    web = client(export, around)
    sent = web.post("/", json=pushed(game_date="2026-03-11", export_types=["calendar"]))
    assert sent.json == {"status": "success", "target_date": DAY}
    assert (around.exports / DAY / "calendar.json").exists()


def test_the_export_refuses_too_little_and_says_why(around: Kept) -> None:
    """Under 30 players: not ready; under 50 predictions: failed validation; the cause is in `errors`, a list."""
    web = client(export, around)
    request = pushed(target_date=DAY, export_types=["tonight"])
    web.post("/", json=request)
    around.counted.write(export.CONTEXT, DAY, 40)
    web.post("/", json=request)
    around.counted.write(export.PREDICTIONS, DAY, 60)
    web.post("/", json=request)
    statuses = [body["status"] for _, body in around.sent]
    assert statuses == ["analytics_not_ready", "validation_failed", "success"]
    assert around.sent[0][1]["errors"] == ["Only 0 players in context (minimum 30)"]
    assert all("game_date" not in body for _, body in around.sent)


def test_grading_wants_a_date(around: Kept) -> None:
    """One message with `target_date`; nothing to grade is a status of its own."""
    web = client(grading, around)
    assert web.post("/", json=pushed(game_date=DAY)).status_code == 400
    assert web.post("/", json=pushed(target_date=DAY)).json["status"] == "no_predictions"
