"""A unit of work of a date, as workflows need it: who it is, when it starts, whether it is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ScheduledUnit:
    """A unit of a date: its name, "" where the calendar has none, and when it starts, None where nobody says."""

    name: str
    start: datetime | None = None
    final: bool = False
