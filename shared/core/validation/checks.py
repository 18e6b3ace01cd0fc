"""Judging the pipeline by its output: what a check is, when it is made, and which numbers are good (behaviour 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from shared.core.calendar import instant
from shared.core.severity import Severity


class Status(StrEnum):
    """What became of a check. ``SKIP`` had nothing to judge; ``ERROR`` broke, and says nothing of the data."""

    PASS = "PASS"  # noqa: S105 - a word, not a password
    WARN = "WARN"
    FAIL = "FAIL"
    SKIP = "SKIP"
    ERROR = "ERROR"


class Category(StrEnum):
    """What a check is about."""

    TRANSITIONS = "transitions"
    COMPLETENESS = "completeness"
    QUALITY = "quality"
    FRESHNESS = "freshness"
    LATENCY = "latency"
    FAILURES = "failures"
    DELIVERY = "delivery"
    RECORD = "record"


class Nothing(StrEnum):
    """What it means that a measure has no number, or that there is no measure at all."""

    PASS = "pass"  # noqa: S105 - a word, not a password
    SKIP = "skip"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a number is too low (below), too high (above), or has reached a count (from)."""

    warn_below: float | None = None
    fail_below: float | None = None
    warn_above: float | None = None
    fail_above: float | None = None
    warn_from: float | None = None
    fail_from: float | None = None

    def status(self, value: float) -> Status:
        for status, below, above, at in (
            (Status.FAIL, self.fail_below, self.fail_above, self.fail_from),
            (Status.WARN, self.warn_below, self.warn_above, self.warn_from),
        ):
            low = below is not None and value < below
            high = (above is not None and value > above) or (at is not None and value >= at)
            if low or high:
                return status
        return Status.PASS

    @property
    def can_fail(self) -> bool:
        return not (self.fail_below is self.fail_above is self.fail_from is None)

    @property
    def text(self) -> str:
        """Return the thresholds as people say them: `warns below 80, fails below 50`."""
        words = {"below": "below", "above": "above", "from": "from"}
        parts = [
            f"{verb}s {words[side]} {shown(value)}"
            for verb in ("warn", "fail")
            for side in words
            if (value := getattr(self, f"{verb}_{side}")) is not None
        ]
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the runner is called, and for which date where the call names none.

    ``date_offset`` is that date minus the local day of the call, ``day_offset`` the working day that is judged
    minus the same: -1 for a schedule that looks back on the day before.
    """

    name: str
    at: time
    date_offset: int
    day_offset: int = 0

    def working_day(self, day: date) -> date:
        """Return the working day that is judged when the date is ``day``."""
        return day + timedelta(days=self.day_offset - self.date_offset)


@dataclass(frozen=True, slots=True)
class Query:
    """GoogleSQL that yields ``subject``, ``value`` and, where it says what it expected, ``expected``. ``table`` and
    ``date_column`` are those of the one table that it is repeated for, "" for any other."""

    subject: str
    sql: str
    table: str = ""
    date_column: str = ""


@dataclass(frozen=True)
class Check:
    """One question with its thresholds; ``queries`` or ``builtin`` measures, and one of the two is set.

    ``due`` is a local time on the working day: before it there is nothing to judge. ``days`` is said of one whose SQL
    asks of each table only on which of so many days before the working day it holds rows; 0 where it asks more.
    """

    name: str
    title: str
    category: Category
    severity: Severity
    schedules: tuple[str, ...]
    thresholds: Thresholds
    needs_units: bool
    nothing: Nothing
    due: time | None = None
    unit: str = ""
    table: str = ""
    sql: str = ""
    queries: tuple[Query, ...] = ()
    days: int = 0
    builtin: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Validation:
    """All schedules and checks of a pipeline, in the file's order."""

    pipeline: str
    schedules: Mapping[str, Schedule]
    checks: Mapping[str, Check]
    record: str
    source: str = ""

    def of(self, schedule: str) -> tuple[Check, ...]:
        return tuple(check for check in self.checks.values() if schedule in check.schedules)


@dataclass(frozen=True, slots=True)
class Target:
    """What a run of checks judges: a date, a working day, and the moment it is judged at."""

    schedule: Schedule
    day: date
    now: datetime
    zone: ZoneInfo

    @property
    def working_day(self) -> date:
        return self.schedule.working_day(self.day)

    @property
    def day_start(self) -> datetime:
        return instant(self.working_day, time(0), self.zone)

    @property
    def day_end(self) -> datetime:
        return instant(self.working_day + timedelta(days=1), time(0), self.zone)

    def due_at(self, check: Check) -> datetime | None:
        return None if check.due is None else instant(self.working_day, check.due, self.zone)


def shown(value: float) -> str:
    """Return a number without decimals that say nothing."""
    return f"{value:.0f}" if value == int(value) else f"{value:.1f}"
