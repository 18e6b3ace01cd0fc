"""What a message says of a processor's work: outcome, counts, times, causes, what changed (behaviour R3, R6, R8)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from shared.core.errors import Malformed
from shared.core.model import Outcome
from shared.core.wire import spelling
from shared.core.wire.dialect import ENTITIES, Dialect, Path, dotted_path, first, there, value_at
from shared.core.wire.instants import instant
from shared.core.wire.spelling import is_absent, shown

T = TypeVar("T")

# In bytes: two reports and those that wait for the record share one document of at most 1 MiB.
MAX_TEXT, MAX_ID, MAX_NAME, MAX_LIST, MAX_KINDS = 2000, 500, 100, 1000, 8
COMPLETED: Path = ("metadata", "completed_predictions")
REPORTED = {outcome.value: outcome for outcome in Outcome if outcome is not Outcome.INFERRED}


@dataclass(frozen=True, slots=True)
class Contents:
    """The body of a message and the dialect it is read by.

    Every reading returns None, or what is empty, for what was not sent, and raises Malformed with the place of what
    was sent and cannot be read.
    """

    body: Mapping[str, Any]
    wire: Dialect

    def read(self, paths: Iterable[Path], kind: str, how: Callable[[object], T | None]) -> T | None:
        """Return the first that is there."""
        field = first(self.body, paths)
        return None if field is None else _read(field[0], field[1], kind, how)

    def read_one(self, path: Path, kind: str, how: Callable[[object], T | None]) -> T | None:
        """Return what is at one place."""
        value = value_at(self.body, path)
        return None if value is None or value == "" else _read(path, value, kind, how)

    def word(self, name: str) -> object:
        """Return a word without surrounding blanks, anything else as it is."""
        value = self.body.get(name)
        if value is None:
            return None
        value = spelling.name(value) if isinstance(value, str) else value
        return None if value == "" else value

    def name(self) -> str:
        """Return the name on the wire, "" if there is none."""
        field = first(self.body, self.wire.name)
        return spelling.name(field[1]) if field is not None and isinstance(field[1], str) else ""

    def outcome(self) -> Outcome:
        """Return what the status means: the policy's own words first, then ours."""
        field = first(self.body, self.wire.status)
        if field is None:
            raise Malformed("unknown_status", "no status")
        path, value = field
        word = spelling.name(value) if isinstance(value, str) else ""
        if word in self.wire.outcomes:
            return self.wire.outcomes[word]
        outcome = REPORTED.get(word)
        if outcome is not None:
            return outcome
        raise Malformed("unknown_status", f"unknown {dotted_path(path)} {shown(value)}")

    def ended(self, published: datetime) -> datetime:
        """Return when the processor ended: a time without a zone is UTC, and none lies after the publication."""
        ended = self.read(self.wire.ended, "bad_instant", instant)
        return published if ended is None else min(ended, published)

    def records(self) -> int | None:
        """Return the largest number of records that is stated, None if none is."""
        most: int | None = None
        for path, value in there(self.body, self.wire.records):
            number = _read(path, value, "bad_count", spelling.count)
            if number is not None and (most is None or number > most):
                most = number
        return most

    def expected(self) -> int | None:
        return self.read(self.wire.expected, "bad_count", spelling.count)

    def percent(self, records: int | None, expected: int | None) -> float | None:
        """Return the completion percentage a report states, None if it states none (behaviour R6).

        Nothing of nothing is no percentage, whatever the sender made of it (behaviour R12).
        """
        stated = self.read(self.wire.percent, "bad_percentage", spelling.percentage)
        part = self.read_one(COMPLETED, "bad_count", spelling.count)
        part = records if part is None else part
        if expected == 0 and not part and not stated:
            return None
        if stated is not None:
            return float(stated)
        return None if part is None or not expected else 100 * part / expected

    def cause(self) -> str:
        """Return why the processor failed, a list joined, "" if the message does not say."""
        for _, value in there(self.body, self.wire.cause):
            text = "; ".join(map(_value_text, value)) if isinstance(value, list) else _value_text(value)
            if text.strip():
                return clean(text, MAX_TEXT)
        return ""

    def entities(self) -> dict[str, tuple[str, ...]]:
        """Return the names of what changed by kind: a list under the kind of its place, an object kind by kind."""
        places = self.wire.entities or {"": ENTITIES}
        kinds: dict[str, tuple[str, ...]] = {}
        for kind, path in places.items():
            value = value_at(self.body, path)
            if value is None or value in ("", [], {}):
                continue
            where = dotted_path(path)
            by_kind = value if isinstance(value, dict) else {kind: value}
            for name, listed in by_kind.items():
                key = clean(name, MAX_NAME)
                if not key:
                    raise Malformed("bad_entities", f"{where} is {shown(value)}, not an object of lists")
                kinds[key] = (*kinds.get(key, ()), *_listed(listed, where if name == kind else f"{where}.{key}"))
        if not kinds:
            return kinds
        if len(kinds) > MAX_KINDS:
            raise Malformed("bad_entities", f"{len(kinds)} kinds of entities, at most {MAX_KINDS}")
        most = 2 * MAX_LIST // max(len(kinds), 2)
        return {kind: listed[:most] for kind, listed in kinds.items() if listed}


def _read(path: Path, value: object, kind: str, read: Callable[[object], T]) -> T:
    try:
        return read(value)
    except ValueError as wrong:
        raise Malformed(kind, f"{dotted_path(path)} {wrong}") from None


def _listed(value: object, where: str) -> tuple[str, ...]:
    """Return names of entities; a number is a name, null is none."""
    if is_absent(value):
        return ()
    if not isinstance(value, list):
        raise Malformed("bad_entities", f"{where} is {shown(value)}, not a list")
    for place, item in enumerate(value):
        if isinstance(item, bool | list | dict):
            raise Malformed("bad_entities", f"{where}[{place}] {shown(item)} is not a name")
    names = (clean(spelling.label(item), MAX_NAME) for item in value if item is not None)
    return tuple(name for name in names if name)


def _value_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def identifier(value: object) -> str:
    """Return an id as text, "" for what is none."""
    return clean(spelling.label(value), MAX_ID)


def text(value: object, most: int = MAX_TEXT) -> str:
    """Return a text as every store holds it, "" for what is none."""
    return clean(value, most) if isinstance(value, str) else ""


def clean(value: str, most: int) -> str:
    """Return a text that every store holds: no half characters, no control characters, at most so many bytes."""
    if value.isascii() and value.isprintable():
        return value[:most].strip()
    whole = value[:most].encode("utf-8", "replace")[:most].decode("utf-8", "ignore")
    return (whole if whole.isprintable() else "".join(c if c.isprintable() else " " for c in whole)).strip()
