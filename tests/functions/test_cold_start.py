"""A cold start pays only for what its first completion uses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from secrets import token_hex

import pytest

from tests.functions.entry import FUNCTIONS, ROOT, TRANSITIONS

UNUSED = (
    "google.cloud.bigquery",
    "google.cloud.pubsub",
    "google.cloud.pubsub_v1",
    "google.cloud.secretmanager",
    "google.cloud.secretmanager_v1",
    "duckdb",
    "sqlglot",
    "requests",
    "slack_sdk",
    "tenacity",
    "typer",
    "rich",
    "hypothesis",
    "shared.app.quarantine.keep",
    "shared.app.sweep.sweep",
    "shared.app.sweep.repair",
    "shared.core.learning.anomaly",
    "shared.core.reporting.inventory",
    "shared.core.workflows.model",
    "shared.simulation",
    "pytest",
)
WAITING = {
    "phase2_to_phase3": ("nba-phase2-raw-complete", "p2_odds_player_props"),
    "phase3_to_phase4": ("nba-phase3-analytics-complete", "team_offense_game_summary"),
    "phase4_to_phase5": ("nba-phase4-precompute-complete", "player_daily_cache"),
}

# Serves a function in this process, sends the first completion, and says what has been imported by then.
FIRST_COMPLETION = """
import base64, json, sys
import functions_framework
client = functions_framework.create_app("main", sys.argv[1]).test_client()
topic, processor = sys.argv[2:]
body = {"processor_name": processor, "game_date": "2026-01-21", "status": "success", "mode": "overnight",
        "record_count": 500}
message = {"data": base64.b64encode(json.dumps(body).encode()).decode(), "messageId": "1"}
headers = {"ce-id": "1", "ce-specversion": "1.0", "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
           "ce-source": f"//pubsub.googleapis.com/projects/demo/topics/{topic}"}
answer = client.post("/", json={"message": message}, headers=headers)
print(json.dumps([answer.status_code, sorted(sys.modules)]))
"""


def first_completion(function: str, variables: dict[str, str]) -> tuple[list[dict[str, str]], set[str]]:
    """Return the log and the modules after a function's first completion, which waits for the others."""
    command = [sys.executable, "-c", FIRST_COMPLETION, str(FUNCTIONS / function / "main.py"), *WAITING[function]]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **variables}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    *log, last = answer.stdout.splitlines()
    status, modules = json.loads(last)
    assert status == 200, answer.stdout + answer.stderr
    return [json.loads(line) for line in log], set(modules)


def libraries_alone() -> set[str]:
    """Return what the server and Firestore's library import by themselves, `requests` among them."""
    code = "import sys, functions_framework, google.cloud.firestore; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def imported(modules: set[str], names: tuple[str, ...]) -> list[str]:
    return sorted(m for m in modules if any(m == name or m.startswith(f"{name}.") for name in names))


def test_every_function_with_company_is_asked() -> None:
    """The last transition's only processor completes at once and never waits; all others are here."""
    assert {*WAITING, "phase5_to_phase6"} == set(TRANSITIONS)


@pytest.mark.xdist_group("firestore")
@pytest.mark.parametrize("function", WAITING)
def test_a_first_wait_on_firestore_imports_firestore_only(function: str, firestore_host: str) -> None:
    """With every variable as in production, a completion that only waits loads one of Google's clients, and no more."""
    variables = {"GOOGLE_CLOUD_PROJECT": f"demo-cold-{token_hex(4)}", "FIRESTORE_EMULATOR_HOST": firestore_host}
    log, modules = first_completion(function, variables)
    assert [line["message"] for line in log] == ["run.opened", "completion.recorded"]
    assert "google.cloud.firestore" in modules
    assert imported(modules, tuple(name for name in UNUSED if name != "requests")) == []
    assert imported(modules - libraries_alone(), UNUSED) == []


@pytest.mark.parametrize("function", WAITING)
def test_a_first_wait_on_sqlite_imports_nothing_of_google(function: str, tmp_path: Path) -> None:
    """The embedded store costs none of Google's clients."""
    log, modules = first_completion(function, {"ORCH_STATE": "sqlite", "ORCH_HOME": str(tmp_path)})
    assert [line["message"] for line in log] == ["run.opened", "completion.recorded"]
    assert imported(modules, (*UNUSED, "google.cloud.firestore", "google.api_core", "google.auth", "grpc")) == []
