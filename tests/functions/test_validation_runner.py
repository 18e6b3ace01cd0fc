"""The validation runner as the platform serves it: six schedules, an answer for every query, errors that are said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shared.adapters.local.memory import MemoryStore
from tests.functions.entry import FUNCTIONS, client
from tests.functions.worlds import functions_kit
from tests.validation.fixtures import VALIDATION


def get(query: str) -> TestResponse:
    return client("validation_runner").get(f"/?{query}")


def test_findings_are_json() -> None:
    """200 with every check of the schedule: those that ask the state, the tables and the record."""
    with functions_kit(MemoryStore()):
        answer = get("schedule=midday&date=2026-01-22")
    body = json.loads(answer.data)
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert (body["schedule"], body["date"], body["working_day"]) == ("midday", "2026-01-22", "2026-01-22")
    results = {result["check"]: result for result in body["results"]}
    assert results["freshness"]["status"] == "WARN"
    assert "newest partition older than 14 days" in results["freshness"]["message"]
    assert results["sweep_alive"]["status"] == "FAIL"
    assert results["alert_delivery"]["status"] == "PASS"
    assert results["schedule_inventory"]["status"] == "ERROR"  # here nobody knows what is deployed
    assert [what.partition(":")[0] for what in body["could_not_read"]] == ["the inventory is not readable here"]
    assert sum(body["counts"].values()) == len(results)


@pytest.mark.parametrize("schedule", list(VALIDATION.schedules))
def test_every_schedule_answers(schedule: str) -> None:
    """Each of the six, for its own date, answers 200 with its checks."""
    with functions_kit(MemoryStore()):
        answer = get(f"schedule={schedule}")
    body = json.loads(answer.data)
    assert answer.status_code == 200
    assert [result["check"] for result in body["results"]] == [check.name for check in VALIDATION.of(schedule)]


@pytest.mark.parametrize(
    ("word", "day"),
    [("today", "2026-01-22"), ("yesterday", "2026-01-21"), ("tomorrow", "2026-01-23"), ("2026-01-02", "2026-01-02")],
)
def test_a_date_is_a_word_or_a_date(word: str, day: str) -> None:
    """By the pipeline's own clock."""
    with functions_kit(MemoryStore()):
        answer = get(f"schedule=pre_game_prep&date={word}")
    assert (answer.status_code, json.loads(answer.data)["date"]) == (200, day)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "schedule=noon",
        "schedule=midday&date=2026-2-3",
        "schedule=midday&date=None",
        "schedule=midday&date=",
        "schedule=midday&day=2026-01-21",
        "schedule=midday&date=2026-01-21&date=2026-01-22",
        "schedule=midday&dry_run=true",
        "Schedule=midday",
    ],
)
def test_what_cannot_be_understood_is_400(query: str) -> None:
    """With a message and a hint; nothing is run or recorded."""
    with functions_kit(MemoryStore()) as world:
        answer = get(query)
        assert world.world.audit.tables == {}
    body = json.loads(answer.data)
    assert answer.status_code == 400
    assert body["error"]
    assert body["hint"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/?schedule=midday", b'{"date": "2026-01-21"}', 400),
        ("/", b'{"schedule": "midday"}', 400),
        ("/midday", b"", 404),
    ],
)
def test_what_stands_in_the_wrong_place_is_refused(path: str, body: bytes, status: int) -> None:
    """A body or a path is not read: nothing is run for another date than the caller meant."""
    with functions_kit(MemoryStore()) as world:
        answer = client("validation_runner").post(path, data=body)
        assert world.world.audit.tables == {}
    assert (answer.status_code, bool(json.loads(answer.data)["hint"])) == (status, True)


def test_an_empty_object_is_no_body() -> None:
    """Cloud Scheduler sends one where a schedule is told to."""
    with functions_kit(MemoryStore()):
        assert client("validation_runner").post("/?schedule=midday", data=b"{}").status_code == 200


@pytest.mark.parametrize("port", ["warehouse", "state", "slack"])
def test_a_port_that_is_down_is_no_500(port: str) -> None:
    """The findings come all the same, and say what could not be read or told."""
    with functions_kit(MemoryStore()) as world:
        world.fail(port)
        answer = get("schedule=midday&date=today")
    body: dict[str, Any] = json.loads(answer.data)
    assert answer.status_code == 200
    assert body["status"] != "ok"
    if port != "slack":
        assert {result["status"] for result in body["results"]} >= {"ERROR"}
        assert body["could_not_read"]


def test_a_file_of_checks_that_is_wrong_is_500(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing could be run: the caller sees a failure, and people hear of it with the reason."""
    monkeypatch.setenv("ORCH_VALIDATION", "/nowhere/validation.yaml")
    with functions_kit(MemoryStore()) as world:
        assert get("schedule=midday&date=today").status_code == 500
        assert ["/nowhere/validation.yaml" in notice.text for notice in world.world.history.notices] == [True]


def test_the_function_is_a_few_lines() -> None:
    """Everything else is in its entry point and below."""
    assert len((FUNCTIONS / "validation_runner" / "main.py").read_text().splitlines()) < 20
