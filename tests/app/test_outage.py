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
def kit() -> HandlersKit:
    return HandlersKit().ordinary()


def test_five_minutes_are_critical_once_and_over_once(kit: HandlersKit) -> None:
    """The fifth minute says it, straight to the sink; the first sweep that gets an answer says that it is over."""
    kit.fail("state", lasts=timedelta(minutes=25))
    answers = kit.sweeps(5)
    assert [answer.status for answer in answers] == [500] * 5
    assert kit.notices() == []
    kit.sweeps(19)
    [down] = kit.notices()
    assert (down.severity, down.resolved) == ("critical", False)
    assert kit.sink.taken[0][0] == kit.clock.now() - timedelta(minutes=18)
    assert "5 min" in down.text
    kit.sweeps(5)
    assert [(notice.kind, notice.resolved) for notice in kit.notices("state_down")] == [
        ("state_down", False),
        ("state_down", True),
    ]
    assert kit.notices()[0].fingerprint == kit.notices()[1].fingerprint


@pytest.mark.parametrize("seconds", [60, 299])
def test_a_short_outage_is_nobodys_business(kit: HandlersKit, seconds: int) -> None:
    """Under five minutes from the first failed sweep nothing is said, and nothing is over."""
    kit.wait()
    kit.fail("state", lasts=timedelta(seconds=seconds))
    kit.sweep()
    kit.sweeps(6)
    assert kit.notices() == []


def test_a_second_outage_is_told_again(kit: HandlersKit) -> None:
    """Each outage has its own beginning and end."""
    for _ in range(2):
        kit.fail("state", lasts=timedelta(minutes=8))
        kit.sweeps(10)
    assert [notice.resolved for notice in kit.notices("state_down")] == [False, True, False, True]


@pytest.mark.parametrize("kind", [FaultKind.UNAVAILABLE, FaultKind.REJECTS])
def test_it_is_told_when_the_sink_can_take_it(kit: HandlersKit, kind: FaultKind) -> None:
    """Slack down as well: said by the first sweep that reaches it, and its end is said only if its beginning was."""
    kit.fail("state", lasts=timedelta(minutes=20))
    kit.fail("slack", kind, timedelta(minutes=10))
    kit.sweeps(25)
    assert [notice.resolved for notice in kit.notices("state_down")] == [False, True]


def test_an_end_that_slack_refuses_is_said_later(kit: HandlersKit) -> None:
    """The store is back, Slack is not: the end is said as soon as it can be."""
    kit.fail("state", lasts=timedelta(minutes=8))
    kit.sweeps(7)
    kit.fail("slack", lasts=timedelta(minutes=5))
    kit.sweeps(10)
    assert [notice.resolved for notice in kit.notices("state_down")] == [False, True]


def test_a_sweep_without_state_does_nothing_else(kit: HandlersKit) -> None:
    """500 with the reason as JSON, no call, no publication; the next answer is 200 again."""
    for processor in PHASE3:
        kit.deliver(processor, records=200)
    kit.fail("state", lasts=timedelta(seconds=30))
    before = list(kit.effects.done)
    [answer] = [kit.sweep()]
    assert (answer.status, answer.findings[0]["result"]) == (500, "failed")
    assert kit.effects.done == before
    kit.wait()
    assert kit.sweep().status == 200


def test_neither_state_nor_record_is_critical_once(kit: HandlersKit) -> None:
    """Both writes failed: critical, once for all the redeliveries of a day, and every one of them raises."""
    kit.fail("state")
    kit.fail("record")
    for number in range(10):
        with pytest.raises(Unavailable, match="state"):
            kit.deliver(PGS, records=200, message_id=f"m-{number}")
    [notice] = kit.notices("both_down")
    assert notice.severity == "critical"
    assert NIGHT.id in notice.text
    kit.wait(timedelta(hours=24) - SECOND)
    with pytest.raises(Unavailable):
        kit.deliver(PGS, records=200)
    assert len(kit.notices("both_down")) == 1
    kit.wait(SECOND)
    with pytest.raises(Unavailable):
        kit.deliver(PGS, records=200)
    assert len(kit.notices("both_down")) == 2


def test_state_alone_is_only_logged(kit: HandlersKit) -> None:
    """The record took it: a warning in the log says where the completion stands, and nobody is woken."""
    kit.fail("state")
    with pytest.raises(Unavailable):
        kit.deliver(PGS, records=200)
    [line] = kit.logged("completion.not_in_state")
    assert line["written"] == "record only"
    assert kit.notices() == []


def test_an_outage_loses_no_day(kit: HandlersKit) -> None:
    """Everybody reports while the store is away for 25 minutes; when it is back one sweep triggers, under one id."""
    kit.fail("state", lasts=timedelta(minutes=25))
    for processor in PHASE3:
        with pytest.raises(Unavailable):
            kit.deliver(processor, records=200, message_id=f"m-{processor}")
    kit.sweeps(27)
    assert kit.state(TO4).state is State.DISPATCHED
    for processor in PHASE3:
        kit.deliver(processor, records=200, message_id=f"m-{processor}")
    kit.sweeps(5)
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert {(row["message_id"], row["game_date"]) for row in kit.audit.tables["phase_completions"].values()} == {
        (f"m-{processor}", str(DAY)) for processor in PHASE3
    }
