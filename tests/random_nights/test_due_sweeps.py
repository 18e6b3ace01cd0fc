"""Random nights in which sweeps read what is due end as they do where every sweep reads all open runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.adapters.local.memory import MemoryStore
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.runtime import policy_in
from tests.random_nights.case import Night
from tests.random_nights.driver import Driver, Played
from tests.random_nights.generator import generate
from tests.random_nights.parallel import single_loaders
from tests.random_nights.several import POLICIES

ALL = {"nba": single_loaders(policy_in()), **POLICIES}
# What a sweep reads in vain it waits for: of what is read differently nothing may fail, or time differs.
READ = ("state", "warehouse")
OFTEN, SELDOM = timedelta(minutes=7), timedelta(hours=2)
FEW = {"nba": 4, "gazette": 3, "library": 3}
# Where there is a calendar, the moment at which its units were final is that of a reading: it differs by who reads.
MANY = {"gazette": 80, "library": 80, "meters": 20}


def drawn(policy: Policy, seed: int) -> Night:
    """Return the night of a seed in which one handler works at a time and to its end, and what sweeps read can be read.

    A sweep that has nothing to do and one that looks in vain have other effects, by whose number handlers die.
    """
    night = generate(policy, seed)
    manner = replace(night.manner, at_once=0.0, second_sweep=0.0, crash=0.0)
    return replace(night, manner=manner, outages=tuple(outage for outage in night.outages if outage.port not in READ))


def left(store: MemoryStore) -> Mapping[str, Mapping[str, Any]]:
    """Return what a night leaves in the store, but for what sweeps write of themselves, and for when the calendar was
    last read for a run: another moment where runs are read that are not due."""
    held = (document for kept in store._collections.values() for document in kept.values())
    listed = [document for document in held if not document.path.startswith(("locks/", "sweeps/"))]
    return {
        document.path: {name: value for name, value in document.data.items() if name != "units_read_at"}
        for document in listed
    }


def minutes(night: Night) -> Iterator[datetime]:
    """Yield when a night is swept: often while its runs are worked on, seldom until they close."""
    at = night.start.astimezone(UTC).replace(second=0, microsecond=0)
    while at <= night.end:
        yield at
        at += OFTEN if at < night.calm else SELDOM


def ends_alike(policy: Policy, night: Night) -> Played:
    """Sweep all open runs, then what is due, at the same minutes, which no sweep has a say in, and compare."""
    all_runs, due_runs = (Driver(policy, Names(policy), night, timeline=True) for _ in range(2))
    all_runs.platform.look_at_all()
    for driver in (all_runs, due_runs):
        driver.sweep_at(minutes(night))
    of_all, of_due = all_runs.run(), due_runs.run()
    assert of_due.violations == of_all.violations == []
    assert of_due.timeline == of_all.timeline
    assert left(due_runs.world.inner) == left(all_runs.world.inner)
    return of_due


@pytest.mark.parametrize("name", FEW)
def test_what_is_not_due_is_not_missed(name: str) -> None:
    """The same happens at the same times, and the same documents are left, to the moment of the next look."""
    played = [ends_alike(ALL[name], drawn(ALL[name], seed)) for seed in range(FEW[name])]
    assert any(track.marks for night in played for run in night.trace.runs.values() for track in run.tracks.values())


@pytest.mark.nightly
@pytest.mark.parametrize("name", MANY)
def test_what_is_not_due_is_not_missed_in_many_nights(name: str) -> None:
    """The same of many more."""
    for seed in range(FEW.get(name, 0), MANY[name]):
        ends_alike(ALL[name], drawn(ALL[name], seed))
