"""Reading what a decision asked for; what cannot be read, or not even be asked, is a value too (behaviour D4, T3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from shared.app.context import Context
from shared.app.state.calendar_readings import NO_UNITS, empty_dates
from shared.app.state.repository import (
    read_pauses,
    read_run,
    read_transitions,
    run_path,
    transition_path,
    transitions_path,
)
from shared.app.transitions.at_work import at_work
from shared.app.transitions.preflight import fitness
from shared.core.decision.gates import Wanted
from shared.core.decision.snapshot import DecisionInput
from shared.core.errors import PolicyError, Unavailable
from shared.core.model import Units
from shared.core.policy.after_run import AfterRun, OtherRun, judge
from shared.core.policy.phases import Processor
from shared.core.policy.policy import Calendar
from shared.ports import CalendarRef, TableRef, UnitsRef

UNKNOWN = Units(None, None)


def read(ctx: Context, snapshot: DecisionInput, needs: Wanted) -> DecisionInput:
    """Return the situation with the wanted readings in it."""
    if needs.pauses:
        snapshot = replace(snapshot, pauses=read_pauses(ctx.ports.store, snapshot.key.pipeline))
    readings = snapshot.readings
    wrong: dict[str, str] = {}
    if needs.rows:
        rows = {**readings.rows, **_rows(ctx, snapshot, needs.rows, wrong)}
        readings = replace(readings, rows=rows)
    if needs.held:
        readings = replace(readings, held={**readings.held, **_held(ctx, snapshot, needs.held)})
    if needs.percents:
        percents = {name: _percent(ctx, name, snapshot.key.day, wrong) for name in needs.percents}
        readings = replace(readings, percents={**readings.percents, **percents})
    if wrong:
        readings = replace(readings, wrong={**readings.wrong, **wrong})
    if needs.service is not None:
        readings = replace(readings, fitness=fitness(ctx, needs.service))
    if needs.status is not None:
        readings = replace(readings, at_work=at_work(ctx, snapshot.key, needs.status))
    if needs.other_run is not None:
        readings = replace(readings, other_run=_other_run(ctx, needs.other_run, snapshot.key.day))
    if needs.calendar:
        by_day = read_units(ctx, [snapshot.key.day])
        units = _last_read(ctx, snapshot) if by_day is None else by_day[snapshot.key.day]
        snapshot = replace(snapshot, units=units)
        readings = replace(readings, calendar_asked=True)
    return replace(snapshot, readings=readings)


def _last_read(ctx: Context, snapshot: DecisionInput) -> Units | None:
    """Return the last good reading of a date while its calendar is unreadable (behaviour T3)."""
    if snapshot.units is None and snapshot.key.day in empty_dates(ctx):
        return NO_UNITS
    return snapshot.units


def _other_run(ctx: Context, after: AfterRun, day: date) -> OtherRun:
    """Return what the state says of the run that is waited for; what nobody can read has not come far enough."""
    key, store = after.key(day), ctx.ports.store
    try:
        if after.transition:
            document, state_document = store.get(run_path(key), transition_path(key, after.transition))
            states = read_transitions([after.transition], [state_document])
        else:
            [document] = store.get(run_path(key))
            listed = store.query(transitions_path(key)) if document is not None else []
            states = read_transitions([row.id for row in listed], listed)
        run = read_run(document)
    except ValueError as error:
        ctx.log("other_run.unreadable", severity="WARNING", run_id=key.id, error=str(error))
        return OtherRun(False, f"{key.id} cannot be read")
    return judge(
        after, key, None if run is None else run.value, {name: stored.value for name, stored in states.items()}
    )


def read_units(ctx: Context, days: Sequence[date]) -> dict[date, Units] | None:
    """Read the units of dates; None while the calendar cannot be read.

    A pipeline without a calendar has units every day, of unknown number (behaviour T3); so has a date that the
    calendar does not reach back to (T9).
    """
    calendar = ctx.policy.calendar
    if calendar is None:
        return dict.fromkeys(days, UNKNOWN)
    now = ctx.ports.clock.now()
    first = None if calendar.reaches_back is None else (ctx.policy.local(now) - calendar.reaches_back).date()
    reached = [day for day in days if first is None or day >= first]
    try:
        units = ctx.ports.warehouse.units(calendar_ref(calendar, now), reached) if reached else {}
    except (Unavailable, PolicyError) as error:
        ctx.log("calendar.unreadable", severity="WARNING", error=str(error))
        return None
    return {day: units.get(day, UNKNOWN) for day in days}


def calendar_ref(calendar: Calendar, now: datetime) -> CalendarRef:
    """Return what the warehouse is asked by."""
    after = calendar.presumed_final_after
    return CalendarRef(
        calendar.table,
        calendar.date_column,
        calendar.status_column,
        calendar.excluded_statuses,
        calendar.final_status,
        calendar.unit_key,
        calendar.final,
        calendar.start_column,
        None if after is None else now - after,
        calendar.excluded,
    )


def read_rows(ctx: Context, processors: Sequence[Processor], day: date) -> dict[str, int | None]:
    """Count the date's rows in the tables of these processors and of their sources; None where one cannot be read."""
    parts = (part for processor in processors for part in processor.parts)
    return _counted(ctx, [TableRef(p.table, p.date_column) for p in parts if p.table is not None], day, {})


