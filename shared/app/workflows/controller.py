"""The controller: decides every workflow for every date that is open now, and claims what is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from shared.app.alerting import raise_alerts
from shared.app.context import Context
from shared.app.state.repository import Stored
from shared.app.workflows.announce import announce, note_announced
from shared.app.workflows.audit import decision_row, expected_rows, flush_book
from shared.app.workflows.calendar import Tables, read_schedule
from shared.app.workflows.inputs import called_by_name, input_of
from shared.app.workflows.store import (
    Books,
    begin_watch,
    change_book,
    create_run,
    load_books,
    load_workflow_run,
    with_run,
)
from shared.app.workflows.supervision import judge_ended, judged_days
from shared.core.alerting.condition import Condition
from shared.core.calendar import instant
from shared.core.errors import Unavailable
from shared.core.workflows.alerts import no_calendar, warned
from shared.core.workflows.check import has_units
from shared.core.workflows.day_record import DayRecord, Decided, Looked
from shared.core.workflows.decide import Abort, Read, Run, Skip, WorkflowInput, decide_workflow, past_dates
from shared.core.workflows.model import CatchUp, Priority, Workflow, Workflows
from shared.core.workflows.runs import WorkflowRun, summary
from shared.core.workflows.serving import CalendarRead, begins_by, serves
from shared.core.workflows.windows import open_dates, span

# A run that was claimed and whose message has not left by then: who claimed it has died.
CLAIM_LEASE = timedelta(seconds=60)
ORDER = tuple(Priority)
# Until then a calendar that cannot be read is waited for before windows of a date are called expected.
MORNING = time(6)
MINUTE = timedelta(minutes=1)
# Codes of decisions for dates that a catch-up has no work on.
NOTHING_TO_FETCH = {"collected", "no units", "budget"}


@dataclass
class Tick:
    """What a tick decided: a line for each decision, and the ids of the runs that it began."""

    decisions: list[dict[str, Any]] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Due:
    workflow: Workflow
    day: date


def tick_time(now: datetime, planned_at: datetime | None) -> datetime:
    """Return the minute that a tick was planned for, if it comes within a minute of it; else the clock's time.

    A schedule is a few seconds late, more or less each time: counted by the clock, what is due two hours after a tick
    would now and then not be due yet at the one two hours later, and wait for the next.
    """
    if planned_at is None:
        return now
    minute = (planned_at + MINUTE / 2).astimezone(UTC).replace(second=0, microsecond=0)
    return minute if abs(now - minute) <= MINUTE else now


def tick(ctx: Context, workflows: Workflows, planned_at: datetime | None = None) -> Tick:
    """Decide everything that is open now, begin what is due, judge the windows that have ended.

    ``planned_at`` is when the schedule planned the tick: what it decides is decided as of then. Raises ``Unavailable``
    if the state store does not answer: nothing is decided by guess.
    """
    now = tick_time(ctx.ports.clock.now(), planned_at)
    due = _due(ctx, workflows, now)
    judged = judged_days(ctx, workflows, now)
    stored = load_books(ctx, {candidate.day for candidate in due} | judged)
    control = stored.control.value if stored.control is not None else begin_watch(ctx, now)
    today = ctx.policy.local(now).date()
    asked = [(candidate.workflow, candidate.day) for candidate in due if has_units(candidate.workflow)]
    read = stored.days[today].value.calendar
    fresh = not (serves(read, ctx.policy, asked, now) and _are_known(stored, asked))
    books = _with_calendar(ctx, stored, asked, today, now) if fresh else stored
    due = [candidate for candidate in due if not _has_looked(candidate.workflow, books, today, now)]
    codes: dict[str, set[str]] = {}
    done, tables = Tick(), Tables(ctx)
    conditions: list[Condition] = []
    unknown: dict[date, set[str]] = {}
    changed: dict[date, DayRecord] = {day: stored.value for day, stored in books.days.items()}
    for candidate in due:
        if isinstance(candidate.workflow.decide, CatchUp):
            tables.together(candidate.workflow.decide.missing, [candidate.day])
    for candidate in due:
        facts = input_of(ctx, workflows, candidate.workflow, candidate.day, books, now)
        decision = _decide(candidate, facts, tables)
        if not fresh and begins_by(decision, candidate.workflow):
            fresh, books = True, _with_calendar(ctx, books, asked, today, now)
            changed = {day: _with_units(book, books.days[day].value) for day, book in changed.items()}
            facts = input_of(ctx, workflows, candidate.workflow, candidate.day, books, now)
            decision = _decide(candidate, facts, tables)
        codes.setdefault(candidate.workflow.name, set()).add(decision.code)
        if decision.warning:
            conditions.append(
                warned(ctx.policy, candidate.workflow.name, candidate.day, decision.code, decision.warning)
            )
        if (
            facts.units is None
            and candidate.workflow.enabled
            and has_units(candidate.workflow)
            and not _is_over(decision)
        ):
            unknown.setdefault(candidate.day, set()).update(called_by_name(workflows, candidate.workflow))
        if isinstance(decision, Run):
            run = _run(ctx, candidate.workflow, decision, now)
            _begin(ctx, run, done)
            changed[candidate.day] = with_run(changed[candidate.day], run.id, summary(run))
        changed[candidate.day] = _noted(ctx, changed[candidate.day], candidate, decision, now)
        done.decisions.append(_decision_row(candidate, decision))
    changed[today] = _with_looks(
        changed[today], {candidate.workflow.name: candidate.workflow for candidate in due}, codes, books, now
    )
    changed[today] = _with_expected(ctx, workflows, changed[today], now)
    for day, book in changed.items():
        _save(ctx, stored.days[day], book)
        flush_book(ctx, book)
    conditions += [no_calendar(ctx.policy, day, tuple(sorted(names))) for day, names in unknown.items()]
    unchanged = all(book == stored.days[day].value for day, book in changed.items())
    ended = Books({day: stored.days[day] for day in judged}, stored.pauses, stored.control)
    conditions += judge_ended(ctx, workflows, ended if unchanged else load_books(ctx, judged), control, now)
    _raise(ctx, conditions)
    return done


def _due(ctx: Context, workflows: Workflows, now: datetime) -> list[_Due]:
    """Return what is to be decided, in the order in which it would be run: by priority, then by the file."""
    listed: list[_Due] = []
    ordered = sorted(workflows.workflows.values(), key=lambda item: ORDER.index(item.priority))
    for workflow in (item for item in ordered if item.enabled):
        if isinstance(workflow.decide, CatchUp):
            days = _catch_up_days(ctx, workflow.decide, now)
        else:
            days = open_dates(workflow, now, ctx.policy.zone)
        listed += [_Due(workflow, day) for day in days]
    return listed


def _catch_up_days(ctx: Context, decide: CatchUp, now: datetime) -> list[date]:
    today = ctx.policy.local(now).date()
    spans = (span(today - timedelta(days=back), decide.window, ctx.policy.zone) for back in (0, 1))
    return past_dates(decide, now, ctx.policy.zone) if any(window.contains(now) for window in spans) else []


def _final_units(workflow: Workflow, books: Books, today: date) -> tuple[str, ...]:
    """Return the final units of the dates that a catch-up looks at, each `DATE NAME`."""
    assert isinstance(workflow.decide, CatchUp)
    past = [today - timedelta(days=back) for back in range(workflow.decide.lookback_days, 0, -1)]
    return tuple(
        f"{day} {unit.name}"
        for day in past
        if day in books.days
        for unit in books.days[day].value.units or ()
        if unit.final and unit.name
    )


def _has_looked(workflow: Workflow, books: Books, today: date, now: datetime) -> bool:
    """True for a catch-up that found nothing to fetch less than ``every`` ago, while the same units are final: its
    table is not asked again at every tick."""
    looked = books.days[today].value.looked.get(workflow.name)
    if not isinstance(workflow.decide, CatchUp) or looked is None or now >= looked.at + workflow.decide.every:
        return False
    return set(_final_units(workflow, books, today)) <= set(looked.units)


def _with_looks(
    book: DayRecord, workflows: Mapping[str, Workflow], codes: Mapping[str, set[str]], books: Books, now: datetime
) -> DayRecord:
    """Note the catch-ups that asked their table and found nothing to fetch, whatever the date."""
    looked = {
        name: Looked(now, _final_units(workflow, books, book.day))
        for name, workflow in workflows.items()
        if isinstance(workflow.decide, CatchUp) and "collected" in codes[name] <= NOTHING_TO_FETCH
    }
    return replace(book, looked={**book.looked, **looked}) if looked else book


def _are_known(books: Books, asked: Sequence[tuple[Workflow, date]]) -> bool:
    """True where the books still hold the units of all these dates: one may have been deleted since."""
    return all(books.days[day].value.units is not None for _, day in asked)


def _with_calendar(
    ctx: Context, books: Books, asked: Sequence[tuple[Workflow, date]], today: date, now: datetime
) -> Books:
    """Take a fresh reading of the calendar into the books of the dates whose units matter, and note it in today's."""
    scheduled = read_schedule(ctx, sorted({day for _, day in asked}))
    if not scheduled:
        return books
    fresh = dict(books.days)
    for day, units in scheduled.items():
        stored = fresh[day]
        if stored.value.units != units:
            fresh[day] = replace(stored, value=replace(stored.value, units=units, units_read_at=now))
    if ctx.policy.calendar is not None and ctx.policy.calendar.read_every is not None:
        read = CalendarRead(now, tuple(sorted(scheduled)), ctx.policy.version)
        fresh[today] = replace(fresh[today], value=replace(fresh[today].value, calendar=read))
    return Books(fresh, books.pauses, books.control)


