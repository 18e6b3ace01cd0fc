"""What self-heal may repair, how often, and when it keeps its hands off (behaviour 9)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shared.app.context import Context
from shared.app.dispatch import wire_names
from shared.app.findings import Finding
from shared.app.readings import read_held, read_rows
from shared.app.reconcile import Settled
from shared.app.state import Loaded, Stored, completion_path, part_data, read_completion, save_run
from shared.core.alerts import AlertKind, Condition, Severity
from shared.core.calendar import due_at, working_day
from shared.core.commands import explain
from shared.core.errors import Unavailable
from shared.core.holdings import Holdings
from shared.core.model import Completion, Lane, Outcome, RepairLog, Report, Run, RunKey, State
from shared.core.pause import pause_at
from shared.core.policy import Need, Policy, Processor, Rerun, Transition
from shared.core.record import record
from shared.core.situation import Situation
from shared.core.templates import render
from shared.core.texts import names, say

TIMEOUT = timedelta(seconds=20)
STARTED_STANDS_FOR = timedelta(hours=2)
# A phase that ends just as its cooldown does is not started again under its own completions.
GRACE = timedelta(minutes=1)


def read_baseline(ctx: Context, key: RunKey) -> dict[str, int] | None:
    """Count what the required processors' tables hold now; None if any of them cannot be read."""
    wanted = [p for _, p in _required(ctx.policy, key) if p.tables]
    counts = read_rows(ctx, wanted, key.day)
    if any(rows is None for rows in counts.values()):
        return None
    return {table: rows for table, rows in counts.items() if rows is not None}


def _required(policy: Policy, key: RunKey) -> Iterator[tuple[Transition, Processor]]:
    for transition in policy.transitions.values():
        expectation = transition.expects.get(key.mode)
        for name in sorted(expectation.required if expectation else ()):
            processor = policy.awaited[transition.name][name]
            if not processor.disabled_on(key.day):
                yield transition, processor


def infer(ctx: Context, findings: list[Finding], loaded: Loaded, now: datetime) -> bool:
    """Take silent required processors as completed by what their tables hold; True if any was."""
    run = loaded.run
    if run is None or run.value.baseline is None or not _may_repair(ctx.policy, run.value, now):
        return False
    key = run.value.key
    # Two transitions may wait for one processor: it is silent once.
    silent = {
        processor.name: processor
        for transition, processor in _required(ctx.policy, key)
        if processor.tables and _is_silent(ctx, run.value, loaded, transition, processor, now)
    }
    if not silent:
        return False
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
        findings.append(Finding("inferred", key.id, f"{processor.name}: {held} rows and no report", "done"))
        inferred = True
    return inferred


def _is_filled(part: Processor, rows: Mapping[str, int | None], run: Run) -> bool:
    """Say whether a table holds its floor, and more than when the run was opened."""
    held = None if part.table is None else rows.get(part.table)
    if held is None or part.table is None or run.baseline is None:
        return False
    floor = part.floor(run.units.total if run.units else None) or 0
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
        one.name
        for one in judged
        if holdings.held[one.name] is None or holdings.shortfall(one, units.total) is not None
    )


def _may_repair(policy: Policy, run: Run, now: datetime) -> bool:
    """Say whether units exist, are final where the mode needs it, and today is the run's working day."""
    key, units = run.key, run.units
    if key.lane is Lane.BACKFILL or policy.local(now).date() != working_day(key, policy):
        return False
    unknown = units is None or (units.total is None and policy.calendar is not None)  # older than the calendar reaches
    if unknown or units is None or units.total == 0:
        return False
    needs_final = policy.modes[key.mode].partition_offset_days < 0
    return not needs_final or units.total is None or units.final == units.total


