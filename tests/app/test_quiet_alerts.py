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
def kit() -> HandlersKit:
    return HandlersKit().ordinary()


def look(kit: HandlersKit, *conditions: Condition) -> None:
    """Let a sweep find these conditions and no others."""
    conditions_by_fingerprint = {condition.fingerprint: condition for condition in conditions}
    kit.act(lambda: raise_alerts.update_alerts(kit.ctx, conditions_by_fingerprint, {NIGHT.id}, set(), kit.clock.now()))


def is_over(kit: HandlersKit) -> None:
    """Let the sweeps find that nothing holds, until they believe it."""
    for _ in range(3):
        kit.wait()
        look(kit)


def say(kit: HandlersKit, kind: QuietKind, condition: Condition, length: timedelta) -> Outcome:
    until = kit.clock.now() + length
    return kit.act(lambda: alerts.quiet(kit.ctx, condition.fingerprint, kind, until, WHY)).outcome


def stored(kit: HandlersKit, condition: Condition) -> Alert:
    [document] = kit.store.inner.get(outbox.path_of(condition.fingerprint))
    assert document is not None
    return outbox.read(document).alert


@pytest.mark.parametrize("kind", QuietKind)
@pytest.mark.parametrize("condition", [HELD, GATE], ids=["critical", "warning"])
def test_it_is_not_repeated_before_its_time(kit: HandlersKit, kind: QuietKind, condition: Condition) -> None:
    """To the second: of an alert that was told once nothing more is told before the end that the person named, though
    its usual repetition falls into that time."""
    look(kit, condition)
    assert say(kit, kind, condition, DAYLONG + HOUR) is Outcome.DONE
    kit.wait(DAYLONG)
    look(kit, condition)
    kit.wait(HOUR - SECOND)
    look(kit, condition)
    assert len(kit.notices()) == 1
    kit.wait(SECOND)
    look(kit, condition)
    look(kit, condition)
    assert len(kit.notices()) == 2, "it still holds, and is told once"


@pytest.mark.parametrize(("condition", "times"), [(HELD, 2), (GATE, 1)], ids=["critical", "warning"])
def test_a_critical_one_is_told_again_when_its_acknowledgement_ends(
    kit: HandlersKit, condition: Condition, times: int
) -> None:
    """Four hours later, long before its daily repetition; a warning waits for that."""
    look(kit, condition)
    say(kit, QuietKind.ACK, condition, 4 * HOUR)
    kit.wait(4 * HOUR)
    look(kit, condition)
    assert len(kit.notices()) == times
    kit.wait(20 * HOUR)
    look(kit, condition)
    assert len(kit.notices()) == 2


@pytest.mark.parametrize("kind", QuietKind)
def test_the_end_of_what_people_know_is_told(kit: HandlersKit, kind: QuietKind) -> None:
    """Good news is no repetition: who was called learns that it is over."""
    look(kit, HELD)
    say(kit, kind, HELD, DAYLONG)
    is_over(kit)
    assert [notice.resolved for notice in kit.notices()] == [False, True]


def test_an_acknowledgement_ends_with_its_alert(kit: HandlersKit) -> None:
    """What begins again is news, and told at once."""
    look(kit, HELD)
    say(kit, QuietKind.ACK, HELD, DAYLONG)
    is_over(kit)
    look(kit, HELD)
    assert [notice.resolved for notice in kit.notices()] == [False, True, False]
    assert stored(kit, HELD).quiet is None


def test_a_silence_outlasts_its_alert(kit: HandlersKit) -> None:
    """It ends and begins again all day: neither is told. What holds when the silence ends is told then, once."""
    look(kit, GATE)
    is_over(kit)
    assert say(kit, QuietKind.SILENCE, GATE, DAYLONG) is Outcome.DONE
    ends_at = kit.clock.now() + DAYLONG
    before = len(kit.notices())
    for _ in range(3):
        look(kit, GATE)
        kit.wait(HOUR)
        is_over(kit)
    look(kit, GATE)
    kit.clock.instant = ends_at - SECOND
    look(kit, GATE)
    assert len(kit.notices()) == before
    kit.wait(SECOND)
    look(kit, GATE)
    look(kit, GATE)
    assert [notice.resolved for notice in kit.notices()[before:]] == [False]


def test_sweeps_tell_it_in_the_minute_in_which_its_silence_ends(kit: HandlersKit) -> None:
    """A sweep looks at what is due: what a person said makes the alert due at the end of it, and not a day later."""
    kit.change(readings={"game_coverage": 57.0})
    for processor in PHASE3:
        kit.deliver(processor, records=200)
    kit.sweeps(5)
    [gate] = alerts.listed(kit.ctx)
    until = kit.clock.now() + timedelta(minutes=37)
    kit.act(lambda: alerts.quiet(kit.ctx, gate.fingerprint, QuietKind.SILENCE, until, WHY))
    kit.sweeps(36)
    assert len(kit.notices("gate")) == 1
    kit.sweeps(1)
    assert len(kit.notices("gate")) == 2


def test_what_could_not_be_sent_yet_is_silenced_too(kit: HandlersKit) -> None:
    """The sink is away, and a person silences what is pending: it does not come when the sink is back."""
    kit.fail("slack", lasts=timedelta(minutes=10))
    look(kit, GATE)
    say(kit, QuietKind.SILENCE, GATE, HOUR)
    kit.wait(timedelta(minutes=11))
    look(kit, GATE)
    assert kit.notices() == []
    kit.wait(HOUR)
    look(kit, GATE)
    assert len(kit.notices()) == 1