def _with_units(book: DayRecord, read: DayRecord) -> DayRecord:
    """Return a book that a tick has changed with what it has read of the calendar meanwhile."""
    return replace(book, units=read.units, units_read_at=read.units_read_at, calendar=read.calendar)


def _decide(candidate: _Due, facts: WorkflowInput, tables: Tables) -> Run | Skip | Abort:
    decision = decide_workflow(candidate.workflow, candidate.day, facts)
    while isinstance(decision, Read):
        readings = tables.read(candidate.day, decision.held, decision.rows, decision.inputs)
        decision = decide_workflow(candidate.workflow, candidate.day, replace(facts, readings=readings))
    return decision


def _is_over(decision: Run | Skip | Abort) -> bool:
    """True where the clock alone decides: what a date's units are does not matter now."""
    return not isinstance(decision, Run) and decision.code in ("before", "after", "every", "completed", "disabled")


def _run(ctx: Context, workflow: Workflow, decision: Run, now: datetime) -> WorkflowRun:
    return WorkflowRun(
        pipeline=ctx.policy.pipeline,
        workflow=workflow.name,
        window=decision.window,
        day=decision.day,
        reason=decision.reason,
        code=decision.code,
        decided_at=now,
        targets=decision.targets,
    )


def _begin(ctx: Context, run: WorkflowRun, done: Tick) -> None:
    """Claim a run and send its first message; what another controller has claimed is its own."""
    version = create_run(ctx, run)
    if version is None:
        _take_over(ctx, run, done)
        return
    ctx.log("workflow.run_begun", run_id=run.id, reason=run.reason, targets=len(run.targets or ()))
    done.begun.append(run.id)
    try:
        announce(ctx, run)
    except Unavailable as error:  # the sweep sends it as soon as the bus answers
        ctx.log("workflow.step_not_sent", severity="WARNING", run_id=run.id, error=str(error))
        done.failed.append(run.id)
        return
    note_announced(ctx, Stored(run, version))