def _is_silent(
    ctx: Context, run: Run, loaded: Loaded, transition: Transition, processor: Processor, now: datetime
) -> bool:
    due = transition.expects[run.key.mode].due
    due_warning = due_at(run.key, due.warning, ctx.policy) if due else None
    state = loaded.transition(transition.name).value
    if due_warning is None or now < due_warning or state.triggered or state.state is State.CLAIMED:
        return False
    if pause_at(ctx.policy, loaded.pauses or (), now, run.key.mode, transition.name) is not None:
        return False
    phase = loaded.completions.get(processor.phase, {})
    known = phase.get(processor.name)
    if known is not None and known.latest is not None:
        return False
    if known is not None and known.started_at is not None and now - known.started_at < STARTED_STANDS_FOR:
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
    path = completion_path(key, phase, processor.name)
    document = ctx.ports.store.get(path)[0]
    stored = read_completion(document)
    if stored is None:
        ctx.ports.store.create(path, part_data(record(None, report), key, ctx.policy))
    elif stored.version is not None and stored.value.latest is None:
        ctx.ports.store.update(path, part_data(record(stored.value, report), key, ctx.policy), stored.version)
    ctx.log("completion.inferred", severity="WARNING", run_id=key.id, processor=processor.name, rows=rows)


def running(policy: Policy, run: Run, phase: str, completions: Mapping[str, Completion], now: datetime) -> bool:
    """True while the newest sign of a phase is a `started` or an accepted rerun younger than the cooldown."""
    newest = max((c.last_received_at for c in completions.values() if c.last_received_at), default=None)
    started = max((c.started_at for c in completions.values() if c.started_at), default=None)
    called = run.repairs.get(phase, RepairLog()).accepted_at
    signs = [at for at in (newest, called) if at is not None]
    if not signs:
        return False
    last = max(signs)
    return last in (started, called) and now - last <= policy.repairs.cooldown + GRACE


def rerun(
    ctx: Context,
    findings: list[Finding],
    run: Stored[Run],
    settled: list[Settled],
    loaded: Loaded,
    now: datetime,
    *,
    force: bool,
    paused: Collection[str] = (),
) -> Iterator[Condition]:
    """Ask each phase whose processors are missing at their due time to run again; yield refusals.

    A phase that a pause keeps from being started, one of ``paused``, is not asked (behaviour T8).
    """
    if not _may_repair(ctx.policy, run.value, now):
        return
    for lack in _lacking(settled, now):
        how = ctx.policy.phases[lack.phase].rerun
        if how is None or lack.phase in paused:
            continue
        why_not = _refusal(ctx.policy, lack)
        if why_not:
            findings.append(Finding("repair", lack.key.id, why_not, "skipped"))
            yield _refused(lack, why_not)
            continue
        if running(ctx.policy, run.value, lack.phase, loaded.completions.get(lack.phase, {}), now):
            continue
        run = _attempt(ctx, findings, run, lack, how, now, force=force)


@dataclass(frozen=True, slots=True)
class Lack:
    """Who of a phase is missing at the due times of the transitions that wait for it: one call names them all."""

    key: RunKey
    phase: str
    transitions: tuple[str, ...]
    missing: tuple[str, ...]
    expected: frozenset[str]


def _lacking(settled: list[Settled], now: datetime) -> list[Lack]:
    """Return what is missing, phase by phase."""
    found: dict[str, Lack] = {}
    for one in settled:
        situation, name = one.situation, one.situation.transition.name
        missing = _missing_at_due(situation, now)
        for phase in dict.fromkeys(situation.processors[lost].phase for lost in missing):
            own = tuple(lost for lost in missing if situation.processors[lost].phase == phase)
            expected = frozenset(one for one in situation.seen.expected if situation.processors[one].phase == phase)
            before = found.get(phase, Lack(situation.key, phase, (), (), frozenset()))
            found[phase] = replace(
                before,
                transitions=(*before.transitions, name),
                missing=tuple(dict.fromkeys((*before.missing, *own))),
                expected=before.expected | expected,
            )
    return list(found.values())


def _missing_at_due(situation: Situation, now: datetime) -> tuple[str, ...]:
    """Return who is missing of a transition that is due, not triggered, and not overtaken."""
    state, due = situation.state, situation.expectation.due
    at = due_at(situation.key, due.warning, situation.policy) if due else None
    untouched = not state.triggered and state.state not in (State.CLAIMED, State.OBSERVED)
    kept_back = state.hold is not None or situation.pause(now) is not None
    if at is None or now < at or not untouched or kept_back or situation.next_report_at is not None:
        return ()
    return situation.seen.missing


