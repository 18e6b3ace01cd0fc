"""How the messages of a day with the stand-ins travel: the local bus, or Google's emulator; both push by HTTP.

A topic of this day may have two readers, a function and a service of the pipeline. The emulator has a subscription for
each. The local bus has one for a topic, which the relay passes on: functions take a message while the bus waits, as
deployed, and what they refuse is pushed again; a service is handed it once and works behind the bus's back.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

from shared.adapters.clock import SystemClock
from shared.adapters.http import RequestsHttp
from shared.adapters.local.bus import LocalBus
from shared.ports import Clock
from shared.simulation.demo.bus_wiring import PushFailed, subscribe
from shared.simulation.demo.relay import Relay
from shared.simulation.demo.stand_ins import READERS

_AT_REST_SECONDS = 0.2
_ACCEPTED = 202


class DayBus(Protocol):
    """Carries the messages of a day through its relay."""

    @property
    def relay(self) -> Relay:
        """What messages pass through, and what remembers them."""

    def subscribe(self, base: str) -> None:
        """Make topics and subscriptions; ``base`` is where the relay listens."""

    def carry(self) -> bool:
        """Move what is due; return whether anything was on its way. Raises ``PushFailed``."""

    def handed(self) -> Mapping[str, int]:
        """Return how many messages each service has been handed that must have begun to work on them."""


class EmulatorBus:
    """Push subscriptions of the Pub/Sub emulator, which pushes by itself and tells nobody."""

    def __init__(self, clock: Clock, targets: Mapping[str, str], project: str, functions: Mapping[str, str]) -> None:
        self.relay = Relay(clock, targets)
        self._project, self._functions, self._targets = project, functions, frozenset(targets)

    def subscribe(self, base: str) -> None:
        project = self._project
        for topic, function in self._functions.items():
            path = f"{function}/{topic}/projects/{project}/topics/{topic}"
            subscribe(project, topic, f"{function}--{topic}", f"{base}/{path}")
        for topic, (name, path) in READERS.items():
            if name in self._targets:
                subscribe(project, topic, f"{name}--{topic}", f"{base}/{name}/{topic}/{path}")

    def carry(self) -> bool:
        return not self.relay.quiet(set(self._functions.values()), _AT_REST_SECONDS)

    def handed(self) -> Mapping[str, int]:
        return {}


class EmbeddedBus:
    """The local bus, pumped from here."""

    def __init__(self, clock: Clock, targets: Mapping[str, str], file: Path, functions: Mapping[str, str]) -> None:
        self._bus, self._functions = LocalBus(file, clock), functions
        self.relay = self._relay = TopicRelay(clock, targets, self._functions)
        self._http = RequestsHttp(identity_tokens=False, clock=SystemClock())

    def subscribe(self, base: str) -> None:
        for topic in _topics(self._functions):
            self._bus.add_topic(topic, f"{base}/{TopicRelay.ALL}/{topic}")

    def carry(self) -> bool:
        pushes = self._bus.deliver(self._http)
        for push in pushes:
            if not push.accepted:
                function = self._functions.get(push.topic, push.topic)
                raise PushFailed(function, self.relay.last_answer(function) or str(push.answer))
        return bool(pushes)

    def handed(self) -> Mapping[str, int]:
        return self._relay.handed


class TopicRelay(Relay):
    """Forwards what is pushed to `/all/TOPIC` to every reader of the topic; ``handed`` counts it by service."""

    ALL = "all"

    def __init__(self, clock: Clock, targets: Mapping[str, str], functions: Mapping[str, str]) -> None:
        super().__init__(clock, targets)
        self._functions = functions
        self.handed: Counter[str] = Counter()
        self._known: set[str] = set()

    def forward(self, path: str, body: Any) -> int:
        _, name, topic, *rest = path.split("/")
        if name != self.ALL:
            return super().forward(path, body)
        ident = body["message"]["messageId"]
        if topic in READERS and ident not in self._known:
            self._known.add(ident)
            service, place = READERS[topic]
            self.handed[service] += 1
            pushed = (f"/{service}/{topic}/{place}", copy.deepcopy(body))
            Thread(target=super().forward, args=pushed, daemon=True).start()
        function = self._functions.get(topic)
        return _ACCEPTED if function is None else super().forward("/".join(("", function, topic, *rest)), body)


def _topics(functions: Iterable[str]) -> list[str]:
    return sorted({*functions, *READERS})
