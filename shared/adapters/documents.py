"""What every state store agrees on: which documents the port allows, and which of them a filter means.

The rules are Firestore's, held in all stores alike, so that a test on the fast one finds what the real one refuses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

Where = Mapping[str, str | int | bool | None]

_LONGEST_NAME = 1500
_DEEPEST = 20
_INT64 = range(-(2**63), 2**63)
_RESERVED = re.compile(r"__.*__", re.DOTALL)
_UNSHARED = (dict, list)


@lru_cache(maxsize=8192)
def split(path: str) -> tuple[str, str]:
    """Return a document's collection and id; ``ValueError`` if the path names no document."""
    collection, _, name = path.rpartition("/")
    if len(_segments(path)) % 2:
        raise ValueError(f"{path!r} is no document path: an even number of segments is expected")
    return collection, name


@lru_cache(maxsize=1024)
def check_collection(path: str) -> None:
    """Raise ``ValueError`` unless the path names a collection."""
    if len(_segments(path)) % 2 == 0:
        raise ValueError(f"{path!r} is no collection path: an odd number of segments is expected")


def checked(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a structural copy in plain types and UTC; ``TypeError`` or ``ValueError`` for what the port excludes."""
    return {_key(key): _checked(value, 1) for key, value in data.items()}


def copied(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a structural copy of what ``checked`` let through."""
    return {key: _copied(value) if type(value) in _UNSHARED else value for key, value in data.items()}


def matches(data: Mapping[str, Any], where: Where | None) -> bool:
    """Whether every named field is there and equal; True is not 1, an absent field is not None."""
    return not where or all(key in data and _equal(data[key], value) for key, value in where.items())


def in_range(data: Mapping[str, Any], field: str, first: str, last: str) -> bool:
    """Whether a field is there, holds text, and that text is from ``first`` to ``last``, both included."""
    value = data.get(field)
    return isinstance(value, str) and first <= value <= last


def _segments(path: str) -> list[str]:
    segments = path.split("/")
    for segment in segments:
        if segment in ("", ".", "..") or _unfit(segment):
            raise ValueError(f"{path!r}: a segment is empty, reserved (., .., __x__) or over {_LONGEST_NAME} bytes")
    return segments


def _unfit(name: str) -> bool:
    return len(name.encode()) > _LONGEST_NAME or _RESERVED.fullmatch(name) is not None


@lru_cache(maxsize=4096)
def _key(key: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"field name {key!r} is no string")
    if not key or _unfit(key):
        raise ValueError(f"field name {key[:60]!r} is empty, reserved (__x__) or over {_LONGEST_NAME} bytes")
    return str.__str__(key)


def _checked(value: Any, depth: int) -> Any:
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        if not value.isascii():
            value.encode()  # a lone surrogate has no encoding: no store could send it
        return str.__str__(value)
    if isinstance(value, int):
        if value not in _INT64:
            raise ValueError(f"{value} does not fit 64 bits")
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, datetime):
        return _utc(value)
    return _checked_container(value, depth)


def _checked_container(value: Any, depth: int) -> Any:
    if depth >= _DEEPEST:
        raise ValueError(f"nested deeper than {_DEEPEST} levels")
    if isinstance(value, Mapping):
        return {_key(key): _checked(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):  # both are read back as lists
        if any(isinstance(item, list | tuple) for item in value):
            raise ValueError("a list directly inside a list cannot be stored")
        return [_checked(item, depth + 1) for item in value]
    raise TypeError(f"{type(value).__name__} cannot be stored: {value!r:.60}")


def _utc(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise ValueError(f"{value.isoformat()} has no time zone")
    if type(value) is datetime and value.tzinfo is UTC and value.fold == 0:
        return value
    moved = value.astimezone(UTC)
    return datetime(
        moved.year, moved.month, moved.day, moved.hour, moved.minute, moved.second, moved.microsecond, tzinfo=UTC
    )


def _copied(value: Any) -> Any:
    if type(value) is dict:
        return {key: _copied(item) if type(item) in _UNSHARED else item for key, item in value.items()}
    return [_copied(item) if type(item) in _UNSHARED else item for item in value]


def _equal(stored: Any, asked: str | int | bool | None) -> bool:
    if isinstance(stored, bool) or isinstance(asked, bool):
        return stored is asked
    return bool(stored == asked)
