"""The nights of the record are read once a day; what they teach is in the runs that open after it (behaviour T11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.local.duckdb import DuckDbAuditLog
from shared.app.audit.write import completion_row, execution_row
from shared.app.learning.record import recorded_nights
from shared.app.reporting.overview import cells_of
from shared.app.state.learned import path_of, read_learned
from shared.app.state.repository import load_run
from shared.app.validation.checks.nights import should_be_done_at
from shared.core.learning.learned import Learned, learn
from shared.core.model import LogEntry, Plan, State, TransitionState
from shared.core.policy.adaptive import Auto
from shared.core.policy.anomalies import OFF
from shared.core.policy.objectives import Objectives
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Due, LocalTime
from shared.documents import to_data
from shared.ports import AuditLog, Row
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, NIGHT, PGS, PHASE3, POLICY, T0, TDGS, TO4, UTGC, report, with_expectation
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
        rows = [completion_row(kit.policy, key, report, superseded=False) for report in reports]
        rows.append(execution_row(kit.ctx, key, TO4, state, entry))
        listed += rows
    for table in sorted({table for table, _ in listed}):
        audit.insert(table, [row for name, row in listed if name == table])


def alone(policy: Policy) -> Policy:
    """Return a policy without objectives, whose measuring reads the record too."""
    return replace(policy, objectives=Objectives(None, None, None))


@pytest.fixture
def kit() -> HandlersKit:
    return HandlersKit(policy=alone(adaptive())).ordinary()


def learned(kit: HandlersKit) -> Learned:
    return read_learned(kit.store.inner.get(path_of("nba"))[0])


def reads(kit: HandlersKit, monkeypatch: pytest.MonkeyPatch) -> list[tuple[date, date]]:
    """Return the list of what is read of the execution log, which grows."""
    asked: list[tuple[date, date]] = []
    before = kit.audit.executions

    def executions(pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        asked.append((first, last))
        return before(pipeline, first, last)

    monkeypatch.setattr(kit.audit, "executions", executions)
    return asked


def test_a_sweep_learns_once_a_day(kit: HandlersKit, monkeypatch: pytest.MonkeyPatch) -> None:
    """One reading of the dates before the run that opens, by however many instances; the next day another."""
    written(kit.audit, kit, NIGHTS)
    asked = reads(kit, monkeypatch)
    kit.sweeps(3)
    kit.wait(timedelta(hours=2))
    kit.sweep(ctx=kit.instance())
    today = DAY + timedelta(days=1)
    assert asked == [(today - timedelta(days=29), today)]
    assert len(learned(kit).waits[TO4]["overnight"]) == NIGHTS
    kit.wait(timedelta(hours=16))
    kit.sweeps(2)
    assert asked[1:] == [(today - timedelta(days=28), today + timedelta(days=1))]


def test_a_pipeline_without_auto_reads_and_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one in which nothing is said of unusual nights."""
    kit = HandlersKit(policy=alone(replace(POLICY, anomalies=OFF))).ordinary()
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
    times = kit.run(replace(NIGHT, day=DAY + timedelta(days=1))).learned.get(TO4, {})
    assert [value.nights for value in times.values()] == [NIGHTS, NIGHTS, NIGHTS]


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


# a run of a pipeline that learns, from its opening to its end


@pytest.fixture
def learning() -> HandlersKit:
    """Return a kit in the morning after DAY, which knows 26 nights: 29 min 45 s is their p95, 44 min 37.5 s a tier."""
    kit = HandlersKit(policy=adaptive()).ordinary()
    written(kit.audit, kit, NIGHTS)
    kit.store.inner.create(path_of("nba"), to_data(_now_learned(kit)))
    return kit


def _now_learned(kit: HandlersKit) -> Learned:
    first, last = DAY - timedelta(days=28), DAY + timedelta(days=1)
    return learn(kit.policy, *recorded_nights(kit.ctx, first, last), first, last, T0)


def test_a_sweep_triggers_at_the_learned_time(learning: HandlersKit) -> None:
    """Fixed the tier would go at 06:15; learned it goes by the sweep of 06:45, and not before. What keeps a run from
    being looked at knows the learned time too."""
    learning.finish(*PHASE3[:4], records=200)
    learning.sweeps(44)
    assert learning.state(TO4).state is State.WAITING
    learning.sweep()
    learning.wait()
    learning.sweep()
    assert learning.state(TO4).accepted_plan is not None
    assert learning.state(TO4).accepted_plan.reason == "tier_1"
    assert learning.run().learned[TO4]["tier_1"].nights == NIGHTS


def test_an_open_run_keeps_the_fixed_times_when_the_policy_turns_to_auto(learning: HandlersKit) -> None:
    """It was opened without learned times, so its rules do not change while it runs; the next one has them."""
    before = learning.instance("v1", POLICY)
    learning.deliver(PGS, records=200, ctx=before)
    learning.finish(*PHASE3[1:4], records=200)
    learning.sweeps(15)
    assert learning.state(TO4).accepted_plan is not None
    assert learning.run().learned == {}


def test_an_open_run_has_the_fixed_times_again_when_auto_leaves_the_policy(learning: HandlersKit) -> None:
    """Who takes it out wants what the file says."""
    learning.finish(*PHASE3[:4], records=200)
    after = learning.instance("v2", POLICY)
    learning.sweeps(15, ctx=after)
    assert learning.state(TO4).accepted_plan is not None


def test_a_run_that_is_reopened_or_explained_later_shows_what_it_was_given(learning: HandlersKit) -> None:
    """As of a past time too: from the frozen times, whatever the nights say by now."""
    learning.finish(*PHASE3[:4], records=200)
    learning.sweeps(30)
    learning.store.inner.delete(path_of("nba"))
    _, text = learning.orch("explain", TO4, DAY.isoformat(), "--mode", "overnight", "--at", "06:20")
    assert "tier_1         06:44 EST" in text
    assert "p95 of 26 nights 29 min x 1.5" in text
    _, text = learning.orch("explain", TO4, DAY.isoformat(), "--mode", "overnight")
    assert "p95 of 26 nights 29 min x 1.5" in text


def test_inference_and_late_marks_go_by_the_learned_due_time() -> None:
    """A due time that nights say is the one after which a silent processor is inferred, and a page says late."""
    wide = Auto(0.95, 28, 1.0, timedelta(minutes=10), timedelta(hours=10))
    due = Due(LocalTime(0, time(8, 30)), None, wide)
    policy = with_expectation(TO4, "overnight", due=due)
    kit = HandlersKit(policy=policy).ordinary(rows=0)
    written(kit.audit, kit, NIGHTS)
    kit.store.inner.create(path_of("nba"), to_data(_now_learned(kit)))
    kit.deliver(TDGS, records=200)
    kit.sweep()
    kit.ordinary()
    key, transition = kit.run().key, policy.transitions[TO4]
    learned_at = should_be_done_at(policy, key, transition, kit.run())
    # 26 nights that triggered 66 to 91 minutes after 05:00
    assert learned_at == T0 - timedelta(hours=1) + timedelta(minutes=89, seconds=45)
    kit.wait(timedelta(minutes=29))
    kit.sweep()
    assert not kit.logged("completion.inferred")
    assert "late" not in [cell.word for cell in cells_of(policy, kit.run(), load_run(kit.store, key), kit.clock.now())]
    kit.wait(timedelta(minutes=1))
    kit.sweep()
    assert kit.logged("completion.inferred")
