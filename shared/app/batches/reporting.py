"""A member reports: recorded in a document of its own, then decided on, then acknowledged (behaviour R1, R5).

A report costs one round trip to look and one to write, however large the batch is: that it is not complete an instance
knows by members that it remembers as silent: it looks at one of them again, and only once all of them have reported it
counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from shared.app.batches.advance import Advanced, Ended, advance
from shared.app.batches.says import tell_late
from shared.app.batches.store import (
    ATTEMPTS,
    batch_path,
    index_path,
    kept_data,
    load_page,
    outcome_path,
    outcomes_on,
    outcomes_path,
    page_of,
    read_batch,
    read_outcome,
)
from shared.app.context import Context, RememberedBatch
from shared.app.state.repository import Stored
from shared.core.batches.arrival import FOREIGN, MemberReport, is_started, named_by
from shared.core.batches.batch import Batch, BatchState, Outcome, minute_of
from shared.core.batches.decide import may_reopen
from shared.core.errors import Malformed, Unavailable
from shared.core.message import Delivery
from shared.core.policy.batches import MemberOutcome
from shared.core.wire.contents import MAX_NAME, clean

KNOWN_FOR = timedelta(minutes=30)
REMEMBERED = 50
AT_ONCE = 32
WAITED_FOR = frozenset({BatchState.LOADING, BatchState.REQUESTING, BatchState.OPEN, BatchState.HELD})
BETTER_THAN = frozenset({MemberOutcome.SKIPPED, MemberOutcome.FAILED})


class Change(StrEnum):
    """What a report changed."""

    NEW = "new"
    BETTER = "better"
    GROWN = "grown"
    NOTHING = "nothing"
    NOTED = "noted"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look at the store shows of a batch and a member of it."""

    batch: Batch
    page: int | None
    outcome: Stored[Outcome] | None


def report(ctx: Context, delivery: Delivery, said: MemberReport) -> Advanced:
    """Take one report in; raise ``Malformed`` for one that is never counted, ``Unavailable`` if it must come again."""
    seen = _look(ctx, delivery, said)
    batch = seen.batch
    if seen.page is None:
        reason = f"{said.member[:100]} is no member of {batch.id}"
        raise Malformed("unknown_member", reason, clean(said.member, MAX_NAME), batch.run.day)
    change, outcome = _record(ctx, delivery, said, seen)
    ctx.log(
        "batch.reported", batch_id=batch.id, member=said.member, outcome=said.outcome.value, change=change.value,
        message_id=delivery.message_id,
    )  # fmt: skip
    if batch.state in WAITED_FOR and _another_is_silent(ctx, batch.id):
        return Advanced(Ended.WAITING, batch, "others are silent")
    late = outcome is not None and outcome.late
    advanced = advance(ctx, batch.id, late=late or change is Change.GROWN)
    _note_late(ctx, said, change, seen, outcome, advanced.batch)
    _remember(ctx, advanced.batch)
    return advanced


def _look(ctx: Context, delivery: Delivery, said: MemberReport) -> Seen:
    """Read a batch, where the member stands in it and what is known of it, at once."""
    store, known = ctx.ports.store, ctx.memory.batches.get(said.batch_id)
    path, own = batch_path(said.batch_id), outcome_path(said.batch_id, said.member)
    for _ in range(ATTEMPTS):
        if known is None:
            stored = read_batch(store.get(path)[0])
            if stored is None or stored.value.pipeline != ctx.policy.pipeline:
                raise _without_batch(ctx, delivery, said)
            if stored.value.members is None:
                raise Unavailable("state", f"{said.batch_id} does not know its members yet")
            known = RememberedBatch(stored.value.load, stored.value.buckets)
            _keep(ctx, said.batch_id, known)
        index = index_path(said.batch_id, known.load, known.buckets, said.member)
        found, place, outcome = store.get(path, index, own)
        stored = read_batch(found)
        if stored is not None and (stored.value.load, stored.value.buckets) == (known.load, known.buckets):
            return Seen(stored.value, page_of(place, said.member), read_outcome(outcome))
        known = None
    raise Unavailable("state", f"{said.batch_id} changes all the time")


def _another_is_silent(ctx: Context, batch_id: str) -> bool:
    """True if a member that is remembered as silent still is: looked at after the own outcome stands, so that of the
    last two who report at once one sees the other. Once the first has reported, more of them are looked at together."""
    known, at_once = ctx.memory.batches.get(batch_id), 1
    while known is not None and known.silent:
        asked = known.silent[-at_once:]
        found = ctx.ports.store.get(*asked)
        still = tuple(path for path, document in zip(asked, found, strict=True) if document is None)
        if len(still) < len(asked):
            known = replace(known, silent=(*known.silent[:-at_once], *still))
            _keep(ctx, batch_id, known)
        if still:
            return True
        at_once = min(2 * at_once, AT_ONCE)
    return False


