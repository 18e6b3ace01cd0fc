"""The nights of the record are read once a day; what they teach is in the runs that open after it (behaviour T11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.local.duckdb import DuckDbAuditLog
from shared.app.audit.write import completion_row, execution_row
from shared.app.learning.record import recorded_nights
from shared.app.state.learned import path_of, read_learned
from shared.core.learning.learned import Learned
from shared.core.model import LogEntry, Plan, TransitionState
from shared.ports import AuditLog, Row
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, NIGHT, PGS, PHASE3, T0, TO4, UTGC, report
from tests.core.test_learning import adaptive

MINUTE = timedelta(minutes=1)
NIGHTS = 26


def written(audit: AuditLog, kit: HandlersKit, nights: int, *, last: date = DAY, **more: Any) -> None:
    """Write so many nights to a record as the sweep does; the last report comes 5 + n minutes after the first."""
    listed: list[tuple[str, Row]] = []
    for n in range(1, nights + 1):
        key = replace(NIGHT, day=last - timedelta(days=n))
        began = T0 - timedelta(days=n)
        ends = [began + (5 + n) * MINUTE * (name == UTGC) for name in PHASE3]
        reports = [
            report(name, records=200, ended=at, message_id=f"{key.id}-{name}")
            for name, at in zip(PHASE3, ends, strict=True)
        ]
        entry = replace(LogEntry(max(ends), 1, "trigger", "complete"), **more)
        state = TransitionState(plan=Plan(1, entry.reason, opened_at=began), triggered_at=entry.at)
        rows = [completion_row(kit.policy, key, one, superseded=False) for one in reports]
        rows.append(execution_row(kit.ctx, key, TO4, state, entry))
        listed += rows
    for table in sorted({table for table, _ in listed}):
        audit.insert(table, [row for name, row in listed if name == table])


@pytest.fixture
def kit() -> HandlersKit:
    return HandlersKit(policy=adaptive()).ordinary()


def learned(kit: HandlersKit) -> Learned:
    return read_learned(kit.store.inner.get(path_of("nba"))[0])


def reads(kit: HandlersKit, monkeypatch: pytest.MonkeyPatch) -> list[tuple[date, date]]:
    """Return the list of what is read of the execution log, which grows."""
    asked: list[tuple[date, date]] = []
    before = kit.audit.executions

    def executions(first: date, last: date) -> list[dict[str, Any]]:
        asked.append((first, last))
        return before(first, last)

    monkeypatch.setattr(kit.audit, "executions", executions)
    return asked


def test_a_sweep_learns_once_a_day(kit: HandlersKit, monkeypatch: pytest.MonkeyPatch) -> None:
    """One reading of 28 dates a local day, by however many instances; the next day another."""
    written(kit.audit, kit, NIGHTS)
    asked = reads(kit, monkeypatch)
    kit.sweeps(3)
    kit.sweep(ctx=kit.instance())
    today = DAY + timedelta(days=1)
    assert asked == [(today - timedelta(days=28), today)]
    assert len(learned(kit).waits[TO4]["overnight"]) == NIGHTS
    kit.wait(timedelta(hours=18))
    kit.sweeps(2)
    assert asked[1:] == [(today - timedelta(days=27), today + timedelta(days=1))]


def test_a_pipeline_without_auto_reads_and_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    kit = HandlersKit().ordinary()
    written(kit.audit, kit, NIGHTS)
    asked = reads(kit, monkeypatch)
    kit.sweeps(2)
    assert asked == []
    assert kit.store.inner.get(path_of("nba")) == [None]


def test_a_run_is_given_its_times_when_it_opens(kit: HandlersKit) -> None:
    """By a message as by the sweep; what is learned a day later changes nothing of it."""
    written(kit.audit, kit, NIGHTS)
    kit.sweep()
    opened = kit.run()  # opened by this sweep, before it learned
    assert opened.learned == {}
    tomorrow = replace(NIGHT, day=DAY + timedelta(days=1))
    kit.deliver(PGS, records=200, game_date=tomorrow.day.isoformat())
    times = kit.run(tomorrow).learned[TO4]
    assert (times["tier_1"].nights, times["tier_1"].usual) == (NIGHTS, timedelta(minutes=29, seconds=45))
    written(kit.audit, kit, 3, last=DAY + timedelta(days=3))
    kit.wait(timedelta(days=1))
    kit.sweeps(2)
    assert kit.run(tomorrow).learned[TO4] == times
    later = replace(NIGHT, day=DAY + timedelta(days=4))
    kit.deliver(PGS, records=200, game_date=later.day.isoformat())
    assert kit.run(later).learned[TO4] != times


def test_the_sweep_opens_runs_with_their_times_too(kit: HandlersKit) -> None:
    written(kit.audit, kit, NIGHTS)
    kit.sweep()
    kit.wait(timedelta(days=1))
    kit.ordinary(DAY + timedelta(days=1))
    kit.sweep()
    assert kit.run(replace(NIGHT, day=DAY + timedelta(days=1))).learned[TO4]["deadline"].nights == NIGHTS


def test_an_unreadable_record_leaves_what_was_learned_last(kit: HandlersKit, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as a finding and tried again an hour later, not each minute."""
    written(kit.audit, kit, NIGHTS)
    kit.sweep()
    before = learned(kit)
    kit.wait(timedelta(hours=18))
    kit.fail("record", lasts=timedelta(minutes=30))
    asked = reads(kit, monkeypatch)
    answer = kit.sweep()
    assert [finding for finding in answer.findings if finding["what"] == "learning"] != []
    kit.sweeps(3)
    kit.sweep(ctx=kit.instance())
    assert learned(kit) == before
    kit.wait(timedelta(hours=1))
    kit.sweeps(2)
    assert len(asked) <= 2
    assert learned(kit) != before


