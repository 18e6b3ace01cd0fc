"""Which sweeps look at workflows: those for which something of no run is due (behaviour T7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.app.alerting import raise_alerts
from shared.app.workflows import supervision
from shared.app.workflows.controller import tick
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.reporting.findings import Sweep
from shared.core.severity import Severity
from shared.core.workflows.alerts import alert_run
from tests.app.handlers_kit import HandlersKit
from tests.app.workflows.phase1 import loaded
from tests.app.workflows.test_executor import only
from tests.core.build import PHASE3

LOOK = supervision.look


class Looks(HandlersKit):
    """A kit with one workflow of the morning; ``looks`` are the minutes in which a sweep looked at it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.ordinary()
        workflows = loaded(only("morning_operations"))
        self.ctx = replace(self.ctx, workflows=workflows, looks_at_all_every=timedelta(hours=6))
        self.looks: list[int] = []
        self.holds: Condition | None = None
        self.begins = self.clock.now() + timedelta(minutes=3)
        patch.setattr(supervision, "look", self._look)
        self.sweeps(3)
        self.looks.clear()

    def _look(self, ctx: object, done: Sweep) -> None:
        self.looks.append(round((self.clock.now() - self.begins) / timedelta(minutes=1)))
        LOOK(self.ctx, done)
        if self.clock.now() <= self.begins:
            done.wakeups.append(self.begins + timedelta(minutes=20))  # as if a window ended then
        if self.holds is not None and len(self.looks) < 5:  # as long as a run is under way
            done.say(self.holds)
            done.polls.append(None)

    def minutes(self, number: int, *reports: str) -> None:
        """Let so many minutes pass, in each of the first of them one report, and after each a sweep."""
        for place in range(number):
            if place < len(reports):
                self.deliver(reports[place], records=203)
            self.sweeps(1)


@pytest.fixture
def kit(monkeypatch: pytest.MonkeyPatch) -> Looks:
    return Looks(monkeypatch)


def test_a_sweep_for_runs_alone_looks_at_no_workflow(kit: Looks) -> None:
    """Reports make a run due in each minute; what is of no run is not due, and is due when it was."""
    kit.minutes(4, *PHASE3[:4])
    assert kit.looks == []
    kit.minutes(16)
    assert kit.looks == [20]


def test_a_run_of_a_workflow_is_looked_at_by_each_sweep_until_it_has_ended(kit: Looks) -> None:
    """Its claim makes the upkeep due; beside the reports of a run."""
    assert kit.ctx.workflows is not None
    tick(kit.ctx, kit.ctx.workflows)
    kit.minutes(4, *PHASE3[:4])
    assert kit.looks == [1, 2, 3, 4]


def test_a_look_that_broke_is_tried_by_the_next_sweep(kit: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody could look at is not put off, and its alert does not end by a sweep that did not look."""

    def broken(*_: object) -> None:
        raise RuntimeError("no look at all")

    with monkeypatch.context() as patch:
        patch.setattr(supervision, "load_books", broken)
        kit.minutes(62)
        first = len(kit.looks)
        kit.minutes(3, *PHASE3[:3])
        assert len(kit.looks) == first + 3
    assert [notice.resolved for notice in kit.notices(AlertKind.FAULT)] == [False]
    kit.minutes(3)
    assert [notice.resolved for notice in kit.notices(AlertKind.FAULT)] == [False, True]


def test_the_end_of_an_alert_of_workflows_is_told_by_the_second_sweep_that_sees_it(kit: Looks) -> None:
    """It is foreseen like that of an alert of no run: no look at everything has to come by."""
    day = kit.policy.local(kit.clock.now()).date()
    place, text = alert_run(kit.policy, day), "nba/2026-01-22 morning_operations: failed"
    condition = Condition(AlertKind.WORKFLOW_FAILED, Severity.CRITICAL, place, "morning_operations", "", text)
    kit.holds = condition
    raise_alerts.raise_now(kit.ctx, [condition])
    kit.minutes(5)
    assert [notice.resolved for notice in kit.notices(condition.kind)] == [False]
    kit.minutes(1)
    assert [notice.resolved for notice in kit.notices(condition.kind)] == [False, True]
