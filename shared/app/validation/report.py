"""What a run of the validation found, as it is answered, recorded and told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.core.validation.checks import Status, Target
from shared.core.validation.verdict import Result, Summary


@dataclass(frozen=True)
class Report:
    """What a run found. ``not_recorded`` and ``unsent`` say what nobody will read elsewhere."""

    run_id: str
    target: Target
    started: datetime
    took: timedelta
    summary: Summary
    unread: tuple[str, ...] = ()
    not_recorded: str = ""
    unsent: str = ""

    def body(self) -> dict[str, Any]:
        """Return the report as the function answers it."""
        summary = self.summary
        return {
            "run_id": self.run_id,
            "schedule": self.target.schedule.name,
            "date": self.target.day.isoformat(),
            "working_day": self.target.working_day.isoformat(),
            "status": summary.status.value,
            "message": summary.message,
            "health_score": summary.health,
            "counts": {status.value: summary.count(status) for status in Status},
            "could_not_read": list(self.unread),
            "not_recorded": self.not_recorded,
            "alerts_not_sent": self.unsent,
            "duration_ms": round(self.took / timedelta(milliseconds=1)),
            "results": [result_body(result) for result in summary.results],
        }


def result_body(result: Result) -> dict[str, Any]:
    """Return one result as JSON holds it."""
    return {
        "check": result.check.name,
        "title": result.check.title,
        "category": result.check.category.value,
        "severity": result.check.severity.value,
        "status": result.status.value,
        "message": result.message,
        "threshold": result.check.thresholds.text,
        "affected": result.affected,
        "could_not_read": list(result.unread),
        "measures": [
            {
                "subject": measure.subject,
                "value": measure.value,
                "status": measure.status(result.check).value,
                "expected": measure.expected,
                "note": measure.note,
            }
            for measure in result.measures
        ],
    }
