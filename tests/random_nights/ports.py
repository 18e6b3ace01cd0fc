"""The ports of a random night: as fast as memory allows, each refusing what the stage says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import parse_qsl

from shared.adapters.local.memory import MemoryStore
from shared.core.errors import Unavailable
from shared.core.model import Units
from shared.core.policy.phases import Processor, Reports
from shared.core.policy.policy import Policy, Service
from shared.core.wire.answers import Means, StatusCall
from shared.core.workflows.units import ScheduledUnit
from shared.ports import (
    CalendarRef,
    Delivered,
    Document,
    Message,
    Notice,
    Refused,
    Response,
    Row,
    StateStore,
    TableRef,
    UnitsRef,
)
from shared.simulation.scenario import Health
from tests.random_nights.case import Kind
from tests.random_nights.declining import in_part, no_of
from tests.random_nights.fault_injector import FaultInjector, Handler

Where = Mapping[str, str | int | bool | None]
NO_ANSWER, OK = 0, 200
WORKS_FOR = timedelta(minutes=12)
# A sweep that has waited so long in vain asks the same port no more.
LONG = timedelta(seconds=2)


class Listener(Protocol):
    """Who is told of every effect, while the handler that has it is still at work."""

    def wrote(self, handler: Handler, path: str, data: Mapping[str, Any] | None) -> None: ...
    def published(self, handler: Handler, topic: str, message: Message, *, delivered: bool) -> None: ...
    def publishing_ended(
        self, handler: Handler, topic: str, messages: Sequence[Message], *, has_answer: bool
    ) -> None: ...
    def called(self, handler: Handler, body: Mapping[str, Any], status: int, *, has_answer: bool) -> None: ...
    def declined(self, handler: Handler, body: Mapping[str, Any]) -> None: ...
    def inserted(self, handler: Handler, table: str, rows: Sequence[Row]) -> None: ...
    def alerted(self, handler: Handler, notice: Notice, *, has_answer: bool) -> None: ...


class NightStore(StateStore):
    """A ``MemoryStore`` that fails, that answers late, and in which others act between any two operations."""

    def __init__(self, inner: MemoryStore, stage: FaultInjector, listener: Listener) -> None:
        self._inner, self._stage, self._listener = inner, stage, listener
        self._asked = 0

    def get(self, *paths: str) -> list[Document | None]:
        self._read()
        return self._inner.get(*paths)

    def query(self, collection: str, where: Where | None = None) -> list[Document]:
        self._read()
        return self._inner.query(collection, where)

    def query_and_get(
        self, collection: str, where: Where | None, *paths: str
    ) -> tuple[list[Document], list[Document | None]]:
        """Answer one after the other, now this one first and then that one: others act between them."""
        self._asked += 1
        if self._asked % 2:
            return self.query(collection, where), self.get(*paths)
        documents = self.get(*paths)
        return self.query(collection, where), documents

    def between(self, collection: str, field: str, first: str, last: str, most: int | None = None) -> list[Document]:
        self._read()
        return self._inner.between(collection, field, first, last, most)

    def count(self, collection: str, where: Where | None = None) -> int:
        self._read()
        return self._inner.count(collection, where)

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        return self._write(path, data, lambda: self._inner.create(path, data))

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        return self._write(path, data, lambda: self._inner.update(path, data, version))

    def delete(self, path: str) -> None:
        def delete() -> str:
            self._inner.delete(path)
            return ""

        self._write(path, None, delete)

    def _read(self) -> None:
        self._stage.enter()
        if self._stage.answer("state") is Kind.REJECTS:
            raise Unavailable("state", "refused: 403 (simulated)")

    def _write(self, path: str, data: Mapping[str, Any] | None, act: Callable[[], str | None]) -> str | None:
        handler = self._stage.enter()
        self._stage.effect(handler)
        kind = self._stage.answer("state")
        if kind is Kind.REJECTS:
            raise Unavailable("state", "refused: 403 (simulated)")
        version = act()
        if version is not None:
            self._listener.wrote(handler, path, data)
        if kind is Kind.LATE:
            raise self._stage.too_late("state")
        return version


class NightBus:
    """A ``Bus``; a crash may come between two messages of one publication."""

    def __init__(self, stage: FaultInjector, listener: Listener) -> None:
        self._stage, self._listener, self._count = stage, listener, 0

    def publish(self, topic: str, messages: Sequence[Message]) -> list[str]:
        handler = self._stage.enter()
        kind = self._stage.answer("bus")
        if kind is Kind.REJECTS:
            raise Unavailable("bus", f"{topic}: refused: 403 (simulated)")
        ids = []
        for message in messages:
            self._stage.effect(handler)
            self._listener.published(handler, topic, message, delivered=kind is not Kind.DROPS)
            self._count += 1
            ids.append(str(9_000_000 + self._count))
        self._listener.publishing_ended(handler, topic, messages, has_answer=kind is not Kind.LATE)
        if kind is Kind.LATE:
            raise self._stage.too_late("bus")
        return ids


class NightServices:
    """An ``Http`` that speaks for every service of the policy."""

    def __init__(self, policy: Policy, stage: FaultInjector, listener: Listener) -> None:
        self._policy, self._stage, self._listener = policy, stage, listener
        self.endpoints: dict[str, str | None] = {
            name: None if name in stage.night.unset else f"http://{name.replace('_', '-')}.simulated"
            for name in policy.services
        }
        self._named = {url: name for name, url in self.endpoints.items() if url}
        self._at_work: dict[tuple[str, str], datetime] = {}

    def request(self, method: str, url: str, body: Mapping[str, Any] | None, timeout: timedelta) -> Response:
        handler = self._stage.enter()
        base, _, rest = url.removeprefix("http://").partition("/")
        path, _, query = f"/{rest}".partition("?")
        service = self._policy.services[self._named[f"http://{base}"]]
        health = self._stage.health(service.name)
        if method == "GET" and service.status is not None and path == service.status.path:
            return self._status(handler, service, service.status, health, query, timeout)
        if method == "GET":
            return self._ready(handler, service, health, timeout)
        return self._post(handler, service, health, path, body or {}, timeout)

    def _status(
        self, handler: Handler, service: Service, call: StatusCall, health: Health, query: str, timeout: timedelta
    ) -> Response:
        """Say whether the service works on what it is asked about: for a while on what has reached it."""
        if health is Health.TIMEOUT:
            raise self._silent(handler, service, timeout)
        if health is not Health.HEALTHY and health is not Health.DEGRADED:
            return Response(503, "")
        asked = dict(parse_qsl(query))
        since = self._at_work.get((service.name, asked.get("game_date", "")))
        if since is None or self._stage.clock.now() - since > WORKS_FOR:
            return Response(200, json.dumps({"status": "idle", **asked}))
        handler.at_work.add(service.name)
        return Response(200, json.dumps({path: allowed[0] for path, allowed in call.at_work.items()} | asked))

    def _ready(self, handler: Handler, service: Service, health: Health, timeout: timedelta) -> Response:
        instance = handler.instance
        assert instance is not None
        instance.fit[service.name] = (self._stage.clock.now(), health in (Health.HEALTHY, Health.DEGRADED))
        if health is Health.TIMEOUT:
            raise self._silent(handler, service, timeout)
        if health in (Health.DOWN, Health.HTTP_404):
            return Response(503 if health is Health.DOWN else 404, "")
        identity = "somebody-else" if health is Health.WRONG_IDENTITY else service.identity
        word = "degraded" if health is Health.DEGRADED else "ready"
        return Response(200, json.dumps({"status": word, "service": identity}))

    def _post(
        self,
        handler: Handler,
        service: Service,
        health: Health,
        path: str,
        body: Mapping[str, Any],
        timeout: timedelta,
    ) -> Response:
        self._stage.effect(handler)
        outage = self._stage.outage(service.name)
        kind = outage.kind if outage is not None else None
        if kind is Kind.TIMEOUT or health is Health.TIMEOUT:
            self._listener.called(handler, body, NO_ANSWER, has_answer=False)
            raise self._silent(handler, service, timeout)
        status = _status_of(kind, health)
        if status == OK and outage is not None and kind is Kind.DECLINES:
            self._listener.declined(handler, body)
            return no_of(service, path, outage)
        if status == OK:
            self._at_work[service.name, str(body.get("game_date", ""))] = self._stage.clock.now()
        self._listener.called(handler, body, status, has_answer=kind is not Kind.LATE)
        if kind is Kind.LATE:
            raise self._silent(handler, service, timeout)
        mapped = next((rule for rule in service.answers.get(path, ()) if rule.means is Means.ACCEPTED), None)
        if status != OK or mapped is None:
            return Response(status, json.dumps({"service": service.identity}))
        return in_part(mapped, f"{self._stage.night.seed}/{self._stage.true_now()}")

    def _silent(self, handler: Handler, service: Service, timeout: timedelta) -> Unavailable:
        handler.waited += timeout
        return Unavailable(service.name, f"no answer within {timeout.total_seconds():g} s (simulated)")


def _status_of(kind: Kind | None, health: Health) -> int:
    if kind is Kind.REJECTS:
        return 400
    if kind is Kind.UNAVAILABLE or health is Health.DOWN:
        return 503
    # Another image has other routes. It says 410: a night's services give no verdict, and 404 may be one (D10).
    return 410 if health in (Health.HTTP_404, Health.WRONG_IDENTITY) else OK


class Truth:
    """What holds in the world at this moment."""

    def __init__(self, policy: Policy, day: date, units: int | None) -> None:
        self.day, self.units, self.over = day, units, False
        self.units_before: list[int | None] = []
        self.rows: dict[str, int] = {}
        self.by_unit: dict[str, dict[int, int]] = {}
        self.percents: dict[str, float | None] = {gate.name: 100.0 for gate in policy.gates.values() if gate.sql}
        self.gates = {gate.sql: gate.name for gate in policy.gates.values() if gate.sql}

    @property
    def names(self) -> tuple[str, ...]:
        return unit_names(self.units)

    def write(self, processor: Processor, records: int, units: tuple[int, ...] | None = None) -> bool:
        """Let a processor write rows of these units of the date, of all where None; say whether that changed its
        table."""
        table = processor.table
        if table is None:
            return False
        before = self.rows.get(table, 0)
        if processor.units or processor.reports is Reports.PER_UNIT:
            of = tuple(range(self.units or 0)) if units is None else units
            kept = self.by_unit.setdefault(table, {})
            for number in of:
                kept[number] = max(kept.get(number, 0), records // len(of))
            records = sum(kept.values())
        self.rows[table] = max(before, records)
        return self.rows[table] != before

    def held(self, table: str, at_least: int) -> frozenset[str]:
        """Return the names of the units of which a table holds so many rows."""
        kept = self.by_unit.get(table, {})
        return frozenset(unit_name(number) for number, rows in kept.items() if rows >= at_least)

    def holdings(self, policy: Policy) -> dict[str, frozenset[str]]:
        """Return what every table of named units holds, by processor."""
        every = (processor for phase in policy.phases.values() for processor in phase.processors.values())
        jobs = (job for processor in every for job in processor.parts if job.units)
        return {job.name: self.held(job.table or "", job.min_records_per_unit or 1) for job in jobs}


def unit_name(number: int) -> str:
    return f"A{number:02}@H{number:02}"


def unit_names(count: int | None) -> tuple[str, ...]:
    return tuple(unit_name(number) for number in range(count or 0))


class NightWarehouse:
    """A ``Warehouse``, and the ``AuditLog`` beside it; remembers what it told each handler."""

    def __init__(self, truth: Truth, stage: FaultInjector, listener: Listener) -> None:
        self._truth, self._stage, self._listener = truth, stage, listener
        self.tables: dict[str, dict[str, Mapping[str, Any]]] = {}

    def rows(self, tables: Sequence[TableRef], day: date) -> dict[str, int | None]:
        handler = self._stage.enter()
        counts: dict[str, int | None] = {ref.table: None for ref in tables}
        handler.rows.update(counts)
        if self._answers():
            there = self._truth.rows if day == self._truth.day else {}
            counts = {ref.table: there.get(ref.table, 0) for ref in tables}
            handler.rows.update(counts)
        return counts

    def filled(self, tables: Sequence[TableRef], days: Sequence[date]) -> dict[str, frozenset[date]]:
        return {}

    def number(self, sql_file: str, day: date) -> float | None:
        handler, gate = self._stage.enter(), self._truth.gates[sql_file]
        handler.percents[gate] = None
        if not self._answers():
            raise Unavailable("warehouse", "refused: 403 quota exceeded (simulated)")
        handler.percents[gate] = self._truth.percents[gate]
        return handler.percents[gate]

    def units(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, Units]:
        handler = self._stage.enter()
        handler.units_asked, handler.units = True, None
        if not self._answers():
            raise Unavailable("warehouse", "refused: 403 quota exceeded (simulated)")
        handler.units = self._truth.units
        units = Units(self._truth.units, self._truth.units if self._truth.over else 0, self._truth.names)
        return {day: units if day == self._truth.day else Units(0, 0) for day in days}

    def schedule(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, tuple[ScheduledUnit, ...]]:
        """No workflow is decided in a random night."""
        raise Unavailable("warehouse", "a random night knows no units by name")

    def held(self, tables: Sequence[UnitsRef], day: date) -> dict[str, frozenset[str] | None]:
        handler = self._stage.enter()
        holdings: dict[str, frozenset[str] | None] = {ref.label: None for ref in tables}
        handler.held.update(holdings)
        if self._answers():
            there = day == self._truth.day
            holdings = {
                ref.label: self._truth.held(ref.table, ref.at_least) if there else frozenset() for ref in tables
            }
            handler.held.update(holdings)
        return holdings

    def held_on(self, table: UnitsRef, days: Sequence[date]) -> dict[date, frozenset[str] | None]:
        """No workflow is decided in a random night."""
        raise Unavailable("warehouse", "a random night catches nothing up")

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """There is no SQL in a random night: whoever asks must live without an answer."""
        self._stage.enter()
        raise Unavailable("warehouse", "a simulated warehouse runs no free SQL")

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        handler = self._stage.enter()
        self._stage.effect(handler)
        kind = self._stage.answer("warehouse")
        if kind is Kind.REJECTS:
            raise Unavailable("warehouse", "refused: 403 quota exceeded (simulated)")
        kept = self.tables.setdefault(table, {})
        for row in rows:
            kept.setdefault(row.insert_id, row.columns)
        self._listener.inserted(handler, table, rows)
        if kind is Kind.LATE:
            raise self._stage.too_late("warehouse")

    def completions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        return self._between("phase_completions", pipeline, first, last)

    def executions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        return self._between("phase_execution_log", pipeline, first, last)

    def _between(self, table: str, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        self._stage.enter()
        kind = self._stage.answer("warehouse")
        if kind is Kind.LATE:
            raise self._stage.too_late("warehouse")
        if kind is Kind.REJECTS:
            raise Unavailable("warehouse", "refused: 403 quota exceeded (simulated)")
        rows = self.tables.get(table, {}).values()
        own = (row for row in rows if row["pipeline"] == pipeline)
        return [dict(row) for row in own if first.isoformat() <= str(row["game_date"]) <= last.isoformat()]

    def _answers(self) -> bool:
        handler = self._stage.clock.actor
        assert isinstance(handler, Handler)
        before = handler.waited
        try:
            kind = self._stage.answer("warehouse")
            if kind is Kind.LATE:
                raise self._stage.too_late("warehouse")
        finally:
            handler.in_vain |= handler.is_sweep and handler.waited - before >= LONG
        return kind is not Kind.REJECTS


class NightAlerts:
    """An ``AlertSink``."""

    def __init__(self, stage: FaultInjector, listener: Listener) -> None:
        self._stage, self._listener = stage, listener

    def send(self, notice: Notice) -> Delivered | Refused:
        handler = self._stage.enter()
        self._stage.effect(handler)
        kind = self._stage.answer("slack")
        if kind is Kind.REJECTS:
            return Refused("400 invalid_payload (simulated)")
        for part in notice.parts:
            self._listener.alerted(handler, part, has_answer=kind is not Kind.LATE)
        if kind is Kind.LATE:
            raise self._stage.too_late("slack")
        return Delivered()
