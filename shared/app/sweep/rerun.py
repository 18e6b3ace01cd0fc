"""Asking a phase whose processors are missing to run again, and reading what it answers (behaviour 9)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.app.context import Context
from shared.app.state.compare_and_set import change_value
from shared.app.state.repository import Loaded, Stored, read_run, run_path, save_run
from shared.app.sweep.repair import may_repair, on_its_day, running
from shared.app.transitions.at_work import at_work
from shared.app.transitions.dispatch import wire_names
from shared.app.transitions.reconcile import ReconcileResult
from shared.core import repairs
from shared.core.alerting.condition import Condition
from shared.core.calendar import due_at, ends_at
from shared.core.decision.decisions import Blocked, Held
from shared.core.decision.snapshot import DecisionInput
from shared.core.errors import NotBegun, Unavailable, Unreached
from shared.core.model import RepairLog, Run, RunKey, State
from shared.core.policy.phases import Rerun
from shared.core.policy.policy import Policy
from shared.core.repairs import Lack, Outcome
from shared.core.reporting.findings import Finding, FindingResult
from shared.core.texts import names
from shared.core.wire.answers import Answered, Means, judge
from shared.core.wire.templates import render

TIMEOUT = timedelta(seconds=20)
ANY_2XX = frozenset(range(200, 300))


def rerun(
    ctx: Context,
    findings: list[Finding],
    run: Stored[Run],
    results: list[ReconcileResult],
    loaded: Loaded,
    now: datetime,
    *,
    force: bool,
    paused: Collection[str] = (),
) -> Iterator[Condition]:
    """Ask each phase whose processors are missing at their due time to run again; yield what a person must know of it.

    A phase that a pause keeps from being started, one of ``paused``, is not asked (behaviour T8), nor one that a gate,
    an answer or an operator keeps from it: a repair never goes around a gate.
    """
    if not may_repair(ctx.policy, run.value):
        return
    kept_back = {*paused, *_kept_back(results)}
    in_scope = on_its_day(ctx.policy, run.value, now) or run.value.key.mode in ctx.policy.repaired_modes
    allowed = in_scope and now < ends_at(run.value, ctx.policy)
    for lack in lacking(results, now):
        how = ctx.policy.phases[lack.phase].rerun
        if how is None:
            continue
        busy = running(ctx.policy, run.value, lack.phase, loaded.completions.get(lack.phase, {}), now)
        if allowed and not busy and lack.phase not in kept_back:
            why_not = repairs.refusal(ctx.policy, lack)
            if why_not:
                findings.append(Finding("repair", lack.key.id, why_not, FindingResult.SKIPPED))
                yield repairs.refused(lack, why_not)
            else:
                run = _attempt(ctx, findings, run, lack, how, now, force=force)
        yield from repairs.conditions(ctx.policy, lack, run.value.repairs.get(lack.phase, RepairLog()), now)


def in_vain(policy: Policy, run: Run, results: list[ReconcileResult], now: datetime) -> dict[str, str]:
    """Return, by transition, which accepted repairs changed nothing: its due alerts say so (behaviour 9)."""
    by_transition: dict[str, list[str]] = {}
    for lack in lacking(results, now):
        text = repairs.in_vain(policy, lack, run.repairs.get(lack.phase, RepairLog()), now)
        for transition in lack.transitions if text else ():
            by_transition.setdefault(transition, []).append(text)
    return {transition: "; ".join(texts) for transition, texts in by_transition.items()}


def _kept_back(results: list[ReconcileResult]) -> Iterator[str]:
    """Yield the phases that were not started, and whose starting transition is blocked or held."""
    for result in results:
        if isinstance(result.decision, Blocked | Held) and not result.snapshot.state.triggered:
            yield result.snapshot.transition.starts


def lacking(results: list[ReconcileResult], now: datetime) -> list[Lack]:
    """Return what is missing, phase by phase."""
    lacks: dict[str, Lack] = {}
    for result in results:
        snapshot, name = result.snapshot, result.snapshot.transition.name
        missing = _missing_at_due(snapshot, now)
        for phase in dict.fromkeys(snapshot.processors[lost].phase for lost in missing):
            own = tuple(lost for lost in missing if snapshot.processors[lost].phase == phase)
            expected = frozenset(
                processor for processor in snapshot.seen.expected if snapshot.processors[processor].phase == phase
            )
            before = lacks.get(phase, Lack(snapshot.key, phase, (), (), frozenset()))
            lacks[phase] = replace(
                before,
                transitions=(*before.transitions, name),
                missing=tuple(dict.fromkeys((*before.missing, *own))),
                expected=before.expected | expected,
            )
    return list(lacks.values())


def _missing_at_due(snapshot: DecisionInput, now: datetime) -> tuple[str, ...]:
    """Return what is missing of a transition that is due, not triggered, and not overtaken."""
    state, due = snapshot.state, snapshot.expectation.due
    at = due_at(snapshot.key, due.warning, snapshot.policy) if due else None
    untouched = not state.triggered and state.state not in (State.CLAIMED, State.OBSERVED)
    kept_back = state.hold is not None or snapshot.pause(now) is not None
    if at is None or now < at or not untouched or kept_back or snapshot.next_report_at is not None:
        return ()
    return snapshot.seen.missing


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
    """Call, if it may be called; what is written first is that we call, so that two sweeps do not both do it."""
    phase, missing = lack.phase, lack.missing
    log = run.value.repairs.get(phase, RepairLog())
    if not force and not repairs.may_ask(log, ctx.policy.repairs, now):
        return run
    trying = replace(log, last_at=now, pending=True)
    mine = _save_log(ctx, run, phase, trying)
    if mine is None:
        return run
    outcome = call_rerun(ctx, lack.key, phase, how, missing, f"missing at {names(lack.transitions)}")
    if outcome is None:
        return _note_log(ctx, mine, phase, trying, log)
    answered = outcome.answered
    detail = f"{phase} asked to run again for {names(missing)}: {answered.text}"
    accepted = answered.means is Means.ACCEPTED
    findings.append(Finding("repair", lack.key.id, detail, FindingResult.DONE if accepted else FindingResult.FAILED))
    ctx.log("repair.rerun", run_id=lack.key.id, phase=phase, answer=answered.text, processors=list(missing))
    # The call itself may have taken a while.
    after = repairs.after_call(trying, outcome, missing, ctx.policy.repairs, ctx.ports.clock.now())
    return _note_log(ctx, mine, phase, trying, after)


def _note_log(ctx: Context, mine: Stored[Run], phase: str, trying: RepairLog, log: RepairLog) -> Stored[Run]:
    """Write what came of a call, even if others wrote the run meanwhile, and return it; of a phase that somebody else
    called meanwhile nothing is written. Raises ``Contended`` if others write the run all the time."""
    path = run_path(mine.value.key)

    def noted(run: Stored[Run] | None) -> Stored[Run] | None:
        return run if run is not None and run.value.repairs.get(phase) == trying else None

    saved = change_value(
        mine, noted, lambda run: _save_log(ctx, run, phase, log), lambda: read_run(ctx.ports.store.get(path)[0]), path
    )
    return saved or mine


def _save_log(ctx: Context, run: Stored[Run], phase: str, log: RepairLog) -> Stored[Run] | None:
    changed = replace(run.value, repairs={**run.value.repairs, phase: log})
    return save_run(ctx.ports.store, Stored(changed, run.version), ctx.policy)


def _rerun_values(
    ctx: Context, key: RunKey, phase: str, processors: tuple[str, ...], plain: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the templates of a rerun's body stand for: the processors are those that shall run (D12)."""
    declared = ctx.policy.phases[phase].processors
    names_of = {name: list(processors) for name in ("processors", "missing", "starts")}
    return {
        **{name: plain[name] for name in ("game_date", "mode", "lane", "pipeline", "correlation_id", "reason")},
        "run_id": key.id,
        "trigger_id": f"{key.id}/rerun/{phase}",
        "generation": 1,
        **names_of,
        **{f"{name}:class": wire_names(declared, processors) for name in names_of},
    }


