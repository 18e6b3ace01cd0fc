"""The verbs that change something, each with a reason that is kept (behaviour D9)."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from shared import runtime
from shared.app.context import Context
from shared.app.operator import acts
from shared.app.operator.rehearsal import Rehearsal, rehearsal
from shared.app.outcome import CommandResult, Outcome, Why
from shared.app.quarantine.rows import Quarantined, listed
from shared.cli import completion
from shared.cli.shell import (
    NOT_FOUND,
    REFUSED,
    UNAVAILABLE,
    USAGE,
    fail,
    key_in,
    phase_in,
    print_json,
    processor_in,
    transition_in,
)
from shared.core import commands
from shared.core.model import RunKey
from shared.entrypoints.workflows import with_workflows

TransitionName = Annotated[str, typer.Argument(autocompletion=completion.transitions)]
Mode = Annotated[str | None, typer.Option(help="Which pass over the date.", autocompletion=completion.modes)]
LaneOption = Annotated[str, typer.Option(help="live or backfill.")]
Reason = Annotated[str, typer.Option(help="Why; it is recorded.")]
By = Annotated[
    str | None,
    typer.Option(
        envvar=["ORCH_BY", "CLOUDSDK_CORE_ACCOUNT"], help="Who; it is recorded. Without it the system's user."
    ),
]
NewRun = Annotated[bool, typer.Option("--new-run", help="Open a run of another date than today's without asking.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be sent and changed, and do nothing.")]
Verb = Callable[[Context, RunKey, str, Why], CommandResult]
EXITS = {Outcome.DONE: 0, Outcome.REFUSED: REFUSED, Outcome.NOT_FOUND: NOT_FOUND, Outcome.UNAVAILABLE: UNAVAILABLE}

quarantine_app = typer.Typer(help="Messages that could not be understood, and the way back.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(trigger)
    app.command()(hold)
    app.command()(release)
    app.command()(rerun)
    quarantine_app.command("list")(list_quarantine)
    quarantine_app.command("show")(show_quarantined)
    quarantine_app.command("replay")(replay)
    app.add_typer(quarantine_app, name="quarantine")


def trigger(
    transition: TransitionName,
    date: str,
    reason: Reason,
    mode: Mode = None,
    lane: LaneOption = "live",
    by: By = None,
    new_run: NewRun = False,
    dry_run: DryRun = False,
) -> None:
    """Dispatch the next generation of a transition, whatever its policy says.

    Example: orch trigger phase4_to_phase5 2026-01-21 --mode overnight --reason "data is good"
    """
    ctx, key, why = _request_of(date, mode, lane, reason, by)
    name = transition_in(ctx.policy, transition, key.mode)
    _act(ctx, acts.trigger, key, name, why, new_run=new_run, dry_run=dry_run)


def hold(
    transition: TransitionName,
    date: str,
    reason: Reason,
    mode: Mode = None,
    lane: LaneOption = "live",
    by: By = None,
    new_run: NewRun = False,
    dry_run: DryRun = False,
) -> None:
    """Keep a transition from being dispatched.

    Example: orch hold phase5_to_phase6 2026-01-21 --mode same_day --reason "lines are wrong"
    """
    ctx, key, why = _request_of(date, mode, lane, reason, by)
    name = transition_in(ctx.policy, transition, key.mode)
    _act(ctx, acts.hold, key, name, why, new_run=new_run, dry_run=dry_run)


def release(
    transition: TransitionName,
    date: str,
    reason: Reason,
    mode: Mode = None,
    lane: LaneOption = "live",
    by: By = None,
    dry_run: DryRun = False,
) -> None:
    """Give a held transition back to its policy.

    Example: orch release phase5_to_phase6 2026-01-21 --mode same_day --reason "lines are right"
    """
    ctx, key, why = _request_of(date, mode, lane, reason, by)
    name = transition_in(ctx.policy, transition, key.mode)
    _act(ctx, acts.release, key, name, why, new_run=True, dry_run=dry_run)


def rerun(
    phase: Annotated[str, typer.Argument(autocompletion=completion.phases)],
    date: str,
    reason: Reason,
    processor: Annotated[
        list[str] | None, typer.Option(help="Only this processor, by any of its names; may be given again.")
    ] = None,
    mode: Mode = None,
    lane: LaneOption = "live",
    by: By = None,
    new_run: NewRun = False,
    dry_run: DryRun = False,
) -> None:
    """Ask a phase to run again.

    Example: orch rerun phase3 2026-01-21 --mode overnight --reason "source corrected"
    """
    ctx, key, why = _request_of(date, mode, lane, reason, by)
    name = phase_in(ctx.policy, phase)
    only = tuple(dict.fromkeys(processor_in(ctx, name, given) for given in processor or ()))
    _act(ctx, partial(acts.rerun, only=only), key, name, why, new_run=new_run, dry_run=dry_run)


def list_quarantine(
    everything: Annotated[bool, typer.Option("--all", help="Also what was replayed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List the messages that could not be understood, each distinct body once, oldest first."""
    messages = listed(runtime.context(), None if everything else "kept")
    if as_json:
        print_json([_shown(kept) for kept in messages])
        return
    for kept in messages:
        times = f" ({kept.count} times)" if kept.count > 1 else ""
        typer.echo(f"{kept.message_id}  {kept.received_at:%Y-%m-%d %H:%M:%S}Z  {kept.phase}  {kept.reason}{times}")
    typer.echo(f"{len(messages)} in quarantine", err=True)


