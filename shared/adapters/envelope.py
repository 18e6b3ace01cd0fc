"""In what messages come: the pushes of Pub/Sub, wrapped or not, CloudEvents in both forms, and what is neither.

https://cloud.google.com/pubsub/docs/push and /payload-unwrapping; the HTTP binding of CloudEvents 1.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloudevents.exceptions import GenericException
from cloudevents.http import CloudEvent, from_http
from cloudevents.sdk.exceptions import NoSuchConverter, UnsupportedEventConverter

PUBLISHED = "google.cloud.pubsub.topic.v1.messagePublished"
# What a subscription without wrapper writes beside the bare data, if it is told to.
MESSAGE_ID, PUBLISH_TIME = "x-goog-pubsub-message-id", "x-goog-pubsub-publish-time"
TOPIC = re.compile(r"projects/[^/?]+/topics/[^/?'\"]+")
STRUCTURED = {"content-type": "application/cloudevents+json"}
# What cloudevents raises over an event that is none, one built too deep included.
NO_EVENT = (
    GenericException, UnsupportedEventConverter, NoSuchConverter,
    ValueError, TypeError, AttributeError, KeyError, RecursionError,
)  # fmt: skip
MAX_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Strange:
    """What came in no known envelope: an event whose data are its bytes, and what is wrong with it."""

    event: CloudEvent
    reason: str


def opened(headers: Mapping[str, str], path: str, raw: bytes) -> CloudEvent | Strange | None:
    """Return the message in a request, or why there is none; None if functions-framework reads it as it is.

    ``headers`` by their names in lower case.
    """
    body = _json(raw)
    if "ce-specversion" in headers or (isinstance(body, dict) and "specversion" in body):
        return _event(headers, path, raw)
    if MESSAGE_ID in headers:
        stated = {"id": headers[MESSAGE_ID], "time": headers.get(PUBLISH_TIME)}
        return CloudEvent(_attributes(path, stated), raw)
    if not raw.strip():
        return CloudEvent(_attributes(path, {}), {"message": {}})
    if not isinstance(body, dict):
        return _strange(headers, path, raw)
    if "context" in body:
        return _background(body) or _strange(headers, path, raw)
    message = body.get("message")
    if not isinstance(message, dict):
        return _strange(headers, path, raw)
    if _is_json(headers) and "subscription" in body and {"data", "messageId"} <= message.keys():
        return None
    return CloudEvent(_attributes(path, {"id": message.get("messageId")}), {"message": message})


def _event(headers: Mapping[str, str], path: str, raw: bytes) -> CloudEvent | Strange | None:
    """Return what claims to be an event: None if it is one, the event if only its Content-Type is wrong."""
    try:
        from_http(dict(headers), raw)
    except NO_EVENT as error:
        fault = error
    else:
        return None
    try:
        return from_http(STRUCTURED, raw)
    except NO_EVENT:
        return _strange(headers, path, raw, f"no CloudEvent: {type(fault).__name__} {fault}"[:200])


def _strange(headers: Mapping[str, str], path: str, raw: bytes, fault: str = "") -> Strange:
    kind = headers.get("content-type", "")[:MAX_SHOWN].strip()
    what = f"{len(raw)} bytes of {kind or 'no Content-Type'}"
    return Strange(CloudEvent(_attributes(path, {}), raw), f"{fault or 'neither a Pub/Sub push nor an event'} ({what})")


def _attributes(path: str, stated: Mapping[str, Any]) -> dict[str, Any]:
    topic = TOPIC.search(path)
    defaults = {"type": PUBLISHED, "source": f"//pubsub.googleapis.com/{topic[0] if topic else ''}"}
    # Without an id of its own an event gets a fresh one, which no redelivery would have.
    return defaults | {"id": "", "time": None} | {name: value for name, value in stated.items() if value}


def _is_json(headers: Mapping[str, str]) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _background(body: Mapping[str, Any]) -> CloudEvent | None:
    """Return the message of an event as it was written before there were CloudEvents; None of anything else."""
    context, data = body["context"], body.get("data")
    if not isinstance(context, dict) or not isinstance(data, dict) or "pubsub" not in str(context.get("eventType")):
        return None
    stated = {"id": context.get("eventId"), "time": context.get("timestamp")}
    return CloudEvent(_attributes(str(context.get("resource")), stated), {"message": data})


def _json(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
