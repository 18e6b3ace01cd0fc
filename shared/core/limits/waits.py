"""How long was waited for what only so many may have at once: counted up beside the thing itself, for metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

# Seconds: a place at a table is waited for no longer than five.
WAIT_BOUNDS = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Waits:
    """How many waits were at most each bound and longer than the one before, the last beyond all; and their sum."""

    counts: tuple[int, ...] = ()
    seconds: float = 0.0

    def one_more(self, wait: timedelta) -> Waits:
        """Return these waits and another; of other bounds, written by another version, none are kept."""
        waited = max(wait / SECOND, 0.0)
        same_bounds = len(self.counts) == len(WAIT_BOUNDS) + 1
        before, total = (self.counts, self.seconds) if same_bounds else ((0,) * (len(WAIT_BOUNDS) + 1), 0.0)
        place = sum(waited > bound for bound in WAIT_BOUNDS)
        counts = tuple(count + (number == place) for number, count in enumerate(before))
        return Waits(counts, round(total + waited, 3))

    def cumulated(self) -> tuple[int, ...]:
        """Return how many waits were at most each bound, and all of them; nothing where there never was one."""
        if len(self.counts) != len(WAIT_BOUNDS) + 1:
            return (0,) * (len(WAIT_BOUNDS) + 1)
        return tuple(sum(self.counts[: number + 1]) for number in range(len(self.counts)))


NEVER_WAITED = Waits()
