"""What people ask of workflows: where they stand, what was decided, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from shared.app.context import Context
from shared.app.workflows.calendar import Tables, read_schedule
from shared.app.workflows.inputs import input_of
from shared.app.workflows.store import load_books
from shared.core.workflows.check import has_units
from shared.core.workflows.day_record import DayRecord
from shared.core.workflows.decide import Read, decide_workflow, past_dates
from shared.core.workflows.explain import WorkflowExplanation, explain_workflow
from shared.core.workflows.model import CatchUp, Workflows
from shared.core.workflows.runs import RunStatus, RunSummary
from shared.core.workflows.windows import open_dates


def books(ctx: Context, days: Iterable[date]) -> list[DayRecord]:
    """Return what is kept of these dates, the latest first."""
    by_day = load_books(ctx, days).days
    return [by_day[day].value for day in sorted(by_day, reverse=True)]


def explain(ctx: Context, workflows: Workflows, name: str, at: datetime, day: date | None) -> list[WorkflowExplanation]:
    """Explain a workflow for a date, or for every date that is open at this time.

    Of a past time the runs are those of then; units and tables are as they are now.
    """
    workflow = workflows.workflows[name]
    days = [day] if day is not None else open_dates(workflow, at, ctx.policy.zone)
    if isinstance(workflow.decide, CatchUp) and day is None:
        days = past_dates(workflow.decide, at, ctx.policy.zone)
    kept = load_books(ctx, days)
    scheduled = read_schedule(ctx, days) if has_units(workflow) else {}
    tables, explained = Tables(ctx), []
    for run_day in days:
        facts = input_of(ctx, workflows, workflow, run_day, kept, at)
        facts = replace(facts, runs=tuple(_as_of(run, at) for run in facts.runs if run.decided_at <= at))
        if scheduled and run_day in scheduled:
            facts = replace(facts, units=scheduled[run_day])
        decision = decide_workflow(workflow, run_day, facts)
        while isinstance(decision, Read):
            facts = replace(facts, readings=tables.read(run_day, decision.held, decision.rows, decision.inputs))
            decision = decide_workflow(workflow, run_day, facts)
        explained.append(explain_workflow(workflow, run_day, facts, decision))
    return explained


def _as_of(run: RunSummary, at: datetime) -> RunSummary:
    """Return a run as it stood at a time."""
    if run.ended_at is None or run.ended_at <= at:
        return run
    return replace(run, status=RunStatus.RUNNING, ended_at=None)
