"""Several sinks of alerts, of which one is away: the others are told once (behaviour A2, A3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.adapters.notify.fan_out import FanOut
from shared.app.alerting import outage, outbox, raise_alerts
from shared.app.context import Context
from shared.core.alerting.alert import Alert, Pending, raised
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.errors import Unavailable, Undelivered
from shared.core.severity import Severity
from shared.ports import Clock, Delivered, Notice, Refused
from tests.app.handlers_kit import HandlersKit
from tests.core.build import PGS, PHASE3, TO4

DAY = timedelta(days=1)


class Sink:
    """Takes what it is given, unless it is told to answer otherwise."""

    def __init__(self) -> None:
        self.answer: Delivered | Refused | Unavailable = Delivered()
        self.tried, self.got = 0, list[Notice]()
        self.hangs: Clock | None = None

    def send(self, notice: Notice) -> Delivered | Refused:
        self.tried += 1
        if self.hangs is not None:
            self.hangs.sleep(timedelta(seconds=3))
        if isinstance(self.answer, Unavailable):
            raise self.answer
        if isinstance(self.answer, Delivered):
            self.got += notice.parts
        return self.answer

    def of(self, kind: str) -> list[tuple[bool, int]]:
        return [(notice.resolved, notice.count) for notice in self.got if notice.kind == kind]


def condition_of(alert: Alert) -> Condition:
    return Condition(
        AlertKind(alert.kind),
        Severity(alert.severity),
        alert.run,
        alert.transition,
        alert.subject,
        alert.text,
    )


class Two:
    """A night whose gate blocks, and two sinks that hear of it."""

    def __init__(self) -> None:
        self.kit = HandlersKit().ordinary()
        self.well, self.ill = Sink(), Sink()
        self.ctx: Context = self.kit.with_ports(alerts=FanOut({"well": self.well, "ill": self.ill}))

    def block(self) -> None:
        self.kit.change(readings={"game_coverage": 10.0})
        self.kit.finish(*PHASE3, records=200)

    def sweeps(self, minutes: int) -> None:
        self.kit.sweeps(minutes, ctx=self.ctx)

    @property
    def now(self) -> datetime:
        return self.kit.clock.instant


@pytest.fixture
def two() -> Two:
    both = Two()
    both.kit.ctx = both.ctx
    return both


@pytest.mark.parametrize("answer", [Unavailable("ill", "502"), Refused("404 no_service")], ids=["away", "refuses"])
def test_a_sink_that_is_away_makes_the_other_repeat_nothing(two: Two, answer: Refused | Unavailable) -> None:
    """Six sweeps later the healthy one has said it once; when the other is back, it says it once too."""
    two.ill.answer = answer
    two.block()
    two.sweeps(6)
    assert two.well.of("gate") == [(False, 1)]
    two.ill.answer = Delivered()
    two.sweeps(61)
    assert two.well.of("gate") == two.ill.of("gate") == [(False, 1)]


def test_who_was_told_is_told_that_it_is_over(two: Two) -> None:
    """The end goes to the sink that heard of it, though the other never did; to each of them once."""
    two.ill.answer = Unavailable("ill", "502")
    two.block()
    two.sweeps(3)
    two.kit.change(readings={"game_coverage": 100.0})
    two.sweeps(6)
    assert two.well.of("gate") == [(False, 1), (True, 1)]


def test_what_holds_again_after_one_sink_heard_its_end_is_told_again(two: Two) -> None:
    """Half told that it is over, it is not over: the one that heard so hears that it holds."""
    two.block()
    two.sweeps(2)
    two.ill.answer = Unavailable("ill", "502")
    two.kit.change(readings={"game_coverage": 100.0})
    two.kit.sweeps(3, ctx=two.kit.with_ports(alerts=FanOut({"well": two.well, "ill": two.ill})))
    assert two.well.of("gate") == [(False, 1), (True, 1)]
    [document] = [d for d in two.kit.store.query("alerts") if d.data["kind"] == "gate"]
    half_told = outbox.read(document).alert
    assert half_told.taken == ("well",)
    holding = condition_of(half_told)
    again = raised(half_told, holding, two.now, DAY, occurrence=False)
    assert (again.pending, again.firing, again.taken) == (Pending.ALERT, True, ())
    untold = raised(replace(half_told, taken=()), holding, two.now, DAY, occurrence=False)
    assert (untold.pending, untold.firing) == (Pending.NOTHING, True)


def test_a_sink_that_is_away_for_long_does_not_silence_the_repetition(two: Two) -> None:
    """After ``repeat_after`` the healthy one says it again, with the count (behaviour A2)."""
    two.ill.answer = Unavailable("ill", "502")
    policy = two.kit.policy
    two.ctx = replace(
        two.ctx, policy=replace(policy, alerts=replace(policy.alerts, repeat_after=timedelta(minutes=30)))
    )
    two.block()
    two.sweeps(70)
    assert len(two.well.of("gate")) in (2, 3)


def test_a_sink_that_hangs_keeps_no_alert_from_a_healthy_one(two: Two) -> None:
    """Each sweep brings the healthy sink one more, none is taken for told that was not; in the end both have all."""
    two.well.answer = two.ill.answer = Unavailable("both", "502")
    for number in range(4):
        run = f"nba/2026-01-1{number}/overnight"  # those of one run would be one message
        condition = Condition(AlertKind.LATE, Severity.INFO, run, TO4, PGS, "has arrived")
        two.kit.act(lambda c=condition: raise_alerts.raise_now(two.ctx, [c]))  # type: ignore[misc]
    two.well.answer, two.ill.hangs = Delivered(), two.kit.clock
    for count in range(1, 5):
        two.sweeps(1)
        assert len(two.well.of("late")) == count
    assert two.ill.of("late") == []
    two.ill.answer, two.ill.hangs = Delivered(), None
    two.sweeps(1)
    assert two.well.of("late") == two.ill.of("late") == [(False, 1)] * 4


def test_what_a_sink_asks_for_is_kept_across_sweeps(two: Two) -> None:
    """Told to come back in ten minutes, no sweep tries it before; then it has it."""
    two.ill.answer = Undelivered("ill", "429", retry_at=two.now + timedelta(minutes=10))
    two.block()
    tried = two.ill.tried
    assert tried == 1
    two.sweeps(9)
    assert two.ill.tried == tried
    two.ill.answer = Delivered()
    two.sweeps(2)
    assert two.ill.of("gate") == two.well.of("gate") == [(False, 1)]


def test_past_the_store_the_other_repeats_nothing_either(two: Two) -> None:
    """The store is away and one sink too: the healthy one hears it once, and its end once."""
    two.ill.answer = Unavailable("ill", "502")
    for minute in range(20):
        outage.down(two.ctx, Unavailable("state", "gone"), two.now + timedelta(minutes=minute))
    assert two.well.of("state_down") == [(False, 1)]
    outage.up(two.ctx, two.now + timedelta(minutes=21))
    outage.up(two.ctx, two.now + timedelta(minutes=22))
    assert two.well.of("state_down") == [(False, 1), (True, 1)]
