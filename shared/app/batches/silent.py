"""Who is missing of a batch, by name and in the order of members."""

from __future__ import annotations

from shared.app.batches.store import load_page, outcomes_on
from shared.app.context import Context
from shared.core.batches.batch import Batch
from shared.core.batches.messages import NAMED
from shared.core.policy.batches import MemberOutcome


def missing_names(ctx: Context, batch: Batch, most: int = NAMED) -> tuple[str, ...]:
    """Return the first silent and failed members; those of the closing where it has begun."""
    if batch.closing is not None:
        return batch.closing.missing
    found: list[str] = []
    for number in range(batch.pages if batch.members else 0):
        outcomes = outcomes_on(ctx, batch, number)
        for member in load_page(ctx, batch, number).value.members:
            known = outcomes.get(member.key)
            if known is None or known.outcome is MemberOutcome.FAILED:
                found.append(member.key)
        if len(found) >= most:
            break
    return tuple(found[:most])
