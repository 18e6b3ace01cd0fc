"""The rows of workflows in the record: decisions, expected windows, runs and calls (behaviour 8).

They are written after the decision and never in its way: a date's book and a run carry what the record lacks.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from shared.app.audit.write import write_rows
from shared.app.context import Context
from shared.app.state.repository import Stored
from shared.app.workflows.store import change_day, save_workflow_run
from shared.core.workflows.day_record import DayRecord, Decided, PendingRow
from shared.core.workflows.judge import Judgement, expected_window
from shared.core.workflows.model import Workflow, Workflows
from shared.core.workflows.runs import Entry, WorkflowRun, failure_text, succeeded
from shared.ports import Row

DECISIONS, EXPECTED = "workflow_decisions", "expected_runs"
RUNS, CALLS = "workflow_executions", "scraper_executions"


def decision_row(ctx: Context, workflow: Workflow, day: date, decided: Decided) -> PendingRow:
    """Return a decision that differs from the one before, as the record holds it."""
    columns = {
        "decided_at": decided.at.isoformat(),
        **_of(ctx, workflow, day),
        "number": decided.number,
        "decision": decided.kind,
        "code": decided.code,
        "reason": decided.reason,
        "targets": list(decided.targets),
    }
    insert_id = f"{ctx.policy.pipeline}/{day.isoformat()}/{workflow.name}/decision/{decided.number}"
    return PendingRow(DECISIONS, insert_id, columns)


def _of(ctx: Context, workflow: Workflow, day: date) -> dict[str, Any]:
    return {
        "pipeline": ctx.policy.pipeline,
        "workflow": workflow.name,
        "kind": workflow.kind,
        "game_date": day.isoformat(),
        "code_version": ctx.code_version,
    }


def expected_rows(ctx: Context, workflows: Workflows, book: DayRecord, now: datetime) -> tuple[PendingRow, ...]:
    """Return which window of which workflow is expected for a date."""
    units = () if ctx.policy.calendar is None else book.units
    listed = []
    for workflow in workflows.workflows.values():
        window = expected_window(workflow, book.day, ctx.policy.zone, units)
        if window is not None:
            columns = {"opens_at": window.begins.isoformat(), "closes_at": window.ends.isoformat()}
            listed.append(_expected(ctx, workflow, book.day, "expected", now, columns))
    return tuple(listed)


def judged_row(ctx: Context, workflow: Workflow, day: date, judged: Judgement) -> PendingRow:
    """Return what a window came to."""
    columns = {
        "closes_at": judged.window_ended_at.isoformat(),
        "waited_for": judged.waited_for,
        "missing": list(judged.missing or ()),
    }
    return _expected(ctx, workflow, day, judged.verdict.value, judged.at, columns)


def _expected(
    ctx: Context, workflow: Workflow, day: date, state: str, at: datetime, columns: dict[str, Any]
) -> PendingRow:
    expected_id = f"{ctx.policy.pipeline}/{day.isoformat()}/{workflow.name}"
    base = {"expected_id": expected_id, "recorded_at": at.isoformat(), **_of(ctx, workflow, day), "state": state}
    return PendingRow(EXPECTED, f"{expected_id}/{state}", base | columns)


def flush_book(ctx: Context, book: DayRecord) -> None:
    """Write to the record what a date's book still carries for it, then take it off."""
    rows = [(row.table, Row(row.insert_id, row.columns)) for row in book.pending]
    if rows and write_rows(ctx, rows):
        written = {row.insert_id for row in book.pending}
        change_day(ctx, book.day, lambda record: record.without_pending(written))


def record_run(ctx: Context, workflows: Workflows, stored: Stored[WorkflowRun]) -> None:
    """Write an ended run and its calls to the record, once; what the record does not take, the sweep writes later."""
    run = stored.value
    if run.recorded or run.ended_at is None:
        return
    rows = [(RUNS, _run_row(ctx, workflows, run))]
    rows += [(CALLS, _call_row(ctx, run, entry)) for entry in run.entries if entry.outcome is not None]
    if write_rows(ctx, rows):
        # A lost race leaves the rows to be written again, which the record does not count twice.
        save_workflow_run(ctx, Stored(replace(run, recorded=True), stored.version))


def _run_row(ctx: Context, workflows: Workflows, run: WorkflowRun) -> Row:
    called = [entry for entry in run.entries if entry.outcome is not None]
    scrapers = workflows.scrapers
    good = [entry for entry in called if entry.scraper in scrapers and succeeded(entry, scrapers[entry.scraper])]
    columns = {
        "run_id": run.id,
        "pipeline": run.pipeline,
        "workflow": run.workflow,
        "run_window": run.window,
        "game_date": run.day.isoformat(),
        "status": run.status.value,
        "code": run.code,
        "reason": run.reason,
        "decided_at": run.decided_at.isoformat(),
        "ended_at": _text(run.ended_at),
        "duration_seconds": _seconds(run.decided_at, run.ended_at),
        "targets": None if run.targets is None else list(run.targets),
        "parameters": run.parameters,
        "calls": len(called),
        "succeeded": len(good),
        "attempts": sum(entry.attempts for entry in called),
        "record_count": sum(entry.rows or 0 for entry in called),
        "text": failure_text(run),
        "code_version": ctx.code_version,
    }
    return Row(f"{run.id}/ended", columns)


def _call_row(ctx: Context, run: WorkflowRun, entry: Entry) -> Row:
    columns = {
        "execution_id": run.execution_id(entry),
        "run_id": run.id,
        "pipeline": run.pipeline,
        "workflow": run.workflow,
        "step": entry.step,
        "scraper": entry.scraper,
        "target": entry.target,
        "game_date": run.day.isoformat(),
        "outcome": None if entry.outcome is None else entry.outcome.value,
        "attempts": entry.attempts,
        "record_count": entry.rows,
        "begun_at": _text(entry.begun_at),
        "ended_at": _text(entry.ended_at),
        "duration_seconds": _seconds(entry.begun_at, entry.ended_at),
        "text": entry.text,
        "code_version": ctx.code_version,
    }
    return Row(run.execution_id(entry), columns)


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    return None if begin is None or end is None else (end - begin).total_seconds()
