"""Reading weeks of validation from the record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from shared.app.context import Context
from shared.core.calendar import instant
from shared.core.severity import Severity
from shared.core.validation.checks import Status
from shared.core.validation.recurrence import Analysis, Outcome, analyse

RESULTS = """
SELECT check_timestamp, check_name, status, severity, message
FROM `${record}.v_validation_results`
WHERE check_timestamp >= @first AND check_timestamp < @last AND STARTS_WITH(run_id, @pipeline)
ORDER BY check_timestamp
"""


def read(ctx: Context, record: str, first: date, last: date) -> Analysis:
    """Return what the local days from one to another show; raise ``Unavailable`` if the record cannot be read."""
    zone = ctx.policy.zone
    parameters = {
        "first": instant(first, time(0), zone),
        "last": instant(last + timedelta(days=1), time(0), zone),
        "pipeline": f"{ctx.policy.pipeline}/",
    }
    rows = ctx.ports.warehouse.query(RESULTS.replace("${record}", record), parameters)
    return analyse([_outcome(row) for row in rows], first, last, zone)


def _outcome(row: Mapping[str, Any]) -> Outcome:
    at: datetime = row["check_timestamp"]
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return Outcome(aware, row["check_name"], Status(row["status"]), Severity(row["severity"]), row["message"] or "")
