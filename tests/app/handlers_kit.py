"""A kit to try the use cases in: the simulation's ports around one store, under a clock that only a test moves.

Everything keeps state. Every effect of a handler (a write, a call, a publication, a notice, a row of the record)
is counted, and the process or the connection can be made to die just before or just after any of them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import count
from typing import Any, TypeVar

from shared.adapters.local.memory import MemoryStore
from shared.app.context import Context
from shared.app.state.repository import load_run, transition_path
from shared.app.sweep.handler import handle_sweep
from shared.app.sweep.sweep import SweepOptions
from shared.app.transitions.receive import Receipt, receive
from shared.cli import main as orch
from shared.core.errors import Unavailable
from shared.core.message import Delivery
from shared.core.model import Completion, Lane, Run, RunKey, TransitionState
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.documents import from_data
from shared.ports import (
    AuditLog,
    Delivered,
    Document,
    Message,
    Notice,
    Refused,
    Response,
    Row,
    StateStore,
)
from shared.simulation.fakes.audit_log import SimulatedAuditLog
from shared.simulation.fakes.clock import Actor, VirtualClock
from shared.simulation.fakes.fault_injector import FaultInjector
from shared.simulation.fakes.services import SimulatedAlerts, SimulatedBus, SimulatedServices
from shared.simulation.fakes.store import SimulatedStore
from shared.simulation.fakes.warehouse import SimulatedWarehouse
from shared.simulation.history import History
from shared.simulation.scenario import Change, FaultKind, GameCount, Health
from shared.simulation.scheduler import Scheduler
from shared.simulation.world import WorldPorts
from shared.simulation.world_data import WorldData
from tests.core.build import DAY, GAMES, NIGHT, PHASE_OF, POLICY, T0

T = TypeVar("T")
MINUTE = timedelta(minutes=1)
FOREVER = timedelta(days=3650)
PLENTY = 1000
Where = Mapping[str, str | int | bool | None]


class Fate(StrEnum):
    """What happens at one effect: the process dies, or the caller hears nothing, before it is done or after."""

    DIES_BEFORE = "dies before"
    DIES_AFTER = "dies after"
    SILENT_BEFORE = "no answer, not done"
    SILENT_AFTER = "no answer, but done"


@dataclass(frozen=True)
class Called:
    at: datetime
    service: str
    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Published:
    at: datetime
    topic: str
    message: Message

    @property
    def body(self) -> Mapping[str, Any]:
        return self.message.body


class Effects:
    """Everything that left a handler, in order, by name; ``fate`` befalls the one of that number."""

    def __init__(self, stage: FaultInjector) -> None:
        self._stage = stage
        self.done: list[str] = []
        self.fate: tuple[int, Fate] | None = None

    @contextmanager
    def one(self, port: str, what: str) -> Iterator[None]:
        number = len(self.done)
        self.done.append(f"{port} {what}")
        fate = self.fate[1] if self.fate is not None and self.fate[0] == number else None
        if fate in (Fate.DIES_BEFORE, Fate.SILENT_BEFORE):
            self._meet(port, fate)
        yield
        if fate is not None:
            self._meet(port, fate)

    def _meet(self, port: str, fate: Fate) -> None:
        actor = self._stage.clock.actor
        if fate in (Fate.SILENT_BEFORE, Fate.SILENT_AFTER):
            raise Unavailable(port, fate.value)
        assert actor is not None
        self._stage.die(actor, fate.value)


class CountedStore(StateStore):
    """A ``StateStore`` around another: what is billed, by Firestore's rule, and how many round trips there were."""

    def __init__(self, inner: StateStore, effects: Effects) -> None:
        self.inner, self._effects = inner, effects
        self.operations: Counter[str] = Counter()
        self.written: list[str] = []

    def get(self, *paths: str) -> list[Document | None]:
        self._bill(reads=len(set(paths)))
        return self.inner.get(*paths)

    def query(self, collection: str, where: Where | None = None) -> list[Document]:
        documents = self.inner.query(collection, where)
        self._bill(reads=max(1, len(documents)))
        return documents

    def between(self, collection: str, field: str, first: str, last: str, most: int | None = None) -> list[Document]:
        documents = self.inner.between(collection, field, first, last, most)
        self._bill(reads=max(1, len(documents)))
        return documents

    def count(self, collection: str, where: Where | None = None) -> int:
        self._bill(reads=1)
        return self.inner.count(collection, where)

    def query_and_get(
        self, collection: str, where: Where | None, *paths: str
    ) -> tuple[list[Document], list[Document | None]]:
        answers = self.inner.query_and_get(collection, where, *paths)
        self._bill(reads=max(1, len(answers[0])) + len(set(paths)))
        return answers

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        self._bill(writes=1)
        with self._effects.one("state", f"create {path}"):
            version = self.inner.create(path, data)
            self.written += [path] if version else []
        return version

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        self._bill(writes=1)
        with self._effects.one("state", f"update {path}"):
            written = self.inner.update(path, data, version)
            self.written += [path] if written else []
        return written

    def delete(self, path: str) -> None:
        self._bill(deletes=1)
        with self._effects.one("state", f"delete {path}"):
            self.inner.delete(path)

    def _bill(self, **operations: int) -> None:
        self.operations.update({"trips": 1, **operations})


