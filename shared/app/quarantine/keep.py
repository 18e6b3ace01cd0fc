"""Keeping what cannot be understood as it came, within bounds, and saying so once (behaviour R1, R9)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from shared.app.alerting import outbox, raise_alerts
from shared.app.context import Context
from shared.app.quarantine import alerts
from shared.app.quarantine.bounds import take_row, take_warning
from shared.app.quarantine.rows import COLLECTION, KEPT_ASIDE, Body, Row
from shared.app.state.compare_and_set import change_document
from shared.core.calendar import KEPT
from shared.core.errors import Malformed
from shared.core.message import Delivery
from shared.documents import from_data, to_data
from shared.ports import Document

MOST_BODIES = 100
REMEMBERED_MESSAGES = 10
# Characters of base64 in one document, of which a store takes 1 MiB in all.
PART = 600_000


def quarantine(ctx: Context, delivery: Delivery, wrong: Malformed) -> None:
    """Keep a message aside and say so once per processor and reason. Raises Unavailable if it must come again."""
    published_on = ctx.policy.local(delivery.published_at).date()
    day = wrong.day or published_on
    path = _row_path(ctx, delivery.phase, wrong, day)
    body = hashlib.sha256(f"{published_on} ".encode() + delivery.data).hexdigest()[:32]
    ctx.log(
        "completion.quarantined",
        severity="WARNING",
        phase=delivery.phase,
        processor=wrong.processor,
        reason=wrong.reason,
        message_id=delivery.message_id,
    )
    document = ctx.ports.store.get(path)[0]
    today = ctx.policy.local(delivery.received_at).date()
    if document is None and not take_row(ctx, today, delivery.message_id):
        raise_alerts.raise_now(ctx, [alerts.no_room(ctx, today)], occurrence=True)
        return
    _keep_bytes(ctx, f"{path}/bodies/{body}", delivery)
    new = _keep_row(ctx, path, document, delivery, wrong, day, body)
    _say(ctx, delivery, wrong, new=new)


def _row_path(ctx: Context, phase: str, wrong: Malformed, day: date) -> str:
    named = "\x1f".join((ctx.policy.pipeline, phase, wrong.processor, wrong.kind, day.isoformat()))
    return f"{COLLECTION}/{hashlib.sha256(named.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _keep_bytes(ctx: Context, path: str, delivery: Delivery) -> None:
    """Write the bytes of a body; they come before the row that names them, so that a row has all of its bodies."""
    encoded = base64.b64encode(delivery.data).decode()
    parts = [encoded[start : start + PART] for start in range(PART, len(encoded), PART)]
    expires_at = delivery.received_at + KEPT
    for number, part in enumerate(parts):
        ctx.ports.store.create(f"{path}/parts/{number}", {"data": part, "expires_at": expires_at})
    ctx.ports.store.create(path, {"data": encoded[:PART], "parts": len(parts), "expires_at": expires_at})


def _keep_row(
    ctx: Context, path: str, kept_document: Document | None, delivery: Delivery, wrong: Malformed, day: date, body: str
) -> bool:
    """Count a message in its row; False if it is there already."""
    at, pipeline = delivery.received_at, ctx.policy.pipeline
    new = Row(pipeline, delivery.phase, wrong.processor, wrong.kind, wrong.reason, day, at, at)

    def with_message(document: Document | None) -> tuple[Mapping[str, Any] | None, tuple[Body, ...] | None]:
        row = new if document is None else from_data(Row, document.data)
        after = _with(row, delivery, wrong.reason, body)
        if after is None:
            return None, None
        after, dropped = _bounded(after, at)
        return {**to_data(after), "expires_at": at + KEPT}, dropped

    dropped = change_document(ctx.ports.store, path, with_message, [kept_document])
    for forgotten in dropped or ():
        _forget(ctx, f"{path}/bodies/{forgotten.name}")
    return dropped is not None


def _with(row: Row, delivery: Delivery, reason: str, name: str) -> Row | None:
    """Return a row with one more message, whose body is the newest; None if it is counted already."""
    earlier = next((body for body in row.bodies if body.name == name), None)
    if earlier is None:
        named = str(delivery.attributes.get("trigger_id", ""))
        about = (reason, delivery.published_at, delivery.received_at)
        newest = Body(name, (delivery.message_id,), *about, trigger_id=named)
    elif delivery.message_id in earlier.message_ids and earlier.status == KEPT_ASIDE:
        return None
    else:
        others = tuple(message_id for message_id in earlier.message_ids if message_id != delivery.message_id)
        ids = (*others, delivery.message_id)[-REMEMBERED_MESSAGES:]
        newest = replace(earlier, message_ids=ids, reason=reason, count=earlier.count + 1, status=KEPT_ASIDE)
    bodies = (*(body for body in row.bodies if body.name != name), newest)
    return replace(
        row, reason=reason, bodies=bodies, count=row.count + 1, last_at=delivery.received_at, status=KEPT_ASIDE
    )


def _bounded(row: Row, now: datetime) -> tuple[Row, tuple[Body, ...]]:
    """Return a row with the newest of its bodies, and the others; one whose bytes have expired is not named."""
    alive = tuple(body for body in row.bodies if now - body.received_at < KEPT)
    return replace(row, bodies=alive[-MOST_BODIES:]), alive[:-MOST_BODIES]


def _forget(ctx: Context, path: str) -> None:
    document = ctx.ports.store.get(path)[0]
    for number in range(0 if document is None else document.data["parts"]):
        ctx.ports.store.delete(f"{path}/parts/{number}")
    ctx.ports.store.delete(path)


def _say(ctx: Context, delivery: Delivery, wrong: Malformed, *, new: bool) -> None:
    """Raise the warning of a processor and reason, or the summary of those beyond the hour's number."""
    condition = alerts.of_sender(ctx, delivery, wrong)
    # A redelivery of a message that is kept already says nothing new, unless a crash came before the alert.
    if ctx.ports.store.get(outbox.path_of(condition.fingerprint))[0] is None:
        summary_since = take_warning(ctx, condition.fingerprint, ctx.ports.clock.now())
        if summary_since is not None:
            condition = alerts.summary(ctx, summary_since)
    raise_alerts.raise_now(ctx, [condition], occurrence=new)
