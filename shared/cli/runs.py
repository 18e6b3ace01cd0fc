"""`orch runs list` and `show`: the runs of the last days by state, mode and date, and one of them whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from shared import runtime
from shared.app.context import Context
from shared.app.reporting.overview import NOTHING, overview
from shared.app.reporting.pages import DAYS
from shared.app.reporting.run_facts import run_facts
from shared.app.reporting.status_document import run_data
from shared.app.transitions.readings import read_units
from shared.cli.entry import table
from shared.cli.run_arguments import days_between, key_of, no_such_run
from shared.cli.shell import USAGE, Json, echo_wrapped, fail, print_json
from shared.cli.status_text import run_lines
from shared.cli.timeline import RunId
from shared.core import commands
from shared.core.reporting.page import Cell, Row, Tone
from shared.core.texts import amount, clock_time, names

runs_app = typer.Typer(help="The runs of the last days.", no_args_is_help=True)
WRONG = frozenset({Tone.BAD, Tone.NOTICE})
LIMIT = 50
Mode = Annotated[str | None, typer.Option("--mode", help="Only this pass over the date.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    runs_app.command("list")(list_runs)
    runs_app.command("show")(show)
    app.add_typer(runs_app, name="runs")


def list_runs(
    mode: Mode = None,
    since: Annotated[str | None, typer.Option(help=f"The first date; without it the last {DAYS} days.")] = None,
    until: Annotated[str | None, typer.Option(help="The last date.")] = None,
    state: Annotated[
        str | None, typer.Option(help="Only runs with a transition in this state, as the list prints it.")
    ] = None,
    problems: Annotated[bool, typer.Option("--problems", help="Only runs with something wrong, or late.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="So many at most, the newest.")] = LIMIT,
    as_json: Json = False,
) -> None:
    """List runs, the newest date first, each with its transitions by state; from the state's documents alone.

    Example: orch runs list --since 2026-01-14 --mode overnight --problems
    """
    ctx = runtime.context()
    if mode is not None and mode not in ctx.policy.modes:
        raise fail(USAGE, f"unknown mode {mode!r}", f"one of {', '.join(ctx.policy.modes)}")
    days = days_between(ctx, since, until, DAYS)
    every = overview(ctx, days, read_units(ctx, days)).rows
    rows = [row for row in every if row.cells and mode in (None, row.key.mode)]
    words = dict.fromkeys(cell.word for row in rows for cell in row.cells)
    if state is not None:
        word = state.replace("_", " ")
        rows = [row for row in rows if any(cell.word == word for cell in row.cells)]
    if problems:
        rows = [row for row in rows if _wrong(row)]
    if as_json:
        print_json({"runs": [_data(row) for row in rows[:limit]], "left_out": max(0, len(rows) - limit)})
        return
    if rows:
        headings = ("run", "open", "units", "transitions", "what is wrong")
        for line in table(headings, _cells(ctx, rows[:limit])).splitlines():
            echo_wrapped(line)
    more = f"; {len(rows) - limit} more: --limit" if len(rows) > limit else ""
    none = f"; states there are: {names(words)}" if state is not None and not rows else ""
    typer.echo(f"{amount(len(rows[:limit]), 'run')} from {days[-1]} to {days[0]}{more}{none}", err=True)


def show(run: RunId, as_json: Json = False) -> None:
    """Show one run: how each transition is, what is wrong, by which policy and code it was decided.

    Example: orch runs show nba/2026-01-21/overnight
    """
    ctx = runtime.context()
    key, now = key_of(ctx, run), ctx.ports.clock.now()
    facts = run_facts(ctx, [key]).get(key)
    if facts is None:
        raise no_such_run(key)
    if as_json:
        print_json({**run_data(ctx.policy, facts.status, now), "policy": facts.policy, "code": list(facts.code)})
        return
    for line in run_lines(ctx.policy, facts.status, now):
        echo_wrapped(line)
    current = " (in force)" if facts.policy == ctx.policy.version else ""
    typer.echo(f"  policy {facts.policy or 'not known'}{current}, code {names(facts.code, 'not known')}")
    for line in (commands.line("timeline", key.id), commands.line("events", key.id)):
        typer.echo(f"  {line}")


def _wrong(row: Row) -> list[Cell]:
    return [cell for cell in row.cells if cell.tone in WRONG]


def _cells(ctx: Context, rows: Sequence[Row]) -> list[tuple[str, ...]]:
    now = ctx.ports.clock.now()
    lines: list[tuple[str, ...]] = []
    for row in rows:
        states = names(dict.fromkeys(cell.word for cell in row.cells if cell.word != NOTHING), "nothing expected")
        wrong = "; ".join(
            f"{cell.transition} {cell.word}"
            + (f" {clock_time(ctx.policy, cell.at, now)}" if cell.at is not None else "")
            + (f" ({'; '.join(cell.notes)})" if cell.notes else "")
            for cell in _wrong(row)
        )
        units = "" if row.units is None else str(row.units)
        lines.append((row.key.id, "no" if row.closed else "yes", units, states, wrong))
    return lines


def _data(row: Row) -> dict[str, Any]:
    return {
        "run": row.key.id,
        "date": row.key.day.isoformat(),
        "mode": row.key.mode,
        "lane": row.key.lane.value,
        "closed": row.closed,
        "units": row.units,
        "transitions": [
            {
                "transition": cell.transition,
                "state": cell.word,
                "tone": cell.tone.value,
                "at": None if cell.at is None else cell.at.isoformat(),
                "notes": list(cell.notes),
            }
            for cell in row.cells
        ],
    }
