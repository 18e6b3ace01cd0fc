"""Dataclasses to stored documents and back, without a field named twice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def to_data(value: object) -> dict[str, Any]:
    """Return a dataclass as what a ``StateStore`` holds: datetimes stay, dates and enums become text."""
    data: dict[str, Any] = _listed(msgspec.to_builtins(value, builtin_types=(datetime,)))
    return data


def _listed(value: Any) -> Any:
    """Return the value with lists for tuples, which no store holds."""
    if isinstance(value, dict):
        return {key: _listed(item) if isinstance(item, dict | list | tuple) else item for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_listed(item) for item in value]
    return value


def from_data(kind: type[T], data: Mapping[str, Any]) -> T:
    """Return the dataclass that ``to_data`` wrote; keys of an older or newer shape are left out or defaulted."""
    return msgspec.convert(data, kind)
