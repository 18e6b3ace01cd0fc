"""A handler as a machine: what it has been answered so far determines what it asks next.

A handler is deterministic in the answers of its ports. So it is not held in the middle of its work
but run again from its beginning with the answers it had, until it asks for one that is not there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from shared.core.errors import Unavailable
from shared.core.model import Units
from shared.core.policy.policy import Policy
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

Where = Mapping[str, str | int | bool | None]
PLENTY = 100_000
FULL = 100.0
OWN_DIGITS = 16


class Pause(BaseException):
    """The handler asks for what has not been answered yet; nothing after it counts."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One operation on what handlers share. ``what`` is a method of the store, `publish`, `call`, `send` or `now`."""

    what: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The handler has ended, well or by an error."""

    well: bool


class Warehouse:
    """A warehouse in which everything is there."""

    def __init__(self, units: Units) -> None:
        self._units = units

    def rows(self, tables: Sequence[TableRef], day: date) -> dict[str, int | None]:
        return {ref.table: PLENTY for ref in tables}

    def filled(self, tables: Sequence[TableRef], days: Sequence[date]) -> dict[str, frozenset[date]]:
        return {}

    def number(self, sql_file: str, day: date) -> float | None:
        return FULL

    def units(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, Units]:
        return dict.fromkeys(days, self._units)

    def schedule(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, tuple[ScheduledUnit, ...]]:
        names = (f"unit {number}" for number in range(self._units.total or 0))
        return dict.fromkeys(days, tuple(ScheduledUnit(name, final=True) for name in names))

    def held(self, tables: Sequence[UnitsRef], day: date) -> dict[str, frozenset[str] | None]:
        every = frozenset(f"unit {number}" for number in range(self._units.total or 0))
        return {ref.label: every for ref in tables}

    def held_on(self, table: UnitsRef, days: Sequence[date]) -> dict[date, frozenset[str] | None]:
        return {day: self.held([table], day)[table.label] for day in days}

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        raise Unavailable("warehouse", "no free SQL here")


class ReplayPorts(StateStore):
    """The ports of one run of a handler: they answer from ``answers``, then pause.

    What nobody else can change is answered at once: the warehouse, readiness, the record, and the
    clock if it stands still (``now``; None if it is to be asked for).
    """

    def __init__(self, policy: Policy, name: str, now: datetime | None, units: Units, answers: Sequence[Any]) -> None:
        self._name, self._now, self._answers = name, now, answers
        self._identities = {f"http://{name}": service.identity for name, service in policy.services.items()}
        self._at = self._tokens = 0
        self.asked: Ask | None = None
        self.store = self.audit = self.bus = self.http = self.alerts = self.clock = self
        self.warehouse = Warehouse(units)

    def _next(self, what: str, *arguments: Any) -> Any:
        if self.asked is None and self._at < len(self._answers):
            self._at += 1
            return self._answers[self._at - 1]
        # A handler that is paused may still run through its `finally`: it has asked its question already.
        self.asked = self.asked or Ask(what, arguments)
        raise Pause(self._name)

    # The store

    def get(self, *paths: str) -> list[Document | None]:
        documents: list[Document | None] = self._next("get", *paths)
        return documents

    def query(self, collection: str, where: Where | None = None) -> list[Document]:
        documents: list[Document] = self._next("query", collection, tuple(sorted((where or {}).items())))
        return documents

    def between(self, collection: str, field: str, first: str, last: str, most: int | None = None) -> list[Document]:
        documents: list[Document] = self._next("between", collection, field, first, last, most)
        return documents

    def count(self, collection: str, where: Where | None = None) -> int:
        return len(self.query(collection, where))

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        version: str | None = self._next("create", path, data)
        return version

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        written: str | None = self._next("update", path, data, version)
        return written

    def delete(self, path: str) -> None:
        self._next("delete", path)

    # What is sent

    def publish(self, topic: str, messages: Sequence[Message]) -> list[str]:
        named = tuple(str(message.body.get("trigger_id") or message.attributes["batch"]) for message in messages)
        ids: list[str] = self._next("publish", topic, named)
        return ids

    def request(self, method: str, url: str, body: Mapping[str, Any] | None, timeout: timedelta) -> Response:
        if method == "GET":
            base = url.rpartition("/")[0]
            return Response(200, f'{{"status": "ready", "service": "{self._identities[base]}"}}')
        assert body is not None
        status: int = self._next("call", str(body["trigger_id"]))
        return Response(status, "{}")

    def send(self, notice: Notice) -> Delivered | Refused:
        self._next("send", notice.fingerprint, notice.resolved)
        return Delivered()

    # What nobody changes

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Take rows of the record, which no decision reads."""

    def completions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        return []

    def executions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        return []

    def now(self) -> datetime:
        if self._now is not None:
            return self._now
        now: datetime = self._next("now", "")
        return now

    def sleep(self, duration: timedelta) -> None:
        """Wait for nothing: time stands still."""

    def token(self) -> str:
        self._tokens += 1
        return token_of(self._name, self._tokens)


def token_of(name: str, number: int) -> str:
    """Return 32 hex digits, as the port promises, of which the first ``OWN_DIGITS`` are the handler's own."""
    return hashlib.sha256(name.encode()).hexdigest()[:OWN_DIGITS] + f"{number:016x}"


Program = Callable[[ReplayPorts], None]


@dataclass(frozen=True, slots=True)
class Handler:
    """Something to run: its name, what it does with its ports, and the time if it stands still."""

    name: str
    program: Program
    now: datetime | None


class Machine:
    """Every position that a handler can come to, each worked out once; a position is a number."""

    def __init__(self, policy: Policy, handler: Handler, units: Units) -> None:
        self.handler = handler
        self._policy, self._units = policy, units
        self._answers: list[tuple[Any, ...]] = []
        self._next: dict[tuple[int, object], int] = {}
        self.asks: list[Ask | Ended] = []
        self.start = self._position(())

    def after(self, position: int, key: object, answer: Any) -> int:
        """Return the position after an answer; ``key`` tells answers apart."""
        next_position = self._next.get((position, key))
        if next_position is None:
            next_position = self._position((*self._answers[position], answer))
            self._next[position, key] = next_position
        return next_position

    def _position(self, answers: tuple[Any, ...]) -> int:
        tape = ReplayPorts(self._policy, self.handler.name, self.handler.now, self._units, answers)
        try:
            self.handler.program(tape)
            asked: Ask | Ended = Ended(well=True)
        except Pause:
            assert tape.asked is not None
            asked = tape.asked
        except Unavailable:
            asked = Ended(well=False)
        self._answers.append(answers)
        self.asks.append(asked)
        return len(self.asks) - 1
