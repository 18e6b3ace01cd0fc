"""One message for what one run causes at one sweep, replies to it, and quiet hours, through the real sweep and outbox.

Behaviour A1 to A3: nothing of the promises about single alerts is lost by telling several together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest

from shared.adapters.notify.fan_out import FanOut
from shared.app.alerting import outage, outbox, raise_alerts
from shared.core.alerting.alert import Alert
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.errors import Unavailable
from shared.core.policy.alerts import QuietHours, Route
from shared.core.severity import Severity
from shared.ports import Delivered, Notice, Refused
from shared.simulation.fakes.clock import Crash
from tests.app.handlers_kit import Fate, HandlersKit
from tests.core.build import NIGHT, SECOND, T0, TO4, TO5

WARNINGS = [
    Condition(AlertKind.UNDER_MINIMUM, Severity.WARNING, NIGHT.id, TO4, f"p{number}", f"p{number}: too few")
    for number in range(5)
]
HELD = Condition(AlertKind.HELD, Severity.CRITICAL, NIGHT.id, TO5, "", "held: nobody came")
ELSEWHERE = replace(WARNINGS[0], run="nba/2026-01-22/same_day")
HOUR = timedelta(hours=1)


@pytest.fixture
def kit() -> HandlersKit:
    return HandlersKit().ordinary()


def look(kit: HandlersKit, *conditions: Condition) -> None:
    """Let a sweep find these conditions and no others."""
    holding = {condition.fingerprint: condition for condition in conditions}
    runs = {NIGHT.id, ELSEWHERE.run}
    kit.act(lambda: raise_alerts.update_alerts(kit.ctx, holding, runs, set(), kit.clock.now()))


def is_over(kit: HandlersKit, *still: Condition) -> None:
    for _ in range(3):
        kit.wait()
        look(kit, *still)


def shown(kit: HandlersKit) -> list[tuple[str, int]]:
    """Return what was sent: what each message is called, and how many alerts it tells."""
    return [(notice.heading, len(notice.parts)) for notice in kit.sink.messages]


def stored(kit: HandlersKit, condition: Condition) -> Alert:
    [document] = kit.store.inner.get(outbox.path_of(condition.fingerprint))
    assert document is not None
    return outbox.read(document).alert


def with_alerts(kit: HandlersKit, **alerts: Any) -> None:
    policy = kit.ctx.policy
    kit.ctx = replace(kit.ctx, policy=replace(policy, alerts=replace(policy.alerts, **alerts)))


# together


def test_what_one_run_causes_at_one_sweep_is_one_message(kit: HandlersKit) -> None:
    """Five warnings: one message with five lines, one lease and one mark each; the critical one is apart, for another
    channel; another run has a message of its own."""
    look(kit, *WARNINGS, HELD, ELSEWHERE)
    assert sorted(shown(kit)) == [
        ("5 alerts: 2026-01-21 overnight", 5),
        (kit.notices("held")[0].title, 1),
        (kit.notices("under_minimum")[-1].title, 1),
    ]
    assert len(kit.notices("under_minimum")) == 6
    assert {document["unsent"] for document in kit.documents("alerts")} == {False}
    look(kit, *WARNINGS, HELD, ELSEWHERE)
    assert len(kit.sink.messages) == 3, "each was told once"


def test_ends_of_one_sweep_are_one_message_too(kit: HandlersKit) -> None:
    """Three end together and are told together; the others go on."""
    look(kit, *WARNINGS)
    is_over(kit, *WARNINGS[3:])
    assert shown(kit)[1:] == [("3 alerts are over: 2026-01-21 overnight", 3)]
    assert len(kit.notices("under_minimum", resolved=True)) == 3


def test_more_than_ten_are_several_messages(kit: HandlersKit) -> None:
    """What one service would cut is told in parts; nothing is left out."""
    many = [replace(WARNINGS[0], subject=f"q{number:02d}") for number in range(23)]
    look(kit, *many)
    assert [size for _, size in shown(kit)] == [10, 10, 3]
    assert {part.fingerprint for notice in kit.sink.messages for part in notice.parts} == {
        condition.fingerprint for condition in many
    }


def test_what_the_sink_refused_together_is_sent_together_later(kit: HandlersKit) -> None:
    """Away for ten minutes: then one message; each alert is marked for itself."""
    kit.fail("slack", lasts=timedelta(minutes=10))
    look(kit, *WARNINGS)
    assert kit.notices() == []
    kit.wait(timedelta(minutes=11))
    look(kit, *WARNINGS)
    assert shown(kit) == [("5 alerts: 2026-01-21 overnight", 5)]


@pytest.mark.parametrize(("fate", "times"), [(Fate.DIES_BEFORE, 1), (Fate.DIES_AFTER, 2)])
def test_a_sender_that_dies_with_a_message_loses_none_of_it(kit: HandlersKit, fate: Fate, times: int) -> None:
    """After the lease the next sweep sends all of it again: twice where the sink had it, once where it had not."""
    clean = HandlersKit().ordinary()
    look(clean, *WARNINGS)
    number = next(place for place, what in enumerate(clean.effects.done) if what.startswith("slack"))
    kit.effects.fate = (number, fate)
    with pytest.raises(Crash):
        look(kit, *WARNINGS)
    kit.ctx = kit.instance()
    kit.wait(timedelta(minutes=2))
    for _ in range(3):
        look(kit, *WARNINGS)
    assert len(kit.notices("under_minimum")) == 5 * times


def test_a_store_that_fails_in_the_middle_keeps_nobody_waiting(kit: HandlersKit) -> None:
    """What was stored as being sent before the store failed is sent: its lease says so."""
    real, writes = kit.store.create, [0]

    def create(path: str, data: Mapping[str, Any]) -> str | None:
        writes[0] += path.startswith("alerts/")
        if writes[0] > 2:
            raise Unavailable("state", "gone")
        return real(path, data)

    kit.store.create = create  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        look(kit, *WARNINGS)
    assert shown(kit) == [("2 alerts: 2026-01-21 overnight", 2)]


# replies


class Threads:
    """A sink that answers with the thread of each first message, as a bot of Slack does, and keeps what it got."""

    def __init__(self) -> None:
        self.got: list[Notice] = []
        self.answer: Delivered | Refused | Unavailable | None = None

    def send(self, notice: Notice) -> Delivered | Refused:
        if isinstance(self.answer, Unavailable):
            raise self.answer
        self.got.append(notice)
        return Delivered({"slack_bot": notice.thread or f"1700000000.{len(self.got):06d}"})


def test_what_follows_an_alert_is_a_reply_to_its_message(kit: HandlersKit) -> None:
    """The thread is kept with each alert of the message, so that any instance replies; the ends of two that began in
    one message are one reply; a new episode is a new message."""
    bot = Threads()
    kit.ctx = kit.with_ports(alerts=FanOut({"bot": bot}))
    look(kit, *WARNINGS[:2])
    assert stored(kit, WARNINGS[0]).threads == {"bot": "1700000000.000001"} == stored(kit, WARNINGS[1]).threads
    kit.ctx = kit.with_ports(alerts=FanOut({"bot": bot}))
    is_over(kit)
    look(kit, WARNINGS[0])
    assert [(notice.thread, notice.resolved, len(notice.parts)) for notice in bot.got] == [
        ("", False, 2), ("1700000000.000001", True, 2), ("", False, 1),
    ]  # fmt: skip
    assert stored(kit, WARNINGS[0]).threads == {"bot": "1700000000.000003"}


def test_ends_of_alerts_that_began_in_two_messages_are_two_replies(kit: HandlersKit) -> None:
    """Each in the thread in which its beginning was told."""
    bot = Threads()
    kit.ctx = kit.with_ports(alerts=FanOut({"bot": bot}))
    look(kit, WARNINGS[0])
    look(kit, *WARNINGS[:2])
    is_over(kit)
    assert [(notice.thread, notice.resolved) for notice in bot.got[2:]] == [
        ("1700000000.000001", True), ("1700000000.000002", True),
    ]  # fmt: skip


@pytest.mark.parametrize("answer", [Unavailable("ill", "502"), Refused("ill: 404")], ids=["away", "refuses"])
def test_a_thread_is_kept_though_another_sink_failed(kit: HandlersKit, answer: Unavailable | Refused) -> None:
    """The bot took it, the other did not: when the other has it at last, the bot's thread is still known."""

    class Ill:
        def send(self, notice: Notice) -> Delivered | Refused:
            if isinstance(answer, Unavailable):
                raise answer
            return answer

    kit.ctx = kit.with_ports(alerts=FanOut({"bot": Threads(), "ill": Ill()}))
    look(kit, HELD)
    assert (stored(kit, HELD).threads, stored(kit, HELD).taken) == ({"bot": "1700000000.000001"}, ("bot",))


