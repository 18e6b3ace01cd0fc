"""Saying things once, to everybody who must know, whatever fails on the way (behaviour A1 to A5)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from cloudevents.http import CloudEvent
from flask import Flask, request

from shared import runtime
from shared.app.alerting import outbox, raise_alerts
from shared.app.alerting.unexpected import report_unexpected
from shared.app.sweep.handler import handle_sweep
from shared.app.sweep.sweep import SweepOptions
from shared.app.transitions.receive import receive
from shared.core.alerting.alert import Alert, Pending, raised, sent, unsent
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.errors import Unavailable
from shared.core.model import State
from shared.core.severity import Severity
from shared.entrypoints import self_heal, transition
from shared.ports import Document, Notice
from shared.simulation.fakes.clock import Crash
from shared.simulation.scenario import FaultKind, Health
from tests.app.handlers_kit import CountedStore, Fate, HandlersKit
from tests.core.build import DAY, NIGHT, PGS, PHASE3, SECOND, T0, TDGS, TO4

HOUR, DAYLONG = timedelta(hours=1), timedelta(hours=24)
STANDING = Condition(AlertKind.HELD, Severity.CRITICAL, NIGHT.id, TO4, "", "held: nobody came")
ONCE = Condition(AlertKind.LATE, Severity.INFO, NIGHT.id, TO4, PGS, "has arrived")


@pytest.fixture
def kit() -> HandlersKit:
    return HandlersKit().ordinary()


def blocked(kit: HandlersKit) -> None:
    """Complete at 06:00, and a gate that says no."""
    kit.change(readings={"game_coverage": 57.0})
    for processor in PHASE3:
        kit.deliver(processor, records=200)


def update_alerts_of(
    kit: HandlersKit, *current_conditions: Condition, unseen: frozenset[str] = frozenset()
) -> list[datetime]:
    conditions = {condition.fingerprint: condition for condition in current_conditions}
    seen = {STANDING.run} - unseen
    return kit.act(lambda: raise_alerts.update_alerts(kit.ctx, conditions, seen, unseen, kit.clock.now()))


def alert(kit: HandlersKit, condition: Condition = STANDING) -> Alert:
    [document] = kit.store.inner.get(outbox.path_of(condition.fingerprint))
    assert document is not None
    return outbox.read(document).alert


# once


def test_an_alert_is_stored_before_it_is_sent(kit: HandlersKit) -> None:
    """A process that dies at the sink has left it pending: it comes some minutes later, from somebody else."""
    blocked(kit)
    order = [what for what in kit.effects.done if "alerts/" in what or what.startswith("slack")]
    assert [what.split()[0] for what in order] == ["state", "slack", "state"]


@pytest.mark.parametrize(("fate", "times"), [(Fate.DIES_BEFORE, 1), (Fate.DIES_AFTER, 2)])
def test_a_sender_that_dies_is_replaced_when_its_lease_ends(kit: HandlersKit, fate: Fate, times: int) -> None:
    """Nobody else sends within two minutes, skewed clocks or not; after that a sweep does. Only a death after the
    sink's answer says it twice."""
    clean = HandlersKit().ordinary()
    blocked(clean)
    number = next(n for n, what in enumerate(clean.effects.done) if what.startswith("slack"))
    kit.effects.fate = (number, fate)
    with pytest.raises(Crash):
        blocked(kit)
    kit.ctx = kit.instance()
    kit.wait(timedelta(seconds=119))
    kit.sweep()
    assert len(kit.notices("gate")) == times - 1
    kit.wait(SECOND)
    kit.sweep()
    assert len(kit.notices("gate")) == times
    kit.sweeps(30)
    assert len(kit.notices("gate")) == times


