"""The health check in a process of its own, served by functions-framework, with a part of its world really gone:
no server on the other end, no secret in the environment."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from shared.adapters.local.sqlite import SqliteStore
from shared.simulation.demo.servers import served
from shared.simulation.parse import read_scenario
from shared.simulation.product import DeployedProduct
from shared.simulation.runner import Runner
from tests.functions.entry import ROOT
from tests.health.scenario_states import SCENARIOS
from tests.health.test_ready import CALENDAR, EMBEDDED, PARTS
from tests.local_server import closed_port
from tests.policy_files import NBA

pytestmark = pytest.mark.slow
MORNING = "2026-01-20T14:30:00+00:00"
# Longer than any answer may take: a part that is away is given up before the platform gives up the function.
PATIENCE = 60
RUN = "nba/2026-01-19/overnight"
TABLES = {"game_coverage", "minutes_coverage", "feature_store_coverage"}


@dataclass(frozen=True)
class Gone:
    """What is gone, which parts of `/ready` are red for it, and what the report names as not read."""

    variables: dict[str, str]
    red: set[str]
    unread: set[str]


def gone(name: str) -> Gone:
    nobody = f"127.0.0.1:{closed_port()}"
    project = {"GOOGLE_CLOUD_PROJECT": "demo-gone"}
    return {
        "nothing": Gone({}, set(), set()),
        "webhook": Gone({"ORCH_ALERTS": "slack"}, {"webhooks"}, set()),
        "one webhook": Gone(
            {"ORCH_ALERTS": "slack", "SLACK_WEBHOOK_URL": "http://127.0.0.1:1/", "SLACK_WEBHOOK_WARNING": "x"},
            {"webhooks"},
            set(),
        ),
        "BigQuery": Gone(
            {**project, "ORCH_WAREHOUSE": "bigquery", "BIGQUERY_EMULATOR_HOST": f"http://{nobody}"},
            {"warehouse", "record"},
            {"games", "game_coverage", "minutes_coverage", "validation", "objectives"},
        ),
        "Firestore": Gone(
            {**project, "ORCH_STATE": "firestore", "FIRESTORE_EMULATOR_HOST": nobody},
            {"state", "alerts"},
            {"runs", "open alerts", "quarantine", "pauses", "objectives"},
        ),
    }[name]


@contextmanager
def serving(left_folder: Path, variables: dict[str, str]) -> Iterator[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORCH_", "SLACK_", "GOOGLE_"))}
    ours = {
        **EMBEDDED,
        "ORCH_POLICY": str(NBA),
        "ORCH_ALERTS": "console",
        "ORCH_HOME": str(left_folder),
        "NO_PROXY": "127.0.0.1",
    }
    ours["ORCH_CLOCK"] = f"{MORNING}|{time.time()}|1"  # it runs: what hangs is noticed by it
    with served(["health_check"], {**kept, **ours, "PYTHONPATH": str(ROOT), **variables}, left_folder) as servers:
        yield servers["health_check"].url


@pytest.fixture
def left_folder(tmp_path: Path) -> Path:
    """The night whose fourth phase went by its second tier, in the embedded stores."""
    store = SqliteStore(tmp_path / "state.db")
    try:
        Runner(read_scenario(SCENARIOS / "incidents" / "B8_tier_two_by_the_clock.yaml"), DeployedProduct(), store).run()
    finally:
        store.close()
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute(CALENDAR)
        connection.execute("INSERT INTO nba_raw.v_nbac_schedule_latest SELECT DATE '2026-01-19', 'Final' FROM range(9)")
    return tmp_path


@pytest.mark.parametrize(
    "what",
    [
        "nothing",
        "Firestore",
        *(pytest.param(what, marks=pytest.mark.nightly) for what in ("webhook", "one webhook", "BigQuery")),
    ],
)
def test_what_is_gone_is_red_and_the_rest_is_readable(left_folder: Path, what: str) -> None:
    """`/ready` names it and nothing else; `/health` is alive; report and page say what they could not read, and
    the rest of both is there."""
    away = gone(what)
    with serving(left_folder, away.variables) as url:
        health = requests.get(f"{url}/health", timeout=PATIENCE)
        ready = requests.get(f"{url}/ready", timeout=PATIENCE)
        report = requests.get(f"{url}/report?send=false", timeout=PATIENCE)
        page = requests.get(f"{url}/", timeout=PATIENCE)
        run = requests.get(f"{url}/?run={RUN}", timeout=PATIENCE)
    assert health.status_code == 200
    assert ready.status_code == (503 if away.red else 200)
    parts = {dependency["name"]: dependency for dependency in ready.json()["dependencies"]}
    assert list(parts) == PARTS
    assert {name for name, part in parts.items() if part["status"] != "ok"} == away.red
    assert all(part["detail"] for part in parts.values())
    summary = report_body(report)
    sources = {line.partition(":")[0] for line in summary["could_not_read"]}
    assert away.unread <= sources
    # An embedded warehouse has no tables for these, and nobody here knows what is deployed.
    elsewhere = {"schedules", "subscriptions", "backlog of subscriptions", "drift", "validation", *TABLES}
    assert sources - away.unread <= elsewhere
    if what == "Firestore":
        assert summary["runs"] is None
        assert {entry["date"]: entry["total"] for entry in summary["games"]}["2026-01-19"] == 9
        assert page.status_code == run.status_code == 503
    else:
        assert "phase4_to_phase5: confirmed 08:02 (tier 2" in summary["text"]
        assert page.status_code == run.status_code == 200
        assert "Timeline of nba/2026-01-19/overnight" in run.text
    assert "What it depends on" in page.text
    for name in away.red:
        assert f"{name}: " in page.text
    for part in away.unread & {"runs", "open alerts", "quarantine"}:
        assert part in page.text
    assert ("Not ready" in page.text) == bool(away.red)


def report_body(answer: requests.Response) -> dict[str, Any]:
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    for what in body["could_not_read"]:
        assert f"Could not be read: {what}" in body["text"]
    return body
