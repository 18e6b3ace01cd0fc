"""The working days on which a mode is expected, and what makes a message belong to it (behaviour R4, T1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shared.core.policy.transitions import DueTime

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Resolve(StrEnum):
    """What tells that a message belongs to a mode: its date, the message itself, or the time of day."""

    DATE = "date"
    MESSAGE = "message"
    CLOCK = "clock"


@dataclass(frozen=True)
class Window:
    """Part of the working day, ``begins`` included and ``ends`` excluded, in local time."""

    begins: DueTime
    ends: DueTime


@dataclass(frozen=True)
class WorkingDays:
    """Weekdays, or days of the month; with neither, every day."""

    weekdays: frozenset[str] = frozenset()
    days_of_month: frozenset[int] = frozenset()

    def include(self, day: date) -> bool:
        if self.weekdays:
            return WEEKDAYS[day.weekday()] in self.weekdays
        return not self.days_of_month or day.day in self.days_of_month

    @property
    def text(self) -> str:
        """Return `mon, thu`, `days 1, 15 of the month`, or `every day`."""
        if self.weekdays:
            return ", ".join(day for day in WEEKDAYS if day in self.weekdays)
        if not self.days_of_month:
            return "every day"
        many = "s" if len(self.days_of_month) > 1 else ""
        return f"day{many} {', '.join(map(str, sorted(self.days_of_month)))} of the month"


EVERY_DAY = WorkingDays()
"""A mode that is expected on every day."""