@pytest.mark.parametrize("seed", range(8))
def test_of_two_instances_that_see_it_one_sends(seed: int) -> None:
    """Two handlers in any interleaving raise the same condition: one document, one notice."""
    kit = HandlersKit(seed=seed)
    racers = [partial(raise_alerts.raise_now, kit.instance(), [STANDING, ONCE]) for _ in range(3)]
    kit.at_once(*racers)
    assert sorted(notice.kind for notice in kit.notices()) == ["held", "late"]


@pytest.mark.parametrize("seed", range(8))
def test_of_two_that_find_it_pending_one_sends(seed: int) -> None:
    """Left behind by a sink that was down, found by two sweeps' workers at once: one notice."""
    kit = HandlersKit(seed=seed)
    kit.fail("slack")
    kit.act(lambda: raise_alerts.raise_now(kit.ctx, [STANDING]))
    kit.restore()
    kit.wait()
    now = kit.clock.now()
    kit.at_once(*(partial(outbox.send_pending, kit.instance(), now) for _ in range(3)))
    assert len(kit.notices()) == 1


@pytest.mark.parametrize("seed", range(4))
def test_racing_occurrences_are_all_counted(seed: int) -> None:
    """Counts live in the store: of six instances at once none is lost."""
    kit = HandlersKit(seed=seed)
    kit.act(lambda: raise_alerts.raise_now(kit.ctx, [ONCE]))
    kit.at_once(*(partial(raise_alerts.raise_now, kit.instance(), [ONCE], occurrence=True) for _ in range(5)))
    assert alert(kit, ONCE).count == 6
    assert len(kit.notices()) == 1


def test_another_run_or_processor_is_another_alert(kit: HandlersKit) -> None:
    """The fingerprint is kind, run, transition and subject; severity and text are not part of it."""
    others = [replace(STANDING, run="nba/2026-01-22/same_day"), replace(STANDING, subject=PGS)]
    same = replace(STANDING, text="held: still nobody", severity=Severity.WARNING)
    kit.act(lambda: raise_alerts.raise_now(kit.ctx, [STANDING, *others, same]))
    assert len(kit.notices()) == 3


# repetition


def test_a_standing_alert_is_said_once_a_day_with_its_count(kit: HandlersKit) -> None:
    """Nothing until a second before 24 h have passed; then once, with the count, and again a day later."""
    update_alerts_of(kit, STANDING)
    for _ in range(3):
        kit.wait(DAYLONG / 4)
        update_alerts_of(kit, STANDING)
    kit.wait(DAYLONG / 4 - SECOND)
    update_alerts_of(kit, STANDING)
    assert [notice.count for notice in kit.notices()] == [1]
    kit.wait(SECOND)
    update_alerts_of(kit, STANDING)
    update_alerts_of(kit, STANDING)
    assert [notice.count for notice in kit.notices()] == [1, 2]
    kit.wait(DAYLONG)
    update_alerts_of(kit, STANDING)
    assert [notice.count for notice in kit.notices()] == [1, 2, 3]


def test_a_repetition_says_what_is_true_then(kit: HandlersKit) -> None:
    """The text of a repeated alert is the condition's at that moment, not yesterday's."""
    update_alerts_of(kit, STANDING)
    kit.wait(DAYLONG)
    update_alerts_of(kit, replace(STANDING, text="held: two came"))
    assert kit.texts() == ["held: nobody came", "held: two came"]


def test_what_is_said_once_is_not_repeated_by_sweeps(kit: HandlersKit) -> None:
    """A fact has no end and no repetition: sweeps that derive it for days say it once."""
    for _ in range(4):
        update_alerts_of(kit, ONCE)
        kit.wait(DAYLONG)
    assert len(kit.notices()) == 1


# recovery


def test_an_end_is_believed_when_a_second_sweep_sees_it(kit: HandlersKit) -> None:
    """One sweep without it says nothing; the next does, once; then nothing stands."""
    update_alerts_of(kit, STANDING)
    kit.wait()
    update_alerts_of(kit)
    assert len(kit.notices()) == 1
    kit.wait()
    update_alerts_of(kit)
    assert len(kit.notices()) == 2
    for _ in range(5):
        kit.wait()
        update_alerts_of(kit)
    assert [notice.resolved for notice in kit.notices()] == [False, True]
    assert alert(kit).firing is False
    assert alert(kit).resolved_at is not None


