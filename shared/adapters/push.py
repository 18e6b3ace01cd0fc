"""A push of Pub/Sub to a function that answers people too: the path names its topic."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.adapters.envelope import TOPIC, Strange, opened


@dataclass(frozen=True, slots=True)
class Push:
    """What was pushed: the topic, what is known of the message, and its body as it came."""

    topic: str
    message: Mapping[str, Any]
    id: str = ""
    time: str = ""


def push_of(method: str, path: str, headers: Mapping[str, str], raw: bytes) -> Push | None:
    """Return the message of a push; None for a request that names no topic. ``headers`` by names in lower case.

    What comes in no envelope that is known is a message of these very bytes.
    """
    topic = TOPIC.search(path)
    if method != "POST" or topic is None:
        return None
    received = opened(headers, path, raw)
    name = topic[0].rsplit("/", 1)[-1]
    if received is None:
        # A wrapped push, or an event, that the framework would have read.
        body = json.loads(raw)
        message = body.get("message") or (body.get("data") or {}).get("message") or {}
        return Push(name, message, str(body.get("id") or headers.get("ce-id", "")), str(body.get("time") or ""))
    event = received.event if isinstance(received, Strange) else received
    data = event.data
    message = data.get("message") if isinstance(data, Mapping) else None
    if not isinstance(message, Mapping):
        message = {"data": data}
    return Push(name, message, str(event["id"] or ""), str(event["time"] or ""))
