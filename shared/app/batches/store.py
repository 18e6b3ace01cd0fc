"""Where batches stand in the state store: one document a batch, one a page of members, one an outcome.

    batches/{id}                          the batch; its id is the trigger id of its start
    batches/{id}/batch_pages/{load}.{n}   up to a hundred members in their order, and when they were asked
    batches/{id}/batch_index/{load}.{n}   which page a member is on, by the hash of its name
    batches/{id}/batch_outcomes/{hash}    what became of a member: created once, and changed only for a better outcome
    batches/{id}/batch_missing/{key}.{n}  who of a page was missing when a closing fixed its numbers

No document is shared by reports, none grows without bound, and how many have which outcome is counted by the store.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from shared.app.context import Context
from shared.app.state.compare_and_set import change_document, write_version
from shared.app.state.repository import Stored
from shared.app.state.upkeep import touch_upkeep
from shared.core.batches.batch import Batch, BatchState, Counts, Outcome, minute_of
from shared.core.calendar import KEPT
from shared.core.errors import Unavailable
from shared.core.model import RunKey
from shared.core.policy.batches import MemberOutcome
from shared.documents import document_id, from_data, to_data
from shared.ports import Document, StateStore

COLLECTION = "batches"
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,400}", re.ASCII)
HASH_DIGITS = 32
ATTEMPTS = 20
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Member:
    """One member as it was loaded: its name, and the columns that requests speak of as one JSON text, which no store
    looks into; ``columns`` are those of a page that an older version wrote."""

    key: str
    columns: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    @property
    def values(self) -> Mapping[str, Any]:
        values: Mapping[str, Any] = json.loads(self.text) if self.text else self.columns
        return values


@dataclass(frozen=True, slots=True)
class Page:
    """Members that are asked together. ``attempts`` counts their repeats, ``requested_at`` is the last request."""

    number: int
    members: tuple[Member, ...]
    requested_at: datetime | None = None
    attempts: int = 0


def batch_path(batch_id: str) -> str:
    """Return where a batch stands; an id that no store takes as it is goes by its hash."""
    if PLAIN.fullmatch(batch_id):
        return f"{COLLECTION}/{document_id(batch_id)}"
    return f"{COLLECTION}/sha256:{hashlib.sha256(batch_id.encode('utf-8', 'replace')).hexdigest()}"


def member_hash(member: str) -> str:
    return hashlib.sha256(member.encode("utf-8", "replace")).hexdigest()[:HASH_DIGITS]


def outcomes_path(batch_id: str) -> str:
    return f"{batch_path(batch_id)}/batch_outcomes"


def outcome_path(batch_id: str, member: str) -> str:
    return f"{outcomes_path(batch_id)}/{member_hash(member)}"


def page_path(batch: Batch, number: int) -> str:
    return f"{batch_path(batch.id)}/batch_pages/{batch.load}.{number}"


def missing_path(batch_id: str, key: str, number: int) -> str:
    """Return where those of a page are listed that were missing at a closing; each attempt to close has a key."""
    return f"{batch_path(batch_id)}/batch_missing/{key}.{number}"


def index_path(batch_id: str, load: int, buckets: int, member: str) -> str:
    """Return the part of the index that a member stands in, if it is one."""
    bucket = int(member_hash(member)[:8], 16) % max(buckets, 1)
    return f"{batch_path(batch_id)}/batch_index/{load}.{bucket}"


def batch_data(batch: Batch, now: datetime) -> dict[str, Any]:
    return {**to_data(batch), "active": batch.state is not BatchState.PUBLISHED, "expires_at": now + KEPT}


def kept_data(value: object, now: datetime) -> dict[str, Any]:
    """Return a part of a batch as stored, with the TTL field of its own."""
    return {**to_data(value), "expires_at": now + KEPT}


def read_batch(document: Document | None) -> Stored[Batch] | None:
    return None if document is None else Stored(from_data(Batch, document.data), document.version)


def load_batch(store: StateStore, batch_id: str) -> Stored[Batch] | None:
    return read_batch(store.get(batch_path(batch_id))[0])


def save_batch(ctx: Context, stored: Stored[Batch]) -> Stored[Batch] | None:
    """Write a batch; None if somebody else did since it was read."""
    batch = stored.value
    path, data = batch_path(batch.id), batch_data(batch, ctx.ports.clock.now())
    if stored.version is None:
        touch_upkeep(ctx)  # from now on each sweep looks at it
    written = write_version(ctx.ports.store, path, data, stored.version)
    return None if written is None else Stored(batch, written)


def active_batches(ctx: Context) -> tuple[list[Stored[Batch]], dict[str, ValueError]]:
    """Return the batches of the pipeline that are not published, oldest first; and why a document cannot be read."""
    batches: list[Stored[Batch]] = []
    unread: dict[str, ValueError] = {}
    for document in ctx.ports.store.query(COLLECTION, {"active": True, "pipeline": ctx.policy.pipeline}):
        try:
            batches.append(Stored(from_data(Batch, document.data), document.version))
        except ValueError as error:
            unread[document.path] = error
    return sorted(batches, key=lambda stored: stored.value.started_at), unread


def batches_of_run(ctx: Context, name: str, run: RunKey) -> list[Stored[Batch]]:
    """Return the batches of one name and run, the newest first."""
    documents = ctx.ports.store.query(COLLECTION, {"pipeline": run.pipeline, "name": name})
    batches = [Stored(from_data(Batch, document.data), document.version) for document in documents]
    return sorted((batch for batch in batches if batch.value.run == run), key=_age, reverse=True)


def batches_of_name(ctx: Context, name: str) -> list[Batch]:
    """Return the batches of one name that are kept; one that cannot be read is none of them."""
    documents = ctx.ports.store.query(COLLECTION, {"pipeline": ctx.policy.pipeline, "name": name})
    batches = []
    for document in documents:
        try:
            batches.append(from_data(Batch, document.data))
        except ValueError as error:
            ctx.log("batch.unreadable", severity="WARNING", path=document.path, error=str(error))
    return batches


def all_batches(ctx: Context) -> list[Batch]:
    """Return every batch of the pipeline that is kept, the newest first."""
    documents = ctx.ports.store.query(COLLECTION, {"pipeline": ctx.policy.pipeline})
    return sorted((from_data(Batch, document.data) for document in documents), key=_started, reverse=True)


def _age(stored: Stored[Batch]) -> tuple[datetime, int]:
    return stored.value.started_at, stored.value.generation


def _started(batch: Batch) -> datetime:
    return batch.started_at


def read_page(document: Document | None, path: str) -> Stored[Page]:
    """Return a page that must be there; raise ``Unavailable`` where it is not."""
    if document is None:
        raise Unavailable("state", f"{path} is not there")
    return Stored(from_data(Page, document.data), document.version)


def load_page(ctx: Context, batch: Batch, number: int) -> Stored[Page]:
    path = page_path(batch, number)
    return read_page(ctx.ports.store.get(path)[0], path)


def save_page(ctx: Context, batch: Batch, page: Stored[Page]) -> None:
    """Write when a page was asked. Of two who did, because a claim ran out, neither sets back what the other wrote: the
    later request stands, and the higher number of repeats."""
    store, path, asked = ctx.ports.store, page_path(batch, page.value.number), page.value
    now = ctx.ports.clock.now()
    if store.update(path, kept_data(asked, now), page.version or "") is not None:
        return

    def later(document: Document | None) -> tuple[Mapping[str, Any] | None, None]:
        other = read_page(document, path).value
        moments = [at for at in (asked.requested_at, other.requested_at) if at is not None]
        both = replace(other, requested_at=max(moments), attempts=max(asked.attempts, other.attempts))
        return (None if both == other else kept_data(both, now)), None

    change_document(store, path, later)


def places_of(document: Document | None) -> dict[str, int]:
    """Return the pages of the members in a part of the index, by hash; of a part that is not there nobody's."""
    if document is None:
        return {}
    return dict(zip(document.data.get("hashes", ()), document.data.get("pages", ()), strict=False))


