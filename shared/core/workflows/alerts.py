"""What a person must know of workflows, as conditions (behaviour A1, A2)."""

from __future__ import annotations

from datetime import date

from shared.core import commands
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.policy.policy import Policy
from shared.core.severity import Severity
from shared.core.texts import amount, clock_time, names, say
from shared.core.workflows.judge import Judgement
from shared.core.workflows.model import CatchUp, Workflow
from shared.core.workflows.runs import CallOutcome, Entry, RunStatus, RunSummary, WorkflowRun

FEW = 40


def alert_run(policy: Policy, day: date) -> str:
    """Return where alerts of a date's workflows belong: `nba/2026-01-21`."""
    return f"{policy.pipeline}/{day.isoformat()}"


def failed(policy: Policy, workflow: Workflow, day: date, run: RunSummary) -> Condition | None:
    """Return that a run did not complete, naming the scrapers; None for one that did or still runs."""
    if run.status in (RunStatus.COMPLETED, RunStatus.RUNNING):
        return None
    began = clock_time(policy, run.decided_at, run.ended_at)
    what = f"the run of {began} is {run.status}: {run.text or 'nothing was called'}"
    do = f"look at the scrapers, then: {commands.run_workflow(workflow.name, day)}"
    text = say(alert_run(policy, day), workflow.name, what, "a later completed run of the date ends this", do)
    kind, severity = AlertKind.WORKFLOW_FAILED, workflow.alerts.failed
    return Condition(kind, severity, alert_run(policy, day), workflow.name, "", text)


def missed(policy: Policy, workflow: Workflow, day: date, judged: Judgement) -> Condition:
    """Return that a window passed without a run."""
    ended = clock_time(policy, judged.window_ended_at, judged.at)
    waited = f"; {judged.waited_for} had not completed" if judged.waited_for else ""
    what = f"its window missed: it ended at {ended} without a run{waited}"
    if judged.missing:
        what += f"; without rows: {_few(judged.missing)}"
    elif judged.unreadable:
        what += f"; {judged.unreadable} cannot be read: whether units are missing is not known"
    do = f"see why no run was decided, then: {commands.run_workflow(workflow.name, judged.oldest or day)}"
    then = "a later run ends this" if isinstance(workflow.decide, CatchUp) else "a later run of the date ends this"
    text = say(alert_run(policy, day), workflow.name, what, then, do)
    severity = workflow.alerts.missed or Severity.WARNING
    return Condition(AlertKind.WORKFLOW_MISSED, severity, alert_run(policy, day), workflow.name, "", text)


def missing_units(policy: Policy, workflow: Workflow, day: date, judged: Judgement) -> Condition | None:
    """Return which units have no rows at the end of the window; None where nobody asks or none are missing."""
    severity = workflow.alerts.missing_units
    if severity is None or not (judged.missing or judged.unreadable):
        return None
    missing = workflow.missing
    assert missing is not None
    ended = clock_time(policy, judged.window_ended_at, judged.at)
    what = f"the window ended at {ended} and {missing.table} has no rows of {_few(judged.missing or ())}"
    if judged.unreadable:
        what = f"the window ended at {ended} and {missing.table} cannot be read: whether units are missing is not known"
    do = f"look at their sources, then: {commands.run_workflow(workflow.name, day)}"
    text = say(alert_run(policy, day), workflow.name, what, "", do)
    kind = AlertKind.WORKFLOW_UNITS
    return Condition(kind, severity, alert_run(policy, day), workflow.name, "", text)


def refused(policy: Policy, run: WorkflowRun, entry: Entry) -> Condition | None:
    """Return that a scraper service refused a call (4xx): a fault of the configuration, critical by itself."""
    if entry.outcome is not CallOutcome.REFUSED:
        return None
    what = f"{entry.name} was refused, and is not called again: {entry.text}"
    do = "correct the scraper's name or parameters in the workflow file"
    text = say(alert_run(policy, run.day), run.workflow, what, "", do)
    kind, where = AlertKind.WORKFLOW_REFUSED, alert_run(policy, run.day)
    return Condition(kind, Severity.CRITICAL, where, run.workflow, entry.scraper, text)


def warned(policy: Policy, workflow: str, day: date, code: str, warning: str) -> Condition:
    """Return what a decision warns of, once for a date and cause."""
    text = say(alert_run(policy, day), workflow, warning)
    kind, where = AlertKind.WORKFLOW_WARNING, alert_run(policy, day)
    return Condition(kind, Severity.WARNING, where, workflow, code, text)


def no_output(policy: Policy, run: WorkflowRun) -> Condition | None:
    """Return that a step gave nothing for a later one to work on."""
    if not run.warnings:
        return None
    text = say(alert_run(policy, run.day), run.workflow, "; ".join(run.warnings), "the run ends as partial")
    kind, where = AlertKind.WORKFLOW_OUTPUT, alert_run(policy, run.day)
    return Condition(kind, Severity.WARNING, where, run.workflow, run.window, text)


def no_calendar(policy: Policy, day: date, by_name: tuple[str, ...]) -> Condition:
    """Return that nobody knows the units of a date; ``by_name`` are the scrapers that cannot be called without."""
    what = "the calendar cannot be read: workflows run once a window as if the date had units"
    then = f"not called without names of units: {names(by_name)}" if by_name else ""
    text = say(alert_run(policy, day), "workflows", what, then, "look at the calendar's table")
    kind, where = AlertKind.WORKFLOW_CALENDAR, alert_run(policy, day)
    return Condition(kind, Severity.WARNING, where, "workflows", "", text)


def _few(items: tuple[str, ...]) -> str:
    shown = names(items[:FEW])
    return shown if len(items) <= FEW else f"{shown} and {amount(len(items) - FEW, 'other')}"
