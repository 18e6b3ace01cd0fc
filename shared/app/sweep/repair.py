"""What self-heal may repair, how often, and when it keeps its hands off (behaviour 9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from shared.app.context import Context
from shared.app.state.reports import store_report
from shared.app.state.repository import Loaded
from shared.app.transitions.readings import read_held, read_rows
from shared.core.calendar import due_at
from shared.core.decision.holdings import Holdings
from shared.core.decision.pause import pause_at
from shared.core.lacks import may_repair, on_its_day, running
from shared.core.model import Outcome, Report, Run, RunKey, State
from shared.core.policy.adaptive import expectation_of
from shared.core.policy.phases import Need, Processor
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Transition
from shared.core.reporting.findings import Finding, FindingResult
from shared.core.texts import amount

STARTED_STANDS_FOR = timedelta(hours=2)


def read_baseline(ctx: Context, key: RunKey) -> dict[str, int] | None:
    """Count what the required processors' tables hold now; None if any of them cannot be read."""
    processors = [p for _, p in _required(ctx.policy, key) if p.tables]
    counts = read_rows(ctx, processors, key.day)
    if any(rows is None for rows in counts.values()):
        return None
    return {table: rows for table, rows in counts.items() if rows is not None}


def _required(policy: Policy, key: RunKey) -> Iterator[tuple[Transition, Processor]]:
    for transition in policy.transitions.values():
        expectation = transition.expects.get(key.mode)
        for name in sorted(expectation.required if expectation else ()):
            processor = policy.judged(transition.name, key.mode)[name]
            if not processor.disabled_on(key.day):
                yield transition, processor


def silent_required(ctx: Context, loaded: Loaded, now: datetime) -> dict[str, Processor]:
    """Return the required processors that are silent at their due time and whose tables may speak for them, by name."""
    run = loaded.run
    if run is None or run.value.baseline is None or not may_repair(ctx.policy, run.value):
        return {}
    if not on_its_day(ctx.policy, run.value, now):
        return {}
    # Two transitions may wait for one processor: it is silent once.
    return {
        processor.name: processor
        for transition, processor in _required(ctx.policy, run.value.key)
        if processor.tables and _is_silent(ctx, run.value, loaded, transition, processor, now)
    }


def infer(ctx: Context, findings: list[Finding], loaded: Loaded, now: datetime) -> bool:
    """Take silent required processors as completed by what their tables hold; True if any was."""
    run, silent = loaded.run, silent_required(ctx, loaded, now)
    if run is None or not silent:
        return False
    key = run.value.key
    rows = read_rows(ctx, list(silent.values()), key.day)
    short = _short_of_units(ctx, run.value, list(silent.values()))
    inferred = False
    for processor in silent.values():
        filled = [part for part in processor.parts if _is_filled(part, rows, run.value) and part.name not in short]
        needed = 1 if processor.need is Need.ANY else len(processor.tables)
        if len(filled) < needed:
            continue
        table = filled[0].table or ""
        held = rows[table] or 0
        _record_inferred(ctx, key, processor, table, held, now)
        findings.append(
            Finding("inferred", key.id, f"{processor.name}: {amount(held, 'row')} and no report", FindingResult.DONE)
        )
        inferred = True
    return inferred


def _is_filled(part: Processor, rows: Mapping[str, int | None], run: Run) -> bool:
    """Say whether a table holds its floor, and more than when the run was opened."""
    held = None if part.table is None else rows.get(part.table)
    if held is None or part.table is None or run.baseline is None:
        return False
    floor = part.records_needed(run.units.total if run.units else None) or 0
    return held >= max(1, floor) and held > run.baseline.get(part.table, 0)


def _short_of_units(ctx: Context, run: Run, processors: list[Processor]) -> frozenset[str]:
    """Return those whose tables lack a unit of the date, or cannot be read: nobody is inferred from a part (R10)."""
    units = run.units
    parts = [part for processor in processors for part in processor.parts]
    judged = [part for part in parts if part.units] if units is not None and units.total else []
    if not judged or units is None or units.total is None:
        return frozenset()
    holdings = Holdings(read_held(ctx, judged, run.key.day), units.names)
    return frozenset(
        part.name
        for part in judged
        if holdings.held[part.name] is None or holdings.shortfall(part, units.total) is not None
    )


def _is_silent(
    ctx: Context, run: Run, loaded: Loaded, transition: Transition, processor: Processor, now: datetime
) -> bool:
    due = expectation_of(transition, run.key.mode, run).due
    due_warning = due_at(run.key, due.warning, ctx.policy) if due else None
    state = loaded.transition(transition.name).value
    if due_warning is None or now < due_warning or state.triggered or state.state is State.CLAIMED:
        return False
    if pause_at(ctx.policy, loaded.pauses or (), now, run.key.mode, transition.name) is not None:
        return False
    phase = loaded.completions.get(processor.phase, {})
    completion = phase.get(processor.name)
    if completion is not None and completion.latest is not None:
        return False
    if (
        completion is not None
        and completion.started_at is not None
        and now - completion.started_at < STARTED_STANDS_FOR
    ):
        return False
    return not running(ctx.policy, run, processor.phase, phase, now)


def _record_inferred(ctx: Context, key: RunKey, processor: Processor, table: str, rows: int, now: datetime) -> None:
    phase = processor.phase
    report = Report(
        message_id=f"inferred-{phase}-{processor.name}",
        phase=phase,
        processor=processor.name,
        outcome=Outcome.INFERRED,
        occurred_at=now,
        received_at=now,
        records=rows,
        output_table=table,
    )
    if store_report(ctx.ports.store, ctx.policy, key, report, ctx.ports.clock, if_silent=True).changed:
        ctx.log("completion.inferred", severity="WARNING", run_id=key.id, processor=processor.name, rows=rows)
