"""The record of workflows: decisions when they change, windows expected and judged, runs and calls, each once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from shared.adapters.audit_schema import audit_tables
from shared.adapters.local.duckdb import DuckDbAuditLog
from shared.core.errors import Unavailable
from shared.core.workflows.units import ScheduledUnit
from shared.ports import Response, Row
from tests.app.workflows.phase1 import Phase1
from tests.app.workflows.test_controller import DAY
from tests.app.workflows.test_executor import NOON, SIX, chain, only
from tests.plain_ports import NoAuditLog

FIELDS = {table.name: {field["name"] for field in table.fields} for table in audit_tables()}
MINUTES = timedelta(minutes=1)


class Kept(NoAuditLog):
    """Keeps what is inserted; ``inserts`` counts every row that came, repeated ones too."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Mapping[str, Any]]] = {}
        self.inserts = 0
        self.away = False

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        if self.away:
            raise Unavailable("record", "away (test)")
        for row in rows:
            assert row.columns.keys() <= FIELDS[table], f"{table} has other columns"
            self.inserts += 1
            self.tables.setdefault(table, {}).setdefault(row.insert_id, row.columns)

    def rows(self, table: str, **where: Any) -> list[Mapping[str, Any]]:
        return [
            row
            for row in self.tables.get(table, {}).values()
            if all(row[name] == value for name, value in where.items())
        ]


def recorded(phase1: Phase1) -> Kept:
    """Return what keeps the record of this phase 1 from now on."""
    kept = Kept()
    object.__setattr__(phase1.ctx.ports, "audit", kept)
    return kept


def test_a_decision_is_written_when_it_changed() -> None:
    """Before the window, in it, while the run goes on, once completed: four rows, however many ticks."""
    phase1 = Phase1(SIX - 10 * MINUTES, only("morning_operations"))
    kept = recorded(phase1)
    for _ in range(3):
        phase1.tick()
        phase1.pass_time(5 * MINUTES)
    for _ in range(3):
        phase1.tick()
        phase1.pass_time(MINUTES)
    phase1.deliver_all()
    for _ in range(3):
        phase1.tick()
        phase1.pass_time(MINUTES)
    rows = kept.rows("workflow_decisions")
    assert [(row["decision"], row["code"], row["number"]) for row in rows] == [
        ("skip", "before", 1),
        ("run", "due", 2),
        ("skip", "running", 3),
        ("abort", "completed", 4),
    ]
    assert rows[1]["decided_at"] == SIX.isoformat()
    assert {(row["workflow"], row["kind"], row["game_date"]) for row in rows} == {
        ("morning_operations", "once_a_day", "2026-01-26")
    }
    assert phase1.store.inner.query("workflow_days")[-1].data["pending"] == []


def test_a_run_and_its_calls_are_written_at_its_end_once() -> None:
    """One row a run, found by its id, one a call with attempts, rows and time; a message that comes again adds none."""
    phase1 = chain()
    kept = recorded(phase1)
    phase1.scrapers.answers["br_season_roster"] = [(Response(503, "no"), 1.0), (Response(200, json.dumps(
        {"status": "success", "data_summary": {"rowCount": 3}})), 2.0)]  # fmt: skip
    phase1.scrapers.answers["nbac_player_movement"] = [(Response(400, '{"error": "unknown"}'), 0.5)]
    phase1.tick()
    message = phase1.bus.waiting[0]
    assert kept.rows("workflow_executions") == []
    phase1.deliver_all()
    [run] = kept.rows("workflow_executions", run_id="nba/2026-01-26/roster_refresh/window")
    assert (run["status"], run["calls"], run["succeeded"], run["attempts"], run["record_count"]) == (
        "partial", 2, 1, 3, 3)  # fmt: skip
    assert run["duration_seconds"] == pytest.approx((phase1.clock.now() - NOON).total_seconds())
    calls = {row["scraper"]: row for row in kept.rows("scraper_executions")}
    assert [(row["outcome"], row["attempts"], row["record_count"]) for row in calls.values()] == [
        ("success", 2, 3),
        ("refused", 1, None),
    ]
    assert calls["nbac_player_movement"]["duration_seconds"] == 0.5
    assert calls["nbac_player_movement"]["execution_id"] == phase1.scrapers.calls[-1]["execution_id"]
    assert "unknown" in calls["nbac_player_movement"]["text"]
    inserts = kept.inserts
    assert phase1.deliver(message) == "ended before"
    phase1.pass_time(MINUTES)
    phase1.look()
    assert kept.inserts == inserts


