"""The nights of `bin/demo`, played by its own code on embedded parts, and what they leave, read as `bin/orch` does."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from shared import runtime
from shared.adapters.local.home_file import read_home
from shared.app.context import Context
from shared.simulation.demo.__main__ import OK, play_all
from shared.simulation.demo.nights import NIGHTS, Night, load
from shared.simulation.demo.processes import Ground
from shared.simulation.demo.screen import PlainScreen
from shared.simulation.demo.workspace import Workspace
from shared.simulation.scenario import Scenario

# The recorded nights of the demo, and an ordinary one through all phases.
PLAYED = (*NIGHTS, Night("whole", "25 January 2026: a whole ordinary night", "own/whole_ordinary_night.yaml", ()))
# Minutes of a night in a second, at most: as fast as the functions answer.
AT_ONCE = 10_000.0


def play(folder: Path, nights: Sequence[tuple[Night, Scenario]] = ()) -> None:
    """Play nights, by default the demo's own, as `bin/demo --home FOLDER` does; raise if one goes otherwise."""
    output = io.StringIO()
    with Workspace(folder).taken() as home:
        ground = Ground(home, AT_ONCE, dict(os.environ), {})
        chosen = list(nights) or [(night, load(night)) for night in PLAYED]
        console = Console(file=output, width=200)
        status = play_all(ground, chosen, console, PlainScreen(console))
    assert status == OK, output.getvalue()


def variables(folder: Path, night: Night) -> dict[str, str]:
    """Return what `bin/orch --home FOLDER/NIGHT` reads."""
    return read_home(folder / night.name)


@contextmanager
def as_left(folder: Path, night: Night) -> Iterator[Context]:
    """Let the functions of this process read what the nights left, at the moment this night ended."""
    with runtime.override_context(runtime.from_environment(variables(folder, night))) as ctx:
        yield ctx


def named(name: str) -> Night:
    return next(night for night in PLAYED if night.name == name)