def _refusal(policy: Policy, lack: Lack) -> str:
    expected, missing, limit = len(lack.expected), lack.missing, policy.repairs
    if expected > limit.refuse_above_items and len(missing) * 100 > limit.refuse_above_missing_percent * expected:
        return f"{len(missing)} of {expected} processors missing: the detector is wrong, not the data"
    return ""


def _refused(lack: Lack, why: str) -> Condition:
    run, transition, phase = lack.key.id, lack.transitions[0], lack.phase
    text = say(
        run,
        transition,
        f"no repair of {phase}: {why}",
        do=f"see why so many are missing at once: {explain(transition, lack.key)}",
    )
    return Condition(AlertKind.REPAIR_REFUSED, Severity.WARNING, run, transition, phase, text)


def _attempt(
    ctx: Context,
    findings: list[Finding],
    run: Stored[Run],
    lack: Lack,
    how: Rerun,
    now: datetime,
    *,
    force: bool,
) -> Stored[Run]:
    """Use up one attempt and call; what is written first is that we call, so that two sweeps do not both do it."""
    phase, limit, missing = lack.phase, ctx.policy.repairs, lack.missing
    log = run.value.repairs.get(phase, RepairLog())
    cooling = log.last_at is not None and now - log.last_at < limit.cooldown
    if not force and (log.attempts >= limit.max_attempts or cooling):
        return run
    trying = RepairLog(log.attempts + 1, now, log.accepted_at)
    mine = _save_log(ctx, run, phase, trying)
    if mine is None:
        return run
    status = call_rerun(ctx, lack.key, phase, how, missing, f"missing at {names(lack.transitions)}")
    detail = f"{phase} asked to run again for {names(missing)}: {status}"
    accepted = isinstance(status, int) and 200 <= status < 300
    findings.append(Finding("repair", lack.key.id, detail, "done" if accepted else "failed"))
    ctx.log("repair.rerun", run_id=lack.key.id, phase=phase, status=str(status), processors=list(missing))
    if accepted:
        return _save_log(ctx, mine, phase, replace(trying, accepted_at=now)) or mine
    if status in (403, 404):
        return _save_log(ctx, mine, phase, replace(trying, attempts=log.attempts)) or mine
    return mine


def _save_log(ctx: Context, run: Stored[Run], phase: str, log: RepairLog) -> Stored[Run] | None:
    changed = replace(run.value, repairs={**run.value.repairs, phase: log})
    return save_run(ctx.ports.store, Stored(changed, run.version), ctx.policy)


def _rerun_values(
    ctx: Context, key: RunKey, phase: str, processors: tuple[str, ...], plain: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the templates of a rerun's body stand for: the processors are those that shall run (D12)."""
    known = ctx.policy.phases[phase].processors
    names_of = {name: list(processors) for name in ("processors", "missing", "starts")}
    return {
        **{name: plain[name] for name in ("game_date", "mode", "lane", "pipeline", "correlation_id", "reason")},
        "run_id": key.id,
        "trigger_id": f"{key.id}/rerun/{phase}",
        "generation": 1,
        **names_of,
        **{f"{name}:class": wire_names(known, processors) for name in names_of},
    }


def call_rerun(
    ctx: Context, key: RunKey, phase: str, how: Rerun, processors: tuple[str, ...], reason: str
) -> int | str:
    """Call a phase's rerun; return the status, or why there was none."""
    base = ctx.endpoints.get(how.service)
    if not base:
        return f"{ctx.policy.services[how.service].url_env} is not set"
    plain = {
        "repair": True,
        "pipeline": key.pipeline,
        "run_id": key.id,
        "phase": phase,
        "game_date": key.day.isoformat(),
        "start_date": key.day.isoformat(),
        "end_date": key.day.isoformat(),
        "mode": key.mode,
        "lane": key.lane.value,
        "processors": list(processors),
        "reason": reason,
        "trigger_source": "orchestrator",
        "correlation_id": ctx.ports.clock.token(),
    }
    body = {**plain, **render(how.body.of(key.mode, 1, key.lane), _rerun_values(ctx, key, phase, processors, plain))}
    try:
        return ctx.ports.http.request("POST", base.rstrip("/") + how.path, body, TIMEOUT).status
    except Unavailable as error:
        return error.reason
