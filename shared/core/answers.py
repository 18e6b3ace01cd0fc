"""What a service's answers say: whether it is at work on a date (behaviour D11)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Fields = Mapping[str, tuple[Any, ...]]
"""Fields of a body by their paths, each with the values that fit."""

MAY_PASS = frozenset({408, 425, 429})


@dataclass(frozen=True)
class StatusCall:
    """How a service is asked whether it works on a date. Values of ``query`` are templates, ``at_work`` is its yes.

    Until the transition's `confirm.within` after a call it may be at work and not say so yet.
    """

    path: str
    at_work: Fields = field(hash=False)
    query: Mapping[str, str] = field(default_factory=dict, hash=False)


def is_at_work(call: StatusCall, asked: Mapping[str, str], text: str) -> bool:
    """True if a service says that it works on what it was asked about; an answer that names another date does not."""
    body = opened(text)
    same = all(str(body[name]) == value for name, value in asked.items() if body.get(name) is not None)
    return same and matches(body, call.at_work)


def matches(body: Mapping[str, Any], wanted: Fields) -> bool:
    """True if every field that is wanted has one of its values."""
    return all(fits(value_at(body, path), allowed) for path, allowed in wanted.items())


def fits(value: Any, allowed: Iterable[Any]) -> bool:
    return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in allowed)


def value_at(body: Mapping[str, Any], path: str) -> Any:
    """Return what stands at a path of a body, None if nothing does."""
    found: Any = body
    for step in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(step)
    return found


def opened(text: str) -> Mapping[str, Any]:
    """Return the object that a body is, empty for any other."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
