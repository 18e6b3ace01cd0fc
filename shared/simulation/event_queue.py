"""What is still to happen, in the order of its time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import IntEnum
from itertools import count


class Rank(IntEnum):
    """What comes first within one instant."""

    EVENT = 0
    CONTROLLER = 1
    DELIVERY = 2
    SWEEP = 3
    LOOK = 4


class EventQueue:
    """Actions by time, then by place, then in the order in which they were put down."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, Rank, int, Callable[[], None]]] = []
        self._numbers = count()

    def put(self, at: datetime, place: Rank, action: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (at, place, next(self._numbers), action))

    def until(self, end: datetime) -> Iterator[tuple[datetime, Callable[[], None]]]:
        """Take out one action after the other, up to and including ``end``; more may be put down meanwhile."""
        while self._heap and self._heap[0][0] <= end:
            at, _, _, action = heapq.heappop(self._heap)
            yield at, action
