"""Which dates had no units when the calendar was last read: that serves while it is unreadable (behaviour T3).

Of a date with units its run keeps what was read; a date without has no run, and would be taken for one with units as
soon as the calendar cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from shared.app.context import Context
from shared.app.state.compare_and_set import change_document
from shared.core.model import Units
from shared.documents import from_data, to_data
from shared.ports import Document

# No run is opened by the clock for a date as long past as this.
KEPT_FOR = timedelta(days=7)
NO_UNITS = Units(0, 0)


@dataclass(frozen=True, slots=True)
class CalendarReading:
    """What was last read of the calendar, of those dates for which it had no units."""

    empty: tuple[date, ...] = ()


def path_of(pipeline: str) -> str:
    return f"calendars/{pipeline}"


def empty_dates(ctx: Context) -> frozenset[date]:
    """Return the dates that had no units when the calendar was last read; none where nobody can read that."""
    [document] = ctx.ports.store.get(path_of(ctx.policy.pipeline))
    return _read(ctx, document)


def note(ctx: Context, units: Mapping[date, Units], today: date) -> None:
    """Keep what has just been read of these dates, if it says otherwise than what this instance knows to be kept."""
    dates = empty_dates(ctx) if ctx.memory.empty_dates is None else ctx.memory.empty_dates
    ctx.memory.empty_dates = dates
    if _after(dates, units, today) == dates:
        return

    def noted(document: Document | None) -> tuple[Mapping[str, Any] | None, frozenset[date]]:
        after = _after(_read(ctx, document), units, today)
        return to_data(CalendarReading(tuple(sorted(after)))), after

    ctx.memory.empty_dates = change_document(ctx.ports.store, path_of(ctx.policy.pipeline), noted)


def _after(before: frozenset[date], units: Mapping[date, Units], today: date) -> frozenset[date]:
    empty = {day for day, reading in units.items() if reading.total == 0}
    added = empty - before
    kept = before - (units.keys() - empty)
    return frozenset(day for day in kept | added if today - day <= KEPT_FOR) if added else kept


def _read(ctx: Context, document: Document | None) -> frozenset[date]:
    if document is None:
        return frozenset()
    try:
        return frozenset(from_data(CalendarReading, document.data).empty)
    except ValueError as error:
        ctx.log("calendar.forgotten", severity="WARNING", error=str(error))
        return frozenset()
