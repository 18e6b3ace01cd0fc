"""What the workflows of a day with the stand-ins must show, read from their books, their runs and the calls made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from shared.app.context import Context
from shared.app.workflows.files import FILES
from shared.app.workflows.store import load_books, load_workflow_run
from shared.core.texts import amount
from shared.core.workflows.day_record import DayRecord
from shared.core.workflows.files import ScraperFile
from shared.core.workflows.judge import Verdict
from shared.core.workflows.runs import RunStatus, WorkflowRun
from shared.documents import from_data
from shared.simulation.demo.day import GAMES, WORKFLOW_RUNS
from shared.simulation.demo.figures import Figure
from shared.simulation.demo.stand_ins import Call

_ANSWERED = 200


def kept(ctx: Context) -> tuple[list[DayRecord], list[WorkflowRun], list[ScraperFile]]:
    """Return what the state holds of the day: the books of its dates, their runs, the files that were announced."""
    books = [stored.value for stored in load_books(ctx, list(GAMES)).days.values()]
    runs = [load_workflow_run(ctx, run_id) for book in books for run_id in book.runs]
    files = [from_data(ScraperFile, document.data) for document in ctx.ports.store.query(FILES)]
    return books, [stored.value for stored in runs if stored is not None], files


def workflow_figures(
    books: Sequence[DayRecord], runs: Sequence[WorkflowRun], files: Sequence[ScraperFile], calls: Sequence[Call]
) -> list[Figure]:
    missed = [
        f"{book.day} {name}"
        for book in books
        for name, judgement in book.judged.items()
        if _is_missed(judgement.verdict)
    ]
    called = Counter(str(call.body.get("execution_id")) for call in calls if call.service == "scrapers")
    answered = Counter(
        str(call.body.get("execution_id")) for call in calls if call.service == "scrapers" and call.status == _ANSWERED
    )
    outcomes = [run.execution_id(entry) for run in runs for entry in run.entries if entry.outcome is not None]
    again = sorted(execution for execution, count in answered.items() if count > 1)
    announced = [file.scraper for file in files if file.again]
    return [
        *_runs(runs),
        Figure("windows that passed without a run", "none", ", ".join(missed) or "none"),
        Figure("scraper calls with an outcome", str(len(called)), str(len(set(outcomes)))),
        Figure("scrapers called although they had answered", "none", ", ".join(again) or "none"),
        Figure("files announced again", "none", ", ".join(announced) or "none"),
    ]


def _is_missed(verdict: Verdict) -> bool:
    return verdict is Verdict.MISSED


def _runs(runs: Sequence[WorkflowRun]) -> Iterator[Figure]:
    """Every workflow that has to run on a date: so often, each time to its end; and no other one."""
    by_workflow: dict[tuple[date, str], list[WorkflowRun]] = {}
    for run in runs:
        by_workflow.setdefault((run.day, run.workflow), []).append(run)
    for (day, name), number in WORKFLOW_RUNS.items():
        expected = f"{amount(number, 'run')}, completed"
        yield Figure(f"{day} {name}", expected, _seen(by_workflow.pop((day, name), [])))
    others = [f"{day} {name}" for day, name in by_workflow]
    yield Figure("other workflows that ran", "none", ", ".join(others) or "none")


def _seen(runs: Sequence[WorkflowRun]) -> str:
    statuses = sorted({run.status.value for run in runs}) or ["none"]
    good = all(run.status is RunStatus.COMPLETED for run in runs)
    return f"{amount(len(runs), 'run')}, {'completed' if good and runs else ', '.join(statuses)}"