def test_a_row_that_nobody_can_read_costs_its_night_only(kit: HandlersKit) -> None:
    """Such as an outcome of a later version, which was rolled back."""
    written(kit.audit, kit, NIGHTS)
    rows = kit.audit.tables["phase_completions"]
    name = next(iter(rows))
    rows[name] = {**rows[name], "outcome": "splendid"}
    kit.sweep()
    assert len(learned(kit).waits[TO4]["overnight"]) == NIGHTS - 1
    assert len(kit.logged("learning.row_unreadable")) == 1


def test_a_document_that_nobody_can_read_means_the_fixed_times(kit: HandlersKit) -> None:
    """The run opens all the same, and the sweep writes another document."""
    kit.store.inner.create(path_of("nba"), {"waits": 7})
    written(kit.audit, kit, NIGHTS)
    kit.deliver(PGS, records=200)
    assert kit.run().learned == {}
    kit.sweep()
    assert len(learned(kit).waits[TO4]["overnight"]) == NIGHTS
    assert kit.logged("learning.document_unreadable")


def test_each_pipeline_learns_from_its_own_rows(kit: HandlersKit) -> None:
    """Where several share a dataset."""
    written(kit.audit, kit, NIGHTS)
    for rows in kit.audit.tables.values():
        for name, row in list(rows.items()):
            rows[f"other {name}"] = {**row, "pipeline": "wnba", "run_id": str(row["run_id"]).replace("nba", "wnba")}
    runs, _ = recorded_nights(kit.ctx, DAY - timedelta(days=40), DAY)
    assert {run.key.pipeline for run in runs} == {"nba"}
    assert len(runs) == NIGHTS


def test_a_pause_of_the_record_counts_when_the_state_has_forgotten_it(kit: HandlersKit) -> None:
    """The state keeps a pause for a month after its end, the record longer."""
    written(kit.audit, kit, NIGHTS)
    for decision, hours in (("operator_pause", -49), ("operator_pause_end", -47)):
        at = T0 + timedelta(hours=hours)
        columns = dict.fromkeys(("run_id", "transition", "mode", "reason", "missing", "opened_at"), "")
        columns |= {"execution_timestamp": at.isoformat(), "game_date": at.date().isoformat(), "decision": decision}
        kit.audit.tables["phase_execution_log"][decision] = {**columns, "pipeline": "nba"}
    kit.sweep()
    days = [night.day for night in learned(kit).waits[TO4]["overnight"]]
    assert len(days) == NIGHTS - 1
    assert DAY - timedelta(days=2) not in days


def test_the_embedded_record_teaches_the_same(kit: HandlersKit, tmp_path: Path) -> None:
    """Read from DuckDB as from the simulation: times, texts and JSON come back as values."""
    audit = DuckDbAuditLog(tmp_path / "record.duckdb", "nba_orchestration")
    other = HandlersKit(policy=adaptive(), audit=audit).ordinary()
    written(audit, other, 9)
    written(kit.audit, kit, 9)
    kit.sweep()
    other.sweep()
    assert learned(other).waits == learned(kit).waits != {}
