"""What comes in any envelope is read where it is plain and kept where it is not: never refused for ever (R1)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from shared.adapters.local.sqlite import SqliteStore
from shared.app.quarantine.rows import Quarantined, listed
from shared.app.transitions.receive import Handled, receive
from tests.functions.entry import TOPICS, TRANSITIONS, client
from tests.functions.worlds import FunctionsKit, functions_kit

TOPIC = f"projects/demo-p/topics/{TOPICS['phase3_to_phase4']}"
PUBLISHED = "2026-01-22T11:00:00Z"
BODY = json.dumps(
    {
        "processor_name": "PlayerGameSummaryProcessor",
        "game_date": "2026-01-21",
        "status": "success",
        "record_count": 149,
    }
).encode()
MESSAGE = {"data": base64.b64encode(BODY).decode(), "messageId": "m1", "publishTime": PUBLISHED, "attributes": {}}
PUSH = json.dumps({"message": MESSAGE, "subscription": "projects/demo-p/subscriptions/s"}).encode()
EVENT = {
    "specversion": "1.0", "id": "m1", "time": PUBLISHED, "source": f"//pubsub.googleapis.com/{TOPIC}",
    "type": "google.cloud.pubsub.topic.v1.messagePublished",
}  # fmt: skip
BINARY = {f"ce-{name}": value for name, value in EVENT.items()}
STRUCTURED = json.dumps({**EVENT, "datacontenttype": "application/json", "data": {"message": MESSAGE}}).encode()
BACKGROUND = {
    "context": {
        "eventId": "m1", "timestamp": PUBLISHED, "eventType": "google.pubsub.topic.publish",
        "resource": {"service": "pubsub.googleapis.com", "name": TOPIC, "type": "PubsubMessage"},
    },
    "data": {"@type": "type.googleapis.com/google.pubsub.v1.PubsubMessage", "data": MESSAGE["data"], "attributes": {}},
}  # fmt: skip
METADATA = {
    "x-goog-pubsub-message-id": "m1", "x-goog-pubsub-publish-time": PUBLISHED,
    "x-goog-pubsub-subscription-name": "projects/demo-p/subscriptions/s",
}  # fmt: skip
JSON, CLOUD_EVENT = {"Content-Type": "application/json"}, {"Content-Type": "application/cloudevents+json"}
OCTETS = {"Content-Type": "application/octet-stream"}
WORDS = ["message", "data", "subscription", "messageId", "publishTime", "context", "specversion", "id", "eventType"]
DEEP = b"[" * 200_000

READ: dict[str, tuple[dict[str, str], bytes]] = {
    "push": (JSON, PUSH),
    "push, charset": ({"Content-Type": "application/json; charset=utf-8"}, PUSH),
    "push, no Content-Type": ({}, PUSH),
    "push, text": ({"Content-Type": "text/plain"}, PUSH),
    "push, form": ({"Content-Type": "application/x-www-form-urlencoded"}, PUSH),
    "push, no subscription": (JSON, json.dumps({"message": MESSAGE}).encode()),
    "push, no id": (JSON, json.dumps({"message": {**MESSAGE, "messageId": ""}, "subscription": "s"}).encode()),
    "unwrapped with metadata": (JSON | METADATA, BODY),
    "unwrapped with metadata, octets": (OCTETS | METADATA, BODY),
    "unwrapped with metadata, no Content-Type": (METADATA, BODY),
    "binary event": (JSON | BINARY, PUSH),
    "structured event": (CLOUD_EVENT, STRUCTURED),
    "structured event, JSON": (JSON, STRUCTURED),
    "structured event, no Content-Type": ({}, STRUCTURED),
    "background event": (JSON, json.dumps(BACKGROUND).encode()),
    "background event, no Content-Type": ({}, json.dumps(BACKGROUND).encode()),
}

KEPT: dict[str, tuple[dict[str, str], bytes]] = {
    "unwrapped JSON": (JSON, BODY),
    "unwrapped JSON, octets": (OCTETS, BODY),
    "Avro": ({"Content-Type": "application/avro"}, b"Obj\x01\x04\x16avro.schema\x00\xff"),
    "no Content-Type": ({}, b"\x00\x01\xfe"),
    "not JSON": (JSON, b"not JSON"),
    "array": (JSON, b"[" + PUSH + b"]"),
    "batch of events": ({"Content-Type": "application/cloudevents-batch+json"}, b"[" + STRUCTURED + b"]"),
    "no message": (JSON, b'{"no": "message"}'),
    "message is text": (JSON, b'{"message": "text", "subscription": "s"}'),
    "context without an event": (JSON, b'{"context": {}, "message": {"data": "e30="}}'),
    "null": (JSON, b"null"),
    "event of no version": (CLOUD_EVENT, b'{"specversion": "9", "id": "1"}'),
    "event without type": (CLOUD_EVENT, b'{"specversion": "1.0", "id": "1", "source": "s"}'),
    "version is a list": (CLOUD_EVENT, b'{"specversion": ["1.0"]}'),
    "too deep": (JSON, DEEP),
    "event, too deep": (BINARY | JSON, DEEP),
}


def send(headers: dict[str, str], body: bytes, function: str = "phase3_to_phase4") -> TestResponse:
    path = f"/projects/demo-p/topics/{TOPICS[function]}"
    return client(function).post(path, data=body, headers=headers)


def quarantined(opened: FunctionsKit) -> list[Quarantined]:
    return listed(opened.context)


def alerts(opened: FunctionsKit) -> list[Mapping[str, Any]]:
    return [document.data for document in opened.store.query("alerts")]


@pytest.mark.parametrize("form", READ)
def test_a_message_is_read_in_every_form_in_which_it_is_plain(form: str) -> None:
    """Wrapped or not, as an event of either form or of the old one, whatever the Content-Type says: the same report."""
    with functions_kit(SqliteStore(":memory:")) as opened:
        assert send(*READ[form]).status_code == 200
        assert quarantined(opened) == []
        [document] = opened.store.touched("completions")
        assert document.path == "runs/nba~2026-01-21~overnight/completions/phase3.player_game_summary"
        latest = document.data["latest"]
        assert latest["records"] == 149
        if form != "push, no id":
            assert latest["message_id"] == "m1"
        assert latest["occurred_at"] == datetime.fromisoformat(PUBLISHED)


@pytest.mark.parametrize("form", READ)
def test_a_redelivery_is_the_same_message_in_every_form(form: str) -> None:
    """Sent twice, a report is known once: its id is the message's, or what it says."""
    with functions_kit(SqliteStore(":memory:")) as opened:
        send(*READ[form])
        before = [document.version for document in opened.store.touched("completions")]
        assert send(*READ[form]).status_code == 200
        assert [document.version for document in opened.store.touched("completions")] == before


