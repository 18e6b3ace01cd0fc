"""`orch batch`: the batches there are, one of them by name, and what a person can do about it."""

from __future__ import annotations

from typing import Annotated

import typer

from shared import runtime
from shared.app.batches import operate, queries
from shared.app.batches.silent import all_missing
from shared.app.batches.store import all_batches
from shared.app.context import Context
from shared.app.operator.rehearsal import rehearsal
from shared.app.outcome import Why
from shared.cli.operator import By, DryRun, LaneOption, Mode, Reason, Verb, end, say_rehearsed, who
from shared.cli.shell import NOT_FOUND, USAGE, fail, key_in, print_json
from shared.core import commands
from shared.core.batches.batch import Batch
from shared.core.model import RunKey
from shared.core.policy.config_error import suggest

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Reasoned = Annotated[str, typer.Option(help="Why you look; it is not needed, and not kept.")]

batch_app = typer.Typer(help="Phases whose members are known only when they start.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    batch_app.command("list")(list_batches)
    batch_app.command("show")(show)
    batch_app.command("close")(close)
    batch_app.command("retry")(retry)
    app.add_typer(batch_app, name="batch")


def list_batches(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are published.")] = False,
    as_json: AsJson = False,
    reason: Reasoned = "",
) -> None:
    """List the batches that are not published, the newest first."""
    ctx = runtime.context()
    listed = [batch for batch in all_batches(ctx) if everything or batch.active]
    views = [queries.view(ctx, batch) for batch in listed]
    if as_json:
        print_json([queries.document(ctx, view) for view in views])
        return
    for view in views:
        share = (
            ""
            if view.percent is None
            else f"  {queries.bar(view.percent)} {view.percent:g} percent, {view.silent} silent"
        )
        typer.echo(f"{view.batch.id}  {view.batch.name}  {view.batch.state.value}{share}")
    typer.echo(f"{len(views)} batches" if len(views) != 1 else "1 batch", err=True)


def show(
    name: str,
    date: str,
    mode: Mode = None,
    lane: LaneOption = "live",
    missing: Annotated[bool, typer.Option("--missing", help="Only every missing member, one a line.")] = False,
    as_json: AsJson = False,
    reason: Reasoned = "",
) -> None:
    """Show the newest batch of a date: its numbers, the first of the missing, who was skipped or failed and why.

    Example: orch batch show predictions 2026-01-21 --mode overnight
    """
    ctx = runtime.context()
    key = _key(ctx, name, date, mode, lane)
    batch = queries.newest(ctx, name, key)
    if batch is None:
        hint = f"see which there are: {commands.line('batch', 'list', '--all')}"
        raise fail(NOT_FOUND, f"{key.id}: there is no batch {name}", hint)
    if missing:
        _list_missing(ctx, batch, as_json=as_json)
        return
    view = queries.view(ctx, batch)
    if as_json:
        print_json(queries.document(ctx, view))
        return
    for line in queries.lines(ctx, view):
        typer.echo(line)


def _list_missing(ctx: Context, batch: Batch, *, as_json: bool) -> None:
    missing = list(all_missing(ctx, batch))
    if as_json:
        print_json(missing)
        return
    for member in missing:
        typer.echo(member)
    typer.echo(f"{len(missing)} of {batch.members if batch.members is not None else 'unknown'} missing", err=True)


def close(
    name: str,
    date: str,
    reason: Reason,
    mode: Mode = None,
    lane: LaneOption = "live",
    by: By = None,
    dry_run: DryRun = False,
) -> None:
    """Close a batch with what is there; one that is published stays as it is.

    Example: orch batch close predictions 2026-01-21 --mode overnight --reason "two have no features today"
    """
    _act(operate.close, name, date, mode, lane, reason, by, dry_run=dry_run)


def retry(
    name: str,
    date: str,
    reason: Reason,
    mode: Mode = None,
    lane: LaneOption = "live",
    by: By = None,
    dry_run: DryRun = False,
) -> None:
    """Ask silent and failed members again, or repeat a close step that was refused.

    Example: orch batch retry predictions 2026-01-21 --mode overnight --reason "workers were restarted"
    """
    _act(operate.retry, name, date, mode, lane, reason, by, dry_run=dry_run)


def _act(
    verb: Verb, name: str, date: str, mode: str | None, lane: str, reason: str, by: str | None, *, dry_run: bool
) -> None:
    ctx = runtime.context()
    key = _key(ctx, name, date, mode, lane)
    if not reason.strip():
        raise fail(USAGE, "--reason is empty", "say why: it is kept with what you do")
    why = Why(reason.strip(), who(by))
    if not dry_run:
        end(verb(ctx, key, name, why))
        return
    rehearsed = rehearsal(ctx)
    answer = verb(rehearsed.ctx, key, name, why)
    say_rehearsed(rehearsed)
    end(answer, rehearsed=True)


def _key(ctx: Context, name: str, date: str, mode: str | None, lane: str) -> RunKey:
    if name not in ctx.policy.batches:
        hint = suggest(name, ctx.policy.batches) if ctx.policy.batches else "the policy declares none, under batches"
        raise fail(USAGE, f"there is no batch {name!r}", hint)
    return key_in(ctx, date, mode, lane)
