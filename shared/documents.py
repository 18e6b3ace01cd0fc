"""Dataclasses to stored documents and back, without a field named twice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def to_data(value: object) -> dict[str, Any]:
    """Return a dataclass as what a ``StateStore`` holds: datetimes and tuples stay, dates and enums
    become text."""
    data: dict[str, Any] = msgspec.to_builtins(value, builtin_types=(datetime,))
    return data


def from_data(kind: type[T], data: Mapping[str, Any]) -> T:
    """Return the dataclass that ``to_data`` wrote; keys of an older or newer shape are left out or defaulted.

    Raises ``ValueError`` for data that no version wrote.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"no {kind.__name__}: {error}") from error
