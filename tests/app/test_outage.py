"""The state store is away: what people are told, past the store that would have kept it (behaviour 8)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.core.errors import Unavailable
from shared.core.model import State
from shared.simulation.scenario import FaultKind
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, NIGHT, PGS, PHASE3, SECOND, TO4


@pytest.fixture
def house() -> HandlersKit:
    return HandlersKit().ordinary()


def test_five_minutes_are_critical_once_and_over_once(house: HandlersKit) -> None:
    """The fifth minute says it, straight to the sink; the first sweep that gets an answer says that it is over."""
    house.fail("state", lasts=timedelta(minutes=25))
    answers = house.sweeps(5)
    assert [answer.status for answer in answers] == [500] * 5
    assert house.notices() == []
    house.sweeps(19)
    [down] = house.notices()
    assert (down.severity, down.resolved) == ("critical", False)
    assert house.sink.taken[0][0] == house.clock.now() - timedelta(minutes=18)
    assert "5 min" in down.text
    house.sweeps(5)
    assert [(notice.kind, notice.resolved) for notice in house.notices("state_down")] == [
        ("state_down", False),
        ("state_down", True),
    ]
    assert house.notices()[0].fingerprint == house.notices()[1].fingerprint


@pytest.mark.parametrize("seconds", [60, 299])
def test_a_short_outage_is_nobodys_business(house: HandlersKit, seconds: int) -> None:
    """Under five minutes from the first failed sweep nothing is said, and nothing is over."""
    house.wait()
    house.fail("state", lasts=timedelta(seconds=seconds))
    house.sweep()
    house.sweeps(6)
    assert house.notices() == []


def test_a_second_outage_is_told_again(house: HandlersKit) -> None:
    """Each outage has its own beginning and end."""
    for _ in range(2):
        house.fail("state", lasts=timedelta(minutes=8))
        house.sweeps(10)
    assert [notice.resolved for notice in house.notices("state_down")] == [False, True, False, True]


@pytest.mark.parametrize("kind", [FaultKind.UNAVAILABLE, FaultKind.REJECTS])
def test_it_is_told_when_the_sink_can_take_it(house: HandlersKit, kind: FaultKind) -> None:
    """Slack down as well: said by the first sweep that reaches it, and its end is said only if its beginning was."""
    house.fail("state", lasts=timedelta(minutes=20))
    house.fail("slack", kind, timedelta(minutes=10))
    house.sweeps(25)
    assert [notice.resolved for notice in house.notices("state_down")] == [False, True]


def test_an_end_that_slack_refuses_is_said_later(house: HandlersKit) -> None:
    """The store is back, Slack is not: the end is said as soon as it can be."""
    house.fail("state", lasts=timedelta(minutes=8))
    house.sweeps(7)
    house.fail("slack", lasts=timedelta(minutes=5))
    house.sweeps(10)
    assert [notice.resolved for notice in house.notices("state_down")] == [False, True]


def test_a_sweep_without_state_does_nothing_else(house: HandlersKit) -> None:
    """500 with the reason as JSON, no call, no publication; the next answer is 200 again."""
    for processor in PHASE3:
        house.deliver(processor, records=200)
    house.fail("state", lasts=timedelta(seconds=30))
    before = list(house.effects.done)
    [answer] = [house.sweep()]
    assert (answer.status, answer.findings[0]["result"]) == (500, "failed")
    assert house.effects.done == before
    house.wait()
    assert house.sweep().status == 200


def test_neither_state_nor_record_is_critical_once(house: HandlersKit) -> None:
    """Both writes failed: critical, once for all the redeliveries of a day, and every one of them raises."""
    house.fail("state")
    house.fail("record")
    for number in range(10):
        with pytest.raises(Unavailable, match="state"):
            house.deliver(PGS, records=200, message_id=f"m-{number}")
    [notice] = house.notices("both_down")
    assert notice.severity == "critical"
    assert NIGHT.id in notice.text
    house.wait(timedelta(hours=24) - SECOND)
    with pytest.raises(Unavailable):
        house.deliver(PGS, records=200)
    assert len(house.notices("both_down")) == 1
    house.wait(SECOND)
    with pytest.raises(Unavailable):
        house.deliver(PGS, records=200)
    assert len(house.notices("both_down")) == 2


def test_state_alone_is_only_logged(house: HandlersKit) -> None:
    """The record took it: a warning in the log says where the completion stands, and nobody is woken."""
    house.fail("state")
    with pytest.raises(Unavailable):
        house.deliver(PGS, records=200)
    [line] = house.logged("completion.not_in_state")
    assert line["written"] == "record only"
    assert house.notices() == []


def test_an_outage_loses_no_day(house: HandlersKit) -> None:
    """Everybody reports while the store is away for 25 minutes; when it is back one sweep triggers, under one id."""
    house.fail("state", lasts=timedelta(minutes=25))
    for processor in PHASE3:
        with pytest.raises(Unavailable):
            house.deliver(processor, records=200, message_id=f"m-{processor}")
    house.sweeps(27)
    assert house.state(TO4).state is State.DISPATCHED
    for processor in PHASE3:
        house.deliver(processor, records=200, message_id=f"m-{processor}")
    house.sweeps(5)
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert {(row["message_id"], row["game_date"]) for row in house.audit.tables["phase_completions"].values()} == {
        (f"m-{processor}", str(DAY)) for processor in PHASE3
    }
