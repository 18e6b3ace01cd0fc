"""Why a transition stood as it did at a time that is over: read from the record, never from what is known by now.

The record (behaviour 8) holds every report with its receipt and every decision with its time; what has not been
written there yet stands in the state's documents. Where the two together do not reach the time, nothing is answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.app.audit.rows import report_of
from shared.app.context import Context
from shared.app.reporting.decisions import decisions
from shared.app.state.repository import Loaded, load_run
from shared.app.transitions.snapshot import versioned_input
from shared.core.decision.decide import decide
from shared.core.decision.decisions import Blocked, Decision, Done, EmptyOk, Held, Read, Trigger, Wait
from shared.core.decision.explain import Explanation
from shared.core.decision.explain import explain as explained
from shared.core.decision.fold import apply_report
from shared.core.decision.history import state_after
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Completion, HoldCause, LogEntry, Logged, Report, RunKey, State, TransitionState
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Transition
from shared.core.texts import clock_time, day_time

SENT = frozenset({Logged.TRIGGER, Logged.REDISPATCH, Logged.OBSERVE})
A_WEEK = timedelta(days=6)
UNREAD = "ready; what was read of gates and service then is not in the record"


@dataclass(frozen=True, slots=True)
class NotOpen:
    """The run was not open at that time."""

    reason: str


@dataclass(frozen=True, slots=True)
class Beyond:
    """The record does not reach that time: ``reason`` says what it lacks."""

    reason: str


def explain_then(ctx: Context, key: RunKey, transition: str, at: datetime) -> Explanation | NotOpen | Beyond:
    """Explain a transition as it stood at a past time; raise ``Unavailable`` if state or record does not answer."""
    now = ctx.ports.clock.now()
    loaded = load_run(ctx.ports.store, key)
    reports = _reports(ctx, key, loaded)
    entries = decisions(ctx, key, loaded).get(transition, [])
    opened = _opened_at(loaded, reports)
    when = _when(ctx.policy, at, now)
    if opened is None:
        return NotOpen(f"neither state nor record knows {key.id}")
    if at < opened:
        return NotOpen(f"{key.id} was not open at {when}: it was opened {_when(ctx.policy, opened, now)}")
    lacking = [
        *_lacking_reports(loaded, reports, at),
        *_lacking_entries(loaded.transition(transition).value, entries, at),
    ]
    if lacking:
        return Beyond(f"the record does not hold what happened to {key.id} before {when}: {'; '.join(lacking)}")
    snapshot = _input_at(ctx, key, loaded, ctx.policy.transitions[transition], _until(reports, at))
    snapshot = _with_state(snapshot, [entry for entry in entries if entry.at <= at], reports)
    acts = tuple(act for act in loaded.transition(transition).value.acts if act.at <= at)
    snapshot = replace(snapshot, state=replace(snapshot.state, acts=acts))
    return explained(snapshot, _decision(snapshot, at), at, as_of="the record")


def _when(policy: Policy, at: datetime, now: datetime) -> str:
    """Return a time as people say it; with its date where a weekday could mean another one."""
    return clock_time(policy, at, now) if abs(now - at) < A_WEEK else day_time(policy, at)


def _reports(ctx: Context, key: RunKey, loaded: Loaded) -> list[Report]:
    """Return every report of a run, the recorded ones and those that wait for it, by message."""
    recorded = (row for row in ctx.ports.audit.completions(key.pipeline, key.day, key.day) if row["run_id"] == key.id)
    # Scrapers report under the name of a run that they neither open nor change.
    rows = (row for row in recorded if row["phase"] in ctx.policy.phases)
    reports = {report.message_id: report for report in map(report_of, rows)}
    completions = [completion for phase in loaded.completions.values() for completion in phase.values()]
    reports |= {report.message_id: report for completion in completions for report in completion.pending_audit}
    return sorted(reports.values(), key=lambda report: (report.received_at, report.message_id))


def _opened_at(loaded: Loaded, reports: Iterable[Report]) -> datetime | None:
    """Return when the run was opened; where its documents are gone, when it first heard of anything."""
    if loaded.run is not None:
        return loaded.run.value.opened_at
    return min((report.received_at for report in reports), default=None)


def _lacking_reports(loaded: Loaded, reports: Iterable[Report], at: datetime) -> list[str]:
    """Name the processors of which the state knows a report of that time that the record does not hold."""
    held = {report.message_id for report in reports}
    completions = [completion for phase in loaded.completions.values() for completion in phase.values()]
    return [
        f"a report of {completion.processor}"
        for completion in completions
        if any(
            report is not None and report.received_at <= at and report.message_id not in held
            for report in (completion.latest, completion.last_good)
        )
    ]


def _lacking_entries(state: TransitionState, entries: Iterable[LogEntry], at: datetime) -> list[str]:
    sent = {entry.generation for entry in entries if entry.decision in SENT}
    plan = state.accepted_plan
    if plan is None or plan.generation in sent or state.triggered_at is None or state.triggered_at > at:
        return []
    return [f"trigger {plan.generation}"]


def _until(reports: Iterable[Report], at: datetime) -> dict[str, dict[str, Completion]]:
    """Fold what had been received by then, by phase and processor."""
    completions: dict[str, dict[str, Completion]] = {}
    for report in reports:
        if report.received_at <= at:
            phase = completions.setdefault(report.phase, {})
            phase[report.processor] = apply_report(phase.get(report.processor), report)
    return completions


def _input_at(
    ctx: Context,
    key: RunKey,
    loaded: Loaded,
    transition: Transition,
    completions: Mapping[str, Mapping[str, Completion]],
) -> DecisionInput:
    """Return what a transition was decided by then, but for its state; the run was open."""
    then = replace(loaded, completions=completions, transitions={})
    return replace(versioned_input(ctx, key, then, transition).snapshot, closed=False)


def _with_state(snapshot: DecisionInput, entries: list[LogEntry], reports: list[Report]) -> DecisionInput:
    """Put in how the transition stood after these decisions, and what the last trigger among them carried."""
    state = state_after(entries)
    plan = state.accepted_plan
    if plan is None or state.dispatched_at is None:
        return replace(snapshot, state=state)
    completions = Loaded(None, _until(reports, state.dispatched_at))
    then = completions.completions_of(snapshot.transition.after)
    completeness = replace(snapshot, completions=then).seen
    completed = {name: completeness.statuses[name].records for name in completeness.done}
    return replace(snapshot, state=replace(state, accepted_plan=replace(plan, completed=completed)))


def _decision(snapshot: DecisionInput, at: datetime) -> Decision:
    """Return what had been decided by then; a wait is worked out anew, for each report gives it another reason."""
    if snapshot.empty:
        return EmptyOk()
    state = snapshot.state
    if state.state is State.BLOCKED:
        return Blocked({name: block.text for name, block in state.blocked.items()})
    if state.state is State.HELD:
        hold = state.hold
        return Held(HoldCause.DEADLINE, "") if hold is None else Held(hold.cause, hold.text)
    decision = decide(snapshot, at)
    if not isinstance(decision, Read | Trigger):
        return decision
    return Wait(UNREAD) if state.accepted_plan is None else Done(f"triggered by {state.accepted_plan.reason}")
