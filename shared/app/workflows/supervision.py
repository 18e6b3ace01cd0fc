"""Watching workflows: windows that passed without a run, runs without progress, and what people must know of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial

from shared.app.alerting.unexpected import fault
from shared.app.context import Context
from shared.app.state.repository import Stored
from shared.app.workflows.announce import announce, note_announced
from shared.app.workflows.audit import judged_row, record_run
from shared.app.workflows.calendar import Tables, read_schedule
from shared.app.workflows.files import announce_again
from shared.app.workflows.inputs import input_of, known_units
from shared.app.workflows.reports import record_reports
from shared.app.workflows.store import (
    Books,
    change_book,
    load_books,
    note_run,
    save_workflow_run,
    unconcluded,
)
from shared.core.alerting.condition import Condition
from shared.core.errors import OutOfTime, Unavailable, is_state_outage
from shared.core.reporting.findings import Finding, FindingResult, Sweep
from shared.core.workflows import alerts
from shared.core.workflows.day_record import Control, DayRecord, PendingRow
from shared.core.workflows.decide import Read, past_dates
from shared.core.workflows.judge import Judgement, Verdict, asks_for_units, judge, judge_catch_up, window_end
from shared.core.workflows.model import REDRIVE_AFTER, CatchUp, Workflow, Workflows
from shared.core.workflows.runs import RunStatus, WorkflowRun
from shared.core.workflows.windows import days_after, window_of

# A message that its sender could not send, or died before, is sent after so long.
UNSENT_FOR = timedelta(seconds=60)
UNREADABLE = "the workflows cannot be looked at"


def judged_days(ctx: Context, workflows: Workflows, now: datetime) -> set[date]:
    """Return the dates whose windows may have ended lately, or whose runs a person may have to know of."""
    today = ctx.policy.local(now).date()
    most = max((days_after(workflow) for workflow in workflows.workflows.values() if workflow.enabled), default=0)
    return {today - timedelta(days=back) for back in range(max(most, 1) + 1)}


def look(ctx: Context, done: Sweep) -> None:
    """Drive runs without progress again, judge windows that have ended, and say what holds: the sweep's part."""
    if ctx.workflows is None:
        return
    workflows, now = ctx.workflows, ctx.ports.clock.now()
    days = judged_days(ctx, workflows, now)
    places = {alerts.alert_run(ctx.policy, day) for day in days}
    try:
        runs = unconcluded(ctx)
        if runs:
            done.polls.append(None)  # what a step does tells no sweep
        for stored in runs:
            if stored.value.ended_at is None:
                _drive(ctx, done, workflows, stored, now)
            else:
                note_run(ctx, stored.value)
                record_run(ctx, workflows, stored)
        announce_again(ctx, done, now)
        books = load_books(ctx, days)
        # Windows are the controller's from its first tick on: before that somebody else may still run them.
        for condition in judge_ended(ctx, workflows, books, books.control.value, now) if books.control else ():
            done.say(condition)
        done.wakeups.append(_next(ctx, workflows, books, now))
        done.seen |= places
    except OutOfTime as error:
        done.unseen |= places
        done.wakeups.append(None)
        done.findings.append(Finding("workflows", ctx.policy.pipeline, str(error), FindingResult.FAILED))
    except Unavailable as error:
        if is_state_outage(error):
            raise
        done.unseen |= places
        done.wakeups.append(None)
        done.findings.append(Finding("workflows", ctx.policy.pipeline, str(error), FindingResult.FAILED))
    except Exception as error:  # noqa: BLE001 - becomes a finding, an alert and the answer's status
        done.unseen |= places
        done.wakeups.append(None)
        fault(ctx, done, ctx.policy.pipeline, error, UNREADABLE)
    record_reports(ctx, done)


def _drive(ctx: Context, done: Sweep, workflows: Workflows, stored: Stored[WorkflowRun], now: datetime) -> None:
    """Send the message of a run again that has made no progress for ten minutes, or whose message never left."""
    run = stored.value
    note_run(ctx, run)
    silent = now - run.last_progress()
    unsent = run.announced < run.step and silent >= UNSENT_FOR
    if not unsent and silent < REDRIVE_AFTER:
        done.wakeups.append(run.last_progress() + (UNSENT_FOR if run.announced < run.step else REDRIVE_AFTER))
        return
    saved = save_workflow_run(ctx, Stored(replace(run, redriven_at=now), stored.version))
    if saved is None:  # somebody works on it after all
        done.wakeups.append(None)
        return
    announce(ctx, run)
    note_announced(ctx, saved)
    done.findings.append(Finding("workflow", run.id, f"step {run.step} sent again", FindingResult.DONE))
    done.wakeups.append(now + REDRIVE_AFTER)


