"""`/health` and `/ready` through the function: what is dead is named and makes it red, the rest stays readable."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from shared import runtime
from shared.simulation.fakes.clock import Actor
from shared.simulation.scenario import FaultKind
from tests.health.scenario_states import LeftByDemo, ask
from tests.policy_files import NBA

FIVE = timedelta(seconds=5)
PARTS = ["state", "warehouse", "record", "bus", "webhooks", "alerts"]
EMBEDDED = {
    "ORCH_POLICY": str(NBA),
    "ORCH_STATE": "sqlite",
    "ORCH_BUS": "local",
    "ORCH_WAREHOUSE": "duckdb",
    "ANALYTICS_PROCESSOR_URL": "http://127.0.0.1:1",
    "PRECOMPUTE_PROCESSOR_URL": "http://127.0.0.1:1",
    "PREDICTION_COORDINATOR_URL": "http://127.0.0.1:1",
}
CALENDAR = "CREATE SCHEMA nba_raw; CREATE TABLE nba_raw.v_nbac_schedule_latest (game_date DATE, game_status_text TEXT)"


def statuses() -> dict[str, str]:
    return {dependency["name"]: dependency["status"] for dependency in ask("/ready").json["dependencies"]}


def test_health_answers_without_asking_anybody(morning: LeftByDemo) -> None:
    """Alive is alive, whatever is dead around it: name, pipeline and version."""
    for port in ("state", "warehouse", "slack", "bus"):
        morning.fail(port)
    answer = ask("/health")
    assert answer.status_code == 200
    assert answer.json == {
        "status": "healthy", "service": "health_check", "pipeline": "nba", "version": "simulation", "revision": "",
        "source_digest": "",
    }  # fmt: skip


def test_ready_names_every_dependency_with_its_latency(morning: LeftByDemo) -> None:
    """200, each part on its own line, in milliseconds."""
    answer = ask("/ready")
    assert (answer.status_code, answer.json["status"], answer.json["failed"]) == (200, "ready", [])
    assert [dependency["name"] for dependency in answer.json["dependencies"]] == PARTS
    assert all(dependency["latency_ms"] >= 0 for dependency in answer.json["dependencies"])


def test_a_silent_dependency_shows_how_long_it_was_waited_for(morning: LeftByDemo) -> None:
    """A timeout of five seconds is seen as five seconds."""
    morning.fail("warehouse", FaultKind.TIMEOUT)
    morning.world.clock.actor = Actor("health check", morning.world.clock.instant)
    dependencies = {dependency["name"]: dependency for dependency in ask("/ready").json["dependencies"]}
    assert (dependencies["warehouse"]["status"], dependencies["warehouse"]["latency_ms"]) == ("failed", 5000)
    assert dependencies["state"]["latency_ms"] == 0


@pytest.mark.parametrize(
    ("port", "red"),
    [("state", {"state", "alerts"}), ("warehouse", {"warehouse", "record"})],
    ids=["state", "warehouse"],
)
def test_a_dead_store_makes_ready_red_and_leaves_the_rest(morning: LeftByDemo, port: str, red: set[str]) -> None:
    """503 names the dead one; every other part still says that it is well; the report and the page are readable."""
    morning.fail(port)
    answer = ask("/ready")
    assert answer.status_code == 503
    assert {name for name, status in statuses().items() if status == "failed"} == red
    assert all("does not answer" in reason for reason in answer.json["failed"])
    report = ask("/report")
    assert report.status_code == 200
    assert report.json["could_not_read"]
    assert [service["verdict"] for service in report.json["services"]] == ["fit"] * 3
    assert (report.json["runs"] is None) == (port == "state")
    page = ask("/")
    assert page.status_code == (503 if port == "state" else 200)
    assert "Could not be read" in page.text
    assert "What it depends on" in page.text


@pytest.mark.parametrize("path", ["/ready", "/report?send=false", "/", "/?run=nba/2026-01-19/overnight"])
@pytest.mark.parametrize("ports", [("state",), ("warehouse",), ("state", "warehouse")], ids="+".join)
def test_what_hangs_is_waited_for_once(morning: LeftByDemo, ports: tuple[str, ...], path: str) -> None:
    """One timeout for each client that hangs, and not one for each question: the answer comes within its limit."""
    for port in ports:
        morning.fail(port, FaultKind.TIMEOUT)
    actor = Actor("health check", morning.world.clock.instant)
    morning.world.clock.actor = actor
    assert ask(path).status_code in (200, 503)
    clients = sum({"state": 1, "warehouse": 2}[port] for port in ports)  # the record is read by one of its own
    assert actor.waited <= clients * FIVE


def test_what_is_refused_quickly_is_asked_again(morning: LeftByDemo) -> None:
    """One question that fails at once says nothing of the next: each part of the report is tried."""
    morning.fail("warehouse")
    lines = ask("/report?send=false").json["could_not_read"]
    assert len([line for line in lines if "warehouse does not answer" in line]) >= 3


def test_answers_are_recalled_for_thirty_seconds(morning: LeftByDemo) -> None:
    """A monitor that asks every second costs two rounds a minute, for good news and for bad."""
    assert ask("/ready").status_code == 200
    morning.fail("state")
    morning.wait(29)
    assert ask("/ready").status_code == 200
    morning.wait(1)
    assert ask("/ready").status_code == 503
    morning.restore()
    morning.wait(29)
    assert ask("/ready").status_code == 503
    morning.wait(1)
    assert ask("/ready").status_code == 200


def test_an_alert_that_a_channel_refused_makes_ready_red_until_it_is_sent(morning: LeftByDemo) -> None:
    """Nobody has read it (behaviour A3); once a later sweep sends it, the light is green again."""
    morning.fail("slack", FaultKind.REJECTS)
    assert ask("/report", "POST").json["sent"].startswith("not sent: 400")
    answer = ask("/ready")
    assert answer.status_code == 503
    assert [name for name, status in statuses().items() if status == "failed"] == ["alerts"]
    assert "400 invalid_payload" in answer.json["failed"][0]


@pytest.fixture
def embedded(tmp_path: Path) -> dict[str, str]:
    """The embedded stores as the environment names them, with a calendar and without any alert webhook."""
    connection = duckdb.connect(tmp_path / "warehouse.duckdb")
    connection.execute(CALENDAR)
    connection.close()
    return {**EMBEDDED, "ORCH_HOME": str(tmp_path)}


def test_a_missing_webhook_makes_ready_red_and_leaves_the_rest(embedded: dict[str, str]) -> None:
    """The severities without a channel are named, with the secret that is absent; all else is well and readable."""
    with runtime.override_context(runtime.from_environment(embedded)):
        answer = ask("/ready")
        report = ask("/report", "POST")
        page = ask("/")
    assert answer.status_code == 503
    [failed] = answer.json["failed"]
    assert failed.startswith("webhooks: missing: ")
    for name in ("info (slack-webhook-url)", "warning (slack-webhook-warning)", "critical (slack-webhook-error)"):
        assert name in failed
    assert report.status_code == 200
    assert report.json["sent"].startswith("not sent: no webhook")
    assert report.json["runs"]
    assert page.status_code == 200
    assert "Not ready" in page.text


def test_webhooks_that_are_there_are_no_complaint(embedded: dict[str, str]) -> None:
    """Present is enough: whether Slack takes them is seen when something is sent."""
    names = ("SLACK_WEBHOOK_URL", "SLACK_WEBHOOK_WARNING", "SLACK_WEBHOOK_ERROR")
    with runtime.override_context(runtime.from_environment(embedded | dict.fromkeys(names, "http://127.0.0.1:1/hook"))):
        assert ask("/ready").status_code == 200


def test_a_service_without_an_address_is_named(embedded: dict[str, str]) -> None:
    """What is called to start a phase needs its URL: the variable that is not set is named."""
    del embedded["PREDICTION_COORDINATOR_URL"]
    with runtime.override_context(runtime.from_environment(embedded | {"ORCH_ALERTS": "console"})):
        answer = ask("/ready")
    assert answer.status_code == 503
    assert answer.json["failed"] == ["bus: no URL of prediction_coordinator: set PREDICTION_COORDINATOR_URL"]


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/healthz", "GET", 404), ("/ready", "POST", 405), ("/", "DELETE", 405), ("/report", "PUT", 405)],
)
def test_what_is_not_there_is_said(morning: LeftByDemo, path: str, method: str, status: int) -> None:
    """An unknown path or method is answered with what there is instead."""
    answer = ask(path, method)
    assert answer.status_code == status
    assert answer.json["error"]
    assert answer.json["hint"]


def test_nothing_is_cached_on_the_way_and_no_script_may_run(morning: LeftByDemo) -> None:
    """What is shown is of this moment, and the page loads and runs nothing."""
    for path in ("/", "/health", "/ready"):
        headers = ask(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
