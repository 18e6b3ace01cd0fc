"""What a call of a scraper names, read from its parameters by the templates that they were filled from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.core.workflows.templates import DATE, PLACEHOLDER, UNITS


def standing_for(template: Any, value: Any) -> Iterator[str]:
    """Yield what stands in a filled value where its template has a unit, units or the element of a loop."""
    if isinstance(template, str):
        yield from _standing_in(template, value)
    elif isinstance(template, Mapping) and isinstance(value, Mapping):
        for name, inner in template.items():
            yield from standing_for(inner, value.get(name))
    elif isinstance(template, list | tuple) and isinstance(value, list | tuple):
        for inner, part in zip(template, value, strict=False):
            yield from standing_for(inner, part)


def _standing_in(template: str, value: Any) -> Iterator[str]:
    names = PLACEHOLDER.findall(template)
    if PLACEHOLDER.fullmatch(template):
        if names != [DATE] and value is not None:
            yield from map(str, value if isinstance(value, list | tuple) else [value])
        return
    parts = (re.escape(part) for part in PLACEHOLDER.split(template)[::2])
    match = re.fullmatch("(.+?)".join(parts), value, re.DOTALL) if names and isinstance(value, str) else None
    for name, text in zip(names, match.groups() if match else (), strict=False):
        if name != DATE:
            yield from text.split(",") if name == UNITS else [text]