def test_a_sender_that_dies_before_the_thread_was_kept_says_it_anew(kit: HandlersKit) -> None:
    """The message is there, its thread is lost: it is sent again after the lease, and its end replies to the second."""
    bot = Threads()
    kit.ctx = kit.with_ports(alerts=FanOut({"bot": bot}))
    clean = HandlersKit().ordinary()
    clean.ctx = clean.with_ports(alerts=FanOut({"bot": Threads()}))
    look(clean, HELD)
    kit.effects.fate = (len(clean.effects.done) - 1, Fate.DIES_BEFORE)
    with pytest.raises(Crash):
        look(kit, HELD)
    kit.ctx = kit.with_ports(alerts=FanOut({"bot": bot}))
    kit.wait(timedelta(minutes=2))
    look(kit, HELD)
    is_over(kit)
    assert [(notice.thread, notice.resolved) for notice in bot.got] == [
        ("", False), ("", False), ("1700000000.000002", True),
    ]  # fmt: skip


# routes


def test_an_alert_goes_to_the_sinks_of_its_routes(kit: HandlersKit) -> None:
    """By phase: phase 3's to the mail of its team, everything else where it always went."""
    mail, slack, pager = Threads(), Threads(), Threads()
    sinks = {"slack": slack, "mail": mail, "pagerduty": pager}
    kit.ctx = kit.with_ports(alerts=FanOut(sinks, default=("slack",), always=("pagerduty",)))
    with_alerts(kit, routes=(Route(("mail",), phases=frozenset({"phase3"})),))
    look(kit, *WARNINGS, HELD)
    assert [len(notice.parts) for notice in mail.got] == [5]
    assert [notice.kind for notice in slack.got] == ["held"]
    assert sorted(len(notice.parts) for notice in pager.got) == [1, 5]


