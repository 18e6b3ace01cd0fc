"""The status of runs as data for a script: what `orch status --json` and `/api/status` answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared.core.decision.next_moment import next_text
from shared.core.model import Act
from shared.core.policy.policy import Policy
from shared.core.reporting.problems import RunProblem, is_wrong
from shared.core.reporting.run_status import RunStatus, TransitionStatus, all_problems


def document(policy: Policy, runs: Sequence[RunStatus], beside: Sequence[RunProblem], now: datetime) -> dict[str, Any]:
    """Return the same as data; times are ISO 8601 in UTC, durations seconds."""
    return {
        "pipeline": policy.pipeline,
        "at": now.isoformat(),
        "wrong": is_wrong((*all_problems(runs), *beside)),
        "problems": [_problem_data(problem) for problem in beside],
        "runs": [run_data(policy, run, now) for run in runs],
    }


def run_data(policy: Policy, run: RunStatus, now: datetime) -> dict[str, Any]:
    """Return one run as data."""
    return {
        "run": run.key.id,
        "date": run.key.day.isoformat(),
        "mode": run.key.mode,
        "lane": run.key.lane.value,
        "opened_at": _iso(run.opened_at),
        "closed_at": _iso(run.closed_at),
        "units": run.units,
        "note": run.note,
        "problems": [_problem_data(problem) for problem in run.problems],
        "transitions": [_transition_data(policy, transition, now) for transition in run.transitions],
    }


def _transition_data(policy: Policy, transition: TransitionStatus, now: datetime) -> dict[str, Any]:
    return {
        "transition": transition.transition,
        "after": list(transition.after),
        "starts": transition.starts,
        "state": transition.state,
        "reason": transition.reason,
        "done": transition.done,
        "expected": transition.expected,
        "missing": list(transition.missing),
        "opened_at": _iso(transition.opened_at),
        "triggered_at": _iso(transition.triggered_at),
        "triggered_by": transition.triggered_by,
        "degraded": transition.degraded,
        "late_by": None if transition.late_by is None else transition.late_by.total_seconds(),
        "next": {
            "name": transition.next.name,
            "at": _iso(transition.next.at),
            "text": transition.next.text,
            "sentence": next_text(policy, transition.next, now),
        },
        "act": _act_data(transition.act),
    }


def _act_data(act: Act | None) -> dict[str, str | None] | None:
    return None if act is None else {"verb": act.verb, "by": act.by, "reason": act.reason, "at": _iso(act.at)}


def _problem_data(problem: RunProblem) -> dict[str, Any]:
    return {
        "kind": problem.kind.value,
        "severity": problem.severity.value,
        "text": problem.text,
        "run": problem.run,
        "transition": problem.transition,
        "subject": problem.subject,
        "since": _iso(problem.since),
        "alert": problem.alert,
        "quiet": problem.quiet,
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
