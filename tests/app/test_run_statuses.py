"""How the runs are: every open one of any date, those of today, and what of them is wrong; and what it reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.app.reporting.run_statuses import open_statuses, pipeline_problems, statuses_of, statuses_of_dates
from shared.app.state.repository import run_data, run_path
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.model import Run
from shared.core.reporting.problems import ProblemKind
from shared.core.reporting.run_status import RunStatus, all_problems, by_problem
from shared.core.severity import Severity
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, NIGHT, PGS, SAME_DAY, TDGS, TO3, TO4, TOGS, UPGC, UTGC


@pytest.fixture
def kit() -> HandlersKit:
    """A night at 06:04, all five done, whose gate reads 57."""
    kit = HandlersKit().ordinary()
    kit.change(readings={"game_coverage": 57.0})
    for processor in (PGS, UPGC, TDGS, TOGS, UTGC):
        kit.deliver(processor, records=200)
    kit.sweeps(4)
    return kit


def of_night(kit: HandlersKit) -> RunStatus:
    return next(run for run in open_statuses(kit.ctx) if run.key == NIGHT)


def test_a_blocked_transition_says_by_what_and_since_when(kit: HandlersKit) -> None:
    """The gate and its number, since it began, with the alert that people have of it."""
    run = of_night(kit)
    problem = next(each for each in run.problems if each.kind is ProblemKind.BLOCKED)
    assert (problem.transition, problem.subject, problem.severity) == (TO4, "game_coverage", Severity.WARNING)
    assert "57" in problem.text
    assert problem.since == kit.state(TO4).blocked["game_coverage"].since
    assert problem.alert.startswith("gate-")
    assert [each.transition for each in run.transitions][:2] == [TO3, TO4]


def test_an_open_run_of_any_date_comes_before_what_is_well(kit: HandlersKit) -> None:
    """A day later the night still waits, behind its deadline: it is first, and critical; what is closed is not read
    unless its date is asked for."""
    kit.wait(timedelta(days=1))
    kit.sweep()
    first, *_ = by_problem(open_statuses(kit.ctx))
    assert (first.key, first.problems[0].severity) == (NIGHT, Severity.CRITICAL)
    kit.wait(timedelta(days=4))
    kit.sweeps(2)
    assert NIGHT not in {run.key for run in open_statuses(kit.ctx)}
    [night] = statuses_of_dates(kit.ctx, [DAY])
    assert [each.kind for each in night.problems if each.transition == TO4] == [ProblemKind.NEVER]
    assert [run.key for run in statuses_of(kit.ctx, [NIGHT, SAME_DAY])] == [NIGHT]


def test_a_run_that_should_be_there_and_is_not_is_problem() -> None:
    """Without a sweep none of the morning is opened; on a date without games that is as it should be."""
    kit = HandlersKit().ordinary()
    kit.wait(timedelta(hours=1))
    runs = {run.key: run for run in open_statuses(kit.ctx)}
    assert [each.kind for each in runs[NIGHT].problems] == [ProblemKind.NOT_OPENED]
    kit.ordinary(games=0)
    assert {run.key: run.problems for run in open_statuses(kit.ctx)}[NIGHT] == ()


def test_alerts_of_no_run_are_the_pipelines(kit: HandlersKit) -> None:
    """An alert that fires is of a run that is shown, or of the pipeline: never of neither."""
    from shared.app.alerting import raise_alerts

    fault = Condition(AlertKind.DEAD_LETTERS, Severity.WARNING, "nba", "", "", "nba: 3 messages are dead letters")
    raise_alerts.raise_now(kit.ctx, [fault])
    runs = open_statuses(kit.ctx)
    [problem] = pipeline_problems(kit.ctx, runs)
    assert (problem.kind, problem.text) == (ProblemKind.ALERT, "3 messages are dead letters")
    assert ProblemKind.ALERT not in {each.kind for each in all_problems(runs)}


def test_closed_runs_cost_nothing(kit: HandlersKit) -> None:
    """Reads grow with the open runs alone: twenty closed ones more, and not one document more is read."""

    def reads() -> int:
        before = kit.store.operations["reads"]
        open_statuses(kit.ctx)
        return kit.store.operations["reads"] - before

    few, now = reads(), kit.clock.now()
    for days in range(10, 30):
        key = replace(NIGHT, day=DAY - timedelta(days=days))
        kit.store.inner.create(run_path(key), run_data(Run(key, now, closed_at=now), kit.policy))
    assert reads() == few
