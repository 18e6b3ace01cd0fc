"""What is usual in a pipeline, as tonight is held against it: read now and then, not by each sweep (behaviour T12)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from shared.app.context import Context
from shared.core.learning.anomaly import UNKNOWN, Usuals

if TYPE_CHECKING:
    from shared.core.learning.learned import Learned


def usuals(ctx: Context) -> Usuals:
    """Return what is usual by the policy's limits; nothing where the policy looks at nothing, or nobody can read it.

    It is learned once a day, and read once a local day by each instance but the one that learned it.
    Raises ``Unavailable`` if the state store does not answer.
    """
    if not ctx.policy.anomalies.nights_needed:
        return UNKNOWN
    today = ctx.policy.local(ctx.ports.clock.now()).date()
    if ctx.memory.usuals is None or ctx.memory.usuals[0] != today:
        ctx.memory.usuals = today, read_usuals(ctx)
    return ctx.memory.usuals[1]


def remember(ctx: Context, today: date, learned: Learned) -> None:
    """Take what was learned just now for what is usual."""
    ctx.memory.usuals = today, Usuals(ctx.policy.anomalies, learned.durations, learned.rows)


def read_usuals(ctx: Context) -> Usuals:
    """Read what is usual; only a pipeline that asks for it pays for what that imports."""
    from shared.app.state.learned import path_of, read_learned

    limits = ctx.policy.anomalies
    try:
        learned = read_learned(ctx.ports.store.get(path_of(ctx.policy.pipeline))[0])
    except ValueError:  # the sweep says so, and writes another one
        return Usuals(limits)
    return Usuals(limits, learned.durations, learned.rows)
