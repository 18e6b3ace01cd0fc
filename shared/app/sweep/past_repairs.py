"""Repairs that reach back: what a live run closed without is asked for in the backfill lane (behaviour 9).

A sweep asks for one date at most, so that a service is not asked for all of them at once; while none is to be asked,
the past is looked at once an hour. What an instance remembers of that may be lost: it looks again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shared.app.alerting.unexpected import fault
from shared.app.context import Context
from shared.app.state.compare_and_set import change_document
from shared.app.state.opening import ensure_open
from shared.app.state.repository import (
    Loaded,
    Stored,
    read_run,
    read_transitions,
    run_data,
    run_path,
    save_run,
    transition_path,
    with_run,
)
from shared.app.sweep import repair_budget
from shared.app.sweep.rerun import TIMEOUT, call_rerun
from shared.app.transitions.lanes import in_backfill
from shared.app.transitions.readings import read_units
from shared.app.transitions.reconcile import assess
from shared.app.transitions.snapshot import transitions_of, versioned_input
from shared.core import past_repairs, repairs
from shared.core.alerting.kinds import AlertKind
from shared.core.decision.pause import Pause
from shared.core.decision.snapshot import DecisionInput
from shared.core.errors import OutOfTime, Unavailable, is_state_outage
from shared.core.lacks import may_repair, running
from shared.core.model import UNTOUCHED, RepairLog, Run, RunKey, Units
from shared.core.past_repairs import PastLack
from shared.core.repairs import Outcome
from shared.core.reporting.findings import Finding, FindingResult, Sweep
from shared.core.texts import names
from shared.core.wire.answers import Means
from shared.ports import Document

# What a call and its writes may take.
NEEDED = TIMEOUT + timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which runs are meant, all of them where it is ``whole``, and whether whatever was tried before is tried again."""

    wants: Callable[[RunKey], bool]
    whole: bool = True
    force: bool = False


def repair_past(ctx: Context, done: Sweep, pauses: tuple[Pause, ...], scope: Scope) -> None:
    """Look at the closed runs of the last dates, where that is due, and ask for the oldest that may be asked for.

    Raises ``Unavailable`` only if the state store does not answer: nothing of the past keeps the rest of a sweep.
    """
    now, memory, whole = ctx.ports.clock.now(), ctx.memory, scope.whole and not scope.force
    resting = whole and memory.past_repairs_at is not None and now < memory.past_repairs_at
    if resting or ctx.policy.repairs.per_day == 0:
        done.wakeups += [memory.past_repairs_at] if resting and memory.past_is_lacking else []
    elif ctx.out_of_time(NEEDED):
        done.wakeups.append(None)
    else:
        try:
            _repair(ctx, done, pauses, scope, now)
        except (Unavailable, OutOfTime) as error:
            if is_state_outage(error):
                raise
            done.findings.append(Finding("repair", ctx.policy.pipeline, str(error), FindingResult.FAILED))
            done.wakeups.append(None)
        except Exception as error:  # noqa: BLE001 - becomes a finding, an alert and the answer's status
            fault(ctx, done, ctx.policy.pipeline, error, "the repairs of the past cannot be looked at")
            done.wakeups.append(None)


def _repair(ctx: Context, done: Sweep, pauses: tuple[Pause, ...], scope: Scope, now: datetime) -> None:
    listed = _lacking(ctx, done, pauses, scope, now)
    chosen = past_repairs.next_to_ask(ctx.policy, listed, now, force=scope.force)
    room = chosen is not None and repair_budget.left(ctx, now)
    if chosen is None or not room or (chosen.tried and chosen.log.failure is not None):
        # Every date has been tried by now: what is to be told is told of all of them at once.
        for condition in past_repairs.conditions(ctx.policy, listed, now):
            done.say(condition)
    if chosen is not None and room:
        _ask(ctx, done, chosen, now)
    elif chosen is not None:
        per_day = ctx.policy.repairs.per_day
        detail = f"{per_day} repairs of the past were accepted today: the others go on tomorrow"
        done.findings.append(Finding("repair", chosen.lack.key.id, detail, FindingResult.SKIPPED))
    at_once = chosen is not None and room
    next_at = min(*past_repairs.moments(ctx.policy, listed, now), repair_budget.renewed_at(ctx, now))
    if at_once or (scope.whole and not scope.force):
        ctx.memory.past_repairs_at, ctx.memory.past_is_lacking = None if at_once else next_at, bool(listed)
    if listed:
        done.wakeups.append(None if at_once else next_at)