class KeepingBus(SimulatedBus):
    """A bus that keeps what it took; ``during`` runs while a publication is under way."""

    def __init__(self, stage: FaultInjector, effects: Effects) -> None:
        super().__init__(stage, self._arrived)
        self._clock, self._effects = stage.clock, effects
        self.published: list[Published] = []
        self.during: Callable[[], object] | None = None

    def publish(self, topic: str, messages: Sequence[Message]) -> list[str]:
        with self._effects.one("bus", f"publish {topic}"):
            if self.during is not None:
                during, self.during = self.during, None
                during()
            return super().publish(topic, messages)

    def _arrived(self, topic: str, message: Message, times: int) -> None:
        self.published.append(Published(self._clock.now(), topic, message))


class AnsweringServices(SimulatedServices):
    """Services that answer calls with ``answers[service]``: a status and a body, None for silence, or an error."""

    def __init__(self, policy: Policy, stage: FaultInjector, effects: Effects) -> None:
        super().__init__(policy, stage, lambda service, path, body, taken: None)
        self._effects = effects
        self.answers: dict[str, Response | Unavailable | None] = {}
        self.calls: list[Called] = []
        self.asked: Counter[str] = Counter()

    def request(self, method: str, url: str, body: Mapping[str, Any] | None, timeout: timedelta) -> Response:
        service = next(name for name, base in self.endpoints.items() if url.startswith(base))
        if method == "GET":
            self.asked[service] += 1
            return super().request(method, url, body, timeout)
        with self._effects.one(service, f"call {url}"):
            self.calls.append(Called(self._stage.clock.now(), service, url[len(self.endpoints[service]) :], body or {}))
            if service not in self.answers:
                return super().request(method, url, body, timeout)
            answer = self.answers[service]
            if isinstance(answer, Unavailable):
                raise answer
            return self._silent(service, timeout) if answer is None else answer


class KeepingSink(SimulatedAlerts):
    """An alert sink that keeps the notices it took."""

    def __init__(self, stage: FaultInjector, effects: Effects) -> None:
        super().__init__(stage)
        self._clock, self._effects = stage.clock, effects
        self.taken: list[tuple[datetime, Notice]] = []
        self.messages: list[Notice] = []
        self.tried = 0

    def send(self, notice: Notice) -> Delivered | Refused:
        self.tried += 1
        with self._effects.one("slack", f"send {notice.kind}"):
            result = super().send(notice)
            if isinstance(result, Delivered):
                self.messages.append(notice)
                self.taken += [(self._clock.now(), part) for part in notice.parts]
        return result


class CountedAuditLog(SimulatedAuditLog):
    """A record with a fault of its own: port ``record``."""

    def __init__(self, stage: FaultInjector, effects: Effects) -> None:
        super().__init__(stage)
        self._effects = effects
        self.tried = 0

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        self.tried += 1
        with self._effects.one("record", f"insert {table}"):
            self._stage.answer("record")
            super().insert(table, rows)

    def completions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        self._stage.answer("record")
        return super().completions(pipeline, first, last)

    def executions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        self._stage.answer("record")
        return super().executions(pipeline, first, last)


