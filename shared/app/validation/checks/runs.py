"""Judging the runs themselves: that they were opened, and that none of them is stuck."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.app.context import Context
from shared.app.state.repository import Loaded, open_runs, run_path, with_run
from shared.app.transitions.snapshot import transitions_of
from shared.app.validation.checks import nights, paused
from shared.core.calendar import KEPT, clock_from, instant
from shared.core.model import HoldCause, Lane, RunKey, State
from shared.core.policy.adaptive import expectation_of
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import ConfirmBy, Transition
from shared.core.validation.checks import Target
from shared.core.validation.verdict import Measure, Measured

HOUR = timedelta(hours=1)
# What is claimed or dispatched goes on inside a pause, the others rest (behaviour T8).
RESTING = (State.WAITING, State.BLOCKED, State.HELD)


def runs_opened(ctx: Context, target: Target, options: Mapping[str, Any]) -> Measured:
    """See that every mode whose time has come has a run: 1 if it has, 0 if not; inside a pause none is opened (T8)."""
    policy, day, grace, resting = ctx.policy, target.working_day, options["grace"], paused.pauses(ctx)
    expected = [
        key
        for key in nights.keys(policy, day)
        if target.now >= instant(day, policy.modes[key.mode].opens_at, policy.zone) + grace
        and not paused.excuse(policy, resting, target, key, grace=grace)
    ]
    if not expected or target.now - target.day_end > KEPT:
        return Measured()
    units = nights.units_of(ctx, [key.day for key in expected])
    documents = ctx.ports.store.get(*(run_path(key) for key in expected))
    return Measured(
        tuple(
            Measure(f"{key.day} {key.mode}", float(document is not None), note="" if document else "no run was opened")
            for key, document in zip(expected, documents, strict=True)
            if units[key.day].total != 0
        )
    )


def stalled_runs(ctx: Context, target: Target, options: Mapping[str, Any]) -> Measured:
    """Measure for how many hours each transition of an open live run is in a state in which it should not stay."""
    measures, resting = [], paused.pauses(ctx)
    for run in open_runs(ctx.ports.store, ctx.policy)[0]:
        key = run.value.key
        if key.lane is Lane.BACKFILL:
            continue
        loaded = with_run(ctx.ports.store, key, run)
        for transition in transitions_of(ctx.policy, key.mode):
            since, why = _standing_since(ctx.policy, key, transition, loaded)
            if since is not None and loaded.transition(transition.name).value.state in RESTING:
                if paused.excuse(ctx.policy, resting, target, key, transition.name):
                    continue
                since = paused.over_since(resting, key, transition.name, since, target.now)
            if since is not None and since <= target.now:
                measures.append(Measure(f"{key.id} {transition.name}", (target.now - since) / HOUR, note=why))
    return Measured(tuple(measures) or (Measure("", 0.0, note="no transition stands still"),))


def _standing_since(policy: Policy, key: RunKey, transition: Transition, loaded: Loaded) -> tuple[datetime | None, str]:
    """Return since when a transition waits for something other than the policy; None where it does not."""
    state = loaded.transition(transition.name).value
    if state.state is State.CLAIMED and state.claim is not None:
        return state.claim.claimed_at, "claimed, and not dispatched"
    if state.state is State.BLOCKED and state.blocked:
        first = min(state.blocked.values(), key=lambda block: block.since)
        return first.since, f"blocked by {', '.join(state.blocked)}: {first.text}"
    if state.state is State.HELD:
        by_hand = state.hold is not None and state.hold.cause is HoldCause.OPERATOR
        return (None, "") if by_hand else (state.held_since, "held")
    if state.unproven is not None:
        return state.unproven.since, f"called, and nobody knows what came of it: {state.unproven.text}"
    if state.state is State.DISPATCHED and transition.confirm.by is ConfirmBy.FIRST_REPORT:
        return state.dispatched_at, f"dispatched, and {transition.starts} has not begun"
    if state.state is State.WAITING:
        return _past_deadline(policy, key, transition, loaded), "past its deadline, and not decided"
    return None, ""


def _past_deadline(policy: Policy, key: RunKey, transition: Transition, loaded: Loaded) -> datetime | None:
    expectation = expectation_of(transition, key.mode, None if loaded.run is None else loaded.run.value)
    reports = loaded.completions_of(transition.after)
    opened = [
        opener.received_at
        for name, completion in reports.items()
        if name in expectation.expected
        for opener in completion.clock_starters
    ]
    if not opened or expectation.deadline is None:
        return None
    return clock_from(key, min(opened), policy) + expectation.deadline.after
