"""What is sent as JSON, and what a message may carry: one reading for every bus and every HTTP call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from shared.core.limits.requests import MESSAGE_BYTES

_MOST_ATTRIBUTES = 100
_LONGEST_KEY = 256
_LONGEST_VALUE = 1024
# The Pub/Sub client takes attributes as keyword arguments: one of these would be read as a setting.
_TAKEN = frozenset({"self", "topic", "data", "ordering_key", "retry", "timeout"})


class Log(Protocol):
    """The structured log as the use cases know it: an event name and its keys."""

    def __call__(self, event: str, /, severity: str = "INFO", **keys: object) -> None: ...


def to_json(value: Mapping[str, Any]) -> bytes:
    """Return compact UTF-8 JSON. Raises TypeError or ValueError for what JSON cannot say."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def encoded_message(body: Mapping[str, Any], attributes: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """Return a message as it is sent. Raises TypeError or ValueError for what no bus can carry, by form or by size."""
    data, sent = to_json(body), checked(attributes)
    size = message_size(data, sent)
    if size > MESSAGE_BYTES:
        raise ValueError(f"a message of {size:,} bytes, at most {MESSAGE_BYTES:,}")
    return data, sent


def message_size(data: bytes, attributes: Mapping[str, str]) -> int:
    """Return what a message takes of a request's bytes, without what frames it."""
    return len(data) + sum(len(key.encode()) + len(value.encode()) for key, value in attributes.items())


def checked(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes if every bus can carry them. Raises ValueError naming the first that it cannot."""
    if len(attributes) > _MOST_ATTRIBUTES:
        raise ValueError(f"{len(attributes)} attributes, at most {_MOST_ATTRIBUTES}")
    for key, value in attributes.items():
        _check(key, value)
    return dict(attributes)


def _check(key: object, value: object) -> None:
    if not isinstance(key, str) or not isinstance(value, str):
        raise ValueError(f"attribute {key!r}: key and value must be strings, not {value!r}")  # noqa: TRY004  one error for all that a bus cannot carry
    if not key or key in _TAKEN or key.startswith("goog"):
        raise ValueError(f"attribute {key!r}: this name is reserved")
    if len(key.encode()) > _LONGEST_KEY:
        raise ValueError(f"attribute {key[:40]!r}...: key over {_LONGEST_KEY} bytes")
    if len(value.encode()) > _LONGEST_VALUE:
        raise ValueError(f"attribute {key!r}: value of {len(value.encode())} bytes, at most {_LONGEST_VALUE}")