def test_an_end_that_one_sweep_saw_is_looked_at_again(kit: HandlersKit) -> None:
    """A sweep announces when the end will be believed, so that nobody sleeps over it."""
    update_alerts_of(kit, STANDING)
    kit.wait()
    moments = update_alerts_of(kit)
    assert kit.clock.now() + raise_alerts.OVER_FOR in moments[NIGHT.id]


def test_a_flutter_says_nothing(kit: HandlersKit) -> None:
    """Gone for one sweep and back: neither an end nor a beginning."""
    update_alerts_of(kit, STANDING)
    for _ in range(10):
        kit.wait()
        update_alerts_of(kit)
        kit.wait()
        update_alerts_of(kit, STANDING)
    assert len(kit.notices()) == 1


def test_a_new_episode_is_said_again_and_counts_on(kit: HandlersKit) -> None:
    """After a recovery the condition is news: an alert at once, with the count of both, and an end of its own."""
    for _ in range(2):
        update_alerts_of(kit, STANDING)
        for _ in range(3):
            kit.wait()
            update_alerts_of(kit)
    assert [(notice.resolved, notice.count) for notice in kit.notices()] == [
        (False, 1), (True, 1), (False, 2), (True, 2),
    ]  # fmt: skip


def test_of_a_run_that_was_not_looked_at_nothing_ends(kit: HandlersKit) -> None:
    """A sweep that had no time for a run knows nothing of it."""
    update_alerts_of(kit, STANDING)
    for _ in range(5):
        kit.wait()
        update_alerts_of(kit, unseen=frozenset({NIGHT.id}))
    assert len(kit.notices()) == 1
    assert alert(kit).ended_at is None


def test_an_alert_that_was_never_sent_has_no_end(kit: HandlersKit) -> None:
    """The sink was down from its beginning to its end: nobody is told that something nobody heard of is over."""
    kit.fail("slack")
    update_alerts_of(kit, STANDING)
    for _ in range(3):
        kit.wait()
        update_alerts_of(kit)
    kit.restore()
    kit.wait()
    update_alerts_of(kit)
    assert kit.notices() == []


def test_a_recovery_that_could_not_be_sent_is_sent_later(kit: HandlersKit) -> None:
    """Said, over while the sink is down: the recovery waits, and comes once."""
    update_alerts_of(kit, STANDING)
    kit.fail("slack")
    for _ in range(4):
        kit.wait()
        update_alerts_of(kit)
    kit.restore()
    for _ in range(4):
        kit.wait()
        update_alerts_of(kit)
    assert [notice.resolved for notice in kit.notices()] == [False, True]


def test_back_before_its_end_was_told_it_stays_as_it_was(kit: HandlersKit) -> None:
    """Over while the sink is down, and true again before anybody heard: people know what they know."""
    update_alerts_of(kit, STANDING)
    kit.fail("slack")
    for _ in range(4):
        kit.wait()
        update_alerts_of(kit)
    update_alerts_of(kit, STANDING)
    kit.restore()
    for _ in range(4):
        kit.wait()
        update_alerts_of(kit, STANDING)
    assert [notice.resolved for notice in kit.notices()] == [False]


def dies_at_the_sink(kit: HandlersKit, fate: Fate, *conditions: Condition) -> None:
    """Let the next sweep write that it is about to send, and die as it does; the one after comes when others may."""
    kit.effects.fate = (len(kit.effects.done) + 1, fate)
    with pytest.raises(Crash):
        update_alerts_of(kit, *conditions)
    kit.ctx = kit.instance()


