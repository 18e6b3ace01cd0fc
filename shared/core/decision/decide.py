"""The decision: state, policy, clock and readings in, one value out (behaviour 3).

    decide(situation, now)  ->  Wait | Read | Blocked | Trigger | Confirm | Doubt | Proven | Held | Done | EmptyOk

Nothing here acts. `shared/app/transitions/reconcile.py` carries a decision out and asks again, so a retry, a
duplicate, a tick and a repair are the same call.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.decision import gates
from shared.core.decision.completeness import Completeness
from shared.core.decision.decisions import (
    Blocked,
    Confirm,
    Decision,
    Done,
    Doubt,
    EmptyOk,
    Held,
    Proven,
    Read,
    Trigger,
    Wait,
)
from shared.core.decision.gates import Fit, GateResult, Unfit, Verdict, Wanted
from shared.core.decision.handoff import last_input_at
from shared.core.decision.pause import paused_text
from shared.core.decision.readiness import Ready, readiness
from shared.core.decision.refresh import another_may_follow, causes
from shared.core.decision.refusal import changed_inputs, changed_readings, may_repeat, refusals
from shared.core.decision.snapshot import DecisionInput
from shared.core.decision.unproven import doubt, unproven
from shared.core.model import HoldCause, Plan, State, TransitionState, TriggerReason
from shared.core.policy import after_run
from shared.core.policy.transitions import ConfirmBy


def decide(snapshot: DecisionInput, now: datetime) -> Decision:
    """Decide one transition of one run; the first matching row of behaviour 3 wins, and a pause over it (T8)."""
    return _unless_paused(snapshot, _decide(snapshot, now), now)


def _unless_paused(snapshot: DecisionInput, decision: Decision, now: datetime) -> Decision:
    """Inside a pause nothing is asked, blocked or dispatched but for an operator; what has begun is confirmed (T8).

    Pauses are read when something is about to happen: a transition that waits does so inside a pause and out of it.
    """
    if _stands_in_a_pause(snapshot, decision):
        return decision
    if snapshot.pauses is None:
        return decision if isinstance(decision, Wait) else Read(Wanted(pauses=True))
    pause = snapshot.pause(now)
    return decision if pause is None else Wait(paused_text(snapshot.policy, pause), pause.over_at)


def _stands_in_a_pause(snapshot: DecisionInput, decision: Decision) -> bool:
    state = snapshot.state
    match decision:
        case Wait():  # what was dispatched before is waited for all the same
            return state.state in (State.CLAIMED, State.DISPATCHED)
        case Trigger(plan):
            return plan.reason == TriggerReason.OPERATOR
        case Confirm() | Doubt() | Proven() | Done() | EmptyOk():
            return True
        case Held(cause):
            return cause is HoldCause.OPERATOR
        case Read(readings):  # a service that was called before is asked whether it is at work: no dispatch
            return readings.status is not None or state.request is not None
        case _:
            return state.request is not None


def _decide(snapshot: DecisionInput, now: datetime) -> Decision:
    state = snapshot.state
    if snapshot.closed and state.request is None:
        return Done("the run is closed")
    if state.request is not None:
        return _operator(snapshot, now)
    if snapshot.empty:
        return _begun(snapshot) or EmptyOk()
    if state.hold is not None and state.hold.cause is HoldCause.OPERATOR:
        return _begun(snapshot) or _low_reports(snapshot) or _held_by(snapshot)
    match state.state:
        case State.CLAIMED:
            return _claimed(snapshot, now)
        case State.DISPATCHED | State.CONFIRMED:
            return _dispatched(snapshot, now)
        case State.OBSERVED:
            return _low_reports(snapshot) or Done("observed only: nothing is dispatched")
        case _:
            return _open(snapshot, now)


def _begun(snapshot: DecisionInput) -> Confirm | Proven | None:
    """Return what shows that a dispatch has begun (behaviour D7), even one that was not marked; None if nothing does.

    Of a call whose outcome is unknown any report of the next phase since then shows it, whatever confirms (D11), and
    one that names the trigger at any time.
    """
    state, by, seen_at = snapshot.state, snapshot.transition.confirm.by, snapshot.next_report_at
    named = snapshot.key.trigger_id(snapshot.transition.name, state.generation) in snapshot.next_trigger_ids
    if state.unproven is not None:
        return Proven() if named or (seen_at is not None and seen_at >= state.unproven.since) else None
    if by is not ConfirmBy.FIRST_REPORT:
        return Confirm(by) if state.state is State.DISPATCHED else None
    if state.state is State.CLAIMED and not state.accepted_whole:
        # Nothing is known to have left: only a report that names this very trigger shows that it did.
        return Confirm(by, seen_at) if named else None
    if state.state not in (State.CLAIMED, State.DISPATCHED) or state.dispatched_at is None or seen_at is None:
        return None
    return Confirm(by, seen_at) if seen_at >= state.dispatched_at else None


def _operator(snapshot: DecisionInput, now: datetime) -> Decision:
    """Dispatch the next generation whatever policy and gates say, once no other dispatch is under way (D9)."""
    state = snapshot.state
    assert state.request is not None
    unread = None if snapshot.empty else _low_reports(snapshot)
    if unread is not None:
        return unread
    if state.state is State.CLAIMED and state.claim is not None and now < state.claim.expires_at:
        return Wait("another dispatch is under way", state.claim.expires_at)
    if state.unproven is not None and state.request.at <= state.unproven.last_at:
        return _begun(snapshot) or _of_unknown_outcome(snapshot, now)
    if state.failure is not None and now < state.failure.retry_at:
        return Blocked({state.failure.reason: state.failure.text}, state.failure.retry_at)
    completeness = snapshot.seen
    return Trigger(replace(_plan(snapshot, completeness, Ready(TriggerReason.OPERATOR)), note=state.request.reason))


def _claimed(snapshot: DecisionInput, now: datetime) -> Decision:
    claim, plan = snapshot.state.claim, snapshot.state.plan
    assert claim is not None
    assert plan is not None
    if now < claim.expires_at:
        return _begun(snapshot) or Wait("claimed; its dispatch is under way", claim.expires_at)
    return _begun(snapshot) or doubt(snapshot) or Trigger(plan)


def _dispatched(snapshot: DecisionInput, now: datetime) -> Decision:
    state = snapshot.state
    begun = _begun(snapshot) if state.state is State.DISPATCHED else None
    if begun is None and state.unproven is not None:
        return _of_unknown_outcome(snapshot, now)
    unread = begun or _low_reports(snapshot)
    if unread is not None:
        return unread
    refresh = _refresh(snapshot, now)
    if state.state is State.CONFIRMED:
        return refresh or Done(_confirmed(snapshot))
    if refresh is not None and not isinstance(refresh, Blocked):
        return refresh
    return _unconfirmed(snapshot, now, None if refresh is None else refresh.next_at)


def _confirmed(snapshot: DecisionInput) -> str:
    refused = refusals(snapshot)
    return "confirmed" + (f"; {snapshot.transition.starts} refused: {', '.join(refused)}" if refused else "")


def _of_unknown_outcome(snapshot: DecisionInput, now: datetime) -> Decision:
    decision = unproven(snapshot, now)
    if isinstance(decision, Trigger) and _rejected(snapshot):
        return _held_by(snapshot)
    assert snapshot.state.plan is not None
    return decision or Trigger(snapshot.state.plan)  # the policy has that call no more: what is left of the plan goes


def _unconfirmed(snapshot: DecisionInput, now: datetime, refresh_at: datetime | None) -> Decision:
    """Dispatch once more under the same trigger id, so often and so far apart as the policy says."""
    state, confirm, starts = snapshot.state, snapshot.transition.confirm, snapshot.transition.starts
    assert state.accepted_plan is not None
    again_at = confirm_by(state, confirm.within)
    if state.failure is not None:
        again_at = max(again_at, state.failure.retry_at)
    if now < again_at:
        next_at = again_at if refresh_at is None else min(again_at, refresh_at)
        return Wait(f"dispatched; no report of {starts} yet", next_at)
    if state.dispatches > confirm.redispatch:
        return Wait(f"dispatched {state.dispatches} times; no report of {starts}", refresh_at)
    return _held_by(snapshot) if _rejected(snapshot) else Trigger(state.accepted_plan)


def confirm_by(state: TransitionState, within: timedelta) -> datetime:
    """Return when the latest dispatch should have been confirmed at the latest (behaviour 3)."""
    assert state.last_dispatched_at is not None
    return state.last_dispatched_at + within


def _open(snapshot: DecisionInput, now: datetime) -> Decision:
    """Decide a transition that has not been triggered."""
    if _rejected(snapshot):
        return _held_by(snapshot)
    unread = _low_reports(snapshot)
    if unread is not None:
        return unread
    completeness = snapshot.seen
    at = readiness(snapshot, completeness, now)
    if isinstance(at, Ready):
        return _pass_gates(snapshot, completeness, at, now)
    if at.held:
        return _first_the_calendar(snapshot) or Held(HoldCause.DEADLINE, at.reason)
    return Wait(at.reason, at.next_at)


def _low_reports(snapshot: DecisionInput) -> Read | None:
    """Ask the tables of processors that reported too little: before the trigger and after it alike (behaviour R6)."""
    completeness = snapshot.seen
    if not completeness.needs_rows and not completeness.needs_units:
        return None
    return _first_the_calendar(snapshot) or Read(Wanted(rows=completeness.needs_rows, held=completeness.needs_units))


def _first_the_calendar(snapshot: DecisionInput) -> Read | None:
    """Floors need the units of the date: read them before anything is decided by floors (behaviour T3)."""
    unknown = snapshot.units is None and snapshot.policy.calendar is not None
    return Read(Wanted(calendar=True)) if unknown and not snapshot.readings.calendar_asked else None


def _pass_gates(snapshot: DecisionInput, completeness: Completeness, ready: Ready, now: datetime) -> Decision:
    """Ask preflight and gates; they bind every trigger but an operator's (behaviour D4)."""
    if _rejected(snapshot):
        return _held_by(snapshot)
    calendar = _first_the_calendar(snapshot)
    if calendar is not None:
        return calendar
    waiting = _asked_already(snapshot, completeness, now)
    if waiting is not None:
        return waiting
    unread = _unread(snapshot, completeness)
    if unread:
        return Read(unread)
    results = gates.evaluate(snapshot.gates, snapshot.processors, completeness, snapshot.readings)
    other = snapshot.readings.other_run
    if other is not None:
        verdict = Verdict.PASS if other.enough else Verdict.BLOCK
        results = (GateResult(after_run.NAME, verdict, other.text), *results)
    reasons = {result.gate: result.text for result in results if result.verdict is Verdict.BLOCK}
    fitness = snapshot.readings.fitness
    if isinstance(fitness, Unfit):
        assert snapshot.transition.preflight is not None
        reasons[snapshot.transition.preflight] = fitness.text
    if reasons:
        return Blocked(reasons)
    return Trigger(_plan(snapshot, completeness, ready, results))


