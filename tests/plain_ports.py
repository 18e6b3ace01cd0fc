"""Ports that answer at once and well, and remember what left: for tests of what only the state store decides."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from shared.adapters.clock import SystemClock
from shared.app.context import Context
from shared.core.message import Delivery
from shared.core.model import Units
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.core.workflows.units import ScheduledUnit
from shared.ports import CalendarRef, Clock, Delivered, Message, Notice, Response, Row, StateStore, TableRef, UnitsRef

GAMES, ROWS, PERCENT = 7, 10_000, 100.0


class FullWarehouse:
    """Every table is full, every percentage whole."""

    def rows(self, tables: Sequence[TableRef], day: date) -> dict[str, int | None]:
        return {ref.table: ROWS for ref in tables}

    def filled(self, tables: Sequence[TableRef], days: Sequence[date]) -> dict[str, frozenset[date]]:
        return {}

    def number(self, sql_file: str, day: date) -> float | None:
        return PERCENT

    def units(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, Units]:
        return {day: Units(GAMES, GAMES) for day in days}

    def schedule(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, tuple[ScheduledUnit, ...]]:
        units = tuple(ScheduledUnit(f"unit {number}", final=True) for number in range(GAMES))
        return dict.fromkeys(days, units)

    def held(self, tables: Sequence[UnitsRef], day: date) -> dict[str, frozenset[str] | None]:
        return {ref.label: frozenset(f"unit {number}" for number in range(GAMES)) for ref in tables}

    def held_on(self, table: UnitsRef, days: Sequence[date]) -> dict[date, frozenset[str] | None]:
        return {day: self.held([table], day)[table.label] for day in days}

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        return []


class ListBus:
    """Keeps what is published, in order; safe across threads."""

    def __init__(self) -> None:
        self.published: list[tuple[str, Message]] = []
        self._lock = threading.Lock()

    def publish(self, topic: str, messages: Sequence[Message]) -> list[str]:
        with self._lock:
            first = len(self.published)
            self.published += [(topic, message) for message in messages]
            return [str(first + place) for place, _ in enumerate(messages)]

    @property
    def triggers(self) -> set[str]:
        """The trigger ids that left."""
        return {message.attributes["trigger_id"] for _, message in self.published}


class WellHttp:
    """Every service is ready and accepts."""

    def request(self, method: str, url: str, body: Mapping[str, Any] | None, timeout: timedelta) -> Response:
        return Response(200, '{"status": "ready"}')


class NoAuditLog:
    """Takes every row and keeps none."""

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Forget them."""

    def completions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        return []

    def executions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        return []


class NoAlerts:
    """Takes every notice and tells nobody."""

    def send(self, notice: Notice) -> Delivered:
        return Delivered()


@dataclass(frozen=True)
class PlainPorts:
    """The ports of one context (`shared.app.context.Ports`)."""

    store: StateStore
    bus: ListBus = field(default_factory=ListBus)
    warehouse: FullWarehouse = field(default_factory=FullWarehouse)
    audit: NoAuditLog = field(default_factory=NoAuditLog)
    http: WellHttp = field(default_factory=WellHttp)
    alerts: NoAlerts = field(default_factory=NoAlerts)
    clock: Clock = field(default_factory=SystemClock)


def silent(event: str, /, severity: str = "INFO", **keys: object) -> None:
    """A log that nobody reads."""


def context(policy: Policy, ports: PlainPorts) -> Context:
    """Return a context in which every service has a URL."""
    return Context(policy, Names(policy), ports, dict.fromkeys(policy.services, "http://service"), silent)


def delivery(phase: str, data: bytes, message_id: str) -> Delivery:
    """Return a message that is received now, as it is published."""
    now = SystemClock().now()
    return Delivery(message_id, phase, data, now, now)