@pytest.mark.parametrize(("fate", "heard"), [(Fate.DIES_BEFORE, [True]), (Fate.DIES_AFTER, [False, True])])
@pytest.mark.parametrize("refused", [True, False], ids=["refused", "over at once"])
def test_the_end_of_what_may_have_been_heard_is_told(
    kit: HandlersKit, fate: Fate, heard: list[bool], refused: bool
) -> None:
    """A sender died at the sink, and nobody could say it again before it was over: people may have heard it."""
    dies_at_the_sink(kit, fate, STANDING)
    if refused:
        kit.fail("slack", FaultKind.REJECTS)
        kit.wait(timedelta(minutes=3))
        update_alerts_of(kit, STANDING)
        kit.restore()
    for _ in range(4):
        kit.wait(timedelta(seconds=52))
        update_alerts_of(kit)
    assert [notice.resolved for notice in kit.notices()] == heard


@pytest.mark.parametrize(("fate", "ends"), [(Fate.DIES_BEFORE, []), (Fate.DIES_AFTER, [True])])
def test_back_after_its_end_may_have_been_heard_it_is_said_again(
    kit: HandlersKit, fate: Fate, ends: list[bool]
) -> None:
    """A sender of the end died at the sink: who has heard that it is over hears that it is not."""
    update_alerts_of(kit, STANDING)
    kit.wait()
    update_alerts_of(kit)
    kit.wait()
    dies_at_the_sink(kit, fate)
    kit.wait(timedelta(minutes=3))
    for _ in range(4):
        kit.wait()
        update_alerts_of(kit, STANDING)
    assert [notice.resolved for notice in kit.notices()] == [False, *ends, False]


def test_back_while_its_end_is_being_refused_it_stays_as_it_was(kit: HandlersKit) -> None:
    """It holds again after the sender of its end wrote its lease and before the sink refused: nothing is said twice."""
    update_alerts_of(kit, STANDING)
    for _ in range(2):
        kit.wait()
        update_alerts_of(kit)
    over = replace(alert(kit), pending=Pending.RECOVERY, unsent=True, firing=False, sending_until=kit.clock.now())
    back = raised(over, STANDING, kit.clock.now(), DAYLONG, occurrence=False)
    assert (back.firing, back.pending, back.sending_until) == (True, Pending.ALERT, over.sending_until)
    refused = unsent(back, over, (), kit.clock.now())
    assert (refused.firing, refused.pending, refused.unsent) == (True, Pending.NOTHING, False)
    assert sent(back, Pending.RECOVERY, kit.clock.now()).pending is Pending.ALERT


# the sink


def test_what_could_not_be_sent_is_sent_by_a_later_sweep(kit: HandlersKit) -> None:
    """Slack down for ten minutes: every alert of that time comes once, when it is back; no delivery failed for it."""
    kit.fail("slack", lasts=timedelta(minutes=10))
    blocked(kit)
    kit.deliver(TDGS, records=3)
    kit.sweeps(9)
    assert kit.notices() == []
    assert kit.logged("alert.unsent")
    kit.sweeps(3)
    assert sorted(notice.kind for notice in kit.notices()) == ["counter_missing", "gate"]
    assert {document["unsent"] for document in kit.documents("alerts")} == {False}


def test_a_refusal_is_tried_again_hourly(kit: HandlersKit) -> None:
    """A sink that refuses is not asked again for an hour; the reason is kept, and gone once it is taken."""
    kit.fail("slack", FaultKind.REJECTS)
    update_alerts_of(kit, STANDING)
    kept = alert(kit)
    assert kept.refused
    assert kept.retry_at == kit.clock.now() + HOUR
    for _ in range(59):
        kit.wait()
        update_alerts_of(kit, STANDING)
    assert kit.sink.tried == 1
    kit.wait()
    update_alerts_of(kit, STANDING)
    assert kit.sink.tried == 2
    kit.restore()
    kit.wait(HOUR)
    update_alerts_of(kit, STANDING)
    assert len(kit.notices()) == 1
    assert (alert(kit).refused, alert(kit).unsent) == ("", False)


