"""Unusual nights from the record to the alert: learned once a day, told by the sweep, ended by a report (T12)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from shared.app.audit.write import completion_row, execution_row
from shared.app.learning import daily
from shared.app.state.learned import path_of, read_learned
from shared.app.state.repository import path_of_run
from shared.app.state.usuals import usuals
from shared.core.model import LogEntry, Plan, RunKey, TransitionState
from shared.core.reporting.findings import Sweep
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, NIGHT, PHASE3, POLICY, T0, TO4, TO5, UPGC, report
from tests.core.test_values_of_nights import PHASE4

MINUTE = timedelta(minutes=1)
# Nights of 7 games whose phase 4 took 9 to 11 minutes; what is usual is 10, at most 20.
# The comparison of state and record looks at the dates since then.
LAST = DAY - timedelta(days=6)
LENGTHS = (9, 10, 11, 10, 10.5, 9.5)


def row_of(kit: HandlersKit, key: RunKey, transition: str, at: Any) -> Any:
    state = TransitionState(plan=Plan(1, "complete", opened_at=at), triggered_at=at)
    return execution_row(kit.ctx, key, transition, state, LogEntry(at, 1, "trigger", "complete"))


def taught(kit: HandlersKit, nights: int = 20, *, last: date = LAST, records: int = 196) -> None:
    """Write so many nights to the record as the sweep does."""
    for n in range(1, nights + 1):
        key, began = replace(NIGHT, day=last - timedelta(days=n)), T0 - timedelta(days=n)
        ended = began + LENGTHS[n % len(LENGTHS)] * MINUTE
        reports = [report(name, records=records, ended=began, message_id=f"{key.id}-{name}") for name in PHASE3]
        reports += [report(name, records=records, ended=ended, message_id=f"{key.id}-{name}") for name in PHASE4]
        completions = [completion_row(POLICY, key, report, superseded=False)[1] for report in reports]
        kit.audit.insert("phase_completions", completions)
        rows = [row_of(kit, key, TO4, began), row_of(kit, key, TO5, ended)]
        kit.audit.insert("phase_execution_log", [row for _, row in rows])
        kit.change(games={key.day: 7})


@pytest.fixture
def kit() -> HandlersKit:
    return HandlersKit(start=T0 - timedelta(minutes=5)).ordinary()


def raised(kit: HandlersKit, *words: str) -> list[str]:
    """Return the texts of what was sent whose text has these words."""
    return [notice.text for notice in kit.history.notices if all(word in notice.text for word in words)]


def started(kit: HandlersKit) -> None:
    """Let phase 3 end at T0, which starts phase 4."""
    kit.sweep()
    kit.wait(timedelta(minutes=5))
    kit.finish(*PHASE3, records=196)
    assert kit.state(TO4).dispatched_at == kit.clock.now() == T0


def test_what_is_usual_is_learned_from_the_record(kit: HandlersKit) -> None:
    """By the first sweep of a day; of each phase and processor, by mode."""
    taught(kit)
    kit.sweep()
    learned = read_learned(kit.store.inner.get(path_of("nba"))[0])
    phase4 = learned.durations["phase4"]["overnight"]
    assert (phase4.nights, round(phase4.expected(DAY, 7), -1)) == (20, 600)
    assert round(learned.rows[UPGC]["overnight"].expected(DAY, 7)) == 196
    assert usuals(kit.ctx).durations == learned.durations


def test_a_phase_that_runs_long_is_told_at_its_moment_without_a_look_in_between(kit: HandlersKit) -> None:
    """After the dispatch the run rests until 20 minutes have passed; then one warning, and its end when it reports."""
    taught(kit)
    started(kit)
    for name in PHASE4[:4]:
        kit.deliver(name, records=196)
    kit.sweeps(3)
    read = kit.store.operations["reads"]
    [document] = kit.store.inner.get(path_of_run(NIGHT.id))
    assert document is not None
    assert T0 + timedelta(minutes=20) < document.data["next_check_at"] < T0 + timedelta(minutes=21)
    kit.sweeps(15)
    assert raised(kit, "phase4 has run") == []
    assert kit.store.operations["reads"] - read < 15 * 6  # nothing is due in most of these minutes
    kit.sweeps(4)
    assert len(raised(kit, "phase4 has run for 21 min", "usually takes 10 min", "ml_feature_store")) == 1
    kit.sweeps(20)
    kit.deliver(PHASE4[4], records=196)
    kit.sweeps(3)
    assert len(raised(kit, "phase4 has run", "ml_feature_store reported success")) == 1
    assert len(raised(kit, "phase4 has run")) == 2


def test_rows_outside_are_told_by_the_sweep_after_the_report(kit: HandlersKit) -> None:
    taught(kit)
    kit.sweeps(2)
    kit.deliver(UPGC, records=90)
    kit.sweep()
    assert len(raised(kit, UPGC, "90 rows with 7 games", "usual are 196")) == 1
    kit.wait()
    kit.deliver(UPGC, records=190)
    kit.sweeps(3)
    assert len(raised(kit, UPGC, "reported success with 190 records")) == 1


def test_with_too_few_nights_nobody_is_told(kit: HandlersKit) -> None:
    taught(kit, nights=13)
    started(kit)
    kit.sweeps(40)
    kit.deliver(UPGC, records=90)
    kit.sweep()
    assert raised(kit, "usually") == raised(kit, "usual are") == []


def test_another_instance_reads_it_once_a_day(kit: HandlersKit) -> None:
    taught(kit)
    kit.sweep()
    other = kit.instance()
    before = kit.store.operations["reads"]
    assert usuals(other) == usuals(other) == usuals(kit.ctx)
    assert kit.store.operations["reads"] == before + 1
    kit.wait(timedelta(days=1))
    assert usuals(other).durations
    assert kit.store.operations["reads"] == before + 2


def test_while_the_calendar_cannot_be_read_what_was_usual_stays(
    kit: HandlersKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an unknown number of units a night would teach something wrong."""
    taught(kit)
    kit.sweep()
    before = read_learned(kit.store.inner.get(path_of("nba"))[0])
    kit.wait(timedelta(days=1))
    monkeypatch.setattr(daily, "read_units", lambda ctx, days: None)
    kit.ctx.memory.learns_at = None
    daily.learn_daily(kit.ctx, Sweep())
    after = read_learned(kit.store.inner.get(path_of("nba"))[0])
    assert after.computed_at != before.computed_at
    assert (after.durations, after.rows) == (before.durations, before.rows)
    assert after.durations


def test_a_document_that_nobody_can_read_says_nothing(kit: HandlersKit) -> None:
    kit.store.inner.create(path_of("nba"), {"durations": "much"})
    assert usuals(kit.ctx).durations == {}
