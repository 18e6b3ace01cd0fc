"""A run of the validation: checks are each other's business in nothing, and what is not known is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from shared.adapters.local.duckdb import DuckDbAuditLog, DuckDbWarehouse
from shared.adapters.local.memory import MemoryStore
from shared.app.alerting import outbox, raise_alerts
from shared.app.call import Call
from shared.app.context import Context
from shared.app.sweep.sweep import SweepOptions, sweep
from shared.app.transitions.readings import calendar_ref
from shared.app.validation import validate
from shared.app.validation.checks import nights
from shared.app.validation.handler import answer
from shared.app.validation.report import Report
from shared.core.errors import Unavailable
from shared.core.model import Units
from shared.core.policy.names import Names
from shared.core.severity import Severity
from shared.core.validation.checks import Check, Nothing, Query, Status
from shared.core.validation.verdict import Measure, Measured
from shared.ports import CalendarRef, Delivered, Notice, Refused, StateStore, Warehouse
from tests.adapters.support import ManualClock, MemoryLog
from tests.functions.worlds import POLICY
from tests.validation.fixtures import CONFIG, DATASET, VALIDATION

DAY = date(2026, 1, 21)
NOON = datetime(2026, 1, 21, 17, 0, tzinfo=UTC)
SCHEDULE = "midday"
HOURS_8 = timedelta(hours=8)


class Sink:
    """Keeps what it is sent, or refuses it, or does not answer."""

    def __init__(self) -> None:
        self.sent: list[Notice] = []
        self.answer: Delivered | Refused | Unavailable = Delivered()

    def send(self, notice: Notice) -> Delivered | Refused:
        if isinstance(self.answer, Unavailable):
            raise self.answer
        self.sent += notice.parts
        return self.answer


class UnreachablePort:
    """A port that does not answer, whatever it is asked; ``asked`` counts how often."""

    def __init__(self, port: str) -> None:
        self._port, self.asked = port, 0

    def __getattr__(self, name: str) -> Any:
        def ask(*args: object, **named: object) -> Any:
            self.asked += 1
            raise Unavailable(self._port, f"{self._port} is down")

        return ask


class Ports:
    """Ports that a test may take away one by one."""

    def __init__(self, path: Path) -> None:
        with closing(duckdb.connect(path)) as connection:
            connection.execute("CREATE SCHEMA nba_raw")
            connection.execute("CREATE TABLE nba_raw.v_nbac_schedule_latest (game_date DATE, game_status_text VARCHAR)")
            days = [DAY + timedelta(days=n) for n in range(-20, 3)]
            for day in days:
                connection.execute("INSERT INTO nba_raw.v_nbac_schedule_latest VALUES (?, 'Final')", [day])
        self.clock, self.alerts = ManualClock(), Sink()
        self.clock.time = NOON
        self.store: StateStore = MemoryStore()
        self.warehouse: Warehouse = DuckDbWarehouse(path, CONFIG)
        self.audit: Any = DuckDbAuditLog(path, DATASET)
        self.audit.create_tables()
        self.bus = self.http = UnreachablePort("network")


@pytest.fixture
def ports(tmp_path: Path) -> Ports:
    return Ports(tmp_path / "house.duckdb")


def context(ports: Any) -> Context:
    return Context(POLICY, Names(POLICY), ports, {}, MemoryLog(), "tests")


def sql_check(name: str, value: str, severity: Severity = Severity.CRITICAL) -> Check:
    """Return a check that fails from 1 on, and warns from 0.5 on."""
    shape = VALIDATION.checks["alert_volume"]
    limits = replace(shape.thresholds, warn_from=0.5, fail_from=1)
    query = Query("", f"SELECT {value} AS value")
    made = replace(shape, name=name, title=name, severity=severity, thresholds=limits, queries=(query,))
    return replace(made, nothing=Nothing.SKIP)


def run(ports: Ports, *checks: Check, day: date = DAY) -> Report:
    validation = replace(VALIDATION, checks={check.name: replace(check, schedules=(SCHEDULE,)) for check in checks})
    return validate.run(context(ports), validation, SCHEDULE, day)


def statuses(report: Report) -> dict[str, Status]:
    return {result.check.name: result.status for result in report.summary.results}


def rows_of(ports: Ports, sql: str) -> list[Mapping[str, Any]]:
    return DuckDbWarehouse(ports.audit._path, CONFIG).query(sql, {})


def test_a_check_that_breaks_is_an_error_of_its_own(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken SQL, a column that is no number, a missing column and an exception: each is ERROR, the others go on."""

    def burst(*given: object) -> Measured:
        raise ZeroDivisionError("no reason")

    monkeypatch.setitem(validate.MEASURES, "burst", burst)  # type: ignore[arg-type]
    builtin = replace(VALIDATION.checks["floors"], name="bursts", builtin="burst")
    unnamed = sql_check("unnamed", "1")
    unnamed = replace(unnamed, queries=(Query("", "SELECT 1 AS number"),))
    absent, word = sql_check("absent", "nothing.there"), sql_check("word", "'word'")
    report = run(ports, builtin, absent, word, unnamed, sql_check("good", "0"))
    error = Status.ERROR
    assert statuses(report) == {
        "bursts": error, "absent": error, "word": error, "unnamed": error, "good": Status.PASS,
    }  # fmt: skip
    assert "ZeroDivisionError: no reason" in report.summary.results[0].message
    assert len(report.unread) == 4
    assert report.summary.status.value == "warning"


