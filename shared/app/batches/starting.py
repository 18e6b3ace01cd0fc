"""A batch begins: its id is the trigger id of its start, and the same id is the same batch however often it comes."""

from __future__ import annotations

from dataclasses import replace

from shared.app.batches.advance import Advanced, Ended, advance
from shared.app.batches.claim import LEASE
from shared.app.batches.store import load_batch, save_batch
from shared.app.context import Context
from shared.app.state.repository import Stored
from shared.core.batches.arrival import Start
from shared.core.batches.batch import Batch
from shared.core.errors import Unavailable
from shared.core.message import Delivery


def start(ctx: Context, delivery: Delivery, asked: Start) -> Advanced:
    """Record a batch, then do what is to be done; one that is there already is only gone on with.

    Raises ``Unavailable`` where the message must come again: it alone brings members that are not loaded yet.
    """
    stored, owner = load_batch(ctx.ports.store, asked.id), ""
    if stored is None:
        owner = ctx.ports.clock.token()
        stored = save_batch(ctx, Stored(_new(ctx, delivery, asked, owner)))
        if stored is not None:
            ctx.log("batch.started", batch_id=asked.id, run_id=asked.run.id, message_id=delivery.message_id)
    advanced = advance(ctx, asked.id, held=stored, owner=owner, listed=asked.listed)
    batch = advanced.batch
    if advanced.ended is Ended.CLAIMED and asked.listed is not None and batch is not None and batch.members is None:
        raise Unavailable("state", f"{asked.id} is being loaded; its members come with this message")
    return advanced


def _new(ctx: Context, delivery: Delivery, asked: Start, owner: str) -> Batch:
    """Return a batch as it begins, claimed by who begins it."""
    batch = Batch(
        id=asked.id,
        name=asked.declared.name,
        run=asked.run,
        started_at=delivery.received_at,
        pipeline=ctx.policy.pipeline,
        generation=asked.generation,
        correlation_id=asked.correlation_id,
    )
    return replace(batch, owner=owner, lease_until=ctx.ports.clock.now() + LEASE)
