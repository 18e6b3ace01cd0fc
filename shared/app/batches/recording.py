"""An outcome is written into the document of its member: created once, then changed only for a better one.

Of a batch that is remembered as open it is written first, and then the batch is looked at; of any other the batch, the
place of the member in its index and what is known of it are looked at first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from shared.app.batches.silent import missing_on
from shared.app.batches.store import (
    ATTEMPTS,
    batch_path,
    index_path,
    kept_data,
    load_page,
    member_hash,
    outcome_path,
    places_of,
    read_batch,
    read_outcome,
)
from shared.app.context import Context, RememberedBatch
from shared.app.state.compare_and_set import change_document
from shared.app.state.repository import Stored
from shared.core.batches.arrival import FOREIGN, MemberReport, is_started, named_by
from shared.core.batches.batch import Batch, BatchState, Outcome, minute_of
from shared.core.batches.decide import may_reopen
from shared.core.errors import Malformed, Unavailable
from shared.core.message import Delivery
from shared.core.policy.batches import MemberOutcome
from shared.core.wire.contents import MAX_NAME, clean
from shared.ports import Document

KNOWN_FOR = timedelta(minutes=30)
REMEMBERED = 50
LOOKED_AT = 5
"""Pages that are looked at for one report, for members that are silent."""
MOST_PLACES = 100
"""Parts of an index that an instance remembers of one batch, each of about a hundred members."""
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
    """What one look at the store shows of a batch and a member of it. ``others`` is true if another member was silent
    when the own outcome stood."""

    batch: Batch
    page: int | None
    outcome: Stored[Outcome] | None
    others: bool = False


Recorded = tuple[Seen, Change, Outcome]


def look_first(ctx: Context, delivery: Delivery, report: MemberReport) -> Recorded:
    """Look where the member stands, then write its outcome; raise ``Malformed`` for one of another batch."""
    seen = _look(ctx, delivery, report)
    if seen.page is None:
        reason = f"{report.member[:100]} is no member of {seen.batch.id}"
        raise Malformed("unknown_member", reason, clean(report.member, MAX_NAME), seen.batch.run.day)
    change, outcome = _record(ctx, delivery, report, seen)
    remembered = ctx.memory.batches.get(report.batch_id)
    if (remembered is None or not remembered.silent) and find_silent(ctx, seen.batch):
        remembered = ctx.memory.batches.get(report.batch_id)
    if change in (Change.NOTHING, Change.NOTED) or remembered is None or not remembered.silent:
        return seen, change, outcome
    after = _look_after(ctx, report, remembered)
    batch = seen.batch if after.batch is None else after.batch
    return replace(seen, batch=batch, others=after.others), change, _as_of(ctx, batch, outcome)


def write_first(ctx: Context, delivery: Delivery, report: MemberReport) -> Recorded | None:
    """Write the outcome of a member of a batch that is remembered as open, then look what became of the batch.

    Returns None where too little is remembered, or the batch is another one by now: then it is looked at first.
    """
    remembered = ctx.memory.batches.get(report.batch_id)
    if remembered is None or not remembered.silent or remembered.name != report.declared.name:
        return None
    place = index_path(report.batch_id, remembered.load, remembered.buckets, report.member)
    page = remembered.places.get(place, {}).get(member_hash(report.member))
    if page is None:
        return None
    own, outcome = outcome_path(report.batch_id, report.member), _outcome(delivery, report, page, remembered.generation)
    version = ctx.ports.store.create(own, kept_data(outcome, ctx.ports.clock.now()))
    after = _look_after(ctx, report, remembered, () if version is not None else (own,))
    batch = after.batch
    if batch is None or (batch.load, batch.buckets) != (remembered.load, remembered.buckets):
        return None
    if version is None:
        seen = Seen(batch, page, read_outcome(after.own), after.others)
        return seen, *_record(ctx, delivery, report, seen)
    return Seen(batch, page, Stored(outcome, version), after.others), Change.NEW, _as_of(ctx, batch, outcome)


@dataclass(frozen=True, slots=True)
class _After:
    """What a look after a write shows: the batch, what was asked for besides, and if another member is silent."""

    batch: Batch | None
    own: Document | None
    others: bool


def _look_after(ctx: Context, report: MemberReport, remembered: RememberedBatch, also: tuple[str, ...] = ()) -> _After:
    """Look at the batch and at one who is remembered as silent, at once. Of the last two who report one sees the other,
    and whoever wrote while a closing began sees it, or is seen by who publishes."""
    own = outcome_path(report.batch_id, report.member)
    others = tuple(path for path in remembered.silent if path != own) if own in remembered.silent else remembered.silent
    document, *more = ctx.ports.store.get(batch_path(report.batch_id), *also, *others[-1:])
    stored, silent = read_batch(document), more[len(also) :]
    is_silent = bool(silent) and silent[0] is None
    if others != remembered.silent or not is_silent:
        keep(ctx, report.batch_id, replace(remembered, silent=others if is_silent else others[:-1]))
    return _After(None if stored is None else stored.value, more[0] if also else None, is_silent)


def _as_of(ctx: Context, batch: Batch, outcome: Outcome) -> Outcome:
    """Return an outcome as of the batch as it is found after the write: late where the closing lacks it, and of the
    generation that it came to. Whoever wrote a better one of the member meanwhile is marked likewise."""
    missing = missing_on(ctx, batch, outcome.page)
    if batch.generation == outcome.generation and (outcome.late or not missing.lacks(outcome)):
        return outcome
    now = ctx.ports.clock.now()

    def marked(document: Document | None) -> tuple[Mapping[str, Any] | None, Outcome]:
        stored = read_outcome(document)
        if stored is not None and stored.value.generation > batch.generation:
            return None, stored.value
        current = outcome if stored is None else stored.value
        after = replace(current, generation=batch.generation, late=missing.lacks(current))
        return kept_data(after, now), after

    return change_document(ctx.ports.store, outcome_path(batch.id, outcome.member), marked)


def _look(ctx: Context, delivery: Delivery, report: MemberReport) -> Seen:
    """Read a batch, where the member stands in it and what is known of it, at once."""
    store, remembered = ctx.ports.store, ctx.memory.batches.get(report.batch_id)
    path, own = batch_path(report.batch_id), outcome_path(report.batch_id, report.member)
    for _ in range(ATTEMPTS):
        if remembered is None:
            stored = read_batch(store.get(path)[0])
            if stored is None or stored.value.pipeline != ctx.policy.pipeline:
                raise _without_batch(ctx, delivery, report)
            if stored.value.name != report.declared.name:
                raise _of_another(ctx, report, stored.value)
            if stored.value.members is None:
                raise _without_members(delivery, report, stored.value)
            remembered = RememberedBatch(stored.value.load, stored.value.buckets, name=stored.value.name)
            keep(ctx, report.batch_id, remembered)
        index = index_path(report.batch_id, remembered.load, remembered.buckets, report.member)
        document, place, outcome = store.get(path, index, own)
        stored = read_batch(document)
        if stored is not None and (stored.value.load, stored.value.buckets) == (remembered.load, remembered.buckets):
            if stored.value.name != report.declared.name:
                raise _of_another(ctx, report, stored.value)
            places = places_of(place)
            if places and len(remembered.places) < MOST_PLACES:
                remembered.places[index] = places
            return Seen(stored.value, places.get(member_hash(report.member)), read_outcome(outcome))
        remembered = None
    raise Unavailable("state", f"{report.batch_id} changes all the time")


def _without_batch(ctx: Context, delivery: Delivery, report: MemberReport) -> Malformed | Unavailable:
    """Return why a report has no batch: one that may still come is waited for, any other is quarantined at once."""
    who = report.declared.reports_as
    named = named_by(report.batch_id, ctx.policy)
    if named is None:
        kind = "unknown_batch" if is_started(ctx.policy, report.declared) else FOREIGN
        return Malformed(kind, f"{report.batch_id[:200]} is no batch of {ctx.policy.pipeline}", who)
    if delivery.received_at - delivery.published_at < KNOWN_FOR:
        return Unavailable("state", f"{report.batch_id} is not recorded yet")
    minutes = int(KNOWN_FOR.total_seconds() // 60)
    return Malformed("unknown_batch", f"{report.batch_id} was not recorded within {minutes} minutes", who, named[0].day)


def _of_another(ctx: Context, report: MemberReport, batch: Batch) -> Malformed:
    """Return that a report came on the topic of another batch: its words and counts mean something else there."""
    declared = ctx.policy.batches.get(batch.name)
    where = "" if declared is None else f", whose reports come on {declared.reports.topic}"
    reason = f"{batch.id[:200]} is a batch of {batch.name}{where}"
    return Malformed("unknown_batch", reason, report.declared.reports_as, batch.run.day)


def _without_members(delivery: Delivery, report: MemberReport, batch: Batch) -> Malformed | Unavailable:
    """Return why a report has no member: they may still be loaded, but not once the batch has ended, or for long."""
    if batch.closing is None and delivery.received_at - delivery.published_at < KNOWN_FOR:
        return Unavailable("state", f"{batch.id} does not know its members yet")
    reason = f"{batch.id[:200]} has asked nobody: its members are not known"
    return Malformed("unknown_member", reason, clean(report.member, MAX_NAME), batch.run.day)


def _record(ctx: Context, delivery: Delivery, report: MemberReport, seen: Seen) -> tuple[Change, Outcome]:
    """Write the outcome into the member's document: created once, then changed only for a better one."""
    store, path, stored = ctx.ports.store, outcome_path(report.batch_id, report.member), seen.outcome
    for _ in range(ATTEMPTS):
        before = None if stored is None else stored.value
        change = _change(ctx, report, seen.batch, before)
        if before is not None and change in (Change.NOTHING, Change.NOTED):
            return change, before
        late = seen.batch.closing is not None or (before is not None and before.late)
        after = _outcome(delivery, report, seen.page or 0, seen.batch.generation, late=late)
        data = kept_data(after, ctx.ports.clock.now())
        written = store.create(path, data) if stored is None else store.update(path, data, stored.version or "")
        if written is not None:
            return change, after
        stored = read_outcome(store.get(path)[0])
    raise Unavailable("state", f"{path} changes all the time")