def _asked_already(snapshot: DecisionInput, completeness: Completeness, now: datetime) -> Blocked | Read | None:
    """Return what blocks while the target of the dispatch is left alone; None once it may be asked again.

    After a failure that is a matter of time alone (behaviour D5); after an answer, of its inputs too (D10).
    """
    failure, plan = snapshot.state.failure, snapshot.state.plan
    if failure is None or now >= failure.retry_at:
        return None
    blocked = Blocked({failure.reason: failure.text}, failure.retry_at)
    if not failure.verdict or failure.at is None or plan is None or not snapshot.completions:
        return blocked
    if changed_inputs(snapshot, completeness, plan, failure.at):
        return None
    of = snapshot.gates, completeness, snapshot.readings
    unread = gates.wanted(*of) if plan.inputs else Wanted()
    if unread:
        return Read(unread)
    return None if changed_readings(plan, gates.numbers(*of)) else blocked


def _rejected(snapshot: DecisionInput) -> bool:
    """True while the consumer's refusal is in force: until an operator or another deploy (behaviour D5)."""
    hold = snapshot.state.hold
    return hold is not None and hold.code_version == snapshot.code_version


def _held_by(snapshot: DecisionInput) -> Held:
    hold = snapshot.state.hold
    assert hold is not None
    return Held(hold.cause, hold.text)


