"""Many nights at once, one process for each core: a night is a world of its own and needs nothing of the others."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache, partial

from shared.core.policy.names import Names
from shared.core.policy.phases import Need, Processor, Reports
from shared.core.policy.policy import Policy
from shared.runtime import policy_in
from tests.random_nights.case import Night
from tests.random_nights.driver import play
from tests.random_nights.generator import generate

OBJECTS_BETWEEN_COLLECTIONS = 50_000
# Fewer nights are over before other processes have loaded what they need.
WORTH_A_PROCESS = 50
AT_A_TIME = 5


@dataclass(frozen=True)
class Result:
    """How one night went, without the world it was played in."""

    night: Night
    violations: tuple[str, ...]
    deliveries: int
    sweeps: int
    timeline: tuple[tuple[datetime, str, str], ...]


def play_many(seeds: Sequence[int], day: date | None, *, timeline: bool, jobs: int) -> Iterator[Result]:
    """Play the nights of these seeds, of one date if ``day`` is given; the results come in the order of the seeds."""
    one = partial(play_seed, day=day, timeline=timeline)
    jobs = min(jobs, len(seeds) // WORTH_A_PROCESS)
    if jobs < 2:
        with seldom_collected():
            yield from map(one, seeds)
        return
    with ProcessPoolExecutor(jobs, initializer=_collect_seldom) as pool:
        yield from pool.map(one, seeds, chunksize=AT_A_TIME)


def play_seed(seed: int, day: date | None = None, *, timeline: bool = False) -> Result:
    """Play one night of the pipeline's policy."""
    policy, names = _prepared()
    played = play(policy, names, generate(policy, seed, day), timeline=timeline)
    told = tuple(played.timeline)
    return Result(played.night, tuple(played.violations), played.deliveries, played.sweeps, told)


def by_rows(policy: Policy) -> Policy:
    """Return the policy with every processor judged by numbers of rows: a random night knows no units by name."""
    phases = {
        phase.name: replace(phase, processors={name: _by_rows(one) for name, one in phase.processors.items()})
        for phase in policy.phases.values()
    }
    return replace(policy, phases=phases)


def _by_rows(one: Processor) -> Processor:
    table = next((part.table for part in one.parts if part.table is not None), None)
    names = (*one.aliases, *one.sources)
    return replace(one, table=table, aliases=names, units="", reports=Reports.WHOLE, sources={}, need=Need.ANY)


def cores() -> int:
    """Return how many processes can be at work at once."""
    return os.cpu_count() or 1


@lru_cache(maxsize=1)
def _prepared() -> tuple[Policy, Names]:
    policy = by_rows(policy_in())
    return policy, Names(policy)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let the garbage of a night wait for the next ones: what it leaves is soon gone anyway."""
    before = gc.get_threshold()
    _collect_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _collect_seldom() -> None:
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])