def test_an_alert_nobody_takes_goes_to_the_log_at_its_severity(kit: HandlersKit) -> None:
    """Refused or unreachable: the text is in the log, critical as critical."""
    kit.fail("slack", FaultKind.REJECTS)
    update_alerts_of(kit, STANDING)
    [line] = [(severity, keys) for name, severity, keys in kit.log if name == "alert.refused"]
    assert line[0] == "CRITICAL"
    assert line[1]["text"] == STANDING.text


@pytest.mark.parametrize("port", ["slack", "alerts"])
def test_no_failure_of_alerting_fails_a_transition(kit: HandlersKit, port: str) -> None:
    """With the sink down, or the alerts' own documents unwritable, the trigger leaves and the message is taken."""
    kit.change(readings={"minutes_coverage": 85.0})
    ctx = kit.ctx
    if port == "slack":
        kit.fail("slack")
    else:
        ctx = kit.with_ports(store=NoAlerts(kit.store.inner, kit.effects))
    for processor in PHASE3:
        kit.deliver(processor, records=200, ctx=ctx)
    assert kit.state(TO4).state is State.DISPATCHED
    kit.restore()
    kit.wait()
    kit.sweep()
    assert [notice.kind for notice in kit.notices()] == ["gate_warning"]


class NoAlerts(CountedStore):
    """A store whose alerts cannot be reached."""

    def get(self, *paths: str) -> list[Document | None]:
        if any(path.startswith("alerts/") for path in paths):
            raise Unavailable("state", "no alerts (simulated)")
        return super().get(*paths)


# what is said


def test_a_gate_that_blocks_is_one_warning_and_one_end(kit: HandlersKit) -> None:
    """Three hours of sweeps and deliveries: gate and number when it begins, the end when it ends."""
    blocked(kit)
    for number in range(180):
        kit.wait()
        kit.sweep()
        if number % 20 == 0:
            kit.deliver(PGS, records=200)
    gates = kit.notices("gate")
    assert [notice.severity for notice in gates] == ["warning"]
    assert "game_coverage" in gates[0].text
    assert "57" in gates[0].text
    kit.change(readings={"game_coverage": 95.0})
    kit.sweeps(4)
    assert [notice.resolved for notice in kit.notices("gate")] == [False, True]


def test_an_unfit_service_is_critical_after_five_minutes(kit: HandlersKit) -> None:
    """Nothing a second before; then once, naming service, status and who answered; over when the trigger has left."""
    kit.health("precompute", Health.WRONG_IDENTITY)
    for processor in PHASE3:
        kit.deliver(processor, records=200)
    kit.wait(timedelta(minutes=5) - SECOND)
    kit.sweep()
    assert kit.notices() == []
    kit.wait(SECOND)
    kit.sweep()
    kit.sweeps(5)
    [notice] = kit.notices("preflight")
    assert notice.severity == "critical"
    for part in ("precompute", "200", "nba-phase3-analytics-processors", "nba-phase4-precompute-processors"):
        assert part in notice.text
    kit.health("precompute", Health.HEALTHY)
    kit.sweeps(3)
    assert [notice.resolved for notice in kit.notices("preflight")] == [False, True]


def test_three_failures_of_one_cause_are_one_warning(kit: HandlersKit) -> None:
    """Two say nothing, the third names the cause, the tenth adds a count and no notice; a success ends it."""
    kit.sweep()
    for number in range(10):
        kit.deliver(PGS, "failed", error_message="quota exceeded")
        assert len(kit.notices("failing")) == int(number >= 2)
    [notice] = kit.notices("failing")
    assert "quota exceeded" in notice.text
    assert alert_of(kit, "failing")["count"] == 8
    kit.deliver(PGS, records=203)
    kit.sweeps(3)
    assert [notice.resolved for notice in kit.notices("failing")] == [False, True]


