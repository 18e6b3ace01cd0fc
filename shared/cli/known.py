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
    found = counted(ctx, day)
    if as_json:
        print_json([_shown(one) for one in found])
        return
    for one in found:
        last = f"{ctx.policy.local(one.last_at):%H:%M}"
        typer.echo(f"{one.phase:<10} {one.why.value:<13} {one.count:>6}  last {last}  {one.name}")
    typer.echo(
        f"{amount(sum(one.count for one in found), 'message')} of {amount(len(found), 'name')} on {day}", err=True
    )


def _shown(one: Count) -> dict[str, object]:
    return {
        "phase": one.phase,
        "name": one.name,
        "why": one.why.value,
        "count": one.count,
        "first_at": one.first_at.isoformat(),
        "last_at": one.last_at.isoformat(),
    }
