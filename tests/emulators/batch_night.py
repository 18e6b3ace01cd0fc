"""A batch on Firestore and Pub/Sub: workers that answer twice, die at a write or never answer; a clock that jumps.

Requests and calls to go on leave by Pub/Sub and are pulled; what a function raises, or dies of, is delivered again.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from time import perf_counter
from typing import Any

from shared.adapters.clock import SystemClock
from shared.adapters.config.policy_file import load_policy
from shared.adapters.google.firestore import FirestoreStore
from shared.adapters.google.pubsub import PubSubBus
from shared.app.batches.receive import STARTS, phase_word, receive
from shared.app.batches.store import load_batch, outcomes_path
from shared.app.batches.tending import tend
from shared.app.context import Context
from shared.core.batches.batch import Batch, BatchState
from shared.core.errors import Unavailable
from shared.core.message import Delivery
from shared.core.model import RunKey
from shared.core.policy.batches import BatchDeadline, BatchPolicy, BatchThen, CloseStep, Members, Query
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.core.reporting.findings import Sweep
from shared.ports import Document, Message, StateStore
from tests.core.build import NIGHT
from tests.emulators.push import PushWire
from tests.plain_ports import FullWarehouse, NoAlerts, NoAuditLog, WellHttp, silent
from tests.policy_files import PRODUCTION

AT_ONCE = 16
DELIVERIES = 30
Where = Mapping[str, str | int | bool | None] | None


class Died(BaseException):
    """The process of a function ends here: nothing after it is done, and nothing is given back."""


class JumpingClock(SystemClock):
    """The clock of the machine, and what it was moved on by."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


class DyingStore(StateStore):
    """A store at whose writes a process dies now and then, before it or after; reads and writes are counted."""

    def __init__(self, inner: FirestoreStore, share: float, seed: int) -> None:
        self.inner, self._share, self._chance = inner, share, random.Random(seed)
        self._lock = threading.Lock()
        self.died = 0

    def get(self, *paths: str) -> list[Document | None]:
        return self.inner.get(*paths)

    def query(self, collection: str, where: Where = None) -> list[Document]:
        return self.inner.query(collection, where)

    def between(self, collection: str, field: str, first: str, last: str, most: int | None = None) -> list[Document]:
        return self.inner.between(collection, field, first, last, most)

    def count(self, collection: str, where: Where = None) -> int:
        return self.inner.count(collection, where)

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        return self._write(lambda: self.inner.create(path, data))

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        return self._write(lambda: self.inner.update(path, data, version))

    def delete(self, path: str) -> None:
        self.inner.delete(path)

    def _write(self, write: Callable[[], str | None]) -> str | None:
        with self._lock:
            dies, after = self._chance.random() < self._share, self._chance.random() < 0.5
            self.died += dies
        if dies and not after:
            raise Died
        version = write()
        if dies:
            raise Died
        return version


@dataclass
class Rows(FullWarehouse):
    """A warehouse whose query lists the members; every statement runs."""

    members: Sequence[str] = ()

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [{"player_lookup": member} for member in self.members]


@dataclass(frozen=True)
class NightPorts:
    """The ports of one context (`shared.app.context.Ports`)."""

    store: DyingStore
    bus: PubSubBus
    warehouse: Rows
    clock: JumpingClock
    audit: NoAuditLog = field(default_factory=NoAuditLog)
    http: WellHttp = field(default_factory=WellHttp)
    alerts: NoAlerts = field(default_factory=NoAlerts)


@dataclass(frozen=True)
class Played:
    """What came of a night: the ends that left, requests by member, and the seconds and operations that it took."""

    batch: Batch
    ends: Sequence[Mapping[str, Any]]
    requests: Counter[str]
    outcomes: int
    unacknowledged: int
    died: int
    sweeps_to_close: int
    asking: float
    reporting: float
    reports: int
    tenths: Sequence[Counter[str]]
    creates: float


