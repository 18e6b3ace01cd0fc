"""Patterns of names, such as those of objects in a bucket: `boxscores/{date}/{unit}.json`, and regular expressions.

In a pattern `{name}` is a part without `/`, `*` any characters without `/`, `**` any characters; `{date}` is a date
as `2026-01-21` or `20260121`. A regular expression is written `re: EXPRESSION`, its groups `(?P<name>...)`. Both match
the whole of a name, and take a time that is bounded: names longer than ``LONGEST`` match nothing, and expressions that
can go back without end are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

EXPRESSION = "re:"
LONGEST = 1024
"""As long as the name of an object in Cloud Storage may be, in bytes; a longer text matches nothing."""
LONGEST_EXPRESSION = 500
MOST_UNBOUNDED = 3
MOST_REPEATS = 64
DATE = r"\d{4}-?\d{2}-?\d{2}"
_PART = re.compile(r"\{([^{}]*)\}|(\*\*)|(\*)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_ESCAPED = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_REPEAT = re.compile(r"[*+]|\{\d*(?:,(?P<most>\d*))?\}|\{(?P<exact>\d+)\}")


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
    """A pattern as the policy writes it, and the names that it gives to parts."""

    written: str
    expression: re.Pattern[str]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.expression.groupindex)

    def match(self, text: str) -> Mapping[str, str] | None:
        """Return the named parts of a text that it matches as a whole, None for any other."""
        match = self.expression.fullmatch(text) if len(text) <= LONGEST else None
        return None if match is None else {name: part for name, part in match.groupdict().items() if part}


def name_pattern(written: str) -> NamePattern:
    """Return a pattern; raise ``ValueError`` with the reason for what is none, or might take too long."""
    if written.startswith(EXPRESSION):
        return NamePattern(written, _expression(written.removeprefix(EXPRESSION).strip()))
    parts, at, unbounded = list[str](), 0, 0
    for match in _PART.finditer(written):
        literal = written[at : match.start()]
        if not literal and parts and not parts[-1].startswith("(?P<date>"):
            raise ValueError(f"nothing stands between two parts, before {written[match.start() :]!r}")
        parts += [re.escape(literal)] if literal else []
        parts.append(_part(match))
        # Each part of a path has bounds of its own, but for `**`.
        unbounded = (0 if "/" in literal and "**" not in written else unbounded) + (match[1] != "date")
        if unbounded > MOST_UNBOUNDED:
            raise ValueError(f"more than {MOST_UNBOUNDED} parts without a / between them")
        at = match.end()
    if set(written[at:]) & set("{}"):
        raise ValueError("a brace too many")
    try:
        return NamePattern(written, re.compile("".join([*parts, re.escape(written[at:])]), re.DOTALL))
    except re.error as error:
        raise ValueError(str(error)) from None


def _part(match: re.Match[str]) -> str:
    if match[2]:
        return ".*"
    if match[3]:
        return "[^/]*"
    if not _NAME.fullmatch(match[1] or ""):
        raise ValueError(f"{{{match[1]}}} is no name of letters, digits and _")
    return f"(?P<date>{DATE})" if match[1] == "date" else f"(?P<{match[1]}>[^/]+?)"


def _expression(text: str) -> re.Pattern[str]:
    if len(text) > LONGEST_EXPRESSION:
        raise ValueError(f"longer than {LONGEST_EXPRESSION} characters")
    try:
        compiled = re.compile(text)
    except (re.error, OverflowError) as error:
        raise ValueError(f"no regular expression: {error}") from None
    reason = _unbounded(text)
    if reason:
        raise ValueError(reason)
    return compiled


def _unbounded(text: str) -> str:
    """Return why an expression might take too long, "" where it cannot: the number of ways that a text can be divided
    among its repeats has to be bounded."""
    if re.search(r"\\[1-9]|\(\?P=|\(\?\(", text):
        return "refers to an earlier group, whose time has no bound"
    if re.search(r"\(\?<?[=!]", text):
        return "looks ahead or behind, whose time has no bound"
    plain = _ESCAPED.sub("c", text)
    unbounded = 0
    for match in _REPEAT.finditer(plain):
        most = match["exact"] or match["most"]
        if plain[match.start() - 1 : match.start()] == ")":
            if not (most and most.isdigit() and int(most) <= 1):
                return f"repeats a group, whose time has no bound: {text[:60]!r}"
        elif not most or int(most) > MOST_REPEATS:
            unbounded += 1
    if unbounded > MOST_UNBOUNDED:
        return f"has {unbounded} repeats without a bound, at most {MOST_UNBOUNDED} can be told to end in time"
    return ""
