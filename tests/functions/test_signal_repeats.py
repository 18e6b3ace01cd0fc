"""Signals delivered again, out of order, and of events that happened again: one trigger, whatever comes (R13, R5)."""

from __future__ import annotations

import base64
import json
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared import runtime
from shared.adapters.config.policy_file import load_policy
from shared.app.quarantine.rows import listed
from shared.app.state.reports import store_report
from shared.app.state.repository import load_run
from shared.app.transitions import keeping
from shared.core.errors import Unavailable
from shared.core.model import Outcome, RunKey
from tests.app.handlers_kit import HandlersKit
from tests.core import signal_samples as samples
from tests.core.test_foreign_formats import s3
from tests.functions.entry import client

MINIMAL = Path(__file__).parents[1] / "pipelines" / "minimal.yaml"
TOPIC = "weather-signals"
POLICY = load_policy(
    MINIMAL,
    {
        "phases": {"collect": {"processors": {"radar": {"table": "weather.radar"}}}},
        "signals": {
            "files": {"source": "storage", "topic": TOPIC, "phase": "collect", "object": "**/{date}_*",
                      "processor": "stations"},
            "tables": {"source": "bigquery_job", "topic": TOPIC, "phase": "collect", "date": "@attributes.day"},
        },
    },
)  # fmt: skip
KEY = RunKey("weather", date(2026, 3, 9), "daily")
Event = tuple[Any, dict[str, str]]


def file(generation: int) -> Event:
    """Return the recorded notification of an object, of this generation: later ones were finalised later."""
    attributes = {**samples.STORAGE_DATED, "objectId": "water/2026-03-09_lot", "objectGeneration": str(generation)}
    return None, {**attributes, "eventTime": f"2026-03-10T05:0{generation}:00.027455Z"}


def job(number: int, ended: int, error: str = "") -> Event:
    """Return the recorded log entry of a job that wrote the table of radar; tried again, it has its id once more."""
    entry = deepcopy(samples.BIGQUERY_CHANGED)
    entry["protoPayload"]["resourceName"] = f"projects/p/jobs/scheduled_{number}"
    change = entry["protoPayload"]["metadata"]["jobChange"]["job"]
    change["jobConfig"]["queryConfig"]["destinationTable"] = "projects/p/datasets/weather/tables/radar"
    change["jobStats"]["endTime"] = f"2026-03-10T05:{ended:02}:00Z"
    if error:
        change["jobStatus"]["errorResult"] = {"code": 11, "message": error}
    return entry, {"day": "2026-03-09"}


# An object that is written three times; a job that failed, the same one again with success, and another one after it.
EVENTS = [file(1), file(2), file(3), job(1, 10, "rate limits"), job(1, 20), job(2, 30)]


def push(body: Any, attributes: dict[str, str], message_id: str) -> int:
    data = b"" if body is None else json.dumps(body).encode()
    message = {
        "data": base64.b64encode(data).decode(), "messageId": message_id, "publishTime": "2026-03-10T05:40:00Z",
        "attributes": attributes,
    }  # fmt: skip
    sent = json.dumps({"message": message, "subscription": "s"})
    path = f"/projects/demo-p/topics/{TOPIC}"
    return client("transition").post(path, data=sent, content_type="application/json").status_code


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.permutations(range(len(EVENTS))), st.lists(st.integers(0, len(EVENTS) - 1), max_size=6))
@example([5, 2, 3, 4, 0, 1], [3, 3, 0])
def test_duplicates_and_overwrites_do_no_harm(order: list[int], again: list[int]) -> None:
    """Every event in any order, some of them delivered again under other message ids: each counts once, the latest of
    each processor is what stands, and the next phase is triggered once."""
    kit = HandlersKit(policy=POLICY)
    with runtime.override_context(kit.ctx):
        for number, event in enumerate([*order, *again]):
            assert push(*EVENTS[event], f"m{number}") == 200
    completions = load_run(kit.store.inner, KEY).completions["collect"]
    latest = {name: completion.latest for name, completion in completions.items()}
    assert {name: report and report.outcome for name, report in latest.items()} == {
        "stations": Outcome.SUCCESS, "radar": Outcome.SUCCESS,
    }  # fmt: skip
    minutes = {name: report.occurred_at.minute for name, report in latest.items() if report is not None}
    assert minutes == {"stations": 3, "radar": 30}
    assert {name: len(completion.message_ids) for name, completion in completions.items()} == {
        "stations": 3, "radar": 3,
    }  # fmt: skip
    triggers = [sent.body["trigger_id"] for sent in kit.published if sent.topic == "weather-forecast-trigger"]
    assert triggers == ["weather/2026-03-09/daily/collect_to_forecast/1"]