def _lacking(ctx: Context, done: Sweep, pauses: tuple[Pause, ...], scope: Scope, now: datetime) -> list[PastLack]:
    """Return what is to be repaired, oldest first; a run that cannot be looked at keeps no other from it (T9)."""
    runs = _closed_runs(ctx, done, scope, now)
    days = sorted({run.value.key.day for run in runs})
    units = read_units(ctx, days) if days else {}
    lacks: list[PastLack] = []
    for run in runs if units is not None else ():
        key = run.value.key
        try:
            lacks += _of_run(ctx, done, run, (units or {})[key.day], pauses, now)
        except (Unavailable, OutOfTime) as error:
            if is_state_outage(error):
                raise
            done.findings.append(Finding("run", key.id, str(error), FindingResult.FAILED))
        except Exception as error:  # noqa: BLE001 - becomes a finding, an alert and the answer's status
            _report_unreadable(ctx, done, key, error)
    return sorted(lacks, key=lambda past_lack: past_lack.lack.key)


def _closed_runs(ctx: Context, done: Sweep, scope: Scope, now: datetime) -> list[Stored[Run]]:
    """Return the closed live runs within reach of which a transition never went."""
    modes = [mode for mode in ctx.policy.modes if mode in ctx.policy.repaired_modes]
    days = past_repairs.dates(ctx.policy, now)
    keys = [RunKey(ctx.policy.pipeline, day, mode) for day in days for mode in modes]
    keys = [key for key in keys if scope.wants(key)]
    documents = ctx.ports.store.get(*map(run_path, keys)) if keys else []
    runs = [
        run
        for key, document in zip(keys, documents, strict=True)
        if document is not None and (run := _read(ctx, done, key, document)) is not None
    ]
    closed = [run for run in runs if run.value.closed_at is not None]
    paths = [(run, t.name) for run in closed for t in transitions_of(ctx.policy, run.value.key.mode)]
    state_documents = (
        ctx.ports.store.get(*(transition_path(run.value.key, name) for run, name in paths)) if paths else []
    )
    states: dict[RunKey, dict[str, Document | None]] = {run.value.key: {} for run in closed}
    for (run, name), document in zip(paths, state_documents, strict=True):
        states[run.value.key][name] = document
    return [run for run in closed if _may_lack(ctx, done, run, states[run.value.key])]


def _read(ctx: Context, done: Sweep, key: RunKey, document: Document) -> Stored[Run] | None:
    try:
        return read_run(document)
    except ValueError as error:
        _report_unreadable(ctx, done, key, error)
        return None


def _may_lack(ctx: Context, done: Sweep, run: Stored[Run], documents: dict[str, Document | None]) -> bool:
    try:
        stored = read_transitions(tuple(documents), tuple(documents.values()))
    except ValueError as error:
        _report_unreadable(ctx, done, run.value.key, error)
        return False
    states = (stored[name].value if name in stored else UNTOUCHED for name in documents)
    return past_repairs.may_lack(run.value, states)


def _report_unreadable(ctx: Context, done: Sweep, key: RunKey, error: Exception) -> None:
    """Tell once of a run that cannot be looked at: nobody looks at a closed one so often that its end could be told."""
    seen = Sweep()
    fault(ctx, seen, key.id, error)
    done.findings += seen.findings
    for condition in seen.conditions.values():
        done.say(replace(condition, kind=AlertKind.PAST_UNREADABLE))


def _of_run(
    ctx: Context, done: Sweep, run: Stored[Run], units: Units, pauses: tuple[Pause, ...], now: datetime
) -> Iterator[PastLack]:
    """Yield what of a closed run is lacking still, phase by phase; units must be there and final (T9)."""
    key = run.value.key
    if not may_repair(ctx.policy, replace(run.value, units=units)):
        return
    past_key = in_backfill(key)
    past_run = read_run(ctx.ports.store.get(run_path(past_key))[0])
    loaded = with_run(ctx.ports.store, past_key, past_run, pauses)
    live = _situations(ctx, with_run(ctx.ports.store, key, run, pauses), key, units, now)
    past = _situations(ctx, loaded, past_key, units, now)
    for condition in past_repairs.repaired(ctx.policy, run.value, past):
        done.say(condition)
    reported = Run(past_key, now) if past_run is None else past_run.value
    for phase, (of_live, of_past) in past_repairs.lacking(ctx.policy, live, past, now).items():
        busy = running(ctx.policy, reported, phase, loaded.completions.get(phase, {}), now)
        busy = busy or past_repairs.just_started(ctx.policy, phase, past, now)
        yield PastLack(run.value, of_past, of_live, busy)


