"""What is in quarantine, as values, and the way back (behaviour R1, R9).

The same processor, reason and date on one topic are one row, which counts its messages and names every distinct
body of them, up to a number and then the newest. The bodies are stored below it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from shared.app.context import Context
from shared.app.state.compare_and_set import change_document
from shared.core.message import Delivery
from shared.documents import from_data, to_data
from shared.ports import Document

COLLECTION = "quarantine"
KEPT_ASIDE, REPLAYED = "kept", "replayed"


@dataclass(frozen=True, slots=True)
class Body:
    """One distinct body of a row, as the messages of one local day of publication brought it: the mode of a message
    depends on that day. ``message_ids`` are the latest of ``count``; times are those of the first. ``replayed_for`` is
    the reason that whoever replayed it gave, "" if none."""

    name: str
    message_ids: tuple[str, ...]
    reason: str
    published_at: datetime
    received_at: datetime
    count: int = 1
    status: str = KEPT_ASIDE
    replayed_at: datetime | None = None
    replayed_by: str = ""
    replayed_for: str = ""
    trigger_id: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """What one processor sent that could not be understood for one reason. ``day`` is the date of the messages, or
    where that cannot be read the local day on which they were published; ``count`` counts dropped bodies too."""

    pipeline: str
    phase: str
    processor: str
    kind: str
    reason: str
    day: date
    first_at: datetime
    last_at: datetime
    count: int = 0
    status: str = KEPT_ASIDE
    bodies: tuple[Body, ...] = ()


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One message of quarantine with all of its bytes; ``count`` messages had the same body."""

    row: str
    body: str
    message_id: str
    message_ids: tuple[str, ...]
    phase: str
    raw: bytes
    kind: str
    reason: str
    processor: str
    published_at: datetime
    received_at: datetime
    count: int
    status: str
    replayed_at: datetime | None = None
    replayed_by: str = ""
    replayed_for: str = ""
    trigger_id: str = ""

    @property
    def delivery(self) -> Delivery:
        attributes = {"trigger_id": self.trigger_id}
        return Delivery(self.message_id, self.phase, self.raw, self.published_at, self.received_at, attributes)


def rows(ctx: Context, status: str | None = KEPT_ASIDE) -> list[Row]:
    """Return the rows of quarantine that hold a message of this status, oldest first."""
    return [row for _, row in _stored(ctx, status)]


def listed(ctx: Context, status: str | None = KEPT_ASIDE) -> list[Quarantined]:
    """Return what is in quarantine, each distinct body once, oldest first."""
    messages = [message for path, row in _stored(ctx, status) for message in _messages(ctx, path, row, status)]
    return sorted(messages, key=lambda message: (message.received_at, message.message_id))


def mark_replayed(ctx: Context, message: Quarantined, by: str, reason: str) -> None:
    """Take a message off the list; it stays in the history, with who brought it back and why, until it expires."""

    def replayed(document: Document | None) -> tuple[Mapping[str, Any] | None, None]:
        if document is None:
            return None, None
        row, now = from_data(Row, document.data), ctx.ports.clock.now()
        act: dict[str, Any] = {"status": REPLAYED, "replayed_at": now, "replayed_by": by, "replayed_for": reason}
        bodies = tuple(replace(body, **act) if body.name == message.body else body for body in row.bodies)
        remains = any(body.status == KEPT_ASIDE for body in bodies)
        after = replace(row, bodies=bodies, status=KEPT_ASIDE if remains else REPLAYED)
        return {**to_data(after), "expires_at": document.data["expires_at"]}, None

    change_document(ctx.ports.store, message.row, replayed)


def _stored(ctx: Context, status: str | None) -> list[tuple[str, Row]]:
    documents = ctx.ports.store.query(COLLECTION, {} if status is None else {"status": status})
    stored_rows = [(document.path, from_data(Row, document.data)) for document in documents]
    return sorted(
        ((path, row) for path, row in stored_rows if row.pipeline == ctx.policy.pipeline),
        key=lambda pair: pair[1].first_at,
    )


def _messages(ctx: Context, path: str, row: Row, status: str | None) -> Iterator[Quarantined]:
    bodies = [body for body in row.bodies if status is None or body.status == status]
    documents = ctx.ports.store.get(*(f"{path}/bodies/{body.name}" for body in bodies)) if bodies else []
    for body, document in zip(bodies, documents, strict=True):
        if document is not None:
            yield Quarantined(
                row=path,
                body=body.name,
                message_id=body.message_ids[0],
                message_ids=body.message_ids,
                phase=row.phase,
                raw=_bytes(ctx, document),
                kind=row.kind,
                reason=body.reason,
                processor=row.processor,
                published_at=body.published_at,
                received_at=body.received_at,
                count=body.count,
                status=body.status,
                replayed_at=body.replayed_at,
                replayed_by=body.replayed_by,
                replayed_for=body.replayed_for,
                trigger_id=body.trigger_id,
            )


def _bytes(ctx: Context, document: Document) -> bytes:
    numbers = range(document.data["parts"])
    parts = ctx.ports.store.get(*(f"{document.path}/parts/{number}" for number in numbers)) if numbers else []
    return base64.b64decode(document.data["data"] + "".join(part.data["data"] for part in parts if part is not None))
