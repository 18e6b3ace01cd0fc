"""Bodies as the policy writes them: values with templates over what a trigger knows (behaviour D12).

    {analysis_date: "{game_date}", processors: "{starts:class}", note: "{mode} of {game_date}"}

A value that is one template keeps the type of its value, so a list stays a list; within a text a list is
joined with commas. Names are checked when the policy is loaded, so rendering finds every name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

NAMES = frozenset(
    {
        "game_date", "mode", "lane", "trigger_id", "generation", "correlation_id", "pipeline", "run_id", "reason",
        "processors", "missing", "starts", "processors:class", "missing:class", "starts:class",
    }
)  # fmt: skip
PER_PROCESSOR = frozenset({"source_table", "processor", "processor:class"})
"""Names that only a message for each processor has."""

_TEMPLATE = re.compile(r"\{([a-z_]+(?::[a-z]+)?)\}")
COLUMN = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""A template that may name a column, which is spelled as its table has it."""
_ANY_BRACES = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a body: the path below it, and why."""

    path: tuple[str, ...]
    reason: str


def render(value: Any, values: Mapping[str, Any], template: re.Pattern[str] = _TEMPLATE) -> Any:
    """Return a body with every template replaced; raise ``KeyError`` for a name that ``flaws`` would have refused."""
    if isinstance(value, Mapping):
        return {key: render(item, values, template) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [render(item, values, template) for item in value]
    if not isinstance(value, str):
        return value
    whole = template.fullmatch(value)
    if whole is not None:
        return values[whole[1]]
    return template.sub(lambda match: _text(values[match[1]]), value)


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def names(value: Any, template: re.Pattern[str] = _TEMPLATE) -> frozenset[str]:
    """Return the names of all templates in a body."""
    return frozenset(name for _, text in _texts(value) for name in template.findall(text))


def flaws(value: Any, allowed_names: Iterable[str]) -> Iterator[Flaw]:
    """Yield each template that has no value, with where it is."""
    allowed = frozenset(allowed_names)
    for path, text in _texts(value):
        for braces in _ANY_BRACES.findall(text):
            if braces[1:-1] not in allowed:
                yield Flaw(path, f"template {braces} is unknown")


def _texts(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _texts(item, (*path, str(place)))


KINDS = ("text", "date", "integer", "number", "flag", "list", "object")


def unfit(body: Mapping[str, Any], accepts: Mapping[str, str]) -> list[str]:
    """Return what a consumer's contract wants of a body and does not find, in words; empty if it fits."""
    return [
        f"{name} is {'missing' if body.get(name) is None else f'no {kind}'}"
        for name, kind in accepts.items()
        if not _is(body.get(name), kind)
    ]


def _is(value: Any, kind: str) -> bool:
    match kind:
        case "text":
            return isinstance(value, str) and bool(value)
        case "date":
            return isinstance(value, str) and _is_date(value)
        case "flag":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "list":
            return isinstance(value, list)
        case _:
            return isinstance(value, Mapping)


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