class HandlersKit:
    """One store, one outside world, and any number of instances of the functions in it."""

    def __init__(
        self,
        *,
        policy: Policy = POLICY,
        store: StateStore | None = None,
        start: datetime = T0,
        seed: int | None = None,
        audit: AuditLog | None = None,
        version: str = "v1",
    ) -> None:
        self.policy, self.clock, self.history = policy, VirtualClock(start, seed or 0), History()
        self.baton = Scheduler(self.clock, seed)
        self.stage = FaultInjector(self.clock, self.baton, self.history)
        self.effects = Effects(self.stage)
        self.facts = WorldData(policy, start)
        self.store = CountedStore(store or MemoryStore(), self.effects)
        self.bus = KeepingBus(self.stage, self.effects)
        self.services = AnsweringServices(policy, self.stage, self.effects)
        self.sink = KeepingSink(self.stage, self.effects)
        self.audit = CountedAuditLog(self.stage, self.effects)
        self.log: list[tuple[str, str, dict[str, object]]] = []
        self.waited = timedelta()
        # Hours pass here without a sweep: whether one came late is not asked.
        self.sweep_every: timedelta | None = None
        self.ports = WorldPorts(
            store=SimulatedStore(self.store, self.stage, lambda path: None),
            warehouse=SimulatedWarehouse(self.facts, self.stage),
            audit=audit or self.audit,
            bus=self.bus,
            http=self.services,
            alerts=self.sink,
            clock=self.clock,
        )
        self._ids = count(1)
        self.ctx = self.instance(version)

    def instance(self, version: str = "v1", policy: Policy | None = None) -> Context:
        """Return the context of a fresh instance, which remembers nothing."""
        policy = policy or self.policy
        ctx = Context(policy, Names(policy), self.ports, dict(self.services.endpoints), self._log, version)
        return replace(ctx, sweep_every=self.sweep_every)

    def with_ports(self, **ports: Any) -> Context:
        """Return a fresh instance with other ports."""
        return replace(self.instance(), ports=replace(self.ports, **ports))

    # the world

    def ordinary(self, day: date = DAY, games: int = GAMES, rows: int = PLENTY) -> HandlersKit:
        """Let a date have its games, all final, and every table its rows."""
        self.change(games={day: GameCount(final=games)}, rows={table: {day: rows} for table in tables(self.policy)})
        return self

    def change(self, **what: Any) -> None:
        self.facts.merge(Change(**what))

    def health(self, service: str, health: Health) -> None:
        self.services.health[service] = health

    def fail(self, port: str, kind: FaultKind = FaultKind.UNAVAILABLE, lasts: timedelta = FOREVER) -> None:
        self.stage.fail(port, kind, lasts)

    def restore(self) -> None:
        """End every fault."""
        self.stage._faults.clear()

    def wait(self, duration: timedelta = MINUTE) -> None:
        self.clock.instant += duration

    # what handlers do

    def act(self, action: Callable[[], T], name: str = "handler") -> T:
        """Run a handler as a process of its own, whose waiting passes for it alone."""
        before, actor = self.clock.actor, Actor(name, self.clock.now())
        self.clock.actor = actor
        try:
            return action()
        finally:
            self.waited = actor.waited
            self.clock.actor = before

    def message(
        self, processor: str, status: str = "success", records: int | None = None, **body: Any
    ) -> dict[str, Any]:
        fields = {"processor_name": processor, "game_date": DAY.isoformat(), "mode": "overnight", "status": status}
        return {**fields, **({} if records is None else {"record_count": records}), **body}

    def delivery(self, phase: str, data: bytes, message_id: str = "", published: datetime | None = None) -> Delivery:
        now = self.clock.now()
        return Delivery(message_id or f"m-{next(self._ids)}", phase, data, published or now, now)

    def take(self, phase: str, data: bytes, message_id: str = "", ctx: Context | None = None) -> Receipt:
        """Let one message of a topic be handled, whatever is in it."""
        delivery = self.delivery(phase, data, message_id)
        return self.act(lambda: receive(ctx or self.ctx, delivery))

    def deliver(
        self,
        processor: str,
        status: str = "success",
        records: int | None = None,
        *,
        ctx: Context | None = None,
        message_id: str = "",
        **body: Any,
    ) -> Receipt:
        """Let one completion be handled; raises what the platform would answer by delivering it again."""
        message = self.message(processor, status, records, **body)
        return self.take(PHASE_OF[processor], json.dumps(message).encode(), message_id, ctx)

    def finish_phase2(self) -> None:
        """Let phase 2 report all that its transition waits for."""
        self.finish(*sorted(self.policy.transitions["phase2_to_phase3"].expects["overnight"].expected), records=200)

    def finish(self, *processors: str, **body: Any) -> None:
        for processor in processors:
            self.deliver(processor, **body)

    def sweep(self, wish: SweepOptions | None = None, ctx: Context | None = None) -> Answered:
        """Call the sweep as its function does."""
        findings, status = self.act(lambda: handle_sweep(ctx or self.ctx, wish or SweepOptions()), "sweep")
        return Answered(status, findings)

    def sweeps(self, minutes: int, ctx: Context | None = None) -> list[Answered]:
        """Let so many minutes pass, with a sweep at the end of each."""
        answers = []
        for _ in range(minutes):
            self.wait()
            answers.append(self.sweep(ctx=ctx))
        return answers

    def orch(self, *argv: str, ctx: Context | None = None) -> tuple[int, str]:
        return self.act(lambda: orch.run(list(argv), ctx or self.ctx), "operator")

    def at_once(self, *actions: Callable[[], object]) -> None:
        """Let handlers work at once, another after every operation on the store."""
        now = self.clock.now()
        self.baton.run([(Actor(f"racer {n}", now), _quiet(action)) for n, action in enumerate(actions)])

    # what can be seen

    def state(self, transition: str, key: RunKey = NIGHT) -> TransitionState:
        [document] = self.store.inner.get(transition_path(key, transition))
        return TransitionState() if document is None else from_data(TransitionState, document.data)

    def run(self, key: RunKey = NIGHT) -> Run:
        run = load_run(self.store.inner, key).run
        assert run is not None
        return run.value

    def completion(self, processor: str, key: RunKey = NIGHT) -> Completion | None:
        phases = load_run(self.store.inner, key).completions
        return phases.get(PHASE_OF[processor], {}).get(processor)

    @property
    def calls(self) -> list[Called]:
        """The dispatching calls; reruns are ``reruns``."""
        return [call for call in self.services.calls if "trigger_id" in call.body]

    @property
    def reruns(self) -> list[Called]:
        return [call for call in self.services.calls if call.body.get("repair") is True]

    @property
    def published(self) -> list[Published]:
        return self.bus.published

    @property
    def trigger_ids(self) -> list[str]:
        """The trigger ids of the messages, in the order they left; messages of one dispatch count once."""
        sent = [(publication.body["trigger_id"], publication.body["attempt"]) for publication in self.published]
        return [trigger_id for trigger_id, _ in dict.fromkeys(sent)]

    def notices(self, kind: str = "", *, resolved: bool | None = None) -> list[Notice]:
        return [
            notice for _, notice in self.sink.taken if kind in ("", notice.kind) and resolved in (None, notice.resolved)
        ]

    def texts(self, kind: str = "") -> list[str]:
        return [notice.text for notice in self.notices(kind)]

    def logged(self, event: str) -> list[dict[str, object]]:
        return [keys for name, _, keys in self.log if name == event]

    def documents(self, collection: str) -> list[Mapping[str, Any]]:
        return [document.data for document in self.store.inner.query(collection)]

    def contents(self, prefix: str = "") -> dict[str, Any]:
        """Return everything a memory store holds under a prefix, by path."""
        inner = self.store.inner
        assert isinstance(inner, MemoryStore)
        return {
            document.path: document.data
            for documents in inner._collections.values()
            for document in documents.values()
            if document.path.startswith(prefix)
        }

    def _log(self, event: str, /, severity: str = "INFO", **keys: object) -> None:
        self.log.append((event, severity, keys))


@dataclass(frozen=True)
class Answered:
    """What the sweep answered."""

    status: int
    findings: list[dict[str, Any]]

    def about(self, what: str) -> list[dict[str, Any]]:
        return [finding for finding in self.findings if finding["what"] == what]


def tables(policy: Policy) -> list[str]:
    processors = (processor for phase in policy.phases.values() for processor in phase.processors.values())
    return [table for processor in processors for table in processor.tables]


def lane(key: RunKey) -> RunKey:
    return replace(key, lane=Lane.BACKFILL)


def _quiet(action: Callable[[], object]) -> Callable[[], None]:
    """Return a task that ends quietly where the platform would deliver again."""

    def task() -> None:
        try:
            action()
        except Unavailable:
            return

    return task
