"""When things happen by themselves while a scenario is played: sweeps, ticks of the controller, redeliveries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.simulation.scenario import Scenario

MINUTE = timedelta(minutes=1)
TICK_EVERY = timedelta(minutes=5)
FIRST_BACK_OFF, LAST_BACK_OFF = timedelta(seconds=10), timedelta(seconds=600)


@dataclass(frozen=True)
class LastSweep:
    """The state of the world when the latest sweep began, and when that sweep wants the next."""

    mutations: int
    next_at: datetime | None


def back_off(delivery: int) -> timedelta:
    """Return how long after its ``delivery``-th failure a message comes again (as Pub/Sub does with retry on)."""
    doubled: timedelta = FIRST_BACK_OFF * (1 << min(delivery - 1, 10))
    return min(doubled, LAST_BACK_OFF)


def sweep_needed(mutations: int, swept: LastSweep | None, now: datetime) -> bool:
    """False only where nothing has changed since the last sweep began, and that sweep asked for none before later."""
    if swept is None or swept.next_at is None or swept.mutations != mutations:
        return True
    return now >= swept.next_at


def sweep_times(start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield start, every full minute after it, and end."""
    at = start
    while at < end:
        yield at
        at = at.astimezone(UTC).replace(second=0, microsecond=0) + MINUTE
    yield end


def tick_times(scenario: Scenario) -> Iterator[datetime]:
    """Yield when the controller is called: every five minutes from the start to the end, both included."""
    at = scenario.start
    while scenario.workflows is not None and at <= scenario.end:
        yield at
        at += TICK_EVERY
