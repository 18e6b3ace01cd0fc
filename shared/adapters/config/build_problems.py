"""What only the file can show, such as a name that is listed twice, and where in the file a merged key is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import TypeVar

from shared.core.policy.config_error import ConfigError

T = TypeVar("T", str, int)


class Problems:
    """The problems of one file; ``errors`` in the order in which they were met."""

    def __init__(self) -> None:
        self.errors: list[ConfigError] = []
        self._inherited: dict[str, str] = {}

    def add(self, key: str, reason: str, hint: str) -> None:
        self.errors.append(ConfigError(key, reason, hint))

    def inherit(self, merged: str, written: str) -> None:
        """Note that a key is written elsewhere in the file: under ``any_mode``, or for the whole pipeline."""
        self._inherited[merged] = written

    def located(self, errors: Iterable[ConfigError]) -> list[ConfigError]:
        """Return problems of merged keys under the key that they have in the file."""
        return [self._located(problem) for problem in errors]

    def distinct(self, listed: Iterable[T], key: str) -> frozenset[T]:
        """Return the set of a list in which nothing may stand twice."""
        seen: set[T] = set()
        for place, name in enumerate(listed):
            if name in seen:
                self.add(f"{key}[{place}]", f"{name} is listed twice", "should it be another one?")
            seen.add(name)
        return frozenset(seen)

    def ordered(self, listed: list[str], key: str) -> tuple[str, ...]:
        """Return, in its order, a list in which nothing may stand twice."""
        self.distinct(listed, key)
        return tuple(listed)

    def json(self, value: object, key: str) -> None:
        """Refuse what a message could not carry as JSON, such as a YAML date."""
        if isinstance(value, Mapping):
            for name, item in value.items():
                self.json(item, f"{key}.{name}")
        elif isinstance(value, list | tuple):
            for place, item in enumerate(value):
                self.json(item, f"{key}[{place}]")
        elif not (value is None or isinstance(value, str | int) or (isinstance(value, float) and isfinite(value))):
            self.add(key, f"{value} is not JSON", f'write it in quotes: "{value}"')

    def _located(self, problem: ConfigError) -> ConfigError:
        for merged, written in self._inherited.items():
            if problem.key == merged or problem.key.startswith((f"{merged}.", f"{merged}[")):
                return ConfigError(written + problem.key.removeprefix(merged), problem.reason, problem.hint)
        return problem