def test_what_is_sent_past_the_store_goes_by_the_routes_too(kit: HandlersKit) -> None:
    """The store is away: who hears of what is critical and of no phase hears of that, at night as well."""
    mail, slack = Threads(), Threads()
    kit.ctx = kit.with_ports(alerts=FanOut({"slack": slack, "mail": mail}, default=("slack",)))
    everything = Route(("mail",), severities=frozenset({"critical"}))
    with_alerts(kit, routes=(everything,), quiet_hours=QuietHours(time(0), time(23, 59)))
    for minute in range(7):
        outage.down(kit.ctx, Unavailable("state", "gone"), kit.clock.now() + minute * timedelta(minutes=1))
    assert [notice.kind for notice in mail.got] == ["state_down"]
    assert mail.got[0].title
    assert slack.got == []


# quiet hours


# 22:00 to 07:00 in New York; the runs of the tests begin at 06:00.
QUIET = QuietHours(time(22), time(7))
ENDS = T0 + HOUR


def night(kit: HandlersKit) -> None:
    with_alerts(kit, quiet_hours=QUIET)
    kit.clock.instant = T0


def test_a_warning_of_quiet_hours_is_told_once_at_their_end(kit: HandlersKit) -> None:
    """To the second, in one message, if it still holds; a critical one is told at once."""
    night(kit)
    look(kit, *WARNINGS, HELD)
    assert [notice.kind for notice in kit.notices()] == ["held"]
    kit.clock.instant = ENDS - SECOND
    look(kit, *WARNINGS, HELD)
    assert [notice.kind for notice in kit.notices()] == ["held"]
    kit.clock.instant = ENDS
    look(kit, *WARNINGS, HELD)
    look(kit, *WARNINGS, HELD)
    assert shown(kit)[1:] == [("5 alerts: 2026-01-21 overnight", 5)]


def test_a_warning_that_is_over_before_their_end_is_not_told(kit: HandlersKit) -> None:
    """Nor its end: nobody heard that it began."""
    night(kit)
    look(kit, *WARNINGS)
    is_over(kit)
    kit.clock.instant = ENDS
    look(kit)
    assert kit.notices() == []
    assert not stored(kit, WARNINGS[0]).unsent


def test_the_end_of_a_warning_waits_too(kit: HandlersKit) -> None:
    """People know of it since the evening; that it is over does not wake them. If it holds again meanwhile, nothing is
    said at all."""
    with_alerts(kit, quiet_hours=QUIET)
    kit.clock.instant = T0 - 9 * HOUR
    look(kit, *WARNINGS[:2])
    kit.clock.instant = T0
    is_over(kit)
    look(kit, WARNINGS[1])
    assert [notice.resolved for notice in kit.notices()] == [False, False]
    kit.clock.instant = ENDS
    look(kit, WARNINGS[1])
    assert [(notice.resolved, notice.text.partition(":")[0]) for notice in kit.notices()[2:]] == [(True, "over")]


def test_what_could_not_be_sent_before_them_waits_for_their_end(kit: HandlersKit) -> None:
    """The sink was away in the evening: it is not made up for at night."""
    with_alerts(kit, quiet_hours=QUIET)
    kit.clock.instant = T0 - 8 * HOUR - SECOND
    kit.fail("slack", lasts=timedelta(minutes=5))
    look(kit, WARNINGS[0])
    kit.clock.instant = T0
    look(kit, WARNINGS[0])
    assert kit.notices() == []
    kit.clock.instant = ENDS
    look(kit, WARNINGS[0])
    assert len(kit.notices()) == 1


def test_sweeps_tell_it_in_the_minute_in_which_they_end(kit: HandlersKit) -> None:
    """A sweep looks at what is due: an alert that waits makes one due at the end of the quiet hours."""
    night(kit)
    kit.change(readings={"game_coverage": 57.0})
    kit.finish("player_game_summary", "upcoming_player_game_context", "team_defense_game_summary",
                 "team_offense_game_summary", "upcoming_team_game_context", records=200)  # fmt: skip
    while not kit.notices("gate") and kit.clock.now() < ENDS + HOUR:
        kit.sweeps(1, ctx=kit.ctx)
    assert ENDS <= kit.clock.now() <= ENDS + timedelta(minutes=1)
