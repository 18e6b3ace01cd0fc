"""A run beside other nights, for those who look at it (behaviour T12)."""

from __future__ import annotations

from shared.app.context import Context
from shared.app.state.repository import Loaded
from shared.app.state.usuals import read_usuals
from shared.app.transitions.snapshot import transitions_of, versioned_input
from shared.core.model import Lane, RunKey
from shared.core.reporting.usual_lines import UsualLine, usual_lines


def usual_of_run(ctx: Context, key: RunKey, loaded: Loaded) -> tuple[UsualLine, ...]:
    """Return what a live run has beside what is usual; nothing of a backfill, or where the policy looks at nothing.

    Raises ``Unavailable`` if the state store does not answer.
    """
    if key.lane is not Lane.LIVE or not ctx.policy.anomalies.nights_needed:
        return ()
    snapshots = [versioned_input(ctx, key, loaded, each).snapshot for each in transitions_of(ctx.policy, key.mode)]
    return usual_lines(snapshots, read_usuals(ctx), ctx.ports.clock.now())
