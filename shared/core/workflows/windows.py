"""Windows of workflows: half-open intervals that belong to one working date, resolved once (behaviour T6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from shared.core.calendar import instant
from shared.core.policy.transitions import LocalTime
from shared.core.workflows.model import (
    AfterGames,
    BeforeGames,
    CatchUp,
    Discovery,
    EarlyGames,
    OnceADay,
    Span,
    Workflow,
)

# The windows of some weeks of a hundred workflows: a tick asks for the same ones as the tick before.
REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Window:
    """An interval of a working date; ``ends`` lies outside."""

    begins: datetime
    ends: datetime

    def contains(self, now: datetime) -> bool:
        return self.begins <= now < self.ends


def local_instant(day: date, at: LocalTime, zone: ZoneInfo) -> datetime:
    """Return the instant of a local time of a working date; the first of two, the end of a gap (behaviour T6)."""
    return instant(day + timedelta(days=at.days), at.at, zone)


@lru_cache(maxsize=REMEMBERED)
def span(day: date, of: Span, zone: ZoneInfo) -> Window:
    """Return the interval between two local times of a working date."""
    return Window(local_instant(day, of.begins, zone), local_instant(day, of.ends, zone))


@lru_cache(maxsize=REMEMBERED)
def around(day: date, at: LocalTime, tolerance: timedelta, zone: ZoneInfo) -> Window:
    """Return the interval around a local time: the tolerance is elapsed time on both sides."""
    middle = local_instant(day, at, zone)
    return Window(middle - tolerance, middle + tolerance)


@lru_cache(maxsize=REMEMBERED)
def day_window(day: date, zone: ZoneInfo) -> Window:
    """Return the interval from one local midnight to the next."""
    return Window(instant(day, time(0), zone), instant(day + timedelta(days=1), time(0), zone))


def window_of(workflow: Workflow, day: date, zone: ZoneInfo) -> Window:
    """Return when a workflow may run for a working date, whatever its units are."""
    match workflow.decide:
        case OnceADay() as decide:
            return span(day, decide.window, zone)
        case BeforeGames() as decide:
            return span(day, decide.business_hours, zone)
        case AfterGames() | EarlyGames() as decide:
            return around(day, decide.at, decide.tolerance, zone)
        case CatchUp() as decide:
            return span(day, decide.window, zone)
        case Discovery():
            return day_window(day, zone)


def last_moment(workflow: Workflow, day: date, zone: ZoneInfo) -> datetime:
    """Return from when on nothing of this date can run any more."""
    ends = window_of(workflow, day, zone).ends
    if isinstance(workflow.decide, OnceADay) and workflow.decide.catch_up:
        return catch_up_until(ends, zone)
    return ends


@lru_cache(maxsize=REMEMBERED)
def catch_up_until(window_ends: datetime, zone: ZoneInfo) -> datetime:
    """Return the end of the local day that a window ends on: until then it may be made up."""
    local = window_ends.astimezone(zone).date()
    return instant(local + timedelta(days=1), time(0), zone)


def days_after(workflow: Workflow) -> int:
    """Return how many days after its working date a window may end."""
    match workflow.decide:
        case OnceADay() as decide:
            return decide.window.ends.days + 1
        case BeforeGames() as decide:
            return decide.business_hours.ends.days
        case AfterGames() | EarlyGames() as decide:
            return decide.at.days + 1 + decide.tolerance.days
        case CatchUp() as decide:
            return decide.window.ends.days
        case Discovery():
            return 0


def open_dates(workflow: Workflow, now: datetime, zone: ZoneInfo) -> list[date]:
    """Return the working dates that may be decided now: those whose last moment is to come and whose window does not
    begin after today, and the date of today in any case; the oldest first."""
    today = now.astimezone(zone).date()
    first = today - timedelta(days=days_after(workflow))
    dates = [first + timedelta(days=n) for n in range((today - first).days + 1)]
    # A tolerance may reach back over midnight.
    dates.append(today + timedelta(days=1))
    listed = [
        day for day in dates if last_moment(workflow, day, zone) > now and window_of(workflow, day, zone).begins <= now
    ]
    return sorted({*listed, today})