def test_one_unreadable_table_does_not_hide_the_others(ports: Ports) -> None:
    """Of many tables in one statement, those that can be read are judged; the other is named, and is no pass."""
    good, bad, fine = (Query(name, sql) for name, sql in (
        ("full", "SELECT 'full' AS subject, 2.0 AS value"),
        ("gone", "SELECT 'gone' AS subject, n AS value FROM `nba_raw.gone`"),
        ("fine", "SELECT 'fine' AS subject, 0.0 AS value"),
    ))  # fmt: skip
    failing = replace(sql_check("tables", "0"), queries=(good, bad, fine))
    passing = replace(sql_check("others", "0"), queries=(bad, fine))
    report = run(ports, failing, passing)
    assert statuses(report) == {"tables": Status.FAIL, "others": Status.ERROR}
    assert "1 of 2: full" in report.summary.results[0].message
    assert all("could not read gone" in result.message for result in report.summary.results)


def test_a_warehouse_that_is_down_is_asked_once(ports: Ports) -> None:
    """Every SQL check is ERROR at once, people hear one alert, and checks of the state are judged all the same."""
    ports.warehouse = down = UnreachablePort("warehouse")  # type: ignore[assignment]
    alive = replace(VALIDATION.checks["quarantine_age"])
    report = run(ports, *(sql_check(f"c{n}", "0") for n in range(9)), alive)
    assert set(statuses(report).values()) == {Status.ERROR, Status.PASS}
    assert statuses(report)["quarantine_age"] is Status.PASS
    assert down.asked == 3  # the calendar, one question of the checks, and the trend
    assert [(notice.severity, "9 checks could not be judged" in notice.text) for notice in ports.alerts.sent] == [
        ("warning", True)
    ]
    assert any("the calendar" in what for what in report.unread)
    assert any("validation_trends" in what for what in report.unread)
    assert any(what.startswith("warehouse is down (c0, c1") for what in report.unread)


