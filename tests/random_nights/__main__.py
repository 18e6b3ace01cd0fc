"""`bin/nights`: random nights of the 2024-25 season, with faults between any two effects."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from shared.cli import entry
from shared.cli.shell import UNAVAILABLE, USAGE, day_in
from shared.simulation.parallel import cores
from tests.random_nights.command import Drawn, simulate_random

NAME = "nights"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def play(
    seeds: Annotated[int | None, typer.Option(min=1, help="How many nights; 100 without --seed.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Play this night, or --seeds of them from it on.")] = None,
    night: Annotated[str | None, typer.Option("--date", help="Let all nights be of this date.")] = None,
    policy: Annotated[Path | None, typer.Option(help="Play nights of the pipeline of this policy file.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Nights at once; as many as there are cores.")] = None,
    timeline: Annotated[bool, typer.Option(help="What happened, minute by minute.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    batches: Annotated[bool, typer.Option(help="Play random batches in place of nights.")] = False,
) -> None:
    """Play random nights through the real handlers under a virtual clock and check every promise.

    Exit status 0 if every promise held, 1 if not, 2 if the call makes no sense.
    Example: bin/nights --seeds 1000
    """
    count = seeds or (100 if seed is None else 1)
    if batches and (night or policy or timeline or as_json or jobs):
        raise typer.BadParameter("--batches knows --seeds and --seed only")
    if batches:
        # A night needs nothing of them: it is played where they are not, too.
        from tests.random_nights.batch_command import play_batches
        from tests.random_nights.batch_judge import judged

        raise typer.Exit(play_batches(range(seed or 0, (seed or 0) + count), judged))
    drawn = Drawn(None if night is None else day_in(night), policy)
    raise typer.Exit(simulate_random(seed or 0, count, drawn, jobs=jobs or cores(), timeline=timeline, as_json=as_json))


def main() -> None:
    sys.exit(entry.call(app, sys.argv[1:], NAME, USAGE, UNAVAILABLE))


if __name__ == "__main__":
    main()
