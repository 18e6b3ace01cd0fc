"""Dead letters with a way back: what cannot be understood is kept as it came, within bounds (behaviour R1, R9).

The same processor, reason and date on one topic are one row, which counts its messages and names every distinct
body of them, up to a number and then the newest. The bodies stand below it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from shared.app import alerting, outbox
from shared.app.context import Context
from shared.app.quarantine_bounds import MOST_ROWS, MOST_WARNINGS, take_row, take_warning
from shared.core import commands
from shared.core.alerts import AlertKind, Condition, Lasting, Severity
from shared.core.calendar import KEPT
from shared.core.errors import Malformed, Unavailable
from shared.core.message import Delivery
from shared.core.texts import say
from shared.documents import from_data, to_data
from shared.ports import Document

COLLECTION = "quarantine"
KEPT_ASIDE, REPLAYED = "kept", "replayed"
MOST_BODIES = 100
REMEMBERED_MESSAGES = 10
ATTEMPTS = 20
# Characters of base64 in one document, of which a store takes 1 MiB in all.
PART = 600_000


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
        alerting.raise_now(ctx, [_full(ctx, today)], occurrence=True)
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
    ctx: Context, path: str, document: Document | None, delivery: Delivery, wrong: Malformed, day: date, body: str
) -> bool:
    """Count a message in its row; False if it stands there already."""
    store, at = ctx.ports.store, delivery.received_at
    for _ in range(ATTEMPTS):
        if document is None:
            pipeline = ctx.policy.pipeline
            row = Row(pipeline, delivery.phase, wrong.processor, wrong.kind, wrong.reason, day, at, at)
        else:
            row = from_data(Row, document.data)
        after = _with(row, delivery, wrong.reason, body)
        if after is None:
            return False
        after, dropped = _bounded(after, at)
        data = {**to_data(after), "expires_at": at + KEPT}
        written = store.create(path, data) if document is None else store.update(path, data, document.version)
        if written is not None:
            for one in dropped:
                _forget(ctx, f"{path}/bodies/{one.name}")
            return True
        document = store.get(path)[0]
    raise Unavailable("state", f"{path} changes all the time")


def _with(row: Row, delivery: Delivery, reason: str, name: str) -> Row | None:
    """Return a row with one more message, whose body is the newest; None if it is counted already."""
    known = next((one for one in row.bodies if one.name == name), None)
    if known is None:
        named = str(delivery.attributes.get("trigger_id", ""))
        about = (reason, delivery.published_at, delivery.received_at)
        newest = Body(name, (delivery.message_id,), *about, trigger_id=named)
    elif delivery.message_id in known.message_ids and known.status == KEPT_ASIDE:
        return None
    else:
        others = tuple(one for one in known.message_ids if one != delivery.message_id)
        ids = (*others, delivery.message_id)[-REMEMBERED_MESSAGES:]
        newest = replace(known, message_ids=ids, reason=reason, count=known.count + 1, status=KEPT_ASIDE)
    bodies = (*(one for one in row.bodies if one.name != name), newest)
    return replace(
        row, reason=reason, bodies=bodies, count=row.count + 1, last_at=delivery.received_at, status=KEPT_ASIDE
    )


def _bounded(row: Row, now: datetime) -> tuple[Row, tuple[Body, ...]]:
    """Return a row with the newest of its bodies, and the others; one whose bytes have expired is not named."""
    alive = tuple(one for one in row.bodies if now - one.received_at < KEPT)
    return replace(row, bodies=alive[-MOST_BODIES:]), alive[:-MOST_BODIES]


def _forget(ctx: Context, path: str) -> None:
    document = ctx.ports.store.get(path)[0]
    for number in range(0 if document is None else document.data["parts"]):
        ctx.ports.store.delete(f"{path}/parts/{number}")
    ctx.ports.store.delete(path)


def _say(ctx: Context, delivery: Delivery, wrong: Malformed, *, new: bool) -> None:
    """Raise the warning of a processor and reason, or the summary that stands for those beyond the hour's."""
    condition = _condition(ctx, delivery, wrong)
    # A redelivery of a message that is kept already says nothing new, unless a crash came before the alert.
    if ctx.ports.store.get(outbox.path_of(condition.fingerprint))[0] is None:
        summary_since = take_warning(ctx, condition.fingerprint, ctx.ports.clock.now())
        if summary_since is not None:
            condition = _summary(ctx, summary_since)
    alerting.raise_now(ctx, [condition], occurrence=new)


