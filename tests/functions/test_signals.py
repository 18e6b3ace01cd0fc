"""Signals through the deployed functions: pushed on their topic, or called with a proof (behaviour R13)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shared import runtime
from shared.adapters.config.policy_file import load_policy
from shared.app.quarantine import message_counts
from shared.app.reporting.queries import quarantine
from shared.app.state.repository import load_run
from shared.core.message import Why
from shared.core.model import Completion, RunKey, State
from shared.simulation.scenario import FaultKind
from tests.app.handlers_kit import HandlersKit
from tests.core import signal_samples as samples
from tests.functions.entry import client

MINIMAL = Path(__file__).parents[1] / "pipelines" / "minimal.yaml"
TOPIC, SECRET = "weather-signals", "s3cret-of-dbt"
FILES = {
    "source": "storage",
    "topic": TOPIC,
    "phase": "collect",
    "object": "**/{date}_*",
    "processor": "stations",
}
SIGNALS: dict[str, Any] = {
    "files": FILES,
    "dbt": {
        "source": "dbt",
        "topic": TOPIC,
        "phase": "collect",
        "webhook": {"secret": "dbt-secret"},
        "jobs": {"123": "radar"},
    },
    "hub": {
        "source": "json",
        "topic": TOPIC,
        "phase": "collect",
        "webhook": {"secret": "hub-secret", "header": "X-Hub-Signature-256", "prefix": "sha256="},
        "processor": "radar",
        "date": "day",
        "status": "success",
    },
    "token": {
        "source": "json",
        "topic": TOPIC,
        "phase": "collect",
        "webhook": {"secret": "token-secret", "scheme": "token", "prefix": "Bearer "},
        "processor": "radar",
        "date": "day",
        "status": "success",
    },
}
SECRETS = {"dbt-secret": SECRET, "hub-secret": "hub", "token-secret": "tok"}


@pytest.fixture
def kit(monkeypatch: pytest.MonkeyPatch) -> Iterator[HandlersKit]:
    kit = HandlersKit(policy=load_policy(MINIMAL, {"signals": SIGNALS}))
    monkeypatch.setattr(runtime, "secret", lambda _ctx, name: SECRETS.get(name))
    with runtime.override_context(kit.ctx):
        yield kit


def push(data: bytes = b"", attributes: dict[str, str] | None = None, message_id: str = "m1") -> int:
    """Push a message of the signals' topic to the function that serves every pipeline, as Pub/Sub does."""
    message = {
        "data": base64.b64encode(data).decode(),
        "messageId": message_id,
        "publishTime": "2019-08-02T06:00:00Z",
        "attributes": attributes or {},
    }
    body = json.dumps({"message": message, "subscription": "s"})
    path = f"/projects/demo-p/topics/{TOPIC}"
    return client("transition").post(path, data=body, content_type="application/json").status_code


def call(name: str, body: str, headers: dict[str, str]) -> tuple[int, Any]:
    answer = client("webhooks").post(f"/signals/{name}", data=body, headers=headers)
    return answer.status_code, answer.get_json()


