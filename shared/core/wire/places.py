"""Where something stands in a message that others shaped: `data.runs[0].name`, `@attributes.objectId`, `name|last`.

A place is steps with dots between them. A step is a key; `["a key.with dots"]` one with dots or blanks; `[0]` and
`[-1]` an item of a list, `[type=Completed]` the first object of a list whose field has this value, `[*]` all of
them. `|json`, `|base64`, `|last`, `|lower` and `|table` read what stands there: as JSON, as base64, the part behind
the last `/`, in small letters, as `dataset.table`, and `|url` without the `%` of an address. `[0]` asks for a list of
one item where it says whose a message is, `[first]` for the first of any. A text that is an object as JSON is entered
without being told.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import unquote_plus

from shared.core.wire import spelling

ATTRIBUTES, PUBLISHED, MESSAGE_ID, DATA = "@attributes", "@publish_time", "@message_id", "@data"
RESERVED = (ATTRIBUTES, PUBLISHED, MESSAGE_ID, DATA)
_STEP = re.compile(
    r"\.?(?P<key>[^\s.\[\]|\"{}]+)|\[(?P<index>-?\d{1,6})\]|\[\"(?P<quoted>[^\"]+)\"\]|\[(?P<every>\*)\]|\[(?P<first>first)\]"
    r"|\[(?P<field>[^\[\]=\"]+)=(?P<value>[^\[\]\"]*)\]|\|(?P<filter>[a-z0-9]+)"
)


@dataclass(frozen=True)
class Foreign:
    """A message of another system, as Pub/Sub or a call brought it; times are aware."""

    data: bytes
    attributes: Mapping[str, str]
    message_id: str
    published_at: datetime

    @cached_property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")

    @cached_property
    def body(self) -> Any:
        """What its data is as JSON, None where it is none."""
        return self._parsed[0]

    @cached_property
    def flaw(self) -> str:
        """Why its data is no JSON; "" where it is, and where there is none."""
        return self._parsed[1]

    @cached_property
    def _parsed(self) -> tuple[Any, str]:
        try:
            return json.loads(self.data), ""
        except ValueError as error:
            return None, f"the data is not JSON: {error}" if self.data.strip() else ""
        except RecursionError:
            return None, "the data is not JSON that can be read: it is nested too deep"


@dataclass(frozen=True)
class Step:
    """One step of a place: ``kind`` is key, index, first, every, where or filter."""

    kind: str
    key: str = ""
    value: str = ""


@dataclass(frozen=True)
class Place:
    """Where something stands; ``written`` is how the policy says it."""

    written: str
    steps: tuple[Step, ...]

    @property
    def in_body(self) -> bool:
        """True for a place in the data as JSON, False for one of the message itself."""
        first = self.steps[0]
        own = first.kind == "key" and first.key in RESERVED
        return not own or (first.key == DATA and self.steps[1:2] == (Step("filter", "json"),))

    @property
    def is_of_many(self) -> bool:
        """True where it reads all items of a list, so that what stands there is no single value."""
        return any(step.kind == "every" for step in self.steps)

    @property
    def lists(self) -> tuple[Place, ...]:
        """The lists of which it reads the item `[0]`, as if that were the only one."""
        at = (number for number, step in enumerate(self.steps) if step == ONLY and number)
        inner = tuple(Place(written_as(self.steps[:number]), self.steps[:number]) for number in at)
        return (WHOLE, *inner) if self.steps[0] == ONLY else inner

    def read(self, message: Foreign) -> Any:
        """Return what stands there, None where nothing does."""
        if not self.steps:
            return message.body
        first, rest = self.steps[0], self.steps[1:]
        if first.kind == "key" and first.key in RESERVED:
            return _follow(_reserved(message, first.key), rest)
        return _follow(message.body, self.steps)


ONLY = Step("index", "0")
WHOLE = Place("the data", ())
"""The data as a whole, which may be a list."""


def written_as(steps: Iterable[Step]) -> str:
    """Return steps as a policy writes them."""
    return "".join(map(_written, steps)).removeprefix(".")


def _written(step: Step) -> str:
    match step.kind:
        case "key":
            return f".{step.key}" if _STEP.fullmatch(step.key) else f'["{step.key}"]'
        case "index":
            return f"[{step.key}]"
        case "where":
            return f"[{step.key}={step.value}]"
        case "filter":
            return f"|{step.key}"
    return "[*]" if step.kind == "every" else "[first]"


def apart(body: Any, items: tuple[Step, ...]) -> list[Any]:
    """Return a body as the bodies that it holds, each with one item alone of the list whose items these steps name;
    empty where there is no such list."""
    step, rest = items[0], items[1:]
    opened = _json(body) if isinstance(body, str) else body
    if step.kind == "every":
        return [[item] for item in opened] if isinstance(opened, list) else []
    if not isinstance(opened, Mapping):
        return []
    return [{**opened, step.key: inner} for inner in apart(opened.get(step.key), rest)]


def place(written: str) -> Place:
    """Return a place; raise ``ValueError`` with the reason for what is none."""
    steps, at = list[Step](), 0
    while at < len(written):
        match = _STEP.match(written, at)
        key_follows = match is not None and match["key"] is not None
        # A dot stands before each key but the first, and before nothing else.
        if match is None or (key_follows and (written[at] == ".") is (at == 0)):
            raise ValueError(f"{written!r} is no place from {written[at:]!r} on")
        steps.append(_step(match))
        at = match.end()
    if not steps or steps[0].kind == "filter":
        raise ValueError(f"{written!r} names nothing")
    if written.startswith("@") and steps[0].key not in RESERVED:
        import difflib  # only where a policy is wrong

        near = difflib.get_close_matches(steps[0].key, RESERVED, n=1)
        meant = f"did you mean {near[0]}?" if near else f"only {', '.join(RESERVED)}"
        raise ValueError(f'there is no {steps[0].key}, {meant} A key of the data is written ["{steps[0].key}"]')
    return Place(written, tuple(steps))


def _step(match: re.Match[str]) -> Step:
    if match["filter"] is not None:
        if match["filter"] not in FILTERS:
            raise ValueError(f"there is no |{match['filter']}, only {', '.join(f'|{name}' for name in FILTERS)}")
        return Step("filter", match["filter"])
    if match["index"] is not None:
        return Step("index", match["index"])
    if match["every"] is not None or match["first"] is not None:
        return Step("every" if match["every"] is not None else "first")
    if match["field"] is not None:
        return Step("where", match["field"], match["value"])
    return Step("key", match["quoted"] or match["key"])


def _reserved(message: Foreign, name: str) -> Any:
    match name:
        case "@attributes":
            return message.attributes
        case "@publish_time":
            return message.published_at.isoformat()
        case "@message_id":
            return message.message_id
    return message.text


def _follow(value: Any, steps: tuple[Step, ...]) -> Any:
    for at, step in enumerate(steps):
        if value is None:
            return None
        if step.kind == "every":
            items = value if isinstance(value, list) else []
            return [item for item in (_follow(item, steps[at + 1 :]) for item in items) if item is not None] or None
        value = _taken(value, step)
    return value


def _taken(value: Any, step: Step) -> Any:
    if step.kind == "filter":
        return FILTERS[step.key](value)
    opened = _json(value) if isinstance(value, str) else value
    if step.kind == "key":
        return opened.get(step.key) if isinstance(opened, Mapping) else None
    if not isinstance(opened, list):
        return None
    if step.kind in ("index", "first"):
        index = int(step.key or 0)
        return opened[index] if -len(opened) <= index < len(opened) else None
    return next((item for item in opened if _has(item, step)), None)


def _has(item: Any, step: Step) -> bool:
    return isinstance(item, Mapping) and text_of(item.get(step.key)) == step.value


def text_of(value: object) -> str:
    """Return a value as a text: numbers in their digits, `true`, `false`; "" for what is absent or no single value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return spelling.label(value)


