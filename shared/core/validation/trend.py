"""A day of validation in one row (behaviour 8, table ``validation_trends``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from shared.core.severity import Severity
from shared.core.validation.checks import Status
from shared.core.validation.verdict import SummaryStatus, health

MOST_COMMON = 10


@dataclass(frozen=True, slots=True)
class RunOfDay:
    """One run of the validation runner, as the record holds it."""

    run_id: str
    status: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class ResultOfDay:
    """One result, as the record holds it."""

    check_name: str
    status: str
    severity: str


@dataclass(frozen=True)
class DayTrend:
    """What ``validation_trends`` holds of a day. What could not be judged is in ``total_checks`` only."""

    trend_date: date
    total_runs: int
    ok_runs: int
    warning_runs: int
    critical_runs: int
    total_checks: int
    checks_passed: int
    checks_warned: int
    checks_failed: int
    health_score: float | None
    most_common_failures: dict[str, int]
    avg_duration_ms: float | None


def day_trend(day: date, runs: Iterable[RunOfDay], results: Iterable[ResultOfDay]) -> DayTrend:
    """Return the trend of a day; a run that is given twice counts once."""
    each = list({run.run_id: run for run in runs}.values())
    words = Counter(run.status for run in each)
    judged = [result for result in results if result.status != Status.SKIP]
    statuses = Counter(result.status for result in judged)
    failures = Counter(result.check_name for result in judged if result.status == Status.FAIL)
    return DayTrend(
        trend_date=day,
        total_runs=len(each),
        ok_runs=words[SummaryStatus.OK],
        warning_runs=words[SummaryStatus.WARNING],
        critical_runs=words[SummaryStatus.CRITICAL],
        total_checks=len(judged),
        checks_passed=statuses[Status.PASS],
        checks_warned=statuses[Status.WARN],
        checks_failed=statuses[Status.FAIL],
        health_score=health((Severity(result.severity), Status(result.status)) for result in judged),
        most_common_failures=dict(failures.most_common(MOST_COMMON)),
        avg_duration_ms=sum(run.duration_ms for run in each) / len(each) if each else None,
    )