def _unread(snapshot: DecisionInput, completeness: Completeness) -> Wanted:
    readings = snapshot.readings
    rows, percents = gates.unread(snapshot.gates, completeness, readings)
    return Wanted(
        rows=rows,
        percents=percents,
        service=snapshot.transition.preflight if readings.fitness is None else None,
        other_run=snapshot.expectation.after_run if readings.other_run is None else None,
    )


def _refresh(snapshot: DecisionInput, now: datetime) -> Decision | None:
    """Return the next generation's decision while one is due, None while none is (behaviour D8).

    What a refused generation went by may be the number of a gate: it is read again as long as another may follow. A
    report of the started phase alone, which is looked at without what was waited for, starts nothing.
    """
    if causes(snapshot, now):
        return _pass_gates(snapshot, snapshot.seen, Ready(TriggerReason.REFRESH), now)
    carried = snapshot.state.accepted_plan
    if carried is None or not carried.inputs or not snapshot.completions:
        return None
    if not (another_may_follow(snapshot, now) and may_repeat(snapshot)):
        return None
    of = snapshot.gates, snapshot.seen, snapshot.readings
    unread = gates.wanted(*of)
    if unread:
        return Read(unread)
    changed = changed_readings(carried, gates.numbers(*of))
    return _pass_gates(snapshot, snapshot.seen, Ready(TriggerReason.REFRESH), now) if changed else None