class BatchNight:
    """One batch of so many members, of whom the last ``silent`` never report; every ``twice``-th reports twice."""

    def __init__(
        self, store: FirestoreStore, wire: PushWire, members: int, *, silent: int = 0, dying: float = 0.0, seed: int = 1
    ) -> None:
        self.members = [f"player{number:05d}" for number in range(1, members + 1)]
        self.reporting = self.members[: members - silent]
        self.policy = policy()
        self.declared: BatchPolicy = self.policy.batches["predictions"]
        self.key: RunKey = NIGHT
        self.batch_id = NIGHT.trigger_id("phase4_to_phase5", 1)
        self.wire, self.clock = wire, JumpingClock()
        self.store = DyingStore(store, dying, seed)
        self.ports = NightPorts(self.store, PubSubBus(wire.project), Rows(self.members), self.clock)
        self._chance = random.Random(seed)
        self._ours = threading.local()
        self.unacknowledged = 0
        self.topics = (self._starts, self.declared.request.topic, self.declared.publish)
        for topic in self.topics:
            wire.add_topic(topic)
            wire.listen(topic)

    @property
    def _starts(self) -> str:
        return f"{self.policy.pipeline}-batch-start"

    def play(self, twice: int = 3, floor: Callable[[str], object] | None = None) -> Played:
        """Play it to its end; ``floor`` is done as often as reports come, in turn with each tenth of them."""
        began = perf_counter()
        body = {"batch": self.declared.name, "trigger_id": self.batch_id}
        self._deliver(STARTS, body)
        self._ask()
        asking = perf_counter() - began
        requests = self._hear_requests()
        before = Counter(self.store.inner.operations)
        reports = [*self.reporting, *self.reporting[::twice]]
        self._chance.shuffle(reports)
        spent, creates, tenths = 0.0, 0.0, [before]
        with ThreadPoolExecutor(AT_ONCE) as pool:  # each thread is an instance
            for first in range(10):
                spent += _seconds(pool, self._report, reports[first::10])
                tenths.append(Counter(self.store.inner.operations))
                if floor is not None:
                    creates += _seconds(
                        pool, floor, [f"floor/{first}.{number}" for number in range(len(reports[first::10]))]
                    )
        sweeps = self._close()
        stored = load_batch(self.store.inner, self.batch_id)
        assert stored is not None
        announcements = [arrival.body for arrival in self.wire.arrivals(self.declared.publish, 2, timedelta(seconds=2))]
        return Played(
            stored.value,
            [announcement for announcement in announcements if announcement["status"] != "started"],
            requests,
            self.store.inner.count(outcomes_path(self.batch_id)),
            self.unacknowledged,
            self.store.died,
            sweeps,
            asking,
            spent,
            len(reports),
            [after - earlier for earlier, after in pairwise(tenths)],
            creates,
        )

    def _ask(self) -> None:
        """Let the function of batches go on until every request has left; a dead one's claim runs out by a jump."""
        for _ in range(100):
            stored = load_batch(self.store.inner, self.batch_id)
            if stored is not None and stored.value.state is BatchState.OPEN:
                return
            calls = self.wire.pull(self._starts, 0.5)
            for call in calls:
                self._deliver(STARTS, call.body)
            if not calls:
                self._go_on()
        raise AssertionError("its requests did not leave")

    def _hear_requests(self) -> Counter[str]:
        """Pull the requests; the emulator gives a hundred at a time."""
        heard, empty = Counter[str](), 0
        while len(heard) < len(self.members) and empty < 10:
            requests = self.wire.pull(self.declared.request.topic)
            heard.update(request.attributes["member"] for request in requests)
            empty = 0 if requests else empty + 1
        return heard

    def _report(self, member: str) -> None:
        body = {"player_lookup": member, "batch_id": self.batch_id, "predictions_generated": 3}
        self._deliver(phase_word(self.declared), body)

    def _close(self) -> int:
        """Jump to where the batch is idle, then sweep; return after how many sweeps it was published."""
        idle = self.declared.close.idle
        assert idle is not None
        self.clock.ahead += (
            idle.after + timedelta(seconds=1) if len(self.reporting) < len(self.members) else timedelta()
        )
        for sweeps in range(1, 30):
            stored = load_batch(self.store.inner, self.batch_id)
            if stored is not None and stored.value.state is BatchState.PUBLISHED:
                return sweeps - 1
            self._go_on(jump=sweeps > 1)
        raise AssertionError("it was not published within 30 sweeps")

    def _go_on(self, *, jump: bool = True) -> None:
        """Sweep once, and let the function of batches take what the sweep asked of it."""
        if jump:
            self.clock.ahead += timedelta(minutes=1)
        try:
            tend(self._instance(), Sweep())
        except (Unavailable, Died):
            return
        for arrival in self.wire.pull(self._starts, 0.3):
            self._deliver(STARTS, arrival.body)

    def _deliver(self, phase: str, body: Mapping[str, Any]) -> None:
        """Deliver a message until it is acknowledged, as the platform does."""
        now = self.clock.now()
        delivery = Delivery(f"{phase}-{json.dumps(body)}", phase, json.dumps(body).encode(), now, now)
        for _ in range(DELIVERIES):
            try:
                receive(self._instance(), replace(delivery, received_at=self.clock.now()))
            except Died:
                self._ours.ctx = None  # the next delivery meets a new instance
            except Unavailable:
                continue
            else:
                return
        self.unacknowledged += 1

    def _instance(self) -> Context:
        ctx: Context | None = getattr(self._ours, "ctx", None)
        if ctx is None:
            ctx = self._ours.ctx = _context(self.policy, self.ports)
        return ctx


def _seconds(pool: ThreadPoolExecutor, work: Callable[[str], object], items: Sequence[str]) -> float:
    began = perf_counter()
    list(pool.map(work, items))
    return perf_counter() - began


def policy() -> Policy:
    """Return the policy in force with a batch that asks fast and closes by one statement."""
    loaded = load_policy(PRODUCTION)
    batch = loaded.batches["predictions"]
    changed = replace(
        batch,
        members=Members("player_lookup", Query("batches/players.sql", "select members")),
        request=replace(batch.request, per_second=10_000),
        # The clock jumps over leases: that is no time in which anybody could have worked.
        close=replace(batch.close, deadline=BatchDeadline(timedelta(hours=8), BatchThen.PUBLISH_PARTIAL)),
        on_close=(CloseStep(sql=Query("batches/merge.sql", "merge")),),
    )
    return replace(loaded, batches={batch.name: changed})


def _context(policy: Policy, ports: NightPorts) -> Context:
    return Context(policy, Names(policy), ports, dict.fromkeys(policy.services, "http://service"), silent)


def bare_publishing(bus: PubSubBus, topic: str, members: Sequence[str]) -> float:
    """Return the seconds of publishing as many messages of the same size and nothing else."""
    began = perf_counter()
    for first in range(0, len(members), 100):
        page = members[first : first + 100]
        bus.publish(
            topic, [Message({"player_lookup": member, "batch_id": "x" * 60}, {"member": member}) for member in page]
        )
    return perf_counter() - began
