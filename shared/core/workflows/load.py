"""What the workflows of a pipeline do on a day with units, for the cost model."""

from __future__ import annotations

from math import ceil

from shared.core.costs.operations import HABITS, Habits
from shared.core.costs.workload import MINUTES_A_DAY, WorkflowLoad
from shared.core.policy.policy import Calendar
from shared.core.policy.transitions import LocalTime
from shared.core.workflows.check import has_units
from shared.core.workflows.model import (
    AfterGames,
    BeforeGames,
    CatchUp,
    Discovery,
    EarlyGames,
    OnceADay,
    Span,
    Step,
    Workflow,
    Workflows,
)
from shared.core.workflows.templates import UNIT, element
from shared.core.workflows.windows import days_after


def workflow_load(
    workflows: Workflows, ticks: float, calendar: Calendar | None = None, habits: Habits = HABITS
) -> WorkflowLoad:
    """Return the runs, steps and calls of a day, and what so many ticks read for them: of the books, and of the
    warehouse, whose tables each of ``calendar``'s readings names."""
    enabled = [workflow for workflow in workflows.workflows.values() if workflow.enabled]
    runs = steps = waves = calls = breakers = 0.0
    for workflow in enabled:
        times = _runs(workflow, habits)
        made = [_calls(workflows, step, habits) for step in workflow.steps]
        runs += times
        steps += times * len(workflow.steps)
        calls += times * sum(made)
        waves += times * sum(ceil(number / step.workers) for number, step in zip(made, workflow.steps, strict=True))
        breakers += times * sum(len(step.scrapers) for step in workflow.steps)
    caught_up = sum(
        workflow.decide.lookback_days * _minutes(workflow.decide.window) / MINUTES_A_DAY
        for workflow in enabled
        if isinstance(workflow.decide, CatchUp)
    )
    looked = max((days_after(workflow) for workflow in enabled), default=0) + 1
    readings = 0.0 if calendar is None else _readings(enabled, ticks, calendar, habits) + _judgements(enabled, habits)
    asked = sum(_questions(workflow, habits) for workflow in enabled)
    tables = asked + readings * (0 if calendar is None else len(calendar.tables))
    return WorkflowLoad(runs, steps, waves, calls, breakers, looked + caught_up, looked, readings + asked, tables)


def _readings(enabled: list[Workflow], ticks: float, calendar: Calendar, habits: Habits) -> float:
    """Return how often ticks read the calendar: each does, or one as soon as the last reading serves no longer, when a
    window has opened since, and when a run begins."""
    asking = [workflow for workflow in enabled if has_units(workflow)]
    if not asking or calendar.read_every is None or not ticks:
        return ticks if asking else 0.0
    between, served = MINUTES_A_DAY / ticks, calendar.read_every.total_seconds() / 60
    moments = {ceil(minute / between) for workflow in asking for minute in _moments(workflow, habits)}
    readings, read_at = 0.0, -served
    for number in range(ceil(ticks)):
        if number in moments or number * between >= read_at + served:
            readings, read_at = readings + 1, number * between
    return readings


def _moments(workflow: Workflow, habits: Habits) -> list[float]:
    """Return the minutes of a day at which a window opens or a run begins; before games taken to be late ones."""
    runs = _runs(workflow, habits)
    match workflow.decide:
        case BeforeGames() as decide:
            hours, each = decide.business_hours, decide.every.total_seconds() / 60
            first = _minute(hours.ends) - runs * each
            listed = [_minute(hours.begins), *(first + number * each for number in range(round(runs)))]
        case Discovery() as decide:
            listed = [number * decide.every.total_seconds() / 60 for number in range(round(runs))]
        case AfterGames() | EarlyGames() as decide:
            listed = [_minute(decide.at) - decide.tolerance.total_seconds() / 60]
        case CatchUp() | OnceADay() as decide:
            listed = [_minute(decide.window.begins)]
    return [minute % MINUTES_A_DAY for minute in listed]


def _minute(at: LocalTime) -> float:
    return at.days * MINUTES_A_DAY + at.at.hour * 60 + at.at.minute


def _judgements(enabled: list[Workflow], habits: Habits) -> float:
    """Return how often the calendar is read to judge a window: where nothing ran, where units may be missing at its
    end, and where it says when that is."""
    judged = 0.0
    for workflow in (workflow for workflow in enabled if has_units(workflow)):
        if isinstance(workflow.decide, BeforeGames | CatchUp) or workflow.alerts.missing_units is not None:
            judged += 1
        elif not isinstance(workflow.decide, Discovery):
            judged += 1 - min(1.0, _runs(workflow, habits))
    return judged


def _questions(workflow: Workflow, habits: Habits) -> float:
    """Return how often a workflow asks its table on a day: a window once and, where units may be missing, at its end;
    a discovery before each attempt and once more; a catch-up every so often in its window, and at its end."""
    match workflow.decide:
        case Discovery():
            return _runs(workflow, habits) + 1
        case CatchUp() as decide:
            return _minutes(decide.window) * 60 / decide.every.total_seconds() + 1
        case AfterGames() | EarlyGames():
            return min(1.0, _runs(workflow, habits)) + (workflow.alerts.missing_units is not None)
        case _:
            return 0.0


def _runs(workflow: Workflow, habits: Habits) -> float:
    """Return how often a workflow runs on a day with units; what depends on their times counts as it may be most."""
    match workflow.decide:
        case BeforeGames() as decide:
            length = min(_minutes(decide.business_hours), decide.opens_before_first_game.total_seconds() / 60)
            return max(1.0, length * 60 / decide.every.total_seconds())
        case Discovery() as decide:
            most = min(decide.max_attempts, MINUTES_A_DAY * 60 / decide.every.total_seconds())
            return max(1.0, most * habits.found_after)
        case EarlyGames() | CatchUp():
            return 0.5
        case _:
            return 1.0


def _minutes(span: Span) -> float:
    return _minute(span.ends) - _minute(span.begins)


def _calls(workflows: Workflows, step: Step, habits: Habits) -> float:
    """Return the calls of a step: one for each scraper, or one for each of its units or elements."""
    per_scraper = [workflows.scrapers[name].placeholders for name in step.scrapers]
    looped = set() if step.for_each is None else {element(step.for_each)}
    return sum(habits.units if placeholders & {UNIT, *looped} else 1.0 for placeholders in per_scraper)
