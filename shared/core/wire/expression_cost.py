"""How many steps a regular expression may take at most, told from its structure.

Python's matcher goes back: it tries one way to divide a text among the repeats after another. The number of ways is the
product of what each repeat may take. Repeats without a bound divide one text among them, so k of them have as many
ways as there are k places in order; alternatives add up, and an atomic group is left in one way only. The structure is
that of Python's own parser.
"""

from __future__ import annotations

import re._constants as kinds  # type: ignore[import-not-found]  # typeshed has it by its old name alone
import re._parser as parser  # type: ignore[import-not-found]
from dataclasses import dataclass
from typing import Any

MOST_NODES = 5000
"""An expression of more parts, with those of repeated groups counted each time, is not looked at to its end."""
OF_A_CHARACTER, OF_A_CHOICE, OF_A_GROUP = 0.1, 1.0, 5.0
"""What a part costs beside one step of a repeat, about ten nanoseconds: measured, rounded up."""
_CHARACTERS = {kinds.LITERAL, kinds.NOT_LITERAL, kinds.ANY, kinds.IN, kinds.CATEGORY, kinds.AT}
_REPEATS = {kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT}
_LOOKS = {kinds.ASSERT, kinds.ASSERT_NOT}
_REFERS = {kinds.GROUPREF, kinds.GROUPREF_EXISTS}


@dataclass
class _Ways:
    """The number of ways to come as far as this, and of repeats without a bound among them."""

    number: float = 1.0
    unbounded: int = 0


class Cost:
    """The most steps that a compiled expression takes on a text of ``length`` characters.

    Raises ``ValueError`` with the reason for what has no bound at any length.
    """

    def __init__(self, text: str, length: int) -> None:
        self._length = length
        self._nodes = 0
        self.steps = 0.0
        self.repeats = 0
        ways = _Ways()
        self._sequence(parser.parse(text), ways)
        self.steps += ways.number

    def _sequence(self, sequence: Any, ways: _Ways) -> None:
        for kind, value in sequence:
            self._nodes += 1
            if self._nodes > MOST_NODES:
                raise ValueError("has too many parts, those of repeated groups counted each time")
            self._part(kind, value, ways)

    def _part(self, kind: Any, value: Any, ways: _Ways) -> None:
        if kind in _CHARACTERS:
            self.steps += ways.number * OF_A_CHARACTER
        elif kind in _REPEATS:
            least, most, body = value
            self._repeat(kind, (least, most), body, ways)
        elif kind is kinds.SUBPATTERN:
            self.steps += ways.number * OF_A_CHOICE
            self._sequence(value[-1], ways)
        elif kind is kinds.ATOMIC_GROUP:
            self._sequence(value, _Ways(ways.number, ways.unbounded))
        elif kind is kinds.BRANCH:
            self._branches(value[1], ways)
        elif kind in _REFERS:
            raise ValueError("refers to an earlier group, whose time has no bound")
        elif kind in _LOOKS:
            raise ValueError("looks ahead or behind, whose time has no bound")
        else:
            raise ValueError(f"has a part whose time is not known: {str(kind).lower()}")

    def _branches(self, branches: Any, ways: _Ways) -> None:
        ends = []
        for branch in branches:
            end = _Ways(ways.number, ways.unbounded)
            self.steps += ways.number * OF_A_GROUP
            self._sequence(branch, end)
            ends.append(end)
        ways.number = sum(end.number for end in ends)
        # The fewer there are, the more ways the next one is taken to add.
        ways.unbounded = min(end.unbounded for end in ends)

    def _repeat(self, kind: Any, times: tuple[int, Any], body: Any, ways: _Ways) -> None:
        least, most = times
        if len(body) == 1 and body[0][0] in _CHARACTERS:
            self.steps += ways.number * OF_A_CHARACTER * min(least, self._length)
            if least == most:
                return
            before = ways.number, ways.unbounded
            if most is kinds.MAXREPEAT or most >= self._length:
                self.repeats += 1
                ways.unbounded += 1
                ways.number *= (self._length + ways.unbounded) / ways.unbounded
            else:
                ways.number *= most - least + 1
            self.steps += ways.number
            if kind is kinds.POSSESSIVE_REPEAT:
                ways.number, ways.unbounded = before  # it gives nothing back
            return
        if most != least and (most is kinds.MAXREPEAT or most > 1):
            raise ValueError("repeats a group a varying number of times, whose time has no bound")
        for _ in range(least):
            self._sequence(body, ways)
            if self._nodes > MOST_NODES:
                return
        if most != least:
            self._branches([[], body], ways)


def longest(text: str, bound: int, most_steps: float) -> int:
    """Return how long a text may be, at most ``bound``, for this expression to end within so many steps; 0 for none.

    Raises ``ValueError`` for an expression whose steps have no bound.
    """
    least, most = 0, bound
    while least < most:
        middle = (least + most + 1) // 2
        if Cost(text, middle).steps <= most_steps:
            least = middle
        else:
            most = middle - 1
    return least
