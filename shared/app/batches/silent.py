"""Which members are missing, by name and in the order of members: as it is now, and as a closing found it.

A closing names the first of them, and lists all in a document for each page that lacks any. It is written before the
closing is: whoever sees a batch closed can tell whether an outcome was counted, whatever the clocks say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from shared.app.batches.store import (
    kept_data,
    load_page,
    missing_path,
    outcome_path,
    outcomes_on,
    read_outcome,
)
from shared.app.context import Context
from shared.app.state.compare_and_set import change_document
from shared.core.batches.batch import Batch, Missing, Outcome
from shared.core.batches.messages import NAMED
from shared.core.policy.batches import MemberOutcome
from shared.documents import from_data
from shared.ports import Document

AT_ONCE = 20
"""So many pages of missing members are read at once, each of a hundred at most."""


def missing_names(ctx: Context, batch: Batch, most: int = NAMED) -> tuple[str, ...]:
    """Return the first silent and failed members; those of the closing where it has begun."""
    if batch.closing is not None:
        return batch.closing.missing
    return tuple(islice(all_missing(ctx, batch), most))


def all_missing(ctx: Context, batch: Batch) -> Iterator[str]:
    """Yield every silent and failed member, page by page; where the closing has begun, those that were missing then."""
    if batch.closing is not None:
        for missing in _listed(ctx, batch):
            yield from missing.members
        return
    for number in range(batch.pages if batch.members else 0):
        outcomes = outcomes_on(ctx, batch, number)
        for member in load_page(ctx, batch, number).value.members:
            outcome = outcomes.get(member.key)
            if outcome is None or outcome.outcome is MemberOutcome.FAILED:
                yield member.key


def keep_missing(ctx: Context, batch: Batch, key: str, number: int, missing: Missing) -> None:
    """List who of a page is missing; the closing that is written afterwards names ``key``."""
    data = kept_data(missing, ctx.ports.clock.now())
    change_document(ctx.ports.store, missing_path(batch.id, key, number), lambda _: (data, None), [None])


def missing_on(ctx: Context, batch: Batch, number: int) -> Missing:
    """Return who of a page was missing at the closing, nobody where it has not begun."""
    closing = batch.closing
    if closing is None or not closing.missing_key:
        return Missing(() if closing is None else closing.missing)
    return _read(ctx.ports.store.get(missing_path(batch.id, closing.missing_key, number))[0])


def is_uncounted(ctx: Context, batch: Batch, outcome: Outcome) -> bool:
    """True if the batch is closed, and the closing fixed its numbers without this outcome."""
    return missing_on(ctx, batch, outcome.page).lacks(outcome)


def uncounted(ctx: Context, batch: Batch) -> Iterator[Outcome]:
    """Yield the outcomes that the closing lacks, written by who had not seen it begin.

    Whoever wrote one may have found the batch claimed, and said nothing: who publishes tells of it.
    """
    for missing in _listed(ctx, batch):
        paths = [outcome_path(batch.id, member) for member in missing.members]
        for document in ctx.ports.store.get(*paths):
            stored = read_outcome(document)
            if stored is not None and not stored.value.late and missing.lacks(stored.value):
                yield stored.value


def _listed(ctx: Context, batch: Batch) -> Iterator[Missing]:
    """Yield what the closing lists of each page that lacks any."""
    closing = batch.closing
    if closing is None or not closing.missing:
        return
    if not closing.missing_key:
        yield Missing(closing.missing)
        return
    for numbers in _chunks(range(batch.pages)):
        paths = [missing_path(batch.id, closing.missing_key, number) for number in numbers]
        yield from (_read(document) for document in ctx.ports.store.get(*paths) if document is not None)


def _chunks(numbers: range) -> Iterator[Sequence[int]]:
    return (numbers[first : first + AT_ONCE] for first in range(0, len(numbers), AT_ONCE))


def _read(document: Document | None) -> Missing:
    return Missing() if document is None else from_data(Missing, document.data)
