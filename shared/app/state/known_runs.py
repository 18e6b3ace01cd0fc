"""What an instance knows of a run that it has just seen open and due: who reports to it need not read it first.

Whoever reads a run as due has ``SLOW`` for what it writes below: a sweep that takes the mark back looks again after
that. So what is written within ``KNOWN_FOR`` of such a reading is found by a sweep, whoever of the instance has read
(behaviour R1, T7).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from shared.app.context import Context, KnownRun
from shared.app.state.opening import SLOW
from shared.core.model import RunKey

# Shorter than `SLOW` by what a handler takes as a rule; one that takes longer makes the run due once more.
KNOWN_FOR = SLOW - timedelta(seconds=5)
REMEMBERED = 50


def known_run(ctx: Context, key: RunKey, now: datetime) -> KnownRun | None:
    """Return what this instance knows of a run, None where that is too old to be relied on."""
    run = ctx.memory.runs.get(key)
    return run if run is not None and timedelta() <= now - run.read_at < KNOWN_FOR else None


def remember_run(ctx: Context, key: RunKey, read_at: datetime) -> None:
    """Remember a run that was open and due in a reading that began at ``read_at``."""
    run = ctx.memory.runs.pop(key, None) or KnownRun(read_at)
    run.read_at = read_at
    ctx.memory.runs[key] = run
    while len(ctx.memory.runs) > REMEMBERED:
        ctx.memory.runs.pop(next(iter(ctx.memory.runs)), None)


def forget_run(ctx: Context, key: RunKey) -> None:
    """Let the next report of a run read it first."""
    ctx.memory.runs.pop(key, None)


def note_reported(ctx: Context, key: RunKey, completions: Iterable[str]) -> None:
    """Remember that these documents of completions are there: to create them would be refused."""
    run = ctx.memory.runs.get(key)
    if run is not None:
        run.reported.update(completions)
