"""Pauses kept, told and recorded; and what people say to begin and end one (behaviour T8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from shared.app.alerting import raise_alerts
from shared.app.audit.write import EXECUTIONS, write_rows
from shared.app.context import Context
from shared.app.outcome import CommandResult, Outcome, Why
from shared.app.state.compare_and_set import change_document
from shared.app.state.repository import Stored, pauses_path, read_book, save_book
from shared.app.state.upkeep import touch_upkeep
from shared.core import commands
from shared.core.alerting.pause_alerts import began, has_ended, pause_conditions, pause_moments
from shared.core.decision.pause import Pause, PauseBook, PauseEntry, begun, ended, kept, paused_text, pauses_of
from shared.core.errors import Unavailable
from shared.core.reporting.findings import Sweep
from shared.core.texts import day_time, names
from shared.documents import to_data
from shared.ports import Document, Row

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scope:
    """What is to be paused: everything, a mode, a transition, a transition of a mode, or a workflow."""

    mode: str | None = None
    transition: str | None = None
    workflow: str | None = None

    def is_of(self, pause: Pause) -> bool:
        return (self.mode, self.transition, self.workflow) == (pause.mode, pause.transition, pause.workflow)

    def reaches(self, pause: Pause) -> bool:
        """True for a pause of this mode, transition and workflow, where they are named; of whatever else it may be."""
        of_runs = self.mode in (None, pause.mode) and self.transition in (None, pause.transition)
        return of_runs and self.workflow in (None, pause.workflow)


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of a command, and the pause that it began or ended."""

    answer: CommandResult
    pause: Pause | None = None


def tend(ctx: Context, done: Sweep, now: datetime, *, dry_run: bool) -> tuple[Pause, ...]:
    """Keep the pauses up to date, say what is to be said of them, and return them: the sweep's part."""
    before = _read(ctx)
    book = kept(ctx.policy, before.value, now)
    done.wakeups += pause_moments(ctx.policy, book.pauses, now)
    if dry_run:
        return book.pauses
    if book.pending_audit and write_rows(ctx, [_row(ctx, entry) for entry in book.pending_audit]):
        book = replace(book, pending_audit=())
    if book.pending_audit:
        done.polls.append(None)
    if book != before.value and save_book(ctx.ports.store, ctx.policy.pipeline, Stored(book, before.version)) is None:
        done.polls.append(None)  # a lost race leaves it to the next sweep: the record counts a repeated row once
    for condition in pause_conditions(ctx.policy, book.pauses, now):
        done.say(condition)
    return book.pauses


def _read(ctx: Context) -> Stored[PauseBook]:
    return read_book(ctx.ports.store.get(pauses_path(ctx.policy.pipeline))[0])


def _row(ctx: Context, entry: PauseEntry) -> tuple[str, Row]:
    """Return the begin or end of a pause as the record holds it: of no run, on the local date of its moment."""
    columns = {
        "execution_timestamp": entry.at.isoformat(),
        "pipeline": ctx.policy.pipeline,
        "run_id": "",
        "transition": entry.transition,
        "game_date": ctx.policy.local(entry.at).date().isoformat(),
        "mode": entry.mode,
        "generation": 0,
        "decision": entry.decision,
        "reason": entry.reason,
        "degraded": False,
        "missing": "",
        "opened_at": None,
        "wait_seconds": None,
        "handoff_seconds": None,
        "triggered_at": None,
        "confirmed_at": None,
        "gate_readings": "",
        "code_version": ctx.code_version,
    }
    scope = f"{entry.mode}/{entry.transition}"
    insert_id = f"{ctx.policy.pipeline}/{entry.decision}/{scope}/{entry.at.isoformat()}"
    return EXECUTIONS, Row(insert_id, columns)


def listed(ctx: Context) -> tuple[Pause, ...]:
    """Return the pauses in force and to come, and those that were over in the last 30 days, in the order they begin."""
    pauses = pauses_of(ctx.policy, _read(ctx).value.pauses)
    return tuple(sorted(pauses, key=lambda pause: (pause.begins_at, pause.id)))


def still_to_end(ctx: Context) -> tuple[str, ...]:
    """Return the pauses in force and to come, in sentences, as the page and the daily report say them."""
    now = ctx.ports.clock.now()
    return tuple(_sentence(ctx, pause, now) for pause in listed(ctx) if not pause.is_over(now))


def _sentence(ctx: Context, pause: Pause, now: datetime) -> str:
    text = paused_text(ctx.policy, pause)
    return (
        f"{pause.scope} is {text}"
        if pause.in_force(now)
        else f"{pause.scope} will be {text.replace('since', 'from', 1)}"
    )


