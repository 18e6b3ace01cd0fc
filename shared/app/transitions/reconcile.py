"""Carrying decisions out: the one loop that acts (design: level-triggered).

    load -> decide -> act -> decide again, until there is nothing to do now

Each act is a compare-and-set, so of any number of racing handlers exactly one claims (behaviour
D2), and a crash between two acts leaves a state from which the next call goes on (D3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from shared.app.context import Context
from shared.app.state.repository import Stored, save_transition
from shared.app.transitions.dispatch import Accepted, CallFailed, NotTaken, PublishFailed, Rejected, Unknown, send
from shared.app.transitions.readings import read
from shared.core.decision import state_changes
from shared.core.decision.decide import decide
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
from shared.core.decision.snapshot import DecisionInput
from shared.core.errors import Unavailable
from shared.core.model import Plan, TransitionState
from shared.core.objectives.punctuality import at_trigger
from shared.core.policy.transitions import Role, Step

STEPS = 30


@dataclass(frozen=True, slots=True)
class VersionedInput:
    """A situation and the stored version of the transition in it."""

    snapshot: DecisionInput
    version: str | None


@dataclass(frozen=True, slots=True)
class ReconcileResult:
    """Where a transition came to rest. ``failed`` is a publication that the caller must raise."""

    snapshot: DecisionInput
    decision: Decision
    version: str | None = None
    failed: Unavailable | None = None


Load = Callable[[], VersionedInput]


def assess(ctx: Context, snapshot: DecisionInput, now: datetime) -> tuple[DecisionInput, Decision]:
    """Decide, reading what the decision asks for, without acting."""
    decision = decide(snapshot, now)
    for _ in range(STEPS):
        if not isinstance(decision, Read):
            return snapshot, decision
        snapshot = read(ctx, snapshot, decision.wanted)
        decision = decide(snapshot, now)
    raise AssertionError(f"{snapshot.key.id} {snapshot.transition.name}: a decision asks for the same reading again")


def reconcile(ctx: Context, sight: VersionedInput, load: Load, actor: str) -> ReconcileResult:
    """Decide one transition of one run and act until nothing is left to do now.

    ``sight`` is what was read last, ``load`` reads it again after a lost race; ``actor`` names
    who is told to have triggered.
    """
    for _ in range(STEPS):
        now = ctx.ports.clock.now()
        snapshot, decision = assess(ctx, sight.snapshot, now)
        sight = VersionedInput(snapshot, sight.version)
        match decision:
            case Trigger():
                after = _trigger(ctx, sight, load, decision, actor, now)
                if isinstance(after, ReconcileResult):
                    return after
                sight = after or load()
            case Doubt(claimed_at, text):
                _log(ctx, snapshot, "unproven", severity="WARNING", error=text)
                sight = (
                    _save(ctx, sight, state_changes.unproven(snapshot.state, claimed_at, text, now, left=False))
                    or load()
                )
            case Proven():
                _log(ctx, snapshot, "proven", by=decision.by or snapshot.transition.starts)
                sight = _save(ctx, sight, _proven(snapshot, now)) or load()
            case Confirm():
                state = state_changes.confirmed(snapshot.state, decision, now)
                _log(ctx, snapshot, "confirmed", by=decision.by.value)
                sight = _save(ctx, sight, state) or load()
            case Wait() | Blocked() | Held() | Done() | EmptyOk():
                resting = state_changes.resting(snapshot.state, decision, now, snapshot.opened_by_table)
                ended = snapshot.closed and isinstance(decision, Done)  # a closed run keeps the states it had
                if ended or resting == snapshot.state:
                    return ReconcileResult(snapshot, decision, sight.version)
                saved = _save(ctx, sight, resting)
                if saved is not None:
                    _log(ctx, snapshot, resting.state.value, decision=str(decision)[:500])
                    return ReconcileResult(saved.snapshot, decision, saved.version)
                sight = load()
            case Read():
                raise AssertionError("assess settles every reading")
    raise Unavailable("state", f"{sight.snapshot.key.id}: no rest after {STEPS} steps; others write all the time")


def _proven(snapshot: DecisionInput, now: datetime) -> TransitionState:
    plan = snapshot.state.plan
    steps = 0 if plan is None else len(snapshot.transition.steps(plan.reason))
    return state_changes.proven(snapshot.state, steps, now)


def _save(ctx: Context, sight: VersionedInput, state: TransitionState) -> VersionedInput | None:
    """Write a transition; None if somebody else did since it was read."""
    snapshot = sight.snapshot
    changed, now = Stored(state, sight.version), ctx.ports.clock.now()
    saved = save_transition(ctx.ports.store, ctx.policy, snapshot.key, snapshot.transition.name, changed, now)
    if saved is None:
        return None
    return VersionedInput(replace(snapshot, state=state), saved.version)


def _trigger(
    ctx: Context, sight: VersionedInput, load: Load, decision: Trigger, actor: str, now: datetime
) -> VersionedInput | ReconcileResult | None:
    """Claim, dispatch, mark; None where a race was lost and everything must be read again."""
    if sight.snapshot.transition.dispatch.role is Role.OBSERVE:
        _log(ctx, sight.snapshot, "observed", reason=decision.plan.reason)
        return _save(ctx, sight, state_changes.observed(sight.snapshot.state, decision.plan, now))
    lease = ctx.policy.claim_lease
    claim = state_changes.claimed(sight.snapshot.state, decision.plan, ctx.ports.clock.token(), now, lease)
    held = _save(ctx, sight, claim)
    if held is None:
        return None
    _log(ctx, held.snapshot, "claimed", generation=claim.generation, attempt=claim.attempt)
    return _send_steps(ctx, held, load, decision.plan, actor)


def _send_steps(
    ctx: Context, held: VersionedInput, load: Load, plan: Plan, actor: str
) -> VersionedInput | ReconcileResult | None:
    """Send the steps of a claimed plan that are not proven yet, each marked before the next is sent (behaviour D12)."""
    steps = held.snapshot.transition.steps(plan.reason)
    attempt = held.snapshot.state.attempt
    message_ids: tuple[str, ...] = ()
    for place in range(held.snapshot.state.steps_proven, len(steps)):
        began = ctx.ports.clock.now()
        result = send(ctx, held.snapshot, plan, steps[place], attempt, actor)
        if isinstance(result, Unknown):
            return _unknown(ctx, held, load, result.text, began)
        if not isinstance(result, Accepted):
            return _not_accepted(ctx, held, load, result)
        message_ids += result.message_ids
        if place == len(steps) - 1:
            now = ctx.ports.clock.now()
            _log_dispatched(ctx, held.snapshot, plan, message_ids)
            return _mark(ctx, held, load, _answered(steps[place], result, partial(state_changes.dispatched, now=now)))
        until = ctx.ports.clock.now() + ctx.policy.claim_lease
        proven = _mark(
            ctx, held, load, _answered(steps[place], result, partial(state_changes.step_proven, until=until))
        )
        if proven is None:
            return None
        held = proven
    now = ctx.ports.clock.now()
    _log_dispatched(ctx, held.snapshot, plan, message_ids)
    return _mark(ctx, held, load, partial(state_changes.dispatched, now=now))


def _answered(
    step: Step, result: Accepted, mark: Callable[[TransitionState], TransitionState]
) -> Callable[[TransitionState], TransitionState]:
    return lambda state: mark(state_changes.answered(state, step.to, result.answer, result.note))


def _unknown(ctx: Context, held: VersionedInput, load: Load, text: str, began: datetime) -> VersionedInput | None:
    now = ctx.ports.clock.now()
    _log(ctx, held.snapshot, "unproven", severity="WARNING", error=text, by_due=at_trigger(held.snapshot, now))
    # What was read before says nothing of a call that has been made since.
    after = _mark(ctx, held, load, lambda state: state_changes.unproven(state, began, text, now))
    if after is None:
        return None
    asked = replace(after.snapshot.readings, at_work=False)
    return replace(after, snapshot=replace(after.snapshot, readings=asked))


def _not_accepted(
    ctx: Context, held: VersionedInput, load: Load, result: CallFailed | Rejected | PublishFailed | NotTaken
) -> VersionedInput | ReconcileResult | None:
    now = ctx.ports.clock.now()
    match result:
        case CallFailed(text, retry_at):
            _log(ctx, held.snapshot, "dispatch_failed", severity="WARNING", error=text)
            return _mark(ctx, held, load, lambda state: state_changes.call_failed(state, text, now, retry_at))
        case NotTaken(verdict, text):
            _log(ctx, held.snapshot, verdict.value, severity="WARNING", error=text)
            return _mark(ctx, held, load, lambda state: state_changes.not_taken(state, verdict.value, text, now))
        case Rejected(text):
            _log(ctx, held.snapshot, "rejected", severity="ERROR", error=text)
            return _mark(ctx, held, load, lambda state: state_changes.rejected(state, text, ctx.code_version, now))
        case PublishFailed(error):
            _log(ctx, held.snapshot, "dispatch_failed", severity="WARNING", error=str(error))
            released = _mark(ctx, held, load, lambda state: state_changes.publish_failed(state, str(error), now))
            blocked = Blocked({"dispatch": str(error)})
            if released is None:
                return None
            return ReconcileResult(released.snapshot, blocked, released.version, failed=error)


def _mark(
    ctx: Context, held: VersionedInput, load: Load, change: Callable[[TransitionState], TransitionState]
) -> VersionedInput | None:
    """Mark what became of our own claim, even if somebody wrote beside it; None once the claim is another's."""
    claim = held.snapshot.state.claim
    assert claim is not None
    sight: VersionedInput = held
    for _ in range(STEPS):
        saved = _save(ctx, sight, change(sight.snapshot.state))
        if saved is not None:
            return saved
        sight = load()
        now_held = sight.snapshot.state.claim
        if now_held is None or now_held.owner != claim.owner:
            return None
    raise Unavailable("state", f"{held.snapshot.key.id}: the mark of a dispatch could not be written")


def _log_dispatched(ctx: Context, snapshot: DecisionInput, plan: Plan, message_ids: tuple[str, ...]) -> None:
    """Log a dispatch; ``handoff_seconds`` is the time from the last thing it waited for until it was claimed: a service
    that answers at its end has reported by then. A plan that is sent again was handed off before (behaviour 14).
    ``by_due`` says of the first of all whether it was in time."""
    claim, last = snapshot.state.claim, plan.last_input_at
    seconds = None
    if last is not None and claim is not None and not snapshot.state.accepted_whole:
        seconds = round((claim.claimed_at - last).total_seconds(), 3)
    _log(
        ctx,
        snapshot,
        "dispatched",
        reason=plan.reason,
        message_ids=list(message_ids),
        handoff_seconds=seconds,
        by_due=at_trigger(snapshot, ctx.ports.clock.now()),
    )


def _log(ctx: Context, snapshot: DecisionInput, what: str, severity: str = "INFO", **keys: object) -> None:
    ctx.log(
        f"transition.{what}", severity=severity, run_id=snapshot.key.id, transition=snapshot.transition.name, **keys
    )