DROP = {
    "source": "json", "topic": TOPIC, "phase": "collect", "when": {"Records[0].eventName": "ObjectCreated:*"},
    "match": {"Records[0].s3.object.key|url": "odds/dt={date}/{file}"}, "processor": "stations", "date": "{date}",
    "status": "success",
}  # fmt: skip
TWO = s3("odds/dt=2026-03-08/a", "odds/dt=2026-03-09/b")


def of(day: int) -> RunKey:
    return RunKey("weather", date(2026, 3, day), "daily")


def kit_of(rule: dict[str, Any], kit: HandlersKit | None = None) -> HandlersKit:
    policy = load_policy(MINIMAL, {"signals": {"drop": rule}})
    return HandlersKit(policy=policy) if kit is None else HandlersKit(policy=policy, store=kit.store)


def reports(kit: HandlersKit, day: int) -> int:
    completion = load_run(kit.store.inner, of(day)).completions.get("collect", {}).get("stations")
    return 0 if completion is None else len(completion.message_ids)


def test_each_record_of_a_message_is_recorded_once() -> None:
    """Through the deployed function: two dates in one message, delivered twice, are one report of each."""
    kit = kit_of({**DROP, "each": "Records[*]"})
    with runtime.override_context(kit.ctx):
        push(TWO, {}, "m1")
        push(TWO, {}, "m2")
    assert (reports(kit, 8), reports(kit, 9), listed(kit.ctx, None)) == (1, 1, [])


def test_one_record_that_cannot_be_read_keeps_no_other_back() -> None:
    """It is quarantined by itself, under an id that says which one it was; replayed, it alone is read."""
    kit = kit_of({**DROP, "each": "Records[*]"})
    with runtime.override_context(kit.ctx):
        push(s3("odds/dt=2026-02-30/a", "odds/dt=2026-03-09/b"), {}, "m1")
        [kept] = listed(kit.ctx, None)
        assert (reports(kit, 9), kept.message_id) == (1, "m1#0")
    corrected = kit_of({**DROP, "each": "Records[*]", "date": "Records[0].eventTime"}, kit)
    status, output = corrected.orch("quarantine", "replay", "m1#0", "--reason", "policy corrected")
    assert (status, "weather/2026-03-10" in output) == (0, True), output


def test_one_record_that_cannot_be_stored_keeps_no_other_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message is delivered again, and what was stored of it then counts once."""
    kit = kit_of({**DROP, "each": "Records[*]"})
    away = {of(8)}

    def store(*given: Any) -> Any:
        if given[2] in away:
            raise Unavailable("state", "no answer")
        return store_report(*given)

    monkeypatch.setattr(keeping, "store_report", store)
    with runtime.override_context(kit.ctx):
        assert push(TWO, {}, "m1") == 500
        assert (reports(kit, 8), reports(kit, 9)) == (0, 1)
        away.clear()
        assert push(TWO, {}, "m1") == 200
    assert (reports(kit, 8), reports(kit, 9)) == (1, 1)


def test_a_message_of_several_is_kept_until_the_policy_reads_each() -> None:
    """Without `each` nothing of it is counted; with it, a replay brings all of it back."""
    kit = kit_of(DROP)
    with runtime.override_context(kit.ctx):
        push(TWO, {}, "m1")
    assert (reports(kit, 8), reports(kit, 9)) == (0, 0)
    assert "Records holds 2 items" in listed(kit.ctx, None)[0].reason
    corrected = kit_of({**DROP, "each": "Records[*]"}, kit)
    status, output = corrected.orch("quarantine", "replay", "m1", "--reason", "policy corrected")
    assert (status, reports(corrected, 8), reports(corrected, 9)) == (0, 1, 1), output