def _situations(ctx: Context, loaded: Loaded, key: RunKey, units: Units, now: datetime) -> dict[str, DecisionInput]:
    """Return the transitions of a run as they would be decided were it open, with what of the tables that needs."""
    situations = {}
    for transition in transitions_of(ctx.policy, key.mode):
        snapshot = replace(versioned_input(ctx, key, loaded, transition).snapshot, units=units, closed=False)
        untouched = not snapshot.state.triggered and snapshot.state.claim is None
        situations[transition.name] = assess(ctx, snapshot, now)[0] if untouched else snapshot
    return situations


def _ask(ctx: Context, done: Sweep, chosen: PastLack, now: datetime) -> None:
    """Call a phase in the backfill lane. What is written first is that we call, and that the day has one call less."""
    lack, live = chosen.lack, chosen.live_lack.key
    how = ctx.policy.phases[lack.phase].rerun
    assert how is not None
    if not repair_budget.take(ctx, now):
        return
    trying = replace(chosen.log, last_at=now, pending=True)
    if not _save_log(ctx, live, lack.phase, chosen.log, trying):
        repair_budget.give_back(ctx, now)
        return
    opened = _open(ctx, lack.key, now)
    outcome = call_rerun(ctx, lack.key, lack.phase, how, lack.missing, f"{live.id} closed without it")
    accepted = outcome is not None and outcome.answered.means is Means.ACCEPTED
    if not accepted:
        repair_budget.give_back(ctx, now)
    if opened and not accepted and (outcome is None or not outcome.unknown):
        _close(ctx, lack.key)
    after = chosen.log
    if outcome is not None:
        _note(ctx, done, chosen, outcome, accepted=accepted)
        # The call itself may have taken a while.
        after = repairs.after_call(trying, outcome, lack.missing, ctx.policy.repairs, ctx.ports.clock.now())
    _save_log(ctx, live, lack.phase, trying, after)


def _note(ctx: Context, done: Sweep, chosen: PastLack, outcome: Outcome, *, accepted: bool) -> None:
    lack, text = chosen.lack, outcome.answered.text
    detail = f"{lack.phase} asked to run again for {names(lack.missing)}: {text}"
    done.findings.append(
        Finding("repair", lack.key.id, detail, FindingResult.DONE if accepted else FindingResult.FAILED)
    )
    ctx.log("repair.past", run_id=lack.key.id, phase=lack.phase, answer=text, processors=list(lack.missing))


def _save_log(ctx: Context, live: RunKey, phase: str, before: RepairLog, log: RepairLog) -> bool:
    """Write the log of a closed run, unless somebody else called or the run was opened again meanwhile."""

    def change(document: Document | None) -> tuple[Mapping[str, Any] | None, bool]:
        run = read_run(document)
        if run is None or run.value.repairs.get(phase, RepairLog()) != before:
            return None, False
        if run.value.closed_at is None and not before.pending:
            return None, False
        return run_data(replace(run.value, repairs={**run.value.repairs, phase: log}), ctx.policy), True

    return change_document(ctx.ports.store, run_path(live), change)


def _open(ctx: Context, key: RunKey, now: datetime) -> bool:
    """Make sure that a backfill run is open before its phase reports; return whether it was not before."""
    opened = ensure_open(ctx.ports.store, ctx.policy, key, now)
    if opened:
        ctx.log("run.opened", run_id=key.id, by="self-heal")
    return opened


def _close(ctx: Context, key: RunKey) -> None:
    """Close a run that was opened for a call that nobody took; one that was written meanwhile stays open."""
    run = read_run(ctx.ports.store.get(run_path(key))[0])
    if run is None or run.value.closed_at is not None:
        return
    value = replace(run.value, closed_at=ctx.ports.clock.now())
    if save_run(ctx.ports.store, Stored(value, run.version), ctx.policy) is not None:
        ctx.log("run.closed", run_id=key.id, expired=False)
