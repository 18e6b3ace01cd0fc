"""A scenario file as values that know where they are in it, so that every complaint names file, key and reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from shared.core.errors import OrchError

UNQUOTED_TIME = re.compile(r"[-+]?\d{1,4}(:\d{1,2}){1,2}(\.\d*)?|\d{4}-\d{1,2}-\d{1,2}([Tt]|[ \t]+)\d{1,2}:\d{2}.*")
DURATION = re.compile(r"(?:\d+[smhd])+")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class ScenarioError(OrchError):
    """A file is not a valid scenario: where, why, and what to do about it."""

    def __init__(self, path: str, key: str, reason: str, hint: str = "") -> None:
        self.path, self.key, self.reason, self.hint = path, key, reason, hint
        where = f"{path}: {key}" if key else path
        super().__init__(f"{where}: {reason}" + (f"\n  hint: {hint}" if hint else ""))


class Value:
    """One value of the file, its key and its line."""

    def __init__(self, node: yaml.Node, path: str, key: str) -> None:
        self.node, self.path, self.key = node, path, key

    def error(self, reason: str, hint: str = "") -> ScenarioError:
        return ScenarioError(self.path, self.key, f"{reason} (line {self.node.start_mark.line + 1})", hint)

    @property
    def raw(self) -> str:
        """A scalar as it is written, without its quotes."""
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.error("must be a single value")
        return str(self.node.value)

    @property
    def tag(self) -> str:
        return self.node.tag.rsplit(":", 1)[-1]

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, yaml.SequenceNode)

    @property
    def is_empty(self) -> bool:
        """True where the file names the key and says nothing."""
        return self.tag == "null"

    def pairs(self) -> list[tuple[Value, Value]]:
        """Return key and value of each entry of a mapping."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error(f"must be a mapping, not {describe(self.node)}")
        pairs = {}
        for key_node, value_node in self.node.value:
            key = Value(key_node, self.path, self.key)
            child = f"{self.key}.{key.raw}" if self.key else key.raw
            pairs[key.raw] = (key, Value(value_node, self.path, child))
        return list(pairs.values())

    def fields(self, *, required: Sequence[str] = (), optional: Sequence[str] = ()) -> dict[str, Value]:
        """Return a mapping's values, after refusing keys that are unknown and missing ones."""
        values = {key.raw: value for key, value in self.pairs()}
        names = [*required, *optional]
        for name, value in values.items():
            if name not in names:
                raise value.error("unknown key", f"known here: {', '.join(names)}")
        for name in required:
            if name not in values:
                raise self.error(f"key {name!r} is missing")
        return values

    def items(self) -> list[Value]:
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error(f"must be a list, not {describe(self.node)}")
        return [Value(node, self.path, f"{self.key}[{index}]") for index, node in enumerate(self.node.value)]

    def text(self) -> str:
        """Return the text as written; numbers and dates without quotes are text here, too."""
        if self.tag == "null" or not self.raw.strip():
            raise self.error("must not be empty")
        return self.raw

    def texts(self) -> tuple[str, ...]:
        """Return one text or a list of them as a tuple."""
        if isinstance(self.node, yaml.SequenceNode):
            return tuple(item.text() for item in self.items())
        return (self.text(),)

    def word(self, allowed: Sequence[str]) -> str:
        text = self.text()
        if text not in allowed:
            raise self.error(f"{text!r} is not one of: {', '.join(allowed)}")
        return text

    def integer(self, least: int = 0) -> int:
        if self.tag != "int":
            raise self.error(f"must be a whole number, not {describe(self.node)}")
        number = int(self.plain())
        if number < least:
            raise self.error(f"must be at least {least}, not {number}")
        return number

    def number(self) -> float:
        if self.tag not in ("int", "float"):
            raise self.error(f"must be a number, not {describe(self.node)}")
        return float(self.plain())

    def boolean(self) -> bool:
        if self.tag != "bool":
            raise self.error(f"must be true or false, not {describe(self.node)}")
        return bool(self.plain())

    def day(self) -> date:
        """Return a date that exists, written as 2026-01-21."""
        text = self.raw
        if not DATE.fullmatch(text):
            raise self.error(f"{text!r} is not a date like 2026-01-21")
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise self.error(f"{text!r} is a date that does not exist") from None

    def duration(self) -> timedelta:
        """Return a duration such as 90s, 25m, 6h or 1h30m."""
        text = self.text()
        if not DURATION.fullmatch(text):
            raise self.error(f"{text!r} is not a duration like 90s, 25m, 6h or 1h30m")
        parts = {UNITS[unit]: int(number) for number, unit in re.findall(r"(\d+)([smhd])", text)}
        if not any(parts.values()):
            raise self.error("must be longer than nothing")
        return timedelta(**parts)

    def plain(self) -> Any:
        """Return the value as Python holds it, dates as text."""
        if isinstance(self.node, yaml.MappingNode):
            return {key.raw: value.plain() for key, value in self.pairs()}
        if isinstance(self.node, yaml.SequenceNode):
            return [item.plain() for item in self.items()]
        if self.tag in ("timestamp", "str"):
            return self.raw
        try:
            return _scalar(self.node)
        except ValueError as error:
            raise self.error(str(error)) from None