def test_failures_of_different_causes_are_no_series(kit: HandlersKit) -> None:
    """Two and two of different causes say nothing; a cause nobody gave is one cause."""
    kit.sweep()
    for cause in ("quota", "timeout", "quota", "timeout"):
        kit.deliver(PGS, "failed", error_message=cause)
    assert not kit.notices("failing")
    for _ in range(3):
        kit.deliver(TDGS, "failed")
    assert len(kit.notices("failing")) == 1


def alert_of(kit: HandlersKit, kind: str) -> dict[str, object]:
    [alert_document] = [dict(document) for document in kit.documents("alerts") if document["kind"] == kind]
    return alert_document


def test_backfill_raises_nothing_above_info() -> None:
    """The same night in both lanes: what is critical and warning there is info here, and never due."""
    live, past = nightmare(backfill=False), nightmare(backfill=True)
    assert {notice.severity for notice in live.notices()} == {"critical", "warning", "info"}
    assert {notice.severity for notice in past.notices()} == {"info"}
    kinds = {notice.kind for notice in past.notices()}
    assert {"gate", "preflight", "failing", "held"} <= kinds
    assert not {kind for kind in kinds if kind.startswith("due_")}


def nightmare(*, backfill: bool) -> HandlersKit:
    """A gate blocks, a service is down, a processor is short and another fails, until long past every due time."""
    # Days later, when nobody waits for the live run of that date any more.
    kit = HandlersKit(start=T0 + timedelta(days=5 * backfill)).ordinary()
    more: dict[str, Any] = {"backfill_mode": True} if backfill else {}
    kit.change(readings={"game_coverage": 57.0}, rows={"nba_analytics.team_defense_game_summary": {DAY: 0}})
    kit.health("precompute", Health.DOWN)
    for processor in PHASE3:
        kit.deliver(processor, records=3 if processor == TDGS else 200, **more)
    kit.wait(SECOND)
    for _ in range(3):
        kit.deliver("team_offense_game_summary", "failed", error_message="quota", **more)
    kit.deliver("prediction_coordinator", "failed", **more)
    kit.deliver("prediction_coordinator", "partial", records=5, metadata={"completion_pct": 10}, **more)
    kit.deliver("prediction_coordinator", "failed", **more)
    kit.sweeps(330)
    return kit


# errors


@pytest.fixture
def installed(kit: HandlersKit) -> Iterator[HandlersKit]:
    with runtime.override_context(kit.ctx):
        yield kit


def broken(kit: HandlersKit) -> None:
    """Let the processors' documents be of a shape that nothing can read."""
    path = f"runs/nba~2026-01-21~overnight/completions/phase3.{PGS}"
    kit.store.inner.create(path, {"phase": ["not a word"], "processor": 3})


def event() -> CloudEvent:
    body = {
        "processor_name": PGS,
        "game_date": str(DAY),
        "mode": "overnight",
        "status": "success",
        "correlation_id": "c-7",
    }
    message = {"data": base64.b64encode(json.dumps(body).encode()).decode(), "messageId": "m-1"}
    attributes = {"type": "google.cloud.pubsub.topic.v1.messagePublished", "source": "//pubsub/topics/x", "id": "m-1"}
    return CloudEvent(attributes, {"message": message})


def test_an_exception_of_a_handler_is_told_once_and_raised(installed: HandlersKit) -> None:
    """Function, error type, message, trace and correlation: critical, once for many redeliveries, counted, raised."""
    kit = installed
    broken(kit)
    for _ in range(4):
        with pytest.raises(Exception, match="Expected"):
            kit.act(lambda: transition.receive(TO4, event()))
    [notice] = kit.notices("error")
    assert notice.severity == "critical"
    for part in (TO4, "ValueError: no Completion", "in from_data", "c-7"):
        assert part in notice.text
    assert alert_of(kit, "error")["count"] == 4