def test_a_silenced_alert_is_kept_as_long_as_its_silence(kit: HandlersKit) -> None:
    """Two months, in which nothing of it is sent: if its document went, it would be new, and told."""
    look(kit, GATE)
    say(kit, QuietKind.SILENCE, GATE, timedelta(days=60))
    expires_at = stored(kit, GATE).expires_at
    assert expires_at is not None
    assert expires_at > kit.clock.now() + timedelta(days=60)


def test_what_is_over_can_be_silenced_and_not_acknowledged(kit: HandlersKit) -> None:
    """There is nothing to work on any more; a silence speaks of what may come."""
    look(kit, HELD)
    is_over(kit)
    assert say(kit, QuietKind.ACK, HELD, HOUR) is Outcome.REFUSED
    assert say(kit, QuietKind.SILENCE, HELD, HOUR) is Outcome.DONE
    assert say(kit, QuietKind.ACK, GATE, HOUR) is Outcome.NOT_FOUND


@pytest.mark.parametrize("seed", range(10))
def test_an_act_and_a_sweep_at_once_lose_nothing(seed: int) -> None:
    """Whichever writes first: the alert is sent once, and what the person said stands."""
    kit = HandlersKit(seed=seed).ordinary()
    look(kit, HELD)
    kit.wait(DAYLONG)
    until = kit.clock.now() + HOUR
    kit.at_once(
        lambda: alerts.quiet(kit.ctx, HELD.fingerprint, QuietKind.ACK, until, WHY),
        lambda: raise_alerts.raise_now(kit.instance(), [HELD]),
    )
    kit.wait(timedelta(minutes=3))
    look(kit, HELD)
    assert len(kit.notices()) <= 2
    kit.wait(HOUR)
    look(kit, HELD)
    assert len(kit.notices()) in (2, 3)
    assert not stored(kit, HELD).unsent


# the command


def test_open_ones_are_listed_and_one_is_shown(kit: HandlersKit) -> None:
    """Newest first, with id, severity, since when and the first line; what it means and what to do first; the status
    is 1 while somebody should look."""
    look(kit, HELD)
    kit.wait()
    look(kit, HELD, GATE)
    status, text = kit.orch("alerts", "list")
    lines = text.splitlines()
    assert status == 1
    assert [line.split()[0] for line in lines[:2]] == [short_id(stored(kit, condition)) for condition in (GATE, HELD)]
    assert "critical  since 2026-01-" in lines[1]
    assert lines[1].endswith("held: two reports are missing")
    assert lines[2] == "2 alerts"
    status, text = kit.orch("alerts", "show", short_id(stored(kit, HELD)))
    assert status == 0
    assert "  means:  " in text
    assert "  first:  " in text


def test_who_is_at_work_is_listed_and_nobody_else_need_look(kit: HandlersKit) -> None:
    """Acknowledged by run: the list names who, until when and why, and its status is 0."""
    look(kit, HELD, GATE)
    status, text = kit.orch("alerts", "ack", "--run", NIGHT.id, "--reason", "restarting", "--by", "ana")
    assert (status, text.count("is acknowledged until")) == (0, 2)
    status, text = kit.orch("alerts", "list", "--json")
    assert status == 0
    assert [(alert["quiet"]["by"], alert["quiet"]["reason"]) for alert in json.loads(text)["items"]] == [
        ("ana", "restarting")
    ] * 2
    assert "acknowledged by ana until" in kit.orch("alerts", "list")[1]
    kit.wait(4 * HOUR)
    assert kit.orch("alerts", "list")[0] == 1, "four hours, where no time is named"


def test_a_rehearsal_says_what_it_would_do(kit: HandlersKit) -> None:
    """With --dry-run nothing is written."""
    look(kit, HELD)
    before = stored(kit, HELD)
    status, text = kit.orch("alerts", "ack", short_id(before), "--reason", "looking", "--dry-run")
    assert (status, stored(kit, HELD)) == (0, before)
    assert "is acknowledged until" in text


def test_those_that_are_over_are_asked_for(kit: HandlersKit) -> None:
    """By default only what is open; --over what was; --all both; a run that has none has none."""
    look(kit, HELD, GATE)
    for _ in range(3):
        kit.wait()
        look(kit, GATE)

    def kinds(which: Which) -> list[str]:
        return [alert.kind for alert in alerts.listed(kit.ctx, which)]

    assert kinds(Which.OPEN) == ["gate"]
    assert kinds(Which.OVER) == ["held"]
    assert sorted(kinds(Which.ALL)) == ["gate", "held"]
    assert kit.orch("alerts", "list", "--over")[0] == 0
    assert alerts.listed(kit.ctx, Which.ALL, "nba/2026-01-02/overnight") == []


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
def test_a_wrong_call_is_told_with_a_hint(kit: HandlersKit, words: tuple[str, ...], status: int, text: str) -> None:
    """What was wrong, where, and how to go on; nothing is written."""
    look(kit, HELD)
    answered, printed = kit.orch("alerts", *words)
    assert answered == status
    assert text in printed
    assert stored(kit, HELD).quiet is None


def test_an_id_that_fits_several_names_them(kit: HandlersKit) -> None:
    """The beginning of an id is enough where it is one alert's; else all that it fits are named."""
    look(kit, HELD, replace(HELD, run="nba/2026-01-22/same_day"))
    status, text = kit.orch("alerts", "ack", "held", "--reason", "x")
    assert status == 2
    assert "'held' fits 2 alerts" in text


def test_page_and_report_say_who_is_at_work(kit: HandlersKit) -> None:
    """In the list of open alerts, where the next engineer looks."""
    look(kit, HELD)
    say(kit, QuietKind.ACK, HELD, HOUR)
    [alert] = open_alerts(kit.ctx)
    assert alert.quiet.startswith("acknowledged by ana until ")
    assert alert.quiet.endswith(": restarting the scraper")
