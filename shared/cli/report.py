"""`orch report`: the runs of a date as timelines, as text or as a page in a file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from shared import runtime
from shared.app.reporting.pages import of_date
from shared.app.reporting.timeline_text import as_text
from shared.cli.shell import NOT_FOUND, USAGE, Json, date_in, fail, print_json
from shared.core import commands
from shared.entrypoints.health import render


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(report)


def report(
    date: str,
    html: Annotated[Path | None, typer.Option(help="Write the timelines as a page to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Tell the runs of a date as timelines: who reported when, what the clock said, what was triggered.

    Example: orch report 2026-01-21 --html report.html
    """
    ctx = runtime.context()
    page = of_date(ctx, date_in(ctx, date))
    if not page.runs:
        raise fail(NOT_FOUND, f"no run of {date}", f"the runs there are: {commands.status()}")
    for what in page.unread:
        typer.echo(f"orch: could not read {what}", err=True)
    if html is not None:
        _write(html, render(page))
        typer.echo(f"orch: wrote {html}", err=True)
    if as_json:
        print_json([{"run": run.timeline.key.id, **asdict(run.timeline)} for run in page.runs])
    elif html is None:
        typer.echo("\n\n".join(as_text(ctx.policy, run.timeline, page.now) for run in page.runs))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise fail(
            USAGE, f"cannot write {path}: {error.strerror}", "name a file in a folder that you may write to"
        ) from None
