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

from shared.app import marks
from shared.app.context import Context
from shared.app.dispatch import Accepted, CallFailed, NotTaken, PublishFailed, Rejected, Unknown, send
from shared.app.readings import read
from shared.app.state import Stored, save_transition
from shared.core.decide import decide
from shared.core.decision import (
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
from shared.core.errors import Unavailable
from shared.core.model import Plan, TransitionState
from shared.core.situation import Situation
from shared.core.transitions import Role, Step

STEPS = 30


@dataclass(frozen=True, slots=True)
class Sight:
    """A situation and the stored version of the transition in it."""

    situation: Situation
    version: str | None


@dataclass(frozen=True, slots=True)
class Settled:
    """Where a transition came to rest. ``failed`` is a publication that the caller must raise."""

    situation: Situation
    decision: Decision
    version: str | None = None
    failed: Unavailable | None = None


Load = Callable[[], Sight]


def assess(ctx: Context, situation: Situation, now: datetime) -> tuple[Situation, Decision]:
    """Decide, reading what the decision asks for, without acting."""
    decision = decide(situation, now)
    for _ in range(STEPS):
        if not isinstance(decision, Read):
            return situation, decision
        situation = read(ctx, situation, decision.wanted)
        decision = decide(situation, now)
    raise AssertionError(f"{situation.key.id} {situation.transition.name}: a decision asks for the same reading again")


def reconcile(ctx: Context, sight: Sight, load: Load, actor: str) -> Settled:
    """Decide one transition of one run and act until nothing is left to do now.

    ``sight`` is what was read last, ``load`` reads it again after a lost race; ``actor`` names
    who is told to have triggered.
    """
    for _ in range(STEPS):
        now = ctx.ports.clock.now()
        situation, decision = assess(ctx, sight.situation, now)
        sight = Sight(situation, sight.version)
        match decision:
            case Trigger():
                after = _trigger(ctx, sight, load, decision, actor, now)
                if isinstance(after, Settled):
                    return after
                sight = after or load()
            case Doubt(claimed_at, text):
                _log(ctx, situation, "unproven", severity="WARNING", error=text)
                sight = _save(ctx, sight, marks.unproven(situation.state, claimed_at, text, now, left=False)) or load()
            case Proven():
                _log(ctx, situation, "proven", by=decision.by or situation.transition.starts)
                sight = _save(ctx, sight, _proven(situation, now)) or load()
            case Confirm():
                state = marks.confirmed(situation.state, decision, now)
                _log(ctx, situation, "confirmed", by=decision.by.value)
                sight = _save(ctx, sight, state) or load()
            case Wait() | Blocked() | Held() | Done() | EmptyOk():
                resting = marks.resting(situation.state, decision, now, situation.opened_by_table)
                ended = situation.closed and isinstance(decision, Done)  # a closed run keeps the states it had
                if ended or resting == situation.state:
                    return Settled(situation, decision, sight.version)
                saved = _save(ctx, sight, resting)
                if saved is not None:
                    _log(ctx, situation, resting.state.value, decision=str(decision)[:500])
                    return Settled(saved.situation, decision, saved.version)
                sight = load()
            case Read():
                raise AssertionError("assess settles every reading")
    raise Unavailable("state", f"{sight.situation.key.id}: no rest after {STEPS} steps; others write all the time")


def _proven(situation: Situation, now: datetime) -> TransitionState:
    plan = situation.state.plan
    steps = 0 if plan is None else len(situation.transition.steps(plan.reason))
    return marks.proven(situation.state, steps, now)


def _save(ctx: Context, sight: Sight, state: TransitionState) -> Sight | None:
    """Write a transition; None if somebody else did since it was read."""
    situation = sight.situation
    changed = Stored(state, sight.version)
    saved = save_transition(ctx.ports.store, ctx.policy, situation.key, situation.transition.name, changed)
    if saved is None:
        return None
    return Sight(replace(situation, state=state), saved.version)


def _trigger(
    ctx: Context, sight: Sight, load: Load, decision: Trigger, actor: str, now: datetime
) -> Sight | Settled | None:
    """Claim, dispatch, mark; None where a race was lost and everything must be read again."""
    if sight.situation.transition.dispatch.role is Role.OBSERVE:
        _log(ctx, sight.situation, "observed", reason=decision.plan.reason)
        return _save(ctx, sight, marks.observed(sight.situation.state, decision.plan, now))
    lease = ctx.policy.claim_lease
    claim = marks.claimed(sight.situation.state, decision.plan, ctx.ports.clock.token(), now, lease)
    held = _save(ctx, sight, claim)
    if held is None:
        return None
    _log(ctx, held.situation, "claimed", generation=claim.generation, attempt=claim.attempt)
    return _send_steps(ctx, held, load, decision.plan, actor)


def _send_steps(ctx: Context, held: Sight, load: Load, plan: Plan, actor: str) -> Sight | Settled | None:
    """Send the steps of a claimed plan that are not proven yet, each marked before the next is sent (behaviour D12)."""
    steps = held.situation.transition.steps(plan.reason)
    attempt = held.situation.state.attempt
    message_ids: tuple[str, ...] = ()
    for place in range(held.situation.state.steps_proven, len(steps)):
        began = ctx.ports.clock.now()
        result = send(ctx, held.situation, plan, steps[place], attempt, actor)
        if isinstance(result, Unknown):
            return _unknown(ctx, held, load, result.text, began)
        if not isinstance(result, Accepted):
            return _not_accepted(ctx, held, load, result)
        message_ids += result.message_ids
        if place == len(steps) - 1:
            now = ctx.ports.clock.now()
            _log_dispatched(ctx, held.situation, plan, message_ids, now)
            return _mark(ctx, held, load, _answered(steps[place], result, partial(marks.dispatched, now=now)))
        until = ctx.ports.clock.now() + ctx.policy.claim_lease
        proven = _mark(ctx, held, load, _answered(steps[place], result, partial(marks.step_proven, until=until)))
        if proven is None:
            return None
        held = proven
    now = ctx.ports.clock.now()
    _log_dispatched(ctx, held.situation, plan, message_ids, now)
    return _mark(ctx, held, load, partial(marks.dispatched, now=now))


def _answered(
    step: Step, result: Accepted, mark: Callable[[TransitionState], TransitionState]
) -> Callable[[TransitionState], TransitionState]:
    return lambda state: mark(marks.answered(state, step.to, result.answer, result.note))


def _unknown(ctx: Context, held: Sight, load: Load, text: str, began: datetime) -> Sight | None:
    now = ctx.ports.clock.now()
    _log(ctx, held.situation, "unproven", severity="WARNING", error=text)
    # What was read before says nothing of a call that has been made since.
    known = _mark(ctx, held, load, lambda state: marks.unproven(state, began, text, now))
    if known is None:
        return None
    asked = replace(known.situation.readings, at_work=False)
    return replace(known, situation=replace(known.situation, readings=asked))


def _not_accepted(
    ctx: Context, held: Sight, load: Load, result: CallFailed | Rejected | PublishFailed | NotTaken
) -> Sight | Settled | None:
    now = ctx.ports.clock.now()
    match result:
        case CallFailed(text, retry_at):
            _log(ctx, held.situation, "dispatch_failed", severity="WARNING", error=text)
            return _mark(ctx, held, load, lambda state: marks.call_failed(state, text, now, retry_at))
        case NotTaken(verdict, text):
            _log(ctx, held.situation, verdict.value, severity="WARNING", error=text)
            return _mark(ctx, held, load, lambda state: marks.not_taken(state, verdict.value, text, now))
        case Rejected(text):
            _log(ctx, held.situation, "rejected", severity="ERROR", error=text)
            return _mark(ctx, held, load, lambda state: marks.rejected(state, text, ctx.code_version, now))
        case PublishFailed(error):
            _log(ctx, held.situation, "dispatch_failed", severity="WARNING", error=str(error))
            released = _mark(ctx, held, load, lambda state: marks.publish_failed(state, str(error), now))
            blocked = Blocked({"dispatch": str(error)})
            if released is None:
                return None
            return Settled(released.situation, blocked, released.version, failed=error)


def _mark(ctx: Context, held: Sight, load: Load, change: Callable[[TransitionState], TransitionState]) -> Sight | None:
    """Mark what became of our own claim, also if somebody wrote beside it; None once the claim is another's."""
    claim = held.situation.state.claim
    assert claim is not None
    sight: Sight = held
    for _ in range(STEPS):
        saved = _save(ctx, sight, change(sight.situation.state))
        if saved is not None:
            return saved
        sight = load()
        now_held = sight.situation.state.claim
        if now_held is None or now_held.owner != claim.owner:
            return None
    raise Unavailable("state", f"{held.situation.key.id}: the mark of a dispatch could not be written")


def _log_dispatched(
    ctx: Context, situation: Situation, plan: Plan, message_ids: tuple[str, ...], now: datetime
) -> None:
    """Log a dispatch; ``handoff_seconds`` is the time from the last report that it stands on."""
    known = (situation.completions.get(name) for name in plan.completed)
    reports = [report for one in known if one is not None for report in (one.good or one.latest,) if report is not None]
    last = max((report.received_at for report in reports), default=None)
    seconds = None if last is None else round((now - last).total_seconds(), 3)
    _log(ctx, situation, "dispatched", reason=plan.reason, message_ids=list(message_ids), handoff_seconds=seconds)


def _log(ctx: Context, situation: Situation, what: str, severity: str = "INFO", **keys: object) -> None:
    ctx.log(
        f"transition.{what}", severity=severity, run_id=situation.key.id, transition=situation.transition.name, **keys
    )