def signature(body: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()


def completion(kit: HandlersKit, processor: str, key: RunKey) -> Completion | None:
    return load_run(kit.store.inner, key).completions.get("collect", {}).get(processor)


def test_a_pushed_notification_is_a_completion_and_its_duplicate_is_none(kit: HandlersKit) -> None:
    """One object, notified three times under two message ids, is one report; a new generation is a second."""
    key = RunKey("weather", date(2019, 8, 1), "daily")
    assert push(attributes=samples.STORAGE_DATED) == 200
    first = completion(kit, "stations", key)
    assert first is not None
    for message_id in ("m1", "m2"):
        assert push(attributes=samples.STORAGE_DATED, message_id=message_id) == 200
    assert completion(kit, "stations", key) == first
    push(attributes={**samples.STORAGE_DATED, "objectGeneration": "1567650351027744"}, message_id="m3")
    second = completion(kit, "stations", key)
    assert second is not None
    assert (len(first.message_ids), len(second.message_ids)) == (1, 2)


def test_what_is_none_of_ours_is_counted_and_what_cannot_be_read_is_kept_whole(kit: HandlersKit) -> None:
    """An event to be ignored is counted by signal and reason; a date that there is not is quarantined with data and
    attributes, and read again once the policy can: the way back is that of every message."""
    assert push(attributes=samples.STORAGE_METADATA) == 200
    day = kit.policy.local(kit.clock.now()).date()
    assert kit.published == []
    impossible = {**samples.STORAGE_DATED, "objectId": "water/2019-13-01_x"}
    assert push(b"{}", impossible, "m9") == 200
    listed = quarantine(kit.ctx)
    assert len(listed) == 1
    kept = listed[0]
    envelope = json.loads(kept.raw)
    assert (envelope["attributes"], base64.b64decode(envelope["data"])) == (impossible, b"{}")
    assert "2019-13-01" in kept.reason
    counts = message_counts.counted(kit.ctx, date(2019, 8, 2))
    assert [(count.why, count.name) for count in counts] == [
        (Why.IGNORED, "files: @attributes.eventType is another")
    ], day
    # The name is corrected by the policy: what was the thirteenth month is another part of the name now.
    other: dict[str, Any] = {**FILES, "object": "water/{year}-*_*", "date": "{year}-08-01"}
    again = HandlersKit(policy=load_policy(MINIMAL, {"signals": {"files": other}}), store=kit.store)
    status, output = again.orch("quarantine", "replay", kept.message_id, "--reason", "policy corrected")
    assert (status, "weather/2019-08-01/daily" in output) == (0, True), output
    assert quarantine(again.ctx) == []


def test_an_empty_message_is_a_probe(kit: HandlersKit) -> None:
    """Without data and attributes nothing was said: acknowledged, and nothing kept."""
    assert push() == 200
    assert quarantine(kit.ctx) == []


def test_a_signal_triggers_as_any_completion(kit: HandlersKit) -> None:
    """With the last one that is expected the trigger goes out."""
    key = RunKey("weather", date(2019, 8, 1), "daily")
    push(attributes=samples.STORAGE_DATED)
    body = json.dumps({"processor_name": "radar", "game_date": "2019-08-01", "status": "success"}).encode()
    kit.take("collect", body)
    assert kit.state("collect_to_forecast", key).state is State.DISPATCHED


def test_a_signed_call_is_published_and_then_read(kit: HandlersKit) -> None:
    """The documented payload of dbt Cloud, signed as its documentation says: published to the topic, with the name of
    the signal, and read there as its completion."""
    status, answer = call("dbt", samples.DBT_COMPLETED, {"Authorization": signature(samples.DBT_COMPLETED)})
    assert status == 202
    [sent] = kit.published
    assert (sent.topic, sent.message.attributes, answer["signal"]) == (TOPIC, {"orch_signal": "dbt"}, "dbt")
    assert push(json.dumps(sent.body).encode(), dict(sent.message.attributes)) == 200
    report = completion(kit, "radar", RunKey("weather", date(2023, 1, 31), "daily"))
    assert report is not None
    assert report.latest is not None
    assert report.latest.execution_id == "12345"


def test_a_call_again_counts_once(kit: HandlersKit) -> None:
    """dbt Cloud sends again what was answered too late: two messages, one report."""
    key = RunKey("weather", date(2023, 1, 31), "daily")
    for number in range(2):
        call("dbt", samples.DBT_COMPLETED, {"Authorization": signature(samples.DBT_COMPLETED)})
        sent = kit.published[number]
        push(json.dumps(sent.body).encode(), dict(sent.message.attributes), f"m{number}")
    stored = completion(kit, "radar", key)
    assert stored is not None
    assert len(stored.message_ids) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": signature(samples.DBT_COMPLETED, "another")},
        {"Authorization": signature(samples.DBT_STARTED)},
        {"Authorization": signature(samples.DBT_COMPLETED)[:-1]},
        {"Authorization": f"sha256={signature(samples.DBT_COMPLETED)}"},
        {"X-Signature": signature(samples.DBT_COMPLETED)},
    ],
)
def test_a_call_without_a_proof_is_refused(kit: HandlersKit, headers: dict[str, str]) -> None:
    """Nothing, another secret, another body, a part, another header: 401, and nothing sent."""
    status, answer = call("dbt", samples.DBT_COMPLETED, headers)
    assert (status, set(answer)) == (401, {"error", "hint"})
    assert kit.published == []
    assert SECRET not in json.dumps(answer)


def test_other_forms_of_proof(kit: HandlersKit) -> None:
    """A prefix before the signature as GitHub writes it, and a token in place of a signature."""
    body = json.dumps({"day": "2026-03-09"})
    assert call("hub", body, {"X-Hub-Signature-256": f"sha256={signature(body, 'hub')}"})[0] == 202
    assert call("hub", body, {"X-Hub-Signature-256": signature(body, "hub")})[0] == 401
    assert call("token", body, {"Authorization": "Bearer tok"})[0] == 202
    assert call("token", body, {"Authorization": "tok"})[0] == 401
    assert call("token", body, {"Authorization": "Bearer toc"})[0] == 401


def test_a_call_that_cannot_be_served_says_so(kit: HandlersKit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another name or a signal without a call 404, another method 405, no JSON 400, no secret and no broker 503."""
    for name in ("files", "nobody", ""):
        assert call(name, "{}", {})[0] == 404
    assert client("webhooks").get("/signals/dbt").status_code == 405
    assert call("dbt", "[1]", {"Authorization": signature("[1]")})[0] == 400
    kit.fail("bus", FaultKind.UNAVAILABLE)
    assert call("dbt", "{}", {"Authorization": signature("{}")})[0] == 503
    for absent in (None, ""):
        monkeypatch.setattr(runtime, "secret", lambda _ctx, _name, absent=absent: absent)
        assert call("token", "{}", {"Authorization": "Bearer "})[0] == 503


def test_the_function_is_alive_without_a_proof(kit: HandlersKit) -> None:
    """GET /health answers anybody, as of every function."""
    answer = client("webhooks").get("/health")
    assert (answer.status_code, answer.get_json()["service"]) == (200, "webhooks")