def test_an_exception_of_the_sweep_is_told_too(installed: HandlersKit) -> None:
    """The sweep's own error is an alert of the function self_heal, and a 500."""
    kit = installed
    kit.deliver(PGS, records=200)
    kit.store.inner.create("locks/nba~sweep", {"owner": ["confused"]})
    with Flask("x").test_request_context(method="POST"), pytest.raises(ValueError, match="owner"):
        kit.act(lambda: self_heal.handle(request))
    [notice] = kit.notices("error")
    assert "self_heal" in notice.text


@pytest.mark.parametrize("length", [10, 100_000])
def test_an_error_alert_has_bounds(kit: HandlersKit, length: int) -> None:
    """500 characters of message, 2,000 of trace, whatever was raised."""
    kit.act(lambda: report_unexpected(kit.ctx, "f", ValueError("ä" * length), "ß" * length))
    [notice] = kit.notices()
    assert notice.text.count("ä") == min(length, 500)
    assert notice.text.count("ß") == min(length, 2_000)


def test_an_outage_is_no_error_of_ours(installed: HandlersKit) -> None:
    """What may pass is raised for redelivery, without an error alert."""
    installed.fail("state", lasts=timedelta(seconds=30))
    with pytest.raises(Unavailable):
        installed.act(lambda: transition.receive(TO4, event()))
    installed.wait()
    installed.sweep()
    assert installed.notices("error") == []


def test_an_error_alert_that_cannot_be_stored_does_not_hide_the_error(installed: HandlersKit) -> None:
    """The store is away while telling: the original error is what is raised, the rest is in the log."""
    kit = installed
    broken(kit)
    kit.effects.fate = (1, Fate.SILENT_BEFORE)
    with pytest.raises(Exception, match="Expected"):
        kit.act(lambda: transition.receive(TO4, event()))
    assert kit.logged("alert.not_stored")
    assert kit.logged("handler.failed")


def test_every_alert_stands_in_the_record(kit: HandlersKit) -> None:
    """When it was first true, delivered and over: readers take the newest row of each."""
    blocked(kit)
    kit.sweeps(2)
    kit.change(readings={"game_coverage": 95.0})
    kit.sweeps(4)
    rows = [row for row in kit.audit.tables["alerts"].values() if row["kind"] == "gate"]
    newest = max(rows, key=lambda row: (row["resolved_at"] is not None, row["count"]))
    assert newest["delivered_at"] is not None
    assert newest["resolved_at"] is not None
    assert len({row["alert_id"] for row in rows}) == 1


def test_a_notice_says_where_and_what_to_do(kit: HandlersKit) -> None:
    """Every text of a bad night carries run, transition, and a next step."""
    bad = nightmare(backfill=False)
    texts: list[Notice] = [notice for notice in bad.notices() if not notice.resolved]
    assert texts
    for notice in texts:
        assert NIGHT.id in notice.text
        assert "phase" in notice.text
        assert "Next: " in notice.text or "To do: " in notice.text


Racer = Callable[[], object]


@pytest.mark.parametrize("seed", range(4))
def test_sweep_and_delivery_at_once_say_it_once(seed: int) -> None:
    """A sweep beside the delivery that brings a condition to light: one notice between them."""
    kit = HandlersKit(seed=seed).ordinary()
    kit.change(readings={"game_coverage": 57.0})
    for processor in PHASE3[:-1]:
        kit.deliver(processor, records=200)
    data = kit.delivery("phase3", json.dumps(kit.message(PHASE3[-1], records=200)).encode())
    racers: list[Racer] = [
        partial(receive, kit.instance(), data),
        partial(handle_sweep, kit.instance(), SweepOptions()),
    ]
    kit.at_once(*racers)
    kit.sweeps(3)
    assert len(kit.notices("gate")) == 1
