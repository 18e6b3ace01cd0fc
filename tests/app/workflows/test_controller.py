"""The controller and the sweep: claims, reads, missed windows, runs without progress, files announced again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask, request

from shared.app.call import Call
from shared.app.transitions.receive import Handled
from shared.app.workflows import receive
from shared.app.workflows.controller import tick
from shared.app.workflows.request import answer
from shared.core.alerting.kinds import AlertKind
from shared.core.message import Delivery
from shared.core.workflows.files import ScraperFile, counted, is_refused
from shared.core.workflows.runs import RunStatus
from shared.core.workflows.units import ScheduledUnit
from shared.entrypoints.answers import call_of
from shared.ports import Response, TableRef, UnitsRef
from tests.app.workflows.phase1 import POLICY, SUCCESS, Phase1
from tests.app.workflows.test_executor import NOON, SIX, chain, only

DAY = date(2026, 1, 26)


def lines() -> dict[str, Any]:
    """Return an overlay in which betting lines alone are fetched, every two hours, and wait for nobody."""
    overlay = only("betting_lines")
    overlay["workflows"]["betting_lines"]["requires"] = []
    return overlay


def reading_every(phase1: Phase1, every: timedelta | None) -> None:
    """Let a reading of the calendar serve so long; None: each tick reads it."""
    assert POLICY.calendar is not None
    policy = replace(POLICY, calendar=replace(POLICY.calendar, read_every=every))
    phase1.ctx = replace(phase1.ctx, policy=policy)


def called(phase1: Phase1, body: Any, method: str = "POST", path: str = "/") -> tuple[dict[str, Any], int]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return answer(phase1.ctx, phase1.workflows, Call(path, (), data, method))


def test_two_controllers_claim_a_window_once() -> None:
    """The second finds the claim, whether the first has noted it in the book or not."""
    phase1 = Phase1(SIX, only("morning_operations"))
    assert len(phase1.tick().begun) == 1
    assert phase1.tick().begun == []
    book = phase1.store.inner.query("workflow_days")[0]
    phase1.store.inner.delete(book.path)
    assert phase1.tick().begun == []
    assert len(phase1.bus.waiting) == 1
    assert len(phase1.runs()) == 1


def test_a_tick_with_nothing_due_reads_twice_at_most_and_writes_nothing() -> None:
    """One round trip for books and pauses; the calendar is the warehouse's."""
    phase1 = Phase1(NOON + timedelta(hours=4), None)
    phase1.warehouse.of[DAY] = ()
    phase1.tick()
    phase1.deliver_all()
    phase1.pass_time(timedelta(minutes=5))
    phase1.tick()
    writes, phase1.store.reads = phase1.store.writes, type(phase1.store.reads)()
    phase1.pass_time(timedelta(minutes=5))
    assert phase1.tick().begun == []
    assert phase1.store.writes == writes
    assert sum(phase1.store.reads.values()) <= 2


def test_a_discovery_reads_its_table_once_for_each_attempt() -> None:
    """A day of ticks every five minutes: before each attempt, and once more to see that it was found."""
    phase1 = Phase1(datetime(2026, 1, 26, 5, 0, tzinfo=UTC), only("injury_discovery"))  # local midnight
    phase1.warehouse.of[DAY] = (ScheduledUnit("A@B", NOON),)
    reads: list[datetime] = []

    def rows(tables: Sequence[TableRef], day: date) -> dict[str, int | None]:
        reads.append(phase1.clock.now())
        return {ref.table: 3 if phase1.clock.now() >= NOON else 0 for ref in tables}

    phase1.warehouse.rows = rows  # type: ignore[method-assign]
    for _ in range(24 * 12 - 1):
        phase1.tick()
        phase1.deliver_all()
        phase1.pass_time(timedelta(minutes=5))
    assert len(phase1.runs()) == 6
    assert [at.astimezone(POLICY.zone).hour for at in reads] == [0, 2, 4, 6, 8, 10, 12]


