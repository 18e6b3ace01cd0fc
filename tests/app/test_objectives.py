"""Objectives are measured from the record once an hour; what burns is told once, and its end too (behaviour 14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.local.duckdb import DuckDbAuditLog
from shared.app.audit.write import execution_row
from shared.app.objectives.statuses import objective_statuses
from shared.app.state.measured import read_measured
from shared.app.state.repository import run_data, run_path
from shared.core.model import Lane, LogEntry, Plan, Run, TransitionState, Units
from shared.core.objectives.budget import ObjectiveStatus, Tally, Verdict
from shared.core.policy.objectives import Objective, ObjectiveKind, Objectives
from shared.ports import AuditLog, Row
from shared.simulation.scenario import GameCount
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, NIGHT, PHASE3, POLICY, T0, TO4, TO5

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NIGHTS = 27
# Two transitions a night are enough to be judged.
HANDED = (TO4, TO5)


def nights(kit: HandlersKit, audit: AuditLog | None = None, *, slow: Mapping[int, float] | None = None) -> None:
    """Let the record and the state hold four weeks of nights of two hand-offs each, ten seconds long, those of the
    nights that are named as slow as they say."""
    for n in range(1, NIGHTS + 1):
        key = replace(NIGHT, day=DAY - timedelta(days=n))
        run = Run(key, T0 - timedelta(days=n, hours=1), T0 - timedelta(days=n - 1), units=Units(7, 7))
        kit.store.inner.create(run_path(key), run_data(run, kit.policy))
        for transition in HANDED:
            recorded(kit, audit or kit.audit, n, transition, (slow or {}).get(n, 10.0))


def recorded(
    kit: HandlersKit, audit: AuditLog, n: int, transition: str, seconds: float | None, *, lane: Lane = Lane.LIVE,
    at: datetime = T0, decision: str = "trigger",
) -> None:  # fmt: skip
    key = replace(NIGHT, day=DAY - timedelta(days=n), lane=lane)
    entry = LogEntry(at - timedelta(days=n), 1, decision, "complete", handoff_seconds=seconds)
    state = TransitionState(plan=Plan(1, "complete"), triggered_at=entry.at)
    table, row = execution_row(kit.ctx, key, transition, state, entry)
    audit.insert(table, [row])


def of(kit: HandlersKit, kind: ObjectiveKind = ObjectiveKind.HAND_OFF) -> ObjectiveStatus:
    [status] = [status for status in objective_statuses(kit.ctx) if status.kind is kind]
    return status


@pytest.fixture
def kit() -> HandlersKit:
    return asking_for_sweeps(HandlersKit().ordinary())


def asking_for_sweeps(kit: HandlersKit) -> HandlersKit:
    """Let it be asked whether sweeps came late."""
    kit.sweep_every = MINUTE
    kit.ctx = kit.instance()
    return kit


def test_events_are_those_of_the_record(kit: HandlersKit) -> None:
    """54 hand-offs of four weeks, two of them slow; a backfill, an observed one and a row without a number are none."""
    nights(kit, slow={3: 61.0})
    recorded(kit, kit.audit, 4, TO4, 999.0, lane=Lane.BACKFILL)
    recorded(kit, kit.audit, 4, TO4, 999.0, decision="observe")
    recorded(kit, kit.audit, 5, TO4, None, at=T0 + MINUTE)
    status = of(kit)
    assert status.tally == Tally(2 * NIGHTS, 2)
    assert status.verdict is Verdict.MISSED
    assert "nba/2026-01-18/overnight phase3_to_phase4: 61 s" in " ".join(status.failures)


def test_a_night_without_a_line_is_late(kit: HandlersKit) -> None:
    """The state knows that the run was there: of its transitions that have a due time none was triggered."""
    nights(kit)
    before = of(kit, ObjectiveKind.TRIGGERED_BY_DUE)
    late = replace(NIGHT, day=DAY - timedelta(days=NIGHTS + 1))
    run = Run(late, T0 - timedelta(days=NIGHTS + 1, hours=1), units=Units(7, 7))
    kit.store.inner.create(run_path(late), run_data(run, kit.policy))
    after = of(kit, ObjectiveKind.TRIGGERED_BY_DUE)
    missed = after.tally.bad - before.tally.bad
    assert missed == after.tally.total - before.tally.total > 1


def test_a_trigger_that_the_record_does_not_have_yet_counts(kit: HandlersKit) -> None:
    """The night itself, through the real handlers, while the record is away: its document holds the line."""
    nights(kit)
    kit.fail("record", lasts=timedelta(minutes=3))
    kit.finish(*PHASE3, records=200)
    kit.sweep()
    assert kit.state(TO4).triggered
    assert kit.state(TO4).pending_audit
    kit.restore()
    assert of(kit).tally == Tally(2 * NIGHTS + 1, 0)
    kit.sweeps(3)
    assert kit.state(TO4).pending_audit == ()
    assert of(kit).tally == Tally(2 * NIGHTS + 1, 0)


def test_the_hand_off_of_a_night_is_measured_by_the_handlers(kit: HandlersKit) -> None:
    """The last report comes, the trigger leaves with its delivery: the record says how long that took, and the log
    says the same."""
    kit.finish(*PHASE3, records=200)
    kit.sweep()
    [row] = [row for row in kit.audit.executions("nba", DAY, DAY) if row["decision"] == "trigger"]
    [line] = [line for line in kit.logged("transition.dispatched") if line["transition"] == TO4]
    assert row["handoff_seconds"] == line["handoff_seconds"] is not None
    assert 0 <= row["handoff_seconds"] < 60


def test_what_burns_is_told_once_and_its_end_too(kit: HandlersKit) -> None:
    """Two slow hand-offs within the hour: one critical alert, however often it is measured; when the hour is over and a
    good one came, its end."""
    nights(kit, slow={})
    for minutes, transition in ((-20, TO4), (-10, TO5)):
        recorded(kit, kit.audit, 0, transition, 300.0, at=T0 + minutes * MINUTE)
    kit.sweep()
    [notice] = kit.notices("slo_fast_burn")
    assert notice.severity == "critical"
    assert "hand_off: 2 of 2 bad" in notice.text
    kit.sweeps(30)
    assert len(kit.notices("slo_fast_burn")) == 1
    for n in range(8):
        recorded(kit, kit.audit, 0, TO4, 5.0, at=T0 + (40 + n) * MINUTE)
    kit.wait(6 * HOUR)
    kit.sweep()
    assert [notice.resolved for notice in kit.notices("slo_fast_burn")] == [False, True]
    # What three days remember is worth a ticket still, and is one already.
    assert {notice.resolved for notice in kit.notices("slo_slow_burn")} <= {False}


def test_one_failure_tells_nobody(kit: HandlersKit) -> None:
    """Of two hand-offs a night one that is slow is a third of the budget, and no trend."""
    nights(kit, slow={})
    recorded(kit, kit.audit, 0, TO4, 300.0, at=T0 - 10 * MINUTE)
    kit.sweep()
    assert of(kit).tally.bad == 1
    assert kit.notices("slo_fast_burn") == kit.notices("slo_slow_burn") == []


def test_it_is_measured_once_an_hour_by_whatever_instance(kit: HandlersKit, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is asked once for sixty sweeps of two instances, and what came of it is kept for the page."""
    nights(kit)
    asked = []
    before = kit.audit.executions
    monkeypatch.setattr(kit.audit, "executions", lambda *of: asked.append(of[1:]) or before(*of))  # type: ignore[func-returns-value]
    other = kit.instance()
    for _ in range(30):
        kit.sweeps(1)
        kit.sweeps(1, ctx=other)
    assert len([dates for dates in asked if (dates[1] - dates[0]).days == 36]) == 1
    measured = read_measured(kit.ctx)
    assert measured is not None
    assert [status.kind for status in measured.objectives] == list(ObjectiveKind)


