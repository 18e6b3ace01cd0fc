"""Writing a run of the validation to the record: the run, its results, and the day so far (behaviour 8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import time, timedelta
from typing import Any

from shared.app.audit.write import write_rows
from shared.app.context import Context
from shared.app.validation.report import Report, result_body
from shared.core.calendar import instant
from shared.core.errors import Unavailable
from shared.core.validation.checks import Status, Validation
from shared.core.validation.trend import DayTrend, ResultOfDay, RunOfDay, day_trend
from shared.core.validation.verdict import Result
from shared.ports import Row

RUNS, RESULTS, TRENDS = "validation_runs", "validation_results", "validation_trends"
MILLISECOND = timedelta(milliseconds=1)
LISTED = 50

RUNS_OF_DAY = """
SELECT run_id, status, duration_ms
FROM `${record}.v_validation_runs`
WHERE run_timestamp >= @first AND run_timestamp < @last AND STARTS_WITH(run_id, @pipeline)
"""
RESULTS_OF_DAY = """
SELECT run_id, check_name, status, severity
FROM `${record}.v_validation_results`
WHERE check_timestamp >= @first AND check_timestamp < @last AND STARTS_WITH(run_id, @pipeline)
"""


def written(ctx: Context, validation: Validation, report: Report, source: str) -> Report:
    """Write a report down; return it with what could not be written, or not be read for the day's trend."""
    rows = [
        (RUNS, _run_row(report, source)),
        *((RESULTS, _result_row(report, result)) for result in report.summary.results),
    ]
    if not write_rows(ctx, rows):
        return replace(report, not_recorded="the record did not take this run and its results")
    try:
        trend = _trend(ctx, validation, report)
    except Unavailable as error:
        why = f"the earlier runs of the day: {error.reason} (validation_trends)"
        return replace(report, unread=(*report.unread, why))
    if not write_rows(ctx, [(TRENDS, _trend_row(ctx, trend))]):
        return replace(report, not_recorded="the record did not take the trend of the day")
    return report


def _run_row(report: Report, source: str) -> Row:
    summary = report.summary
    columns = {
        "run_id": report.run_id,
        "run_timestamp": report.started.isoformat(),
        "check_type": "schedule",
        "trigger_source": source,
        "schedule_name": report.target.schedule.name,
        "status": summary.status.value,
        "message": summary.message,
        "duration_ms": round(report.took / MILLISECOND),
        "checks_passed": summary.count(Status.PASS),
        "checks_warned": summary.count(Status.WARN),
        "checks_failed": summary.count(Status.FAIL),
        "target_date": report.target.day.isoformat(),
        "details": {
            "working_day": report.target.working_day.isoformat(),
            "checks_skipped": summary.count(Status.SKIP),
            "checks_in_error": summary.count(Status.ERROR),
            "health_score": summary.health,
            "could_not_read": list(report.unread),
        },
    }
    return Row(report.run_id, columns)


def _result_row(report: Report, result: Result) -> Row:
    check = result.check
    columns = {
        "result_id": f"{report.run_id}/{check.name}",
        "run_id": report.run_id,
        "check_timestamp": report.started.isoformat(),
        "check_name": check.name,
        "check_category": check.category.value,
        "status": result.status.value,
        "severity": check.severity.value,
        "expected_value": result.expected,
        "actual_value": result.actual,
        "threshold": check.thresholds.text,
        "message": result.message,
        "target_date": report.target.day.isoformat(),
        "target_table": check.table,
        "affected_records": result.affected,
        "details": _details(result),
    }
    return Row(f"{report.run_id}/{check.name}", columns)


def _details(result: Result) -> dict[str, Any]:
    body = result_body(result)
    bad = [measure for measure in body["measures"] if measure["status"] not in (Status.PASS, Status.SKIP)]
    return {
        "schedules": list(result.check.schedules),
        "took_ms": round(result.took / MILLISECOND),
        "could_not_read": body["could_not_read"],
        "measures": bad[:LISTED],
        "more": max(len(bad) - LISTED, 0),
    }


def _trend(ctx: Context, validation: Validation, report: Report) -> DayTrend:
    """Return the day so far, this run included whether or not the record shows it yet."""
    day = ctx.policy.local(report.started).date()
    zone = ctx.policy.zone
    asked = {
        "first": instant(day, time(0), zone),
        "last": instant(day + timedelta(days=1), time(0), zone),
        "pipeline": f"{ctx.policy.pipeline}/",
    }

    def rows(sql: str) -> list[dict[str, Any]]:
        stored_rows = ctx.ports.warehouse.query(sql.replace("${record}", validation.record), asked)
        return [row for row in stored_rows if row["run_id"] != report.run_id]

    runs = [RunOfDay(row["run_id"], row["status"], row["duration_ms"]) for row in rows(RUNS_OF_DAY)]
    runs.append(RunOfDay(report.run_id, report.summary.status.value, round(report.took / MILLISECOND)))
    results = [ResultOfDay(row["check_name"], row["status"], row["severity"]) for row in rows(RESULTS_OF_DAY)]
    results += [
        ResultOfDay(result.check.name, result.status, result.check.severity) for result in report.summary.results
    ]
    return day_trend(day, runs, results)


def _trend_row(ctx: Context, trend: DayTrend) -> Row:
    """Return the day's row: one for each number of runs, of which readers take the one with the most."""
    columns: Mapping[str, Any] = asdict(trend)
    return Row(f"{ctx.policy.pipeline}/{trend.trend_date}/{trend.total_runs}", columns)
