"""What the use cases ask of the state store, counted exactly: a regression here is money and latency (design).

Counted as Firestore bills: a read for each document, at least one for a query; a write for each attempt. A trip is one
call of the store. A change of these numbers is a decision: make it here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from shared.app.state import known_runs
from shared.app.state.lock import acquire
from shared.core.model import State
from shared.core.policy.phases import Phase, Processor
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Expectation
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, PGS, PHASE3, POLICY, T0, TDGS, TO4, TOGS, UPGC


@dataclass(frozen=True)
class Cost:
    trips: int
    reads: int
    writes: int


def cost(kit: HandlersKit, action: Callable[[], object]) -> Cost:
    kit.store.operations.clear()
    action()
    done = kit.store.operations
    return Cost(done["trips"], done["reads"], done["writes"])


@pytest.fixture
def kit() -> HandlersKit:
    return HandlersKit().ordinary()


# deliveries


def test_the_first_completion_of_a_run(kit: HandlersKit) -> None:
    """Opens the run, records, decides."""
    assert cost(kit, lambda: kit.deliver(PGS, records=203)) == FIRST


def test_a_completion_that_only_waits(kit: HandlersKit) -> None:
    """The ordinary case: one document written, its own."""
    kit.deliver(PGS, records=203)
    assert cost(kit, lambda: kit.deliver(UPGC, records=203)) == WAITS


def test_a_completion_of_a_run_that_was_not_seen_for_a_while(kit: HandlersKit) -> None:
    """What an instance knows of a run it relies on for seconds only, and another instance knows nothing of it."""
    kit.deliver(PGS, records=203)
    kit.wait(known_runs.KNOWN_FOR)
    assert cost(kit, lambda: kit.deliver(UPGC, records=203)) == WAITS_UNKNOWN
    kit.ctx = kit.instance()
    assert cost(kit, lambda: kit.deliver(TDGS, records=203)) == replace(WAITS_UNKNOWN, reads=7)


def test_a_duplicate_writes_nothing(kit: HandlersKit) -> None:
    """Decided on again, for reads alone."""
    kit.deliver(PGS, records=203, message_id="m-1")
    operations = cost(kit, lambda: kit.deliver(PGS, records=203, message_id="m-1"))
    assert operations == DUPLICATE


def test_the_completion_that_triggers(kit: HandlersKit) -> None:
    """Record, claim, mark: three writes, whoever else is there; the pauses are read once."""
    kit.finish(*PHASE3[:-1], records=203)
    assert cost(kit, lambda: kit.deliver(PHASE3[-1], records=203)) == TRIGGERS
    assert kit.state(TO4).state is State.DISPATCHED


def test_the_completion_that_confirms(kit: HandlersKit) -> None:
    """The first report of the next phase marks the dispatch confirmed."""
    kit.finish(*PHASE3, records=203)
    assert cost(kit, lambda: kit.deliver("player_composite_factors", "started")) == CONFIRMS


def test_a_completion_after_the_trigger(kit: HandlersKit) -> None:
    """Nothing to do any more: its own document, and a look at what the started phase says: it may have refused."""
    kit.finish(*PHASE3, records=203)
    kit.deliver("player_composite_factors", "started")
    assert cost(kit, lambda: kit.deliver(PGS, records=203)) == AFTERWARDS


def test_a_probe_and_a_message_nobody_understands(kit: HandlersKit) -> None:
    """A probe costs nothing; a senseless message its bytes, row and alert and the bounds of both, the second of its
    kind its row and a count."""
    assert cost(kit, lambda: kit.take("phase3", b"")) == Cost(0, 0, 0)
    assert cost(kit, lambda: kit.take("phase3", b"{", "a")) == SENSELESS
    assert cost(kit, lambda: kit.take("phase3", b"{", "b")) == SENSELESS_AGAIN


def test_a_message_of_a_known_name(kit: HandlersKit) -> None:
    """Some come every three minutes from thirty senders: one document, read and written."""
    phase = replace(kit.policy.phases["phase3"], known=("RosterHistory*",))
    kit.ctx = kit.instance(policy=replace(kit.policy, phases={**kit.policy.phases, "phase3": phase}))
    message = b'{"processor_name": "RosterHistoryProcessor", "game_date": "2026-01-21", "status": "success"}'
    assert cost(kit, lambda: kit.take("phase3", message)) == KNOWN


def test_a_blocked_trigger_does_not_write_at_every_delivery(kit: HandlersKit) -> None:
    """While the same gate blocks, a further report writes its own document and nothing else."""
    kit.change(readings={"game_coverage": 57.0})
    kit.finish(*PHASE3, records=203)
    operations = cost(kit, lambda: kit.deliver(PGS, records=203))
    assert operations.writes == 1


@pytest.mark.parametrize("size", [60, 200])
def test_a_completion_costs_the_same_however_large_its_phase(size: int) -> None:
    """Of a phase of very many members one other is looked at until all may be there: 60 or 200, the same."""
    kit = large_phase(size)
    names = sorted(kit.policy.phases["phase3"].processors)
    for name in names[:50]:
        kit.deliver_to("phase3", name)
    assert cost(kit, lambda: kit.deliver_to("phase3", names[50])) == OF_MANY


class LargePhase(HandlersKit):
    """A kit of another policy, whose processors are found by their phase."""

    def deliver_to(self, phase: str, processor: str) -> None:
        self.take(phase, json.dumps(self.message(processor)).encode())


def large_phase(size: int) -> LargePhase:
    before = POLICY.phases["phase3"]
    processors = {name: Processor(name, "phase3") for name in (f"job_{number:03d}" for number in range(size))}
    expects = {"overnight": Expectation(frozenset(processors))}
    transition = replace(POLICY.transitions[TO4], expects=expects, gates=(), preflight=None)
    policy: Policy = replace(
        POLICY,
        phases={**POLICY.phases, "phase3": Phase(before.name, before.title, before.completions_topic, processors)},
        transitions={**POLICY.transitions, TO4: transition},
    )
    return LargePhase(policy=policy).ordinary()  # type: ignore[return-value]


# sweeps


def quiet(kit: HandlersKit) -> Cost:
    """Return what a sweep costs once an earlier one has seen everything."""
    kit.sweeps(3)
    kit.wait()
    return cost(kit, kit.sweep)


@pytest.mark.parametrize("reports", [0, 1, 3])
def test_a_sweep_that_finds_nothing_due(kit: HandlersKit, reports: int) -> None:
    """One document and one query, whatever is open: nothing is locked and nothing is written."""
    kit.finish(*PHASE3[:reports], records=203)
    assert quiet(kit) == QUIET


def test_a_hundred_runs_that_are_not_due_cost_a_sweep_nothing() -> None:
    """Backfills of a hundred dates that wait: the same two reads, and the same two for one more that reports."""
    kit = HandlersKit().ordinary()
    for number in range(1, 101):
        kit.deliver(PGS, records=203, game_date=str(DAY - timedelta(days=number)), backfill_mode=True)
    assert quiet(kit) == QUIET
    kit.deliver(TOGS, records=203, game_date=str(DAY - timedelta(days=1)), backfill_mode=True)
    kit.wait()
    assert cost(kit, kit.sweep).reads < 30
    assert quiet(kit) == QUIET


def test_closed_runs_cost_a_sweep_nothing() -> None:
    """Thirty days of nights that are over: the quiet sweep costs what it costs in an empty house."""
    kit = HandlersKit().ordinary()
    for number in range(1, 31):
        kit.deliver(PGS, records=203, game_date=str(DAY - timedelta(days=number)))
    kit.change(games={DAY: 0})
    kit.wait(timedelta(days=3))
    assert quiet(kit) == QUIET


def test_an_alert_that_stands_costs_reads_only(kit: HandlersKit) -> None:
    """A gate that has blocked for an hour: its document is read, and nothing is written for it."""
    kit.change(readings={"game_coverage": 57.0})
    kit.finish(*PHASE3, records=203)
    operations = quiet(kit)
    assert operations.writes == 2  # the lock's: what blocks is asked every minute


def test_a_second_sweep_at_once_looks_at_nothing(kit: HandlersKit) -> None:
    """It finds what is due, looks at the lock, and goes."""
    kit.sweep()
    kit.deliver(PGS, records=203)
    acquire(kit.ctx, "sweep", timedelta(seconds=50))
    assert cost(kit, kit.sweep) == Cost(4, 4, 0)


def test_a_comparison_reads_the_runs_of_its_days() -> None:
    """Once an hour, for one run of three reports: what a quiet sweep costs, its lock, that run again, the past, and the
    objectives."""
    kit = HandlersKit(start=T0 - timedelta(minutes=55)).ordinary()
    kit.finish(PGS, TOGS, TDGS, records=203)
    kit.sweeps(3)
    kit.wait(timedelta(hours=1))
    assert cost(kit, kit.sweep) == COMPARED


FIRST = Cost(trips=4, reads=5, writes=2)
WAITS = Cost(trips=2, reads=5, writes=1)
WAITS_UNKNOWN = Cost(trips=3, reads=6, writes=1)
DUPLICATE = Cost(trips=2, reads=5, writes=0)
TRIGGERS = Cost(trips=5, reads=9, writes=3)
CONFIRMS = Cost(trips=3, reads=4, writes=2)
AFTERWARDS = Cost(trips=4, reads=10, writes=1)
SENSELESS = Cost(trips=12, reads=6, writes=6)
SENSELESS_AGAIN = Cost(trips=7, reads=4, writes=3)
KNOWN = Cost(trips=2, reads=1, writes=1)
OF_MANY = Cost(trips=2, reads=4, writes=1)
QUIET = Cost(trips=2, reads=2, writes=0)
COMPARED = Cost(trips=27, reads=40, writes=7)
