"""A call of an HTTP function, and what is refused of it: what is not understood is never half obeyed (9, 10)."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from shared.core.policy.config_error import suggest

BAD_REQUEST, NOT_FOUND, WRONG_METHOD = 400, 404, 405
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# A date that is further off is a typing error, and no calendar reaches so far.
_YEARS = range(2000, 2100)
SHOWN = 80


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a request cannot be answered, and what to do about it."""

    reason: str
    hint: str
    status: int = BAD_REQUEST

    def body(self) -> dict[str, Any]:
        return {"error": self.reason, "hint": self.hint}


@dataclass(frozen=True, slots=True)
class Call:
    """A call, without the framework: ``query`` holds a name as often as it was written; ``planned_at`` is when the
    schedule that makes it planned it, None for a call that no schedule makes."""

    path: str
    query: Iterable[tuple[str, str]]
    data: bytes
    method: str = "POST"
    planned_at: datetime | None = None


def at_root(path: str) -> Wrong | None:
    """Refuse another path than the function's own."""
    if path.strip("/"):
        return Wrong(f"there is no {path[:SHOWN]}", "there are / and /health", NOT_FOUND)
    return None


def parameters(query: Iterable[tuple[str, str]], names: Collection[str]) -> dict[str, str] | Wrong:
    """Return the parameters of a query by name; refuse one that is not known, is given twice or is empty."""
    values: dict[str, str] = {}
    for name, value in query:
        if name not in names:
            return Wrong(f"unknown parameter {name[:SHOWN]!r}", suggest(name, names))
        if name in values:
            return Wrong(f"the parameter {name} stands twice", f"?{name}=VALUE once")
        if not value.strip():
            return Wrong(f"the parameter {name} is empty", f"?{name}=VALUE, or leave it out")
        values[name] = value
    return values


def date_of(value: object) -> date | Wrong:
    """Read a date as ISO 8601 writes it."""
    hint = "write it as 2026-01-21"
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return Wrong(f"{shown(value)} is not a date", hint)
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return Wrong(f"there is no date {value}", hint)
    return day if day.year in _YEARS else Wrong(f"{value} is out of reach", hint)


def shown(value: object) -> str:
    """Return a value as JSON, so far as a person needs it."""
    return json.dumps(value)[:SHOWN]
