"""`orch known`: who speaks on the topics without being waited for (behaviour R8, R9)."""

from __future__ import annotations

from typing import Annotated

import typer

from shared import runtime
from shared.app.quarantine.message_counts import Count, counted
from shared.cli.shell import day_in, print_json, today
from shared.core.texts import amount


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(known)


def known(
    date: Annotated[str | None, typer.Argument(help="A local day of publication; without it today.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Count the messages of a day that bear on no run: known names, no date, ignored.

    Example: orch known 2026-03-11
    """
    ctx = runtime.context()
    day = today(ctx) if date is None else day_in(date)
    counts = counted(ctx, day)
    if as_json:
        print_json([_shown(count) for count in counts])
        return
    for count in counts:
        last = f"{ctx.policy.local(count.last_at):%H:%M}"
        typer.echo(f"{count.phase:<10} {count.why.value:<13} {count.count:>6}  last {last}  {count.name}")
    typer.echo(
        f"{amount(sum(count.count for count in counts), 'message')} of {amount(len(counts), 'name')} on {day}", err=True
    )


def _shown(count: Count) -> dict[str, object]:
    return {
        "phase": count.phase,
        "name": count.name,
        "why": count.why.value,
        "count": count.count,
        "first_at": count.first_at.isoformat(),
        "last_at": count.last_at.isoformat(),
    }
