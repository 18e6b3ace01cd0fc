"""A crowd before a function: Pub/Sub pushes to as many instances as the manifest allows; the platform refuses the rest.

The front stands for Cloud Run: an instance takes no more requests at once than its concurrency; when all are full, a
request waits for a place, and is answered 429 where none becomes free in time (About instance autoscaling,
https://cloud.google.com/run/docs/about-instance-autoscaling: up to ten seconds). Pub/Sub takes anything but a success
for a nack, and comes again.
"""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from typing import Any

from google.api_core.exceptions import DeadlineExceeded
from google.cloud.pubsub_v1 import SubscriberClient

from shared.adapters.push import Push, push_of
from shared.app.context import Context
from shared.app.transitions.cloudevents import delivery_of
from shared.app.transitions.receive import receive
from shared.core.errors import OrchError
from tests.emulators.relays import served_by

# One instance: takes the path and the body of a request, and returns the status of its answer.
Instance = Callable[[str, bytes], int]
FULL = 429
# Seconds after which a crowd that is smaller than expected is let through.
HELD = 60.0
TAKEN = range(200, 300)


@dataclass
class Front:
    """What stands before the instances of a function. ``waits`` are the seconds that a request waits for a place.

    Requests that have a place are held until all places are taken and ``refused`` others have been refused, so that a
    crowd is at once however fast the instances are. A crowd that never comes to that is let through after a minute.
    """

    instances: Sequence[Instance]
    concurrency: int
    waits: float = 0.0
    refused: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    at_once: list[int] = field(default_factory=list)
    most_at_once: int = 0
    pushes: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.at_once = [0 for _ in self.instances]
        self._changed = threading.Condition()

    def answer(self, path: str, body: bytes) -> int:
        with self._changed:
            self.pushes.append(time.monotonic())
            free = self._changed.wait_for(lambda: min(self.at_once) < self.concurrency, self.waits)
            place = self._take() if free else None
        status = FULL
        if place is not None:
            try:
                self._held()
                status = self.instances[place](path, body)
            finally:
                with self._changed:
                    self.at_once[place] -= 1
                    self._changed.notify_all()
        with self._changed:
            self.answers[status] += 1
            self._changed.notify_all()
        return status

    @property
    def taken(self) -> int:
        return sum(number for status, number in self.answers.items() if status in TAKEN)

    def _held(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.answers[FULL] >= self.refused, HELD)

    def _take(self) -> int:
        place = self.at_once.index(min(self.at_once))
        self.at_once[place] += 1
        self.most_at_once = max(self.most_at_once, *self.at_once)
        return place


@contextmanager
def fronted(front: Front) -> Iterator[str]:
    """Serve a front for the length of a ``with`` block; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(front.answer(self.path, body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with served_by(Handler) as url:
        yield url


@dataclass(frozen=True)
class BackOff:
    """The retry policy of a subscription; ``scale`` shortens its waits, so that a test need not take as long."""

    least: timedelta
    most: timedelta
    scale: float = 1.0

    def after(self, refusals: int) -> float:
        """Return the seconds that are waited after so many refusals."""
        wait = min(self.least * 2.0 ** (refusals - 1), self.most)
        return wait.total_seconds() * self.scale


class Pushing:
    """Pushes what a pull subscription of the emulator holds, all of it at once: nothing is slower than that.

    The emulator's own push has two requests under way, as was measured; Pub/Sub has many, and begins slowly (Push
    subscriptions, https://cloud.google.com/pubsub/docs/push). A message is acknowledged by a success alone; after
    anything else it comes again by the retry policy.
    """

    def __init__(self, project: str, topic: str, back_off: BackOff) -> None:
        self._client, self._back_off, self._path = SubscriberClient(), back_off, f"/projects/{project}/topics/{topic}"
        self._name = f"projects/{project}/subscriptions/{topic}-pushed"
        request = {"name": self._name, "topic": self._path[1:], "ack_deadline_seconds": 600}
        self._client.create_subscription(request=request)
        self.attempts: list[int] = []

    def push(self, url: str, count: int, times: int = 1) -> None:
        """Push so many messages, each of them ``times``, and return when all are acknowledged."""
        messages = self._pulled(count)
        with ThreadPoolExecutor(count * times) as pool:
            for future in [pool.submit(self._until_taken, url, message) for message in messages * times]:
                future.result()

    def left(self) -> int:
        """Return how many messages nobody has acknowledged, of those that may be pulled by now."""
        return len(self._pull(1000))

    def close(self) -> None:
        self._client.delete_subscription(subscription=self._name)
        self._client.close()

    def _until_taken(self, url: str, received: Any) -> None:
        host = url.removeprefix("http://")
        body = _wrapped(received.message, self._name)
        for attempt in range(1, 101):
            connection = HTTPConnection(host, timeout=120)
            connection.request("POST", self._path, body, {"Content-Type": "application/json"})
            status = connection.getresponse().status
            connection.close()
            if status in TAKEN:
                self._client.acknowledge(subscription=self._name, ack_ids=[received.ack_id])
                self.attempts.append(attempt)
                return
            time.sleep(self._back_off.after(attempt))
        raise AssertionError(f"{received.message.message_id} is a dead letter")

    def _pulled(self, count: int) -> list[Any]:
        messages: list[Any] = []
        end = time.monotonic() + 30
        while len(messages) < count and time.monotonic() < end:
            messages += self._pull(count - len(messages))
        assert len(messages) == count, f"{len(messages)} of {count} messages are on the topic"
        return messages

    def _pull(self, most: int) -> list[Any]:
        try:
            answer = self._client.pull(
                request={"subscription": self._name, "max_messages": most}, timeout=1.0, retry=None
            )
        except DeadlineExceeded:
            return []
        return list(answer.received_messages)


def _wrapped(message: Any, subscription: str) -> bytes:
    """Return a message as Pub/Sub pushes it."""
    content = {
        "data": b64encode(message.data).decode(),
        "attributes": dict(message.attributes),
        "messageId": message.message_id,
        "publishTime": message.publish_time.isoformat(),
    }
    return json.dumps({"message": content, "subscription": subscription}).encode()


def in_process(ctx: Context, transition: str) -> Instance:
    """Return an instance of a transition's function with ports of its own: what is raised is a 500, as it is served."""

    def take(path: str, body: bytes) -> int:
        push = push_of("POST", path, {}, body)
        assert push is not None
        try:
            receive(ctx, delivery_of(ctx, transition, _Event(push)))
        except OrchError:
            return 500
        return 204

    return take


def served_elsewhere(url: str) -> Instance:
    """Return an instance that is a process of its own."""

    def take(path: str, body: bytes) -> int:
        connection = HTTPConnection(url.removeprefix("http://"), timeout=120)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            return connection.getresponse().status
        finally:
            connection.close()

    return take


class _Event:
    """A pushed message as the framework makes an event of it."""

    def __init__(self, push: Push) -> None:
        self.data = {"message": push.message}
        self._attributes = {
            "id": push.message["messageId"],
            "time": push.message["publishTime"],
            "source": f"//pubsub.googleapis.com/projects/p/topics/{push.topic}",
        }

    def __getitem__(self, name: str) -> Any:
        return self._attributes[name]
