"""When a run closes: not before everything it sent is known to have begun, or is too old (behaviour T5, D7, D8)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.app.reporting import queries
from shared.core.model import State
from shared.simulation.scenario import GameCount
from tests.app.handlers_kit import HandlersKit
from tests.core.build import (
    CACHE,
    FEATURES,
    NIGHT,
    PCF,
    PGS,
    PHASE3,
    PSZA,
    TDGS,
    TDZA,
    TO3,
    TO4,
    TO5,
    TO6,
    TOGS,
    UPGC,
    UTGC,
)


@pytest.fixture
def refreshed() -> HandlersKit:
    """A night whose export is confirmed, and whose phase 4 was then triggered once more by what was missing."""
    house = HandlersKit().ordinary()
    house.finish_phase2()
    for name in (PGS, UPGC, TDGS, TOGS):
        house.deliver(name, records=200)
    house.sweeps(16)
    house.deliver("player_daily_cache", "started")
    assert house.state(TO4).state is State.CONFIRMED
    house.finish(TDZA, PSZA, PCF, CACHE, FEATURES)
    house.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 100})
    house.deliver("phase6_export", status="started")
    assert house.state(TO6).state is State.CONFIRMED
    house.wait()
    house.deliver(UTGC, records=14)
    assert house.trigger_ids[-1] == NIGHT.trigger_id(TO4, 2)
    return house


def test_a_run_stays_open_for_a_generation_that_nobody_has_confirmed(refreshed: HandlersKit) -> None:
    """A refresh is sent after the export: its confirmation still counts, and the run closes by itself after it."""
    refreshed.sweeps(2)
    assert {refreshed.state(name).state for name in (TO3, TO5, TO6)} == {State.CONFIRMED}
    assert refreshed.run().closed_at is None
    refreshed.deliver("player_daily_cache", "started")
    assert refreshed.state(TO4).state is State.CONFIRMED
    refreshed.sweeps(2)
    assert refreshed.run().closed_at is not None


def test_a_lost_refresh_is_sent_again(refreshed: HandlersKit) -> None:
    """The later generation has its own `within` too: unconfirmed, it leaves once more under its own id."""
    refreshed.sweeps(2)
    refreshed.wait(timedelta(minutes=31))
    refreshed.sweep()
    sent = [one.body for one in refreshed.published if one.body["trigger_id"] == NIGHT.trigger_id(TO4, 2)]
    assert {body["attempt"] for body in sent} == {1, 2}


def export_only(house: HandlersKit) -> HandlersKit:
    """Let the last transition alone go, by an operator, and be confirmed."""
    status, answer = house.orch("trigger", TO6, str(NIGHT.day), "--mode", "overnight", "--reason", "the old ones first")
    assert status == 0, answer
    house.deliver("phase6_export", "started")
    assert house.state(TO6).state is State.CONFIRMED
    return house


def test_a_run_whose_last_transition_alone_went_stays_open() -> None:
    """What comes before it has been neither triggered nor observed: the night is still moved on (T5)."""
    house = export_only(HandlersKit().ordinary())
    house.sweeps(3)
    assert house.run().closed_at is None
    house.finish(*PHASE3, records=200)
    assert house.trigger_ids[-1] == NIGHT.trigger_id(TO4, 1)


def whole(house: HandlersKit) -> HandlersKit:
    """Let every transition of the night go and be confirmed, all processors on time."""
    house.finish_phase2()
    house.finish(*PHASE3, records=200)
    house.finish(TDZA, PSZA, PCF, CACHE, FEATURES)
    house.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 100})
    house.deliver("phase6_export", "started")
    assert {house.state(name).state for name in (TO3, TO4, TO5, TO6)} == {State.CONFIRMED}
    return house


def test_a_run_stays_open_while_a_refresh_may_still_come() -> None:
    """All is confirmed at 06:00; what grows before the window ends at 14:00 starts phase 4 again (T5, D8)."""
    house = whole(HandlersKit().ordinary())
    house.sweeps(3)
    assert house.run().closed_at is None
    house.deliver(PGS, records=400)
    assert house.trigger_ids[-1] == NIGHT.trigger_id(TO4, 2)


def test_a_whole_run_closes_when_the_last_window_has() -> None:
    """After the window nothing is left to be done, and one sweep closes the run (T5)."""
    house = whole(HandlersKit().ordinary())
    house.wait(timedelta(hours=12))
    house.sweep()
    assert house.run().closed_at is not None


def test_closing_is_no_recovery() -> None:
    """Held until the run is too old: the alert is not told as over, and the closed run shows that it was held (T5)."""
    house = HandlersKit().ordinary()
    house.deliver(PGS, records=200)
    house.wait(timedelta(hours=2, minutes=1))
    house.sweep()
    assert "held" in {notice.kind for notice in house.notices(resolved=False)}
    house.wait(timedelta(days=3))
    house.sweeps(4)
    assert house.run().closed_at is not None
    assert {notice.kind for notice in house.notices(resolved=True)} == set()
    assert queries.explain(house.ctx, NIGHT, TO4).state == "held"


def test_what_ended_before_the_run_closed_is_told_as_over() -> None:
    """A late confirmation ends the critical alert and lets the run close in the same sweep: people hear of its end."""
    house = HandlersKit().ordinary()
    house.finish_phase2()
    house.finish(*PHASE3, records=200)
    house.deliver(CACHE, "started")
    house.finish(TDZA, PSZA, PCF, CACHE, FEATURES)
    house.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 100})
    assert house.state(TO6).state is State.DISPATCHED
    for _ in range(4):
        house.wait(timedelta(hours=4))
        house.sweep()
    assert "unconfirmed" in {notice.kind for notice in house.notices(resolved=False)}
    house.deliver("phase6_export", "started")
    house.sweeps(3)
    assert house.run().closed_at is not None
    assert "unconfirmed" in {notice.kind for notice in house.notices(resolved=True)}


def test_a_run_that_has_lost_its_units_closes_when_its_day_is_over() -> None:
    """All games postponed: the run stays open while the calendar may bring them back, and closes the next day (T4)."""
    house = HandlersKit().ordinary()
    house.deliver(PGS, records=200)
    house.change(games={NIGHT.day: GameCount()})
    house.sweeps(3)
    assert house.run().closed_at is None
    house.change(games={NIGHT.day: GameCount(final=7)})
    house.finish(*PHASE3, records=200)
    house.sweep()
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    house.change(games={NIGHT.day: GameCount()})
    house.deliver(CACHE, "started")
    house.wait(timedelta(hours=18))
    house.sweeps(2)
    assert house.run().closed_at is not None
