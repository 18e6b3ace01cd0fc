"""Placeholders in the parameters of scrapers: `{date}`, `{unit}`, `{units}` and the element of a loop."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

UNIT, UNITS, DATE = "unit", "units", "date"
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def element(name: str) -> str:
    """Return what a loop over `event_ids` binds: the name without its final s."""
    return name.removesuffix("s")


def placeholders(value: Any) -> frozenset[str]:
    """Return the names in braces anywhere in a parameter's value."""
    return frozenset(_names(value))


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from PLACEHOLDER.findall(value)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _names(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _names(inner)


def filled(value: Any, bindings: Mapping[str, Any]) -> Any:
    """Return a value with its placeholders replaced; one that is the whole text keeps the type of what it stands for.

    Within a longer text a list is joined by commas. Names that are not known stay as they are.
    """
    if isinstance(value, str):
        whole = PLACEHOLDER.fullmatch(value)
        if whole and whole[1] in bindings:
            return bindings[whole[1]]
        return PLACEHOLDER.sub(lambda match: _text(bindings[match[1]]) if match[1] in bindings else match[0], value)
    if isinstance(value, Mapping):
        return {name: filled(inner, bindings) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [filled(inner, bindings) for inner in value]
    return value


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