def test_a_decision_is_noted_when_it_changes_not_when_its_numbers_do() -> None:
    """Kind, targets and code tell decisions apart."""
    phase1 = Phase1(SIX - timedelta(hours=1), only("morning_operations"))
    phase1.tick()
    first = phase1.store.inner.query("workflow_days")[-1].data["decisions"]["morning_operations"]
    phase1.pass_time(timedelta(minutes=5))
    phase1.tick()
    assert phase1.store.inner.query("workflow_days")[-1].data["decisions"]["morning_operations"] == first
    phase1.pass_time(timedelta(minutes=55))
    phase1.tick()
    assert phase1.store.inner.query("workflow_days")[-1].data["decisions"]["morning_operations"]["kind"] == "run"


def test_what_is_due_runs_in_the_order_of_priorities() -> None:
    """critical before high before low, whatever the file's order is."""
    overlay = only("roster_refresh", "morning_operations")
    overlay["workflows"]["roster_refresh"] |= {"priority": "critical", "decide": {"window": {"from": "06:00"}}}
    assert [run.split("/")[2] for run in Phase1(SIX, overlay).tick().begun] == ["roster_refresh", "morning_operations"]


def test_a_missed_window_is_told_once_and_ended_by_a_later_run() -> None:
    """The sweep says it, whether the controller lives or not; a run of the date ends it."""
    phase1 = Phase1(SIX - timedelta(hours=1), only("morning_operations"))
    phase1.tick()
    phase1.pass_time(timedelta(hours=5, minutes=59))
    assert phase1.look().conditions == {}
    phase1.pass_time(timedelta(minutes=1))
    [condition] = phase1.look().conditions.values()
    assert "morning_operations" in condition.text
    assert "without a run" in condition.text
    body, status = called(phase1, {"workflow_name": "morning_operations"})
    assert status == 200
    assert body["run_id"] == "nba/2026-01-26/morning_operations/operator.1"
    assert phase1.look().conditions == {}


def test_a_window_that_ended_before_anybody_watched_is_not_judged() -> None:
    """A first deployment does not tell of yesterday."""
    phase1 = Phase1(SIX + timedelta(hours=6), only("morning_operations"))
    phase1.tick()
    phase1.pass_time(timedelta(minutes=5))
    assert phase1.look().conditions == {}


def test_without_a_controller_nothing_is_missed() -> None:
    """A pipeline that keeps a controller of its own is told of no window, however long the sweep looks."""
    phase1 = Phase1(SIX - timedelta(hours=1), only("morning_operations"))
    for _ in range(3):
        assert phase1.look().conditions == {}
        phase1.pass_time(timedelta(hours=3))


def test_a_run_without_progress_is_driven_again_after_ten_minutes() -> None:
    """A message that was lost is sent again, not a second earlier and not every minute."""
    phase1 = chain()
    phase1.bus.drops = True
    phase1.tick()
    phase1.bus.drops = False
    phase1.pass_time(timedelta(minutes=10, seconds=-1))
    phase1.look()
    assert not phase1.bus.waiting
    phase1.pass_time(timedelta(seconds=1))
    phase1.look()
    phase1.look()
    assert len(phase1.bus.waiting) == 1
    assert phase1.deliver_all()[-1] == "completed"


def test_a_failed_run_is_told_until_a_later_run_of_the_date_completes() -> None:
    """The condition holds while the latest run of the date did not complete."""
    overlay = only("morning_operations")
    overlay["workflows"]["morning_operations"]["repeat"] = {"after": "30m", "times": 1}
    phase1 = Phase1(SIX, overlay)
    from shared.ports import Response

    phase1.scrapers.answers["espn_roster"] = [(Response(400, "no"), 0.0)]
    phase1.tick()
    phase1.deliver_all()
    [condition] = phase1.look().conditions.values()
    assert condition.severity == "critical"
    assert "espn_roster refused" in condition.text
    phase1.scrapers.answers.clear()
    phase1.pass_time(timedelta(minutes=31))
    phase1.tick()
    phase1.deliver_all()
    assert [run.status for run in sorted(phase1.runs(), key=lambda run: run.window)] == [
        RunStatus.PARTIAL,
        RunStatus.COMPLETED,
    ]
    assert phase1.look().conditions == {}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"workflow": "morning_operations"}, "workflow_name"),
        ({"workflow_name": "morning_operation"}, "did you mean morning_operations?"),
        ({"workflow_name": "morning_operations", "snapshot_type": "x"}, "snapshot_type"),
        ({"date": "2026-01-26"}, "workflow_name is missing"),
        ({"workflow_name": "morning_operations", "date": "tomorrow"}, "is not a date"),
        ({"workflow_name": "morning_operations", "parameters": []}, "parameters"),
        (b"{", "no JSON"),
        ([1], "not a JSON object"),
    ],
)
def test_a_body_that_is_not_understood_is_400_with_what_is_known(body: Any, words: str) -> None:
    """A wrong word in a schedule must not be answered 200 and do nothing."""
    phase1 = Phase1(NOON)
    response, status = called(phase1, body)
    assert status == 400
    assert words in json.dumps(response)
    assert "gamebook_catch_up" in response["workflows"]
    assert not phase1.runs()


