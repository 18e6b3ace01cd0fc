"""The breaker: against a model, shared by instances, one probe at a time (behaviour 12)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from shared.adapters.local.memory import MemoryStore
from shared.adapters.local.sqlite import SqliteStore
from shared.app.context import Context
from shared.app.state import circuit_breaker
from shared.core.circuit_breaker import Circuit, Limits, Permission, Position
from shared.documents import from_data
from shared.ports import StateStore
from tests.app.handlers_kit import HandlersKit
from tests.core.build import SECOND

START = datetime(2026, 1, 22, 11, tzinfo=UTC)
LIMITS = Limits()
NAME = "service"
RACERS = 8


class Model:
    """The rule in other words: 5 failures in 60 s open it for 300 s, one probe at a time, 3 successes close it."""

    def __init__(self) -> None:
        self.position, self.failures = Position.CLOSED, list[datetime]()
        self.opened = self.probe_until = START
        self.good = 0

    def ask(self, now: datetime) -> Permission:
        if self.position is Position.CLOSED:
            return Permission.GO
        if self.position is Position.OPEN:
            if now < self.opened + timedelta(seconds=300):
                return Permission.STOP
            self.position, self.good, self.probe_until = Position.HALF_OPEN, 0, now
        if now < self.probe_until:
            return Permission.STOP
        self.probe_until = now + timedelta(seconds=30)
        return Permission.PROBE

    def succeed(self, now: datetime) -> None:
        if self.position is not Position.HALF_OPEN:
            return
        self.good += 1
        self.probe_until = now
        if self.good == 3:
            self.position, self.failures = Position.CLOSED, []

    def fail(self, now: datetime) -> None:
        self.failures = [*(at for at in self.failures if at > now - timedelta(seconds=60)), now]
        if self.position is Position.HALF_OPEN or len(self.failures) >= 5:
            self.position, self.opened, self.good = Position.OPEN, now, 0


class AgainstTheModel(RuleBasedStateMachine):
    """Two instances on one store, asking and reporting in any order at any pace, and the model beside them."""

    @initialize()
    def begin(self) -> None:
        self.kit, self.model = HandlersKit(start=START), Model()
        self.instances = [self.kit.instance() for _ in range(2)]

    def now(self) -> datetime:
        return self.kit.clock.now()

    @rule(seconds=st.sampled_from([0, 1, 10, 29, 30, 31, 59, 60, 61, 299, 300, 301]))
    def wait(self, seconds: int) -> None:
        self.kit.wait(timedelta(seconds=seconds))

    @rule(who=st.integers(0, 1))
    def ask(self, who: int) -> None:
        assert circuit_breaker.permission(self.instances[who], NAME, LIMITS) is self.model.ask(self.now())

    @rule(who=st.integers(0, 1))
    def succeed(self, who: int) -> None:
        circuit_breaker.succeeded(self.instances[who], NAME, LIMITS)
        self.model.succeed(self.now())

    @rule(who=st.integers(0, 1), times=st.integers(1, 5))
    def fail(self, who: int, times: int) -> None:
        for _ in range(times):
            position = circuit_breaker.failed(self.instances[who], NAME, LIMITS)
            self.model.fail(self.now())
            assert position is self.model.position

    @rule()
    def open_it(self) -> None:
        for _ in range(5):
            self.fail(0, 1)
        self.wait(300)

    @rule()
    def probe_well(self) -> None:
        self.ask(0)
        self.succeed(1)

    @invariant()
    def positions_agree(self) -> None:
        assert circuit(self.kit.store.inner).position is self.model.position


AgainstTheModel.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestAgainstTheModel = AgainstTheModel.TestCase


def circuit(store: StateStore) -> Circuit:
    [document] = store.get(f"breakers/nba~{NAME}")
    return Circuit() if document is None else from_data(Circuit, document.data)


@pytest.fixture
def kit() -> HandlersKit:
    return HandlersKit(start=START)


def opened(kit: HandlersKit) -> None:
    for _ in range(LIMITS.failures):
        circuit_breaker.failed(kit.ctx, NAME, LIMITS)
    assert circuit(kit.store.inner).position is Position.OPEN


def test_closed_costs_one_read_and_no_write(kit: HandlersKit) -> None:
    """A call that goes well: one read to ask, one to report, nothing written, however often."""
    for _ in range(10):
        assert circuit_breaker.permission(kit.ctx, NAME, LIMITS) is Permission.GO
        circuit_breaker.succeeded(kit.ctx, NAME, LIMITS)
    assert kit.store.operations == {"trips": 20, "reads": 20}
    assert kit.store.written == []


@pytest.mark.parametrize(("failures", "seconds", "position"), [
    (4, 1, Position.CLOSED), (5, 1, Position.OPEN), (5, 14, Position.OPEN), (5, 15, Position.CLOSED),
])  # fmt: skip
def test_enough_failures_in_a_while_open_it(kit: HandlersKit, failures: int, seconds: int, position: Position) -> None:
    """Five within 60 s; the fifth a full 60 s after the first is one too late."""
    for _ in range(failures):
        new_position = circuit_breaker.failed(kit.ctx, NAME, LIMITS)
        kit.wait(timedelta(seconds=seconds))
    assert new_position is position


def test_one_instance_opens_it_for_all(kit: HandlersKit) -> None:
    """Three failures here, two there: both stop, and a third that has seen nothing."""
    instance, other = kit.instance(), kit.instance()
    for ctx in (instance, instance, instance, other, other):
        circuit_breaker.failed(ctx, NAME, LIMITS)
    assert {circuit_breaker.permission(ctx, NAME, LIMITS) for ctx in (instance, other, kit.instance())} == {
        Permission.STOP
    }


def test_it_is_open_for_its_time(kit: HandlersKit) -> None:
    """A second before 300 s nobody may call, at 300 s one may."""
    opened(kit)
    kit.wait(LIMITS.open_for - SECOND)
    assert circuit_breaker.permission(kit.ctx, NAME, LIMITS) is Permission.STOP
    kit.wait(SECOND)
    assert circuit_breaker.permission(kit.ctx, NAME, LIMITS) is Permission.PROBE
    assert circuit_breaker.permission(kit.instance(), NAME, LIMITS) is Permission.STOP


def test_three_good_probes_close_it(kit: HandlersKit) -> None:
    """One after another; closed it is as if nothing had been."""
    opened(kit)
    kit.wait(LIMITS.open_for)
    for left in (2, 1, 0):
        assert circuit_breaker.permission(kit.ctx, NAME, LIMITS) is Permission.PROBE
        circuit_breaker.succeeded(kit.ctx, NAME, LIMITS)
        assert circuit(kit.store.inner).position is (Position.HALF_OPEN if left else Position.CLOSED)
    assert circuit(kit.store.inner) == Circuit()


def test_a_bad_probe_opens_it_for_another_while(kit: HandlersKit) -> None:
    """Also the third after two good ones."""
    opened(kit)
    kit.wait(LIMITS.open_for)
    for _ in range(2):
        circuit_breaker.permission(kit.ctx, NAME, LIMITS)
        circuit_breaker.succeeded(kit.ctx, NAME, LIMITS)
    assert circuit_breaker.permission(kit.ctx, NAME, LIMITS) is Permission.PROBE
    assert circuit_breaker.failed(kit.ctx, NAME, LIMITS) is Position.OPEN
    kit.wait(LIMITS.open_for - SECOND)
    assert circuit_breaker.permission(kit.ctx, NAME, LIMITS) is Permission.STOP
    kit.wait(SECOND)
    for _ in range(3):
        assert circuit_breaker.permission(kit.ctx, NAME, LIMITS) is Permission.PROBE
        circuit_breaker.succeeded(kit.ctx, NAME, LIMITS)
    assert circuit(kit.store.inner).position is Position.CLOSED


def test_a_probe_that_died_is_replaced(kit: HandlersKit) -> None:
    """Whoever probed never came back: after its lease another may."""
    opened(kit)
    kit.wait(LIMITS.open_for)
    assert circuit_breaker.permission(kit.ctx, NAME, LIMITS) is Permission.PROBE
    kit.wait(LIMITS.probe_for - SECOND)
    assert circuit_breaker.permission(kit.instance(), NAME, LIMITS) is Permission.STOP
    kit.wait(SECOND)
    assert circuit_breaker.permission(kit.instance(), NAME, LIMITS) is Permission.PROBE


@pytest.mark.parametrize("seed", range(6))
def test_of_instances_that_ask_at_once_one_probes(seed: int) -> None:
    """In any interleaving on the store: one probe, the others stop."""
    kit = HandlersKit(start=START, seed=seed)
    opened(kit)
    kit.wait(LIMITS.open_for)
    answers: list[Permission] = []

    def ask() -> None:
        answers.append(circuit_breaker.permission(kit.instance(), NAME, LIMITS))

    kit.at_once(*[ask] * 5)
    assert sorted(answers) == [Permission.PROBE, *[Permission.STOP] * 4]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_of_racing_threads_one_probes(kind: str, tmp_path: Path) -> None:
    """Real threads on a shared store: one probe each time it is half open."""
    store: StateStore = MemoryStore() if kind == "memory" else SqliteStore(tmp_path / "state.sqlite")
    kit = HandlersKit(start=START, store=store)
    kit.ctx = kit.with_ports(store=store)
    opened(kit)
    kit.wait(LIMITS.open_for)
    start = Barrier(RACERS)

    def ask(ctx: Context) -> Permission:
        start.wait(timeout=30)
        return circuit_breaker.permission(ctx, NAME, LIMITS)

    with ThreadPoolExecutor(RACERS) as pool:
        for _ in range(LIMITS.successes):
            answers = list(pool.map(ask, [kit.with_ports(store=store) for _ in range(RACERS)]))
            assert answers.count(Permission.PROBE) == 1
            circuit_breaker.succeeded(kit.ctx, NAME, LIMITS)
    assert circuit(store).position is Position.CLOSED


@pytest.mark.parametrize("seed", range(6))
def test_racing_failures_are_not_lost(seed: int) -> None:
    """Five instances fail at once: it is open, whatever their writes did to each other."""
    kit = HandlersKit(start=START, seed=seed)
    kit.at_once(*(lambda: circuit_breaker.failed(kit.instance(), NAME, LIMITS) for _ in range(5)))
    assert circuit(kit.store.inner).position is Position.OPEN