def judge_ended(ctx: Context, workflows: Workflows, books: Books, control: Control, now: datetime) -> list[Condition]:
    """Judge the windows that have ended and are not judged yet; return all that holds of these dates."""
    tables, conditions = Tables(ctx), list[Condition]()
    for day, stored in books.days.items():
        fresh: dict[str, Judgement] = {}
        for workflow in workflows.workflows.values():
            judged = stored.value.judged.get(workflow.name)
            if judged is None and workflow.enabled:
                judged = _judge(ctx, workflows, workflow, day, books, control, tables, now)
                if judged is not None:
                    fresh[workflow.name] = judged
            conditions += _conditions(ctx, workflows, workflow, stored.value, judged)
        if fresh:
            rows = [judged_row(ctx, workflows.workflows[name], day, judged) for name, judged in fresh.items()]
            change_book(ctx, stored, partial(_with_judged, fresh, rows))
    return conditions


def _with_judged(fresh: Mapping[str, Judgement], rows: Sequence[PendingRow], book: DayRecord) -> DayRecord:
    return replace(book, judged={**fresh, **book.judged}).with_pending(rows)


def _judge(
    ctx: Context,
    workflows: Workflows,
    workflow: Workflow,
    day: date,
    books: Books,
    control: Control,
    tables: Tables,
    now: datetime,
) -> Judgement | None:
    ends = window_end(workflow, day, ctx.policy.zone, known_units(ctx, books.days[day].value))
    if ends is None or now < ends or ends <= control.since:
        return None
    if isinstance(workflow.decide, CatchUp):
        return _judge_catch_up(ctx, workflows, workflow, workflow.decide, day, ends, tables, now)
    facts = input_of(ctx, workflows, workflow, day, books, now)
    if asks_for_units(workflow, facts):
        facts = replace(facts, units=tables.units(day, facts.units))
    judged = judge(workflow, day, facts)
    while isinstance(judged, Read):
        readings = tables.read(day, judged.held, judged.rows)
        judged = judge(workflow, day, replace(facts, readings=readings))
    return judged


def _judge_catch_up(
    ctx: Context,
    workflows: Workflows,
    workflow: Workflow,
    decide: CatchUp,
    day: date,
    ends: datetime,
    tables: Tables,
    now: datetime,
) -> Judgement | None:
    """Judge a catch-up by the past dates that it looked at when its window ended."""
    days = past_dates(decide, ends - timedelta(microseconds=1), ctx.policy.zone)
    books, scheduled = load_books(ctx, days), read_schedule(ctx, days)
    facts = {past: input_of(ctx, workflows, workflow, past, books, now) for past in days}
    if scheduled is not None:
        facts = {past: replace(of, units=scheduled[past]) for past, of in facts.items()}
    runs = [run for past in days for run in books.days[past].value.runs_of(workflow.name)]
    tables.together(decide.missing, days)
    judged = judge_catch_up(workflow, decide, day, facts, runs)
    while isinstance(judged, tuple):
        past, read = judged
        facts[past] = replace(facts[past], readings=tables.read(past, read.held, read.rows))
        judged = judge_catch_up(workflow, decide, day, facts, runs)
    return judged


def _caught_up_since(ctx: Context, workflow: Workflow, decide: CatchUp, day: date, ended: datetime) -> bool:
    """True where a catch-up whose window of a date was missed has run since, for whatever date."""
    ends = window_of(workflow, day, ctx.policy.zone).ends
    days = past_dates(decide, ends - timedelta(microseconds=1), ctx.policy.zone)
    books = load_books(ctx, [*days, day]).days.values()
    return any(run.decided_at >= ended for book in books for run in book.value.runs_of(workflow.name))


def _conditions(
    ctx: Context, workflows: Workflows, workflow: Workflow, book: DayRecord, judged: Judgement | None
) -> Iterator[Condition]:
    runs = book.runs_of(workflow.name)
    # A failure holds until a later run has completed: one that is under way may fail as well.
    ended = [run for run in runs if run.status is not RunStatus.RUNNING]
    if ended:
        failed = alerts.failed(ctx.policy, workflow, book.day, ended[-1])
        if failed is not None:
            yield failed
    if judged is None:
        return
    if judged.verdict is Verdict.MISSED and not runs and not _made_up(ctx, workflows, workflow, book, judged):
        yield alerts.missed(ctx.policy, workflow, book.day, judged)
    missing = alerts.missing_units(ctx.policy, workflow, book.day, judged)
    if missing is not None:
        yield missing


def _made_up(ctx: Context, workflows: Workflows, workflow: Workflow, book: DayRecord, judged: Judgement) -> bool:
    """True where a catch-up of the same table has fetched the date's units since; a catch-up itself by its next run."""
    if isinstance(workflow.decide, CatchUp):
        return _caught_up_since(ctx, workflow, workflow.decide, book.day, judged.window_ended_at)
    return any(
        run.status is RunStatus.COMPLETED
        and run.workflow in workflows.workflows
        and isinstance(workflows.workflows[run.workflow].decide, CatchUp)
        and workflows.workflows[run.workflow].missing == workflow.missing
        for run in book.runs.values()
    )


def _next(ctx: Context, workflows: Workflows, books: Books, now: datetime) -> datetime | None:
    """Return when the next window ends that is still to be judged; an hour from now if none does before."""
    ends = [now + timedelta(hours=1)]
    for day, book in books.days.items():
        units = known_units(ctx, book.value)
        for workflow in workflows.workflows.values():
            at = window_end(workflow, day, ctx.policy.zone, units)
            if at is not None and at > now:
                ends.append(at)
    return min(ends)
