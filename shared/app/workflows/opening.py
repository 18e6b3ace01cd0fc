"""Which of the processors that a window opens on are not done yet (behaviour R13)."""

from __future__ import annotations

from datetime import date, timedelta

from shared.app.context import Context
from shared.app.state.repository import load_run
from shared.app.transitions.readings import read
from shared.app.transitions.snapshot import versioned_input
from shared.core.decision.gates import Wanted
from shared.core.errors import Unavailable
from shared.core.model import RunKey
from shared.core.workflows.model import OpensOn

# A table may ask for the units of the date first, and then for its own.
MOST_LOOKS = 3


def missing_inputs(ctx: Context, opens_on: OpensOn, day: date) -> tuple[str, ...] | None:
    """Return those that are not done, each with the units that it lacks; None where that cannot be read now.

    They are judged as the transition judges them that waits for their phase (behaviour R6, R10).
    """
    policy = ctx.policy
    key = RunKey(policy.pipeline, day + timedelta(days=opens_on.offset_days), opens_on.mode)
    transition = next((t for t in policy.after(opens_on.phase) if opens_on.mode in t.expects), None)
    if transition is None:
        return opens_on.processors
    try:
        snapshot = versioned_input(ctx, key, load_run(ctx.ports.store, key), transition).snapshot
        if snapshot.units is None and policy.calendar is not None:
            snapshot = read(ctx, snapshot, Wanted(calendar=True))
        for _ in range(MOST_LOOKS):
            seen = snapshot.seen
            if not (seen.needs_rows or seen.needs_units):
                break
            snapshot = read(ctx, snapshot, Wanted(rows=seen.needs_rows, held=seen.needs_units))
    except Unavailable as error:
        ctx.log("workflows.inputs_unreadable", severity="WARNING", run_id=key.id, error=str(error))
        return None
    seen = snapshot.seen
    return tuple(seen.described(name for name in opens_on.processors if name not in seen.done))
