"""The DeadLetters port, on every adapter: what no delivery got through is seen, leased, published anew and removed.

The Pub/Sub emulator never forwards to a dead-letter topic, so what lies there is put there with the attributes that
Pub/Sub's documentation names; pulling, leasing, publishing and acknowledging are the emulator's own.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest

from shared.adapters.clock import SystemClock
from shared.adapters.google.dead_letters import PubSubDeadLetters
from shared.adapters.http import RequestsHttp
from shared.adapters.local.bus import LocalBus
from shared.adapters.local.dead_letters import LocalDeadLetters
from shared.core.errors import Unavailable
from shared.ports import DeadLetter, DeadLetters, Message
from tests.local_server import LocalServer, closed_port

PROJECT = "demo-orch"
QUICK = timedelta(seconds=1)
ATTRIBUTES = {"mode": "overnight", "name": "Dončić"}
Arrived = tuple[bytes, dict[str, str]]


class World(Protocol):
    """A topic whose deliveries fail, and what it lost."""

    @property
    def port(self) -> DeadLetters: ...

    def lose(self, number: int) -> None:
        """Let a message ``{"n": number}`` with ``ATTRIBUTES`` become a dead letter after two attempts."""

    def arrived(self) -> Arrived:
        """Return bytes and attributes of the one message that the topic's subscriber gets now."""


@dataclass
class LocalWorld:
    bus: LocalBus
    port: LocalDeadLetters

    def lose(self, number: int) -> None:
        self.bus.add_topic("made", f"http://127.0.0.1:{closed_port()}")
        self.bus.publish("made", [Message({"n": number}, ATTRIBUTES)])
        http = RequestsHttp(identity_tokens=False, clock=SystemClock())
        self.bus.deliver(http)
        with self.bus.transaction() as connection:
            connection.execute("UPDATE messages SET due_at = 0 WHERE due_at IS NOT NULL")
        self.bus.deliver(http)

    def arrived(self) -> Arrived:
        with LocalServer() as receiver:
            self.bus.add_topic("made", receiver.url)
            self.bus.deliver(RequestsHttp(identity_tokens=False, clock=SystemClock()))
            [asked] = receiver.wait_for(1)
        message = asked.json["message"]
        return base64.b64decode(message["data"]), message["attributes"]


@dataclass
class PubSubWorld:
    port: PubSubDeadLetters
    topic: str

    def lose(self, number: int) -> None:
        from google.cloud.pubsub_v1 import PublisherClient

        client = PublisherClient()
        stamps = {
            "CloudPubSubDeadLetterSourceDeliveryCount": "2",
            "CloudPubSubDeadLetterSourceSubscription": "nba-phase3--made",
            "CloudPubSubDeadLetterSourceSubscriptionProject": PROJECT,
            "CloudPubSubDeadLetterSourceTopicPublishTime": "2026-01-21T10:58:23.123456789+00:00",
            "CloudPubSubDeadLetterSourceDeliveryErrorMessage": "the last answer was 500",
        }
        path = f"projects/{PROJECT}/topics/{self.topic}-dead"
        client.publish(path, f'{{"n":{number}}}'.encode(), **ATTRIBUTES, **stamps).result(timeout=10)
        client.stop()

    def arrived(self) -> Arrived:
        from google.cloud.pubsub_v1 import SubscriberClient

        with SubscriberClient() as client:
            path = f"projects/{PROJECT}/subscriptions/{self.topic}-seen"
            [delivery] = client.pull(request={"subscription": path, "max_messages": 5}, timeout=10).received_messages
            client.acknowledge(request={"subscription": path, "ack_ids": [delivery.ack_id]})
        return bytes(delivery.message.data), dict(delivery.message.attributes)


@pytest.fixture(params=["local", "pubsub"])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    if request.param == "pubsub":
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", request.getfixturevalue("pubsub_host"))
        yield emulated()
        return
    bus = LocalBus(tmp_path / "bus.db", SystemClock(), PROJECT, attempts=2)
    yield LocalWorld(bus, LocalDeadLetters(bus, SystemClock()))


def emulated() -> PubSubWorld:
    """Make a topic with a subscriber, and a dead-letter topic with the subscription that keeps."""
    from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

    topic, publisher = f"made-{uuid4().hex[:8]}", PublisherClient()
    with SubscriberClient() as subscriber:
        for name, reader in ((topic, f"{topic}-seen"), (f"{topic}-dead", f"{topic}-kept")):
            publisher.create_topic(name=f"projects/{PROJECT}/topics/{name}")
            path = f"projects/{PROJECT}/subscriptions/{reader}"
            subscriber.create_subscription(request={"name": path, "topic": f"projects/{PROJECT}/topics/{name}"})
    publisher.stop()
    return PubSubWorld(PubSubDeadLetters(PROJECT, f"{topic}-kept", {"nba-phase3--made": topic}, QUICK), topic)


def test_nothing_lost_is_an_empty_list(world: World) -> None:
    """No message, no letter."""
    assert world.port.take(10) == []


