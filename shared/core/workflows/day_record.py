"""What is kept of the workflows of one date: enough to decide by, in one document."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from shared.core.workflows.judge import Judgement
from shared.core.workflows.runs import RunStatus, RunSummary
from shared.core.workflows.units import ScheduledUnit


@dataclass(frozen=True, slots=True)
class Decided:
    """The latest decision of a workflow for a date, and since when it is so."""

    kind: str
    code: str
    reason: str
    at: datetime
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DayRecord:
    """Runs, decisions and judgements of a date, and its units as they were last read; None if they never were."""

    pipeline: str
    day: date
    runs: dict[str, RunSummary] = field(default_factory=dict)
    decisions: dict[str, Decided] = field(default_factory=dict)
    judged: dict[str, Judgement] = field(default_factory=dict)
    units: tuple[ScheduledUnit, ...] | None = None
    units_read_at: datetime | None = None
    expires_at: datetime | None = None

    def runs_of(self, workflow: str) -> tuple[RunSummary, ...]:
        """Return a workflow's runs of the date, in the order in which they were decided."""
        listed = [run for run in self.runs.values() if run.workflow == workflow]
        return tuple(sorted(listed, key=lambda run: (run.decided_at, run.window)))

    @property
    def completed(self) -> frozenset[str]:
        """The workflows that have a completed run of the date."""
        return frozenset(run.workflow for run in self.runs.values() if run.status is RunStatus.COMPLETED)


@dataclass(frozen=True, slots=True)
class Control:
    """Since when workflows are watched: a window that ended before is not judged."""

    since: datetime
