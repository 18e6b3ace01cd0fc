"""A member reports: recorded in a document of its own, then decided on, then acknowledged (behaviour R1, R5).

A report costs one round trip to write and one to look, however large the batch is: an instance remembers where members
stand in the index, and members that are silent: it looks at one of them again, and only once all of them have reported
it counts. Where it remembers neither, it looks first.
"""

from __future__ import annotations

from dataclasses import replace

from shared.app.batches.advance import Advanced, Ended, advance
from shared.app.batches.recording import Change, Seen, find_silent, keep, look_first, write_first
from shared.app.batches.says import tell_late
from shared.app.batches.silent import is_uncounted
from shared.app.batches.store import (
    outcomes_path,
)
from shared.app.context import Context
from shared.core.batches.arrival import MemberReport
from shared.core.batches.batch import Batch, BatchState, Outcome
from shared.core.message import Delivery

AT_ONCE = 32
WAITED_FOR = frozenset({BatchState.LOADING, BatchState.REQUESTING, BatchState.OPEN, BatchState.HELD})


def report(ctx: Context, delivery: Delivery, member_report: MemberReport) -> Advanced:
    """Take one report in; raise ``Malformed`` for one that is never counted, ``Unavailable`` if it must come again."""
    seen, change, outcome = write_first(ctx, delivery, member_report) or look_first(ctx, delivery, member_report)
    batch = seen.batch
    ctx.log(
        "batch.reported", batch_id=batch.id, member=member_report.member, outcome=member_report.outcome.value,
        change=change.value, message_id=delivery.message_id,
    )  # fmt: skip
    waits = batch.closing is None and batch.state in WAITED_FOR
    if waits and (seen.others or _another_is_silent(ctx, batch.id) or find_silent(ctx, batch)):
        return Advanced(Ended.WAITING, batch, "others are silent")
    advanced = advance(ctx, batch.id, late=outcome.late or change is Change.GROWN)
    _note_late(ctx, member_report, change, seen, outcome, advanced.batch)
    return advanced


def _another_is_silent(ctx: Context, batch_id: str) -> bool:
    """True if a member that is remembered as silent still is: looked at after the own outcome stands, so that of the
    last two who report at once one sees the other. Once the first has reported, more of them are looked at together."""
    remembered, at_once = ctx.memory.batches.get(batch_id), 1
    while remembered is not None and remembered.silent:
        asked = remembered.silent[-at_once:]
        documents = ctx.ports.store.get(*asked)
        still = tuple(path for path, document in zip(asked, documents, strict=True) if document is None)
        if len(still) < len(asked):
            remembered = replace(remembered, silent=(*remembered.silent[:-at_once], *still))
            keep(ctx, batch_id, remembered)
        if still:
            return True
        at_once = min(2 * at_once, AT_ONCE)
    return False


def _note_late(
    ctx: Context, member_report: MemberReport, change: Change, seen: Seen, outcome: Outcome, batch: Batch | None
) -> None:
    """Note an outcome that the closing lacks and that did not reopen the batch; a redelivery notes nothing new, but
    what somebody wrote who died before it could say so."""
    if batch is None or batch.closing is None or batch.generation != seen.batch.generation or change is Change.GROWN:
        return
    reopens = change is Change.BETTER and outcome.late
    if change is Change.NOTED or (not reopens and is_uncounted(ctx, batch, outcome)):
        late = ctx.ports.store.count(outcomes_path(batch.id), {"late": True})
        what = f"reported {member_report.outcome.value} after the batch was closed"
        tell_late(ctx, member_report.declared, batch, member_report.member, late, what)
