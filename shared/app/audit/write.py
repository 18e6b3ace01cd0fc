"""The record for people: written after the decision, and never in its way (behaviour 8).

Each document carries what the record has not seen yet; the sweep writes it there and takes it off.
So a completion that only waits does not pay for the warehouse, and what a crash left is written later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from shared.app.context import Context
from shared.app.retry import retry
from shared.app.state import circuit_breaker
from shared.app.state.repository import Loaded, completion_data, completion_path, read_completion, save_transition
from shared.core.circuit_breaker import Limits, Permission
from shared.core.errors import NotBegun, Unavailable
from shared.core.model import Completion, LogEntry, Report, RunKey, TransitionState
from shared.core.policy.policy import Policy
from shared.ports import Row

COMPLETIONS = "phase_completions"
EXECUTIONS = "phase_execution_log"
BREAKER = "record"
ATTEMPTS = 3
FIRST_WAIT = timedelta(milliseconds=200)
BUDGET = timedelta(seconds=5)
AUDIT_LIMITS = Limits(open_for=timedelta(seconds=30))


def _kinds(policy: Policy, phase: str) -> tuple[str, ...]:
    """Return the kinds of entities that a phase names; none of one that has left the policy."""
    return tuple(policy.phases[phase].wire.kinds) if phase in policy.phases else ()


def completion_row(policy: Policy, key: RunKey, report: Report, *, superseded: bool) -> tuple[str, Row]:
    """Return a report as the record holds it, identified by its message."""
    columns = {
        "pipeline": policy.pipeline,
        "run_id": key.id,
        "phase": report.phase,
        "game_date": key.day.isoformat(),
        "mode": key.mode,
        "processor_name": report.processor,
        "outcome": report.outcome.value,
        "record_count": report.records,
        "message_id": report.message_id,
        "correlation_id": report.correlation_id,
        "execution_id": report.execution_id,
        "completed_at": report.occurred_at.isoformat(),
        "received_at": report.received_at.isoformat(),
        "superseded": superseded,
        "is_incremental": report.is_incremental,
        "entities_changed": {**dict.fromkeys(_kinds(policy, report.phase), ()), **report.entities},
        "metadata": {
            "expected_records": report.expected_records,
            "percent": report.percent,
            "output_table": report.output_table,
            "error": report.error,
            "batch_id": report.batch_id,
            "trigger_id": report.trigger_id,
            "source": report.source,
            "unit": report.unit,
        },
    }
    return COMPLETIONS, Row(f"{key.id}/{report.phase}/{report.processor}/{report.message_id}", columns)


def execution_row(
    ctx: Context, key: RunKey, transition: str, state: TransitionState, entry: LogEntry
) -> tuple[str, Row]:
    """Return one decision as the record holds it."""
    plan = state.plan
    columns = {
        "execution_timestamp": entry.at.isoformat(),
        "pipeline": key.pipeline,
        "run_id": key.id,
        "transition": transition,
        "game_date": key.day.isoformat(),
        "mode": key.mode,
        "generation": entry.generation,
        "decision": entry.decision,
        "reason": entry.reason,
        "degraded": entry.degraded,
        "missing": ",".join(entry.missing),
        "opened_at": plan.opened_at.isoformat() if plan is not None and plan.opened_at is not None else None,
        "wait_seconds": _waited(state),
        "handoff_seconds": entry.handoff_seconds,
        "triggered_at": state.triggered_at.isoformat() if state.triggered_at else None,
        "confirmed_at": state.confirmed_at.isoformat() if state.confirmed_at else None,
        "gate_readings": "; ".join([*plan.readings.values(), *plan.answers.values()]) if plan is not None else "",
        "code_version": ctx.code_version,
    }
    insert_id = f"{key.id}/{transition}/{entry.generation}/{entry.decision}/{entry.at.isoformat()}"
    return EXECUTIONS, Row(insert_id, columns)


def _waited(state: TransitionState) -> float | None:
    """Return the seconds from the first completion that counted to the trigger, None where either is not known."""
    opened = None if state.accepted_plan is None else state.accepted_plan.opened_at
    if opened is None or state.dispatched_at is None:
        return None
    return (state.dispatched_at - opened).total_seconds()


def write_rows(ctx: Context, rows: Sequence[tuple[str, Row]], *, state_away: bool = False) -> bool:
    """Write rows to the record if it can be reached, in three attempts and 5 s; False if it could not.

    ``state_away`` leaves out the breaker, which is in the store that does not answer: the record is then all there is.
    """
    if not rows:
        return True
    if ctx.out_of_time(BUDGET):
        return False
    if not state_away and _permission(ctx) is Permission.STOP:
        return False
    tables: dict[str, list[Row]] = {}
    for table, row in rows:
        tables.setdefault(table, []).append(row)

    def insert() -> None:
        for table, listed in tables.items():
            ctx.ports.audit.insert(table, listed)

    try:
        retry(ctx.ports.clock, ATTEMPTS, FIRST_WAIT, insert, BUDGET)
    except NotBegun:
        return False  # nobody asked the record, so its breaker hears of no failure
    except Unavailable as error:
        ctx.log("record.unavailable", severity="WARNING", error=str(error), rows=len(rows))
        if not state_away:
            _noted(ctx, worked=False)
        return False
    if not state_away:
        _noted(ctx, worked=True)
    return True


def _permission(ctx: Context) -> Permission:
    try:
        return circuit_breaker.permission(ctx, BREAKER, AUDIT_LIMITS)
    except Unavailable:  # the record is then all there is to write to
        return Permission.GO


def _noted(ctx: Context, *, worked: bool) -> None:
    try:
        if worked:
            circuit_breaker.succeeded(ctx, BREAKER, AUDIT_LIMITS)
        else:
            circuit_breaker.failed(ctx, BREAKER, AUDIT_LIMITS)
    except Unavailable as error:
        ctx.log("breaker.unavailable", severity="WARNING", error=str(error))


def flush(ctx: Context, key: RunKey, loaded: Loaded) -> bool:
    """Write to the record what one run's documents still carry for it, then take it off them; False if it could not."""
    completions = [c for phase in loaded.completions.values() for c in phase.values() if c.pending_audit]
    transitions = {name: s for name, s in loaded.transitions.items() if s.value.pending_audit}
    rows = [
        completion_row(ctx.policy, key, report, superseded=report != c.latest)
        for c in completions
        for report in c.pending_audit
    ]
    rows += [
        execution_row(ctx, key, name, stored.value, entry)
        for name, stored in transitions.items()
        for entry in stored.value.pending_audit
    ]
    if not rows:
        return True
    if not write_rows(ctx, rows):
        return False
    _take_off_completions(ctx, key, completions)
    for name, stored in transitions.items():
        # A lost race leaves the rows to be written again, which the record does not count twice.
        written = replace(stored, value=replace(stored.value, pending_audit=()))
        save_transition(ctx.ports.store, ctx.policy, key, name, written, ctx.ports.clock.now())
    return True


def _take_off_completions(ctx: Context, key: RunKey, written: Sequence[Completion]) -> None:
    if not written:
        return
    paths = [completion_path(key, c.phase, c.processor) for c in written]
    for before, document in zip(written, ctx.ports.store.get(*paths), strict=True):
        stored = read_completion(document)
        if stored is None or stored.version is None or document is None:
            continue
        remaining = tuple(report for report in stored.value.pending_audit if report not in before.pending_audit)
        now = ctx.ports.clock.now()
        data = completion_data(replace(stored.value, pending_audit=remaining), key, ctx.policy, now, now)
        # A lost race leaves the rows to be written again, which the record does not count twice.
        ctx.ports.store.update(document.path, data, stored.version)
