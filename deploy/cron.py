"""Whether a text is a schedule that Cloud Scheduler takes: five fields, as in unix-cron."""

from __future__ import annotations

import re

FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
NAMES = {
    "month": ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    "day of week": ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
}
PART = re.compile(r"(\*|(?P<low>[0-9a-z]+)(-(?P<high>[0-9a-z]+))?)(/(?P<step>[0-9]+))?")


def cron_error(text: str) -> str | None:
    """Return what is wrong with a cron line, None if nothing is."""
    words = text.lower().split()
    if len(words) != len(FIELDS):
        return f"has {len(words)} fields, not 5"
    faults = (_field(word, name, low, high) for word, (name, low, high) in zip(words, FIELDS, strict=True))
    return next((fault for fault in faults if fault), None)


def _field(word: str, name: str, low: int, high: int) -> str | None:
    for part in word.split(","):
        match = PART.fullmatch(part)
        if match is None or match["step"] == "0":
            return f"{name}: {part!r} is not understood"
        numbers = [_number(text, name, low) for text in (match["low"], match["high"]) if text]
        if any(number is None or not low <= number <= high for number in numbers):
            return f"{name}: {part!r} is outside {low} to {high}"
        if len(numbers) == 2 and numbers != sorted(n for n in numbers if n is not None):
            return f"{name}: {part!r} runs backwards"
    return None


def _number(text: str, name: str, low: int) -> int | None:
    if text.isdecimal():
        return int(text)
    names = NAMES.get(name, [])
    return names.index(text) + low if text in names else None


def times_a_day(text: str) -> float:
    """Return how often a valid line fires on a day of a month of 30, on the mean."""
    minute, hour, day, month, weekday = (
        _matches(word, name, low, high) for word, (name, low, high) in zip(text.lower().split(), FIELDS, strict=True)
    )
    weekdays = {number % 7 for number in weekday}
    return len(minute) * len(hour) * min(1.0, len(day) / 30) * len(month) / 12 * len(weekdays) / 7


def _matches(word: str, name: str, low: int, high: int) -> set[int]:
    values: set[int] = set()
    for part in word.split(","):
        match = PART.fullmatch(part)
        assert match is not None, f"{part!r} was not checked"
        first, last = (_number(match[end], name, low) if match[end] else None for end in ("low", "high"))
        if first is None:
            first, last = low, high
        elif last is None:
            last = high if match["step"] else first
        values |= set(range(first, last + 1, int(match["step"] or 1)))
    return values
