"""Where workflows stand in the state store: a document a date, and one for each run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from shared.app.context import Context
from shared.app.state.compare_and_set import change_document
from shared.app.state.repository import Stored, pauses_path, read_book
from shared.app.state.upkeep import touch_upkeep
from shared.core.calendar import KEPT, instant
from shared.core.decision.pause import Pause
from shared.core.workflows.day_record import Control, DayRecord
from shared.core.workflows.runs import RunStatus, RunSummary, WorkflowRun, summary
from shared.documents import document_id, from_data, to_data
from shared.ports import Document

RUNS, DAYS, CONTROL = "workflow_runs", "workflow_days", "workflow_control"


@dataclass(frozen=True)
class Books:
    """What was read in one round trip: the books of some dates, the pauses, and since when workflows are watched."""

    days: dict[date, Stored[DayRecord]]
    pauses: tuple[Pause, ...]
    control: Stored[Control] | None

    def runs_of(self, day: date, workflow: str) -> tuple[RunSummary, ...]:
        """Return a workflow's runs of a date, in the order in which they were decided."""
        return self._runs.get((day, workflow), ())

    def latest(self, workflow: str, now: datetime) -> datetime | None:
        """Return when the newest run of a workflow before ``now`` was decided, of whatever date."""
        runs = (run for day in self.days for run in self.runs_of(day, workflow))
        return max((run.decided_at for run in runs if run.decided_at < now), default=None)

    def completed(self, day: date) -> frozenset[str]:
        """Return the workflows that have a completed run of a date."""
        return self._completed[day]

    @cached_property
    def _runs(self) -> dict[tuple[date, str], tuple[RunSummary, ...]]:
        """The runs by date and workflow: looked through once, however many workflows are decided."""
        by_key: dict[tuple[date, str], list[RunSummary]] = {}
        for day, book in self.days.items():
            for run in book.value.runs.values():
                by_key.setdefault((day, run.workflow), []).append(run)
        return {key: tuple(sorted(runs, key=lambda run: (run.decided_at, run.window))) for key, runs in by_key.items()}

    @cached_property
    def _completed(self) -> dict[date, frozenset[str]]:
        return {day: book.value.completed for day, book in self.days.items()}


def run_path(run_id: str) -> str:
    return f"{RUNS}/{document_id(run_id)}"


def day_path(pipeline: str, day: date) -> str:
    return f"{DAYS}/{pipeline}~{day.isoformat()}"


def control_path(pipeline: str) -> str:
    return f"{CONTROL}/{pipeline}"


def load_books(ctx: Context, days: Iterable[date]) -> Books:
    """Read the books of these dates, the pauses and the control document."""
    pipeline, listed = ctx.policy.pipeline, sorted(set(days))
    paths = [pauses_path(pipeline), control_path(pipeline), *(day_path(pipeline, day) for day in listed)]
    pauses, control, *documents = ctx.ports.store.get(*paths)
    books = {day: _day_record(ctx, day, document) for day, document in zip(listed, documents, strict=True)}
    read = None if control is None else Stored(from_data(Control, control.data), control.version)
    return Books(books, read_book(pauses).value.pauses, read)


def _day_record(ctx: Context, day: date, document: Document | None) -> Stored[DayRecord]:
    if document is None:
        return Stored(DayRecord(ctx.policy.pipeline, day))
    return Stored(from_data(DayRecord, document.data), document.version)


def begin_watch(ctx: Context, now: datetime) -> Control:
    """Note since when workflows are watched, once; return what stands there."""
    control = Control(now)
    path = control_path(ctx.policy.pipeline)
    if ctx.ports.store.create(path, to_data(control)) is None:
        document = ctx.ports.store.get(path)[0]
        return control if document is None else from_data(Control, document.data)
    return control


def change_book(ctx: Context, stored: Stored[DayRecord], change: Callable[[DayRecord], DayRecord]) -> None:
    """Write what a change makes of a date's book as it is by then; nothing is read or written where it changes nothing.

    Raises ``Unavailable`` if others write it all the time.
    """
    if change(stored.value) != stored.value:
        change_day(ctx, stored.value.day, change)


def change_day(ctx: Context, day: date, change: Callable[[DayRecord], DayRecord]) -> None:
    """Write what a change makes of the book of a date as it stands; raise ``Unavailable`` if others write it all the
    time."""

    def changed(document: Document | None) -> tuple[Mapping[str, Any] | None, None]:
        before = _day_record(ctx, day, document).value
        after = change(before)
        if after == before:
            return None, None
        expires_at = instant(day, time(0), ctx.policy.zone) + KEPT + timedelta(days=3)
        # A person may have a date of last season fetched again.
        return to_data(replace(after, expires_at=max(expires_at, ctx.ports.clock.now() + KEPT))), None

    change_document(ctx.ports.store, day_path(ctx.policy.pipeline, day), changed)


def note_run(ctx: Context, run: WorkflowRun) -> None:
    """Bring the book of a run's date up to what the run is; an end is never taken back."""
    change_day(ctx, run.day, lambda book: with_run(book, run.id, summary(run)))


def with_run(book: DayRecord, run_id: str, run: RunSummary) -> DayRecord:
    """Return the book with a run in it, unless it knows already that the run has ended."""
    before = book.runs.get(run_id)
    if before is not None and before.status is not RunStatus.RUNNING:
        return book
    return replace(book, runs={**book.runs, run_id: run})


def load_workflow_run(ctx: Context, run_id: str) -> Stored[WorkflowRun] | None:
    document = ctx.ports.store.get(run_path(run_id))[0]
    return None if document is None else Stored(from_data(WorkflowRun, document.data), document.version)


def _data(ctx: Context, run: WorkflowRun) -> dict[str, object]:
    expires_at = instant(run.day, time(0), ctx.policy.zone) + KEPT + timedelta(days=3)
    return {**to_data(run), "id": run.id, "expires_at": max(expires_at, run.decided_at + KEPT)}


def create_run(ctx: Context, run: WorkflowRun) -> str | None:
    """Claim (workflow, window, date); None if it is claimed already."""
    touch_upkeep(ctx)  # from now on each sweep looks at it
    return ctx.ports.store.create(run_path(run.id), _data(ctx, run))


def save_workflow_run(ctx: Context, stored: Stored[WorkflowRun]) -> Stored[WorkflowRun] | None:
    """Write a run; None if somebody else wrote it since it was read."""
    assert stored.version is not None
    version = ctx.ports.store.update(run_path(stored.value.id), _data(ctx, stored.value), stored.version)
    return None if version is None else Stored(stored.value, version)


def unconcluded(ctx: Context) -> list[Stored[WorkflowRun]]:
    """Return the runs of the pipeline that have not ended, or of whose end the record does not know."""
    documents = ctx.ports.store.query(RUNS, {"pipeline": ctx.policy.pipeline, "recorded": False})
    return [Stored(from_data(WorkflowRun, document.data), document.version) for document in documents]
