"""`orch workflows`, `orch breaker`, `orch lock`: phase 1 as operators see it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from shared import runtime
from shared.app.context import Context
from shared.app.operator.rehearsal import Rehearsal, rehearsal
from shared.app.workflows import explanations, guards
from shared.app.workflows.manual import begin
from shared.cli.operator import DryRun, say_rehearsed
from shared.cli.shell import NOT_FOUND, REFUSED, USAGE, day_in, fail, print_json, today
from shared.core.policy.config_error import suggest
from shared.core.texts import amount
from shared.core.workflows.day_record import DayRecord
from shared.core.workflows.model import Workflows
from shared.entrypoints.workflows import with_workflows, workflows_path

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Date = Annotated[str | None, typer.Option(help="The working date; without it today's and yesterday's.")]
workflows_app = typer.Typer(name="workflows", help="Ask about and run the workflows of phase 1.", no_args_is_help=True)
breaker_app = typer.Typer(name="breaker", help="Look at and reset circuit breakers.", no_args_is_help=True)
lock_app = typer.Typer(name="lock", help="Look at and release locks.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(workflows_app)
    app.add_typer(breaker_app)
    app.add_typer(lock_app)


def loaded() -> tuple[Context, Workflows]:
    """Return the context with its workflows; exit 2 where the pipeline has none."""
    ctx = with_workflows(runtime.context())
    if ctx.workflows is None:
        raise fail(
            USAGE,
            f"there is no workflow file {workflows_path(ctx.policy)}",
            "write it, or name another in ORCH_WORKFLOWS",
        )
    return ctx, ctx.workflows


def workflow_in(workflows: Workflows, name: str) -> str:
    """Read the name of a workflow; exit 2 if there is none of that name."""
    if name not in workflows.workflows:
        raise fail(USAGE, f"unknown workflow {name!r}", suggest(name, workflows.workflows))
    return name


@workflows_app.command()
def status(date: Date = None, as_json: Json = False) -> None:
    """Show the runs of workflows and the windows that passed without one.

    Example: orch workflows status --date 2026-01-21
    """
    ctx, workflows = loaded()
    listed = [_run(ctx, book, name) for book in _books(ctx, date) for name in workflows.workflows]
    lines = [line for group in listed for line in group]
    if as_json:
        print_json(lines)
        return
    for line in lines:
        typer.echo(f"{line['date']}  {line['workflow']:<24} {line['status']:<10} {line['at']}  {line['text']}".rstrip())
    typer.echo(f"{amount(len(lines), 'line')}" if lines else "no run", err=True)


def _books(ctx: Context, date: str | None) -> list[DayRecord]:
    now = today(ctx)
    days = [now, now - timedelta(days=1)] if date is None else [day_in(date)]
    return explanations.books(ctx, days)


def _run(ctx: Context, book: DayRecord, name: str) -> list[dict[str, Any]]:
    lines = [
        {
            "date": book.day.isoformat(),
            "workflow": name,
            "window": run.window,
            "status": run.status.value,
            "at": _at(ctx, run.decided_at),
            "text": run.text,
        }
        for run in book.runs_of(name)
    ]
    judged = book.judged.get(name)
    if not lines and judged is not None and judged.verdict == "missed":
        missed = {"window": "", "status": "missed", "at": _at(ctx, judged.window_ended_at), "text": judged.waited_for}
        lines.append({"date": book.day.isoformat(), "workflow": name, **missed})
    return lines


def _at(ctx: Context, at: datetime) -> str:
    return f"{ctx.policy.local(at):%H:%M}"


@workflows_app.command()
def decisions(date: Date = None, as_json: Json = False) -> None:
    """Show the latest decision of each workflow, and since when it is so.

    Example: orch workflows decisions
    """
    ctx, _ = loaded()
    lines = [
        {
            "date": book.day.isoformat(),
            "workflow": name,
            "decision": decided.kind,
            "code": decided.code,
            "since": _at(ctx, decided.at),
            "reason": decided.reason,
        }
        for book in _books(ctx, date)
        for name, decided in book.decisions.items()
    ]
    if as_json:
        print_json(lines)
        return
    for line in lines:
        since = f"since {line['since']}"
        typer.echo(f"{line['date']}  {line['workflow']:<24} {line['decision']:<6} {since}  {line['reason']}")
    typer.echo(f"{amount(len(lines), 'decision')}", err=True)


@workflows_app.command()
def run(
    name: str,
    date: Annotated[str | None, typer.Option(help="The working date; without it today.")] = None,
    parameters: Annotated[str, typer.Option(help="A JSON mapping that every call carries.")] = "{}",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
) -> None:
    """Run a workflow now, whatever its window is: refused in a pause, or while a run of the date is under way.

    Example: orch workflows run post_game_window_3 --date 2026-01-21
    """
    ctx, workflows = loaded()
    try:
        given = json.loads(parameters)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise fail(
            USAGE, f"--parameters {parameters!r} is no JSON mapping", """such as '{"snapshot_type": "closing"}'"""
        )
    day = None if date is None else day_in(date)
    begun = begin(ctx, workflows, workflow_in(workflows, name), day, given, dry_run=dry_run)
    if not begun.run_id and not dry_run:
        raise fail(REFUSED, begun.text)
    typer.echo(begun.text)


@breaker_app.command("list")
def list_breakers(as_json: Json = False) -> None:
    """List the breakers that are not closed, or have counted failures.

    Example: orch breaker list
    """
    ctx = with_workflows(runtime.context())
    breakers = guards.breakers(ctx)
    if as_json:
        print_json(
            [{"name": breaker.name, "position": breaker.position, "failures": breaker.failures} for breaker in breakers]
        )
        return
    for breaker in breakers:
        typer.echo(f"{breaker.name:<40} {breaker.position:<10} {amount(breaker.failures, 'failure')}")
    typer.echo(f"{amount(len(breakers), 'breaker')}", err=True)


@breaker_app.command("reset")
def reset_breaker(name: str, dry_run: DryRun = False) -> None:
    """Close a breaker: that of a scraper by the scraper's name.

    Example: orch breaker reset nbac_gamebook_pdf
    """
    real = with_workflows(runtime.context())
    rehearsed = rehearsal(real) if dry_run else None
    if not guards.reset(real if rehearsed is None else rehearsed.ctx, name):
        raise fail(NOT_FOUND, f"there is no breaker {name!r}", "orch breaker list names them")
    _say_done(rehearsed, f"{name}: closed")


@lock_app.command("list")
def list_locks(as_json: Json = False) -> None:
    """List the locks that somebody holds.

    Example: orch lock list
    """
    ctx = runtime.context()
    locks = guards.locks(ctx)
    if as_json:
        print_json([{"name": name, **data} for name, data in locks.items()])
        return
    for name, data in locks.items():
        typer.echo(f"{name:<30} {', '.join(f'{key} {value}' for key, value in data.items())}")
    typer.echo(f"{amount(len(locks), 'lock')}", err=True)


@lock_app.command("release")
def release_lock(name: str, dry_run: DryRun = False) -> None:
    """Release a lock whose holder is gone.

    Example: orch lock release sweep
    """
    real = runtime.context()
    rehearsed = rehearsal(real) if dry_run else None
    if not guards.release(real if rehearsed is None else rehearsed.ctx, name):
        raise fail(NOT_FOUND, f"there is no lock {name!r}", "orch lock list names them")
    _say_done(rehearsed, f"{name}: released")


def _say_done(rehearsed: Rehearsal | None, text: str) -> None:
    if rehearsed is None:
        typer.echo(text)
    else:
        say_rehearsed(rehearsed)
