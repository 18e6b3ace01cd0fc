"""When the clock of a transition begins (behaviour R7)."""

from __future__ import annotations

from datetime import timedelta

from shared.core.model import State
from tests.app.handlers_kit import HandlersKit
from tests.core.build import PGS, PHASE3, TDGS, TO4, TOGS, UPGC


def test_a_report_that_its_table_vouched_for_keeps_the_clock_it_began() -> None:
    """Short, but its table is full: it counts and starts the clock, which a full report does not start again."""
    kit = HandlersKit().ordinary()
    kit.sweep()  # reads the calendar, without which no floor is known
    kit.deliver(PGS, records=3)
    began = kit.clock.now()
    kit.wait(timedelta(minutes=10))
    kit.deliver(PGS, records=203)
    for name in (UPGC, TDGS, TOGS):
        kit.deliver(name, records=203)
    first_tier = kit.policy.transitions[TO4].expects["overnight"].tiers[0]
    assert first_tier.after > timedelta(minutes=10)
    kit.wait(began + first_tier.after - kit.clock.now() - timedelta(seconds=1))
    kit.sweep()
    assert kit.state(TO4).state is State.WAITING
    kit.wait(timedelta(seconds=1))
    kit.sweep()
    assert kit.state(TO4).state is State.DISPATCHED
    carried = kit.state(TO4).accepted_plan
    assert carried is not None
    assert (carried.reason, carried.opened_at) == ("tier_1", began)


def test_a_short_report_without_its_table_starts_no_clock() -> None:
    """Short, and its table is empty: the clock begins with the report that counts, and nothing is remembered."""
    kit = HandlersKit().ordinary(rows=0)
    kit.sweep()
    kit.deliver(PGS, records=3)
    assert kit.state(TO4).opened_at is None
    kit.wait(timedelta(minutes=10))
    kit.ordinary()
    kit.deliver(PGS, records=203)
    assert kit.state(TO4).opened_at is None


def test_a_table_does_not_vouch_for_a_report_before_the_one_that_filled_it() -> None:
    """Short and an empty table, then full and a full one: the clock begins with the second, whoever reads the table."""
    kit = HandlersKit().ordinary(rows=0)
    kit.sweep()
    kit.deliver(PGS, records=3)
    kit.wait(timedelta(minutes=20))
    kit.ordinary()
    began = kit.clock.now()
    for name in PHASE3:
        kit.deliver(name, records=203)
    carried = kit.state(TO4).accepted_plan
    assert carried is not None
    assert carried.opened_at == began
