"""A run of the validation: every check of a schedule, each on its own (behaviour 10).

A check that breaks is an ``ERROR`` of that check: never a pass, never missing data, and no other check's
affair. Every summary names what could not be read.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

from shared.app.context import Context
from shared.app.validation.alerts import update_validation_alerts
from shared.app.validation.calendar import with_calendar
from shared.app.validation.checks import MEASURES
from shared.app.validation.checks.sql import SqlMeter
from shared.app.validation.report import Report
from shared.app.validation.write_results import written
from shared.core.errors import Unavailable
from shared.core.model import Units
from shared.core.validation.checks import Check, Target, Validation
from shared.core.validation.verdict import Measured, Result, Summary, broken, judge, skipped, too_early

# Of the nine minutes that the platform gives a function; the rest is for writing down what was found.
TIME_LIMIT = timedelta(minutes=7)


def run(ctx: Context, validation: Validation, schedule: str, day: date, source: str = "http") -> Report:
    """Make every check of a schedule, write the results down, and tell people what failed and what is over."""
    started = ctx.ports.clock.now()
    target = Target(validation.schedules[schedule], day, started, ctx.policy.zone)
    run_id = f"{ctx.policy.pipeline}/{schedule}/{day}/{started:%Y%m%dT%H%M%SZ}-{ctx.ports.clock.token()[:8]}"
    informed, units = with_calendar(ctx, target)
    summary = Summary(check_all(informed, validation.of(schedule), target, units))
    unread = list(summary.unread)
    if units is None:
        unread.append("the calendar: taken for a date with units")
    report = Report(run_id, target, started, ctx.ports.clock.now() - started, summary, tuple(unread))
    report = written(ctx, validation, report, source)
    if _is_current(ctx, target):
        report = replace(report, unsent=update_validation_alerts(ctx, report))
    whole = not (report.unread or report.not_recorded or report.unsent)
    ctx.log(
        "validation.done",
        severity="INFO" if whole else "WARNING",
        run_id=run_id,
        status=summary.status.value,
        message=summary.message,
        could_not_read=list(report.unread),
        not_recorded=report.not_recorded,
        alerts_not_sent=report.unsent,
    )
    return report


def _is_current(ctx: Context, target: Target) -> bool:
    """Say whether this is a run of these days: a run of the past is recorded, and raises no alert."""
    today = ctx.policy.local(target.now).date()
    return abs(target.working_day - today) <= timedelta(days=1)


def check_all(
    ctx: Context, checks: tuple[Check, ...], target: Target, units: Mapping[date, Units] | None
) -> tuple[Result, ...]:
    """Make the checks in order; those that the time no longer allows are errors, and say so."""
    meter = SqlMeter(ctx)
    results = []
    for check in checks:
        before = ctx.ports.clock.now()
        if before - target.now >= TIME_LIMIT:
            result = broken(check, "no time was left for it")
        else:
            result = _checked(ctx, check, target, units, meter)
        results.append(replace(result, took=ctx.ports.clock.now() - before))
    return tuple(results)


def _checked(ctx: Context, check: Check, target: Target, units: Mapping[date, Units] | None, meter: SqlMeter) -> Result:
    early = too_early(check, target)
    if early is not None:
        return early
    if check.needs_units and units is not None and units[target.day].total == 0:
        unit = ctx.policy.calendar.unit if ctx.policy.calendar is not None else "unit"
        return skipped(check, f"no {unit}s on {target.day}")
    try:
        return judge(check, _measured(ctx, check, target, meter))
    except Unavailable as error:
        ctx.log("check.unreadable", severity="WARNING", check=check.name, error=str(error))
        return broken(check, error.reason, error.port)
    except Exception as error:  # noqa: BLE001 - one check that breaks is a result of its own, and no other's
        trace = traceback.format_exc()[-2000:]
        ctx.log("check.broken", severity="ERROR", check=check.name, error=str(error)[:500], stack_trace=trace)
        return broken(check, f"{type(error).__name__}: {str(error)[:300]}")


def _measured(ctx: Context, check: Check, target: Target, meter: SqlMeter) -> Measured:
    if check.builtin:
        return MEASURES[check.builtin](ctx, target, check.options)
    return meter.measure(check, target)
