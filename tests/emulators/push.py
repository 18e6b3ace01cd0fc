"""Topics on the Pub/Sub emulator: pushed to a function as in production, or pulled by a test."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.api_core.exceptions import DeadlineExceeded
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

ACK_SECONDS = 10
PULL_SECONDS = 1.0


@dataclass(frozen=True)
class Arrived:
    """A message as its subscriber sees it."""

    body: Mapping[str, Any]
    attributes: Mapping[str, str]


class PushWire:
    """The topics of one project; ``PUBSUB_EMULATOR_HOST`` must name the emulator."""

    def __init__(self, project: str) -> None:
        self.project = project
        self._publisher, self._subscriber = PublisherClient(), SubscriberClient()

    def add_topic(self, topic: str) -> None:
        self._publisher.create_topic(name=self._topic(topic))

    def push(self, topic: str, url: str) -> None:
        """Push what is published from now on to a function, at the path from which it reads the topic."""
        endpoint = f"{url}/projects/{self.project}/topics/{topic}"
        self._subscribe(topic, "push", {"push_config": {"push_endpoint": endpoint}})

    def listen(self, topic: str) -> None:
        """Keep what is published from now on for ``arrivals``."""
        self._subscribe(topic, "pull", {})

    def publish(self, topic: str, body: Mapping[str, Any]) -> str:
        """Publish a message and return its id once the emulator has it."""
        ident: str = self._publisher.publish(self._topic(topic), json.dumps(body).encode()).result(timeout=10)
        return ident

    def arrivals(self, topic: str, count: int, within: timedelta) -> list[Arrived]:
        """Return what arrived on a topic, once there is so much of it, or at the end of that time."""
        arrivals: list[Arrived] = []
        end = time.monotonic() + within.total_seconds()
        while len(arrivals) < count and time.monotonic() < end:
            arrivals += self.pull(topic)
        return arrivals

    def pull(self, topic: str, seconds: float = PULL_SECONDS) -> list[Arrived]:
        """Return what has arrived, waiting for the first message no longer than so long."""
        name = self._subscription(topic, "pull")
        try:
            answer = self._subscriber.pull(
                request={"subscription": name, "max_messages": 1000}, timeout=seconds, retry=None
            )
        except DeadlineExceeded:
            return []
        if answer.received_messages:
            ids = [received_message.ack_id for received_message in answer.received_messages]
            self._subscriber.acknowledge(request={"subscription": name, "ack_ids": ids})
        messages = [received_message.message for received_message in answer.received_messages]
        return [Arrived(json.loads(message.data), dict(message.attributes)) for message in messages]

    def close(self) -> None:
        """Drop the subscriptions, so that the emulator pushes to nobody who has gone."""
        for name in self._subscriber.list_subscriptions(request={"project": f"projects/{self.project}"}):
            self._subscriber.delete_subscription(request={"subscription": name.name})
        self._subscriber.close()
        self._publisher.stop()

    def _subscribe(self, topic: str, kind: str, more: Mapping[str, Any]) -> None:
        name = self._subscription(topic, kind)
        request = {"name": name, "topic": self._topic(topic), "ack_deadline_seconds": ACK_SECONDS, **more}
        self._subscriber.create_subscription(request=request)

    def _topic(self, topic: str) -> str:
        return f"projects/{self.project}/topics/{topic}"

    def _subscription(self, topic: str, kind: str) -> str:
        return f"projects/{self.project}/subscriptions/{topic}-{kind}"