def _plan(
    snapshot: DecisionInput, completeness: Completeness, ready: Ready, results: tuple[GateResult, ...] = ()
) -> Plan:
    state = snapshot.state
    readings = {result.gate: result.text for result in results}
    fitness = snapshot.readings.fitness
    if fitness is not None and not isinstance(fitness, Unfit) and snapshot.transition.preflight is not None:
        note = fitness.note if isinstance(fitness, Fit) else fitness.text
        readings[snapshot.transition.preflight] = note or "fit"
    return Plan(
        generation=max(1, state.generation + _next(state, ready)),
        reason=ready.reason,
        completed={name: completeness.statuses[name].records for name in sorted(completeness.done)},
        missing=completeness.missing,
        partial=tuple(sorted(completeness.partial)),
        first_tier=ready.first_tier,
        opened_at=completeness.opened_at,
        readings=readings,
        warnings={
            result.gate: result.text
            for result in results
            if result.verdict is Verdict.WARN and _is_news(result, completeness)
        },
        inputs=gates.numbers(snapshot.gates, completeness, snapshot.readings),
        last_input_at=last_input_at(snapshot, completeness, ready.reason),
    )


def _next(state: TransitionState, ready: Ready) -> int:
    """Return 1 if the plan is another generation: what was taken half goes on under its trigger id, unless an
    operator asks for more (behaviour D3, D9)."""
    return int(state.accepted if ready.reason == TriggerReason.OPERATOR else state.accepted_whole)


def _is_news(result: GateResult, completeness: Completeness) -> bool:
    """A gate's warning is said unless all it is about is already named as missing (behaviour A5)."""
    return not result.subjects or not result.subjects <= frozenset(completeness.missing)