def test_a_letter_says_what_it_was(world: World) -> None:
    """Bytes and attributes as published, topic, attempts and the reason; nothing of Pub/Sub's own stamps is left."""
    world.lose(1)
    [letter] = world.port.take(10)
    assert (letter.data, dict(letter.attributes)) == (b'{"n":1}', ATTRIBUTES)
    assert letter.topic.startswith("made")
    assert letter.attempts == 2
    assert letter.reason.startswith("the last answer was ")
    assert letter.published_at <= letter.dead_at <= datetime.now(UTC)
    assert letter.published_at.tzinfo is not None


def test_what_is_taken_is_nobody_elses_until_it_is_given_back(world: World) -> None:
    """Two who look at once do not both bring it back; afterwards it is there again."""
    world.lose(1)
    taken = world.port.take(10)
    assert world.port.take(10) == []
    world.port.give_back(taken)
    assert [letter.message_id for letter in world.port.take(10)] == [letter.message_id for letter in taken]


def test_no_more_is_taken_than_was_asked_for(world: World) -> None:
    """The rest is left to the next call."""
    for number in range(3):
        world.lose(number)
    first, rest = world.port.take(2), world.port.take(10)
    assert (len(first), len(rest)) == (2, 1)
    assert len({letter.message_id for letter in [*first, *rest]}) == 3


def test_what_is_published_arrives_with_its_bytes_and_the_marks(world: World) -> None:
    """The subscriber of its topic gets the same bytes, the attributes it was given, under a new message id."""
    world.lose(7)
    [letter] = world.port.take(1)
    marks = {**letter.attributes, "orch_replayed_from": letter.message_id, "topic": "any name passes"}
    if isinstance(world, LocalWorld):
        del marks["topic"]  # the embedded bus has the limits of every publisher
    assert world.port.publish(letter, marks) != letter.message_id
    assert world.arrived() == (b'{"n":7}', marks)


def test_what_is_removed_never_comes_again(world: World) -> None:
    """Also not after what was taken with it is given back."""
    world.lose(1)
    world.lose(2)
    first, second = world.port.take(2)
    world.port.remove([first])
    world.port.give_back([second])
    assert [letter.message_id for letter in world.port.take(10)] == [second.message_id]


def test_what_the_bus_never_takes_is_an_error_of_the_caller(tmp_path: Path) -> None:
    """Too many attributes raise ValueError: waiting would not help. The emulator takes any number, Pub/Sub does not."""
    bus = LocalBus(tmp_path / "bus.db", SystemClock(), PROJECT, attempts=2)
    world = LocalWorld(bus, LocalDeadLetters(bus, SystemClock()))
    world.lose(1)
    [letter] = world.port.take(1)
    with pytest.raises(ValueError, match="attributes"):
        world.port.publish(letter, {str(number): "v" for number in range(101)})


def test_a_topic_that_is_gone_is_unavailable(world: World) -> None:
    """It may be there after the next deploy; the letter stays."""
    world.lose(1)
    [letter] = world.port.take(1)
    with pytest.raises(Unavailable, match="nowhere"):
        world.port.publish(replace(letter, topic="nowhere"), {})
    world.port.give_back([letter])
    assert [dead_letter.message_id for dead_letter in world.port.take(1)] == [letter.message_id]


def test_a_broker_that_is_down_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call ends in Unavailable, and in time."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{closed_port()}")
    port = PubSubDeadLetters(PROJECT, "kept", {}, patience=QUICK, timeout=QUICK)
    letter = DeadLetter("1", "made", "s", b"", {}, datetime.now(UTC), datetime.now(UTC), 1, "", "lease")
    for call in (
        lambda: port.take(1),
        lambda: port.publish(letter, {"a": "b"}),
        lambda: port.remove([letter]),
        lambda: port.give_back([letter]),
    ):
        with pytest.raises(Unavailable) as caught:
            call()
        assert caught.value.port == "bus"


@pytest.mark.parametrize(
    ("stamps", "topic", "attempts"),
    [({}, "", 0), ({"CloudPubSubDeadLetterSourceSubscription": "theirs"}, "", 0), (
        {"CloudPubSubDeadLetterSourceSubscription": f"projects/{PROJECT}/subscriptions/nba--a",
         "CloudPubSubDeadLetterSourceDeliveryCount": "many"}, "a", 0)],
)  # fmt: skip
def test_stamps_that_are_absent_or_strange_leave_it_unknown(
    stamps: Mapping[str, str], topic: str, attempts: int
) -> None:
    """A letter is shown whatever it carries: unknown is a word, not a fault."""
    from google.cloud.pubsub_v1.types import PubsubMessage, ReceivedMessage

    message = PubsubMessage(
        data=b"x", message_id="7", attributes=stamps, publish_time=datetime(2026, 1, 21, tzinfo=UTC)
    )
    letter = PubSubDeadLetters(PROJECT, "kept", {"nba--a": "a"})._letter(ReceivedMessage(ack_id="l", message=message))
    assert (letter.topic, letter.attempts) == (topic, attempts)
    assert letter.published_at == letter.dead_at == datetime(2026, 1, 21, tzinfo=UTC)
