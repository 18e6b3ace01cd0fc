"""The units of dates as workflows need them: read when asked, the last good reading where that fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from shared.app.context import Context
from shared.app.transitions.readings import calendar_ref
from shared.app.workflows.opening import missing_inputs
from shared.core.errors import OutOfTime, PolicyError, Unavailable
from shared.core.workflows.decide import Readings
from shared.core.workflows.model import Found, Missing, OpensOn
from shared.core.workflows.units import ScheduledUnit
from shared.ports import TableRef, UnitsRef

Scheduled = Mapping[date, tuple[ScheduledUnit, ...]]


def read_schedule(ctx: Context, days: Sequence[date]) -> Scheduled | None:
    """Read the units of dates; None while the calendar cannot be read, nothing for a pipeline without one."""
    calendar = ctx.policy.calendar
    if calendar is None or not days:
        return {}
    try:
        schedule = ctx.ports.warehouse.schedule(calendar_ref(calendar, ctx.ports.clock.now()), list(days))
    except (Unavailable, PolicyError) as error:
        ctx.log("workflows.calendar_unreadable", severity="WARNING", error=str(error))
        return None
    return {day: tuple(schedule.get(day, ())) for day in days}


def key_expression(missing: Missing) -> str:
    """Return the expression that names the unit of a row: the key columns joined by `@`."""
    parts = [f"CAST({column} AS STRING)" for column in missing.key]
    return parts[0] if len(parts) == 1 else "CONCAT(" + ", '@', ".join(parts) + ")"


class Tables:
    """What the tables of a policy hold and the calendar says, each asked once a date."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._held: dict[tuple[Missing, date], frozenset[str] | None] = {}
        self._rows: dict[tuple[Found, date], int | None] = {}
        self._inputs: dict[tuple[OpensOn, date], tuple[str, ...] | None] = {}
        self._together: dict[Missing, list[date]] = {}
        self._scheduled: dict[date, tuple[ScheduledUnit, ...] | None] = {}

    def units(self, day: date, last: tuple[ScheduledUnit, ...] | None) -> tuple[ScheduledUnit, ...] | None:
        """Return the units of a date as they are now, the ``last`` reading while the calendar cannot be read."""
        if day not in self._scheduled:
            scheduled = read_schedule(self._ctx, [day])
            self._scheduled[day] = None if scheduled is None else scheduled.get(day, ())
        units = self._scheduled[day]
        return last if units is None else units

    def together(self, missing: Missing, days: Iterable[date]) -> None:
        """Say of which dates a table will be asked: the first question is about all of them."""
        self._together.setdefault(missing, []).extend(days)

    def read(
        self, day: date, held: Missing | None = None, rows: Found | None = None, inputs: OpensOn | None = None
    ) -> Readings:
        """Read what is asked for; what cannot be read, is None. ``OutOfTime`` is raised where nothing was asked."""
        if held is not None and (held, day) not in self._held:
            together = self._together.get(held, [])
            days = sorted(set(together)) if day in together else [day]
            self._held |= {(held, each): names for each, names in self._units(held, days).items()}
        if rows is not None and (rows, day) not in self._rows:
            self._rows[rows, day] = self._count(rows, day)
        if inputs is not None and (inputs, day) not in self._inputs:
            self._inputs[inputs, day] = missing_inputs(self._ctx, inputs, day)
        return Readings(
            {missing: names for (missing, of), names in self._held.items() if of == day},
            {source: count for (source, of), count in self._rows.items() if of == day},
            {opens_on: names for (opens_on, of), names in self._inputs.items() if of == day},
        )

    def _units(self, missing: Missing, days: Sequence[date]) -> dict[date, frozenset[str] | None]:
        ref = UnitsRef("collected", missing.table, missing.date_column, key_expression(missing))
        try:
            return self._ctx.ports.warehouse.held_on(ref, days)
        except OutOfTime:
            raise
        except (Unavailable, PolicyError) as error:
            self._ctx.log("workflows.table_unreadable", severity="WARNING", table=missing.table, error=str(error))
            return dict.fromkeys(days)

    def _count(self, source: Found, day: date) -> int | None:
        try:
            return self._ctx.ports.warehouse.rows([TableRef(source.table, source.date_column)], day)[source.table]
        except OutOfTime:
            raise
        except (Unavailable, PolicyError) as error:
            self._ctx.log("workflows.table_unreadable", severity="WARNING", table=source.table, error=str(error))
            return None