def _scalar(node: yaml.Node) -> Any:
    constructor = yaml.constructor.SafeConstructor()
    return constructor.construct_object(node, deep=True)


def describe(node: yaml.Node) -> str:
    """Name a node for a person."""
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return repr(node.value) if node.value else "nothing"


def text_of(path: Path) -> str:
    """Return what stands in a file, or comes by a pipe, which yields it once; raise ``ScenarioError`` if it cannot
    be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ScenarioError(str(path), "", f"cannot be read: {reason}") from None


def read(path: Path, text: str) -> Value:
    """Read the text of a YAML file; raise ``ScenarioError`` if it is none, names a key twice, or holds an unquoted
    time."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ScenarioError(str(path), "", f"is not YAML: {' '.join(str(error).split())}") from None
    if node is None:
        raise ScenarioError(str(path), "", "is empty")
    root = Value(node, str(path), "")
    for visit in (_refuse_cycles, _refuse_repeated_keys, _merge, _refuse_unquoted_times):
        visit(root)
    return root


def _refuse_cycles(value: Value, above: tuple[int, ...] = ()) -> None:
    if id(value.node) in above:
        raise value.error("contains itself")
    for child in _children(value):
        _refuse_cycles(child, (*above, id(value.node)))


def _refuse_repeated_keys(value: Value) -> None:
    if isinstance(value.node, yaml.MappingNode):
        names = [Value(key, value.path, value.key).raw for key, _ in value.node.value]
        for name in names:
            if names.count(name) > 1:
                raise value.error(f"key {name!r} is there twice")
    _each(value, _refuse_repeated_keys)


def _merge(value: Value) -> None:
    if isinstance(value.node, yaml.MappingNode):
        try:
            yaml.constructor.SafeConstructor().flatten_mapping(value.node)
        except yaml.YAMLError as error:
            raise value.error(" ".join(str(error).split())) from None
    _each(value, _merge)


def _refuse_unquoted_times(value: Value) -> None:
    node = value.node
    if isinstance(node, yaml.ScalarNode) and node.style is None and UNQUOTED_TIME.fullmatch(node.value):
        raise value.error(f"unquoted time {node.value}", f'YAML reads it as something else: write "{node.value}"')
    _each(value, _refuse_unquoted_times)


def _each(value: Value, visit: Callable[[Value], None]) -> None:
    for child in _children(value):
        visit(child)


def _children(value: Value) -> Iterator[Value]:
    if isinstance(value.node, yaml.MappingNode):
        yield from (child for _, child in value.pairs())
    elif isinstance(value.node, yaml.SequenceNode):
        yield from value.items()


def to_instant(value: Value, parse: Callable[[str], datetime]) -> datetime:
    """Read a time with ``parse``, which raises ``ValueError`` for what is none."""
    try:
        return parse(value.text())
    except ValueError as error:
        raise value.error(str(error)) from None
