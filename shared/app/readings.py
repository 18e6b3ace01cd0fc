"""Reading what a decision asked for; what cannot be read is a value too (behaviour D4, T3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from shared.app.context import Context
from shared.app.preflight import fitness
from shared.core.errors import Unavailable
from shared.core.gates import Wanted
from shared.core.model import Units
from shared.core.policy import Policy, Processor
from shared.core.situation import Situation
from shared.ports import CalendarRef, TableRef


def read(ctx: Context, situation: Situation, wanted: Wanted) -> Situation:
    """Return the situation with the wanted readings in it."""
    readings = situation.readings
    if wanted.rows:
        rows = {**readings.rows, **_rows(ctx, situation, wanted.rows)}
        readings = replace(readings, rows=rows)
    if wanted.percents:
        percents = {name: _percent(ctx, name, situation.key.day) for name in wanted.percents}
        readings = replace(readings, percents={**readings.percents, **percents})
    if wanted.service is not None:
        readings = replace(readings, fitness=fitness(ctx, wanted.service))
    if wanted.calendar:
        found = read_units(ctx, [situation.key.day])
        units = situation.units if found is None else found[situation.key.day]
        situation = replace(situation, units=units)
        readings = replace(readings, calendar_asked=True)
    return replace(situation, readings=readings)


def read_units(ctx: Context, days: Sequence[date]) -> dict[date, Units] | None:
    """Read the units of dates; None while the calendar cannot be read.

    A pipeline without a calendar has units every day, of unknown number (behaviour T3).
    """
    calendar = ctx.policy.calendar
    if calendar is None:
        return dict.fromkeys(days, Units(None, None))
    where = CalendarRef(
        calendar.table,
        calendar.date_column,
        calendar.status_column,
        calendar.excluded_statuses,
        calendar.final_status,
    )
    try:
        return ctx.ports.warehouse.units(where, days)
    except Unavailable as error:
        ctx.log("calendar.unreadable", severity="WARNING", error=str(error))
        return None


def read_rows(ctx: Context, processors: Sequence[Processor], day: date) -> dict[str, int | None]:
    """Count the date's rows in the tables of these processors; None where a table cannot be read."""
    refs = [TableRef(p.table, p.date_column) for p in processors if p.table is not None]
    try:
        return ctx.ports.warehouse.rows(refs, day)
    except Unavailable as error:
        ctx.log("rows.unreadable", severity="WARNING", error=str(error))
        return {ref.table: None for ref in refs}


def processors_of(policy: Policy, phase: str, tables: frozenset[str]) -> list[Processor]:
    return [p for p in policy.phases[phase].processors.values() if p.table in tables]


def _rows(ctx: Context, situation: Situation, tables: frozenset[str]) -> dict[str, int | None]:
    found = read_rows(ctx, processors_of(ctx.policy, situation.transition.after, tables), situation.key.day)
    return {table: found.get(table) for table in tables}


def _percent(ctx: Context, gate: str, day: date) -> float | None:
    sql = ctx.policy.gates[gate].sql
    assert sql is not None
    try:
        return ctx.ports.warehouse.number(sql, day)
    except Unavailable as error:
        ctx.log("gate.unreadable", severity="WARNING", gate=gate, error=str(error))
        return None