def test_a_record_that_does_not_answer_ends_nothing(kit: HandlersKit) -> None:
    """What burned is left as it was, and a finding says that it could not be measured."""
    nights(kit, slow={})
    for minutes, transition in ((-20, TO4), (-10, TO5)):
        recorded(kit, kit.audit, 0, transition, 300.0, at=T0 + minutes * MINUTE)
    kit.sweep()
    kit.wait(6 * HOUR)
    kit.fail("record")
    answer = kit.sweep()
    assert [finding["result"] for finding in answer.about("objectives")] == ["skipped"]
    assert [notice.resolved for notice in kit.notices("slo_fast_burn")] == [False]


def test_a_sweep_that_comes_late_is_in_the_record(kit: HandlersKit) -> None:
    """Something was due for twenty minutes: four slices of the day are bad. One that is a minute late is on time."""
    kit.finish(PHASE3[0], records=200)
    kit.sweeps(5)
    assert sweeps_late(kit) == []
    kit.wait(40 * MINUTE)
    kit.sweeps(2)
    [row] = sweeps_late(kit)
    assert 24 * 60 <= row["wait_seconds"] <= 41 * 60
    status = of(kit, ObjectiveKind.SWEEP_HEALTH)
    assert status.tally.bad == -(-row["wait_seconds"] // 300)


def test_a_sweep_that_has_nothing_to_do_is_not_late() -> None:
    """On a day without units one is due every quarter of an hour, and none is missed that came then."""
    kit = asking_for_sweeps(HandlersKit())
    kit.change(games={DAY + timedelta(days=n): GameCount() for n in range(-1, 4)})
    kit.sweeps(3)
    for _ in range(8):
        kit.wait(15 * MINUTE)
        kit.sweep()
    assert sweeps_late(kit) == []


def test_a_gap_that_the_record_did_not_take_is_written_later(kit: HandlersKit) -> None:
    """The upkeep keeps it."""
    kit.sweeps(3)
    kit.fail("record")
    kit.wait(2 * HOUR)
    kit.sweeps(2)
    assert sweeps_late(kit) == []
    kit.restore()
    kit.sweeps(20)
    assert len(sweeps_late(kit)) == 1


def test_a_gap_that_lasts_counts_as_far_as_it_goes(kit: HandlersKit) -> None:
    """Whoever asks while no sweep comes sees it: there is no line of it yet."""
    kit.sweeps(3)
    kit.wait(3 * HOUR)
    assert sweeps_late(kit) == []
    assert of(kit, ObjectiveKind.SWEEP_HEALTH).tally.bad > 20


def sweeps_late(kit: HandlersKit) -> list[dict[str, Any]]:
    rows = kit.audit.tables.get("phase_execution_log", {}).values()
    return [dict(row) for row in rows if row["decision"] == "sweep_late"]


def test_objectives_are_taken_away_by_policy() -> None:
    """Nothing is measured, asked or raised; a changed goal is the one that counts."""
    kit = HandlersKit(policy=replace(POLICY, objectives=Objectives(None, None, None))).ordinary()
    nights(kit, slow={1: 300.0})
    kit.sweeps(2)
    assert objective_statuses(kit.ctx) == ()
    assert read_measured(kit.ctx) is None
    lax = HandlersKit(policy=replace(POLICY, objectives=Objectives(hand_off=Objective(90, timedelta(minutes=10)))))
    nights(lax, slow={1: 300.0})
    assert of(lax).tally.bad == 0


def test_the_same_from_rows_of_a_warehouse(tmp_path: Path) -> None:
    """DuckDB gives dates and instants as BigQuery's client does."""
    audit = DuckDbAuditLog(tmp_path / "record.duckdb", "nba_orchestration")
    kit = HandlersKit(audit=audit).ordinary()
    rows: list[tuple[str, Row]] = []

    class Collected:
        def insert(self, table: str, listed: list[Row]) -> None:
            rows.extend((table, row) for row in listed)

    nights(kit, Collected(), slow={3: 61.0})  # type: ignore[arg-type]
    audit.insert(rows[0][0], [row for _, row in rows])
    assert of(kit).tally == Tally(2 * NIGHTS, 2)


def test_orch_slo_says_it(kit: HandlersKit, capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each objective, what failed below it, and status 1 where one is missed."""
    nights(kit, slow={3: 61.0})
    status, text = kit.orch("slo")
    assert status == 1
    assert "handed off within 1 min (goal 99 %): 52 of 54, 96.29 %" in text
    assert "nba/2026-01-18/overnight phase3_to_phase4: 61 s after the last thing it waited for" in text


def test_orch_slo_ends_with_nought_where_all_is_well(kit: HandlersKit) -> None:
    """Objectives without events are nothing to worry about."""
    status, text = kit.orch("slo")
    assert status == 0
    assert "nothing to measure" in text
