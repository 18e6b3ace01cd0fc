"""Gathers what a decision of one workflow for one date is made from."""

from __future__ import annotations

from datetime import date, datetime

from shared.app.context import Context
from shared.app.workflows.store import Books
from shared.core.decision.pause import paused_text, pauses_of
from shared.core.workflows.day_record import DayRecord
from shared.core.workflows.decide import Readings, WorkflowInput
from shared.core.workflows.model import Workflow, Workflows
from shared.core.workflows.templates import UNIT, UNITS
from shared.core.workflows.units import ScheduledUnit


def paused(ctx: Context, books: Books, workflow: str, now: datetime) -> str:
    """Return why nothing of a workflow runs now: a pause of everything, or of this workflow; "" if none is in force."""
    for pause in pauses_of(ctx.policy, books.pauses):
        if pause.in_force(now) and pause.covers_workflow(workflow):
            return paused_text(ctx.policy, pause)
    return ""


def called_by_name(workflows: Workflows, workflow: Workflow) -> tuple[str, ...]:
    """Return the scrapers of a workflow that cannot be called without the names of units."""
    listed = [name for step in workflow.steps for name in step.scrapers]
    return tuple(name for name in listed if workflows.scrapers[name].placeholders & {UNIT, UNITS})


def known_units(ctx: Context, book: DayRecord) -> tuple[ScheduledUnit, ...] | None:
    """Return the units of a date as they were last read, None if they never were; none without a calendar."""
    return () if ctx.policy.calendar is None else book.units


def input_of(
    ctx: Context,
    workflows: Workflows,
    workflow: Workflow,
    day: date,
    books: Books,
    now: datetime,
    readings: Readings | None = None,
) -> WorkflowInput:
    """Return the facts of a workflow and date as the books have them."""
    book = books.days[day].value
    decided = book.decisions.get(workflow.name)
    scrapers = {name for step in workflow.steps for name in step.scrapers}
    return WorkflowInput(
        zone=ctx.policy.zone,
        now=now,
        units=known_units(ctx, book),
        runs=books.runs_of(day, workflow.name),
        latest=books.latest(workflow.name, now),
        completed=books.completed(day),
        paused=paused(ctx, books, workflow.name, now),
        by_name=scrapers == set(called_by_name(workflows, workflow)),
        readings=readings or Readings(),
        code=decided.code if decided is not None and decided.at <= now else "",
        settled=decided is not None and book.units_read_at is not None and book.units_read_at <= decided.at <= now,
    )
