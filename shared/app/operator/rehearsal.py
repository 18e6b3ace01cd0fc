"""Doing everything but for real: the same code on a store whose writes are kept apart, and on ports that send nothing.

What an operator's command would do is found out by doing it, so a rehearsal cannot promise what the command would not
keep. Reading (documents, the warehouse, a service's readiness) is real.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import count
from typing import Any

from shared.app.context import Context, Memory, Ports
from shared.core.policy.names import Names
from shared.documents import to_data
from shared.ports import Clock, Delivered, Document, Http, Message, Notice, Response, Row, StateStore, Warehouse

Where = Mapping[str, str | int | bool | None]
# Documents and fields by which only the machinery keeps itself in order.
UNSAID = ("expires_at", "unrecorded", "message_ids", "acts")


class OverlaidStore(StateStore):
    """A ``StateStore`` that reads another one and keeps every write to itself."""

    def __init__(self, base: StateStore) -> None:
        self._base = base
        self._versions = count(1)
        self.written: dict[str, Document | None] = {}

    def get(self, *paths: str) -> list[Document | None]:
        asked = [path for path in dict.fromkeys(paths) if path not in self.written]
        documents = dict(zip(asked, self._base.get(*asked), strict=True)) if asked else {}
        return [self.written[path] if path in self.written else documents[path] for path in paths]

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        return self._write(path, data) if self.get(path)[0] is None else None

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        [before] = self.get(path)
        return self._write(path, data) if before is not None and before.version == version else None

    def delete(self, path: str) -> None:
        self.written[path] = None

    def query(self, collection: str, where: Where | None = None) -> list[Document]:
        documents = {
            document.path: document
            for document in self._base.query(collection, where)
            if document.path not in self.written
        }
        for path, document in self.written.items():
            matches = document is not None and all(
                document.data.get(name) == value for name, value in (where or {}).items()
            )
            if document is not None and matches and path.rpartition("/")[0] == collection:
                documents[path] = document
        return [documents[path] for path in sorted(documents)]

    def between(self, collection: str, field: str, first: str, last: str, most: int | None = None) -> list[Document]:
        documents = [item for item in self.query(collection) if _in_range(item, field, first, last)]
        return sorted(documents, key=lambda item: (item.data[field], item.path))[:most]

    def count(self, collection: str, where: Where | None = None) -> int:
        return len(self.query(collection, where))

    def changes(self) -> Iterator[tuple[str, Document | None, Document | None]]:
        """Yield each path that is no longer as it was, with what is stored there and what would be."""
        for path, after in self.written.items():
            [before] = self._base.get(path)
            if (None if before is None else dict(before.data)) != (None if after is None else dict(after.data)):
                yield path, before, after

    def _write(self, path: str, data: Mapping[str, Any]) -> str:
        version = f"rehearsed {next(self._versions)}"
        # As a store gives it back, so that what is compared with it is of one kind: tuples as lists.
        self.written[path] = Document(path, to_data(dict(data)), version)
        return version


def _in_range(document: Document, field: str, first: str, last: str) -> bool:
    value = document.data.get(field)
    return isinstance(value, str) and first <= value <= last


@dataclass
class Unsent:
    """A bus, services, people and a record that take everything and pass nothing on; ``lines`` say what they took."""

    reads: Http
    lines: list[str] = field(default_factory=list)

    def publish(self, topic: str, messages: Sequence[Message]) -> list[str]:
        self.lines += [f"would publish to {topic}: {_json(message.body)}" for message in messages]
        return [f"rehearsed-{number}" for number in range(len(messages))]

    def request(self, method: str, url: str, body: Mapping[str, Any] | None, timeout: timedelta) -> Response:
        if method in ("GET", "HEAD"):
            return self.reads.request(method, url, body, timeout)
        self.lines.append(f"would call {method} {url}: {_json(body or {})}")
        return Response(200, "{}")

    def send(self, notice: Notice) -> Delivered:
        lines = (f"would tell people, {part.severity}: {part.text.splitlines()[0]}" for part in notice.parts)
        self.lines.extend(lines)
        return Delivered()

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Take rows of the record: the next sweep would write them."""

    def completions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        return []

    def executions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        return []


@dataclass(frozen=True)
class RehearsalPorts:
    """Ports that read the real world and change nothing in it."""

    store: OverlaidStore
    warehouse: Warehouse
    audit: Unsent
    bus: Unsent
    http: Unsent
    alerts: Unsent
    clock: Clock


@dataclass(frozen=True)
class Rehearsal:
    """A context in which nothing is done for real, and what was done in it."""

    ctx: Context

    @property
    def _ports(self) -> RehearsalPorts:
        ports = self.ctx.ports
        assert isinstance(ports, RehearsalPorts)
        return ports

    def lines(self) -> list[str]:
        """Say everything that would be sent, then everything that would be changed."""
        return [*self._ports.bus.lines, *(_changed(*change) for change in self._ports.store.changes())]


def rehearsal(ctx: Context) -> Rehearsal:
    """Return a context like another one in which nothing is done for real, and which logs nothing."""
    ports: Ports = ctx.ports
    unsent = Unsent(ports.http)
    dry = RehearsalPorts(OverlaidStore(ports.store), ports.warehouse, unsent, unsent, unsent, unsent, ports.clock)
    return Rehearsal(replace(ctx, ports=dry, names=Names(ctx.policy), log=_silent, memory=Memory()))


def _silent(event: str, /, severity: str = "INFO", **keys: object) -> None:
    """Log nothing: a line that says `dispatched` would be taken for one."""


def _changed(path: str, before: Document | None, after: Document | None) -> str:
    if after is None:
        return f"would delete {path}"
    old = {} if before is None else before.data
    fields = [
        f"{name} {_short(old[name])} -> {_short(value)}" if name in old else f"{name} {_short(value)}"
        for name, value in after.data.items()
        if name not in UNSAID and old.get(name) != value and (before is not None or value not in (None, [], {}, ""))
    ]
    return f"would {'create' if before is None else 'change'} {path}: {', '.join(fields) or 'for the record'}"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else _json(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
