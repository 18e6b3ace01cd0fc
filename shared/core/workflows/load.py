"""What the workflows of a pipeline do on a day with units, for the cost model."""

from __future__ import annotations

from math import ceil

from shared.core.costs.operations import HABITS, Habits
from shared.core.costs.workload import MINUTES_A_DAY, WorkflowLoad
from shared.core.workflows.model import (
    BeforeGames,
    CatchUp,
    Discovery,
    EarlyGames,
    Span,
    Step,
    Workflow,
    Workflows,
)
from shared.core.workflows.templates import UNIT, element
from shared.core.workflows.windows import days_after


def workflow_load(workflows: Workflows, ticks: float, habits: Habits = HABITS) -> WorkflowLoad:
    """Return the runs, steps and calls of a day, and what so many ticks read for them."""
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
    dates = max((days_after(workflow) for workflow in enabled), default=0) + 1 + caught_up
    # The calendar, the table of each discovery until it is found, and that of each window once.
    discoveries = sum(isinstance(workflow.decide, Discovery) for workflow in enabled)
    tables = ticks * (1 + discoveries) + sum(workflow.missing is not None for workflow in enabled)
    return WorkflowLoad(runs, steps, waves, calls, breakers, dates, tables)


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
    begins, ends = span.begins, span.ends
    days = ends.days - begins.days
    return days * MINUTES_A_DAY + (ends.at.hour - begins.at.hour) * 60 + ends.at.minute - begins.at.minute


def _calls(workflows: Workflows, step: Step, habits: Habits) -> float:
    """Return the calls of a step: one for each scraper, or one for each of its units or elements."""
    per_scraper = [workflows.scrapers[name].placeholders for name in step.scrapers]
    looped = set() if step.for_each is None else {element(step.for_each)}
    return sum(habits.units if placeholders & {UNIT, *looped} else 1.0 for placeholders in per_scraper)