def rerun_body(
    ctx: Context, key: RunKey, phase: str, how: Rerun, processors: tuple[str, ...], reason: str, token: str
) -> dict[str, Any]:
    """Return what a phase's rerun is called with; ``token`` is the correlation id of the call."""
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
        "correlation_id": token,
    }
    return {**plain, **render(how.body.of(key.mode, 1, key.lane), _rerun_values(ctx, key, phase, processors, plain))}


def call_rerun(
    ctx: Context, key: RunKey, phase: str, how: Rerun, processors: tuple[str, ...], reason: str
) -> Outcome | None:
    """Call a phase's rerun once and read its answer to the end (behaviour D10); None where there was no time left.

    What takes longer than a caller waits may be at work all the same: where the service can be asked, it is (D11).
    """
    service, who = ctx.policy.services[how.service], f"{how.service}{how.path}"
    base = ctx.endpoints.get(how.service)
    if not base:
        return Outcome(Answered(Means.REFUSED, f"{how.service} cannot be called: {service.url_env} is not set"))
    body = rerun_body(ctx, key, phase, how, processors, reason, ctx.ports.clock.token())
    try:
        response = ctx.ports.http.request("POST", base.rstrip("/") + how.path, body, TIMEOUT)
    except NotBegun:
        return None
    except Unreached as error:
        return Outcome(Answered(Means.FAILED, f"{who}: {error.reason}"))
    except Unavailable as error:
        if at_work(ctx, key, how.service):
            return Outcome(Answered(Means.ACCEPTED, f"{who} is at work on {key.day}"))
        return Outcome(Answered(Means.FAILED, f"{who}: {error.reason}"), unknown=True)
    answered = judge(service.answers.get(how.path, ()), ANY_2XX, who, response.status, response.body)
    if answered.unknown and at_work(ctx, key, how.service):
        return Outcome(Answered(Means.ACCEPTED, f"{who} is at work on {key.day}"))
    return Outcome(answered, unknown=answered.unknown)
