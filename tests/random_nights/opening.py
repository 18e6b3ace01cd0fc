"""Nights in which phases are asked to run again on data, and when they may be (behaviour 9).

Worked out a second time, without a line of `shared/core/reruns_on_data.py` or `lacks.py`: from the messages that were
recorded and the documents of the transitions. It says when a call is too soon, and never that one is late.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from shared.core.calendar import due_at
from shared.core.policy.names import forms
from shared.core.policy.phases import Phase, RerunInputs
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Role
from tests.random_nights.adapting import in_force
from tests.random_nights.case import Night
from tests.random_nights.oracle import view
from tests.random_nights.ports import Truth
from tests.random_nights.trace import Heard, RunTrace, Trace

MINUTE = timedelta(minutes=1)
GOOD = frozenset({"success", "partial", "skipped", "no_data"})


def opens_on_data(night: Night) -> bool:
    """True for the nights of every fifth seed."""
    return night.seed % 5 == 2


def opening(policy: Policy, seed: int) -> Policy:
    """Return the policy whose phases are asked to run again on data of earlier ones, with a grace or without; some of
    its transitions are triggered once only, so that nothing else takes late data along."""
    chance = Random(f"opening/{seed}")
    phases = {name: _opening(policy, phase, chance) for name, phase in policy.phases.items()}
    transitions = {
        name: replace(transition, refresh=None) if chance.random() < 0.6 else transition
        for name, transition in policy.transitions.items()
    }
    return replace(policy, version=f"opening {seed}", phases=phases, transitions=transitions)


def _opening(policy: Policy, phase: Phase, chance: Random) -> Phase:
    starting = policy.starting(phase.name)
    if phase.rerun is None or starting is None or not policy.after(phase.name) or chance.random() < 0.2:
        return phase
    inputs = []
    for mode, expectation in starting.expects.items():
        listed = sorted(expectation.expected)
        names = chance.sample(listed, chance.choice((1, 1, min(2, len(listed)))))
        if names and chance.random() < 0.9:
            inputs.append(RerunInputs(starting.after[0], tuple(names), mode))
    grace = chance.choice((None, 5 * MINUTE, 20 * MINUTE, 60 * MINUTE))
    return replace(phase, rerun=replace(phase.rerun, opens_on=tuple(inputs), grace=grace))


@dataclass(frozen=True, slots=True)
class RerunCall:
    """A call of a sweep that asks a phase of a run to run again for some of its processors."""

    run: RunTrace
    phase: str
    named: Iterable[str]
    at: datetime


def nothing_is_asked_too_soon(policy: Policy, book: Trace, truth: Truth, call: RerunCall) -> str | None:
    """Before `due.warning` of all that waits for it a processor is asked only where the phase's rerun opens on data of
    the mode, all of that is done and came after its report, or its grace is over."""
    meant = frozenset(call.named)
    for processor in policy.phases[call.phase].processors.values():
        if not meant & {processor.name, *(form.name for form in forms(processor))}:
            continue
        if _is_due(policy, book, call, processor.name):
            continue
        why = _too_soon(policy, book, truth, call, processor.name)
        if why:
            return f"{call.run.key.id} {call.phase} asked to run again for {processor.name} at {call.at}: {why}"
    return None


def _is_due(policy: Policy, book: Trace, call: RerunCall, name: str) -> bool:
    key, skew = call.run.key, book.night.manner.skew
    for transition in policy.after(call.phase):
        if key.mode not in transition.expects or name not in transition.expects[key.mode].expected:
            continue
        due = in_force(book.learned, transition, key).due
        at = None if due is None else due_at(key, due.warning, policy)
        if at is not None and call.at + skew >= at:
            return True
    return False


def _too_soon(policy: Policy, book: Trace, truth: Truth, call: RerunCall, name: str) -> str:
    run, rerun, skew = call.run, policy.phases[call.phase].rerun, book.night.manner.skew
    assert rerun is not None
    inputs = [
        (entry.phase, given)
        for entry in rerun.opens_on
        if entry.mode in ("", run.key.mode)
        for given in entry.processors
        if not policy.phases[entry.phase].processors[given].disabled_on(run.key.day)
    ]
    if not inputs:
        return "nothing opens it"
    lacking = [given for phase, given in inputs if not _is_done(policy, run, truth, phase, given)]
    if lacking:
        return f"{lacking} not done"
    good = [heard for phase, given in inputs for heard in _reports(run, phase, given) if heard.outcome in GOOD]
    came = max((heard.received for heard in good), default=None)
    starting = policy.starting(call.phase)
    assert starting is not None
    track = run.track(starting.name)
    if track.data.get("state") not in ("confirmed", "observed"):
        return f"{starting.name} is {track.state}"
    started = track.data.get("last_dispatched_at") or track.data.get("triggered_at")
    observed = starting.dispatch.role is Role.OBSERVE
    latest = max(_reports(run, call.phase, name), key=lambda heard: heard.ended, default=None)
    reported = None if latest is None else latest.received
    begun_before = started is not None and not observed and came is not None and started < came
    if came is not None and reported is not None and reported < came and begun_before:
        return ""
    if rerun.grace is None:
        return f"no grace, its report is of {reported}, its start of {started}, the data of {came}"
    firsts = [min((heard.received for heard in _reports(run, *given)), default=None) for given in inputs]
    last = max(at for at in (*firsts, reported, None if observed else started) if at is not None)
    return "" if call.at + skew >= last + rerun.grace else f"{rerun.grace} after {last} it is not yet"


def _reports(run: RunTrace, phase: str, name: str) -> list[Heard]:
    return [heard for heard in run.by_processor.get((phase, name), []) if heard.outcome != "started"]


def _is_done(policy: Policy, run: RunTrace, truth: Truth, phase: str, name: str) -> bool:
    """Say whether an input is done as the first transition that waits for its phase judges it."""
    transition = next(t for t in policy.after(phase) if run.key.mode in t.expects)
    carried = (run.track(transition.name).data.get("carried") or {}).get("completed")
    rows: dict[str, int | None] = {
        table: truth.rows.get(table, 0)
        for awaited in policy.awaited[transition.name].values()
        for table in awaited.tables
    }
    seen = view(
        policy,
        transition,
        run.key,
        run.reports(*transition.after),
        truth.units,
        rows,
        carried,
        over=truth.over,
        held=truth.holdings(policy),
    )
    return name in seen.done
