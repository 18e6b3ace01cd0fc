"""The workflows of today and yesterday, from the books of their dates alone: nothing is asked of the warehouse."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from shared.app.context import Context
from shared.app.workflows.store import load_books
from shared.core.reporting.page import WorkflowDay, WorkflowLine, WorkflowMark
from shared.core.reporting.workflow_lines import workflow_day

WRONG = ("partial", "failed", "blocked", "missed")


def workflow_days(ctx: Context) -> tuple[WorkflowDay, ...]:
    """Return the state of today's and yesterday's workflows, today first; nothing for a pipeline without workflows.

    Raises ``Unavailable`` if the state store does not answer.
    """
    if ctx.workflows is None:
        return ()
    now = ctx.ports.clock.now()
    today = ctx.policy.local(now).date()
    books = load_books(ctx, [today, today - timedelta(days=1)]).days
    listed = []
    for day in sorted(books, reverse=True):
        book = books[day].value
        units = () if ctx.policy.calendar is None else book.units
        listed.append(workflow_day(ctx.workflows, book, ctx.policy.zone, units, now))
    return tuple(listed)


def reported(ctx: Context) -> list[dict[str, Any]]:
    """Return the same as a report holds it: for each date how many are in which state, and what went wrong."""
    return [_day(ctx, day) for day in workflow_days(ctx)]


def _day(ctx: Context, day: WorkflowDay) -> dict[str, Any]:
    words: dict[str, int] = {}
    for line in day.lines:
        words[line.word] = words.get(line.word, 0) + 1
    marks = [mark for line in day.lines for mark in line.marks]
    return {
        "date": day.day.isoformat(),
        "words": words,
        "calls": sum(mark.calls for mark in marks),
        "failed": sum(mark.failed for mark in marks),
        "rows": sum(mark.rows for mark in marks),
        "wrong": [_wrong(ctx, line) for line in day.lines if line.word in WRONG],
    }


def _wrong(ctx: Context, line: WorkflowLine) -> dict[str, Any]:
    last: WorkflowMark | None = line.marks[-1] if line.marks else None
    at = line.closes_at if last is None else last.begins
    return {
        "workflow": line.workflow,
        "word": line.word,
        "at": None if at is None else _local(ctx, at),
        "text": line.note if last is None else last.text,
    }


def _local(ctx: Context, at: datetime) -> str:
    return ctx.policy.local(at).isoformat(timespec="seconds")
