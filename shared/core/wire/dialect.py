"""How a pipeline speaks on the wire, as its policy says it (behaviour R8): where each thing is, what words mean.

A field of ours that the policy gives no place of its own is where R3 says, and where it does give one, R3's
place is looked at after it: what this project itself sends is understood by every pipeline.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.core.errors import Malformed
from shared.core.model import Outcome
from shared.core.wire.spelling import is_absent, shown

Path = tuple[str, ...]
PROCESSOR_NAME: Path = ("processor_name",)
ENTITIES: Path = ("metadata", "entities_changed")
KINDS = ("players", "teams")


class WithoutDate(StrEnum):
    """What becomes of a message whose date is null or not there."""

    QUARANTINE = "quarantine"
    COUNT = "count"


class DateZone(StrEnum):
    """Whose day a word for a date is counted from: that of UTC, or that of the pipeline's zone."""

    UTC = "UTC"
    LOCAL = "local"


@dataclass(frozen=True)
class Ignore:
    """Messages that are counted and nothing else: those with every field of ``has`` and none of ``lacks``."""

    has: tuple[Path, ...] = ()
    lacks: tuple[Path, ...] = ()

    @property
    def words(self) -> str:
        """The rule in short, as what it ignores is counted by: `triggered_by without processor_name`."""
        parts = [" and ".join(map(dotted_path, self.has)), " or ".join(map(dotted_path, self.lacks))]
        return " without ".join(parts).strip()


@dataclass(frozen=True)
class Dialect:
    """The dialect of one phase. Places are tried in order; ``outcomes`` maps other words for a status to ours."""

    phase: frozenset[str] = frozenset()
    name: tuple[Path, ...] = (PROCESSOR_NAME,)
    date: tuple[Path, ...] = (("game_date",),)
    status: tuple[Path, ...] = (("status",),)
    ended: tuple[Path, ...] = (("timestamp",),)
    records: tuple[Path, ...] = (("record_count",),)
    expected: tuple[Path, ...] = (("expected_count",),)
    percent: tuple[Path, ...] = (("metadata", "completion_pct"),)
    cause: tuple[Path, ...] = (("error_message",),)
    entities: Mapping[str, Path] = field(default_factory=dict)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    date_words: Mapping[str, int] = field(default_factory=dict)
    date_words_zone: DateZone = DateZone.UTC
    without_date: WithoutDate = WithoutDate.QUARANTINE
    rehearsal: Path | None = None
    foreign: tuple[str, ...] = ()
    ignore: tuple[Ignore, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of entities that are always named, even where nothing of them changed (behaviour 5)."""
        return KINDS if self.entities.keys() <= set(KINDS) else tuple(self.entities)


CANONICAL = Dialect()
"""The dialect of a policy that says nothing: the fields of R3."""

PLACES = ("name", "date", "status", "ended", "records", "expected", "percent", "cause")
"""The keys of a dialect that list where something is."""


def dotted_path(path: Path) -> str:
    return ".".join(path)


def value_at(body: Mapping[str, Any], path: Path) -> Any:
    """Return what is at a place of a message, None if nothing is.

    Raises Malformed where something on the way is there and is no object. An object may be sent as its JSON: that
    is how one is sent in an attribute.
    """
    # Nearly every place is a field, or one of an object: both are read at once.
    if len(path) == 1:
        return body.get(path[0])
    if len(path) == 2 and type(within := body.get(path[0])) is dict:
        return within.get(path[1])
    value: Any = body
    for depth, step in enumerate(path):
        if type(value) is not dict:
            value = _opened(value, path[:depth])
            if value is None:
                return None
        value = value.get(step)
    return value


def _opened(value: Any, path: Path) -> Any:
    """Return what is at a place as an object, None if nothing is."""
    if is_absent(value) or value == []:
        return None
    opened = _object(value) if isinstance(value, str) else value
    if not isinstance(opened, Mapping):
        raise Malformed("bad_field", f"{dotted_path(path)} is {shown(opened)}, not an object")
    return opened


def _object(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def there(body: Mapping[str, Any], paths: Iterable[Path]) -> Iterator[tuple[Path, Any]]:
    """Yield the places where something is, and what is there."""
    for path in paths:
        value = body.get(path[0]) if len(path) == 1 else value_at(body, path)
        if value is not None and value != "":
            yield path, value


def first(body: Mapping[str, Any], paths: Iterable[Path]) -> tuple[Path, Any] | None:
    """Return the first place where something is, and what is there; None if nothing is."""
    for path in paths:
        value = body.get(path[0]) if len(path) == 1 else value_at(body, path)
        if value is not None and value != "":
            return path, value
    return None


def ignoring(body: Mapping[str, Any], wire: Dialect) -> Ignore | None:
    """Return the rule by which a message is counted and nothing else, None if there is none."""
    for rule in wire.ignore:
        for path in rule.has:
            if not _has(body, path):
                break
        else:
            if not any(_has(body, path) for path in rule.lacks):
                return rule
    return None


def _has(body: Mapping[str, Any], path: Path) -> bool:
    try:
        return not is_absent(value_at(body, path))
    except Malformed:
        return False
