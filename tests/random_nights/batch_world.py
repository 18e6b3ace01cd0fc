"""A random batch played through the real handlers: instances that die, answers that are lost, workers of every kind.

Whoever works may be interrupted between any two operations on the store by another delivery. A message that was not
acknowledged comes again. Everything that leaves or is written is noted with who did it, for the judges.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Any

from shared.adapters.local.memory import MemoryStore
from shared.app.batches import operate
from shared.app.batches.receive import STARTS, phase_word, receive
from shared.app.batches.store import load_batch
from shared.app.batches.tending import tend
from shared.app.context import Context
from shared.app.outcome import Why
from shared.core.batches.batch import Batch, BatchState
from shared.core.errors import Unavailable
from shared.core.message import Delivery
from shared.core.policy.batches import MemberOutcome, start_topic
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.core.reporting.findings import Sweep
from shared.ports import Document, Message, Response, StateStore
from shared.simulation.fakes.clock import Crash
from tests.core.build import NIGHT
from tests.plain_ports import FullWarehouse, NoAlerts, NoAuditLog, silent
from tests.random_nights.batch_case import LISTING, MINUTE, START, TROUBLE_LASTS, BatchCase

BATCH_ID = NIGHT.trigger_id("phase4_to_phase5", 1)
CALM = START + TROUBLE_LASTS * MINUTE
LASTS = timedelta(hours=4)
INSTANCES, DEEPEST = 3, 2
AGAIN_AFTER = timedelta(seconds=10)
INTERRUPTED = 0.3
Where = Mapping[str, str | int | bool | None]


@dataclass
class Handler:
    """Somebody at work: ``kept`` are the members with an outcome when it began, ``broken`` says that
    something failed on it."""

    number: int
    what: str
    kept: frozenset[str]
    closings: int
    broken: bool = False
    waited: timedelta = field(default_factory=timedelta)


@dataclass(frozen=True)
class Event:
    """Something that left or was written: a request, a step, an end, an outcome, the batch itself."""

    at: datetime
    handler: Handler
    kind: str
    name: str
    data: Mapping[str, Any]
    kept: frozenset[str]
    attempt: int = 0


@dataclass(frozen=True)
class Post:
    """A message on its way."""

    phase: str
    body: Mapping[str, Any]
    number: int
    published_at: datetime


class BatchWorld:
    """One batch and everything around it."""

    def __init__(self, policy: Policy, case: BatchCase) -> None:
        self.case, self.policy = case, policy
        self.chance = Random(f"play/{case.seed}")
        self.store, self.instant = MemoryStore(), START
        self.events: list[Event] = []
        self.outcomes: dict[str, Mapping[str, Any]] = {}
        self.acknowledged: set[str] = set()
        self.asked: dict[str, int] = {}
        self.faults = self.closings = 0
        self.unacknowledged = 0
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers, self._handlers, self._tokens = count(), count(), count()
        self._working: list[Handler] = []
        self._paths: dict[str, str] = {}
        self._instances = [self._instance() for _ in range(INSTANCES)]

    # playing

    def play(self) -> None:
        """Play until the end of the batch's time; whoever is held then is closed by a person."""
        for _ in range(self.case.start_copies):
            self._post(STARTS, self._start(), timedelta(seconds=self.chance.randint(0, 40)))
        self._put(MINUTE, self._sweep)
        self._until(START + LASTS)
        if self.batch is not None and self.batch.state is BatchState.HELD:
            self._person()
            self._until(START + LASTS + 30 * MINUTE)

    @property
    def batch(self) -> Batch | None:
        stored = load_batch(self.store, BATCH_ID)
        return None if stored is None else stored.value

    def _until(self, end: datetime) -> None:
        while self._agenda and self._agenda[0][0] <= end:
            self._next()

    def _next(self) -> None:
        at, _, action = heapq.heappop(self._agenda)
        self.instant = max(self.instant, at)
        action()

    def _put(self, after: timedelta, action: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.instant + after, next(self._numbers), action))

    def _post(self, phase: str, body: Mapping[str, Any], after: timedelta) -> None:
        post = Post(phase, body, next(self._numbers), self.instant + after)
        self._put(after, lambda: self._deliver(post))

    def _start(self) -> dict[str, Any]:
        twice = (*self.case.members, *self.case.members[:2])
        return {"batch": self.case.declared.name, "trigger_id": BATCH_ID, "players": list(twice)}

    def _deliver(self, post: Post) -> None:
        """Deliver a message; what was not acknowledged comes again."""
        delivery = Delivery(
            f"message {post.number}", post.phase, json.dumps(post.body).encode(), self.instant, post.published_at
        )
        if self._work(post.phase, lambda ctx: receive(ctx, delivery)):
            if post.phase != STARTS:
                self.acknowledged.add(str(post.body["player"]))
            return
        self.unacknowledged += 1
        self._put(AGAIN_AFTER, lambda: self._deliver(post))

    def _sweep(self) -> None:
        late = self.chance.choice((1, 1, 1, 2)) if self.instant < CALM else 1
        self._put(late * MINUTE, self._sweep)
        self._work("sweep", lambda ctx: tend(ctx, Sweep()))

    def _person(self) -> None:
        why = Why("what is there is enough", "an operator")
        self.case = replace(self.case, refuses=False)
        act = operate.retry if self.batch is not None and self.batch.closing is not None else operate.close
        self._work("person", lambda ctx: act(ctx, NIGHT, self.case.declared.name, why))

    def _work(self, what: str, work: Callable[[Context], object]) -> bool:
        """Let an instance do something; return whether it ended well. One that dies is another one afterwards."""
        place = self.chance.randrange(INSTANCES)
        handler = Handler(next(self._handlers), what, frozenset(self.outcomes), self.closings)
        self._working.append(handler)
        try:
            work(self._instances[place])
        except Crash:
            self._instances[place] = self._instance()
            return False
        except Unavailable:
            handler.broken = True
            return False
        finally:
            self._working.pop()
        return True

    def _instance(self) -> Context:
        endpoints = dict.fromkeys(self.policy.services, "http://service")
        return Context(self.policy, Names(self.policy), WorldPorts(self), endpoints, silent, "random")

    # what the ports call

    @property
    def handler(self) -> Handler:
        return self._working[-1]

    def now(self) -> datetime:
        return self.instant + (self.handler.waited if self._working else timedelta())

    def token(self) -> str:
        return f"{next(self._tokens):032x}"

    def interrupt(self) -> None:
        """Let somebody else act in the middle of what is done."""
        due = self._agenda and self._agenda[0][0] <= self.now()
        if due and len(self._working) < DEEPEST and self.chance.random() < INTERRUPTED:
            self._next()

    def away(self, port: str) -> None:
        """Raise ``Unavailable`` while a port is away."""
        if any(
            outage_port == port and begins <= self.instant < ends for outage_port, begins, ends in self.case.outages
        ):
            self.faults += 1
            self.handler.broken = True
            raise Unavailable(port, "away (simulated)")

    def effect(self, port: str, act: Callable[[], Any]) -> Any:
        """Do what has an effect, unless whoever does it dies, is refused, or never hears the answer."""
        self.away(port)
        fails = self.instant < CALM and self.chance.random() < self.case.trouble
        if not fails:
            return act()
        self.faults += 1
        self.handler.broken = True
        fate = self.chance.choice(("dies before", "dies after", "refused", "answer lost"))
        if fate == "dies before":
            raise Crash
        if fate == "refused":
            raise Unavailable(port, "refused (simulated)")
        act()
        if fate == "dies after":
            raise Crash
        raise Unavailable(port, "no answer (simulated)")

    def note(self, kind: str, name: str, data: Mapping[str, Any], attempt: int = 0) -> None:
        event = Event(self.now(), self.handler, kind, name, data, frozenset(self.outcomes), attempt)
        self.events.append(event)

    def wrote(self, path: str, data: Mapping[str, Any]) -> None:
        if "/batch_outcomes/" in path:
            self.note("outcome", str(data["member"]), data)
            self.outcomes[str(data["member"])] = data
        elif path.count("/") == 1 and path.startswith("batches/"):
            if data["closing"] is not None and self._last_closing() != data["closing"]:
                self.closings += 1
            self.note("batch", BATCH_ID, data)

    def _last_closing(self) -> object:
        return next((event.data["closing"] for event in reversed(self.events) if event.kind == "batch"), None)

    def published(self, topic: str, message: Message) -> None:
        declared = self.case.declared
        if topic == start_topic(self.policy.pipeline):
            self._post(STARTS, message.body, timedelta(seconds=1))
        elif topic == declared.request.topic:
            member = message.attributes["member"]
            self.note("request", member, {**message.body, **message.attributes}, int(message.attributes["attempt"]))
            self._answer(member)
        elif message.body["status"] != "started":
            self.note("end", str(message.body["generation"]), message.body)

    def _answer(self, member: str) -> None:
        """Let a worker do what it does with this request of its member."""
        answers, number = self.case.answers[member], self.asked.get(member, 0)
        self.asked[member] = number + 1
        following = answers[number + 1 :] if number == 0 and answers[0].outcome is MemberOutcome.FAILED else ()
        for place, answer in enumerate((answers[min(number, len(answers) - 1)], *following)):
            if answer.outcome is None:
                continue
            body = {"player": member, "batch_id": BATCH_ID, "outcome": answer.outcome.value}
            if answer.count is not None:
                body["count"] = str(answer.count)
            for copy in range(answer.copies):
                self._post(phase_word(self.case.declared), body, answer.after * (place + 1) + copy * AGAIN_AFTER)


