"""Many plays at once, one process for each core: a play is a world of its own and needs nothing of the others."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

OBJECTS_BETWEEN_COLLECTIONS = 50_000

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def cores() -> int:
    """Return how many processes can be at work at once."""
    return os.cpu_count() or 1


def play_each(
    play: Callable[[Item], Outcome], items: Sequence[Item], jobs: int, *, worth_a_process: int, at_a_time: int = 1
) -> Iterator[Outcome]:
    """Yield what came of each item, in their order; in this process where there are too few to make others load.

    ``play`` and what it takes and returns must be picklable where other processes are used.
    """
    jobs = min(jobs, len(items) // worth_a_process)
    if jobs < 2:
        with seldom_collected():
            yield from map(play, items)
        return
    with ProcessPoolExecutor(jobs, initializer=_collect_seldom) as pool:
        yield from pool.map(play, items, chunksize=at_a_time)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let the garbage of a play wait for the next ones: what it leaves is soon gone anyway."""
    before = gc.get_threshold()
    _collect_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _collect_seldom() -> None:
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])
