"""/health of every function, and a message without data, as the framework's own app serves them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared import runtime
from shared.adapters.local.sqlite import SqliteStore
from tests.functions.entry import FUNCTIONS, TOPICS, TRANSITIONS, client
from tests.functions.worlds import FunctionsKit, functions_kit

NAMES = sorted(path.parent.name for path in FUNCTIONS.glob("*/main.py"))
BARE = {"messageId": "m1", "publishTime": "2026-01-22T11:00:00Z", "attributes": {"ping": "yes"}}
Said = list[tuple[str, dict[str, object]]]


@contextmanager
def overheard() -> Iterator[tuple[FunctionsKit, Said]]:
    """Yield a kit, and what its functions log."""
    entries: Said = []

    def log(event: str, /, severity: str = "INFO", **keys: object) -> None:
        entries.append((event, keys))

    with functions_kit(SqliteStore(":memory:")) as opened, runtime.override_context(replace(opened.context, log=log)):
        yield opened, entries


def push(function: str, body: Any) -> int:
    """Send what Pub/Sub pushes, as it leaves Pub/Sub; return the status."""
    path = f"/projects/demo-p/topics/{TOPICS[function]}"
    return client(function).post(path, data=body if isinstance(body, bytes) else json.dumps(body),
                                 content_type="application/json").status_code  # fmt: skip


@pytest.mark.parametrize("function", NAMES)
def test_every_function_says_what_it_runs(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """GET /health: name, commit, digest and revision, whatever is dead around it; nothing is swept or judged."""
    monkeypatch.setenv("SOURCE_DIGEST", "d" * 40)
    monkeypatch.setenv("K_REVISION", "nba-00007")
    with overheard() as (opened, entries):
        opened.fail("state")
        answer = client(function).get("/health")
        assert (answer.status_code, answer.content_type) == (200, "application/json")
        assert answer.json == {
            "status": "healthy", "service": function, "pipeline": "nba", "version": "simulation",
            "source_digest": "d" * 40, "revision": "nba-00007",
        }  # fmt: skip
        assert entries == []


@pytest.mark.parametrize("function", TRANSITIONS)
@pytest.mark.parametrize(
    "body",
    [{"message": BARE, "subscription": "s"}, {"message": BARE}, {"message": {}, "subscription": "s"}, b""],
    ids=["attributes only", "no subscription", "nothing in it", "no body"],
)
def test_a_message_without_data_is_acknowledged_and_counted(function: str, body: Any) -> None:
    """Pub/Sub leaves empty data out of a push: it is a probe (behaviour R1), not a 400 that comes again."""
    with overheard() as (opened, entries):
        assert push(function, body) == 200
        phase = opened.context.policy.topics[TOPICS[function]]
        assert [(event, keys["phase"]) for event, keys in entries] == [("completion.probe", phase)]
        assert opened.store.paths == []


@pytest.mark.parametrize(
    ("name", "events"),
    [("OddsApiGameLinesProcessor", ["completion.recorded"]), ("Stranger", ["completion.quarantined"])],
)
def test_a_push_whose_attributes_say_it_all_is_a_message(name: str, events: list[str]) -> None:
    """Without data but with a processor: counted or kept like any other, not taken for a probe (behaviour R1)."""
    fields = {"processor_name": name, "game_date": "2026-01-21", "status": "success", "record_count": "96"}
    with overheard() as (_, entries):
        assert (
            push("phase2_to_phase3", {"message": {"messageId": "m1", "attributes": fields}, "subscription": "s"}) == 200
        )
        about = {"completion.probe", "completion.recorded", "completion.quarantined"}
        assert [event for event, _ in entries if event in about] == events


def test_its_message_id_is_the_messages_own() -> None:
    """What is counted can be found again on the platform's side."""
    with overheard() as (_, entries):
        push("phase2_to_phase3", {"message": BARE, "subscription": "s"})
        assert entries[0][1]["message_id"] == "m1"


def test_an_event_in_binary_form_is_still_the_frameworks() -> None:
    """An event says who it is in headers; that its message holds no data makes no push of it."""
    headers = {
        "ce-specversion": "1.0", "ce-id": "e9", "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
        "ce-source": f"//pubsub.googleapis.com/projects/demo-p/topics/{TOPICS['phase2_to_phase3']}",
    }  # fmt: skip
    with overheard() as (_, entries):
        answer = client("phase2_to_phase3").post("/", json={"message": {}}, headers=headers)
        assert (answer.status_code, entries[0][1]["message_id"]) == (200, "e9")


def test_a_push_with_data_is_still_the_frameworks() -> None:
    """It becomes an event once."""
    with overheard() as (opened, entries):
        full = {"message": {**BARE, "data": "e30="}, "subscription": "s"}
        assert push("phase2_to_phase3", full) == 200
        assert [event for event, _ in entries].count("completion.quarantined") == 1
        assert "completion.probe" not in [event for event, _ in entries]
        assert client("phase2_to_phase3").get("/").status_code == 405
        assert opened.store.touched("quarantine")


@pytest.mark.parametrize(
    ("headers", "trace"),
    [
        ({"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}, f"projects/demo-p/traces/{'a' * 32}"),
        ({"X-Cloud-Trace-Context": f"{'c' * 32}/123;o=1"}, f"projects/demo-p/traces/{'c' * 32}"),
        ({"traceparent": "nonsense"}, None),
        ({}, None),
    ],
)
def test_what_a_call_logs_carries_its_trace(
    headers: dict[str, str], trace: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line of ours stands with the platform's line on the call, and none carries the trace of another call."""
    variables = {
        "GOOGLE_CLOUD_PROJECT": "demo-p", "ORCH_HOME": str(tmp_path), "ORCH_STATE": "sqlite", "ORCH_BUS": "local",
        "ORCH_WAREHOUSE": "duckdb", "ORCH_ALERTS": "console",
    }  # fmt: skip
    with runtime.override_context(runtime.from_environment(variables)) as ctx:
        answer = client("phase3_to_phase4").post("/", data=b"", headers=headers)
        assert answer.status_code == 200
        ctx.log("said.outside")
    during, after = map(json.loads, capsys.readouterr().out.splitlines())
    assert (during["message"], during.get("logging.googleapis.com/trace")) == ("completion.probe", trace)
    assert "logging.googleapis.com/trace" not in after