@pytest.mark.parametrize("form", KEPT)
def test_what_comes_in_no_known_envelope_is_kept_as_it_came(form: str) -> None:
    """Acknowledged, one row with every byte, one alert; a redelivery adds neither, and counts as no other message."""
    headers, body = KEPT[form]
    with functions_kit(SqliteStore(":memory:")) as opened:
        for _ in range(3):
            assert send(headers, body).status_code == 200
        rows = [(kept.phase, kept.kind, kept.raw, kept.count) for kept in quarantined(opened)]
        assert rows == [("phase3", "envelope", body, 1)]
        [alert] = alerts(opened)
        assert (alert["kind"], alert["severity"]) == ("quarantine", "warning")
        assert opened.store.touched("completions") == []


def test_many_strange_messages_are_one_alert() -> None:
    """However many a wrong subscription sends, a person is told once."""
    with functions_kit(SqliteStore(":memory:")) as opened:
        for number in range(20):
            send(OCTETS, b"%d" % number)
        assert len(quarantined(opened)) == 20
        assert len(alerts(opened)) == 1


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=12,
)
bodies = st.binary(max_size=64) | json_like.map(lambda value: json.dumps(value).encode())
headers = st.dictionaries(
    st.sampled_from(["Content-Type", *BINARY, *METADATA]),
    st.sampled_from(
        ["", "1.0", "0.3", "application/json", "application/cloudevents+json", "text/plain", "x/y; z", "%"]
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))
@given(sent=headers, body=bodies)
def test_nothing_is_ever_refused(sent: dict[str, str], body: bytes) -> None:
    """Any bytes under any headers are acknowledged: a refusal would bring them again until they are a dead letter."""
    with functions_kit(SqliteStore(":memory:")):
        assert send(sent, body).status_code == 200


@pytest.mark.parametrize("function", TRANSITIONS)
def test_every_function_keeps_what_it_cannot_read(function: str) -> None:
    """The phase is that of the function's own topic."""
    with functions_kit(SqliteStore(":memory:")) as opened:
        assert send(OCTETS, b"\x00", function).status_code == 200
        assert [kept.phase for kept in quarantined(opened)] == [function.split("_")[0]]


@pytest.mark.parametrize("form", ["unwrapped JSON", "Avro"])
def test_while_the_store_is_away_it_comes_again(form: str) -> None:
    """What is not kept is not acknowledged (behaviour R1)."""
    with functions_kit(SqliteStore(":memory:")) as opened:
        opened.fail("state")
        assert send(*KEPT[form]).status_code == 500
    with functions_kit(SqliteStore(":memory:")) as opened:
        assert send(*KEPT[form]).status_code == 200


def test_unwrapped_json_is_understood_when_it_is_replayed() -> None:
    """Its bytes are the message: once somebody looked at it, nothing of it is lost."""
    with functions_kit(SqliteStore(":memory:")) as opened:
        send(*KEPT["unwrapped JSON"])
        [kept] = quarantined(opened)
        assert receive(opened.context, kept.delivery).handled is Handled.DECIDED
