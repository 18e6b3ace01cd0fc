"""Writes each package that is asked for with extras into its lock as every pip may ask for it.

Under ``--require-hashes`` the pips that Python 3.11 brings look for a pin of exactly what a package asks for:
``name[extra]`` is not ``name``, and without a pin of its own they take the newest release and stop. So a lock pins
the plain name and every combination of the extras that were resolved, all with the same hashes.

    python -m deploy.locked_extras FILE...     rewrites these locks in place; doing it twice changes nothing
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

MOST_EXTRAS = 6
_PIN = re.compile(r"^(?P<name>[\w.-]+)(?:\[(?P<extras>[^\]]+)\])?(?P<rest>==.*)$")


class LockError(Exception):
    """A lock cannot be completed: says which package, and why."""


@dataclass(frozen=True)
class _Pin:
    """A package of a lock: ``rest`` is version and marker, ``hashes`` the lines that follow."""

    name: str
    extras: frozenset[str]
    rest: str
    hashes: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        yield f"{self.name}{extras}{self.rest}"
        yield from self.hashes


def completed(lock: str) -> str:
    """Return the text of a lock with each package pinned plainly and with its extras; raises ``LockError``."""
    head, pins = _read(lock)
    resolved: dict[tuple[str, str], set[str]] = {}
    for pin in pins:
        resolved.setdefault((pin.name, pin.rest), set()).update(pin.extras)
    written: list[str] = []
    for pin in pins:
        extras = resolved.pop((pin.name, pin.rest), None)
        if extras is not None:
            for combination in _combinations(pin.name, sorted(extras)):
                written += _Pin(pin.name, combination, pin.rest, pin.hashes).lines()
    return "\n".join([*head, *written]) + "\n"


def _read(lock: str) -> tuple[list[str], list[_Pin]]:
    head: list[str] = []
    pins: list[_Pin] = []
    for line in lock.splitlines():
        match = _PIN.match(line)
        if match:
            extras = frozenset((match["extras"] or "").replace(" ", "").split(",")) - {""}
            pins.append(_Pin(match["name"], extras, match["rest"], ()))
        elif pins:
            last = pins.pop()
            pins.append(_Pin(last.name, last.extras, last.rest, (*last.hashes, line)))
        else:
            head.append(line)
    return head, pins


def _combinations(name: str, extras: Sequence[str]) -> Iterator[frozenset[str]]:
    if len(extras) > MOST_EXTRAS:
        raise LockError(f"{name}: {len(extras)} extras have too many combinations to pin: {', '.join(extras)}")
    for count in range(len(extras) + 1):
        yield from map(frozenset, combinations(extras, count))


def main(paths: Sequence[str]) -> int:
    """Rewrite the locks of these paths; return the exit status, 1 if one cannot be completed."""
    for path in map(Path, paths):
        try:
            path.write_text(completed(path.read_text(encoding="utf-8")), encoding="utf-8")
        except LockError as error:
            print(f"error: {path}: {error}\n  hint: ask for fewer of them in pyproject.toml", file=sys.stderr)  # noqa: T201
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
