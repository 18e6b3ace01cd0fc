"""What a person does to a batch (batches, CLI): written with its reason, done by the function of batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from shared.app.batches.looking import go_on
from shared.app.batches.store import ATTEMPTS, batches_of_run, load_batch, save_batch
from shared.app.context import Context
from shared.app.outcome import CommandResult, Outcome, Why
from shared.app.state.repository import Stored
from shared.core.batches.batch import Act, Batch, BatchState, HeldFor
from shared.core.errors import Unavailable
from shared.core.model import RunKey

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
    stored: Stored[Batch] | None = listed[0]
    for _ in range(ATTEMPTS):
        if stored is None:
            return CommandResult(Outcome.NOT_FOUND, f"{run.id}: there is no batch {name}")
        now = ctx.ports.clock.now()
        changed, text = change(stored.value, now)
        said = f"{stored.value.id} {text}"
        if changed is None:
            return CommandResult(Outcome.DONE, said)
        acts = (*stored.value.acts, Act(verb, why.by, why.reason, now))[-MOST_ACTS:]
        if save_batch(ctx, replace(stored, value=replace(changed, acts=acts))) is not None:
            ctx.log(f"operator.batch_{verb}", batch_id=changed.id, reason=why.reason, by=why.by)
            return _go_on(ctx, changed, said)
        stored = load_batch(ctx.ports.store, stored.value.id)
    raise Unavailable("state", f"{run.id} {name} changes all the time")


def _go_on(ctx: Context, batch: Batch, said: str) -> CommandResult:
    """Let the function of batches do it; where the bus is away the next sweep does."""
    try:
        go_on(ctx, batch)
    except Unavailable as error:
        return CommandResult(Outcome.DONE, f"{said}; with the next sweep, for {error}")
    return CommandResult(Outcome.DONE, said)
