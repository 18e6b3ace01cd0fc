"""An engineer says that somebody is at work on an alert, or that nobody wants to hear of it (behaviour A2)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.app.alerting import outbox, raise_alerts
from shared.app.operator import alerts
from shared.app.operator.alerts import Which, short_id
from shared.app.outcome import Outcome, Why
from shared.app.reporting.alert_views import open_alerts
from shared.core.alerting.alert import Alert
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.alerting.quiet import QuietKind
from shared.core.severity import Severity
from tests.app.handlers_kit import HandlersKit
from tests.core.build import NIGHT, PHASE3, SECOND, TO4, TO5

HOUR, DAYLONG = timedelta(hours=1), timedelta(hours=24)
HELD = Condition(AlertKind.HELD, Severity.CRITICAL, NIGHT.id, TO4, "", "held: two reports are missing")
GATE = Condition(AlertKind.GATE, Severity.WARNING, NIGHT.id, TO5, "coverage", "blocked: 57 of 80")
WHY = Why("restarting the scraper", "ana")


@pytest.fixture
def house() -> HandlersKit:
    return HandlersKit().ordinary()


def look(house: HandlersKit, *conditions: Condition) -> None:
    """Let a sweep find these conditions and no others."""
    found = {condition.fingerprint: condition for condition in conditions}
    house.act(lambda: raise_alerts.update_alerts(house.ctx, found, {NIGHT.id}, set(), house.clock.now()))


def is_over(house: HandlersKit) -> None:
    """Let the sweeps find that nothing holds, until they believe it."""
    for _ in range(3):
        house.wait()
        look(house)


def say(house: HandlersKit, kind: QuietKind, condition: Condition, length: timedelta) -> Outcome:
    until = house.clock.now() + length
    return house.act(lambda: alerts.quiet(house.ctx, condition.fingerprint, kind, until, WHY)).outcome


def stored(house: HandlersKit, condition: Condition) -> Alert:
    [document] = house.store.inner.get(outbox.path_of(condition.fingerprint))
    assert document is not None
    return outbox.read(document).alert


@pytest.mark.parametrize("kind", QuietKind)
@pytest.mark.parametrize("condition", [HELD, GATE], ids=["critical", "warning"])
def test_it_is_not_repeated_before_its_time(house: HandlersKit, kind: QuietKind, condition: Condition) -> None:
    """To the second: of an alert that was told once nothing more is told before the end that the person named, though
    its usual repetition falls into that time."""
    look(house, condition)
    assert say(house, kind, condition, DAYLONG + HOUR) is Outcome.DONE
    house.wait(DAYLONG)
    look(house, condition)
    house.wait(HOUR - SECOND)
    look(house, condition)
    assert len(house.notices()) == 1
    house.wait(SECOND)
    look(house, condition)
    look(house, condition)
    assert len(house.notices()) == 2, "it still holds, and is told once"


@pytest.mark.parametrize(("condition", "times"), [(HELD, 2), (GATE, 1)], ids=["critical", "warning"])
def test_a_critical_one_is_told_again_when_its_acknowledgement_ends(
    house: HandlersKit, condition: Condition, times: int
) -> None:
    """Four hours later, long before its daily repetition; a warning waits for that."""
    look(house, condition)
    say(house, QuietKind.ACK, condition, 4 * HOUR)
    house.wait(4 * HOUR)
    look(house, condition)
    assert len(house.notices()) == times
    house.wait(20 * HOUR)
    look(house, condition)
    assert len(house.notices()) == 2


@pytest.mark.parametrize("kind", QuietKind)
def test_the_end_of_what_people_know_is_told(house: HandlersKit, kind: QuietKind) -> None:
    """Good news is no repetition: who was called learns that it is over."""
    look(house, HELD)
    say(house, kind, HELD, DAYLONG)
    is_over(house)
    assert [notice.resolved for notice in house.notices()] == [False, True]


def test_an_acknowledgement_ends_with_its_alert(house: HandlersKit) -> None:
    """What begins again is news, and told at once."""
    look(house, HELD)
    say(house, QuietKind.ACK, HELD, DAYLONG)
    is_over(house)
    look(house, HELD)
    assert [notice.resolved for notice in house.notices()] == [False, True, False]
    assert stored(house, HELD).quiet is None


def test_a_silence_outlasts_its_alert(house: HandlersKit) -> None:
    """It ends and begins again all day: neither is told. What holds when the silence ends is told then, once."""
    look(house, GATE)
    is_over(house)
    assert say(house, QuietKind.SILENCE, GATE, DAYLONG) is Outcome.DONE
    ends_at = house.clock.now() + DAYLONG
    before = len(house.notices())
    for _ in range(3):
        look(house, GATE)
        house.wait(HOUR)
        is_over(house)
    look(house, GATE)
    house.clock.instant = ends_at - SECOND
    look(house, GATE)
    assert len(house.notices()) == before
    house.wait(SECOND)
    look(house, GATE)
    look(house, GATE)
    assert [notice.resolved for notice in house.notices()[before:]] == [False]


def test_sweeps_tell_it_in_the_minute_in_which_its_silence_ends(house: HandlersKit) -> None:
    """A sweep looks at what is due: what a person said makes the alert due at the end of it, and not a day later."""
    house.change(readings={"game_coverage": 57.0})
    for processor in PHASE3:
        house.deliver(processor, records=200)
    house.sweeps(5)
    [gate] = alerts.listed(house.ctx)
    until = house.clock.now() + timedelta(minutes=37)
    house.act(lambda: alerts.quiet(house.ctx, gate.fingerprint, QuietKind.SILENCE, until, WHY))
    house.sweeps(36)
    assert len(house.notices("gate")) == 1
    house.sweeps(1)
    assert len(house.notices("gate")) == 2


def test_what_could_not_be_sent_yet_is_silenced_too(house: HandlersKit) -> None:
    """The sink is away, and a person silences what is pending: it does not come when the sink is back."""
    house.fail("slack", lasts=timedelta(minutes=10))
    look(house, GATE)
    say(house, QuietKind.SILENCE, GATE, HOUR)
    house.wait(timedelta(minutes=11))
    look(house, GATE)
    assert house.notices() == []
    house.wait(HOUR)
    look(house, GATE)
    assert len(house.notices()) == 1


def test_a_silenced_alert_is_kept_as_long_as_its_silence(house: HandlersKit) -> None:
    """Two months, in which nothing of it is sent: if its document went, it would be new, and told."""
    look(house, GATE)
    say(house, QuietKind.SILENCE, GATE, timedelta(days=60))
    expires_at = stored(house, GATE).expires_at
    assert expires_at is not None
    assert expires_at > house.clock.now() + timedelta(days=60)


def test_what_is_over_can_be_silenced_and_not_acknowledged(house: HandlersKit) -> None:
    """There is nothing to work on any more; a silence speaks of what may come."""
    look(house, HELD)
    is_over(house)
    assert say(house, QuietKind.ACK, HELD, HOUR) is Outcome.REFUSED
    assert say(house, QuietKind.SILENCE, HELD, HOUR) is Outcome.DONE
    assert say(house, QuietKind.ACK, GATE, HOUR) is Outcome.NOT_FOUND


@pytest.mark.parametrize("seed", range(10))
def test_an_act_and_a_sweep_at_once_lose_nothing(seed: int) -> None:
    """Whichever writes first: the alert is sent once, and what the person said stands."""
    house = HandlersKit(seed=seed).ordinary()
    look(house, HELD)
    house.wait(DAYLONG)
    until = house.clock.now() + HOUR
    house.at_once(
        lambda: alerts.quiet(house.ctx, HELD.fingerprint, QuietKind.ACK, until, WHY),
        lambda: raise_alerts.raise_now(house.instance(), [HELD]),
    )
    house.wait(timedelta(minutes=3))
    look(house, HELD)
    assert len(house.notices()) <= 2
    house.wait(HOUR)
    look(house, HELD)
    assert len(house.notices()) in (2, 3)
    assert not stored(house, HELD).unsent


# the command


def test_open_ones_are_listed_and_one_is_shown(house: HandlersKit) -> None:
    """Newest first, with id, severity, since when and the first line; what it means and what to do first; the status
    is 1 while somebody should look."""
    look(house, HELD)
    house.wait()
    look(house, HELD, GATE)
    status, text = house.orch("alerts", "list")
    lines = text.splitlines()
    assert status == 1
    assert [line.split()[0] for line in lines[:2]] == [short_id(stored(house, one)) for one in (GATE, HELD)]
    assert "critical  since 2026-01-" in lines[1]
    assert lines[1].endswith("held: two reports are missing")
    assert lines[2] == "2 alerts"
    status, text = house.orch("alerts", "show", short_id(stored(house, HELD)))
    assert status == 0
    assert "  means:  " in text
    assert "  first:  " in text


def test_who_is_at_work_is_listed_and_nobody_else_need_look(house: HandlersKit) -> None:
    """Acknowledged by run: the list names who, until when and why, and its status is 0."""
    look(house, HELD, GATE)
    status, text = house.orch("alerts", "ack", "--run", NIGHT.id, "--reason", "restarting", "--by", "ana")
    assert (status, text.count("is acknowledged until")) == (0, 2)
    status, text = house.orch("alerts", "list", "--json")
    assert status == 0
    assert [(one["quiet"]["by"], one["quiet"]["reason"]) for one in json.loads(text)["items"]] == [
        ("ana", "restarting")
    ] * 2
    assert "acknowledged by ana until" in house.orch("alerts", "list")[1]
    house.wait(4 * HOUR)
    assert house.orch("alerts", "list")[0] == 1, "four hours, where no time is named"


def test_a_rehearsal_says_what_it_would_do(house: HandlersKit) -> None:
    """With --dry-run nothing is written."""
    look(house, HELD)
    before = stored(house, HELD)
    status, text = house.orch("alerts", "ack", short_id(before), "--reason", "looking", "--dry-run")
    assert (status, stored(house, HELD)) == (0, before)
    assert "is acknowledged until" in text


def test_those_that_are_over_are_asked_for(house: HandlersKit) -> None:
    """By default only what is open; --over what was; --all both; a run that has none has none."""
    look(house, HELD, GATE)
    for _ in range(3):
        house.wait()
        look(house, GATE)

    def kinds(which: Which) -> list[str]:
        return [alert.kind for alert in alerts.listed(house.ctx, which)]

    assert kinds(Which.OPEN) == ["gate"]
    assert kinds(Which.OVER) == ["held"]
    assert sorted(kinds(Which.ALL)) == ["gate", "held"]
    assert house.orch("alerts", "list", "--over")[0] == 0
    assert alerts.listed(house.ctx, Which.ALL, "nba/2026-01-02/overnight") == []


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (("ack", "--reason", "x"), 2, "name alerts, or the run"),
        (("ack", "held", "--run", NIGHT.id, "--reason", "x"), 2, "name alerts, or the run"),
        (("ack", "held", "--reason", " "), 2, "--reason is empty"),
        (("ack", "nothing", "--reason", "x"), 3, "there is no alert 'nothing'"),
        (("ack", "--run", "nba/2026-01-02/overnight", "--reason", "x"), 3, "has no open alert"),
        (("silence", "held", "--reason", "x"), 2, "--until"),
        (("silence", "held", "--reason", "x", "--until", "yesterday"), 2, "is not a time"),
        (("silence", "held", "--reason", "x", "--until", "2026-01-01"), 2, "is over"),
        (("show", "nothing"), 3, "there is no alert 'nothing'"),
        (("list", "--over", "--all"), 2, "contradict each other"),
    ],
)
def test_a_wrong_call_is_told_with_a_hint(house: HandlersKit, words: tuple[str, ...], status: int, text: str) -> None:
    """What was wrong, where, and how to go on; nothing is written."""
    look(house, HELD)
    answered, printed = house.orch("alerts", *words)
    assert answered == status
    assert text in printed
    assert stored(house, HELD).quiet is None


def test_an_id_that_fits_several_names_them(house: HandlersKit) -> None:
    """The beginning of an id is enough where it is one alert's; else all that it fits are named."""
    look(house, HELD, replace(HELD, run="nba/2026-01-22/same_day"))
    status, text = house.orch("alerts", "ack", "held", "--reason", "x")
    assert status == 2
    assert "'held' fits 2 alerts" in text


def test_page_and_report_say_who_is_at_work(house: HandlersKit) -> None:
    """In the list of open alerts, where the next engineer looks."""
    look(house, HELD)
    say(house, QuietKind.ACK, HELD, HOUR)
    [alert] = open_alerts(house.ctx)
    assert alert.quiet.startswith("acknowledged by ana until ")
    assert alert.quiet.endswith(": restarting the scraper")
