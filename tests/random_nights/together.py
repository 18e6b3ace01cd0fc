"""Random nights of several pipelines in one deployment: one store, instances that serve all, nights interleaved."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from shared.app.context import Context
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from tests.random_nights.case import Night
from tests.random_nights.driver import Driver, Played
from tests.random_nights.memory import SharingStore


def play_together(
    nights: Sequence[tuple[Policy, Night]], store: SharingStore | None = None, *, timeline: bool = False
) -> list[Played]:
    """Play nights of different pipelines at once, each event in its time; what becomes of each is judged by its own
    policy."""
    common = store or SharingStore()
    drivers = [Driver(policy, Names(policy), night, common, timeline=timeline) for policy, night in nights]
    for driver in drivers:
        others = [other for other in drivers if other is not driver]
        driver.platform.neighbours = partial(_neighbours, others)
        driver.trace.others = [other.trace for other in others]
        driver.plan()
    while True:
        waiting = [(at, driver) for driver in drivers if (at := driver.next_at()) is not None]
        if not waiting:
            return [driver.ended() for driver in drivers]
        at, driver = min(waiting, key=lambda pair: pair[0])
        driver.step(at)


def _neighbours(others: Sequence[Driver]) -> tuple[Context, ...]:
    return tuple(driver.platform.sweepers[0].context for driver in others)