def _without_batch(ctx: Context, delivery: Delivery, said: MemberReport) -> Malformed | Unavailable:
    """Return why a report has no batch: one that may still come is waited for, any other is quarantined at once."""
    who = said.declared.reports_as
    named = named_by(said.batch_id, ctx.policy)
    if named is None:
        kind = "unknown_batch" if is_started(ctx.policy, said.declared) else FOREIGN
        return Malformed(kind, f"{said.batch_id[:200]} is no batch of {ctx.policy.pipeline}", who)
    if delivery.received_at - delivery.published_at < KNOWN_FOR:
        return Unavailable("state", f"{said.batch_id} is not recorded yet")
    minutes = int(KNOWN_FOR.total_seconds() // 60)
    return Malformed("unknown_batch", f"{said.batch_id} was not recorded within {minutes} minutes", who, named[0].day)


def _record(ctx: Context, delivery: Delivery, said: MemberReport, seen: Seen) -> tuple[Change, Outcome | None]:
    """Write the outcome into the member's document: created once, then changed only for a better one."""
    store, path, stored = ctx.ports.store, outcome_path(said.batch_id, said.member), seen.outcome
    for _ in range(ATTEMPTS):
        before = None if stored is None else stored.value
        change = _change(ctx, said, seen.batch, before)
        if change in (Change.NOTHING, Change.NOTED):
            return change, before
        after = _outcome(delivery, said, seen, before)
        data = kept_data(after, ctx.ports.clock.now())
        written = store.create(path, data) if stored is None else store.update(path, data, stored.version or "")
        if written is not None:
            return change, after
        stored = read_outcome(store.get(path)[0])
    raise Unavailable("state", f"{path} changes all the time")


def _change(ctx: Context, said: MemberReport, batch: Batch, before: Outcome | None) -> Change:
    """Return what a report is to what is known: done replaces skipped and failed until the closing, never back."""
    if before is None:
        return Change.NEW
    if said.outcome is not MemberOutcome.DONE:
        return Change.NOTHING
    reopens = batch.state is BatchState.PUBLISHED and may_reopen(
        batch, said.declared, ctx.policy, ctx.ports.clock.now()
    )
    if before.outcome in BETTER_THAN:
        if batch.closing is None or reopens:
            return Change.BETTER
        return Change.NOTED
    grown = said.count is not None and said.count > (before.count or 0)
    return Change.GROWN if reopens and grown else Change.NOTHING


def _outcome(delivery: Delivery, said: MemberReport, seen: Seen, before: Outcome | None) -> Outcome:
    at = delivery.received_at
    return Outcome(
        member=said.member,
        outcome=said.outcome,
        received_at=at,
        minute=minute_of(at),
        page=seen.page or 0,
        count=said.count,
        reason=said.reason,
        message_id=delivery.message_id,
        generation=seen.batch.generation,
        late=seen.batch.closing is not None or (before is not None and before.late),
    )


def _note_late(
    ctx: Context, said: MemberReport, change: Change, seen: Seen, outcome: Outcome | None, batch: Batch | None
) -> None:
    """Note an outcome that came after the closing and did not reopen the batch; a redelivery notes nothing new."""
    if batch is None or batch.closing is None or batch.generation != seen.batch.generation:
        return
    again = change is Change.NOTHING and outcome is not None and outcome.late and outcome.generation == batch.generation
    named = said.member in batch.closing.missing
    closed_before = seen.batch.closing is not None or named
    # Written by who died before it could say so: the redelivery changes nothing, and says it.
    unsaid = named and outcome is not None and not outcome.late and outcome.outcome is not MemberOutcome.FAILED
    if again or unsaid or (closed_before and change in (Change.NEW, Change.NOTED)):
        late = ctx.ports.store.count(outcomes_path(batch.id), {"late": True})
        what = f"reported {said.outcome.value} after the batch was closed"
        tell_late(ctx, said.declared, batch, said.member, late, what)


def _keep(ctx: Context, batch_id: str, known: RememberedBatch) -> None:
    memory = ctx.memory.batches
    while len(memory) >= REMEMBERED and batch_id not in memory:
        memory.pop(next(iter(memory)))
    memory[batch_id] = known


def _remember(ctx: Context, batch: Batch | None) -> None:
    """Find the silent members of one page of an open batch: while one of them is silent, nobody need count."""
    if batch is None or batch.state is not BatchState.OPEN or batch.members is None:
        return
    known = ctx.memory.batches.get(batch.id)
    last = batch.pages - 1 if known is None or known.page is None else known.page
    for number in range(last, -1, -1):
        members = load_page(ctx, batch, number).value.members
        if ctx.ports.store.count(outcomes_path(batch.id), {"page": number}) >= len(members):
            continue
        outcomes = outcomes_on(ctx, batch, number)
        silent = tuple(outcome_path(batch.id, member.key) for member in members if member.key not in outcomes)
        if silent:
            _keep(ctx, batch.id, RememberedBatch(batch.load, batch.buckets, silent, number))
            return