def test_a_record_that_is_away_keeps_nothing_waiting_and_loses_nothing() -> None:
    """Runs begin and end meanwhile; the next tick and sweep write what is missing, with the times of then."""
    phase1 = chain()
    kept = recorded(phase1)
    kept.away = True
    assert len(phase1.tick().begun) == 1
    assert phase1.deliver_all()[-1] == "completed"
    assert kept.tables == {}
    kept.away = False
    phase1.pass_time(5 * MINUTES)
    phase1.tick()
    phase1.look()
    assert [run["decided_at"] for run in kept.rows("workflow_executions")] == [NOON.isoformat()]
    assert len(kept.rows("scraper_executions")) == 3
    assert [row["code"] for row in kept.rows("workflow_decisions", workflow="roster_refresh")] == ["due", "completed"]
    inserts = kept.inserts
    phase1.pass_time(5 * MINUTES)
    phase1.tick()
    phase1.look()
    assert kept.inserts == inserts


def test_each_date_says_which_windows_are_expected_and_then_what_came_of_them() -> None:
    """On a date with games those after them too, on one without none of them; a window that passed is missed."""
    phase1 = Phase1(datetime(2026, 1, 26, 5, 0, tzinfo=UTC), None)
    kept = recorded(phase1)
    phase1.warehouse.of[DAY] = (ScheduledUnit("A@B", NOON + timedelta(hours=12)),)
    phase1.tick()
    expected = {row["workflow"]: row for row in kept.rows("expected_runs", state="expected", game_date="2026-01-26")}
    assert {"morning_operations", "after_games_2330", "betting_lines", "injury_discovery", "gamebook_catch_up"} <= set(
        expected
    )
    assert not {"early_games_1", "early_games_2"} & set(expected)
    night = expected["after_games_2330"]
    assert (night["opens_at"], night["closes_at"]) == ("2026-01-27T04:00:00+00:00", "2026-01-27T05:00:00+00:00")
    phase1.pass_time(timedelta(hours=24))
    phase1.tick()
    phase1.pass_time(5 * MINUTES)
    phase1.tick()
    without = {row["workflow"] for row in kept.rows("expected_runs", state="expected", game_date="2026-01-27")}
    assert without == {"morning_operations", "roster_refresh", "closing_lines", "gamebook_catch_up"}
    judged = {row["workflow"]: row for row in kept.rows("expected_runs", state="missed", game_date="2026-01-26")}
    assert judged["morning_operations"]["closes_at"] == "2026-01-26T16:00:00+00:00"
    assert judged["betting_lines"]["waited_for"] == "morning_operations"


def test_a_calendar_that_cannot_be_read_is_waited_for_until_the_morning() -> None:
    """At midnight nobody knows the units; at six they are assumed, so that the date has its rows."""
    phase1 = Phase1(datetime(2026, 1, 26, 5, 0, tzinfo=UTC), None)
    kept = recorded(phase1)

    def schedule(*_: object) -> Any:
        raise Unavailable("warehouse", "away (test)")

    phase1.warehouse.schedule = schedule  # type: ignore[method-assign]
    phase1.tick()
    assert kept.rows("expected_runs") == []
    phase1.pass_time(timedelta(hours=6))
    phase1.tick()
    assert "after_games_2330" in {row["workflow"] for row in kept.rows("expected_runs", state="expected")}


def test_every_row_of_a_day_is_one_that_its_table_takes(tmp_path: Path) -> None:
    """Inserted as they are into the tables of deploy/bigquery: types fit, and readers see each once."""
    phase1 = chain()
    kept = recorded(phase1)
    phase1.tick()
    phase1.deliver_all()
    phase1.pass_time(timedelta(hours=4))
    phase1.tick()
    phase1.pass_time(5 * MINUTES)
    phase1.tick()
    assert kept.tables.keys() == {"workflow_decisions", "workflow_executions", "scraper_executions", "expected_runs"}
    log = DuckDbAuditLog(tmp_path / "day.duckdb", "record")
    for table, rows in kept.tables.items():
        log.insert(table, [Row(insert_id, columns) for insert_id, columns in rows.items()])
    with duckdb.connect(tmp_path / "day.duckdb") as connection:
        for table, rows in kept.tables.items():
            assert connection.execute(f"SELECT COUNT(*) FROM record.v_{table}").fetchall() == [(len(rows),)]
