"""A small phase 1: its own store, bus, scrapers and clock, with handlers that may die at any effect."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from shared.adapters.config.policy_file import load_policy
from shared.adapters.config.workflows_file import load_workflows
from shared.adapters.local.memory import MemoryStore
from shared.app.context import Context
from shared.app.workflows import supervision
from shared.app.workflows.controller import Tick, tick
from shared.app.workflows.executor import execute
from shared.app.workflows.store import RUNS
from shared.core.errors import Unavailable
from shared.core.policy.names import Names
from shared.core.reporting.findings import Sweep
from shared.core.workflows.model import Workflows, topic_of
from shared.core.workflows.runs import WorkflowRun
from shared.core.workflows.units import ScheduledUnit
from shared.documents import from_data
from shared.ports import CalendarRef, Delivered, Document, Message, Notice, Response, UnitsRef
from shared.simulation.fakes.clock import VirtualClock
from shared.simulation.workflows.loop import VirtualCalls
from tests.plain_ports import FullWarehouse, PlainPorts
from tests.policy_files import PRODUCTION

POLICY = load_policy(PRODUCTION)
SUCCESS = Response(200, json.dumps({"status": "success", "data_summary": {"rowCount": 3, "ids": ["a", "b", "c"]}}))
Where = Mapping[str, str | int | bool | None]


class Died(BaseException):
    """The process of a handler ends here."""


class MortalStore:
    """A store whose caller dies before or after its n-th write; ``writes`` counts them."""

    def __init__(self) -> None:
        self.inner, self.writes, self.dies_at, self.after = MemoryStore(), 0, 0, False
        self.get, self.query, self.count, self.delete = (
            self.inner.get,
            self.inner.query,
            self.inner.count,
            self.inner.delete,
        )
        self.query_and_get = self.inner.query_and_get
        self.reads = Counter[str]()
        self.refuses = False

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        return self._write(lambda: self.inner.create(path, data))

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        return self._write(lambda: self.inner.update(path, data, version))

    def _write(self, write: Callable[[], str | None]) -> str | None:
        if self.refuses:
            raise Unavailable("state", "refused (test)")
        self.writes += 1
        if self.writes == self.dies_at and not self.after:
            raise Died
        version = write()
        if self.writes == self.dies_at:
            raise Died
        return version


class CountingStore(MortalStore):
    """Counts round trips of reads."""

    def __init__(self) -> None:
        super().__init__()
        inner = self.inner

        def get(*paths: str) -> list[Document | None]:
            self.reads["get"] += 1
            return inner.get(*paths)

        def query(collection: str, where: Where | None = None) -> list[Document]:
            self.reads["query"] += 1
            return inner.query(collection, where)

        self.get, self.query, self.between = get, query, inner.between


class Bus:
    """Keeps what is published until it is delivered."""

    def __init__(self) -> None:
        self.waiting: deque[Mapping[str, Any]] = deque()
        self.drops = False

    def publish(self, topic: str, messages: Sequence[Message]) -> list[str]:
        assert topic == topic_of(POLICY.pipeline)
        if not self.drops:
            self.waiting += [message.body for message in messages]
        return ["1"] * len(messages)


class Alerts:
    """Keeps every notice."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def send(self, notice: Notice) -> Delivered:
        self.notices += notice.parts
        return Delivered()


class Schedule(FullWarehouse):
    """A calendar of named units, and a table that holds some of them."""

    def __init__(self) -> None:
        self.of: dict[date, tuple[ScheduledUnit, ...]] = {}
        self.collected: frozenset[str] | None = frozenset()

    def schedule(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, tuple[ScheduledUnit, ...]]:
        return {day: self.of.get(day, ()) for day in days}

    def held(self, tables: Sequence[UnitsRef], day: date) -> dict[str, frozenset[str] | None]:
        return {ref.label: self.collected for ref in tables}


class Scrapers:
    """Answers every call; ``answers`` by scraper, one a call, the last for ever, each after so many seconds."""

    def __init__(self) -> None:
        self.calls: list[Mapping[str, Any]] = []
        self.answers: dict[str, list[tuple[Response, float]]] = {}
        self.open = self.most_open = 0

    async def request(self, method: str, url: str, body: Mapping[str, Any] | None) -> Response:
        assert body is not None
        self.calls.append(body)
        listed = self.answers.get(body["scraper"], [(SUCCESS, 0.0)])
        answer, seconds = listed.pop(0) if len(listed) > 1 else listed[0]
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.open -= 1
        return answer


def loaded(overlay: Mapping[str, Any] | None) -> Workflows:
    """Return the production workflows with an overlay laid over them."""
    return _loaded(json.dumps(overlay or {}))


@cache
def _loaded(overlay: str) -> Workflows:
    return load_workflows(PRODUCTION.parent / "workflows.yaml", POLICY, json.loads(overlay))


class Phase1:
    """One pipeline's phase 1 on embedded ports; ``overlay`` is laid over the production workflows."""

    def __init__(self, start: datetime, overlay: Mapping[str, Any] | None = None) -> None:
        self.workflows = loaded(overlay)
        self.clock, self.store = VirtualClock(start), CountingStore()
        self.bus, self.alerts, self.scrapers, self.warehouse = Bus(), Alerts(), Scrapers(), Schedule()
        ports = PlainPorts(
            self.store,
            bus=self.bus,  # type: ignore[arg-type]
            warehouse=self.warehouse,
            alerts=self.alerts,  # type: ignore[arg-type]
            clock=self.clock,
        )
        endpoints = dict.fromkeys(POLICY.services, "http://service")
        self.calls = VirtualCalls(self.scrapers, self.clock.now, self.pass_time)
        self.logged: list[tuple[str, dict[str, object]]] = []
        self.ctx = Context(
            POLICY, Names(POLICY), ports, endpoints, self._log, workflows=self.workflows, calls=self.calls
        )

    def _log(self, event: str, /, severity: str = "INFO", **keys: object) -> None:
        self.logged.append((event, keys))

    def pass_time(self, length: timedelta) -> None:
        self.clock.instant += length

    def tick(self) -> Tick:
        return tick(self.ctx, self.workflows)

    def deliver(self, body: Mapping[str, Any] | None = None) -> str:
        """Run the step of a message, by default of the one that waits longest."""
        return execute(self.ctx, self.workflows, self.calls, self.bus.waiting.popleft() if body is None else body)

    def deliver_all(self) -> list[str]:
        """Deliver until nothing waits; a delivery that another handler keeps from its run comes again later."""
        done = []
        while self.bus.waiting:
            body = self.bus.waiting.popleft()
            try:
                done.append(self.deliver(body))
            except Unavailable:
                self.pass_time(timedelta(seconds=30))
                self.bus.waiting.append(body)
        return done

    def look(self) -> Sweep:
        done = Sweep()
        supervision.look(self.ctx, done)
        return done

    def runs(self) -> list[WorkflowRun]:
        return [from_data(WorkflowRun, document.data) for document in self.store.inner.query(RUNS)]

    def run(self, workflow: str) -> WorkflowRun:
        [workflow_run] = [run for run in self.runs() if run.workflow == workflow]
        return workflow_run

    def called(self) -> Counter[str]:
        """How often each execution id was called."""
        return Counter(str(call["execution_id"]) for call in self.scrapers.calls)

    def texts(self, kind: str) -> list[str]:
        return [notice.text for notice in self.alerts.notices if notice.kind == kind]
