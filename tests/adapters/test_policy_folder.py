"""Policies of one folder are checked together: what is right in each may be wrong between them (behaviour R1, D4)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.adapters.config.policy_folder import load_policies
from shared.core.errors import PolicyError
from tests.app.handlers_kit import HandlersKit
from tests.policy_files import edit

PIPELINES = Path(__file__).parents[1] / "pipelines"
MINIMAL: dict[str, Any] = yaml.safe_load((PIPELINES / "minimal.yaml").read_text(encoding="utf-8"))
AFTER = "transitions/collect_to_forecast/expects/daily/after_run"


def second(**changes: Any) -> dict[str, Any]:
    """Return another pipeline that is in order beside the minimal one, with these changes."""
    text = json.dumps(MINIMAL).replace("weather", "sales")
    return edit(json.loads(text), {key.replace("__", "/"): value for key, value in changes.items()})


def folder(tmp_path: Path, *policies: dict[str, Any]) -> Path:
    for number, policy in enumerate(policies):
        (tmp_path / f"p{number}.yaml").write_text(json.dumps(policy), encoding="utf-8")
    return tmp_path


def error_of(path: Path) -> PolicyError | None:
    try:
        load_policies(path)
    except PolicyError as error:
        return error
    return None


def waits(**changes: Any) -> dict[str, Any]:
    after = {"pipeline": "weather", "mode": "daily", "transition": "collect_to_forecast", **changes}
    return edit(second(), {AFTER: after})


def calling(pipeline: str, service: str) -> dict[str, Any]:
    """Return a pipeline that starts its second phase by a call of this service, whose address is in TILL_URL."""
    call = {"steps": [{"http": {"service": "till", "path": "/start", "timeout": "20s"}}], "role": "trigger"}
    till = {"url_env": "TILL_URL", "cloud_run": service, "ready_path": "/ready", "identity": service}
    text = json.dumps(MINIMAL).replace("weather", pipeline)
    return edit(json.loads(text), {"services": {"till": till}, "transitions/collect_to_forecast/dispatch": call})


def with_batch(policy: dict[str, Any], reports: str) -> dict[str, Any]:
    """Return a pipeline whose second phase is a batch with reports on this topic."""
    batch = {
        "phase": "forecast",
        "reports_as": next(iter(policy["phases"]["forecast"]["processors"])),
        "members": {"message": "stations", "key": "station"},
        "request": {"topic": f"{policy['pipeline']}-station-request", "body": {"station": "{station}"}},
        "reports": {"topic": reports, "key": "station", "batch": "batch_id"},
        "close": {"complete": True, "deadline": {"after": "30m", "then": "publish_partial"}},
        "publish": {"topic": policy["phases"]["forecast"]["completions_topic"]},
    }
    return edit(json.loads(json.dumps(policy)), {"batches": {"stations": batch}})


def called(policy: dict[str, Any]) -> dict[str, Any]:
    """Return a pipeline with a signal that comes by `POST /signals/sync`."""
    rule = {"source": "json", "topic": f"{policy['pipeline']}-signals", "phase": "collect", "processor": "stations",
            "webhook": {"secret": "sync-secret"}, "date": "day", "status": "success"}  # fmt: skip
    return edit(json.loads(json.dumps(policy)), {"signals": {"sync": rule}})


WRONG: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "one name twice": ([MINIMAL, edit(second(), {"pipeline": "weather"})], "pipeline", "p0.yaml is weather already"),
    "one topic twice": (
        [MINIMAL, edit(second(), {"phases/collect/completions_topic": "weather-collect-complete"})],
        "phases.collect.completions_topic",
        "collect of weather reports on it already",
    ),
    "one address twice": (
        [calling("weather", "till-of-weather"), calling("sales", "till-of-sales")],
        "services.till.url_env",
        "TILL_URL is the address of till-of-weather in weather already",
    ),
    "one call twice": (
        [called(MINIMAL), called(second())],
        "signals.sync",
        "weather has a signal that comes by POST /signals/sync already",
    ),
    "reports of a batch where another reports": (
        [MINIMAL, with_batch(second(), "weather-collect-complete")],
        "batches.stations.reports.topic",
        "collect of weather reports on it already",
    ),
    "reports of two batches": (
        [with_batch(MINIMAL, "station-ready"), with_batch(second(), "station-ready")],
        "batches.stations.reports.topic",
        "stations of weather reports on it already",
    ),
    "a trigger into another's completions": (
        [edit(second(), {"transitions/collect_to_forecast/dispatch/topic": "weather-collect-complete"}), MINIMAL],
        "transitions.collect_to_forecast.dispatch",
        "weather-collect-complete is the completions topic of collect of weather",
    ),
    "a pipeline that is not there": (
        [MINIMAL, waits(pipeline="wether")],
        "transitions.collect_to_forecast.expects.daily.after_run.pipeline",
        "there is no pipeline wether",
    ),
    "a mode that it has not": (
        [MINIMAL, waits(mode="hourly")],
        "transitions.collect_to_forecast.expects.daily.after_run.mode",
        "there is no mode hourly in weather",
    ),
    "two that wait for each other": (
        [edit(json.loads(json.dumps(MINIMAL)), {AFTER: {"pipeline": "sales", "mode": "daily"}}), waits()],
        "transitions.collect_to_forecast.expects.daily.after_run",
        "the run would wait for itself",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_between_policies_is_refused(name: str, tmp_path: Path) -> None:
    """Each with the file in which it is corrected, the key, its line and a hint."""
    policies, key, reason = WRONG[name]
    error = error_of(folder(tmp_path, *policies))
    assert error is not None
    assert error.key == key
    assert reason in error.reason
    assert "(line 1)" in error.reason
    assert error.hint
    assert "/p" in error.path


def test_policies_that_are_in_order_together(tmp_path: Path) -> None:
    """One that waits for another's run, in the order of their files; what is no policy is left alone."""
    path = folder(tmp_path, MINIMAL, waits())
    (path / "validation.yaml").write_text("pipeline: weather\nchecks: {}\n", encoding="utf-8")
    assert [policy.pipeline for policy in load_policies(path)] == ["weather", "sales"]


