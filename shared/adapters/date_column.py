"""A column that holds the date of a row, in whichever type it was declared: what selects a date, and what it says.

A filter compares the bare column with constants, so that a partition is pruned whatever its type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from shared.core.calendar import instant

PORT = "warehouse"

_DAY = timedelta(days=1)
# Text that may be a date: with or without hyphens, alone or before a time.
TEXT_FORM = r"^\s*\d{4}-?\d{2}-?\d{2}([T ].*)?\s*$"
_WRITTEN = re.compile(r"\s*(\d{4}-\d{2}-\d{2}|\d{8})(?:[T ]\s*(\S.*?))?\s*", re.DOTALL)
_FIRST_NUMBER, _LAST_NUMBER = 1000_01_01, 9999_12_31


class Kind(Enum):
    """How a column holds dates."""

    DATE = "date"
    DATETIME = "datetime"  # local as it is
    TIMESTAMP = "timestamp"  # an instant: its local date is the pipeline's
    TEXT = "text"
    NUMBER = "number"  # 20260310


# By the first word of a type, BigQuery's and DuckDB's; of DuckDB a plain TIMESTAMP is what BigQuery calls DATETIME.
_KINDS: dict[str, Kind] = {
    "DATE": Kind.DATE,
    "DATETIME": Kind.DATETIME,
    "TIMESTAMP": Kind.TIMESTAMP,
    "STRING": Kind.TEXT,
    **dict.fromkeys(("INT64", "NUMERIC", "BIGNUMERIC", "FLOAT64"), Kind.NUMBER),
}


def kind_of(google_type: str) -> Kind | None:
    """Return how a column of this GoogleSQL type (``NUMERIC(8, 0)``) holds dates; None if it cannot."""
    return _KINDS.get(google_type.partition("(")[0].strip().upper())


@dataclass(frozen=True, slots=True)
class DateColumn:
    """A column, by its checked name, and how it holds dates; whether that is certain, or only supposed; and whether its
    table is partitioned by it."""

    name: str
    kind: Kind
    certain: bool = True
    partitions: bool = False

    def within(self) -> str:
        """Return the condition that a row's date lies between the first and the last of ``parameters``."""
        name = f"`{self.name}`"
        match self.kind:
            case Kind.DATE:
                return f"{name} BETWEEN @first AND @last"
            case Kind.DATETIME:
                return f"{name} >= CAST(@first AS DATETIME) AND {name} < CAST(@after AS DATETIME)"
            case Kind.TIMESTAMP:
                return f"{name} >= @since AND {name} < @until"
            case Kind.NUMBER:
                return f"{name} BETWEEN @first_number AND @last_number"
            case Kind.TEXT:
                return f"REGEXP_CONTAINS({name}, @dates)"

    def day(self, zone: ZoneInfo) -> str:
        """Return the expression of which ``local_date`` makes a row's date; SQL can hold a zone's key as it is."""
        name = f"`{self.name}`"
        match self.kind:
            case Kind.DATETIME:
                return f"DATE({name})"
            case Kind.TIMESTAMP:
                return f"DATE({name}, '{zone.key}')"
            case _:
                return name

    def strange(self) -> str | None:
        """Return the condition of a value that no date can be read from; None where every value is a date."""
        name = f"`{self.name}`"
        match self.kind:
            case Kind.NUMBER:
                return f"({name} < {_FIRST_NUMBER} OR {name} > {_LAST_NUMBER})"
            case Kind.TEXT:
                return f"(TRIM({name}) != '' AND NOT REGEXP_CONTAINS({name}, r'{TEXT_FORM}'))"
            case _:
                return None


def parameters(kinds: Iterable[Kind], first: date, last: date, zone: ZoneInfo) -> dict[str, Any]:
    """Return what ``within`` of these kinds names, for the dates from first to last."""
    values: dict[str, Any] = {}
    for kind in set(kinds):
        values.update(_parameters(kind, first, last, zone))
    return values


def _parameters(kind: Kind, first: date, last: date, zone: ZoneInfo) -> Mapping[str, Any]:
    match kind:
        case Kind.DATE:
            return {"first": first, "last": last}
        case Kind.DATETIME:
            return {"first": first, "after": last + _DAY}
        case Kind.TIMESTAMP:
            since, until = instant(first, time(0), zone), instant(last + _DAY, time(0), zone)
            return {"since": since, "until": until}
        case Kind.NUMBER:
            return {"first_number": _number(first), "last_number": _number(last)}
        case Kind.TEXT:
            return {"dates": _prefixes(first - _DAY, last + _DAY)}


def _number(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def _prefixes(first: date, last: date) -> str:
    """Return the pattern of texts that begin with a date: a day more on each side, for those that name a zone."""
    days = (first + _DAY * n for n in range((last - first).days + 1))
    return rf"^\s*({'|'.join(f'{day:%Y}-?{day:%m}-?{day:%d}' for day in days)})"


def local_date(value: Any, zone: ZoneInfo) -> date | None:
    """Return the date that a value of ``day`` says, None if none; text with an offset is read in ``zone``."""
    if isinstance(value, datetime):
        return (value if value.tzinfo is None else value.astimezone(zone)).date()
    if isinstance(value, date):
        return value
    text = value if isinstance(value, str) else f"{value:.0f}"
    written = _WRITTEN.fullmatch(text)
    if written is None:
        return None
    day, clock = written.groups()
    if clock is not None:
        read = _instant(day, clock)
        return None if read is None else _local(read, zone).date()
    try:
        return date.fromisoformat(day)
    except ValueError:
        return None


def local_instant(text: str, zone: ZoneInfo) -> datetime | None:
    """Return the instant that a text says, one without an offset read as a local time; None if it says none."""
    written = _WRITTEN.fullmatch(text)
    if written is None or written[2] is None:
        return None
    read = _instant(written[1], written[2])
    if read is None or read.tzinfo is not None:
        return read
    return instant(read.date(), read.time(), zone)


def _instant(day: str, clock: str) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{day}T{_offset(clock)}")
    except ValueError:
        return None


def _local(read: datetime, zone: ZoneInfo) -> datetime:
    return read if read.tzinfo is None else read.astimezone(zone)


def _offset(clock: str) -> str:
    """Return a time as ISO 8601 writes it: BigQuery's own text has ``07:00:00 UTC`` and ``07:00:00+00``."""
    for word in ("UTC", "GMT", "Z", "z"):
        if clock.endswith(word):
            return clock.removesuffix(word).rstrip() + "+00:00"
    return clock.replace(" ", "")
