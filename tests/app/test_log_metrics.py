"""What Cloud Monitoring counts is what is logged, and says the same as record and stores (behaviour 11, 14)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.app.objectives.statuses import objective_statuses
from shared.app.reporting.metrics import metrics
from shared.app.state.lock import acquire
from shared.app.state.table_places import take_places
from shared.core.limits.dml import AT_ONCE, HELD, Full
from shared.core.model import State
from shared.core.objectives.budget import Tally
from shared.core.policy.objectives import ObjectiveKind
from shared.core.reporting.open_figures import figure_of
from tests.app.handlers_kit import HandlersKit
from tests.app.log_metrics import DECLARED, counted
from tests.core.build import PHASE3, TO4, TO5

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def kit() -> HandlersKit:
    return HandlersKit().ordinary()


def by_due(kit: HandlersKit) -> Tally:
    """Return what the objective of Cloud Monitoring has: all that were due, and those that were late."""
    met, missed = (len(counted(f"orch_due_{end}", kit.log)) for end in ("met", "missed"))
    return Tally(met + missed, missed)


def by_record(kit: HandlersKit) -> Tally:
    [tally] = [each.tally for each in objective_statuses(kit.ctx) if each.kind is ObjectiveKind.TRIGGERED_BY_DUE]
    return tally


def until_closed(kit: HandlersKit) -> None:
    for _ in range(80):
        kit.wait(HOUR)
        kit.sweep()
        if kit.logged("run.closed"):
            return


def test_each_transition_is_counted_once_however_often_it_is_told(kit: HandlersKit) -> None:
    """Phase 4 is started in time and never reports: its transition was due, warned of, told as critical and ended. The
    objective of Cloud Monitoring counts it once, and altogether what the record says."""
    kit.finish(*PHASE3, records=200)
    until_closed(kit)
    kinds = {notice.kind for notice in kit.notices()}
    assert {"due_warning", "due_critical"} <= kinds
    assert len([line for line in kit.logged("alert.sent") if str(line["kind"]).startswith("due")]) > 1
    assert [keys["transition"] for keys in counted("orch_due_met", kit.log)] == [TO4]
    assert sorted(str(keys["transition"]) for keys in counted("orch_due_missed", kit.log)).count(TO5) == 1
    assert by_due(kit) == by_record(kit)


def test_a_trigger_after_its_due_time_is_late_and_a_second_one_nothing(kit: HandlersKit) -> None:
    """Everything reports three hours late, and once more with better data: one late transition, triggered twice."""
    kit.sweep()
    kit.wait(3 * HOUR)
    kit.sweep()
    kit.finish(*PHASE3, records=200)
    kit.sweep()
    kit.finish(*PHASE3, records=400)
    kit.sweeps(10)
    sent = [keys["by_due"] for keys in kit.logged("transition.dispatched") if keys["transition"] == TO4]
    assert sent == ["late", None]
    assert [keys["transition"] for keys in counted("orch_due_missed", kit.log)] == [TO4]
    assert counted("orch_due_met", kit.log) == []


def test_what_is_open_is_logged_when_all_of_it_is_looked_at(kit: HandlersKit) -> None:
    """The line of the sweep has what /metrics reads from the stores: every state has a metric, and no sum differs."""
    kit.finish(*PHASE3, records=200)
    kit.sweeps(20)
    lines = kit.logged("sweep.counted")
    assert 0 < len(lines) <= 3, "one in a quarter of an hour, whatever a sweep finds due"
    kit.log.clear()
    metrics([kit.ctx])
    [asked] = kit.logged("metrics.read")
    names = {"runs_open", *map(figure_of, State)}
    assert {name: lines[-1][name] for name in names} == {name: asked[name] for name in names}
    assert lines[-1]["transitions_dispatched"] == 1.0
    read = {name: each for name, each in DECLARED.items() if "sweep.counted" in each["events"]}
    assert {each["value"] for each in read.values()} == names
    assert all(counted(name, kit.log) for name in read)


def test_each_statement_is_a_line_with_its_wait() -> None:
    """Fifteen are at work at once and waited not at all; the sixteenth is told how long it would have to."""
    kit = HandlersKit()
    for _ in range(AT_ONCE):
        take_places(kit.instance(), ["d.t"])
    assert isinstance(take_places(kit.instance(), ["d.t"], timedelta(0)), Full)
    lines = counted("orch_lock_wait_seconds", kit.log)
    assert [line["wait_seconds"] for line in lines] == [0.0] * AT_ONCE + [HELD.total_seconds()]
    assert {line["lock"] for line in lines} == {"d.t"}


def test_a_sweep_that_finds_another_says_how_long_it_would_wait(kit: HandlersKit) -> None:
    acquire(kit.ctx, "sweep", 50 * timedelta(seconds=1))
    kit.sweep()
    [line] = counted("orch_lock_wait_seconds", kit.log)
    assert line["lock"] == "sweep"
    assert 0 < float(str(line["wait_seconds"])) <= 50
