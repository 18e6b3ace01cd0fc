"""Messages that bear on nothing: counted by name and day, so that it can be seen who speaks and who fell silent
(behaviour R8, R9)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from shared.app.context import Context
from shared.app.state.compare_and_set import change_document
from shared.core.calendar import KEPT
from shared.core.message import Counted, Delivery, Why
from shared.documents import from_data, to_data
from shared.ports import Document

COLLECTION = "counts"
REMEMBERED_MESSAGES = 50


@dataclass(frozen=True, slots=True)
class Count:
    """How many messages of one name and reason a topic had on one local day; ``message_ids`` are the latest."""

    pipeline: str
    day: date
    phase: str
    name: str
    why: Why
    first_at: datetime
    last_at: datetime
    count: int = 0
    message_ids: tuple[str, ...] = ()


def count(ctx: Context, delivery: Delivery, counted: Counted) -> None:
    """Count a message, once however often it is delivered. Raises Unavailable if it must be delivered again."""
    new = Count(
        ctx.policy.pipeline, counted.day, counted.phase, counted.name, counted.why,
        delivery.received_at, delivery.received_at,
    )  # fmt: skip

    def once_more(document: Document | None) -> tuple[Mapping[str, Any] | None, None]:
        before = new if document is None else from_data(Count, document.data)
        if delivery.message_id in before.message_ids:
            return None, None
        ids = (*before.message_ids, delivery.message_id)[-REMEMBERED_MESSAGES:]
        after = replace(before, count=before.count + 1, last_at=delivery.received_at, message_ids=ids)
        return {**to_data(after), "expires_at": delivery.received_at + KEPT}, None

    change_document(ctx.ports.store, _path(new), once_more)


def counted(ctx: Context, day: date) -> list[Count]:
    """Return what was counted of messages published on a local day, by phase and name."""
    documents = ctx.ports.store.query(COLLECTION, {"pipeline": ctx.policy.pipeline, "day": day.isoformat()})
    return sorted(
        (from_data(Count, document.data) for document in documents),
        key=lambda entry: (entry.phase, entry.why, entry.name),
    )


def _path(of: Count) -> str:
    name = hashlib.sha256(of.name.encode()).hexdigest()[:20]
    return f"{COLLECTION}/{of.pipeline}~{of.day.isoformat()}~{of.phase}~{of.why.value}~{name}"
