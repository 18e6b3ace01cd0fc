"""What an instance knows of a run for seconds: it need not read it, and nothing that it writes below is forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.app.state import opening
from shared.app.state.known_runs import KNOWN_FOR, REMEMBERED, known_run, note_reported, remember_run
from shared.app.state.repository import Stored, run_path, save_run
from shared.core.model import State
from shared.simulation.fakes.clock import Crash
from tests.app.handlers_kit import Fate, HandlersKit
from tests.core.build import DAY, NIGHT, PGS, PHASE3, POLICY, TDGS, TO4, UPGC

SECOND = timedelta(seconds=1)


@pytest.fixture
def kit() -> HandlersKit:
    return HandlersKit().ordinary()


@pytest.mark.parametrize(("looked", "later"), [(0, 0), (0, 14), (1, 7), (6, 14), (14, 14)])
def test_a_report_whose_handler_dies_after_a_sweep_has_looked_is_found(
    kit: HandlersKit, later: int, looked: int
) -> None:
    """The run was due when the instance read it; a sweep takes that back; the last report is written without another
    look and its handler dies: within two sweeps the trigger is out, whoever never comes again."""
    kit.finish(*PHASE3[:-1], records=203)
    kit.wait(looked * SECOND)
    kit.sweep()
    kit.wait((later - looked) * SECOND)
    assert known_run(kit.ctx, NIGHT, kit.clock.now()) is not None
    kit.effects.fate = (len(kit.effects.done), Fate.DIES_AFTER)
    with pytest.raises(Crash):
        kit.deliver(PHASE3[-1], records=203)
    assert kit.completion(PHASE3[-1]) is not None
    assert kit.trigger_ids == []
    kit.sweeps(2)
    assert kit.state(TO4).state is State.DISPATCHED


def test_a_run_is_known_for_less_time_than_a_sweep_leaves_it_due() -> None:
    """A report that is written at the last moment, by a handler that may take some seconds more, is not forgotten."""
    assert KNOWN_FOR + timedelta(seconds=5) <= opening.SLOW < opening.SECOND_LOOK


def test_a_handler_that_is_slow_makes_the_run_due_again(kit: HandlersKit, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it relied on was read before it began: from then on its time counts."""
    kit.deliver(PGS, records=203)
    kit.sweep()
    kit.wait(KNOWN_FOR - SECOND)
    at_once = kit.store.query_and_get

    def slowly(*asked: Any) -> Any:
        kit.clock.sleep(opening.SLOW - KNOWN_FOR + SECOND)
        return at_once(*asked)

    monkeypatch.setattr(kit.store, "query_and_get", slowly)
    kit.deliver(UPGC, records=203)
    assert kit.run().touched


def test_a_run_that_was_closed_meanwhile_is_read_again(kit: HandlersKit) -> None:
    """The report that finds it closed is the last that is written without asking."""
    kit.deliver(PGS, records=203)
    [document] = kit.store.inner.get(run_path(NIGHT))
    assert document is not None
    save_run(kit.store.inner, Stored(replace(kit.run(), closed_at=kit.clock.now()), document.version), POLICY)
    kit.deliver(UPGC, records=203)
    assert kit.completion(UPGC) is not None
    assert known_run(kit.ctx, NIGHT, kit.clock.now()) is None


def test_a_run_that_a_sweep_has_looked_at_is_made_due_by_the_next_but_one(kit: HandlersKit) -> None:
    """The first report after the look finds the mark taken back: the next reads the run, and makes it due."""
    kit.deliver(PGS, records=203)
    kit.sweep()
    kit.deliver(UPGC, records=203)
    assert not kit.run().touched
    kit.deliver(TDGS, records=203)
    assert kit.run().touched


def test_who_has_reported_is_not_created_in_vain(kit: HandlersKit) -> None:
    """A second report of a processor is an update: no create is tried that would be refused, and billed."""
    kit.deliver(PGS, "started")
    kit.deliver(UPGC, records=203)
    kit.effects.done.clear()
    kit.deliver(PGS, records=203)
    assert [effect for effect in kit.effects.done if "create" in effect and PGS in effect] == []


def test_who_has_reported_elsewhere_is_read_and_updated(kit: HandlersKit) -> None:
    """A create that another instance's report refuses falls back to reading: both reports count, none is lost."""
    kit.deliver(PGS, records=203)
    other = kit.instance()
    kit.deliver(UPGC, records=203, ctx=other, message_id="m-1")
    kit.deliver(UPGC, records=203, message_id="m-2")
    completion = kit.completion(UPGC)
    assert completion is not None
    assert completion.message_ids == ("m-1", "m-2")


def test_an_instance_remembers_so_many_runs(kit: HandlersKit) -> None:
    """The newest; what it notes of one that it does not know is nothing."""
    now = kit.clock.now()
    keys = [replace(NIGHT, day=DAY + timedelta(days=number)) for number in range(REMEMBERED + 1)]
    for key in keys:
        remember_run(kit.ctx, key, now)
    assert [*kit.ctx.memory.runs] == keys[1:]
    note_reported(kit.ctx, keys[0], ("phase3.x",))
    assert known_run(kit.ctx, keys[0], now) is None


def test_a_clock_that_goes_back_is_not_relied_on(kit: HandlersKit) -> None:
    """A reading that seems to be of the future says nothing of how old it is."""
    remember_run(kit.ctx, NIGHT, kit.clock.now() + SECOND)
    assert known_run(kit.ctx, NIGHT, kit.clock.now()) is None
