"""From a CloudEvent to a delivery: nothing in it is required but that it came."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from shared.app.context import Context
from shared.core.message import Delivery, enveloped
from shared.core.policy.signals import SIGNAL
from shared.core.wire import spelling
from shared.core.wire.instants import YEARS

# What any store takes as part of a path, and what no other id turns into.
PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,199}", re.ASCII)
# What a message carries that was a dead letter: of which, when that was published, who brought it back, and why.
REPLAYED_FROM, FIRST_PUBLISHED_AT = "orch_replayed_from", "orch_first_published_at"
REPLAYED_BY, REPLAYED_FOR = "orch_replayed_by", "orch_replayed_for"


class Event(Protocol):
    """What is used of a CloudEvent: its attributes by name, and its data."""

    def __getitem__(self, name: str) -> Any: ...
    @property
    def data(self) -> Any: ...


def delivery_of(ctx: Context, transition: str | None, event: Event) -> Delivery:
    """Return the Pub/Sub message in a CloudEvent, as it is pushed in production and by the emulator.

    ``transition`` is that of a function which serves one alone. ``data`` may be absent or empty; what is not base64 is
    kept as it came.
    """
    topic = topic_of(event)
    if topic in ctx.policy.signal_topics:
        return enveloped(delivered(ctx, f"{SIGNAL}{topic}", event))
    return delivered(ctx, phase_of(ctx, transition, topic), event)


def delivered(ctx: Context, phase: str, event: Event) -> Delivery:
    """Return the message in an event whose phase, or what stands for one, is known."""
    received_at = ctx.ports.clock.now()
    body = event.data
    message = body.get("message") if isinstance(body, Mapping) else None
    if not isinstance(message, Mapping):
        raw = b"" if body is None else _bytes(body)
        message = {"data": base64.b64encode(raw).decode()}
    published = _published(event, message)
    data = _decoded(message.get("data"))
    attributes = message.get("attributes")
    given = (message.get("messageId"), message.get("message_id"), _get(event, "id"))
    return Delivery(
        message_id=_identifier(given, f"{phase} {published} ".encode() + data),
        phase=phase,
        data=data,
        published_at=published or received_at,
        received_at=received_at,
        attributes=attributes if isinstance(attributes, Mapping) else {},
    )


def message_of(event: Event) -> bytes:
    """Return the data of the Pub/Sub message in a CloudEvent, empty where there is none."""
    message = event.data.get("message") if isinstance(event.data, Mapping) else None
    return _decoded(message.get("data")) if isinstance(message, Mapping) else b""


def message_id_of(event: Event) -> str:
    """Return the id of the Pub/Sub message in a CloudEvent; a message without one is what it says."""
    message = event.data.get("message") if isinstance(event.data, Mapping) else None
    given = () if not isinstance(message, Mapping) else (message.get("messageId"), message.get("message_id"))
    return _identifier((*given, _get(event, "id")), message_of(event))


def _published(event: Event, message: Mapping[str, Any]) -> datetime | None:
    """Return when a message was published; one that was a dead letter says itself when that was."""
    stated = _instant(message.get("publishTime") or message.get("publish_time")) or _instant(_get(event, "time"))
    attributes = message.get("attributes")
    first = _instant(attributes.get(FIRST_PUBLISHED_AT)) if isinstance(attributes, Mapping) else None
    return min((at for at in (stated, first) if at is not None), default=None)


def replay_marks(delivery: Delivery) -> dict[str, str]:
    """Return which dead letter a message was, and who brought it back and why; nothing for one that was none."""
    names = (REPLAYED_FROM, REPLAYED_BY, REPLAYED_FOR) if REPLAYED_FROM in delivery.attributes else ()
    return {name: delivery.attributes[name] for name in names if name in delivery.attributes}


def correlation_of(event: Event) -> str:
    """Return the correlation id that a message states, "" for one that states none or makes no sense."""
    message = event.data.get("message") if isinstance(event.data, Mapping) else None
    try:
        body = json.loads(_decoded(message.get("data"))) if isinstance(message, Mapping) else None
    except (ValueError, RecursionError):
        return ""
    return spelling.correlation(body.get("correlation_id")) if isinstance(body, dict) else ""


def topic_of(event: Event) -> str:
    """Return the topic that a message came by, as its source says; "" where it says none."""
    source = str(_get(event, "source") or "")
    return source.rsplit("/topics/", 1)[-1] if "/topics/" in source else ""


def of_topic(contexts: Sequence[Context], topic: str) -> Context | None:
    """Return the context of the pipeline a phase of which reports on a topic, or to which a signal comes by it; None
    where there is none."""
    return next((ctx for ctx in contexts if topic in ctx.policy.topics or topic in ctx.policy.signal_topics), None)


def recipient(contexts: Sequence[Context], transition: str | None, topic: str) -> Context:
    """Return the context that takes a message in: that of its topic (behaviour R3).

    Where the topic says nothing, the first pipeline that has the transition of this function, else the first one:
    somebody has to keep what came.
    """
    having = (ctx for ctx in contexts if transition in ctx.policy.transitions)
    return of_topic(contexts, topic) or next(having, contexts[0])


def phase_of(ctx: Context, transition: str | None, topic: str) -> str:
    """Return the phase whose topic the message came by.

    Where the topic is none of the pipeline's, a function hears its own transition's phase, the one that serves any
    transition the pipeline's first.
    """
    own = ctx.policy.transitions.get(transition or "")
    return ctx.policy.topics.get(topic) or (next(iter(ctx.policy.phases)) if own is None else own.after[0])


def _identifier(given: Sequence[object], content: bytes) -> str:
    """Return an id that every store takes and that no other message has: a message without one is what it says."""
    text = next((str(candidate) for candidate in given if candidate and str(candidate).strip()), None)
    if text is not None and PLAIN_ID.fullmatch(text):
        return text
    return "sha256:" + hashlib.sha256(content if text is None else _bytes(text)).hexdigest()


def _get(event: Event, name: str) -> Any:
    try:
        return event[name]
    except KeyError:
        return None


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return json.dumps(value, default=str).encode()


def _decoded(data: object) -> bytes:
    if data is None:
        return b""
    raw = _bytes(data)
    try:
        return base64.b64decode(raw, validate=True)
    except binascii.Error:
        return raw


def _instant(value: object) -> datetime | None:
    """Return an instant that every zone can show, None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year in YEARS else None
