"""A run that somebody asks for: whatever its window is, once at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from shared.app.context import Context
from shared.app.state.repository import Stored
from shared.app.workflows.announce import announce, note_announced
from shared.app.workflows.calendar import Tables, read_schedule
from shared.app.workflows.inputs import paused
from shared.app.workflows.store import Books, change_book, create_run, load_books, with_run
from shared.core.workflows.check import has_units
from shared.core.workflows.decide import OPERATOR
from shared.core.workflows.model import Workflow, Workflows
from shared.core.workflows.runs import RunStatus, WorkflowRun, summary


@dataclass(frozen=True, slots=True)
class Begun:
    """What became of asking for a run; ``run_id`` is "" where none was begun."""

    run_id: str
    text: str


def begin(
    ctx: Context,
    workflows: Workflows,
    name: str,
    day: date | None,
    parameters: dict[str, Any] | None = None,
    *,
    dry_run: bool = False,
) -> Begun:
    """Begin a run of a workflow for a date, today's where none is named, in no window.

    Refused while a run of the workflow and date is under way, while a pause holds, and for a disabled workflow. The
    units without rows are its targets; where nobody knows which those are, all of them.
    """
    now = ctx.ports.clock.now()
    workflow, day = workflows.workflows[name], day or ctx.policy.local(now).date()
    books = load_books(ctx, [day])
    reason = _refusal(ctx, workflow, books, day, now)
    if reason:
        return Begun("", f"{name} {day}: {reason}")
    targets = _targets(ctx, workflow, day, books)
    if targets == ():
        return Begun("", f"{name} {day}: no units are left to fetch")
    of = "" if targets is None else f", units: {', '.join(targets)}"
    if dry_run:
        return Begun("", f"would begin {name} for {day}{of}")
    run = _claimed(ctx, workflow, day, books, targets, parameters or {}, now)
    return Begun(run.id, f"began {run.id}{of}")


def _refusal(ctx: Context, workflow: Workflow, books: Books, day: date, now: datetime) -> str:
    if not workflow.enabled:
        return "disabled in the policy"
    held = paused(ctx, books, workflow.name, now)
    if held:
        return held
    for run in books.days[day].value.runs_of(workflow.name):
        if run.status is RunStatus.RUNNING:
            return f"a run is under way in the window {run.window}"
    return ""


def _targets(ctx: Context, workflow: Workflow, day: date, books: Books) -> tuple[str, ...] | None:
    """Return the units that are to be fetched, None where nobody knows any."""
    if not has_units(workflow):
        return None
    scheduled = read_schedule(ctx, [day])
    units = books.days[day].value.units if scheduled is None else scheduled.get(day, ())
    if units is None or not all(unit.name for unit in units):
        return None
    names = tuple(unit.name for unit in units)
    if workflow.missing is None:
        return names
    held = Tables(ctx).read(day, held=workflow.missing).held[workflow.missing]
    return names if held is None else tuple(name for name in names if name not in held)


def _claimed(
    ctx: Context,
    workflow: Workflow,
    day: date,
    books: Books,
    targets: tuple[str, ...] | None,
    parameters: dict[str, Any],
    now: datetime,
) -> WorkflowRun:
    book = books.days[day]
    number = 1 + sum(run.window.startswith(OPERATOR) for run in book.value.runs_of(workflow.name))
    while True:
        run = WorkflowRun(
            pipeline=ctx.policy.pipeline,
            workflow=workflow.name,
            window=f"{OPERATOR}.{number}",
            day=day,
            reason="somebody asked for it",
            code=OPERATOR,
            decided_at=now,
            targets=targets,
            parameters=parameters,
        )
        version = create_run(ctx, run)
        if version is not None:
            break
        number += 1
    change_book(ctx, book, lambda record: with_run(record, run.id, summary(run)))
    announce(ctx, run)
    note_announced(ctx, Stored(run, version))
    ctx.log("workflow.run_begun", run_id=run.id, reason=run.reason)
    return run
