"""Writes of a batch that another write or a closing overtakes: whatever comes first, nothing is lost or untold."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.app.batches.store import Page, index_path, kept_data, load_page, outcome_path, page_path, save_page
from shared.app.context import Context
from shared.app.state.repository import Stored
from shared.core.batches.batch import Batch, BatchState, Outcome
from shared.core.policy.batches import MemberOutcome
from shared.documents import from_data
from tests.app.batch_kit import BatchKit
from tests.app.overtaken import overtaken
from tests.app.test_batch_recording import CLOSED, kept, late
from tests.core.build import NIGHT, T0


def instance_of(kit: BatchKit, members: int) -> Context:
    """Start a batch and return an instance that remembers it as open, with who is silent and one part of its index."""
    kit.start(members)
    ctx = kit.instance()
    kit.report("m001", ctx=ctx)
    assert ctx.memory.batches[kit.batch_id()].silent
    return ctx


def place_unknown(kit: BatchKit, ctx: Context, members: int) -> str:
    """Return a member whose part of the index the instance has not read: it looks before it writes."""
    memory = ctx.memory.batches[kit.batch_id()]
    names = (f"m{number:03d}" for number in range(2, members + 1))
    return next(n for n in names if index_path(kit.batch_id(), memory.load, memory.buckets, n) not in memory.places)


def change(kit: BatchKit, member: str, **what: Any) -> None:
    """Write another outcome over that of a member, as an instance does that looked at the batch before it closed."""
    path = outcome_path(kit.batch_id(), member)
    [document] = kit.store.inner.get(path)
    assert document is not None
    outcome = replace(from_data(Outcome, document.data), **what)
    assert kit.store.inner.update(path, kept_data(outcome, kit.clock.now()), document.version)


def test_who_loses_the_race_for_a_late_outcome_marks_what_the_other_wrote() -> None:
    """Failed is written first, then the batch is found closed; before it is marked late, done is written over it."""
    kit = BatchKit(CLOSED)
    ctx = instance_of(kit, 6)
    kit.minutes(10)
    own = outcome_path(kit.batch_id(), "m004")
    loser = overtaken(
        kit, ctx, "update", own, lambda: change(kit, "m004", outcome=MemberOutcome.DONE, message_id="other")
    )
    kit.report("m004", ctx=loser, outcome="failed")
    assert loser.ports.store.happened  # type: ignore[attr-defined]
    outcome = kept(kit, "m004")
    assert (outcome.outcome, outcome.message_id, outcome.late) == ("done", "other", True)
    assert any("m004 reported" in text for text in late(kit))


def test_an_outcome_of_a_later_generation_is_left_as_it_is() -> None:
    """Whoever wrote over it had seen the batch reopened: there it counts, and is not late."""
    kit = BatchKit(CLOSED)
    ctx = instance_of(kit, 6)
    kit.minutes(10)
    own = outcome_path(kit.batch_id(), "m004")
    loser = overtaken(kit, ctx, "update", own, lambda: change(kit, "m004", outcome=MemberOutcome.DONE, generation=2))
    kit.report("m004", ctx=loser, outcome="failed")
    outcome = kept(kit, "m004")
    assert (outcome.outcome, outcome.generation, outcome.late) == ("done", 2, False)


@pytest.mark.parametrize("member", ["m002", "m070"], ids=["named", "not named"])
def test_who_comes_just_after_the_end_is_told_of_however_many_are_missing(member: str) -> None:
    """69 of 70 are missing, 50 of them are named: five seconds after the end an instance that slept hears of one."""
    kit = BatchKit(CLOSED)
    ctx = instance_of(kit, 70)
    kit.minutes(10)
    closing = kit.batch().closing
    assert closing is not None
    assert (len(closing.missing), closing.missing_count) == (50, 69)
    kit.wait(timedelta(seconds=5))
    kit.report(member, ctx=ctx)
    kit.report(member, ctx=ctx)
    assert kept(kit, member).late
    assert [f"{member} reported done" in text for text in late(kit)] == [True]


@pytest.mark.parametrize("member", ["m002", "m070"], ids=["named", "not named"])
def test_who_writes_before_the_numbers_are_fixed_is_counted_and_not_told_of(member: str) -> None:
    """The closing comes between the write and the look: it has the outcome, and nobody hears of a late one."""
    kit = BatchKit(CLOSED)
    ctx = instance_of(kit, 70)
    slow = overtaken(kit, ctx, "get", f"batches/{kit.batch_id().replace('/', '~')}", lambda: kit.minutes(10))
    kit.report(member, ctx=slow)
    assert slow.ports.store.happened  # type: ignore[attr-defined]
    assert kit.batch().state is BatchState.PUBLISHED
    assert kit.batch().closing.done == 2  # type: ignore[union-attr]
    assert not kept(kit, member).late
    assert late(kit) == []


@pytest.mark.parametrize("member", ["m002", "m070"], ids=["named", "not named"])
def test_who_writes_while_the_numbers_are_fixed_is_told_of(member: str) -> None:
    """Its page has been read and the closing is not written: it sees an open batch, and who publishes tells of it."""
    kit = BatchKit(CLOSED)
    ctx = instance_of(kit, 70)
    page = page_path(kit.batch(), 0)
    closer = overtaken(kit, kit.instance(), "get", page, lambda: kit.report(member, ctx=ctx))
    kit.wait(timedelta(minutes=10))
    kit.message_of("batches", {"batch": "predictions", "batch_id": kit.batch_id()}, closer)
    assert closer.ports.store.happened  # type: ignore[attr-defined]
    assert kit.batch().state is BatchState.PUBLISHED
    assert kit.batch().closing.missing_count == 69  # type: ignore[union-attr]
    assert [f"{member} reported done" in text for text in late(kit)] == [True]


def test_a_closing_between_the_look_and_the_write_is_noticed() -> None:
    """An instance that does not know the place of a member looks first: what it then writes is late, and told of."""
    kit = BatchKit(CLOSED)
    ctx = instance_of(kit, 250)
    member = place_unknown(kit, ctx, 250)
    own = outcome_path(kit.batch_id(), member)
    slow = overtaken(kit, ctx, "create", own, lambda: kit.minutes(10))
    kit.report(member, ctx=slow)
    assert slow.ports.store.happened  # type: ignore[attr-defined]
    assert kept(kit, member).late
    assert [f"{member} reported done" in text for text in late(kit)] == [True]


def test_who_failed_and_was_counted_so_is_not_told_of_again() -> None:
    """A failed member is missing, and the closing knows it: the same again after the end says nothing; done does."""
    kit = BatchKit(CLOSED)
    ctx = instance_of(kit, 6)
    kit.report("m002", ctx=ctx, outcome="failed")
    kit.minutes(10)
    kit.report("m002", ctx=ctx, outcome="failed")
    assert late(kit) == []
    kit.report("m002", ctx=ctx)
    assert ["m002 reported done" in text for text in late(kit)] == [True]
    assert kept(kit, "m002").outcome == "failed"


@pytest.mark.parametrize("minutes", [-1, 1], ids=["before", "after"])
def test_of_two_who_asked_a_page_neither_sets_the_other_back(minutes: int) -> None:
    """A claim ran out while requests left, and another asked too: the later request stands, and the more repeats."""
    kit = BatchKit(CLOSED)
    kit.start(3)
    batch, ctx = kit.batch(), kit.instance()
    read = load_page(ctx, batch, 0)
    other = replace(read.value, requested_at=T0 + timedelta(minutes=5), attempts=2)
    save_page(ctx, batch, replace(read, value=other))
    at = T0 + timedelta(minutes=5 + minutes)
    save_page(ctx, batch, Stored(replace(read.value, requested_at=at, attempts=1), read.version))
    after: Page = load_page(ctx, batch, 0).value
    assert (after.requested_at, after.attempts) == (max(at, T0 + timedelta(minutes=5)), 2)


def test_what_lies_where_a_page_is_loaded_to_is_written_over() -> None:
    """What an attempt left there that nobody knows of decides nothing: the members are those of this start."""
    kit = BatchKit(CLOSED)
    stray = Batch(kit.batch_id(), "predictions", NIGHT, T0, load=1)
    kit.store.inner.create(page_path(stray, 0), kept_data(Page(0, ()), T0))
    kit.start(3)
    assert len(kit.requests()) == 3


def test_who_loses_the_claim_while_requests_leave_repeats_one_page_and_sets_nothing_back() -> None:
    """The first page has left and is not noted; meanwhile another instance takes over and asks everybody."""
    kit = BatchKit(CLOSED)

    def take_over() -> None:
        kit.wait(timedelta(minutes=3))
        kit.message_of("batches", {"batch": "predictions", "batch_id": kit.batch_id()})

    path = page_path(Batch(kit.batch_id(), "predictions", NIGHT, T0, load=1), 0)
    slow = overtaken(kit, kit.instance(), "update", path, take_over)
    names = [f"m{number:03d}" for number in range(1, 251)]
    start = {"batch": "predictions", "trigger_id": kit.batch_id(), "players": names}
    kit.message_of("batches", start, slow)
    assert slow.ports.store.happened  # type: ignore[attr-defined]
    times = Counter(str(request.body["player_lookup"]) for request in kit.requests())
    assert [times[name] for name in names] == [2] * 100 + [1] * 150
    assert load_page(kit.instance(), kit.batch(), 0).value.requested_at == T0 + timedelta(minutes=3)
    assert (kit.batch().state, kit.batch().cursor) == (BatchState.OPEN, 3)


def test_an_instance_that_begins_notices_a_closing_between_its_look_and_its_write() -> None:
    """It knows nobody who is silent: once it has found somebody it looks at the batch again."""
    kit = BatchKit(CLOSED)
    kit.start(250)
    own = outcome_path(kit.batch_id(), "m002")
    slow = overtaken(kit, kit.instance(), "create", own, lambda: kit.minutes(10))
    kit.report("m002", ctx=slow)
    assert slow.ports.store.happened  # type: ignore[attr-defined]
    assert kept(kit, "m002").late
    assert ["m002 reported done" in text for text in late(kit)] == [True]
