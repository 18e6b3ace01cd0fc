"""How messages travel: the local bus, or Google's emulators; both push over HTTP as Pub/Sub does."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Protocol

from shared.adapters.clock import SystemClock
from shared.adapters.google.pubsub import PubSubBus
from shared.adapters.http import RequestsHttp
from shared.adapters.local.bus import LocalBus
from shared.core.message import Counted, Delivery, parse
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.ports import Message, StateStore
from shared.simulation.world import Envelope

_PUSH_TIMEOUT = timedelta(seconds=60)
_ARRIVES = timedelta(seconds=5)
_SETTLES = timedelta(seconds=0.3)
_POLL = timedelta(seconds=0.05)


class PushFailed(Exception):
    """A function did not take a message: names it and its answer."""

    def __init__(self, function: str, answer: str) -> None:
        super().__init__(f"{function} answers {answer}")
        self.function = function


class BusWiring(Protocol):
    """Carries a night's messages."""

    def publish(self, envelope: Envelope) -> str:
        """Publish a completion and return its message id."""

    def wait_until_quiet(self) -> None:
        """Wait until everything published has been taken in; raises ``PushFailed``."""


class LocalBusWiring:
    """The local bus, pumped from here."""

    def __init__(self, bus: LocalBus, policy: Policy, functions: Mapping[str, str], world: str) -> None:
        self._bus, self._policy = bus, policy
        self._functions = function_by_topic(policy)
        self._http = RequestsHttp(identity_tokens=False, clock=SystemClock())
        for topic, url in subscribers(policy, functions, world).items():
            bus.add_topic(topic, url)

    def publish(self, envelope: Envelope) -> str:
        topic = self._policy.phases[envelope.phase].completions_topic
        return self._bus.publish(topic, [Message(json.loads(envelope.data), envelope.attributes)])[0]

    def wait_until_quiet(self) -> None:
        while pushes := self._bus.deliver(self._http):
            for push in pushes:
                if not push.accepted:
                    raise PushFailed(self._functions.get(push.topic, "the world"), str(push.answer))


class EmulatorBusWiring:
    """Topics and push subscriptions of a Pub/Sub emulator, which pushes by itself and tells nobody.

    ``busy`` says whether a function still has something to send.
    """

    def __init__(
        self,
        project: str,
        policy: Policy,
        functions: Mapping[str, str],
        world: str,
        store: StateStore,
        busy: Callable[[], bool],
    ) -> None:
        self._policy, self._store, self._busy, self._clock = policy, store, busy, SystemClock()
        self._bus = PubSubBus(project)
        self._under_way: set[str] = set()
        for topic, url in subscribers(policy, functions, world).items():
            subscribe(project, topic, f"{topic}-push", f"{url}/projects/{project}/topics/{topic}")

    def publish(self, envelope: Envelope) -> str:
        topic = self._policy.phases[envelope.phase].completions_topic
        # The emulator stamps its own publish time, by which a report without a mode would be of another day.
        body = {**json.loads(envelope.data), "mode": mode_of(envelope, self._policy)}
        ident = self._bus.publish(topic, [Message(body, envelope.attributes)])[0]
        self._under_way.add(ident)
        return ident

    def wait_until_quiet(self) -> None:
        """Wait until what was published is recorded and what follows from it has left, and a little longer."""
        if not self._under_way:
            return
        for _ in range(int(_ARRIVES / _POLL)):
            if self._under_way <= recorded_messages(self._store) and not self._busy():
                break
            self._clock.sleep(_POLL)
        self._under_way.clear()
        self._clock.sleep(_SETTLES)


def mode_of(envelope: Envelope, policy: Policy) -> str:
    """Return the mode of a completion, by the night's own time where the message does not say it; "" for none."""
    delivery = Delivery(envelope.message_id, envelope.phase, envelope.data, envelope.published, envelope.published)
    received = parse(delivery, policy, Names(policy))
    return "" if isinstance(received, Counted) else received.key.mode


def recorded_messages(store: StateStore) -> set[str]:
    """Return the ids of the messages that the store's completions remember."""
    return {
        ident
        for run in store.query("runs")
        for completion in store.query(f"{run.path}/completions")
        for ident in completion.data.get("message_ids") or ()
    }


def function_by_topic(policy: Policy) -> dict[str, str]:
    """Return completion topic to the function that listens to it."""
    functions = {
        phase.completions_topic: policy.listener(phase.name)
        for phase in policy.phases.values()
        if phase.completions_topic
    }
    return {topic: function for topic, function in functions.items() if function is not None}


def subscribers(policy: Policy, functions: Mapping[str, str], world: str) -> dict[str, str]:
    """Return topic to base URL of whoever its messages are pushed to: the functions, and the world for triggers."""
    completions = {topic: functions[function] for topic, function in function_by_topic(policy).items()}
    triggers = {topic for transition in policy.transitions.values() for topic in transition.topics}
    return completions | dict.fromkeys(triggers, world)


def push_by_hand(url: str, topic: str, ident: str, envelope: Envelope) -> str:
    """Deliver a message once more under its old id, as Pub/Sub may; return the answer's status."""
    body: dict[str, Any] = {
        "message": {
            "data": base64.b64encode(envelope.data).decode(),
            "messageId": ident,
            "publishTime": envelope.published.isoformat().replace("+00:00", "Z"),
            "attributes": dict(envelope.attributes),
        },
        "subscription": f"projects/demo-local/subscriptions/{topic}-push",
    }
    http = RequestsHttp(identity_tokens=False, clock=SystemClock())
    return str(http.request("POST", f"{url}/projects/demo-local/topics/{topic}", body, _PUSH_TIMEOUT).status)


def subscribe(project: str, topic: str, name: str, endpoint: str) -> None:
    """Make a topic of the emulator, where there is none, and a push subscription to it."""
    from google.api_core.exceptions import AlreadyExists
    from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
    from google.cloud.pubsub_v1.types import PushConfig

    path = f"projects/{project}/topics/{topic}"
    with PublisherClient() as publisher, suppress(AlreadyExists):
        publisher.create_topic(name=path)
    with SubscriberClient() as subscriber:
        subscriber.create_subscription(
            name=f"projects/{project}/subscriptions/{name}",
            topic=path,
            push_config=PushConfig(push_endpoint=endpoint),
            ack_deadline_seconds=60,
        )