def test_parameters_of_a_request_reach_every_call_unchanged() -> None:
    """From the controller's body over the run's document and each step's message to the scraper, none is dropped."""
    phase1 = chain()
    given = {"snapshot_type": "closing", "nested": {"a": [1, None, True]}, "text": "{date} stays"}
    body, status = called(phase1, {"workflow_name": "roster_refresh", "parameters": given})
    assert status == 200, body
    assert phase1.deliver_all() == ["next step", "next step", "completed"]
    assert len(phase1.scrapers.calls) == 3
    assert all({name: call[name] for name in given} == given for call in phase1.scrapers.calls)


def test_an_unreadable_store_is_an_error_not_an_empty_list() -> None:
    """Two days of silence: 500, and critical once it has lasted five minutes."""
    phase1 = Phase1(SIX, only("morning_operations"))
    phase1.store.refuses = True
    response, status = called(phase1, {})
    assert (status, response["decisions"]) == (500, [])
    phase1.pass_time(timedelta(minutes=5))
    called(phase1, {})
    assert [notice.severity for notice in phase1.alerts.notices] == ["critical"]


def test_a_run_that_somebody_asks_for_is_refused_while_one_is_under_way() -> None:
    """A schedule that is delivered twice begins one run."""
    phase1 = Phase1(NOON, only("morning_operations"))
    assert called(phase1, {"workflow_name": "morning_operations"})[1] == 200
    assert called(phase1, {"workflow_name": "morning_operations"})[1] == 409
    phase1.deliver_all()
    assert called(phase1, {"workflow_name": "morning_operations", "date": "2026-01-25"})[1] == 200


def test_a_catch_up_resolves_what_it_fetched() -> None:
    """A window of the date that was missed is made up by a catch-up of the same table."""
    overlay = only("post_game_window_3", "gamebook_catch_up")
    phase1 = Phase1(datetime(2026, 1, 27, 8, 0, tzinfo=UTC), overlay)
    phase1.warehouse.of[DAY] = (ScheduledUnit("A@B", NOON, final=True),)
    phase1.tick()
    phase1.pass_time(timedelta(hours=1, minutes=30))
    assert {condition.kind for condition in phase1.look().conditions.values()} == {"workflow_missed", "workflow_units"}
    phase1.pass_time(timedelta(hours=5, minutes=30))
    assert phase1.tick().begun == ["nba/2026-01-26/gamebook_catch_up/1"]
    phase1.deliver_all()
    assert "workflow_missed" not in {condition.kind for condition in phase1.look().conditions.values()}


def test_a_missed_catch_up_is_told_and_ended_by_its_next_run() -> None:
    """The controller was away for the whole window while a final unit had no rows: told at its end, once, with the
    date; the next day's run ends it."""
    phase1 = Phase1(datetime(2026, 1, 27, 14, 0, tzinfo=UTC), only("gamebook_catch_up"))
    phase1.warehouse.of[DAY] = (ScheduledUnit("A@B", NOON, final=True),)
    phase1.tick()
    phase1.pass_time(timedelta(hours=13, minutes=-1))
    assert phase1.look().conditions == {}
    phase1.pass_time(timedelta(minutes=1))
    conditions = list(phase1.look().conditions.values())
    assert len(conditions) == 1
    condition = conditions[0]
    assert (condition.kind, condition.severity) == ("workflow_missed", "warning")
    assert "2026-01-26 A@B" in condition.text
    assert "orch workflows run gamebook_catch_up --date 2026-01-26" in condition.text
    assert [condition.kind for condition in phase1.look().conditions.values()] == ["workflow_missed"]
    phase1.pass_time(timedelta(hours=12))
    assert phase1.tick().begun == ["nba/2026-01-26/gamebook_catch_up/1"]
    assert phase1.look().conditions == {}


