"""Loading: who is in a batch is read once, written page by page, and fixed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shared.app.batches.claim import Worker
from shared.app.batches.says import tell_held
from shared.app.batches.store import Member, Page, batch_path, kept_data, member_hash
from shared.app.batches.warnings import tell_few
from shared.app.context import Context
from shared.app.state.compare_and_set import change_document
from shared.app.state.repository import Stored
from shared.core.batches.batch import Batch, BatchState, HeldFor
from shared.core.batches.roll import PAGE, Listed, NotMembers, members_of, page_size, pages_of
from shared.core.errors import OutOfTime, Unavailable
from shared.core.policy.batches import BatchPolicy, Query


def load(worker: Worker, declared: BatchPolicy, listed: Sequence[Any] | None) -> None:
    """Read the members and fix their number; what can be read later raises ``Unavailable``, the rest is held.

    ``listed`` are those of the start message: where it should have them and this call has not, the message brings them
    when it is delivered again.
    """
    ctx = worker.ctx
    if declared.members.sql is None and listed is None:
        raise Unavailable("bus", f"the members of {worker.batch.id} come with its start message, which comes again")
    try:
        members = members_of(declared, _rows(worker, declared, listed or ()))
    except Unavailable as away:
        _failed(worker, str(away))
        raise
    except NotMembers as wrong:
        _hold(worker, declared, str(wrong))
        return
    attempt = worker.batch.load + 1
    worker.mark(lambda batch: replace(batch, load=attempt, load_failed_at=None, load_error=""))
    pages = list(pages_of(members, page_size(declared.request.per_second)))
    buckets = max(1, -(-len(members) // PAGE))
    _write(worker, attempt, pages, buckets)
    tell_few(ctx, declared, worker.batch, len(members))  # before the number is fixed: a crash in between says it again
    worker.mark(lambda batch: _loaded(batch, len(members), len(pages), buckets))
    ctx.log("batch.loaded", batch_id=worker.batch.id, members=len(members), pages=len(pages))


def _rows(worker: Worker, declared: BatchPolicy, listed: Sequence[Any]) -> Sequence[Any]:
    return listed if declared.members.sql is None else _query(worker.ctx, declared.members.sql, worker.batch)


def _query(ctx: Context, query: Query, batch: Batch) -> list[dict[str, Any]]:
    run = batch.run
    try:
        return ctx.ports.warehouse.query(query.text, {"date": run.day, "mode": run.mode, "lane": run.lane.value})
    except OutOfTime as error:
        raise Unavailable("warehouse", str(error)) from error


def _failed(worker: Worker, why: str) -> None:
    now = worker.ctx.ports.clock.now()
    worker.mark(
        lambda batch: replace(batch, load_failures=batch.load_failures + 1, load_error=why[:500], load_failed_at=now)
    )


def _hold(worker: Worker, declared: BatchPolicy, why: str) -> None:
    now = worker.ctx.ports.clock.now()
    text = f"its members cannot be loaded: {why}"
    worker.mark(
        lambda batch: replace(batch, state=BatchState.HELD, held_for=HeldFor.MEMBERS, held_at=now, held_text=text)
    )
    tell_held(worker.ctx, declared, worker.batch, ())


def _loaded(batch: Batch, members: int, pages: int, buckets: int) -> Batch:
    held = batch.state is BatchState.HELD and batch.held_for is HeldFor.DEADLINE
    state = batch.state if held else BatchState.LOADING if members == 0 else BatchState.REQUESTING
    return replace(batch, members=members, pages=pages, buckets=buckets, cursor=0, state=state)


def _write(worker: Worker, attempt: int, pages: Sequence[Sequence[Listed]], buckets: int) -> None:
    """Write pages and index under the number of this attempt: one that was given up leaves nothing in the way. The
    worker keeps the pages for asking them next, so that they need not be read."""
    ctx, root = worker.ctx, batch_path(worker.batch.id)
    hashes: list[list[str]] = [[] for _ in range(buckets)]
    places: list[list[int]] = [[] for _ in range(buckets)]
    worker.pages.clear()
    for number, listed in enumerate(pages):
        page = Page(number, tuple(Member(member.key, text=json.dumps(member.columns)) for member in listed))
        path, data = f"{root}/batch_pages/{attempt}.{number}", kept_data(page, ctx.ports.clock.now())
        version = ctx.ports.store.create(path, data)
        if version is None:
            _put(ctx, path, data)
        else:
            worker.pages[number] = Stored(page, version)
        for member in listed:
            digest = member_hash(member.key)
            bucket = int(digest[:8], 16) % buckets
            hashes[bucket].append(digest)
            places[bucket].append(number)
        if worker.out_of_time():
            worker.mark(lambda batch: batch)  # the claim goes on with the work
    for bucket in range(buckets):
        index = {"hashes": hashes[bucket], "pages": places[bucket]}
        path, data = f"{root}/batch_index/{attempt}.{bucket}", kept_data(index, ctx.ports.clock.now())
        if ctx.ports.store.create(path, data) is None:
            _put(ctx, path, data)


def _put(ctx: Context, path: str, data: dict[str, Any]) -> None:
    """Write over what lies there."""
    change_document(ctx.ports.store, path, lambda _: (data, None))
