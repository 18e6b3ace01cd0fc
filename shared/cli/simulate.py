"""`orch simulate`: scenario files are played through the real handlers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shared import runtime
from shared.cli.shell import USAGE, Json, fail, print_json
from shared.core import commands


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(simulate)


def simulate(
    files: Annotated[list[Path], typer.Argument(help="Scenario files.")],
    timeline: Annotated[bool, typer.Option(help="What happened, minute by minute.")] = False,
    keep: Annotated[Path | None, typer.Option(help="Leave the day in this folder, for orch --home FOLDER.")] = None,
    as_json: Json = False,
) -> None:
    """Play scenarios through the real handlers under a virtual clock.

    Example: orch simulate tests/scenarios/incidents/B1_same_day_one_processor.yaml --timeline
    Example: orch simulate tests/scenarios/own/whole_ordinary_night.yaml --keep /tmp/night
    """
    from shared.simulation.command import simulate as play
    from shared.simulation.kept import KeepError

    if keep is not None and len(files) > 1:
        raise fail(USAGE, "--keep leaves one day, and several files are named", "name one file")
    try:
        ended = play(files, timeline=timeline, as_json=as_json, keep=keep, write_json=print_json)
    except KeepError as refused:
        raise fail(USAGE, str(refused), refused.hint) from None
    if keep is not None and runtime.is_home(keep):
        typer.echo(f"orch: the day is kept: {commands.at_home(str(keep.resolve()), commands.status())}", err=True)
    raise typer.Exit(ended)