def _counted(ctx: Context, refs: Sequence[TableRef], day: date, wrong: dict[str, str]) -> dict[str, int | None]:
    try:
        return ctx.ports.warehouse.rows(refs, day)
    except Unavailable as error:
        ctx.log("rows.unreadable", severity="WARNING", error=str(error))
        return {ref.table: None for ref in refs}
    except PolicyError as error:
        if len(refs) == 1:
            wrong[refs[0].table] = _error_text(error)
            ctx.log("rows.wrong", severity="ERROR", table=refs[0].table, error=str(error))
            return {refs[0].table: None}
    # One name that cannot stand in SQL is no other table's affair.
    return {table: rows for ref in refs for table, rows in _counted(ctx, [ref], day, wrong).items()}


def _rows(
    ctx: Context, snapshot: DecisionInput, tables: frozenset[str], wrong: dict[str, str]
) -> dict[str, int | None]:
    parts = (part for processor in snapshot.processors.values() for part in processor.parts)
    processors = [part for part in parts if part.table in tables]
    refs = [TableRef(p.table, p.date_column) for p in processors if p.table is not None]
    counts = _counted(ctx, refs, snapshot.key.day, wrong)
    return {table: counts.get(table) for table in tables}


def _held(ctx: Context, snapshot: DecisionInput, labels: frozenset[str]) -> dict[str, frozenset[str] | None]:
    """Read which units the tables hold, all in one query; what cannot be asked is unreadable and refuses nothing."""
    jobs = [part for p in snapshot.processors.values() for part in p.parts if part.name in labels]
    answer = read_held(ctx, jobs, snapshot.key.day)
    return {label: answer.get(label) for label in labels}


def read_held(ctx: Context, jobs: Sequence[Processor], day: date) -> dict[str, frozenset[str] | None]:
    """Return the units of the date that each of these tables holds, by name; None where one cannot be read."""
    refs = [
        UnitsRef(job.name, job.table, job.date_column, job.units, job.min_records_per_unit or 1)
        for job in jobs
        if job.table is not None
    ]
    try:
        return ctx.ports.warehouse.held(refs, day)
    except (Unavailable, PolicyError) as error:
        ctx.log("units.unreadable", severity="WARNING", error=str(error))
        return dict.fromkeys(job.name for job in jobs)


def _percent(ctx: Context, gate: str, day: date, wrong: dict[str, str]) -> float | None:
    sql = ctx.policy.gates[gate].sql
    assert sql is not None
    try:
        return ctx.ports.warehouse.number(sql, day)
    except Unavailable as error:
        ctx.log("gate.unreadable", severity="WARNING", gate=gate, error=str(error))
        return None
    except PolicyError as error:
        wrong[gate] = _error_text(error)
        ctx.log("gate.wrong", severity="ERROR", gate=gate, error=str(error))
        return None


def _error_text(error: PolicyError) -> str:
    return f"{error.path}: {error.reason}" + (f" ({error.hint})" if error.hint else "")
