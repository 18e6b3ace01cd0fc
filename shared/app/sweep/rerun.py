"""Asking a phase whose processors are missing to run again, and reading what it answers (behaviour 9)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.app.context import Context
from shared.app.state.compare_and_set import change_value
from shared.app.state.repository import Loaded, Stored, read_run, run_path, save_run
from shared.app.transitions.at_work import at_work
from shared.app.transitions.dispatch import wire_names
from shared.app.transitions.reconcile import ReconcileResult
from shared.core import repairs
from shared.core import reruns_on_data as on_data
from shared.core.alerting.condition import Condition
from shared.core.calendar import ends_at
from shared.core.decision.decisions import Blocked, Held
from shared.core.errors import NotBegun, Unavailable, Unreached
from shared.core.lacks import Lack, lacking_at_due, may_repair, on_its_day, running
from shared.core.model import RepairLog, Run, RunKey
from shared.core.policy.phases import Rerun
from shared.core.policy.policy import Policy
from shared.core.repairs import Outcome
from shared.core.reporting.findings import Finding, FindingResult
from shared.core.reruns_on_data import Opening
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
    """Ask each phase whose processors are missing at their due time, or before it once the data has come that they
    lacked, to run again; yield what a person must know of it.

    A phase that a pause keeps from being started, one of ``paused``, is not asked (behaviour T8), nor one that a gate,
    an answer or an operator keeps from it: a repair never goes around a gate.
    """
    if not may_repair(ctx.policy, run.value):
        return
    kept_back = {*paused, *_kept_back(results)}
    in_scope = on_its_day(ctx.policy, run.value, now) or run.value.key.mode in ctx.policy.repaired_modes
    allowed = in_scope and now < ends_at(run.value, ctx.policy)
    overdue = {lack.phase: lack for lack in lacking_at_due([result.snapshot for result in results], now)}
    openings = {opening.lack.phase: opening for opening in openings_of(ctx.policy, results, now)}
    for phase in dict.fromkeys((*overdue, *openings)):
        how, opening = ctx.policy.phases[phase].rerun, openings.get(phase)
        if how is None:
            continue
        lack = on_data.merged(overdue.get(phase), opening, now)
        busy = running(ctx.policy, run.value, phase, loaded.completions.get(phase, {}), now)
        if lack is not None and allowed and not busy and phase not in kept_back:
            why_not = repairs.refusal(ctx.policy, lack)
            if why_not:
                findings.append(Finding("repair", lack.key.id, why_not, FindingResult.SKIPPED))
                yield repairs.refused(lack, why_not)
            else:
                why = "" if phase in overdue or opening is None else on_data.reason(ctx.policy, opening, now)
                run = _attempt(ctx, findings, run, lack, how, now, force=force, why=why)
        log = run.value.repairs.get(phase, RepairLog())
        # What came of a call is told until nothing is missing, however much of it may be asked for just now.
        lack = opening.lack if opening is not None and log.last_at is not None else lack
        if lack is not None:
            yield from repairs.conditions(ctx.policy, lack, log, now)


def openings_of(policy: Policy, results: list[ReconcileResult], now: datetime) -> list[Opening]:
    """Return the phases of a run that lack something and whose rerun opens on data."""
    return on_data.openings(policy, [(result.snapshot, result.decision) for result in results], now)


def in_vain(policy: Policy, run: Run, results: list[ReconcileResult], now: datetime) -> dict[str, str]:
    """Return, by transition, which accepted repairs changed nothing: its due alerts say so (behaviour 9)."""
    by_transition: dict[str, list[str]] = {}
    for lack in lacking_at_due([result.snapshot for result in results], now):
        text = repairs.in_vain(policy, lack, run.repairs.get(lack.phase, RepairLog()), now)
        for transition in lack.transitions if text else ():
            by_transition.setdefault(transition, []).append(text)
    return {transition: "; ".join(texts) for transition, texts in by_transition.items()}


def _kept_back(results: list[ReconcileResult]) -> Iterator[str]:
    """Yield the phases that were not started, and whose starting transition is blocked or held."""
    for result in results:
        if isinstance(result.decision, Blocked | Held) and not result.snapshot.state.triggered:
            yield result.snapshot.transition.starts


def _attempt(
    ctx: Context,
    findings: list[Finding],
    run: Stored[Run],
    lack: Lack,
    how: Rerun,
    now: datetime,
    *,
    force: bool,
    why: str,
) -> Stored[Run]:
    """Call, if it may be called; what is written first is that we call, so that two sweeps do not both do it."""
    phase, missing = lack.phase, lack.missing
    log = run.value.repairs.get(phase, RepairLog())
    if not force and not repairs.may_ask(log, ctx.policy.repairs, now):
        return run
    trying = replace(log, last_at=now, pending=True, why=why)
    mine = _save_log(ctx, run, phase, trying)
    if mine is None:
        return run
    reason = f"missing at {names(lack.transitions)}" + (f"; {why}" if why else "")
    outcome = call_rerun(ctx, lack.key, phase, how, missing, reason)
    if outcome is None:
        return _note_log(ctx, mine, phase, trying, log)
    answered = outcome.answered
    detail = f"{phase} asked to run again for {names(missing)}{f' ({why})' if why else ''}: {answered.text}"
    accepted = answered.means is Means.ACCEPTED
    findings.append(Finding("repair", lack.key.id, detail, FindingResult.DONE if accepted else FindingResult.FAILED))
    ctx.log("repair.rerun", run_id=lack.key.id, phase=phase, answer=answered.text, processors=list(missing), why=why)
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
