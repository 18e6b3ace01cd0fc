"""What is wrong with the calendar of a policy and with the GoogleSQL expressions in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from shared.core.policy.config_error import ConfigError
from shared.core.policy.phases import Need, Processor, Reports
from shared.core.policy.policy import Calendar, Excluded, Policy

# A reading of the evening before says nothing of a morning.
LONGEST_READING = timedelta(hours=6)
PAIRS = {"(": ")", "[": "]", "{": "}"}


def calendar_problems(policy: Policy) -> Iterator[ConfigError]:
    """Yield what is wrong with the calendar; nothing where there is none."""
    calendar = policy.calendar
    if calendar is None:
        return
    yield from expression_problems("calendar.unit_key", calendar.unit_key)
    yield from expression_problems("calendar.final", calendar.final)
    yield from _times(calendar)
    if calendar.excluded is not None:
        yield from _excluded(calendar, calendar.excluded)


def _times(calendar: Calendar) -> Iterator[ConfigError]:
    for name in ("presumed_final_after", "reaches_back", "read_every"):
        length: timedelta | None = getattr(calendar, name)
        if length is not None and length <= timedelta(0):
            yield ConfigError(f"calendar.{name}", "must be longer than nothing", "leave it out where there is none")
    if calendar.read_every is not None and calendar.read_every > LONGEST_READING:
        hint = f"at most {LONGEST_READING // timedelta(hours=1)}h"
        yield ConfigError("calendar.read_every", "is longer than a run should go by one reading", hint)
    if calendar.presumed_final_after is not None and calendar.start_column is None:
        hint = "add start_column: the column that says when a unit begins"
        yield ConfigError("calendar.presumed_final_after", "nothing says when a unit begins", hint)


def _excluded(calendar: Calendar, excluded: Excluded) -> Iterator[ConfigError]:
    key = "calendar.excluded"
    for name in ("when", "unit_key", "calendar_key"):
        yield from expression_problems(f"{key}.{name}", getattr(excluded, name))
    if not excluded.table:
        for name in ("date_column", "unit_key", "calendar_key"):
            if getattr(excluded, name):
                yield ConfigError(f"{key}.{name}", "there is no table that it is of", "add table, or take it out")
        if not excluded.when:
            yield ConfigError(key, "excludes nothing", "add when: or table: with date_column: and unit_key:")
        return
    if not excluded.date_column:
        yield ConfigError(f"{key}.date_column", "is missing", "name the column of the table that holds the date")
    if not (excluded.unit_key or calendar.unit_key):
        yield ConfigError(f"{key}.unit_key", "is missing", "say what names a unit in the table")
    if not (excluded.calendar_key or calendar.unit_key):
        hint = "say what names the same unit in the calendar's table"
        yield ConfigError(f"{key}.calendar_key", "is missing", hint)


def units_problems(processor: Processor, key: str, *, named: bool) -> Iterator[ConfigError]:
    """Yield what is wrong with what a processor and its sources are judged by (behaviour R10).

    ``named`` says that the calendar has names for its units, by which reports can name theirs.
    """
    for where, part in _places(processor, key):
        yield from _judged(part, where, named=named)
    if processor.need is Need.ALL and not processor.sources:
        yield ConfigError(f"{key}.need", "there are no sources", "add sources:, or take it out")


def _judged(processor: Processor, key: str, *, named: bool) -> Iterator[ConfigError]:
    yield from expression_problems(f"{key}.units", processor.units)
    if processor.units and processor.table is None:
        yield ConfigError(f"{key}.units", "there is no table that they are of", "add table: dataset.table")
    if processor.reports is Reports.PER_UNIT and processor.table is None and (not named or "/" in processor.name):
        hint = "add table: that holds them, or calendar.unit_key: then reports name their unit"
        yield ConfigError(f"{key}.reports", "nothing says when all of them came", hint)


def idle_floors(policy: Policy) -> list[ConfigError]:
    """Return floors that can never refuse anything: those by units, in a pipeline that knows of no units (T3)."""
    if policy.calendar is not None:
        return []
    hint = "add calendar:, or min_records: for a number that needs none"
    return [
        ConfigError(f"{where}.{key}", "there is no calendar: how many units a date has nobody knows", hint)
        for phase in policy.phases.values()
        for processor in phase.processors.values()
        for where, part in _places(processor, f"phases.{phase.name}.processors.{processor.name}")
        for key in ("min_records_per_unit", "units")
        if getattr(part, key)
    ]


def _places(processor: Processor, key: str) -> Iterator[tuple[str, Processor]]:
    """Yield a processor and its sources, each with its place in the file."""
    for part in processor.parts:
        yield key if part is processor else f"{key}.sources.{part.name.rsplit('/', 1)[-1]}", part


def expression_problems(key: str, expression: str) -> Iterator[ConfigError]:
    """Yield why a text cannot be one GoogleSQL expression: what would end it, or leave the statement around it open."""
    reason = _not_whole(expression)
    if reason:
        yield ConfigError(
            key, f"is not one expression: {reason}", "write a column, or GoogleSQL such as CONCAT(a, '@', b)"
        )


def _not_whole(expression: str) -> str:
    open_, quote = list[str](), ""
    for place, letter in enumerate(expression):
        if quote:
            quote = "" if letter == quote and expression[place - 1] != "\\" else quote
        elif letter in "'\"`":
            quote = letter
        elif letter in PAIRS:
            open_.append(PAIRS[letter])
        elif letter in PAIRS.values():
            if not open_ or open_.pop() != letter:
                return f"{letter} closes nothing"
        elif letter in ";#" or expression.startswith(("--", "/*"), place):
            return f"{letter} ends it"
    if quote:
        return f"{quote} is not closed"
    return f"{open_[-1]} is missing" if open_ else ""