def test_a_catch_up_with_nothing_to_fetch_is_not_missed() -> None:
    """Its table holds every final unit of the dates that it looks at."""
    phase1 = Phase1(datetime(2026, 1, 27, 14, 0, tzinfo=UTC), only("gamebook_catch_up"))
    phase1.warehouse.of[DAY] = (ScheduledUnit("A@B", NOON, final=True),)
    phase1.warehouse.collected = frozenset({"A@B"})
    phase1.tick()
    phase1.pass_time(timedelta(hours=13))
    assert phase1.look().conditions == {}


@pytest.mark.parametrize(
    ("read_every", "seen"), [(None, "15:10"), (timedelta(hours=1), "16:00")], ids=["each tick", "each hour"]
)
def test_a_catch_up_asks_its_table_every_so_often_and_for_units_that_have_become_final(
    read_every: timedelta | None, seen: str
) -> None:
    """A window of ticks every five minutes: the table is asked once for all dates and four hours after four hours, not
    144 times; a unit that becomes final in between is looked at by the next tick that reads the calendar."""
    phase1 = Phase1(datetime(2026, 1, 27, 15, 0, tzinfo=UTC), only("gamebook_catch_up"))  # 10:00
    reading_every(phase1, read_every)
    phase1.warehouse.of[DAY] = (ScheduledUnit("A@B", NOON, final=True), ScheduledUnit("C@D", NOON))
    phase1.warehouse.collected = frozenset({"A@B"})
    reads: list[str] = []
    held_on = phase1.warehouse.held_on

    def counted(table: UnitsRef, days: Sequence[date]) -> dict[date, frozenset[str] | None]:
        assert len(days) == 14
        reads.append(f"{phase1.clock.now().astimezone(POLICY.zone):%H:%M}")
        return held_on(table, days)

    phase1.warehouse.held_on = counted  # type: ignore[method-assign]
    for _ in range(12 * 12):
        if phase1.clock.now() == datetime(2026, 1, 27, 20, 10, tzinfo=UTC):
            phase1.warehouse.of[DAY] = tuple(ScheduledUnit(name, NOON, final=True) for name in ("A@B", "C@D"))
        phase1.tick()
        phase1.deliver_all()
        phase1.pass_time(timedelta(minutes=5))
    later = f"{int(seen[:2]) + 4}{seen[2:]}"
    decided = [run.decided_at.astimezone(POLICY.zone).strftime("%H:%M") for run in phase1.runs()]
    assert (decided, {run.targets for run in phase1.runs()}) == ([seen, later], {("C@D",)})
    assert reads == ["10:00", "14:00", seen, later]


def test_a_failure_is_over_once_a_later_run_has_completed() -> None:
    """Not while that run is under way: it may fail as well, and people would hear of an end that was none."""
    overlay = only("morning_operations")
    overlay["workflows"]["morning_operations"]["repeat"] = {"after": "30m", "times": 2}
    phase1 = Phase1(SIX, overlay)
    phase1.scrapers.answers["espn_roster"] = [(Response(400, "{}"), 0.0), (Response(400, "{}"), 0.0), (SUCCESS, 0.0)]
    held = []
    for _ in range(3):
        phase1.tick()
        held.append([condition.kind for condition in phase1.look().conditions.values()])  # the run is under way
        phase1.deliver_all()
        held.append([condition.kind for condition in phase1.look().conditions.values()])
        phase1.pass_time(timedelta(minutes=35))
    failed = [AlertKind.WORKFLOW_FAILED]
    assert held == [[], failed, failed, failed, failed, []]


def test_a_file_is_counted_and_refused_by_share() -> None:
    """More than 80 percent missing of more than 10: refused; of ten nothing is."""
    assert is_refused(9, 11)
    assert not is_refused(8, 10)
    assert not is_refused(8, 11)
    files = [
        ScraperFile("nba", str(n), "s", "p", DAY, NOON - age)
        for n, age in enumerate((timedelta(minutes=29), timedelta(minutes=30), timedelta(hours=24)))
    ]
    assert [file.id for file in counted(files, NOON)] == ["1"]