def _json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _base64(value: Any) -> Any:
    try:
        return base64.b64decode(value, validate=True).decode() if isinstance(value, str) else None
    except ValueError:
        return None


def _last(value: Any) -> Any:
    return text_of(value).rstrip("/").rpartition("/")[2] or None


def _lower(value: Any) -> Any:
    return text_of(value).lower() or None


def _url(value: Any) -> Any:
    return unquote_plus(text_of(value)) or None


def _table(value: Any) -> Any:
    if isinstance(value, Mapping):
        parts = [text_of(value.get(name)) for name in ("datasetId", "tableId")]
        return ".".join(parts) if all(parts) else None
    return spelling.table(value) or None if isinstance(value, str) else None


FILTERS: Mapping[str, Callable[[Any], Any]] = {
    "json": _json,
    "base64": _base64,
    "last": _last,
    "lower": _lower,
    "table": _table,
    "url": _url,
}


def first(message: Foreign, places: Iterable[Place]) -> Any:
    """Return what stands at the first place where anything does: neither null, nor empty; None where nothing does."""
    for where in places:
        value = where.read(message)
        if value not in (None, "", [], {}):
            return value
    return None


def is_said(value: Any) -> bool:
    """True for what says that something is so, or how much of it: neither absent nor empty, no 0 and no false."""
    if isinstance(value, list):
        return any(map(is_said, value))
    if isinstance(value, Mapping):
        return bool(value)
    text = text_of(value).strip().lower()
    return text not in ("", "false") and not _NOTHING.fullmatch(text)


_NOTHING = re.compile(r"[-+]?0+(?:\.0*)?", re.ASCII)


@dataclass(frozen=True)
class Template:
    """A text in which `{name}` or `{place}` stands for what a pattern named or for what stands at that place."""

    written: str
    parts: tuple[str | Place, ...]

    @property
    def fixed(self) -> str | None:
        """The text, where nothing of it comes from a message."""
        return self.written if all(isinstance(part, str) for part in self.parts) else None

    @property
    def names(self) -> frozenset[str]:
        """What it asks for that may be a name of a pattern: places of one step."""
        return frozenset(part.written for part in self.parts if isinstance(part, Place) and len(part.steps) == 1)

    def fill(self, message: Foreign, named: Mapping[str, str]) -> str | None:
        """Return the text; None where something of it is not there."""
        filled = []
        for part in self.parts:
            text = part if isinstance(part, str) else named.get(part.written) or text_of(part.read(message))
            if not text:
                return None
            filled.append(text)
        return "".join(filled)


_BRACES = re.compile(r"\{([^{}]*)\}")


def template(written: str) -> Template:
    """Return a text with places in braces; raise ``ValueError`` for braces that hold none."""
    parts, at = list[str | Place](), 0
    for match in _BRACES.finditer(written):
        parts += [written[at : match.start()]] if match.start() > at else []
        parts.append(place(match[1]))
        at = match.end()
    rest = written[at:]
    if "{" in rest or "}" in rest or any(isinstance(part, str) and set("{}") & set(part) for part in parts):
        raise ValueError(f"{written!r} has a brace too many")
    return Template(written, (*parts, rest) if rest or not parts else tuple(parts))
