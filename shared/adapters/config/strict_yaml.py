"""YAML to plain values, stricter than YAML: no key twice, no unquoted times of day, text as keys."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

import yaml

from shared.core.policy.config_error import ConfigError, dotted

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
TAG = "tag:yaml.org,2002:"
# No file of ours comes near: a policy of a thousand processors copies nothing and nests eight levels.
DEEPEST, MOST_COPIES = 100, 10_000
SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-9]{1,2})+(\.[0-9_]*)?", re.ASCII)

Key = tuple[str | int, ...]


def read_yaml(path: Path) -> tuple[Any, list[ConfigError]]:
    """Return what a YAML file holds, and what is wrong with it as YAML: a value is whole only without problems."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        return None, [ConfigError("", f"cannot be read: {error.strerror}", "check the path")]
    except UnicodeDecodeError as error:
        return None, [ConfigError("", f"is not UTF-8 at byte {error.start}", "save the file as UTF-8")]
    deep = _too_deep(text)
    if deep:
        return None, [ConfigError(f"line {deep}", f"is nested more than {DEEPEST} levels", "a file of ours needs ten")]
    try:
        loader = LOADER(text)
        try:
            reader = _Reader(loader)
            return reader.value(loader.get_single_node(), (), ()), reader.problems
        except _TooMuchError as error:
            return None, [*reader.problems, error.problem]
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        return None, [_syntax(error)]


def with_lines(path: Path, problems: Sequence[ConfigError]) -> Sequence[ConfigError]:
    """Return what is wrong with the values of a file that was read without a problem, each with the line of its key,
    or of what is above it."""
    if not problems:
        return problems
    lines = _lines(path.read_text(encoding="utf-8"))
    return [_with_line(problem, lines) for problem in problems]


def _with_line(problem: ConfigError, lines: Mapping[str, int]) -> ConfigError:
    key = problem.key
    while key and key not in lines:
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return replace(problem, reason=f"{problem.reason} (line {lines[key]})") if key else problem


def _lines(text: str) -> dict[str, int]:
    """Return the line of each key of a file, by its path."""
    lines: dict[str, int] = {}

    def note(node: yaml.Node | None, key: Key) -> None:
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                lines.setdefault(dotted((*key, str(name.value))), name.start_mark.line + 1)
                note(value, (*key, str(name.value)))
        elif isinstance(node, yaml.SequenceNode):
            for place, value in enumerate(node.value):
                lines.setdefault(dotted((*key, place)), value.start_mark.line + 1)
                note(value, (*key, place))

    note(yaml.compose(text, Loader=LOADER), ())
    return lines


def merged(base: Any, over: Any) -> Any:
    """Return ``base`` with ``over`` laid over it: mappings key by key, everything else replaced."""
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)):
        return over
    return {**base, **{key: merged(base[key], value) if key in base else value for key, value in over.items()}}


def _syntax(error: yaml.YAMLError) -> ConfigError:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else dotted(())
    reason = getattr(error, "problem", None) or " ".join(str(error).split())
    return ConfigError(where, f"is not YAML: {reason}", "check indentation, colons and quotes around this place")


def _too_deep(text: str) -> int:
    """Return the line in which a file nests too deep for any reader of it, 0 if none does: composing it would end
    the process."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=LOADER):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > DEEPEST and event.start_mark is not None:
                    return int(event.start_mark.line) + 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError:
        return 0  # said with its place when it is read
    return 0


class _TooMuchError(Exception):
    """More values than a file can mean."""

    def __init__(self, problem: ConfigError) -> None:
        self.problem = problem
        super().__init__(problem.reason)


class _Reader:
    """Builds values from nodes, so that each fault is known by its key path and its line."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._values, self._nodes = 0, set[int]()
        self.problems: list[ConfigError] = []

    def value(self, node: yaml.Node | None, key: Key, above: tuple[yaml.Node, ...]) -> Any:
        self._count(node, key)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, key)
        if node is None:
            return None
        if any(node is ancestor for ancestor in above):
            return self._refuse(key, node, "contains itself", "write the value out instead of using an anchor")
        if isinstance(node, yaml.MappingNode) and node.tag == f"{TAG}map":
            return self._mapping(node, key, (*above, node))
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{TAG}seq":
            below = (*above, node)
            return [self.value(item, (*key, place), below) for place, item in enumerate(node.value)]
        return self._refuse(key, node, f"has the tag {node.tag}", "leave the tag out")

    def _count(self, node: yaml.Node | None, key: Key) -> None:
        """Stop where aliases multiply: a file of a few lines may mean millions of values."""
        self._values += 1
        self._nodes.add(id(node))
        if node is not None and self._values > MOST_COPIES + 2 * len(self._nodes):
            reason = f"aliases make more than {MOST_COPIES:,} copies (line {node.start_mark.line + 1})"
            raise _TooMuchError(
                ConfigError(dotted(key), reason, "write the values out instead of using anchors in anchors")
            )

    def _mapping(self, node: yaml.MappingNode, key: Key, above: tuple[yaml.Node, ...]) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for name_node, value_node in node.value:
            name = name_node.value
            if name_node.tag == f"{TAG}merge":
                self._refuse((*key, name), name_node, "merge keys are not read", "write the keys out")
            elif name_node.tag != f"{TAG}str":
                shown = name if isinstance(name, str) else "?"
                self._refuse((*key, shown), name_node, "a key must be text", f'write it in quotes: "{shown}"')
            elif name in mapping:
                first = f"the first is in line {lines[name]}"
                self._refuse((*key, name), name_node, f"is given twice; {first}", "keep one of the two")
            else:
                lines[name] = name_node.start_mark.line + 1
                mapping[name] = self.value(value_node, (*key, name), above)
        return mapping

    def _scalar(self, node: yaml.ScalarNode, key: Key) -> Any:
        text: str = node.value
        plain = node.style not in ("'", '"', "|", ">")
        if plain and ":" in text and SEXAGESIMAL.fullmatch(text):
            # YAML reads 10:00 as the number 600 but 05:00 as text, so neither passes without quotes.
            return self._refuse(key, node, f"is an unquoted time of day, {text}", f'write it in quotes: "{text}"')
        if node.tag == f"{TAG}str":
            return text
        try:
            value = self._loader.construct_object(node)
        except (ValueError, yaml.YAMLError):
            kind = node.tag.removeprefix(TAG)
            return self._refuse(
                key, node, f"{text[:80]!r} is no possible {kind}", "correct it, or quote it if it is text"
            )
        if isinstance(value, float) and not isfinite(value):
            return self._refuse(key, node, f"{text!r} is no number that others can be compared with", "write a number")
        return value

    def _refuse(self, key: Key, node: yaml.Node, reason: str, hint: str) -> None:
        line = node.start_mark.line + 1
        self.problems.append(ConfigError(dotted(key), f"{reason} (line {line})", hint))