def test_a_file_that_became_no_rows_is_announced_again() -> None:
    """After half an hour, then hourly, three times; a repetition of the message is no new file."""
    phase1 = Phase1(NOON)
    published: list[Any] = []
    phase1.bus.publish = lambda topic, messages: published.extend(messages) or ["1"]  # type: ignore[method-assign, func-returns-value]
    phase1.warehouse.rows = lambda tables, day: {ref.table: 0 for ref in tables}  # type: ignore[method-assign]
    body = {"processor_name": "oddsa_player_props", "game_date": "2026-01-26", "status": "success",
            "execution_id": "a1", "metadata": {"gcs_path": "x.json"}}  # fmt: skip
    delivery = Delivery("m1", "phase1", json.dumps(body).encode(), NOON, NOON)
    assert receive.receive(phase1.ctx, phase1.workflows, delivery).handled is Handled.RECORDED
    for _ in range(60 * 5):
        phase1.look()
        phase1.pass_time(timedelta(minutes=1))
    assert [message.body for message in published] == [{**body, "recovery": True}] * 3
    again = replace(delivery, message_id="m2", data=json.dumps(published[0].body).encode())
    assert receive.receive(phase1.ctx, phase1.workflows, again) == receive.AGAIN


@pytest.mark.parametrize(
    ("first", "second", "again"),
    [
        # By the clock alone: two hours to the second.
        ((None, "10:05:03"), (None, "12:05:02"), False),
        ((None, "10:05:03"), (None, "12:05:03"), True),
        # By a schedule that is late by more or less: two hours of ticks.
        (("10:05:00", "10:05:03"), ("12:05:00", "12:05:00"), True),
        (("10:05:00", "10:05:42"), ("12:05:00", "12:05:01"), True),
        (("10:05:00.61", "10:05:03"), ("12:05:00.02", "12:05:01"), True),
        (("10:04:59.99", "10:05:03"), ("12:05:00", "12:04:58"), True),
        (("10:05:00", "10:05:03"), ("12:00:00", "12:00:59"), False),
        # What comes more than a minute after its time is a repeated call: the clock counts.
        (("10:05:00", "10:06:01"), ("12:05:00", "12:05:01"), False),
        (("10:05:00", "10:05:03"), ("12:05:00", "12:03:59"), False),
    ],
)
def test_every_counts_from_the_minute_that_the_tick_was_planned_for(
    first: tuple[str | None, str], second: tuple[str | None, str], again: bool
) -> None:
    """A workflow of every two hours runs again at the tick two hours later, however many seconds either is late; what
    no schedule plans is counted by the clock."""
    phase1 = Phase1(NOON, lines())
    phase1.warehouse.of[DAY] = (ScheduledUnit("A@B", datetime(2026, 1, 26, 23, tzinfo=UTC)),)
    for planned, clock in (first, second):
        phase1.clock.instant = datetime.fromisoformat(f"2026-01-26T{clock}-05:00").astimezone(UTC)
        at = None if planned is None else datetime.fromisoformat(f"2026-01-26T{planned}-05:00")
        tick(phase1.ctx, phase1.workflows, at)
        phase1.deliver_all()
    assert len(phase1.runs()) == (2 if again else 1)


def test_a_tick_is_planned_by_the_header_of_the_scheduler() -> None:
    """`X-CloudScheduler-ScheduleTime` reaches the decision; one that is no time is as if it were not there."""
    for header, planned in (
        ("2026-01-26T15:05:00.61Z", datetime(2026, 1, 26, 15, 5, 0, 610000, tzinfo=UTC)),
        ("soon", None),
        ("2026-01-26T15:05:00", None),
    ):
        with Flask("test").test_request_context("/", method="POST", headers={"X-CloudScheduler-ScheduleTime": header}):
            assert call_of(request).planned_at == planned
    with Flask("test").test_request_context("/", method="POST"):
        assert call_of(request).planned_at is None
    phase1 = Phase1(NOON + timedelta(seconds=4), lines())
    phase1.warehouse.of[DAY] = (ScheduledUnit("A@B", NOON + timedelta(hours=6)),)
    answer(phase1.ctx, phase1.workflows, Call("/", (), b"{}", "POST", NOON))
    assert [run.decided_at for run in phase1.runs()] == [NOON]