def read_outcome(document: Document | None) -> Stored[Outcome] | None:
    return None if document is None else Stored(from_data(Outcome, document.data), document.version)


def outcomes_on(ctx: Context, batch: Batch, page: int) -> dict[str, Outcome]:
    """Return the outcomes of one page's members by name."""
    documents = ctx.ports.store.query(outcomes_path(batch.id), {"page": page})
    outcomes = (from_data(Outcome, document.data) for document in documents)
    return {outcome.member: outcome for outcome in outcomes}


def counted(ctx: Context, batch: Batch) -> Counts:
    """Count outcomes by aggregation: no member is read."""
    if batch.members is None or not batch.members:
        return Counts()
    store, path = ctx.ports.store, outcomes_path(batch.id)
    by_word = {word: store.count(path, {"outcome": word.value}) for word in MemberOutcome}
    return Counts(by_word[MemberOutcome.DONE], by_word[MemberOutcome.SKIPPED], by_word[MemberOutcome.FAILED])


def with_last(ctx: Context, batch: Batch, counts: Counts, since: datetime, now: datetime) -> Counts:
    """Return the counts with when the last new outcome came, where that is not before ``since``.

    Minutes are asked from the newest on. Of the minute that ``since`` lies in the exact moment decides, of a later one
    only that there is one: it is told by its beginning.
    """
    store, path, oldest = ctx.ports.store, outcomes_path(batch.id), minute_of(since)
    for minute in range(minute_of(now), oldest - 1, -1):
        if minute > oldest:
            if store.count(path, {"minute": minute}):
                return replace(counts, last_at=max(since, datetime.fromtimestamp(minute * 60, since.tzinfo)))
            continue
        outcomes = [from_data(Outcome, document.data) for document in store.query(path, {"minute": minute})]
        return replace(counts, last_at=max((outcome.received_at for outcome in outcomes), default=None))
    return counts


def all_outcomes(ctx: Context, batch: Batch, pages: Iterable[int] | None = None) -> Iterable[Outcome]:
    """Yield the outcomes page by page, so that no answer grows with the batch."""
    for page in range(batch.pages) if pages is None else pages:
        yield from outcomes_on(ctx, batch, page).values()