def _take_over(ctx: Context, run: WorkflowRun, done: Tick) -> None:
    """Send the message of a run whose controller died before it could."""
    stored = load_workflow_run(ctx, run.id)
    if stored is None or stored.value.announced >= stored.value.step or stored.value.ended_at is not None:
        return
    if ctx.ports.clock.now() - stored.value.last_progress() < CLAIM_LEASE:
        return
    try:
        announce(ctx, stored.value)
    except Unavailable as error:
        ctx.log("workflow.step_not_sent", severity="WARNING", run_id=run.id, error=str(error))
        done.failed.append(run.id)
        return
    note_announced(ctx, stored)


def _with_expected(ctx: Context, workflows: Workflows, book: DayRecord, now: datetime) -> DayRecord:
    """Write down once a date which windows are expected: on its first tick, or in the morning where the calendar could
    not be read before; units are assumed then."""
    if book.expected_at is not None:
        return book
    unknown = ctx.policy.calendar is not None and book.units is None
    by_units = any(
        workflow.enabled and has_units(workflow) and not isinstance(workflow.decide, CatchUp)
        for workflow in workflows.workflows.values()
    )
    if unknown and by_units and now < instant(book.day, MORNING, ctx.policy.zone):
        return book
    return replace(book, expected_at=now).with_pending(expected_rows(ctx, workflows, book, now))


