"""The Bus port, on every adapter: what was published is what a push subscriber gets."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import pytest

from shared.adapters.clock import SystemClock
from shared.adapters.google.pubsub import PubSubBus
from shared.adapters.http import RequestsHttp
from shared.adapters.local.bus import LocalBus
from shared.core.errors import Unavailable
from shared.ports import Bus, Message
from tests.busy import allowed
from tests.local_server import LocalServer, ServerRequest, closed_port

PROJECT = "demo-orch"
BODY: dict[str, Any] = {
    "trigger_id": "nba/2026-01-21/overnight/phase3_to_phase4/1",
    "game_date": "2026-01-21",
    "generation": 1,
    "degraded": False,
    "missing_processors": ["p2_odds_player_props"],
    "completed_percent": 87.5,
    "mode": None,
    "note": 'Dončić <&> "quoted"\nnew line',
}
ATTRIBUTES = {
    "trigger_id": "nba/2026-01-21/overnight/phase3_to_phase4/1",
    "mode": "overnight",
    "name": "Dončić",
    "empty": "",
}


class World(Protocol):
    """A bus with one topic, ``made``, that pushes to ``receiver``."""

    @property
    def bus(self) -> Bus: ...

    def pump(self, count: int) -> list[ServerRequest]:
        """Return what the receiver got once ``count`` pushes have arrived."""


@dataclass
class LocalWorld:
    bus: LocalBus
    receiver: LocalServer

    def pump(self, count: int) -> list[ServerRequest]:
        self.bus.deliver(RequestsHttp(identity_tokens=False, clock=SystemClock()))
        return self.receiver.wait_for(count, 1.0)


@dataclass
class PubSubWorld:
    bus: PubSubBus
    receiver: LocalServer

    def pump(self, count: int) -> list[ServerRequest]:
        return self.receiver.wait_for(count)


@pytest.fixture(params=["memory", "file", "pubsub"])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with LocalServer() as receiver:
        if request.param == "pubsub":
            monkeypatch.setenv("PUBSUB_EMULATOR_HOST", request.getfixturevalue("pubsub_host"))
            with _emulated(receiver) as made:
                yield made
            return
        path = request.getfixturevalue("tmp_path") / "bus.sqlite" if request.param == "file" else None
        bus = LocalBus(path, SystemClock(), PROJECT)
        bus.add_topic("made", receiver.url)
        yield LocalWorld(bus, receiver)


class _emulated:
    """The topic and its push subscription on the emulator, for the length of a ``with`` block."""

    def __init__(self, receiver: LocalServer) -> None:
        from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

        self._receiver, self._topics, self._subscriptions = receiver, PublisherClient(), SubscriberClient()
        self._topic = f"projects/{PROJECT}/topics/made"
        self._subscription = f"projects/{PROJECT}/subscriptions/made-push"

    def __enter__(self) -> PubSubWorld:
        endpoint = f"{self._receiver.url}/projects/{PROJECT}/topics/made"
        self._topics.create_topic(name=self._topic)
        self._subscriptions.create_subscription(
            request={"name": self._subscription, "topic": self._topic, "push_config": {"push_endpoint": endpoint}}
        )
        return PubSubWorld(PubSubBus(PROJECT), self._receiver)

    def __exit__(self, *_: object) -> None:
        self._subscriptions.delete_subscription(subscription=self._subscription)
        self._topics.delete_topic(topic=self._topic)
        self._subscriptions.close()
        self._topics.stop()


def _content(asked: ServerRequest) -> tuple[str, Any, dict[str, str]]:
    message = asked.json["message"]
    return message["messageId"], json.loads(base64.b64decode(message["data"])), message.get("attributes", {})


def test_a_message_that_is_too_large_is_refused(world: World) -> None:
    """Pub/Sub takes 10 MB: what is larger is refused before anything of the call leaves, on every bus alike."""
    fits = Message({"text": "x" * 8_000_000}, {})
    with pytest.raises(ValueError, match=r"a message of 9,000,0\d\d bytes, at most 9,000,000"):
        world.bus.publish("made", [Message(BODY, {}), Message({"text": "x" * 9_000_000}, {})])
    (ident,) = world.bus.publish("made", [fits])
    (asked,) = world.pump(1)
    assert _content(asked)[0] == ident


def test_what_arrives_is_what_was_published(world: World) -> None:
    """The subscriber gets body and attributes exactly, under the id that publish returned."""
    ids = world.bus.publish("made", [Message(BODY, ATTRIBUTES)])
    (asked,) = world.pump(1)
    assert _content(asked) == (ids[0], BODY, ATTRIBUTES)
    assert asked.path == f"/projects/{PROJECT}/topics/made"
    assert asked.json["subscription"] == f"projects/{PROJECT}/subscriptions/made-push"
    assert asked.json["message"]["publishTime"].endswith("Z")


def test_the_body_is_compact_utf8(world: World) -> None:
    """The bytes are JSON without padding, in UTF-8: what a byte limit counts."""
    world.bus.publish("made", [Message({"name": "Dončić", "n": [1, 2]}, {})])
    (asked,) = world.pump(1)
    assert base64.b64decode(asked.json["message"]["data"]) == '{"name":"Dončić","n":[1,2]}'.encode()


def test_many_messages_keep_their_ids_in_order(world: World) -> None:
    """Of many messages each arrives, and the nth id is the nth message's."""
    messages = [Message({"n": number}, {"n": str(number)}) for number in range(60)]
    ids = world.bus.publish("made", messages)
    arrived = {ident: body["n"] for ident, body, _ in map(_content, world.pump(60))}
    assert len(set(ids)) == 60
    assert [arrived[ident] for ident in ids] == list(range(60))


