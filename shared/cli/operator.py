"""The verbs that change something, each with a reason that is kept (behaviour D9)."""

from __future__ import annotations

from typing import Annotated

import typer

from shared import runtime
from shared.app import operate
from shared.app.operate import Answer, Outcome
from shared.app.quarantine import Quarantined, listed
from shared.cli.shell import (
    NOT_FOUND,
    REFUSED,
    UNAVAILABLE,
    USAGE,
    fail,
    key_in,
    phase_in,
    print_json,
    transition_in,
)
from shared.core import commands

Mode = Annotated[str | None, typer.Option(help="Which pass over the date.")]
LaneOption = Annotated[str, typer.Option(help="live or backfill.")]
Reason = Annotated[str, typer.Option(help="Why; it is recorded.")]
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


def trigger(transition: str, date: str, reason: Reason, mode: Mode = None, lane: LaneOption = "live") -> None:
    """Dispatch the next generation of a transition, whatever its policy says.

    Example: orch trigger phase4_to_phase5 2026-01-21 --mode overnight --reason "data is good"
    """
    ctx = runtime.context()
    key = key_in(ctx, date, mode, lane)
    _end(operate.trigger(ctx, key, transition_in(ctx.policy, transition, key.mode), _given(reason)))


def hold(transition: str, date: str, reason: Reason, mode: Mode = None, lane: LaneOption = "live") -> None:
    """Keep a transition from being dispatched.

    Example: orch hold phase5_to_phase6 2026-01-21 --mode same_day --reason "lines are wrong"
    """
    ctx = runtime.context()
    key = key_in(ctx, date, mode, lane)
    _end(operate.hold(ctx, key, transition_in(ctx.policy, transition, key.mode), _given(reason)))


def release(transition: str, date: str, reason: Reason, mode: Mode = None, lane: LaneOption = "live") -> None:
    """Give a held transition back to its policy.

    Example: orch release phase5_to_phase6 2026-01-21 --mode same_day --reason "lines are right"
    """
    ctx = runtime.context()
    key = key_in(ctx, date, mode, lane)
    _end(operate.release(ctx, key, transition_in(ctx.policy, transition, key.mode), _given(reason)))


def rerun(phase: str, date: str, reason: Reason, mode: Mode = None, lane: LaneOption = "live") -> None:
    """Ask a phase to run again.

    Example: orch rerun phase3 2026-01-21 --mode overnight --reason "source corrected"
    """
    ctx = runtime.context()
    _end(operate.rerun(ctx, key_in(ctx, date, mode, lane), phase_in(ctx.policy, phase), _given(reason)))


def list_quarantine(
    everything: Annotated[bool, typer.Option("--all", help="Also what was replayed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List the messages that could not be understood, oldest first."""
    found = listed(runtime.context(), None if everything else "kept")
    if as_json:
        print_json([_shown(kept) for kept in found])
        return
    for kept in found:
        typer.echo(f"{kept.message_id}  {kept.received_at:%Y-%m-%d %H:%M:%S}Z  {kept.phase}  {kept.reason}")
    typer.echo(f"{len(found)} in quarantine", err=True)


def show_quarantined(message_id: str) -> None:
    """Show one message with its raw bytes."""
    kept = operate.find_quarantined(runtime.context(), message_id)
    if kept is None:
        raise fail(NOT_FOUND, f"no message {message_id!r} in quarantine", commands.line("quarantine", "list", "--all"))
    print_json(_shown(kept))


def replay(
    message_id: Annotated[str | None, typer.Argument(help="The message.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every message in quarantine.")] = False,
) -> None:
    """Bring messages back after the policy or the sender was corrected."""
    ctx = runtime.context()
    if (message_id is None) == (not everything):
        raise fail(USAGE, "name one message or --all", commands.quarantine("list"))
    found = listed(ctx) if everything else [operate.find_quarantined(ctx, message_id or "")]
    status = 0
    for kept in found:
        if kept is None:
            raise fail(
                NOT_FOUND, f"no message {message_id!r} in quarantine", commands.line("quarantine", "list", "--all")
            )
        answer = operate.replay(ctx, kept)
        typer.echo(answer.text)
        status = max(status, EXITS[answer.outcome])
    raise typer.Exit(status)


def _shown(kept: Quarantined) -> dict[str, object]:
    return {
        "message_id": kept.message_id,
        "phase": kept.phase,
        "processor": kept.processor,
        "kind": kept.kind,
        "reason": kept.reason,
        "status": kept.status,
        "published_at": kept.published_at.isoformat(),
        "received_at": kept.received_at.isoformat(),
        "raw": kept.raw.decode(errors="replace"),
    }


def _given(reason: str) -> str:
    if not reason.strip():
        raise fail(USAGE, "--reason is empty", "say why: it is kept with what you do")
    return reason.strip()


def _end(answer: Answer) -> None:
    typer.echo(answer.text, err=answer.outcome is not Outcome.DONE)
    raise typer.Exit(EXITS[answer.outcome])
