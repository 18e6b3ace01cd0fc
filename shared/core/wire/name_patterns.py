"""Patterns of names, such as those of objects in a bucket: `boxscores/{date}/{unit}.json`, and regular expressions.

In a pattern `{name}` is a part without `/`, `*` any characters without `/`, `**` any characters; `{date}` is a date
as `2026-01-21` or `20260121`. None of them takes a line break in. A regular expression is written `re: EXPRESSION`, its
groups `(?P<name>...)`. Both match the whole of a name, and take a time that is bounded: each pattern says how long a
name it can be asked about (``longest``), and one that would end in time for short names only is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.core.wire import expression_cost

EXPRESSION = "re:"
LONGEST = 1024
"""As long as the name of an object in Cloud Storage may be, in bytes; no pattern is asked about a longer text."""
SHORTEST = 256
"""A pattern that ends in time only for names shorter than this is refused."""
MOST_STEPS = 5e7
"""As many steps as Python's matcher takes in about half a second; a bound, which few texts come near."""
LONGEST_EXPRESSION = 500
MOST_UNBOUNDED = 3
DATE = "[0-9]{4}-?[0-9]{2}-?[0-9]{2}"
_PART = re.compile(r"\{([^{}]*)\}|(\*\*)|(\*)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def like(words: str, text: str) -> bool:
    """True where a text is these words, in which * stands for any characters; in time linear in the text."""
    first, *others = words.split("*")
    if not others:
        return text == words
    if not text.startswith(first) or not text.endswith(others[-1]) or len(text) < len(first) + len(others[-1]):
        return False
    at, end = len(first), len(text) - len(others[-1])
    for part in others[:-1]:
        place = text.find(part, at, end)
        if place < 0:
            return False
        at = place + len(part)
    return True


@dataclass(frozen=True)
class NamePattern:
    """A pattern as the policy writes it, and the names that it gives to parts; ``longest`` is how long a text may be,
    in characters, for it to be told in time whether it matches."""

    written: str
    expression: re.Pattern[str]
    longest: int

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.expression.groupindex)

    def match(self, text: str) -> Mapping[str, str] | None:
        """Return the named parts of a text that it matches as a whole, None for any other and for one that is longer
        than ``longest``."""
        match = self.expression.fullmatch(text) if len(text) <= self.longest else None
        return None if match is None else {name: part for name, part in match.groupdict().items() if part}


def name_pattern(written: str) -> NamePattern:
    """Return a pattern; raise ``ValueError`` with the reason for what is none, or might take too long."""
    text = (
        _expression(written.removeprefix(EXPRESSION).strip()) if written.startswith(EXPRESSION) else _template(written)
    )
    try:
        compiled = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"no regular expression: {error}") from None
    return NamePattern(written, compiled, _longest(text))


def _longest(text: str) -> int:
    longest = expression_cost.longest(text, LONGEST, MOST_STEPS)
    if longest >= SHORTEST:
        return longest
    repeats = expression_cost.Cost(text, LONGEST).repeats
    if repeats > MOST_UNBOUNDED:
        raise ValueError(f"has {repeats} repeats without a bound, at most {MOST_UNBOUNDED} can be told to end in time")
    reason = f"a text of {longest + 1} characters can be divided among its repeats and alternatives in too many ways"
    raise ValueError(f"{reason} to end in time")


def _template(written: str) -> str:
    """Return the expression of a pattern that is none. The parts of a path are divided by /, which only `**` matches:
    without it each is left in one way only, and what takes long in one is not repeated for another."""
    segments, at, unbounded, apart = [""], 0, 0, False
    for match in _PART.finditer(written):
        literal = written[at : match.start()]
        if not literal and at and not apart:
            raise ValueError(f"nothing stands between two parts, before {written[match.start() :]!r}")
        _add(segments, literal)
        segments[-1] += _part(match)
        apart = match[1] == "date"
        # Each part of a path has bounds of its own, but for `**`.
        unbounded = (0 if "/" in literal and "**" not in written else unbounded) + (match[1] != "date")
        if unbounded > MOST_UNBOUNDED:
            raise ValueError(f"more than {MOST_UNBOUNDED} parts without a / between them")
        at = match.end()
    if set(written[at:]) & set("{}"):
        raise ValueError(f"{written!r} has a brace too many")
    _add(segments, written[at:])
    if "**" in written:
        return "/".join(segments)
    return "".join(f"(?>{segment}/)" for segment in segments[:-1]) + segments[-1]


def _add(segments: list[str], literal: str) -> None:
    first, *others = literal.split("/")
    segments[-1] += re.escape(first)
    segments += map(re.escape, others)


def _part(match: re.Match[str]) -> str:
    if match[2]:
        return ".*"
    if match[3]:
        return r"[^/\n]*"
    if not _NAME.fullmatch(match[1] or ""):
        raise ValueError(f"{{{match[1]}}} is no name of letters, digits and _")
    return f"(?P<date>{DATE})" if match[1] == "date" else f"(?P<{match[1]}>[^/\\n]+?)"


def _expression(text: str) -> str:
    if len(text) > LONGEST_EXPRESSION:
        raise ValueError(f"longer than {LONGEST_EXPRESSION} characters")
    return text
