"""The loop of a batch: look, decide, do, look again, until nothing is to be done now.

Whoever calls may die between any two effects: what was written says where the next one goes on. While nothing is to be
done nobody claims; who gives a claim back looks once more, so that no report falls between a decision and its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from shared.app.batches import asking, closing
from shared.app.batches.claim import LostClaim, Worker
from shared.app.batches.load import load
from shared.app.batches.looking import go_on, look
from shared.app.batches.store import load_batch
from shared.app.context import Context
from shared.app.state.repository import Stored
from shared.core.batches.batch import Batch, BatchState, HeldFor
from shared.core.batches.decision import (
    Ask,
    AskAgain,
    BatchDecision,
    BeginClose,
    DoStep,
    Hold,
    Load,
    Publish,
    Reopen,
    Resume,
    Wait,
)
from shared.core.policy.batches import BatchPolicy

STEPS = 5_000


class Ended(StrEnum):
    """How a call left a batch."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    GOES_ON = "goes_on"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Advanced:
    """How a batch stands after a call, and why it is not further; ``batch`` None where there is none."""

    ended: Ended
    batch: Batch | None = None
    reason: str = ""


def advance(
    ctx: Context,
    batch_id: str,
    *,
    held: Stored[Batch] | None = None,
    owner: str = "",
    listed: Sequence[Any] | None = None,
    late: bool = False,
) -> Advanced:
    """Do what is to be done for a batch; ``held`` is it as it was just written, ``owner`` who claimed it so.

    Raises ``Unavailable`` where something outside did not answer: the claim is given back before.
    """
    stored = held or load_batch(ctx.ports.store, batch_id)
    if stored is None:
        return Advanced(Ended.UNKNOWN)
    declared = ctx.policy.batches.get(stored.value.name)
    if declared is None:
        ctx.log("batch.departed", severity="WARNING", batch_id=batch_id, name=stored.value.name)
        return Advanced(Ended.WAITING, stored.value, f"the policy declares no batch {stored.value.name} any more")
    worker = Worker(ctx, owner or ctx.ports.clock.token(), ctx.ports.clock.now(), stored)
    try:
        return _advance(worker, declared, listed, late=late)
    except LostClaim:
        return Advanced(Ended.CLAIMED, worker.batch, "somebody else works on it")
    except Exception:
        worker.release()
        raise


def _advance(worker: Worker, declared: BatchPolicy, listed: Sequence[Any] | None, *, late: bool) -> Advanced:
    ctx = worker.ctx
    for _ in range(STEPS):
        if worker.batch.is_claimed(ctx.ports.clock.now()) and not worker.holds():
            return Advanced(Ended.CLAIMED, worker.batch, "somebody else works on it")
        _, decision = look(ctx, worker.batch, declared, late=late)
        if isinstance(decision, Load) and listed is None and declared.members.sql is None:
            decision = Wait("its members come with its start message")
        if isinstance(decision, Wait):
            if not worker.holds():
                return Advanced(Ended.WAITING, worker.batch, decision.reason)
            worker.release()
        elif not worker.holds():
            worker.take()
        elif worker.out_of_time() and not isinstance(decision, Publish | BeginClose | Resume | Reopen):
            worker.release()
            go_on(ctx, worker.batch)
            return Advanced(Ended.GOES_ON, worker.batch, "it goes on in another call")
        else:
            _do(worker, declared, decision, listed)
    return Advanced(Ended.GOES_ON, worker.batch, "it takes very many steps; the next sweep goes on")


def _do(worker: Worker, declared: BatchPolicy, decision: BatchDecision, listed: Sequence[Any] | None) -> None:
    """Carry one decision out."""
    match decision:
        case Load():
            load(worker, declared, listed)
        case Ask(page):
            asking.ask(worker, declared, page)
        case AskAgain(by_person):
            asking.ask_again(worker, declared, by_person=by_person)
        case BeginClose(cause):
            closing.begin(worker, declared, cause)
        case DoStep(place, unknown):
            closing.do_step(worker, declared, place, unknown=unknown)
        case Publish():
            closing.publish(worker, declared)
        case Hold(reason):
            closing.hold(worker, declared, reason, _held_text(worker.batch, reason))
        case Resume():
            worker.mark(_resumed)
        case Reopen():
            closing.reopen(worker, declared)


def _held_text(batch: Batch, reason: HeldFor) -> str:
    if reason is HeldFor.DEADLINE:
        return "its deadline has passed, and the policy says to hold"
    refused = next((step.refused for step in batch.steps if step.refused), "")
    return f"a close step was refused: {refused}"


def _resumed(batch: Batch) -> Batch:
    """Return a batch that goes on where it was; a refused step counts as never tried."""
    if batch.closing is not None:
        state = BatchState.CLOSING
    elif batch.members is None:
        state = BatchState.LOADING
    else:
        state = BatchState.REQUESTING if batch.cursor < batch.pages else BatchState.OPEN
    steps = tuple(
        replace(step, refused="", failed_at=None, failures=0, begun_at=None) if step.refused else step
        for step in batch.steps
    )
    return replace(batch, state=state, held_for=None, held_at=None, held_text="", steps=steps)
