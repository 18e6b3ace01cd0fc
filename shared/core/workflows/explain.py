"""Why a workflow decides as it does, as text and as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from shared.core.workflows.decide import Run, WorkflowDecision, WorkflowInput, before_games_window
from shared.core.workflows.model import BeforeGames, Workflow
from shared.core.workflows.windows import Window, window_of


@dataclass(frozen=True, slots=True)
class WorkflowExplanation:
    """A decision with what it was made from; ``evidence`` is the same for a script."""

    text: str
    evidence: dict[str, Any]


def explain_workflow(
    workflow: Workflow, day: date, facts: WorkflowInput, decision: WorkflowDecision
) -> WorkflowExplanation:
    """Return why ``decision`` is what it is, in lines: the decision, its window, units, what it requires, its runs."""
    word, reason = type(decision).__name__.lower(), getattr(decision, "reason", "something has to be read first")
    window = _window(workflow, day, facts)
    lines = [f"{workflow.name} {day}: {word}: {reason}"]
    when = (
        "none: no units on the date" if window is None else f"{_at(facts, window.begins)} to {_at(facts, window.ends)}"
    )
    lines.append(f"  window     {when} ({workflow.kind})")
    lines.append(f"  units      {_units(facts)}")
    for name in workflow.requires:
        lines.append(f"  requires   {name}: {'completed' if name in facts.completed else 'not completed'}")
    for run in facts.runs:
        ended = "" if run.ended_at is None else f", ended {_at(facts, run.ended_at)}"
        lines.append(f"  run        {run.window}: {run.status}, decided {_at(facts, run.decided_at)}{ended}")
    if isinstance(decision, Run) and decision.targets is not None:
        lines.append(f"  targets    {', '.join(decision.targets) or 'none'}")
    next_at: datetime | None = getattr(decision, "next_at", None)
    if next_at is not None:
        lines.append(f"  next       {_at(facts, next_at)}")
    evidence = {
        "workflow": workflow.name,
        "date": day.isoformat(),
        "at": facts.now.isoformat(),
        "decision": word,
        "code": getattr(decision, "code", ""),
        "reason": reason,
        "kind": workflow.kind,
        "window": None if window is None else [window.begins.isoformat(), window.ends.isoformat()],
        "units": None if facts.units is None else [unit.name for unit in facts.units],
        "requires": {name: name in facts.completed for name in workflow.requires},
        "runs": [
            {"window": run.window, "status": run.status.value, "decided_at": run.decided_at.isoformat()}
            for run in facts.runs
        ],
        "targets": list(decision.targets or ()) if isinstance(decision, Run) else [],
        "next_at": None if next_at is None else next_at.isoformat(),
    }
    return WorkflowExplanation("\n".join(lines), evidence)


def _window(workflow: Workflow, day: date, facts: WorkflowInput) -> Window | None:
    if isinstance(workflow.decide, BeforeGames):
        return before_games_window(workflow.decide, day, facts.zone, facts.units)
    return window_of(workflow, day, facts.zone)


def _units(facts: WorkflowInput) -> str:
    if facts.units is None:
        return "not known: the calendar cannot be read"
    starts = [unit.start for unit in facts.units if unit.start is not None]
    when = f", the first starts {_at(facts, min(starts))}, the last {_at(facts, max(starts))}" if starts else ""
    return f"{len(facts.units)}{when}"


def _at(facts: WorkflowInput, at: datetime) -> str:
    local = at.astimezone(facts.zone)
    return f"{local:%Y-%m-%d %H:%M} {local.tzname()}"