def _condition(ctx: Context, delivery: Delivery, wrong: Malformed) -> Condition:
    who = wrong.processor or "a message without a processor"
    text = say(
        ctx.policy.pipeline,
        delivery.phase,
        f"{who} kept in quarantine: {wrong.reason}",
        "it is not counted",
        f"look at it: {commands.quarantine('show', delivery.message_id)}\n"
        f"Once the sender or the policy is corrected: {commands.quarantine('replay', delivery.message_id)}",
    )
    subject = f"{wrong.processor}/{wrong.kind}"
    return Condition(
        AlertKind.QUARANTINE, Severity.WARNING, ctx.policy.pipeline, delivery.phase, subject, text, Lasting.ONCE
    )


def _summary(ctx: Context, since: datetime) -> Condition:
    text = say(
        ctx.policy.pipeline,
        "",
        f"more than {MOST_WARNINGS} quarantine warnings within an hour: further senders are not named one by one",
        "their messages are kept like all others",
        f"see them all: {commands.quarantine('list')}",
    )
    return _overall(ctx, f"many/{since.isoformat()}", text)


def _full(ctx: Context, day: date) -> Condition:
    text = say(
        ctx.policy.pipeline,
        "",
        f"quarantine has taken {MOST_ROWS} rows on {day}: what comes now for another processor, reason or date is lost",
        "it is acknowledged and counted; what has a row already is kept as before",
        f"see who sends it: {commands.quarantine('list')}",
    )
    return _overall(ctx, f"full/{day}", text)


def _overall(ctx: Context, subject: str, text: str) -> Condition:
    return Condition(AlertKind.QUARANTINE, Severity.WARNING, ctx.policy.pipeline, "", subject, text, Lasting.ONCE)


def rows(ctx: Context, status: str | None = KEPT_ASIDE) -> list[Row]:
    """Return the rows of quarantine that hold a message of this status, oldest first."""
    return [row for _, row in _stored(ctx, status)]


def listed(ctx: Context, status: str | None = KEPT_ASIDE) -> list[Quarantined]:
    """Return what is in quarantine, each distinct body once, oldest first."""
    found = [one for path, row in _stored(ctx, status) for one in _messages(ctx, path, row, status)]
    return sorted(found, key=lambda one: (one.received_at, one.message_id))


def mark_replayed(ctx: Context, message: Quarantined, by: str, reason: str) -> None:
    """Take a message off the list; it stays in the history, with who brought it back and why, until it expires."""
    store = ctx.ports.store
    for _ in range(ATTEMPTS):
        document = store.get(message.row)[0]
        if document is None:
            return
        row, now = from_data(Row, document.data), ctx.ports.clock.now()
        act: dict[str, Any] = {"status": REPLAYED, "replayed_at": now, "replayed_by": by, "replayed_for": reason}
        bodies = tuple(replace(one, **act) if one.name == message.body else one for one in row.bodies)
        left = any(one.status == KEPT_ASIDE for one in bodies)
        after = replace(row, bodies=bodies, status=KEPT_ASIDE if left else REPLAYED)
        data = {**to_data(after), "expires_at": document.data["expires_at"]}
        if store.update(document.path, data, document.version) is not None:
            return
    raise Unavailable("state", f"{message.row} changes all the time")


def _stored(ctx: Context, status: str | None) -> list[tuple[str, Row]]:
    documents = ctx.ports.store.query(COLLECTION, {} if status is None else {"status": status})
    found = [(one.path, from_data(Row, one.data)) for one in documents]
    return sorted(
        ((path, row) for path, row in found if row.pipeline == ctx.policy.pipeline), key=lambda one: one[1].first_at
    )


def _messages(ctx: Context, path: str, row: Row, status: str | None) -> Iterator[Quarantined]:
    wanted = [one for one in row.bodies if status is None or one.status == status]
    documents = ctx.ports.store.get(*(f"{path}/bodies/{one.name}" for one in wanted)) if wanted else []
    for one, document in zip(wanted, documents, strict=True):
        if document is not None:
            yield Quarantined(
                row=path,
                body=one.name,
                message_id=one.message_ids[0],
                message_ids=one.message_ids,
                phase=row.phase,
                raw=_bytes(ctx, document),
                kind=row.kind,
                reason=one.reason,
                processor=row.processor,
                published_at=one.published_at,
                received_at=one.received_at,
                count=one.count,
                status=one.status,
                replayed_at=one.replayed_at,
                replayed_by=one.replayed_by,
                replayed_for=one.replayed_for,
                trigger_id=one.trigger_id,
            )


def _bytes(ctx: Context, document: Document) -> bytes:
    numbers = range(document.data["parts"])
    parts = ctx.ports.store.get(*(f"{document.path}/parts/{number}" for number in numbers)) if numbers else []
    return base64.b64decode(document.data["data"] + "".join(part.data["data"] for part in parts if part is not None))
