"""From a CloudEvent to a delivery: nothing in it is required but that it came."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from shared.app.context import Context
from shared.core.message import Delivery


class Event(Protocol):
    """What is used of a CloudEvent: its attributes by name, and its data."""

    def __getitem__(self, name: str) -> Any: ...
    @property
    def data(self) -> Any: ...


def delivery_of(ctx: Context, transition: str, event: Event) -> Delivery:
    """Return the Pub/Sub message in a CloudEvent, as it is pushed in production and by the emulator.

    ``data`` may be absent or empty; what is not base64 is kept as it came.
    """
    received_at = ctx.ports.clock.now()
    body = event.data
    message = body.get("message") if isinstance(body, Mapping) else None
    if not isinstance(message, Mapping):
        raw = b"" if body is None else _bytes(body)
        message = {"data": base64.b64encode(raw).decode()}
    published = _instant(message.get("publishTime") or message.get("publish_time")) or _instant(_get(event, "time"))
    identifier = message.get("messageId") or message.get("message_id") or _get(event, "id") or ctx.ports.clock.token()
    return Delivery(
        message_id=str(identifier),
        phase=phase_of(ctx, transition, str(_get(event, "source") or "")),
        data=_decoded(message.get("data")),
        published_at=published or received_at,
        received_at=received_at,
    )


def phase_of(ctx: Context, transition: str, source: str) -> str:
    """Return the phase whose topic the message came by; a function hears its own phase if the source says nothing."""
    topic = source.rsplit("/topics/", 1)[-1] if "/topics/" in source else ""
    return ctx.policy.topics.get(topic) or ctx.policy.transitions[transition].after


def _get(event: Event, name: str) -> Any:
    try:
        return event[name]
    except KeyError:
        return None


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else json.dumps(value, default=str).encode()


def _decoded(data: object) -> bytes:
    if data is None:
        return b""
    raw = _bytes(data)
    try:
        return base64.b64decode(raw, validate=True)
    except binascii.Error:
        return raw


def _instant(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
