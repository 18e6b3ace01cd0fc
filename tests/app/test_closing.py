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
    kit = HandlersKit().ordinary()
    kit.finish_phase2()
    for name in (PGS, UPGC, TDGS, TOGS):
        kit.deliver(name, records=200)
    kit.sweeps(16)
    kit.deliver("player_daily_cache", "started")
    assert kit.state(TO4).state is State.CONFIRMED
    kit.finish(TDZA, PSZA, PCF, CACHE, FEATURES)
    kit.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 100})
    kit.deliver("phase6_export", status="started")
    assert kit.state(TO6).state is State.CONFIRMED
    kit.wait()
    kit.deliver(UTGC, records=14)
    assert kit.trigger_ids[-1] == NIGHT.trigger_id(TO4, 2)
    return kit


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
    sent = [
        publication.body
        for publication in refreshed.published
        if publication.body["trigger_id"] == NIGHT.trigger_id(TO4, 2)
    ]
    assert {body["attempt"] for body in sent} == {1, 2}


def export_only(kit: HandlersKit) -> HandlersKit:
    """Let the last transition alone go, by an operator, and be confirmed."""
    status, answer = kit.orch("trigger", TO6, str(NIGHT.day), "--mode", "overnight", "--reason", "the old ones first")
    assert status == 0, answer
    kit.deliver("phase6_export", "started")
    assert kit.state(TO6).state is State.CONFIRMED
    return kit


def test_a_run_whose_last_transition_alone_went_stays_open() -> None:
    """What comes before it has been neither triggered nor observed: the night is still moved on (T5)."""
    kit = export_only(HandlersKit().ordinary())
    kit.sweeps(3)
    assert kit.run().closed_at is None
    kit.finish(*PHASE3, records=200)
    assert kit.trigger_ids[-1] == NIGHT.trigger_id(TO4, 1)


def whole(kit: HandlersKit) -> HandlersKit:
    """Let every transition of the night go and be confirmed, all processors on time."""
    kit.finish_phase2()
    kit.finish(*PHASE3, records=200)
    kit.finish(TDZA, PSZA, PCF, CACHE, FEATURES)
    kit.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 100})
    kit.deliver("phase6_export", "started")
    assert {kit.state(name).state for name in (TO3, TO4, TO5, TO6)} == {State.CONFIRMED}
    return kit


def test_a_run_stays_open_while_a_refresh_may_still_come() -> None:
    """All is confirmed at 06:00; what grows before the window ends at 14:00 starts phase 4 again (T5, D8)."""
    kit = whole(HandlersKit().ordinary())
    kit.sweeps(3)
    assert kit.run().closed_at is None
    kit.deliver(PGS, records=400)
    assert kit.trigger_ids[-1] == NIGHT.trigger_id(TO4, 2)


def test_a_whole_run_closes_when_the_last_window_has() -> None:
    """After the window nothing is left to be done, and one sweep closes the run (T5)."""
    kit = whole(HandlersKit().ordinary())
    kit.wait(timedelta(hours=12))
    kit.sweep()
    assert kit.run().closed_at is not None


def test_closing_is_no_recovery() -> None:
    """Held until the run is too old: the alert is not told as over, and the closed run shows that it was held (T5)."""
    kit = HandlersKit().ordinary()
    kit.deliver(PGS, records=200)
    kit.wait(timedelta(hours=2, minutes=1))
    kit.sweep()
    assert "held" in {notice.kind for notice in kit.notices(resolved=False)}
    kit.wait(timedelta(days=3))
    kit.sweeps(4)
    assert kit.run().closed_at is not None
    assert {notice.kind for notice in kit.notices(resolved=True)} == set()
    assert queries.explain(kit.ctx, NIGHT, TO4).state == "held"


def test_what_ended_before_the_run_closed_is_told_as_over() -> None:
    """A late confirmation ends the critical alert and lets the run close in the same sweep: people hear of its end."""
    kit = HandlersKit().ordinary()
    kit.finish_phase2()
    kit.finish(*PHASE3, records=200)
    kit.deliver(CACHE, "started")
    kit.finish(TDZA, PSZA, PCF, CACHE, FEATURES)
    kit.deliver("prediction_coordinator", records=150, metadata={"completion_pct": 100})
    assert kit.state(TO6).state is State.DISPATCHED
    for _ in range(4):
        kit.wait(timedelta(hours=4))
        kit.sweep()
    assert "unconfirmed" in {notice.kind for notice in kit.notices(resolved=False)}
    kit.deliver("phase6_export", "started")
    kit.sweeps(3)
    assert kit.run().closed_at is not None
    assert "unconfirmed" in {notice.kind for notice in kit.notices(resolved=True)}


def test_a_run_that_has_lost_its_units_closes_when_its_day_is_over() -> None:
    """All games postponed: the run stays open while the calendar may bring them back, and closes the next day (T4)."""
    kit = HandlersKit().ordinary()
    kit.deliver(PGS, records=200)
    kit.change(games={NIGHT.day: GameCount()})
    kit.sweeps(3)
    assert kit.run().closed_at is None
    kit.change(games={NIGHT.day: GameCount(final=7)})
    kit.finish(*PHASE3, records=200)
    kit.sweep()
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    kit.change(games={NIGHT.day: GameCount()})
    kit.deliver(CACHE, "started")
    kit.wait(timedelta(hours=18))
    kit.sweeps(2)
    assert kit.run().closed_at is not None
