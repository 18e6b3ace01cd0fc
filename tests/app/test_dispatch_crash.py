"""A night in which one effect goes wrong, for every effect of it: redeliveries and sweeps end it all the same (D3).

The process dies just before an effect or just after it, or its caller hears no answer though nothing, or
everything, was done. Whatever of these happens, the promise of the house holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from shared.adapters.local.memory import MemoryStore
from shared.adapters.local.sqlite import SqliteStore
from shared.app.sweep.sweep import SweepOptions
from shared.core.errors import Unavailable
from shared.core.model import State
from shared.ports import StateStore
from shared.simulation.fakes.clock import Crash
from tests.app.handlers_kit import Fate, HandlersKit
from tests.core.build import CACHE, FEATURES, NIGHT, PCF, PHASE3, PHASE_OF, PSZA, TDZA, TO5, TO6

Wave = tuple[tuple[str, dict[str, object]], ...]
# Each wave comes once the dispatch before it has arrived.
WAVES: tuple[Wave, ...] = (
    tuple((name, {}) for name in (TDZA, PSZA, PCF, CACHE, FEATURES)),
    (("prediction_coordinator", {"record_count": 150, "metadata": {"completion_pct": 100}}),),
    (("phase6_export", {"status": "started", "trigger_id": NIGHT.trigger_id(TO6, 1)}),),
)
EXPECTED = [NIGHT.trigger_id(TO5, 1), NIGHT.trigger_id(TO6, 1)]
TAKEN = sum(len(wave) for wave in WAVES)


def night(store: StateStore, trouble: tuple[int, Fate] | None = None) -> HandlersKit:
    """Play the second half of a night, every message delivered until it is taken, and sweeps until it rests."""
    kit = HandlersKit(store=store).ordinary()
    kit.effects.fate = trouble
    sent = 0
    for before, wave in enumerate(WAVES):
        wait_for(kit, lambda n=before: len(set(kit.trigger_ids)) >= n)
        for processor, more in wave:
            data = json.dumps({**kit.message(processor), **more}).encode()
            until_taken(kit, lambda p=processor, d=data, n=sent: kit.take(PHASE_OF[p], d, f"m-{n}"))
            kit.wait(timedelta(seconds=10))
            sent += 1
    for _ in range(4):
        sweep(kit)
    return kit


def wait_for(kit: HandlersKit, arrived: Callable[[], bool]) -> None:
    # A call of which nobody knows what came of it is made again after `confirm.within` only.
    for _ in range(40):
        if arrived():
            return
        sweep(kit)
    raise AssertionError("forty sweeps, and still not dispatched")


def sweep(kit: HandlersKit) -> None:
    kit.wait()
    try:
        kit.sweep(SweepOptions())
    except Crash:
        kit.ctx = kit.instance()


def until_taken(kit: HandlersKit, deliver: Callable[[], object]) -> None:
    """Deliver as the platform does: again, to another instance, until it is acknowledged."""
    for _ in range(3):
        try:
            deliver()
        except (Crash, Unavailable):
            kit.ctx = kit.instance()
            kit.wait(timedelta(seconds=10))
        else:
            return
    raise AssertionError("one fault, and still not taken at the third delivery")


UNDISTURBED = night(MemoryStore())
EFFECTS = list(enumerate(UNDISTURBED.effects.done))


def promise(kit: HandlersKit) -> None:
    """Everything triggered, each under one id, at least once to each target, and known to be so."""
    assert set(kit.trigger_ids) == set(EXPECTED)
    assert {call.body["trigger_id"] for call in kit.calls} == {EXPECTED[0]}
    for name in (TO5, TO6):
        state = kit.state(name)
        assert (state.state, state.generation, state.claim) == (State.CONFIRMED, 1, None)
    for processor, _ in (*WAVES[0], *WAVES[1]):
        completion = kit.completion(processor)
        assert completion is not None
        assert completion.latest is not None
        assert completion.superseded == 0
    kinds = [notice.kind for notice in kit.notices(resolved=False)]
    assert len(kinds) == len(set(kinds)), f"said twice: {kinds}"
    written = kit.audit.tables["phase_completions"].values()
    assert sorted(row["message_id"] for row in written) == [f"m-{n}" for n in range(TAKEN)]


def test_the_undisturbed_night_is_as_it_should_be() -> None:
    """Without trouble everything leaves exactly once; the night has effects of every port that a handler writes to."""
    promise(UNDISTURBED)
    assert UNDISTURBED.trigger_ids == EXPECTED
    assert len(UNDISTURBED.calls) == 1
    assert {name.split()[0] for _, name in EFFECTS} == {"state", "bus", "record", "prediction_coordinator"}


@pytest.mark.parametrize("fate", Fate)
@pytest.mark.parametrize(("number", "effect"), EFFECTS, ids=[f"{n}-{name[:40]}" for n, name in EFFECTS])
def test_one_trouble_anywhere_loses_and_doubles_nothing(number: int, effect: str, fate: Fate) -> None:
    """Whichever effect goes wrong and however: one trigger id a transition, nothing lost, nothing alerted twice."""
    promise(night(MemoryStore(), (number, fate)))


@pytest.mark.parametrize("fate", [Fate.DIES_AFTER, Fate.SILENT_AFTER])
def test_the_same_on_the_embedded_store(fate: Fate, tmp_path: Path) -> None:
    """SQLite keeps the same promise, for trouble at every third effect."""
    for number, _ in EFFECTS[::3]:
        store = SqliteStore(tmp_path / f"{number}.db")
        promise(night(store, (number, fate)))
        store.close()


def test_a_dispatch_that_left_and_was_not_marked_leaves_again_under_its_id() -> None:
    """Dying between the broker's answer and the mark is the one case of a second message: consumers know the id."""
    number = next(n for n, name in EFFECTS if name.startswith("bus"))
    kit = night(MemoryStore(), (number, Fate.DIES_AFTER))
    sent = [publication.body for publication in kit.published if publication.body["transition"] == TO5]
    assert [(body["trigger_id"], body["attempt"]) for body in sent] == [(EXPECTED[0], 1), (EXPECTED[0], 2)]


def test_a_run_stays_open_for_a_dispatch_that_is_owed() -> None:
    """The last transition is confirmed while an earlier one's claim has no holder: the run waits for its lease."""
    kit = HandlersKit().ordinary()
    kit.finish(TDZA, PSZA, PCF, CACHE)
    number = len(kit.effects.done) + 1  # the report is recorded, then its transition claimed
    kit.effects.fate = (number, Fate.DIES_AFTER)
    with pytest.raises(Crash):
        kit.deliver(FEATURES)
    assert kit.state(TO5).state is State.CLAIMED
    kit.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 100})
    kit.deliver("phase6_export", status="started")
    assert kit.state(TO6).state is State.CONFIRMED
    kit.finish_phase2()
    kit.finish(*PHASE3, records=200)
    kit.deliver(CACHE, "started")
    kit.sweeps(4)
    assert NIGHT.trigger_id(TO5, 1) in kit.trigger_ids
    assert kit.run().closed_at is None
    kit.deliver("prediction_coordinator", "started")
    assert kit.state(TO5).state is State.CONFIRMED
    kit.sweeps(2)
    assert kit.run().closed_at is None, "phase 3 may still be refreshed"
    kit.wait(timedelta(hours=12))
    kit.sweep()
    assert kit.run().closed_at is not None
