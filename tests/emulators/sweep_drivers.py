"""Drivers of the sweep on the emulators: many pipelines side by side, and a night minute by minute."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.adapters.google.bigquery import BigQueryWarehouse
from shared.adapters.google.firestore import FirestoreStore
from shared.app.call import Call
from shared.app.context import Context
from shared.app.state.lock import paths
from shared.app.state.sweep_marks import SWEEP
from shared.app.sweep.pipelines import answer_all
from shared.app.transitions.receive import receive
from shared.core.message import Delivery
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.ports import Warehouse
from tests.bench.state import environment
from tests.contract.warehouses import CONFIG
from tests.core.build import POLICY
from tests.core.build import T0 as START
from tests.emulators.batch_night import JumpingClock
from tests.emulators.drivers import DrivenPorts
from tests.emulators.relays import BigQueryRelay, Writes, bigquery_relay, grpc_relay
from tests.plain_ports import FullWarehouse, ListBus, NoAlerts, NoAuditLog, WellHttp, silent
from tests.wide_policy import PHASE, member_report

EVERYTHING = Call("/", (), b"")
# Seconds after which queries that are fewer than expected are let through.
HELD = 60.0


def at(moment: datetime) -> JumpingClock:
    clock = JumpingClock()
    clock.ahead = moment - clock.now()
    return clock


def pipeline(project: str, policy: Policy, warehouse: Warehouse, clock: JumpingClock) -> Context:
    ports = DrivenPorts(FirestoreStore(project), ListBus(), warehouse, clock, NoAuditLog(), WellHttp(), NoAlerts())
    return Context(policy, Names(policy), ports, dict.fromkeys(policy.services, "http://service"), silent)


class Gathering:
    """Holds queries until so many are at work, so that what is let through at once does not depend on who is faster."""

    def __init__(self, expected: int) -> None:
        self._expected, self._waiting, self._reached = expected, 0, threading.Event()
        self._lock = threading.Lock()

    def tables_of(self, sql: str) -> tuple[str, ...]:
        """Take every query for one that is counted."""
        return ("any",) if sql else ()

    def wait(self) -> None:
        with self._lock:
            self._waiting += 1
            if self._waiting >= self._expected:
                self._reached.set()
        self._reached.wait(HELD)
        with self._lock:
            self._waiting -= 1


@dataclass(frozen=True)
class SideBySideResult:
    """What sweeps of many pipelines asked of BigQuery: the most queries at once, all of them, and who was swept."""

    most_at_once: int
    queries: int
    swept: int


def drive_sweeps(project: str, bigquery: str, count: int, expected: int) -> SideBySideResult:
    """Sweep so many pipelines of one deployment in one call, all of which have to read their calendar; queries are held
    until ``expected`` are at work."""
    gathering = Gathering(expected)
    relay = BigQueryRelay(bigquery, gathering.tables_of, during=gathering.wait)
    clock = at(START)
    with bigquery_relay(relay) as url:
        warehouse = BigQueryWarehouse(project, CONFIG, timeout=timedelta(seconds=90), emulator_host=url)
        contexts = [
            pipeline(project, replace(POLICY, pipeline=f"driven{number}"), warehouse, clock) for number in range(count)
        ]
        answer_all(contexts, EVERYTHING)
    locks = FirestoreStore(project).get(*(paths(ctx, SWEEP)[0] for ctx in contexts))
    return SideBySideResult(relay.most_at_once, relay.statements, sum(lock is not None for lock in locks))


@dataclass(frozen=True)
class NightResult:
    """Writes of a night by document, sweeps, and reports."""

    writes: Counter[str]
    sweeps: int
    reports: Sequence[str]

    def of(self, beginning: str) -> list[int]:
        """Return how often each document was written whose path begins so."""
        return [number for path, number in self.writes.items() if path.startswith(beginning)]


def drive_night(project: str, firestore: str, policy: Policy, names: Sequence[str], minutes: int) -> NightResult:
    """Let so many processors report, a minute after the other, and sweep each minute."""
    seen, clock = Writes(), at(START)
    with grpc_relay(firestore, seen.seen) as host, environment({"FIRESTORE_EMULATOR_HOST": host}):
        ctx = pipeline(project, policy, FullWarehouse(), clock)
        for minute in range(minutes):
            clock.ahead += timedelta(minutes=1)
            if minute < len(names):
                now = clock.now()
                receive(ctx, Delivery(f"m-{names[minute]}", PHASE, member_report(names[minute]), now, now))
            answer_all([ctx], EVERYTHING)
    return NightResult(Counter({path: len(moments) for path, moments in seen.at.items()}), minutes, names)