def show_quarantined(message_id: str) -> None:
    """Show one message with its raw bytes."""
    kept = acts.find_quarantined(runtime.context(), message_id)
    if kept is None:
        raise fail(NOT_FOUND, f"no message {message_id!r} in quarantine", commands.line("quarantine", "list", "--all"))
    print_json(_shown(kept))


def replay(
    message_id: Annotated[str | None, typer.Argument(help="The message.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every message in quarantine.")] = False,
    reason: Reason = "",
    by: By = None,
    dry_run: DryRun = False,
) -> None:
    """Bring messages back after the policy or the sender was corrected.

    Example: orch quarantine replay --all --reason "the policy knows the alias now"
    """
    real = with_workflows(runtime.context())
    rehearsed = rehearsal(real) if dry_run else None
    ctx = real if rehearsed is None else rehearsed.ctx
    if (message_id is None) == (not everything):
        raise fail(USAGE, "name one message or --all", commands.quarantine("list"))
    why = Why(reason.strip(), who(by))
    messages = listed(ctx) if everything else [acts.find_quarantined(ctx, message_id or "")]
    status = 0
    for kept in messages:
        if kept is None:
            raise fail(
                NOT_FOUND, f"no message {message_id!r} in quarantine", commands.line("quarantine", "list", "--all")
            )
        answer = acts.replay(ctx, kept, why)
        typer.echo(answer_text(answer, rehearsed=rehearsed is not None))
        status = max(status, EXITS[answer.outcome])
    if rehearsed is not None:
        say_rehearsed(rehearsed)
    raise typer.Exit(status)


def _shown(kept: Quarantined) -> dict[str, object]:
    return {
        "message_id": kept.message_id,
        "phase": kept.phase,
        "processor": kept.processor,
        "kind": kept.kind,
        "reason": kept.reason,
        "status": kept.status,
        "count": kept.count,
        "replayed_at": None if kept.replayed_at is None else kept.replayed_at.isoformat(),
        "replayed_by": kept.replayed_by,
        "replayed_for": kept.replayed_for,
        "published_at": kept.published_at.isoformat(),
        "received_at": kept.received_at.isoformat(),
        "raw": kept.raw.decode(errors="replace"),
    }


def _request_of(date: str, mode: str | None, lane: str, reason: str, by: str | None) -> tuple[Context, RunKey, Why]:
    """Read what every verb wants; exit 2 if it is not there."""
    ctx = runtime.context()
    key = key_in(ctx, date, mode, lane)
    if not reason.strip():
        raise fail(USAGE, "--reason is empty", "say why: it is kept with what you do")
    return ctx, key, Why(reason.strip(), who(by))


def _want_run(ctx: Context, key: RunKey, *, anyway: bool) -> None:
    """Ask before a run is opened that nobody expects, where a person can answer; else exit 4 and want it said."""
    if anyway or acts.is_expected(ctx, key):
        return
    what = f"there is no run {key.id} ({key.day:%A}), and none is expected today"
    if sys.stdin.isatty() and typer.confirm(f"orch: {what}. Open it?", err=True):
        return
    hint = f"nothing was done; if the date is meant, add --new-run; the runs there are: {commands.status()}"
    raise fail(REFUSED, what, hint)


def who(by: str | None) -> str:
    """Return who was named, else who the system says is here; nobody where it does not know."""
    if by is not None and by.strip():
        return by.strip()
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


def _act(ctx: Context, verb: Verb, key: RunKey, name: str, why: Why, *, new_run: bool, dry_run: bool) -> None:
    """Do it, or find out what doing it would send and change, and end as it would."""
    _want_run(ctx, key, anyway=new_run or dry_run)
    if not dry_run:
        end(verb(ctx, key, name, why))
        return
    rehearsed = rehearsal(ctx)
    answer = verb(rehearsed.ctx, key, name, why)
    say_rehearsed(rehearsed)
    end(answer, rehearsed=True)


def say_rehearsed(rehearsed: Rehearsal) -> None:
    for line in rehearsed.lines():
        typer.echo(line)
    typer.echo("orch: a dry run: nothing was sent, and nothing changed", err=True)


def answer_text(answer: CommandResult, *, rehearsed: bool) -> str:
    """Return what an act says of itself; after a dry run nobody takes it for what was done."""
    return f"it would say: {answer.text}" if rehearsed else answer.text


def end(answer: CommandResult, *, rehearsed: bool = False) -> None:
    typer.echo(answer_text(answer, rehearsed=rehearsed), err=answer.outcome is not Outcome.DONE)
    raise typer.Exit(EXITS[answer.outcome])
