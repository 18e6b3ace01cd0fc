"""How an alert ended: by which report, by which person and why, by which number, or because it was given up.

Read from the state in which a sweep first finds that the alert holds no more (behaviour A2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from shared.core.alerting.kinds import AlertKind
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Act, Completion, Report
from shared.core.policy.policy import Policy
from shared.core.texts import amount, clock_time, duration, names

# Of a processor that is waited for: its next report, or its table, ends it.
_OF_PROCESSOR = frozenset(
    {
        AlertKind.UNDER_MINIMUM,
        AlertKind.UNITS_SHORT,
        AlertKind.NOTHING,
        AlertKind.FAILING,
        AlertKind.ROWS_OUTSIDE,
    }
)
# Of the phase that was started: its reports end it.
_OF_STARTED = frozenset({AlertKind.UNCONFIRMED, AlertKind.NOT_ENDED, AlertKind.REFUSED, AlertKind.RUNS_LONG})
_OF_GATE = frozenset({AlertKind.GATE, AlertKind.GATE_OVERDUE})


def resolution(snapshot: DecisionInput, kind: str, subject: str, since: datetime, now: datetime) -> str:
    """Return how an alert of a transition that began at ``since`` ended, "" where the state does not say."""
    if snapshot.empty:
        return f"given up: the date has no {snapshot.policy.unit}s"
    act = _act(snapshot, since)
    if act is not None:
        by = f" by {act.by}" if act.by else ""
        return f"an operator ({act.verb}{by}): {act.reason}"
    if kind in _OF_PROCESSOR:
        return _reported(snapshot, _reports(snapshot.completions, since, subject), now)
    if kind in _OF_STARTED:
        return _reported(snapshot, _reports(snapshot.started, since, subject), now)
    if kind in _OF_GATE:
        return _reading(snapshot, subject) or _triggered(snapshot, since, now)
    return _triggered(snapshot, since, now) or _passed_by(snapshot, now)


def resolution_text(policy: Policy, since: datetime, at: datetime, how: str) -> str:
    """Return when an alert ended, how long it had lasted, and how it ended, as far as that is known."""
    return f"Ended {clock_time(policy, at, at)}, after {duration(at - since)}" + (f": {how}" if how else "")


def _act(snapshot: DecisionInput, since: datetime) -> Act | None:
    """Return the latest thing that a person told the transition, if it is younger than the alert."""
    act = snapshot.state.acts[-1] if snapshot.state.acts else None
    return act if act is not None and act.at >= since else None


def _reading(snapshot: DecisionInput, gate: str) -> str:
    plans = (snapshot.state.plan, snapshot.state.accepted_plan)
    return next((plan.readings[gate] for plan in plans if plan is not None and gate in plan.readings), "")


def _triggered(snapshot: DecisionInput, since: datetime, now: datetime) -> str:
    """Return when and why the trigger went out, and the last report before it; before a trigger the latest report."""
    state, plan = snapshot.state, snapshot.state.accepted_plan
    reports = _reports(snapshot.completions, since)
    if plan is None or state.dispatched_at is None or state.dispatched_at < since:
        return "" if state.triggered else _reported(snapshot, reports, now)
    at = state.dispatched_at
    missing = f" without {names(plan.missing)}" if plan.missing else ""
    after = _reported(snapshot, (report for report in reports if report.received_at <= at), now)
    head = f"triggered at {clock_time(snapshot.policy, at, now)} by {plan.reason}{missing}"
    return f"{head}, after {after}" if after else head


def _passed_by(snapshot: DecisionInput, now: datetime) -> str:
    at = snapshot.next_report_at
    if at is None or snapshot.state.triggered:
        return ""
    return f"given up: {snapshot.transition.starts} reports since {clock_time(snapshot.policy, at, now)}"


def _reports(completions: Mapping[str, Completion], since: datetime, processor: str = "") -> list[Report]:
    """Return the latest report of the processor that is named, or of each, as far as it came since then."""
    latest = (c.latest for name, c in completions.items() if not processor or name == processor)
    return [report for report in latest if report is not None and report.received_at >= since]


def _reported(snapshot: DecisionInput, reports: Iterable[Report], now: datetime) -> str:
    last = max(reports, key=lambda report: (report.received_at, report.processor), default=None)
    if last is None:
        return ""
    count = "" if last.records is None else f" with {amount(last.records, 'record')}"
    at = clock_time(snapshot.policy, last.received_at, now)
    return f"{last.processor} reported {last.outcome.value}{count} at {at}"
