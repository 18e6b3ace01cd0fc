"""What every build of a shape into values needs: the keys that a file names, and durations and times in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import time, timedelta
from typing import Any, TypeVar

from msgspec import UNSET, Struct, UnsetType

from shared.core.policy.transitions import LocalTime

T = TypeVar("T")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def given(schema: Struct, /, **into: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the keys that the file names, some converted: what it leaves out is for the core to default."""
    values = {name: getattr(schema, name) for name in schema.__struct_fields__}
    return {
        name: into[name](value) if name in into and value is not None else value
        for name, value in values.items()
        if value is not UNSET
    }


def there(value: T | UnsetType | None) -> T | None:
    """Return what the file says, None where it says nothing or null."""
    return None if isinstance(value, UnsetType) else value


def named(build: Callable[[str, Any], Any]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return a build of a mapping whose values are built with their names."""
    return lambda schemas: {name: build(name, schema) for name, schema in schemas.items()}


def duration_of(text: str) -> timedelta:
    """Return the duration that `90s`, `15m`, `2h` or `1d` says."""
    return timedelta(seconds=int(text[:-1]) * UNITS[text[-1]])


def local_time_of(text: str) -> LocalTime:
    """Return the time that `08:30` or `+1d 02:00` says."""
    later, _, at = text.rpartition(" ")
    return LocalTime(int(later[1:-1]) if later else 0, time.fromisoformat(at))
