"""The status of runs as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from shared.core.decision.next_moment import next_text
from shared.core.policy.policy import Policy
from shared.core.reporting.problems import ProblemKind, RunProblem, is_wrong
from shared.core.reporting.run_status import RunStatus, TransitionStatus
from shared.core.texts import amount, clock_time, day_time, duration

WELL = frozenset({"confirmed", "observed", "empty_ok"})


def status_lines(
    policy: Policy, runs: Sequence[RunStatus], beside: Sequence[RunProblem], now: datetime
) -> Iterator[str]:
    """Yield what a person reads: one line that says whether anything is wrong, then each run, the worst first."""
    yield _summary(policy, runs, beside, now)
    if beside:
        yield ""
        yield f"{policy.pipeline}"
        for problem in beside:
            where = " ".join(part for part in (problem.run.removeprefix(policy.pipeline), problem.transition) if part)
            yield f"  {_severity(problem)} {f'{where}: ' if where else ''}{_problem_text(policy, problem, now)}"
    for run in runs:
        if run.transitions or run.problems:
            yield ""
        yield from run_lines(policy, run, now)


def run_lines(policy: Policy, run: RunStatus, now: datetime) -> Iterator[str]:
    """Yield one run: what is wrong with it, then each of its transitions."""
    yield f"{run.key.id}{_head(policy, run, now)}"
    for problem in run.problems:
        where = f"{problem.transition}: " if problem.transition else ""
        yield f"  {_severity(problem)} {where}{_problem_text(policy, problem, now)}"
    width = max((len(transition.transition) for transition in run.transitions), default=0)
    for transition in run.transitions:
        yield f"    {transition.transition:<{width}}  {transition_text(policy, transition, now)}"


def transition_text(policy: Policy, transition: TransitionStatus, now: datetime) -> str:
    """Return `waiting   3 of 5  late by 12 min  next: tier 2 06:30 EST, in 4 min: 3 of 5 and every required one`."""
    parts = [f"{transition.state:<10}", f"{transition.done} of {transition.expected}"]
    if transition.triggered_at is not None:
        reason = transition.triggered_by.replace("_", " ") or "a call whose outcome is unknown"
        parts.append(f"{clock_time(policy, transition.triggered_at, now)} by {reason}")
    if transition.late_by is not None:
        parts.append(f"late by {duration(transition.late_by)}")
    if transition.degraded:
        parts.append(f"without {', '.join(transition.missing)}")
    if transition.state not in WELL and transition.next.text:
        parts.append(f"next: {next_text(policy, transition.next, now)}")
    if transition.act is not None:
        act = transition.act
        parts.append(f"{act.verb} by {act.by or 'an operator'}: {act.reason}")
    return "  ".join(parts).rstrip()


def _summary(policy: Policy, runs: Sequence[RunStatus], beside: Sequence[RunProblem], now: datetime) -> str:
    wrong = sum(is_wrong(run.problems) for run in runs)
    listed = amount(len(runs), "run")
    count = f"{wrong} of {listed} with problems" if wrong else f"{listed}, none with problems"
    others = [problem for problem in beside if is_wrong([problem])]
    alerts = f", {amount(len(others), 'alert')} of the pipeline" if others else ""
    return f"{policy.pipeline}: {count}{alerts}; as of {day_time(policy, now)}"


def _head(policy: Policy, run: RunStatus, now: datetime) -> str:
    parts = []
    if run.units is not None:
        parts.append(amount(run.units, policy.unit))
    if run.opened_at is not None:
        parts.append(f"opened {clock_time(policy, run.opened_at, now)}")
    if run.closed_at is not None:
        parts.append(f"closed {clock_time(policy, run.closed_at, now)}")
    if run.note and not run.problems:
        parts.append(run.note)
    return f"  {', '.join(parts)}".rstrip()


def _severity(problem: RunProblem) -> str:
    return f"{problem.severity.value.upper() if is_wrong([problem]) else problem.severity.value:<8}"


def _problem_text(policy: Policy, problem: RunProblem, now: datetime) -> str:
    since = (
        ""
        if problem.since is None or problem.kind is ProblemKind.LATE
        else f", since {clock_time(policy, problem.since, now)}"
    )
    quiet = f" [{problem.quiet}]" if problem.quiet else ""
    return f"{problem.text}{since}{quiet}"
