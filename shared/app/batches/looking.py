"""Looking at a batch, and letting its function go on with it: what the sweep needs, and nothing that does the work."""

from __future__ import annotations

from dataclasses import replace

from shared.app.batches.store import all_outcomes, counted, with_last
from shared.app.context import Context
from shared.core.batches.batch import Batch, BatchState, Counts, Sum
from shared.core.batches.decide import Clock, decide_batch, reaches_idle
from shared.core.batches.decision import BatchDecision
from shared.core.policy.batches import BatchPolicy, start_topic
from shared.ports import Message


def look(ctx: Context, batch: Batch, declared: BatchPolicy, *, late: bool = False) -> tuple[Counts, BatchDecision]:
    """Return the counts of a batch and what is to be done; ``late`` sums the counts, for a report after the end."""
    now = ctx.ports.clock.now()
    counts = Counts() if _counts_for_nothing(batch, late=late) else counted(ctx, batch)
    idle = declared.close.idle
    if idle is not None and (batch.reopened or reaches_idle(batch, declared, counts)):
        counts = with_last(ctx, batch, counts, now - idle.after, now)
    if late and declared.refresh is not None:
        sums = Sum(counted=bool(declared.reports.count))
        for outcome in all_outcomes(ctx, batch):
            sums.add(outcome)
        counts = replace(counts, records=sums.value)
    return counts, decide_batch(batch, declared, ctx.policy, counts, Clock(now, ctx.code_version))


def _counts_for_nothing(batch: Batch, *, late: bool) -> bool:
    """True where no outcome bears on what is decided: none completes a batch of which some have not been asked yet."""
    asking = batch.state is BatchState.REQUESTING and batch.cursor < batch.pages
    return asking or batch.state is BatchState.CLOSING or (batch.state is BatchState.LOADING and not late)


def go_on(ctx: Context, batch: Batch) -> None:
    """Let the function of batches look at a batch: the message carries nothing but its id."""
    body = {"batch": batch.name, "batch_id": batch.id}
    ctx.ports.bus.publish(start_topic(ctx.policy.pipeline), [Message(body, {"batch": batch.name})])
