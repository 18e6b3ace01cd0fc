"""A lease in the state store: one holder at a time, and a number that tells a late one from the next (behaviour 12)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from threading import Barrier

import pytest

from shared.adapters.google.firestore import FirestoreStore
from shared.adapters.local.memory import MemoryStore
from shared.adapters.local.sqlite import SqliteStore
from shared.app.context import Context
from shared.app.state.lock import Lease, Locked, acquire, release
from shared.core.errors import Unavailable
from shared.core.policy.names import Names
from shared.ports import StateStore
from shared.simulation.world import WorldPorts
from tests.app.handlers_kit import HandlersKit
from tests.core.build import POLICY, SECOND
from tests.emulators.gcloud import patient

START = datetime(2026, 1, 22, 11, tzinfo=UTC)
LEASE = timedelta(seconds=50)
NOW = timedelta(0)
RACERS = 8


class Clock:
    """Time that passes by sleeping only; each instance has its own."""

    def __init__(self, at: datetime = START) -> None:
        self.at, self.slept = at, timedelta()

    def now(self) -> datetime:
        return self.at

    def sleep(self, duration: timedelta) -> None:
        self.at += duration
        self.slept += duration

    def token(self) -> str:
        return token_hex(16)


@dataclass(frozen=True)
class Instance:
    ctx: Context
    clock: Clock


@pytest.fixture(params=["memory", "sqlite", "sqlite_file", "firestore"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StateStore]:
    match request.param:
        case "memory":
            yield MemoryStore()
        case "firestore":
            monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", request.getfixturevalue("firestore_host"))
            patient(monkeypatch)
            yield FirestoreStore(f"demo-{token_hex(6)}")
        case kind:
            embedded = SqliteStore(":memory:" if kind == "sqlite" else tmp_path / "state.sqlite")
            yield embedded
            embedded.close()


def instance(store: StateStore, at: datetime = START) -> Instance:
    """Return an instance of its own on a store, with nothing else outside."""
    clock = Clock(at)
    ports = replace(HandlersKit().ports, store=store, clock=clock)
    assert isinstance(ports, WorldPorts)
    return Instance(Context(POLICY, Names(POLICY), ports, {}, lambda event, /, severity="INFO", **keys: None), clock)


def held(acquisition: Lease | Locked) -> Lease:
    assert isinstance(acquisition, Lease)
    return acquisition


def test_a_lock_has_one_holder(store: StateStore) -> None:
    """Who comes second is told until when at the latest; after the release the next gets it, with a higher number."""
    holder, other = instance(store), instance(store)
    mine = held(acquire(holder.ctx, "sweep", LEASE))
    assert acquire(other.ctx, "sweep", LEASE) == Locked(START + LEASE)
    assert release(holder.ctx, mine)
    assert held(acquire(other.ctx, "sweep", LEASE)).fence == mine.fence + 1


def test_names_are_locks_of_their_own(store: StateStore) -> None:
    """Holding one holds no other."""
    holder = instance(store)
    held(acquire(holder.ctx, "sweep", LEASE))
    held(acquire(holder.ctx, "reconciliation", LEASE))


@pytest.mark.parametrize(("after", "free"), [(LEASE - SECOND, False), (LEASE, True)])
def test_a_lease_ends_by_itself(store: StateStore, after: timedelta, free: bool) -> None:
    """A holder that is gone keeps it until its time is over, and not a moment longer."""
    held(acquire(instance(store).ctx, "sweep", LEASE))
    assert isinstance(acquire(instance(store, START + after).ctx, "sweep", LEASE), Lease) is free


def test_one_of_many_racers_gets_it(store: StateStore) -> None:
    """Threads at once, with nothing there yet and after a release: exactly one holder each time."""
    start = Barrier(RACERS)

    def race(_: int) -> Lease | Locked:
        racer = instance(store)
        start.wait(timeout=30)
        return acquire(racer.ctx, "sweep", LEASE)

    with ThreadPoolExecutor(RACERS) as pool:
        for number in (1, 2):
            [winner] = [acquisition for acquisition in pool.map(race, range(RACERS)) if isinstance(acquisition, Lease)]
            assert winner.fence == number
            assert release(instance(store).ctx, winner)


def test_a_holder_that_wakes_late_is_refused(store: StateStore) -> None:
    """Whoever slept through its lease cannot release the next one's lock, whose number is higher."""
    late, next_one = instance(store), instance(store, START + LEASE)
    old = held(acquire(late.ctx, "sweep", LEASE))
    new = held(acquire(next_one.ctx, "sweep", LEASE))
    late.clock.sleep(2 * LEASE)
    assert new.fence > old.fence
    assert release(late.ctx, old) is False
    # The lock is still the new holder's.
    assert isinstance(acquire(instance(store, START + LEASE + SECOND).ctx, "sweep", LEASE), Locked)
    assert release(next_one.ctx, new)


def test_a_late_holder_that_nobody_followed_may_finish(store: StateStore) -> None:
    """The lease is over and nobody has taken the lock: its number is still the highest, and it can be given back."""
    late = instance(store)
    mine = held(acquire(late.ctx, "sweep", LEASE))
    late.clock.sleep(2 * LEASE)
    assert release(late.ctx, mine)


def test_numbers_only_grow(store: StateStore) -> None:
    """Over releases, expiries and other holders no number comes twice."""
    fences = []
    at = START
    for number in range(6):
        holder = instance(store, at)
        lease = held(acquire(holder.ctx, "sweep", LEASE))
        fences.append(lease.fence)
        if number % 2:
            release(holder.ctx, lease)
        at += LEASE
    assert fences == sorted(set(fences))


@pytest.mark.parametrize("patience", [NOW, timedelta(seconds=0.05), timedelta(seconds=1.3), timedelta(seconds=10)])
def test_nobody_waits_longer_than_asked(store: StateStore, patience: timedelta) -> None:
    """A lock that stays taken is given up at the end of the patience, to the moment; none is no wait."""
    held(acquire(instance(store).ctx, "sweep", LEASE))
    waiting = instance(store)
    assert isinstance(acquire(waiting.ctx, "sweep", LEASE, patience), Locked)
    assert waiting.clock.slept == patience


def test_a_wait_ends_when_the_lock_is_free(store: StateStore) -> None:
    """Two seconds left of somebody's lease: they are waited for, and hardly more."""
    held(acquire(instance(store).ctx, "sweep", LEASE))
    waiting = instance(store, START + LEASE - 2 * SECOND)
    held(acquire(waiting.ctx, "sweep", LEASE, patience=10 * SECOND))
    assert 2 * SECOND <= waiting.clock.slept < 2.5 * SECOND


def test_a_lock_that_cannot_be_read_is_not_held() -> None:
    """A store that is away raises: nobody takes silence for a lock."""
    kit = HandlersKit()
    kit.fail("state")
    with pytest.raises(Unavailable):
        kit.act(lambda: acquire(kit.ctx, "sweep", LEASE))
