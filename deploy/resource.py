"""One thing that shall exist in the cloud, and how to see, make and repair it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.command_line import CommandLine


@dataclass(frozen=True)
class Difference:
    """Something that is not as the manifest and the tree have it; ``wanted`` and ``found`` in words."""

    what: str
    wanted: str
    found: str

    def __str__(self) -> str:
        return f"{self.what}: wanted {self.wanted}, found {self.found}"


Judge = Callable[[Any], list[Difference]]


# Placeholders in a line of the name that the server gave to what was read, and to what was read beside it.
FOUND, BESIDE = "FOUND_NAME", "FOUND_BESIDE"
# The same where a command wants the last part of that name only.
FOUND_ID = "FOUND_ID"


@dataclass(frozen=True)
class Both:
    """What was read of a thing, and of another that it is tied to; None where that one is not there."""

    found: Any
    beside: Any


@dataclass(frozen=True)
class Condition:
    """When a right holds: an expression of IAM, under the title that is shown."""

    expression: str
    title: str


@dataclass(frozen=True)
class Right:
    """``member`` has ``role`` on a ``thing``, an account by its short name; ``kind`` is a key of rights.GROUPS."""

    kind: str
    thing: str
    member: str
    role: str
    condition: Condition | None = None

    @property
    def name(self) -> str:
        """What tells a right from every other one: its condition too."""
        end = f" if {self.condition.title}" if self.condition else ""
        return f"{self.thing} {self.role} {self.member}{end}"

    @property
    def id(self) -> str:
        return f"{self.kind} role {self.name}"


@dataclass(frozen=True)
class Resource:
    """``read`` answers JSON or "not found"; ``differences`` judges the answer, ``Both`` answers where there is a
    reading ``beside`` it.

    ``create`` and ``update`` are empty where nothing can be done by a script; ``hint`` then says who does it.
    ``function`` is the folder of the function that it belongs to, if it belongs to one; ``right`` is what it gives, if
    it is a right.
    """

    kind: str
    name: str
    read: CommandLine
    differences: Judge
    create: CommandLine | None
    update: CommandLine | None
    hint: str = ""
    function: str = ""
    beside: CommandLine | None = None
    right: Right | None = None

    @property
    def id(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def lines(self) -> list[CommandLine]:
        return [line for line in (self.read, self.beside, self.create, self.update) if line is not None]


def compare(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> list[Difference]:
    """Return where two mappings of the same names differ."""
    return [
        Difference(name, shown(value), shown(actual.get(name)))
        for name, value in expected.items()
        if actual.get(name) != value
    ]


def undeclared(actual: Mapping[str, Any], paths: Iterable[str]) -> list[Difference]:
    """Return what is set and not declared, by dotted paths; values are not shown, they may be anything."""
    return [Difference(path, "not set", "set") for path in paths if _at(actual, path)]


def _at(actual: Mapping[str, Any], path: str) -> Any:
    value: Any = actual
    for name in path.split("."):
        value = (value or {}).get(name)
    return value


def shown(value: Any) -> str:
    if value is None or value in ("", {}, []):
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={item}" for key, item in sorted(value.items()))
    return ", ".join(map(str, value)) if isinstance(value, list | tuple | set | frozenset) else str(value)
