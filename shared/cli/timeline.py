"""`orch timeline`: one run as bars in a terminal, and `orch events`: everything that happened to it, in order."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from shared import runtime
from shared.app.reporting.decisions import decisions
from shared.app.reporting.run_events import RunEvent, run_events
from shared.app.reporting.timeline import timeline as timeline_of
from shared.app.state.repository import load_run
from shared.cli.run_arguments import key_of, no_such_run
from shared.cli.shell import Json, echo_wrapped, print_json
from shared.core.policy.policy import Policy
from shared.core.reporting.timeline_bars import bars

RunId = Annotated[str, typer.Argument(metavar="RUN", help="The id of a run: nba/2026-01-21/overnight.")]
NARROWEST, WIDE = 60, 120


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(timeline)
    app.command()(events)


def timeline(
    run: RunId,
    width: Annotated[
        int | None, typer.Option(min=NARROWEST, help="So many columns; without it as wide as the terminal.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw a run as bars: when each processor was at work and reported, what the clock said, what was triggered.

    Example: orch timeline nba/2026-01-21/overnight --width 100
    """
    ctx = runtime.context()
    key = key_of(ctx, run)
    loaded = load_run(ctx.ports.store, key)
    if loaded.run is None:
        raise no_such_run(key)
    shown = timeline_of(ctx, key, loaded, decisions(ctx, key, loaded))
    if as_json:
        print_json({"run": key.id, **asdict(shown)})
        return
    typer.echo(key.id)
    for line in bars(shown, ctx.policy.zone, ctx.ports.clock.now(), width or _terminal_width()):
        typer.echo(line)


def events(run: RunId, as_json: Json = False) -> None:
    """List everything that happened to a run, oldest first: each delivery as it came, what is in quarantine of its
    date, decisions, dispatches, alerts, and what operators did, with who and why.

    Example: orch events nba/2026-01-21/overnight
    """
    ctx = runtime.context()
    key = key_of(ctx, run)
    listed = run_events(ctx, key)
    if listed is None:
        raise no_such_run(key)
    if as_json:
        print_json({"run": key.id, "events": [{**asdict(event), "at": event.at.isoformat()} for event in listed]})
        return
    for event in listed:
        echo_wrapped(_line(ctx.policy, event))


def _terminal_width() -> int:
    return max(NARROWEST, shutil.get_terminal_size((WIDE, 24)).columns) if sys.stdout.isatty() else WIDE


def _line(policy: Policy, event: RunEvent) -> str:
    """Return `2026-01-22 06:02:11 EST  delivery     phase3  player_game_summary success, 203 records  [m-3]`."""
    ids = f"  [{', '.join(event.message_ids)}]" if event.message_ids else ""
    times = f", {event.count} times" if event.count > 1 else ""
    person = f" by {event.by}" if event.by else ""
    reason = f": {event.reason}" if event.reason else ""
    where = f"{event.where}  " if event.where else ""
    return f"{_clock(policy, event.at)}  {event.kind.value:<11}  {where}{event.text}{times}{person}{reason}{ids}"


def _clock(policy: Policy, at: datetime) -> str:
    local = policy.local(at)
    return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}"
