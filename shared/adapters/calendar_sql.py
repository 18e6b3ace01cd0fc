"""The units of dates as the calendar lists them: one statement, and what its rows say (behaviour T3, T4, T9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from shared.adapters.date_column import PORT, DateColumn, Kind, local_date, local_instant
from shared.core.errors import Unavailable
from shared.core.model import Units
from shared.core.workflows.units import ScheduledUnit
from shared.ports import CalendarRef, TableRef, UnitsRef


def calendar_sql(calendar: CalendarRef, columns: Sequence[DateColumn], zone: ZoneInfo) -> str:
    """Return the statement that lists every row between two dates, and after them what does not take place.

    Bounds let BigQuery prune partitions, a list of dates may not. Dates and starts come as text, since the two tables
    may hold them differently.
    """
    status, excluded = calendar.status_column, calendar.excluded
    conditions = [columns[0].within(), f"(`{status}` IS NULL OR `{status}` NOT IN UNNEST(@excluded))"]
    if excluded is not None and excluded.when:
        conditions.append(f"NOT COALESCE(({excluded.when}), FALSE)")
    final = f"({calendar.final})" if calendar.final else f"`{status}` = @final"
    link = "" if excluded is None or not excluded.table else excluded.calendar_key or calendar.unit_key
    start = "''" if calendar.start_column is None else _text(f"`{calendar.start_column}`")
    listed = (
        f"SELECT {_day(columns[0], zone)} AS day, {_text(calendar.unit_key)} AS unit, "  # noqa: S608 - checked names, the policy's expressions
        f"COALESCE({final}, FALSE) AS final, {start} AS start, {_text(link)} AS link, TRUE AS takes_place, "
        f"COUNT(*) AS n FROM `{calendar.table}` WHERE {' AND '.join(conditions)} GROUP BY 1, 2, 3, 4, 5"
    )
    if excluded is None or not excluded.table:
        return listed
    # Rows come in any order: what does not take place is told apart by `takes_place`.
    return (
        f"{listed}\nUNION ALL\nSELECT {_day(columns[1], zone)}, '', FALSE, '', "
        f"{_text(excluded.unit_key or calendar.unit_key)}, FALSE, "
        f"COUNT(*) FROM `{excluded.table}` WHERE {columns[1].within()} GROUP BY 1, 5"
    )


def held_sql(named: Sequence[tuple[UnitsRef, DateColumn]], zone: ZoneInfo) -> str:
    """Return the statement that counts each table's rows between two dates by unit; rows without one are left out."""
    return "\nUNION ALL\n".join(
        f"SELECT '{ref.label}' AS label, {_day(column, zone)} AS day, {_text(ref.expression)} AS unit, "  # noqa: S608 - checked names, the policy's expressions
        f"COUNT(*) AS n FROM `{ref.table}` WHERE {column.within()} AND ({ref.expression}) IS NOT NULL GROUP BY 2, 3"
        for ref, column in named
    )


def _day(column: DateColumn, zone: ZoneInfo) -> str:
    # As text a number of a decimal type would have decimals.
    return _text(f"CAST({column.day(zone)} AS INT64)" if column.kind is Kind.NUMBER else column.day(zone))


def _text(expression: str) -> str:
    return f"COALESCE(CAST(({expression}) AS STRING), '')" if expression else "''"


@dataclass(slots=True)
class _Unit:
    """A unit of a date: final if any of its rows is, begun when the first of them did; or so many without a name."""

    name: str
    number: int = 1
    final: bool = False
    starts: list[datetime] = field(default_factory=list)

    def is_presumed_over(self, over_since: datetime | None) -> bool:
        """True where it is not final and began too long ago not to be over (behaviour T9)."""
        return not self.final and over_since is not None and bool(self.starts) and min(self.starts) <= over_since


@dataclass(slots=True)
class Listed:
    """What the calendar lists, by date; each row that names no unit is a unit of its own."""

    days: dict[date, dict[str, _Unit]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, rows: Iterable[Mapping[str, Any]], calendar: CalendarRef, refs: Sequence[TableRef], zone: ZoneInfo
    ) -> Listed:
        """Take in the rows of ``calendar_sql``; raise ``Unavailable`` for a date that nobody can read."""
        listed, removed = cls(), set[tuple[date, str]]()
        dated = []
        for row in rows:
            ref = refs[0] if row["takes_place"] else refs[-1]
            day = local_date(row["day"], zone)
            if day is None:
                raise Unavailable(PORT, f"{ref.table}: {ref.date_column} holds {row['day']!r}, which is no date")
            if row["takes_place"]:
                dated.append((day, row))
            elif row["link"]:
                removed.add((day, row["link"]))
        for number, (day, row) in enumerate(dated):
            units = listed.days.setdefault(day, {})
            if not (row["link"] and (day, row["link"]) in removed):
                listed._take(units, row, f"\0{number}", zone)
        return listed

    def _take(self, units: dict[str, _Unit], row: Mapping[str, Any], alone: str, zone: ZoneInfo) -> None:
        unit = units.setdefault(row["unit"] or alone, _Unit(row["unit"], 1 if row["unit"] else row["n"]))
        unit.final = unit.final or row["final"]
        start = local_instant(row["start"], zone)
        unit.starts += [] if start is None else [start]

    def schedule(self, day: date, over_since: datetime | None) -> tuple[ScheduledUnit, ...]:
        """Return the units of a date with their starts, the earliest of each, in the order of their names."""
        return tuple(
            ScheduledUnit(unit.name, min(unit.starts, default=None), unit.final or unit.is_presumed_over(over_since))
            for unit in sorted(self.days.get(day, {}).values(), key=lambda unit: unit.name)
            for _ in range(unit.number)
        )

    def units(self, day: date, over_since: datetime | None) -> Units:
        """Return the units of a date; one without a start is never presumed over."""
        units = sorted(self.days.get(day, {}).values(), key=lambda unit: unit.name)
        presumed = [unit for unit in units if unit.is_presumed_over(over_since)]
        return Units(
            total=sum(unit.number for unit in units),
            final=sum(unit.number for unit in units if unit.final or unit in presumed),
            names=tuple(unit.name for unit in units if unit.name),
            presumed=tuple(unit.name or f"{unit.number} without a name" for unit in presumed),
        )
