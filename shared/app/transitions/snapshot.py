"""What the transitions of a run are decided by, made of what was read of it: by a delivery, the sweep, a command."""

from __future__ import annotations

from functools import partial

from shared.app.context import Context
from shared.app.state.repository import Loaded, load_run
from shared.app.transitions.reconcile import Load, VersionedInput
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import RunKey
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Transition


def transitions_of(policy: Policy, mode: str) -> list[Transition]:
    """Return the transitions that a mode passes through, in order."""
    return [transition for transition in policy.transitions.values() if mode in transition.expects]


def versioned_input(ctx: Context, key: RunKey, loaded: Loaded, transition: Transition) -> VersionedInput:
    """Return what one transition is decided by, and its version; phases that were not read have no completions."""
    stored = loaded.transition(transition.name)
    run = None if loaded.run is None else loaded.run.value
    snapshot = DecisionInput(
        policy=ctx.policy,
        transition=transition,
        key=key,
        state=stored.value,
        completions=loaded.completions_of(transition.after),
        units=None if run is None else run.units,
        final_at=None if run is None else run.final_at,
        started=loaded.completions.get(transition.starts, {}),
        next_report_at=loaded.last_report_at(transition.starts),
        next_trigger_ids=loaded.trigger_ids(transition.starts),
        closed=run is not None and run.closed_at is not None,
        code_version=ctx.code_version,
        pauses=loaded.pauses,
        learned={} if run is None else run.learned.get(transition.name, {}),
    )
    return VersionedInput(snapshot, stored.version)


def reload(ctx: Context, key: RunKey, transition: Transition) -> Load:
    """Return the function that reads a transition's situation afresh."""

    def again(ctx: Context, key: RunKey, transition: Transition) -> VersionedInput:
        return versioned_input(ctx, key, load_run(ctx.ports.store, key), transition)

    return partial(again, ctx, key, transition)