class WorldPorts(StateStore):
    """The ports of one instance, all of which speak with one world."""

    def __init__(self, world: BatchWorld) -> None:
        self._world = world
        self.store = self.bus = self.http = self.clock = self
        self.warehouse = WorldWarehouse(world)
        self.audit, self.alerts = NoAuditLog(), NoAlerts()

    # the store

    def get(self, *paths: str) -> list[Document | None]:
        self._read()
        return self._world.store.get(*paths)

    def query(self, collection: str, where: Where | None = None) -> list[Document]:
        self._read()
        return self._world.store.query(collection, where)

    def between(self, collection: str, field: str, first: str, last: str, most: int | None = None) -> list[Document]:
        self._read()
        return self._world.store.between(collection, field, first, last, most)

    def count(self, collection: str, where: Where | None = None) -> int:
        self._read()
        return self._world.store.count(collection, where)

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        return self._write(path, data, lambda: self._world.store.create(path, data))

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        return self._write(path, data, lambda: self._world.store.update(path, data, version))

    def delete(self, path: str) -> None:
        self._world.effect("state", lambda: self._world.store.delete(path))

    def _read(self) -> None:
        self._world.interrupt()
        self._world.away("state")

    def _write(self, path: str, data: Mapping[str, Any], act: Callable[[], str | None]) -> str | None:
        def written() -> str | None:
            version = act()
            if version is not None:
                self._world.wrote(path, data)
            return version

        self._world.interrupt()
        version: str | None = self._world.effect("state", written)
        return version

    # bus, services, clock

    def publish(self, topic: str, messages: Sequence[Message]) -> list[str]:
        for message in messages:
            self._world.effect("bus", partial(self._world.published, topic, message))
        return [self._world.token() for _ in messages]

    def request(self, method: str, url: str, body: Mapping[str, Any] | None, timeout: timedelta) -> Response:
        if method == "GET":
            return Response(200, '{"status": "idle"}')
        if self._world.case.refuses:
            return Response(422, '{"error": "not this one"}')
        self._world.effect("services", lambda: self._world.note("step", url, body or {}))
        return Response(200, "{}")

    def now(self) -> datetime:
        return self._world.now()

    def sleep(self, duration: timedelta) -> None:
        self._world.handler.waited += duration

    def token(self) -> str:
        return self._world.token()


class WorldWarehouse(FullWarehouse):
    """Lists the members, one of them twice; runs the statement of a close."""

    def __init__(self, world: BatchWorld) -> None:
        self._world = world

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        world = self._world
        if sql == LISTING:
            world.away("warehouse")
            return [{"player": member} for member in (*world.case.members, *world.case.members[:1])]
        world.effect("warehouse", lambda: world.note("step", sql, parameters))
        return []


def played(policy: Policy, case: BatchCase) -> BatchWorld:
    """Play a batch to its end, as the only one of a policy."""
    world = BatchWorld(replace(policy, batches={case.declared.name: case.declared}), case)
    world.play()
    return world
