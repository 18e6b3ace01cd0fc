"""The workers of a batch as a stand-in, alone and against the function of batches with its sweep, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.core.batches.batch import Cause
from shared.simulation.demo.batch_day import LATE, MEMBERS, SILENT
from tests.services import coordinator
from tests.services.memory import Kept
from tests.services.worked_batch import pushed, whole_batch
from tests.services.workers import READY, create_app

DAY, BATCH_ID = "2026-03-11", "nba/2026-03-11/same_day/phase4_to_phase5/1"
NOW = datetime(2026, 3, 11, 14, 0, tzinfo=UTC)


@pytest.fixture
def around(tmp_path: Path) -> Kept:
    return Kept(NOW, {DAY: 5}, tmp_path)


def reported(around: Kept, manner: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what is reported of one member that is worked on so."""
    web = create_app(around).test_client()
    assert web.post("/stand-in/manners", json={"ann": manner}).status_code == 200
    asked = {"player_lookup": "ann", "game_date": DAY, "batch_id": BATCH_ID}
    assert web.post("/", json=pushed(asked, {"request_id": f"{BATCH_ID}/ann"})).status_code == 204
    [request] = web.get("/stand-in/requests").json
    assert (request["member"], request["request_id"]) == ("ann", f"{BATCH_ID}/ann")
    assert {topic for topic, _ in around.sent} <= {READY}
    assert all((report["player_lookup"], report["batch_id"]) == ("ann", BATCH_ID) for _, report in around.sent)
    return [report for _, report in around.sent]


@pytest.mark.parametrize(
    ("manner", "outcomes", "seconds"),
    [
        pytest.param({"after": 60}, [None], 60, id="done"),
        pytest.param({"after": 1200}, [None], 1200, id="slow"),
        pytest.param({"after": 60, "copies": 3}, [None] * 3, 60, id="duplicate"),
        pytest.param({"after": 60, "copies": 0}, [], 60, id="silent"),
        pytest.param({"after": 60, "outcome": "failed"}, ["failed"], 60, id="failing"),
        pytest.param({"after": 60, "fails": 2}, ["failed", "failed", None], 180, id="failing, then done"),
        pytest.param({"after": 60, "outcome": "skipped", "reason": "injured"}, ["skipped"], 60, id="skipped"),
    ],
)
def test_a_worker_works_as_it_is_told(
    around: Kept, manner: dict[str, Any], outcomes: list[str | None], seconds: int
) -> None:
    """So often, so late, with that outcome: what is done counts its predictions, what failed says why."""
    reports = reported(around, manner)
    assert [report.get("outcome") for report in reports] == outcomes
    assert around.now() - NOW == timedelta(seconds=seconds)
    assert all(report["predictions_generated"] == 5 for report in reports if report.get("outcome") is None)
    assert all(report["error_message"] for report in reports if report.get("outcome") == "failed")
    assert all(report["reason"] == "injured" for report in reports if report.get("outcome") == "skipped")


def test_what_makes_no_sense_is_refused(around: Kept) -> None:
    """No message, a message without member or batch, a manner that there is not: 400, and nothing is reported."""
    web = create_app(around).test_client()
    assert web.post("/", json={}).status_code == 400
    assert web.post("/", json=pushed({"player_lookup": "ann"})).status_code == 400
    assert web.post("/stand-in/manners", json={"ann": {"speed": 3}}).status_code == 400
    assert around.sent == []


def test_a_batch_is_consolidated_once(around: Kept) -> None:
    """The second call says that there was nothing left to merge; another batch is merged again."""
    web = coordinator.create_app(around).test_client()
    body = {"game_date": DAY, "batch_id": BATCH_ID}
    merged = [web.post("/consolidate", json=body).json["rows_merged"] for _ in range(2)]
    merged.append(web.post("/consolidate", json={**body, "batch_id": "another"}).json["rows_merged"])
    assert merged == [150, 0, 150]
    assert web.post("/consolidate", json={"game_date": DAY}).status_code == 400


def test_a_batch_of_such_workers_is_closed_at_97_percent_by_idleness(tmp_path: Path) -> None:
    """As the demo plays it: slow, failing, silent and duplicate workers, one end that names the three who were missing,
    each asked three times under one id; who comes after it is noted, and nothing is published again."""
    played = whole_batch(tmp_path)
    kit = played.kit
    [end] = kit.ends()
    assert (end.body["status"], end.body["metadata"]["completion_pct"]) == ("partial", 97.0)
    assert tuple(end.body["missing"]) == SILENT
    closing = kit.batch().closing
    assert closing is not None
    assert (closing.cause, closing.done, closing.skipped, closing.failed) == (Cause.IDLE, 95, 2, 0)
    asked = played.requests()
    times = Counter(request["member"] for request in asked)
    assert {member for member, count in times.items() if count > 1} == set(SILENT)
    assert {times[member] for member in SILENT} == {3}
    assert len({request["request_id"] for request in asked}) == MEMBERS
    late = kit.store.inner.query("alerts", {"kind": "batch_late"})
    assert [LATE in alert.data["text"] for alert in late] == [True]
