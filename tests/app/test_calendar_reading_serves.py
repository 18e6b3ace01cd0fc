"""One reading of the calendar serves an open run for as long as the policy says (behaviour T3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from shared.app.state.repository import run_path
from shared.app.sweep.sweep import SweepOptions
from shared.core.model import Units
from shared.core.policy.policy import Policy
from shared.ports import CalendarRef
from shared.simulation.fakes.warehouse import SimulatedWarehouse
from shared.simulation.scenario import GameCount
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, GAMES, NIGHT, PGS, POLICY, TDGS, TO4

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
UNDER_WAY = GameCount(final=GAMES - 1, in_progress=1)


class CountingWarehouse(SimulatedWarehouse):
    """A warehouse that counts how often the calendar is read of the run's date."""

    readings = 0

    def units(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, Units]:
        self.readings += DAY in days
        return super().units(calendar, days)


def reading(every: timedelta | None) -> Policy:
    assert POLICY.calendar is not None
    return replace(POLICY, calendar=replace(POLICY.calendar, read_every=every))


class Night(HandlersKit):
    """A night whose last game is still under way, under a policy that reads the calendar so often."""

    def __init__(self, every: timedelta | None = HOUR) -> None:
        super().__init__(policy=reading(every))
        self.change(games={DAY: UNDER_WAY})
        self.warehouse = CountingWarehouse(self.facts, self.stage)
        self.ports = replace(self.ports, warehouse=self.warehouse)
        self.ctx = self.instance()

    def readings(self, minutes: int) -> int:
        """Sweep so many minutes; return how often the calendar was read."""
        before = self.warehouse.readings
        self.sweeps(minutes)
        return self.warehouse.readings - before


def test_without_a_time_each_look_reads_it() -> None:
    """A run that waits while games are under way is looked at, and its calendar read, every minute."""
    night = Night(None)
    night.sweep()
    assert night.readings(30) == 30


def test_one_reading_serves_for_its_time() -> None:
    """A waiting run reads once when it opens and once an hour, though reports, tiers and sweeps go on."""
    night = Night()
    night.sweep()
    night.deliver(PGS, records=203)
    assert night.readings(59) == 0
    assert night.readings(2) == 1
    assert night.readings(58) == 0


def test_a_run_that_waits_for_the_calendar_alone_is_due_when_it_is_read_again() -> None:
    """No look comes before the reading has served its time, if nothing else is due; one comes then."""
    night = Night(timedelta(minutes=10))
    night.sweeps(4)
    looks = []
    for _ in range(12):
        night.wait()
        night.sweep()
        done = night.ctx.memory.last_sweep
        assert done is not None
        looks.append(NIGHT.id in done.seen)
    assert looks.count(True) <= 3
    assert True in looks


def test_what_is_short_of_units_reads_it_each_minute() -> None:
    """A report that is short only by a game which may be postponed: the trigger leaves within a minute of that."""
    night, short = Night(), {PGS: 10 * (GAMES - 1), TDGS: 2 * (GAMES - 1)}
    night.ordinary()
    night.change(games={DAY: UNDER_WAY})
    tables = {POLICY.phases["phase3"].processors[name].table or "": {DAY: rows} for name, rows in short.items()}
    night.change(rows=tables)
    night.sweep()
    for name in POLICY.transitions[TO4].expects["overnight"].expected:
        night.deliver(name, records=short.get(name, 1000))
    night.sweep()
    assert night.trigger_ids == []
    assert night.readings(5) == 5
    night.change(games={DAY: GameCount(final=GAMES - 1, postponed=1)})
    night.sweeps(2)
    assert len(night.trigger_ids) == 1
    assert night.run().units == Units(GAMES - 1, GAMES - 1)


def test_a_reading_that_says_the_same_is_written_seldom() -> None:
    """Of a run whose games are over, a look that reads the calendar anew writes when the next one is due, at most."""
    night = Night(timedelta(minutes=10))
    night.change(games={DAY: GameCount(final=GAMES)})
    night.sweeps(20)
    before = len(night.store.written)
    assert night.readings(50) > 2
    assert night.store.written[before:].count(run_path(NIGHT)) <= 6


def test_a_game_that_is_taken_back_after_its_end_is_seen_by_the_next_reading() -> None:
    """A date whose games are all over is read again like any other: no longer final, or without a game."""
    night = Night()
    night.change(games={DAY: GameCount(final=GAMES)})
    night.sweeps(4)
    night.ctx = replace(night.ctx, looks_at_all_every=timedelta(days=1))
    night.change(games={DAY: GameCount(final=GAMES - 1)})
    night.sweeps(61)
    assert night.run().units == Units(GAMES - 1, GAMES - 1)


def test_a_person_gets_what_holds_now() -> None:
    """A sweep that somebody asks for reads the calendar, whenever it was read."""
    night = Night()
    night.sweeps(2)
    before = night.warehouse.readings
    night.sweep(SweepOptions(day=DAY))
    assert night.warehouse.readings == before + 1


def test_another_policy_reads_anew() -> None:
    """What counts as a unit may have changed with the policy."""
    night = Night()
    night.sweeps(2)
    night.policy = replace(night.policy, version="another")
    night.ctx = night.instance()
    assert night.readings(1) == 1


@pytest.mark.parametrize("every", [None, HOUR])
def test_what_cannot_be_read_is_tried_again_at_the_next_minute(every: timedelta | None) -> None:
    """An outage of the warehouse does not count as a reading."""
    night = Night(every)
    night.fail("warehouse", lasts=timedelta(minutes=90))
    night.sweeps(3)
    assert night.run().units is None
    night.restore()
    night.sweeps(2)
    assert night.run().units == Units(GAMES, GAMES - 1)