def begin(ctx: Context, scope: Scope, until: datetime | None, why: Why) -> Changed:
    """Pause a scope from now on; refused while exactly this scope is paused."""

    def ask(book: PauseBook, now: datetime) -> tuple[PauseBook, Changed]:
        listed = pauses_of(ctx.policy, book.pauses)
        there = next((pause for pause in listed if pause.in_force(now) and scope.is_of(pause)), None)
        if there is not None:
            text = f"{there.scope} is {paused_text(ctx.policy, there)}"
            return book, Changed(
                CommandResult(Outcome.REFUSED, f"{text}\n  hint: end it first: {commands.pause_end(there.id)}")
            )
        asked = Pause(
            f"p{book.numbered + 1}",
            now,
            until,
            why.reason,
            why.by,
            scope.mode,
            scope.transition,
            workflow=scope.workflow,
        )
        text = f"{ctx.policy.pipeline}: {asked.scope} is {paused_text(ctx.policy, asked)}, as {asked.id}"
        return begun(ctx.policy, book, asked), Changed(CommandResult(Outcome.DONE, text), asked)

    changed = _change(ctx, ask)
    if changed.pause is not None:
        ctx.log("operator.pause", pause=changed.pause.id, scope=changed.pause.scope, reason=why.reason, by=why.by)
        _say(ctx, lambda pause: raise_alerts.raise_now(ctx, [began(ctx.policy, pause)]), changed.pause)
    return changed


def end(ctx: Context, pause_id: str | None, scope: Scope, why: Why) -> Changed:
    """End a pause at once, one of the policy too; without its id the only one in force that is of this scope."""

    def ask(book: PauseBook, now: datetime) -> tuple[PauseBook, Changed]:
        there = _to_end(ctx, book, pause_id, scope, now)
        if isinstance(there, CommandResult):
            return book, Changed(there)
        after, pause = ended(book, there, now, why.by, why.reason)
        text = f"{ctx.policy.pipeline}: the pause {pause.id} of {pause.scope} ({pause.reason}) is over"
        return after, Changed(CommandResult(Outcome.DONE, text), pause)

    changed = _change(ctx, ask)
    if changed.pause is not None:
        ctx.log("operator.pause_end", pause=changed.pause.id, scope=changed.pause.scope, reason=why.reason, by=why.by)
        _say(ctx, lambda pause: raise_alerts.raise_now(ctx, [has_ended(ctx.policy, pause)]), changed.pause)
    return changed


def _to_end(ctx: Context, book: PauseBook, pause_id: str | None, scope: Scope, now: datetime) -> Pause | CommandResult:
    """Return the pause that is meant, or why none is."""
    everything = pauses_of(ctx.policy, book.pauses)
    in_force = [pause for pause in everything if pause.in_force(now)]
    hint = f"\n  hint: {commands.pauses()}"
    if pause_id is not None:
        there = next((pause for pause in everything if pause.id == pause_id), None)
        if there is None:
            return CommandResult(Outcome.NOT_FOUND, f"there is no pause {pause_id!r}{hint}")
        if there.is_over(now):
            assert there.over_at is not None
            over = day_time(ctx.policy, there.over_at)
            return CommandResult(Outcome.REFUSED, f"the pause {pause_id} is over since {over}{hint}")
        return there
    meant = [pause for pause in in_force if scope.reaches(pause)]
    if not meant:
        return CommandResult(
            Outcome.NOT_FOUND, f"nothing is paused{'' if scope == Scope() else ' in this scope'}{hint}"
        )
    if len(meant) > 1:
        which = names(f"{pause.id} ({pause.scope})" for pause in meant)
        return CommandResult(
            Outcome.REFUSED, f"{len(meant)} pauses are meant: {which}\n  hint: name one of them behind --end"
        )
    return meant[0]


def _change(ctx: Context, ask: Callable[[PauseBook, datetime], tuple[PauseBook, Changed]]) -> Changed:
    """Write what was asked into the book; raise ``Unavailable`` if others write it all the time."""

    def with_request(document: Document | None) -> tuple[Mapping[str, Any] | None, Changed]:
        before = read_book(document).value
        after, changed = ask(before, ctx.ports.clock.now())
        return (None if after == before else to_data(after)), changed

    touch_upkeep(ctx, whole=True)  # every open run may be decided otherwise
    return change_document(ctx.ports.store, pauses_path(ctx.policy.pipeline), with_request)


def _say(ctx: Context, say: Callable[[Pause], None], pause: Pause) -> None:
    """Tell people now; where that cannot be kept, the next sweep tells them (behaviour A3)."""
    try:
        say(pause)
    except Unavailable as error:
        ctx.log("alert.not_stored", severity="WARNING", error=str(error))
