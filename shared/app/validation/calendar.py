"""The calendar of one run of the validation: read once for every check that asks for the working day's dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from shared.app.context import Context
from shared.app.fail_fast import FailFastPorts
from shared.app.transitions.readings import read_units
from shared.app.validation.checks import nights
from shared.core.model import Units
from shared.core.validation.checks import Target
from shared.ports import CalendarRef, Warehouse


def with_calendar(ctx: Context, target: Target) -> tuple[Context, Mapping[date, Units] | None]:
    """Return a context whose warehouse knows the units of the dates that are worked on, and these units; None, and the
    context as it is, while the calendar cannot be read."""
    days = {target.day, *(key.day for key in nights.keys(ctx.policy, target.working_day))}
    units = read_units(ctx, sorted(days))
    if units is None or ctx.policy.calendar is None:
        return ctx, units
    warehouse = _Known(ctx.ports.warehouse, units)
    return replace(ctx, ports=FailFastPorts(ctx.ports, {"warehouse": warehouse})), units


class _Known:
    """A warehouse that is not asked again for the units of these dates."""

    def __init__(self, warehouse: Warehouse, units: Mapping[date, Units]) -> None:
        self._warehouse, self._units = warehouse, units

    def units(self, calendar: CalendarRef, days: Sequence[date]) -> Mapping[date, Units]:
        if self._units.keys() >= set(days):
            return {day: self._units[day] for day in days}
        return self._warehouse.units(calendar, days)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)
