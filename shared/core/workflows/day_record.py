"""What is kept of the workflows of one date: enough to decide by, in one document."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from shared.core.workflows.judge import Judgement
from shared.core.workflows.runs import RunStatus, RunSummary
from shared.core.workflows.serving import CalendarRead
from shared.core.workflows.units import ScheduledUnit


@dataclass(frozen=True, slots=True)
class PendingRow:
    """A row that a table of the record lacks yet."""

    table: str
    insert_id: str
    columns: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decided:
    """The latest decision of a workflow for a date, since when it is so, and how many there were for the date."""

    kind: str
    code: str
    reason: str
    at: datetime
    targets: tuple[str, ...] = ()
    number: int = 1


@dataclass(frozen=True, slots=True)
class Looked:
    """When a catch-up last found nothing to fetch, and the final units of all its dates then, each `DATE NAME`."""

    at: datetime
    units: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DayRecord:
    """Runs, decisions and judgements of a date, and its units as they were last read; None if they never were.

    ``expected_at`` is when it was written down which windows are expected; ``pending`` is what the record lacks.
    ``looked`` are the catch-ups that had nothing to fetch when they looked on this date, ``calendar`` is the last
    reading of the calendar that was made on it.
    """

    pipeline: str
    day: date
    runs: dict[str, RunSummary] = field(default_factory=dict)
    decisions: dict[str, Decided] = field(default_factory=dict)
    judged: dict[str, Judgement] = field(default_factory=dict)
    units: tuple[ScheduledUnit, ...] | None = None
    units_read_at: datetime | None = None
    expected_at: datetime | None = None
    pending: tuple[PendingRow, ...] = ()
    looked: dict[str, Looked] = field(default_factory=dict)
    calendar: CalendarRead | None = None
    expires_at: datetime | None = None

    def runs_of(self, workflow: str) -> tuple[RunSummary, ...]:
        """Return a workflow's runs of the date, in the order in which they were decided."""
        listed = [run for run in self.runs.values() if run.workflow == workflow]
        return tuple(sorted(listed, key=lambda run: (run.decided_at, run.window)))

    def with_pending(self, rows: Iterable[PendingRow]) -> DayRecord:
        """Return the book with rows that the record lacks, each once."""
        listed = {row.insert_id: row for row in (*self.pending, *rows)}
        return replace(self, pending=tuple(listed.values()))

    def without_pending(self, written: Set[str]) -> DayRecord:
        """Return the book without the rows of these ids."""
        return replace(self, pending=tuple(row for row in self.pending if row.insert_id not in written))

    @property
    def completed(self) -> frozenset[str]:
        """The workflows that have a completed run of the date."""
        return frozenset(run.workflow for run in self.runs.values() if run.status is RunStatus.COMPLETED)


@dataclass(frozen=True, slots=True)
class Control:
    """Since when workflows are watched: a window that ended before is not judged."""

    since: datetime