def _change(ctx: Context, report: MemberReport, batch: Batch, before: Outcome | None) -> Change:
    """Return what a report is to what is known: done replaces skipped and failed until the closing, never back."""
    if before is None:
        return Change.NEW
    if report.outcome is not MemberOutcome.DONE:
        return Change.NOTHING
    reopens = batch.state is BatchState.PUBLISHED and may_reopen(
        batch, report.declared, ctx.policy, ctx.ports.clock.now()
    )
    if before.outcome in BETTER_THAN:
        if batch.closing is None or reopens:
            return Change.BETTER
        return Change.NOTED
    grown = report.count is not None and report.count > (before.count or 0)
    return Change.GROWN if reopens and grown else Change.NOTHING


def _outcome(delivery: Delivery, report: MemberReport, page: int, generation: int, *, late: bool = False) -> Outcome:
    at = delivery.received_at
    return Outcome(
        member=report.member,
        outcome=report.outcome,
        received_at=at,
        minute=minute_of(at),
        page=page,
        count=report.count,
        reason=report.reason,
        message_id=delivery.message_id,
        generation=generation,
        late=late,
    )


def keep(ctx: Context, batch_id: str, remembered: RememberedBatch) -> None:
    """Remember a batch, and forget the oldest one where too many are remembered."""
    memory = ctx.memory.batches
    while len(memory) >= REMEMBERED and batch_id not in memory:
        memory.pop(next(iter(memory)))
    memory[batch_id] = remembered


def find_silent(ctx: Context, batch: Batch) -> bool:
    """Find the silent members of one page of an open batch, the last pages first, and remember them: while one of them
    is silent nobody need count. False where a few pages have none; the next call goes on behind them.

    The outcomes of a page are read by their names: a count or a query goes through those of the whole batch in a store
    that has no index of them, and instances that begin at once would each make several.
    """
    if batch.state is not BatchState.OPEN or batch.members is None:
        return False
    before = ctx.memory.batches.get(batch.id)
    last = batch.pages - 1 if before is None or before.page is None else before.page
    places = {} if before is None or before.load != batch.load else before.places
    for number in range(last, max(last - LOOKED_AT, -1), -1):
        members = load_page(ctx, batch, number).value.members
        paths = [outcome_path(batch.id, member.key) for member in members]
        documents = ctx.ports.store.get(*paths) if paths else []
        silent = tuple(path for path, document in zip(paths, documents, strict=True) if document is None)
        remembered = RememberedBatch(
            batch.load, batch.buckets, silent, number - 1, batch.generation, places, batch.name
        )
        keep(ctx, batch.id, remembered)
        if silent:
            return True
    return False