def test_the_calendar_is_read_once_for_all_checks(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the dates that are worked on; what no check knows yet is asked for, and its answer is the calendar's."""
    reads: list[list[date]] = []
    units = ports.warehouse.units

    def counted(calendar: CalendarRef, days: Sequence[date]) -> dict[date, Units]:
        reads.append(list(days))
        return units(calendar, days)

    seen: list[dict[date, Units]] = []

    def asks(ctx: Context, *_: object) -> Measured:
        seen.append(nights.units_of(ctx, [DAY]))
        seen.append(nights.units_of(ctx, [DAY - timedelta(days=9)]))
        return Measured(())

    ports.warehouse.units = counted  # type: ignore[method-assign]
    monkeypatch.setitem(validate.MEASURES, "asks", asks)  # type: ignore[arg-type]
    checks = [replace(VALIDATION.checks["floors"], name=f"asks_{n}", builtin="asks") for n in range(2)]
    run(ports, VALIDATION.checks["transition_output_phase2_to_phase3"], *checks)
    first, *others = reads
    assert first == [DAY - timedelta(days=1), DAY, DAY + timedelta(days=1)]
    assert others == [[DAY - timedelta(days=9)]] * 2
    assert seen[0] == {DAY: units(calendar_ref(POLICY.calendar, NOON), [DAY])[DAY]}  # type: ignore[arg-type]


def test_a_dead_state_store_is_told_straight(ports: Ports) -> None:
    """Alerts would be kept there: the summary goes to people all the same; SQL checks are judged."""
    ports.store = UnreachablePort("state")  # type: ignore[assignment]
    report = run(ports, sql_check("bad", "1"), VALIDATION.checks["quarantine_age"])
    assert statuses(report) == {"bad": Status.FAIL, "quarantine_age": Status.ERROR}
    (notice,) = ports.alerts.sent
    assert "failed: bad" in notice.text
    assert "state is down" in notice.text
    assert report.unsent == ""
    ports.alerts.answer = Unavailable("alerts", "no network")
    assert "no network" in run(ports, sql_check("bad", "1")).unsent


def test_results_that_were_not_recorded_are_an_alert(ports: Ports) -> None:
    """A run that nobody can read later is told, and is over once a run was written again."""
    record, ports.audit = ports.audit, UnreachablePort("record")
    report = run(ports, sql_check("good", "0"))
    assert "did not take" in report.not_recorded
    assert ["did not take" in notice.text for notice in ports.alerts.sent] == [True]
    ports.audit = record
    ports.clock.time += HOURS_8
    assert run(ports, sql_check("good", "0")).not_recorded == ""
    assert [notice.resolved for notice in ports.alerts.sent] == [False, True]


def test_a_run_its_results_and_the_day_are_recorded(ports: Ports) -> None:
    """One row for the run and each check, and one row of the day that grows with it."""
    checks = (sql_check("good", "0"), sql_check("bad", "1"), sql_check("odd", "0.6"), sql_check("absent", "a.b"))
    first = run(ports, *checks)
    ports.clock.time += timedelta(hours=6)
    second = run(ports, sql_check("good", "0"))
    runs = rows_of(ports, f"SELECT * FROM `{DATASET}.v_validation_runs` WHERE run_timestamp > '2026-01-01' ORDER BY 3")
    assert [(row["run_id"], row["status"], row["checks_failed"]) for row in runs] == [
        (first.run_id, "critical", 1),
        (second.run_id, "ok", 0),
    ]
    results = rows_of(ports, f"SELECT * FROM `{DATASET}.v_validation_results` WHERE check_timestamp > '2026-01-01'")
    assert sorted((row["check_name"], row["status"]) for row in results) == [
        ("absent", "ERROR"), ("bad", "FAIL"), ("good", "PASS"), ("good", "PASS"), ("odd", "WARN"),
    ]  # fmt: skip
    days = rows_of(ports, f"SELECT * FROM `{DATASET}.v_validation_trends` WHERE trend_date = '2026-01-21' ORDER BY 3")
    last = days[-1]
    assert [row["total_runs"] for row in days] == [1, 2]
    assert (last["ok_runs"], last["critical_runs"], last["total_checks"], last["checks_failed"]) == (1, 1, 5, 1)
    assert last["most_common_failures"] == '{"bad": 1}'
    assert last["health_score"] == pytest.approx(50.0)


def test_an_alert_lasts_from_failure_to_pass(ports: Ports) -> None:
    """Said once while it lasts, said to be over when it passes; a skip or an error in between ends nothing."""
    for value, sent in (("1", 1), ("1", 1), ("a.b", 2), ("NULL", 2), ("1", 3), ("0", 4)):
        run(ports, sql_check("one", value))
        assert len(ports.alerts.sent) == sent, value
        ports.clock.time += timedelta(hours=1)
    words = [(notice.resolved, notice.text.split(" ")[3]) for notice in ports.alerts.sent]
    assert words == [(False, "failed"), (False, "is"), (True, "one"), (True, "one")]


def test_what_warned_and_now_fails_is_said_again(ports: Ports) -> None:
    """Worse is news: at the check's own severity, where a warning is one lower."""
    run(ports, sql_check("one", "0.6"))
    run(ports, sql_check("one", "1"))
    assert [(notice.severity, notice.resolved) for notice in ports.alerts.sent] == [
        ("warning", False),
        ("critical", False),
    ]
    run(ports, sql_check("one", "0"))
    assert sorted((notice.severity, notice.resolved) for notice in ports.alerts.sent[2:]) == [
        ("critical", True), ("warning", True),
    ]  # fmt: skip


def test_the_sweep_does_not_end_what_the_validation_found(ports: Ports) -> None:
    """The sweep sees no such condition, and yet it stands until a check passes."""
    run(ports, sql_check("one", "1"))
    for _ in range(4):
        ports.clock.time += timedelta(minutes=2)
        sweep(context(ports), SweepOptions())
    documents = ports.store.query(outbox.COLLECTION, {"kind": raise_alerts.VALIDATION})
    assert [outbox.read(document).alert.firing for document in documents] == [True]
    assert [notice.resolved for notice in ports.alerts.sent if notice.kind == raise_alerts.VALIDATION] == [False]


def test_a_look_at_the_past_alerts_nobody(ports: Ports) -> None:
    """It is recorded; today's alerts neither begin nor end by it."""
    run(ports, sql_check("one", "1"), day=DAY - timedelta(days=14))
    assert ports.alerts.sent == []
    run(ports, sql_check("one", "1"))
    run(ports, sql_check("one", "0"), day=DAY - timedelta(days=14))
    assert [notice.resolved for notice in ports.alerts.sent] == [False]


def test_a_date_without_games_is_skipped(ports: Ports) -> None:
    """A check that needs units says why it has nothing to do; one that does not is judged."""
    late = DAY + timedelta(days=30)
    ports.clock.time = NOON + timedelta(days=30)
    needs = replace(sql_check("needs", "1"), needs_units=True)
    report = run(ports, needs, sql_check("always", "1"), day=late)
    assert statuses(report) == {"needs": Status.SKIP, "always": Status.FAIL}
    assert report.summary.results[0].message == "no games on 2026-02-20"


def test_before_it_is_due_a_check_is_skipped(ports: Ports) -> None:
    """At the minute itself it is judged."""
    check = replace(sql_check("one", "1"), due=NOON.astimezone(POLICY.zone).time())
    ports.clock.time = NOON - timedelta(seconds=1)
    assert statuses(run(ports, check)) == {"one": Status.SKIP}
    ports.clock.time = NOON
    assert statuses(run(ports, check)) == {"one": Status.FAIL}


def test_checks_that_the_time_does_not_allow_are_errors(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them passes, and the run still ends."""

    def slow(*given: object) -> Measured:
        ports.clock.time += validate.TIME_LIMIT
        return Measured((Measure("", 100.0),))

    monkeypatch.setitem(validate.MEASURES, "slow", slow)  # type: ignore[arg-type]
    first = replace(VALIDATION.checks["floors"], name="slow", builtin="slow")
    report = run(ports, first, sql_check("late", "0"))
    assert statuses(report) == {"slow": Status.PASS, "late": Status.ERROR}


@pytest.mark.parametrize(
    ("query", "message", "hint"),
    [
        ({}, "the parameter schedule is missing", "one of post_overnight"),
        ({"schedule": "noon"}, "unknown schedule 'noon'", "midday"),
        ({"schedule": "midnight"}, "unknown schedule", "There are post_overnight"),
        ({"schedule": "midday", "date": "TODAY"}, '"TODAY" is not a date', "2026-01-21"),
        ({"schedule": "midday", "date": "20260121"}, "is not a date", "2026-01-21"),
        ({"schedule": "midday", "date": "2026-02-30"}, "there is no date 2026-02-30", ""),
        ({"schedule": "midday", "date": "0001-01-01"}, "0001-01-01 is out of reach", ""),
        ({"schedule": "midday", "date": "9999-12-31"}, "9999-12-31 is out of reach", ""),
    ],
)
def test_what_cannot_be_answered_says_why(ports: Ports, query: dict[str, str], message: str, hint: str) -> None:
    """400 with a message and a hint (behaviour 10)."""
    body, status = answer(context(ports), VALIDATION, Call("/", query.items(), b""))
    assert status == 400
    assert message in body["error"]
    assert hint in body["hint"]


@pytest.mark.parametrize(
    ("schedule", "date", "day", "working_day"),
    [
        ("midday", "", "2026-01-21", "2026-01-21"),
        ("post_overnight", "", "2026-01-20", "2026-01-21"),
        ("overnight", "", "2026-01-20", "2026-01-20"),
        ("midday", "tomorrow", "2026-01-22", "2026-01-22"),
        ("post_overnight", "2026-01-10", "2026-01-10", "2026-01-11"),
    ],
)
def test_a_schedule_knows_its_date_and_its_working_day(
    ports: Ports, schedule: str, date: str, day: str, working_day: str
) -> None:
    """Without a date each schedule judges its own; the working day goes with it."""
    nothing = replace(VALIDATION, checks={})
    query = {"schedule": schedule, **({"date": date} if date else {})}
    body, status = answer(context(ports), nothing, Call("/", query.items(), b""))
    assert (status, body["date"], body["working_day"]) == (200, day, working_day)