def _noted(ctx: Context, book: DayRecord, candidate: _Due, decision: Run | Skip | Abort, now: datetime) -> DayRecord:
    """Return the book with a decision that differs from the one before in its kind, targets or code."""
    kind = type(decision).__name__.lower()
    targets = (decision.targets or ()) if isinstance(decision, Run) else ()
    before = book.decisions.get(candidate.workflow.name)
    if before is not None and (before.kind, before.code, before.targets) == (kind, decision.code, targets):
        return book
    decided = Decided(kind, decision.code, decision.reason, now, targets, 1 if before is None else before.number + 1)
    noted = replace(book, decisions={**book.decisions, candidate.workflow.name: decided})
    return noted.with_pending([decision_row(ctx, candidate.workflow, candidate.day, decided)])


def _save(ctx: Context, stored: Stored[DayRecord], changed: DayRecord) -> None:
    """Write what a tick changed in a book, over what others wrote meanwhile."""

    def change(book: DayRecord) -> DayRecord:
        for run_id, run in changed.runs.items():
            if run_id not in book.runs:
                book = with_run(book, run_id, run)
        return replace(
            book,
            decisions={**book.decisions, **changed.decisions},
            units=changed.units if changed.units_read_at is not None else book.units,
            units_read_at=changed.units_read_at or book.units_read_at,
            expected_at=book.expected_at or changed.expected_at,
            looked={**book.looked, **changed.looked},
            calendar=changed.calendar or book.calendar,
        ).with_pending(changed.pending)

    change_book(ctx, stored, change)


def _decision_row(candidate: _Due, decision: Run | Skip | Abort) -> dict[str, Any]:
    line: dict[str, Any] = {
        "workflow": candidate.workflow.name,
        "date": candidate.day.isoformat(),
        "decision": type(decision).__name__.lower(),
        "reason": decision.reason,
    }
    if isinstance(decision, Run):
        line |= {"window": decision.window, "targets": list(decision.targets or ())}
    if isinstance(decision, Skip) and decision.next_at is not None:
        line["next_at"] = decision.next_at.isoformat()
    return line


def _raise(ctx: Context, conditions: list[Condition]) -> None:
    """Tell people now; where that cannot be kept, the next tick or sweep tells them (behaviour A3)."""
    unique: Mapping[str, Condition] = {condition.fingerprint: condition for condition in conditions}
    try:
        raise_alerts.raise_now(ctx, list(unique.values()))
    except Unavailable as error:
        ctx.log("alert.not_stored", severity="WARNING", error=str(error))
