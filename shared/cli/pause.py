"""`orch pause`: for a while nothing of a scope is opened or dispatched (behaviour T8)."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

import typer

from shared import runtime
from shared.app.context import Context
from shared.app.operator.rehearsal import rehearsal
from shared.app.outcome import Why
from shared.app.transitions import pausing
from shared.app.transitions.pausing import Changed, Scope
from shared.cli.operator import By, DryRun, end, say_rehearsed, who
from shared.cli.shell import USAGE, fail, print_json, transition_in
from shared.cli.workflows import loaded, workflow_in
from shared.core.calendar import instant
from shared.core.decision.pause import Pause, paused_text
from shared.core.policy.policy import Policy
from shared.core.texts import day_time
from shared.core.wire.instants import YEARS

SPELLINGS = (
    "write 2026-05-20 (its first instant, local), '2026-05-20 06:00', 06:00 (the next one), or 2026-05-20T10:00Z"
)


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(pause)


def pause(
    pause_id: Annotated[
        str | None, typer.Argument(help="With --end: which pause; left out, the only one in force of the scope.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; it is recorded. With --end it may be left out.")] = "",
    until: Annotated[
        str | None,
        typer.Option(help="When it is over: a date (its first instant), a date and time, HH:MM; left out, at --end."),
    ] = None,
    mode: Annotated[str | None, typer.Option(help="Pause this mode alone.")] = None,
    transition: Annotated[str | None, typer.Option(help="Pause this transition alone.")] = None,
    workflow: Annotated[str | None, typer.Option(help="Pause this workflow alone.")] = None,
    end_it: Annotated[bool, typer.Option("--end", help="End a pause at once.")] = False,
    list_them: Annotated[bool, typer.Option("--list", help="List the pauses, those of the policy too.")] = False,
    by: By = None,
    dry_run: DryRun = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --list: as JSON.")] = False,
) -> None:
    """Keep runs from being opened and dispatched for a while; completions are recorded, nobody is told what is due.

    Example: orch pause --until 2026-05-20 --reason "between two rounds"
    Example: orch pause --end --reason "the second round begins"
    """
    ctx = runtime.context()
    _refuse_contradictions(
        pause_id=pause_id, until=until, end_it=end_it, list_them=list_them, dry_run=dry_run, as_json=as_json
    )
    scope = _scope_in(ctx.policy, mode, transition, workflow)
    if list_them:
        _list(ctx, scope, as_json=as_json)
        return
    why = Why(reason.strip(), who(by))
    if not why.reason and not end_it:
        raise fail(USAGE, "--reason is missing", "say why: it is kept, and told to people")
    ends_at = None if until is None else until_in(ctx.policy, until, ctx.ports.clock.now())
    rehearsed = rehearsal(ctx) if dry_run else None
    acting = ctx if rehearsed is None else rehearsed.ctx
    changed = _change(acting, pause_id, scope, ends_at, why, end_it=end_it)
    if rehearsed is not None:
        say_rehearsed(rehearsed)
    end(changed.answer, rehearsed=rehearsed is not None)


def _change(
    ctx: Context, pause_id: str | None, scope: Scope, ends_at: datetime | None, why: Why, *, end_it: bool
) -> Changed:
    return pausing.end(ctx, pause_id, scope, why) if end_it else pausing.begin(ctx, scope, ends_at, why)


def _refuse_contradictions(
    *, pause_id: str | None, until: str | None, end_it: bool, list_them: bool, dry_run: bool, as_json: bool
) -> None:
    """Refuse options that do not go together: what would be left out of the question, is not asked."""
    if end_it and list_them:
        raise fail(USAGE, "--end and --list contradict each other", "leave one of the two")
    if pause_id is not None and not end_it:
        raise fail(USAGE, f"{pause_id!r} names a pause, and only --end wants one", "add --end, or leave it out")
    if until is not None and (end_it or list_them):
        raise fail(USAGE, "--until belongs to a new pause", "a pause that stands is ended with --end, and begun anew")
    if as_json and not list_them:
        raise fail(USAGE, "--json belongs to --list", "add --list")
    if dry_run and list_them:
        raise fail(USAGE, "--dry-run changes nothing of --list", "leave it out")


def _scope_in(policy: Policy, mode: str | None, transition: str | None, workflow: str | None) -> Scope:
    if workflow is not None:
        if mode is not None or transition is not None:
            raise fail(USAGE, "--workflow stands alone: a workflow has no mode and no transition", "leave them out")
        return Scope(workflow=workflow_in(loaded()[1], workflow))
    if mode is not None and mode not in policy.modes:
        raise fail(USAGE, f"unknown mode {mode!r}", f"one of {', '.join(policy.modes)}")
    if transition is not None:
        transition_in(policy, transition, mode)
    return Scope(mode, transition)


def until_in(policy: Policy, text: str, now: datetime) -> datetime:
    """Read when a pause is over: a date means its first instant, local, a time without a date the next one; exit 2 for
    what is no time or is over already."""
    at: datetime | None = None
    with suppress(ValueError):
        at = _moment(policy, text.strip(), now)
    if at is None or at.year not in YEARS:
        raise fail(USAGE, f"--until {text!r} is not a time", SPELLINGS)
    if at <= now:
        raise fail(
            USAGE, f"--until {day_time(policy, at)} is over", f"it is {day_time(policy, now)}: name a later time"
        )
    return at


def _moment(policy: Policy, text: str, now: datetime) -> datetime:
    if len(text) == len("2026-05-20"):
        return instant(date.fromisoformat(text), time(0), policy.zone)
    if len(text) == len("06:00"):
        today = policy.local(now).date()
        at = instant(today, time.fromisoformat(text), policy.zone)
        return at if at > now else instant(today + timedelta(days=1), time.fromisoformat(text), policy.zone)
    written = datetime.fromisoformat(text)
    return written if written.tzinfo is not None else instant(written.date(), written.time(), policy.zone)


def _list(ctx: Context, scope: Scope, *, as_json: bool) -> None:
    now = ctx.ports.clock.now()
    listed = [item for item in pausing.listed(ctx) if scope.reaches(item)]
    if as_json:
        print_json([_document(ctx.policy, item, now) for item in listed])
        return
    for item in listed:
        typer.echo(f"{item.id}  {item.word(now)}  {item.scope}  {paused_text(ctx.policy, item)}")
    in_force = sum(item.in_force(now) for item in listed)
    typer.echo(f"{in_force} in force, {len(listed)} listed" if listed else "no pauses", err=True)


def _document(policy: Policy, item: Pause, now: datetime) -> dict[str, Any]:
    return {
        "id": item.id,
        "state": item.word(now),
        "scope": item.scope,
        "mode": item.mode,
        "transition": item.transition,
        "workflow": item.workflow,
        "begins_at": item.begins_at.isoformat(),
        "ends_at": None if item.ends_at is None else item.ends_at.isoformat(),
        "by": item.by,
        "planned": item.planned,
        "reason": item.reason,
        "ended_at": None if item.ended_at is None else item.ended_at.isoformat(),
        "ended_by": item.ended_by,
        "ended_for": item.ended_for,
    }
