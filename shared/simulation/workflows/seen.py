"""What the store holds of workflows, as an observer sees it; and what ran before a scenario began."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from shared.app.context import Context
from shared.app.state.repository import Stored
from shared.app.workflows.store import RUNS, create_run, load_books, note_run
from shared.core.workflows.decide import WINDOW
from shared.core.workflows.judge import Verdict
from shared.core.workflows.model import BeforeGames, CatchUp, Discovery, Workflows
from shared.core.workflows.runs import RunStatus, WorkflowRun
from shared.documents import from_data
from shared.simulation.expectations import WorkflowExpected
from shared.simulation.history import WorkflowSeen
from shared.simulation.scenario import EarlierRun

NONE, MISSED = "none", "missed"
STATES = (NONE, *RunStatus, MISSED)


def remember(ctx: Context, workflows: Workflows, earlier: Iterable[EarlierRun]) -> None:
    """Put runs into the store that had ended before the scenario began."""
    numbers: dict[tuple[str, date], int] = {}
    for row in sorted(earlier, key=lambda run: run.at):
        numbers[row.workflow, row.day] = number = numbers.get((row.workflow, row.day), 0) + 1
        repeating = isinstance(workflows.workflows[row.workflow].decide, BeforeGames | CatchUp | Discovery)
        window = str(number) if repeating else WINDOW if number == 1 else f"{WINDOW}.{number}"
        run = WorkflowRun(
            pipeline=ctx.policy.pipeline,
            workflow=row.workflow,
            window=window,
            day=row.day,
            reason="before the scenario began",
            code="due",
            decided_at=row.at,
            status=RunStatus(row.outcome),
            ended_at=row.at,
        )
        create_run(ctx, run)
        note_run(ctx, run)


def see(ctx: Context, meaning: WorkflowExpected) -> WorkflowSeen:
    """Return what is to be seen of a workflow now: its runs that have begun, its latest decision."""
    where = {"pipeline": ctx.policy.pipeline, "workflow": meaning.name}
    documents = ctx.ports.store.query(RUNS, where | ({} if meaning.day is None else {"day": meaning.day.isoformat()}))
    runs = [Stored(from_data(WorkflowRun, document.data), document.version).value for document in documents]
    runs = sorted((run for run in runs if run.decided_at <= meaning.at), key=lambda run: run.decided_at)
    day = meaning.day or (runs[-1].day if runs else ctx.policy.local(meaning.at).date())
    book = load_books(ctx, [day]).days[day].value
    judged, decided = book.judged.get(meaning.name), book.decisions.get(meaning.name)
    state = str(runs[-1].status) if runs else NONE
    if not runs and judged is not None and judged.verdict is Verdict.MISSED:
        state = MISSED
    reason = "" if decided is None else decided.reason
    text = "; ".join(f"{run.window} {run.status}: {run.reason}" for run in runs)
    return WorkflowSeen(state, len(runs), reason, text)
