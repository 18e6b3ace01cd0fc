"""Who is missing of a batch, by name and in the order of members."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from shared.app.batches.store import load_page, outcome_path, outcomes_on, read_outcome
from shared.app.context import Context
from shared.core.batches.batch import Batch, Outcome
from shared.core.batches.messages import NAMED
from shared.core.policy.batches import MemberOutcome


def missing_names(ctx: Context, batch: Batch, most: int = NAMED) -> tuple[str, ...]:
    """Return the first silent and failed members; those of the closing where it has begun."""
    if batch.closing is not None:
        return batch.closing.missing
    return tuple(islice(all_missing(ctx, batch), most))


def all_missing(ctx: Context, batch: Batch) -> Iterator[str]:
    """Yield every silent and failed member, page by page; where the closing has begun, those that were missing then."""
    for number in range(batch.pages if batch.members else 0):
        outcomes = outcomes_on(ctx, batch, number)
        for member in load_page(ctx, batch, number).value.members:
            if _is_missing(batch, outcomes.get(member.key)):
                yield member.key


def uncounted(ctx: Context, batch: Batch) -> list[Outcome]:
    """Return the outcomes of members that the closing names as missing, written by who had not seen it begin.

    Whoever wrote one may have found the batch claimed, and said nothing: who publishes tells of it.
    """
    if batch.closing is None or not batch.closing.missing:
        return []
    paths = (outcome_path(batch.id, member) for member in batch.closing.missing)
    outcomes = [read_outcome(document) for document in ctx.ports.store.get(*paths)]
    return [
        stored.value
        for stored in outcomes
        if stored is not None and not stored.value.late and stored.value.outcome is not MemberOutcome.FAILED
    ]


def _is_missing(batch: Batch, outcome: Outcome | None) -> bool:
    if outcome is None or outcome.outcome is MemberOutcome.FAILED:
        return True
    return batch.closing is not None and outcome.late and outcome.received_at >= batch.closing.at