def test_pipelines_may_call_one_service(tmp_path: Path) -> None:
    """Under one variable, as long as it is one service."""
    path = folder(tmp_path, calling("weather", "till"), calling("sales", "till"))
    assert [policy.pipeline for policy in load_policies(path)] == ["weather", "sales"]


def test_a_folder_without_a_policy_and_one_with_a_broken_file(tmp_path: Path) -> None:
    """A folder without a policy is said so; a file that is no YAML, or no policy, by its own fault."""
    error = error_of(tmp_path)
    assert error is not None
    assert "holds no policy" in error.reason
    (tmp_path / "broken.yaml").write_text("phases: [", encoding="utf-8")
    error = error_of(tmp_path)
    assert error is not None
    assert "is not YAML" in error.reason
    assert error.path.endswith("broken.yaml")


def test_orch_check_takes_a_folder(tmp_path: Path) -> None:
    """A line for each pipeline, or a list with --json; 2 and the fault where something is wrong between them."""
    kit = HandlersKit()
    path = folder(tmp_path, MINIMAL, waits())
    status, printed = kit.orch("check", str(path))
    assert status == 0, printed
    assert "weather is in order" in printed
    assert "sales is in order" in printed
    status, printed = kit.orch("check", str(path), "--json")
    assert [item["pipeline"] for item in json.loads(printed[printed.index("{") :])["items"]] == ["weather", "sales"]
    status, printed = kit.orch("check", str(folder(tmp_path, MINIMAL, waits(mode="x"))))
    assert status == 2
    assert "there is no mode x in weather" in printed
