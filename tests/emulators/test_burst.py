"""Many completions at once on Firestore: nobody contends, one triggers, and each costs the same (behaviour D2)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex
from statistics import median
from time import monotonic
from typing import Any

import pytest

from shared.adapters.clock import SystemClock
from shared.adapters.config.policy_file import load_policy
from shared.adapters.google.firestore import FirestoreStore
from shared.app.transitions.receive import Handled, Receipt, receive
from shared.ports import StateStore
from tests.emulators.gcloud import patient
from tests.plain_ports import PlainPorts, context, delivery
from tests.policy_files import NBA
from tests.wide_policy import PHASE, member_names, member_report, wide_policy

pytestmark = pytest.mark.xdist_group("firestore")

ID = "nba/2026-01-21/overnight/phase3_to_phase4/1"
MANY, AT_ONCE = 1000, 16


@pytest.fixture
def store(firestore_host: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FirestoreStore]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
    patient(monkeypatch)
    return FirestoreStore(f"demo-burst-{token_hex(4)}")


def handled(
    ports: PlainPorts, members: int, at_once: int, folder: Path, names: list[str] | None = None
) -> list[Receipt]:
    """Handle a completion of each member, so many at once; whatever a handler raises is raised."""
    ctx = context(wide_policy(members, folder), ports)

    def handle(name: str) -> Receipt:
        return receive(ctx, delivery(PHASE, member_report(name), f"message-{name}"))

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(handle, names or member_names(members)))


def test_thirty_at_once_are_one_trigger(store: FirestoreStore, tmp_path: Path) -> None:
    """30 completions of one run, all at the same time: no error, all recorded, exactly one trigger, dispatched once."""
    ports = PlainPorts(store)
    receipts = handled(ports, 30, 30, tmp_path)
    assert [receipt.handled for receipt in receipts] == [Handled.DECIDED] * 30
    assert store.count("runs/nba~2026-01-21~overnight/completions") == 30
    assert [message.attributes["trigger_id"] for _, message in ports.bus.published] == [ID]


def test_the_same_thirty_once_more_are_no_trigger(store: FirestoreStore, tmp_path: Path) -> None:
    """Each message three times, all at once: still one trigger."""
    ports = PlainPorts(store)
    handled(ports, 30, 30, tmp_path, member_names(30) * 3)
    assert [message.attributes["trigger_id"] for _, message in ports.bus.published] == [ID]


@pytest.mark.slow
def test_a_thousand_members_cost_the_same_each(store: FirestoreStore, tmp_path: Path) -> None:
    """1,000 members of one phase, 16 at a time: no error, one trigger, reads and writes constant but for the last few.

    Of a large phase only those who can be the last read all of it.
    """
    ports = PlainPorts(store)
    ctx = context(wide_policy(MANY, tmp_path), ports)
    batches: list[Counter[str]] = []

    def handle(name: str) -> Receipt:
        return receive(ctx, delivery(PHASE, member_report(name), f"message-{name}"))

    names = member_names(MANY)
    began = monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for start in range(0, MANY, 100):
            before = Counter(store.operations)
            assert all(result.handled is Handled.DECIDED for result in pool.map(handle, names[start : start + 100]))
            batches.append(store.operations - before)
    spent = monotonic() - began
    assert [message.attributes["trigger_id"] for _, message in ports.bus.published] == [ID]
    assert store.count("runs/nba~2026-01-21~overnight/completions") == MANY
    reads, writes = ([batch[kind] / 100 for batch in batches] for kind in ("reads", "writes"))
    print(f"{MANY / spent:.0f} completions/s; reads each {reads}; writes each {writes}")
    # The first few race to open the run, the last few find the phase complete.
    middle = slice(1, -1)
    assert len(set(reads[middle])) == len(set(writes[middle])) == 1
    assert median(writes) == 1
    assert median(reads) <= 5
    assert sum(batches, Counter())["reads"] <= MANY * (median(reads) + AT_ONCE)


def test_members_that_have_only_started_are_not_counted_as_there(store: FirestoreStore, tmp_path: Path) -> None:
    """Once every member of a large phase has said that it began or failed, each completion still costs the same."""
    members = 60
    ctx = context(wide_policy(members, tmp_path), PlainPorts(store))
    names = member_names(members)

    def cost(name: str, status: str) -> Counter[str]:
        before = Counter(store.operations)
        data = json.dumps({**json.loads(member_report(name)), "status": status}).encode()
        receive(ctx, delivery(PHASE, data, f"{status}-{name}"))
        return store.operations - before

    for name in names:
        cost(name, "started")
    costs = [cost(name, "failed") for name in names] + [cost(name, "success") for name in names[:-1]]
    assert {cost["writes"] for cost in costs} == {1}
    # The phase as a whole is read when all have reported since it was read last: once for each report of all.
    assert sum(cost["reads"] for cost in costs) <= len(costs) * 8
    assert cost(names[-1], "success")["reads"] >= members


def test_a_wait_takes_two_round_trips(store: FirestoreStore, tmp_path: Path) -> None:
    """A completion that only waits is written, and only then all else is read at once; the first opens its run, and an
    instance that has not seen the run reads it before."""
    operations: list[str] = []
    ctx = context(load_policy(NBA), PlainPorts(PrintedResult(store, operations)))
    # Of a date that is over it is looked for a backfill run as well.
    today = str(ctx.policy.local(SystemClock().now()).date())
    receive(ctx, delivery(PHASE, member_report("player_game_summary", today), "m1"))
    assert operations == ["get", "create", "create", "query"]
    operations.clear()
    receive(ctx, delivery(PHASE, member_report("team_offense_game_summary", today), "m2"))
    assert operations == ["create", "query_and_get"]
    operations.clear()
    ctx.memory.runs.clear()
    receive(ctx, delivery(PHASE, member_report("team_defense_game_summary", today), "m3"))
    assert operations == ["get", "create", "query"]


class PrintedResult:
    """A ``StateStore`` that tells each operation before it is carried out."""

    def __init__(self, inner: StateStore, operations: list[str]) -> None:
        self._inner, self._told = inner, operations

    def __getattr__(self, name: str) -> Any:
        self._told.append(name)
        return getattr(self._inner, name)