def test_no_messages_are_no_call(world: World) -> None:
    """Publishing nothing returns nothing."""
    assert world.bus.publish("made", []) == []


def test_several_publishers_at_once(world: World) -> None:
    """One bus serves the threads of a server."""
    ids: list[str] = []
    publish = world.bus.publish
    threads = [
        threading.Thread(target=lambda n=number: ids.extend(publish("made", [Message({"n": n}, {})])))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ident for ident, _, _ in map(_content, world.pump(8))) == sorted(ids)
    assert len(set(ids)) == 8


def test_an_unknown_topic_is_unavailable(world: World) -> None:
    """A topic that does not exist raises, naming the bus and the topic: it may exist after the next deploy."""
    with pytest.raises(Unavailable, match=r"topics?.nowhere") as caught:
        world.bus.publish("nowhere", [Message(BODY, {})])
    assert caught.value.port == "bus"


@pytest.mark.parametrize(
    "attributes",
    [
        {"n": 1},
        {"none": None},
        {"long": "é" * 513},
        {"k" * 257: "v"},
        {"": "v"},
        {"googclient": "v"},
        {"timeout": "5"},
        {str(number): "v" for number in range(101)},
    ],
)
def test_what_no_bus_can_carry_is_an_error_of_the_caller(world: World, attributes: dict[str, Any]) -> None:
    """Attributes beyond Pub/Sub's limits raise ValueError, and nothing of the batch is published."""
    with pytest.raises(ValueError, match="attribute"):
        world.bus.publish("made", [Message(BODY, {}), Message(BODY, attributes)])
    assert world.bus.publish("made", [Message({"n": "only this"}, {})])
    assert [body for _, body, _ in map(_content, world.pump(1))] == [{"n": "only this"}]


def test_attributes_at_the_limit_pass(world: World) -> None:
    """100 attributes, a value of 1024 bytes and a key of 256 are accepted."""
    attributes = {str(number): "v" for number in range(98)} | {"long": "é" * 512, "k" * 256: "v"}
    world.bus.publish("made", [Message(BODY, attributes)])
    (asked,) = world.pump(1)
    assert _content(asked)[2] == attributes


def test_a_body_json_cannot_say_is_an_error_of_the_caller(world: World) -> None:
    """NaN and objects raise before anything leaves."""
    with pytest.raises(ValueError, match="JSON"):
        world.bus.publish("made", [Message({"n": float("nan")}, {})])
    with pytest.raises(TypeError):
        world.bus.publish("made", [Message({"n": object()}, {})])


def test_a_single_message_waits_for_no_company(pubsub_host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A publish is faster than with the library's defaults by most of the 10 ms these wait for more messages."""
    from google.cloud.pubsub_v1 import PublisherClient

    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_host)
    with LocalServer() as receiver, _emulated(receiver) as world:
        default = PublisherClient()
        ours = _median(lambda: world.bus.publish("made", [Message({}, {})]))
        theirs = _median(lambda: default.publish(f"projects/{PROJECT}/topics/made", b"{}").result(timeout=10))
        default.stop()
    assert ours < theirs - 0.005


def _median(call: Callable[[], object]) -> float:
    taken = []
    for _ in range(21):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return sorted(taken)[10]


def test_a_broker_that_is_down_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listening ends in Unavailable within the patience given."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{closed_port()}")
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        PubSubBus(PROJECT, patience=timedelta(seconds=2)).publish("made", [Message(BODY, {})])
    assert caught.value.port == "bus"
    assert time.monotonic() - began < allowed(3.5)
