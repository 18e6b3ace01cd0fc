"""What is drawn by chance while scenarios are played: the same in every play, and of each scenario its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from shared.simulation.event_queue import EventQueue, Rank
from shared.simulation.fakes.clock import VirtualClock


class OwnChance(EventQueue):
    """The part of a common agenda that is of one scenario: what it draws by chance is its own, as if it were alone."""

    def __init__(self, common: EventQueue, clock: VirtualClock, seed: int) -> None:
        self._common, self._clock, self._chance, self._tokens = common, clock, random.Random(seed).getstate(), 0

    def put(self, at: datetime, place: Rank, action: Callable[[], None]) -> None:
        self._common.put(at, place, partial(self._act, action))

    def until(self, end: datetime) -> Iterator[tuple[datetime, Callable[[], None]]]:
        return self._common.until(end)

    def _act(self, action: Callable[[], None]) -> None:
        random.setstate(self._chance)
        self._clock.tokens = self._tokens
        action()
        self._chance, self._tokens = random.getstate(), self._clock.tokens


@contextmanager
def fixed_chance(seed: int) -> Iterator[None]:
    """Give whatever draws from the process's random numbers the same ones every time."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
