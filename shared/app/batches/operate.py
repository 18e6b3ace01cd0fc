"""What a person does to a batch (batches, CLI): written with its reason, done by the function of batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.app.batches.looking import go_on
from shared.app.batches.store import batch_data, batch_path, batches_of_run, read_batch
from shared.app.context import Context
from shared.app.outcome import CommandResult, Outcome, Why
from shared.app.state.compare_and_set import change_document
from shared.core.batches.batch import Act, Batch, BatchState, HeldFor
from shared.core.errors import Unavailable
from shared.core.model import RunKey
from shared.ports import Document

MOST_ACTS = 50
Change = Callable[[Batch, datetime], tuple[Batch | None, str]]


def close(ctx: Context, run: RunKey, name: str, why: Why) -> CommandResult:
    """Close a batch with what is there; of one that is published nothing is done, and that is no error."""
    return _act(ctx, run, name, "close", why, _close)


def retry(ctx: Context, run: RunKey, name: str, why: Why) -> CommandResult:
    """Have silent and failed members asked again, a refused step tried again, or members loaded again."""
    return _act(ctx, run, name, "retry", why, _retry)


def _close(batch: Batch, now: datetime) -> tuple[Batch | None, str]:
    if batch.state is BatchState.PUBLISHED:
        return None, "is published already; nothing was done"
    if batch.closing is not None:
        return None, "is closing already; nothing was done"
    return replace(batch, close_asked=True), "is closed with what is there"


def _retry(batch: Batch, now: datetime) -> tuple[Batch | None, str]:
    refused = [step for step in batch.steps if step.refused]
    if refused:
        steps = tuple(
            replace(step, refused="", begun_at=None, failed_at=None, failures=0) if step.refused else step
            for step in batch.steps
        )
        return _released(replace(batch, steps=steps), BatchState.CLOSING), "tries its refused step again"
    if batch.closing is not None and batch.state is not BatchState.PUBLISHED:
        steps = tuple(replace(step, failed_at=None) if not step.proof else step for step in batch.steps)
        return replace(batch, steps=steps), "tries its close steps again"
    if batch.members is None:
        again = replace(batch, load_failed_at=None, load_error="")
        if batch.held_for is HeldFor.MEMBERS:
            again = _released(again, BatchState.LOADING)
        return again, "loads its members again"
    if batch.cursor < batch.pages:
        return None, "is still asking its members; nothing was done"
    return replace(batch, ask_at=now), "asks its silent and failed members again"


def _released(batch: Batch, state: BatchState) -> Batch:
    return replace(batch, state=state, held_for=None, held_at=None, held_text="")


def _act(ctx: Context, run: RunKey, name: str, verb: str, why: Why, change: Change) -> CommandResult:
    listed = batches_of_run(ctx, name, run)
    if not listed:
        return CommandResult(Outcome.NOT_FOUND, f"{run.id}: there is no batch {name}")
    batch_id, now = listed[0].value.id, ctx.ports.clock.now()

    def acted(document: Document | None) -> tuple[Mapping[str, Any] | None, tuple[Batch | None, CommandResult]]:
        stored = read_batch(document)
        if stored is None:
            return None, (None, CommandResult(Outcome.NOT_FOUND, f"{batch_id} is not there any more"))
        changed, text = change(stored.value, now)
        done = CommandResult(Outcome.DONE, f"{batch_id} {text}")
        if changed is None:
            return None, (None, done)
        noted = replace(changed, acts=(*stored.value.acts, Act(verb, why.by, why.reason, now))[-MOST_ACTS:])
        return batch_data(noted, now), (noted, done)

    batch, result = change_document(ctx.ports.store, batch_path(batch_id), acted)
    if batch is None:
        return result
    ctx.log(f"operator.batch_{verb}", batch_id=batch_id, reason=why.reason, by=why.by)
    return _go_on(ctx, batch, result.text)


def _go_on(ctx: Context, batch: Batch, text: str) -> CommandResult:
    """Let the function of batches do it; where the bus is away the next sweep does."""
    try:
        go_on(ctx, batch)
    except Unavailable as error:
        return CommandResult(Outcome.DONE, f"{text}; with the next sweep, for {error}")
    return CommandResult(Outcome.DONE, text)
