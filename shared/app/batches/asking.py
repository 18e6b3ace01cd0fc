"""Asking members: a page at a time, at the policy's pace, from a cursor that a crash moves back by one page at most."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from shared.app.batches.claim import Worker
from shared.app.batches.store import Member, Page, load_page, outcomes_on, outcomes_path, save_page
from shared.app.state.repository import Stored
from shared.core.batches.batch import Batch, BatchState
from shared.core.batches.messages import (
    completion_attributes,
    request_attributes,
    request_body,
    started_body,
)
from shared.core.policy.batches import BatchPolicy, MemberOutcome
from shared.ports import Message


def ask(worker: Worker, declared: BatchPolicy, number: int) -> None:
    """Publish the requests of one page, and wait for its share of the pace where more pages follow."""
    if not worker.batch.announced:
        _announce(worker, declared)
    began = worker.ctx.ports.clock.now()
    page = worker.pages.pop(number, None) or load_page(worker.ctx, worker.batch, number)
    if page.value.requested_at is None:
        _publish(worker, declared, page.value.members, attempt=1)
        save_page(worker.ctx, worker.batch, replace(page, value=replace(page.value, requested_at=began)))
    worker.mark(lambda batch: _after_page(batch, declared, number, began))
    if worker.batch.cursor < worker.batch.pages:
        _wait_for_pace(worker, declared, len(page.value.members), began)


def _announce(worker: Worker, declared: BatchPolicy) -> None:
    """Say that the phase has begun, as the processor that the batch reports as."""
    ctx = worker.ctx
    body = started_body(ctx.policy, declared, worker.batch, ctx.ports.clock.now())
    ctx.ports.bus.publish(declared.publish, [Message(body, completion_attributes(worker.batch))])
    worker.mark(lambda batch: replace(batch, announced=True))


def _after_page(batch: Batch, declared: BatchPolicy, number: int, at: datetime) -> Batch:
    moved = replace(batch, cursor=number + 1, requested_at=at)
    if number == 0 and declared.retry is not None and declared.retry.attempts > 0:
        moved = replace(moved, retry_at=at + declared.retry.after)
    if moved.cursor < moved.pages:
        return moved
    state = BatchState.OPEN if moved.state is BatchState.REQUESTING else moved.state
    return replace(moved, state=state, opened_at=at)


def ask_again(worker: Worker, declared: BatchPolicy, *, by_person: bool) -> bool:
    """Publish the requests of silent members once more, under the same ids; of failed ones too for a person.

    Returns False where time ran out: the next call goes on at the pages that were not asked yet.
    """
    batch, due = worker.batch, []
    for number in range(batch.pages):
        page = load_page(worker.ctx, batch, number)
        waits = _waits(worker, page.value)
        silent = _whom(worker, declared, page.value, by_person=by_person) if waits or by_person else []
        if silent:
            if worker.out_of_time():
                return False
            page = _repeat(worker, declared, page, silent, by_person=by_person)
        if waits and declared.retry is not None and page.value.attempts < declared.retry.attempts:
            assert page.value.requested_at is not None
            due.append(page.value.requested_at + declared.retry.after)
    asked_at = batch.ask_at
    retry_at = min(due, default=None)
    worker.mark(
        lambda now: replace(now, retry_at=retry_at, ask_at=None if by_person and now.ask_at == asked_at else now.ask_at)
    )
    return True


def _repeat(
    worker: Worker, declared: BatchPolicy, page: Stored[Page], members: list[Member], *, by_person: bool
) -> Stored[Page]:
    began = worker.ctx.ports.clock.now()
    attempts = page.value.attempts + (0 if by_person else 1)
    _publish(worker, declared, members, attempt=attempts + 1)
    changed = replace(page.value, requested_at=began, attempts=attempts)
    save_page(worker.ctx, worker.batch, replace(page, value=changed))
    worker.mark(lambda batch: batch)
    _wait_for_pace(worker, declared, len(members), began)
    return Stored(changed)


def _whom(worker: Worker, declared: BatchPolicy, page: Page, *, by_person: bool) -> list[Member]:
    """Return the members of a page that are to be asked once more now."""
    batch, at, clock = worker.batch, page.requested_at, worker.ctx.ports.clock
    if by_person:
        if at is not None and batch.ask_at is not None and at >= batch.ask_at:
            return []  # asked already, before a crash
    elif declared.retry is None or at is None or page.attempts >= declared.retry.attempts:
        return []
    if not by_person and at is not None and declared.retry is not None and clock.now() < at + declared.retry.after:
        return []
    outcomes = outcomes_on(worker.ctx, batch, page.number)
    settled = {
        name for name, outcome in outcomes.items() if not (by_person and outcome.outcome is MemberOutcome.FAILED)
    }
    return [member for member in page.members if member.key not in settled]


def _waits(worker: Worker, page: Page) -> bool:
    """True while a member of the page is silent: only then are its outcomes read, and the page is looked at again."""
    outcomes = worker.ctx.ports.store.count(outcomes_path(worker.batch.id), {"page": page.number})
    return outcomes < len(page.members)


def _publish(worker: Worker, declared: BatchPolicy, members: Iterable[Member], attempt: int) -> None:
    batch = worker.batch
    messages = [
        Message(
            request_body(declared, batch, member.key, member.values), request_attributes(batch, member.key, attempt)
        )
        for member in members
    ]
    worker.ctx.ports.bus.publish(declared.request.topic, messages)


def _wait_for_pace(worker: Worker, declared: BatchPolicy, sent: int, began: datetime) -> None:
    clock = worker.ctx.ports.clock
    left = timedelta(seconds=sent / declared.request.per_second) - (clock.now() - began)
    if left > timedelta(0):
        clock.sleep(left)
