"""`orch slo`: how the service level objectives stand."""

from __future__ import annotations

import typer

from shared import runtime
from shared.app.objectives.statuses import objective_statuses
from shared.cli.shell import Json, print_json
from shared.core.reporting.objectives import objective_data, objective_text
from shared.core.texts import duration

WRONG = 1


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(slo)


def slo(as_json: Json = False) -> None:
    """Tell how the service level objectives stand: events, what was good, what is left of the error budget.

    Ends with 1 where one is missed, or its budget burns too fast. What counts is in shared/core/RULES.md, section 14;
    goals and windows are the policy's (`slos`).

    Example: orch slo
    """
    ctx = runtime.context()
    statuses = objective_statuses(ctx)
    if as_json:
        print_json([objective_data(status) for status in statuses])
    else:
        window, now = duration(ctx.policy.objectives.window), ctx.policy.local(ctx.ports.clock.now())
        typer.echo(f"{ctx.policy.pipeline}: objectives over {window}, as of {now:%Y-%m-%d %H:%M %Z}")
        for status in statuses:
            typer.echo(f"  {objective_text(status)}")
            for failure in status.failures:
                typer.echo(f"    {failure}")
        if not statuses:
            typer.echo("  none: the policy takes each of them away")
    if any(status.verdict.is_wrong for status in statuses):
        raise typer.Exit(WRONG)
