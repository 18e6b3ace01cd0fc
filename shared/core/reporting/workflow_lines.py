"""The state of the workflows of a date, for people: windows, runs, what was missed."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from shared.core.reporting.page import Tone, WorkflowDay, WorkflowLine, WorkflowMark
from shared.core.workflows.day_record import DayRecord
from shared.core.workflows.judge import Verdict, expected_window
from shared.core.workflows.model import Workflow, Workflows
from shared.core.workflows.runs import RunStatus, RunSummary
from shared.core.workflows.units import ScheduledUnit

TONES = {
    RunStatus.RUNNING: Tone.BUSY,
    RunStatus.COMPLETED: Tone.GOOD,
    RunStatus.PARTIAL: Tone.NOTICE,
    RunStatus.FAILED: Tone.BAD,
    RunStatus.BLOCKED: Tone.BAD,
}
LATEST = datetime.max.replace(tzinfo=UTC)


def workflow_day(
    workflows: Workflows, book: DayRecord, zone: ZoneInfo, units: tuple[ScheduledUnit, ...] | None, now: datetime
) -> WorkflowDay:
    """Return the workflows of a date that have a window, ran or were missed; ``units`` None: they are unknown."""
    optional_lines = (_line(workflow, book, zone, units, now) for workflow in workflows.workflows.values())
    lines = [line for line in optional_lines if line is not None]
    return WorkflowDay(book.day, tuple(sorted(lines, key=lambda line: (line.opens_at or LATEST, line.workflow))))


def _line(
    workflow: Workflow, book: DayRecord, zone: ZoneInfo, units: tuple[ScheduledUnit, ...] | None, now: datetime
) -> WorkflowLine | None:
    window, runs = expected_window(workflow, book.day, zone, units), book.runs_of(workflow.name)
    judged, decided = book.judged.get(workflow.name), book.decisions.get(workflow.name)
    if window is None and not runs and judged is None:
        return None
    opens, closes = (None, None) if window is None else (window.begins, window.ends)
    note = "" if decided is None else decided.reason
    if runs:
        word, tone = runs[-1].status.value, TONES[runs[-1].status]
    elif judged is not None and judged.verdict is Verdict.MISSED:
        word, tone, note = "missed", Tone.BAD, f"{judged.waited_for} had not completed" if judged.waited_for else ""
    elif judged is not None or window is None:
        word, tone = "nothing to do", Tone.QUIET
    elif now < window.begins:
        word, tone = "expected", Tone.QUIET
    elif now < window.ends:
        word, tone = "in its window", Tone.BUSY
    else:
        word, tone = "did not run", Tone.QUIET
    marks = tuple(map(_mark, runs))
    return WorkflowLine(workflow.name, workflow.kind, word, tone, opens, closes, note, marks)


def _mark(run: RunSummary) -> WorkflowMark:
    return WorkflowMark(
        run.status.value, TONES[run.status], run.decided_at, run.ended_at, run.calls, run.failed, run.rows, run.text
    )
