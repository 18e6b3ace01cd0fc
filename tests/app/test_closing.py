"""When a run closes: not before everything it sent is known to have begun, or is too old (behaviour T5, D7, D8)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.core.model import State
from tests.app.house import House
from tests.core.build import NIGHT, PGS, TDGS, TO4, TO6, TOGS, UPGC, UTGC


@pytest.fixture
def refreshed() -> House:
    """A night whose export is confirmed, and whose phase 4 was then triggered once more by what was missing."""
    house = House().ordinary()
    for name in (PGS, UPGC, TDGS, TOGS):
        house.deliver(name, records=200)
    house.sweeps(16)
    house.deliver("player_daily_cache", "started")
    assert house.state(TO4).state is State.CONFIRMED
    house.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 100})
    house.deliver("phase6_export", status="started")
    assert house.state(TO6).state is State.CONFIRMED
    house.wait()
    house.deliver(UTGC, records=14)
    assert house.trigger_ids[-1] == NIGHT.trigger_id(TO4, 2)
    return house


def test_a_run_stays_open_for_a_generation_that_nobody_has_confirmed(refreshed: House) -> None:
    """A refresh is sent after the export: its confirmation still counts, and the run closes by itself after it."""
    refreshed.sweeps(2)
    assert refreshed.run().closed_at is None
    refreshed.deliver("player_daily_cache", "started")
    assert refreshed.state(TO4).state is State.CONFIRMED
    refreshed.sweeps(2)
    assert refreshed.run().closed_at is not None


def test_a_lost_refresh_is_sent_again(refreshed: House) -> None:
    """The later generation has its own `within` too: unconfirmed, it leaves once more under its own id."""
    refreshed.sweeps(2)
    refreshed.wait(timedelta(minutes=31))
    refreshed.sweep()
    sent = [one.body for one in refreshed.published if one.body["trigger_id"] == NIGHT.trigger_id(TO4, 2)]
    assert {body["attempt"] for body in sent} == {1, 2}
