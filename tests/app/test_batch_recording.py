"""A report of a batch that is remembered as open is written before the batch is looked at: what that may meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest

from shared.app.batches.receive import phase_word
from shared.app.batches.store import outcome_path
from shared.app.context import Context
from shared.core.batches.batch import BatchState, Outcome
from shared.core.errors import Unavailable
from shared.core.policy.batches import BatchDeadline, BatchRefresh, BatchThen, Close, CloseStep, Members, Query
from shared.core.policy.transitions import HttpCall
from shared.documents import from_data
from shared.ports import Response, StateStore
from tests.app.batch_kit import BATCH, BatchKit

MEMBERS = 6
SHORT = Close(True, None, BatchDeadline(timedelta(minutes=10), BatchThen.PUBLISH_PARTIAL))
CLOSED = replace(BATCH, retry=None, close=SHORT)


def warm(kit: BatchKit) -> Context:
    """Start the batch and return an instance that remembers it as open, with who is silent."""
    kit.start(MEMBERS)
    ctx = kit.instance()
    kit.report("m001", ctx=ctx)
    assert ctx.memory.batches[kit.batch_id()].silent
    return ctx


def kept(kit: BatchKit, member: str) -> Outcome:
    [document] = kit.store.inner.get(outcome_path(kit.batch_id(), member))
    assert document is not None
    return from_data(Outcome, document.data)


def late(kit: BatchKit) -> list[str]:
    return [str(alert.data["text"]) for alert in kit.store.inner.query("alerts", {"kind": "batch_late"})]


def trips(kit: BatchKit, member: str, ctx: Context, **body: object) -> int:
    kit.store.operations.clear()
    kit.report(member, ctx=ctx, **body)
    return kit.store.operations["trips"]


def test_a_report_takes_two_round_trips() -> None:
    """One to write, one to look; the same again, which is not written, no more; a better outcome one more."""
    kit = BatchKit(CLOSED)
    ctx = warm(kit)
    assert trips(kit, "m002", ctx) == 2
    assert trips(kit, "m002", ctx) == 2
    assert trips(kit, "m003", ctx, outcome="failed", error_message="no model") == 2
    assert trips(kit, "m003", ctx, count=4) == 3
    assert (kept(kit, "m003").outcome, kept(kit, "m003").count) == ("done", 4)


def test_the_last_of_them_completes_the_batch() -> None:
    """Whoever was remembered as silent reports too, from two instances in turn: complete at once, without a sweep."""
    kit = BatchKit(CLOSED)
    instances = [warm(kit), kit.instance()]
    for number in range(MEMBERS, 1, -1):
        kit.report(f"m{number:03d}", ctx=instances[number % 2])
    assert kit.batch().state is BatchState.PUBLISHED
    [end] = kit.ends()
    assert end.body["status"] == "success"


def test_who_is_no_member_is_quarantined_all_the_same() -> None:
    """Nothing is written for somebody whom the index does not know."""
    kit = BatchKit(CLOSED)
    ctx = warm(kit)
    assert kit.report("nobody", ctx=ctx).what == "quarantined"
    assert kit.store.inner.get(outcome_path(kit.batch_id(), "nobody")) == [None]


@pytest.mark.parametrize("after", [timedelta(minutes=20), timedelta(seconds=5)], ids=["long after", "just after"])
def test_who_comes_after_the_end_is_told_of_once(after: timedelta) -> None:
    """To an instance that has slept since: kept, noted, published by nobody; the same again says nothing more."""
    kit = BatchKit(CLOSED)
    ctx = warm(kit)
    kit.minutes(10)
    assert kit.batch().state is BatchState.PUBLISHED
    kit.wait(after)
    kit.report("m004", ctx=ctx)
    kit.report("m004", ctx=ctx)
    assert kept(kit, "m004").late
    assert ["m004 reported done" in text for text in late(kit)] == [True]
    assert len(kit.ends()) == 1


def test_who_comes_late_reopens_by_policy_all_the_same() -> None:
    """Each makes a generation of its own, for the deadline has passed; each is kept as of the one it came to."""
    kit = BatchKit(replace(CLOSED, refresh=BatchRefresh(time(23, 50), 2, 10)))
    ctx = warm(kit)
    kit.minutes(10)
    kit.wait(timedelta(minutes=20))
    kit.report("m004", ctx=ctx)
    assert (kit.batch().generation, kit.batch().state) == (2, BatchState.PUBLISHED)
    kit.report("m005", ctx=ctx)
    assert kept(kit, "m005").generation == 2
    assert [end.body["generation"] for end in kit.ends()] == [1, 2, 3]
    assert late(kit) == []


def test_who_comes_to_a_reopened_batch_is_of_its_generation() -> None:
    """An instance that slept since the first generation: the outcome counts in the second, and is not late."""
    kit = BatchKit(replace(BATCH, retry=None, refresh=BatchRefresh(time(23, 50), 2, 10)))
    ctx = warm(kit)
    kit.minutes(31)
    kit.report("m004")
    assert (kit.batch().generation, kit.batch().state) == (2, BatchState.OPEN)
    kit.report("m005", ctx=ctx)
    assert (kept(kit, "m005").generation, kept(kit, "m005").late) == (2, False)


def test_who_comes_while_a_refused_close_waits_is_told_of() -> None:
    """The batch is held with its numbers fixed, and others are silent: what comes is late, and said at once."""
    step = CloseStep(HttpCall("prediction_coordinator", "/consolidate"))
    kit = BatchKit(replace(CLOSED, on_close=(step,)))
    kit.services.answers["prediction_coordinator"] = Response(422, "{}")
    remembering, new = warm(kit), kit.instance()
    kit.minutes(10)
    kit.wait(timedelta(minutes=20))
    assert kit.batch().state is BatchState.HELD
    kit.report("m003", ctx=remembering)
    kit.report("m004", ctx=new)
    assert [any(f"m00{number} reported" in text for text in late(kit)) for number in (3, 4)] == [True, True]


@pytest.mark.parametrize("remembers", [True, False], ids=["remembers", "is new"])
def test_a_report_on_the_topic_of_another_batch_is_quarantined(remembers: bool) -> None:
    """Its words and counts are those of the other: nothing is written, and the reason names the topic to use."""
    other = replace(BATCH, name="parcels", reports=replace(BATCH.reports, topic="parcel-ready"))
    kit = BatchKit(CLOSED)
    policy = replace(kit.policy, batches={"predictions": CLOSED, "parcels": other})
    kit.start(MEMBERS)
    ctx = kit.instance(policy=policy)
    if remembers:
        kit.report("m001", ctx=ctx)
    taken = kit.message_of(phase_word(other), {"player_lookup": "m002", "batch_id": kit.batch_id()}, ctx)
    assert taken.what == "quarantined"
    assert f"reports come on {CLOSED.reports.topic}" in taken.reason
    assert kit.store.inner.get(outcome_path(kit.batch_id(), "m002")) == [None]


def test_a_report_of_a_batch_that_ended_without_members_is_quarantined() -> None:
    """The query of its members never answered until the deadline: nobody was asked, and nobody waits for a report."""
    kit = BatchKit(replace(CLOSED, members=Members("player_lookup", Query("batches/players.sql", "select 1"))))
    kit.fail("warehouse")
    with pytest.raises(Unavailable):
        kit.start(0)
    with pytest.raises(Unavailable, match="does not know its members yet"):
        kit.report("m001")
    kit.minutes(11)
    assert kit.batch().state is BatchState.PUBLISHED
    try:
        what = kit.report("m001").what
    except Unavailable as error:
        what = str(error)
    assert what == "quarantined"


class Watched:
    """A store that keeps what was counted."""

    def __init__(self, inner: StateStore) -> None:
        self.inner, self.counted = inner, list[Mapping[str, Any]]()

    def count(self, collection: str, where: Mapping[str, Any] | None = None) -> int:
        self.counted.append(where or {})
        return self.inner.count(collection, where)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def test_a_new_instance_counts_nothing_while_others_are_silent() -> None:
    """A count of all outcomes takes as long as there are many, and every instance that begins would make three."""
    kit = BatchKit(CLOSED)
    kit.start(250)
    kit.report("m001")
    store = Watched(kit.ports.store)
    for member in ("m002", "m002", "m003"):
        kit.report(member, ctx=kit.with_ports(store=store))
    assert store.counted == []


def test_pages_of_whom_all_have_reported_are_passed_a_few_at_a_time() -> None:
    """On nine of ten pages nobody is silent: an instance finds the first by and by, and completes the batch."""
    kit = BatchKit(replace(CLOSED, close=Close(), request=replace(BATCH.request, per_second=0.1)))
    kit.start(30)
    kit.minutes(6)
    assert (kit.batch().state, kit.batch().pages) == (BatchState.OPEN, 10)
    kit.reports(4, 30)
    ctx = kit.instance()
    for number, ends in ((1, 0), (2, 0), (3, 1)):
        kit.report(f"m00{number}", ctx=ctx)
        assert len(kit.ends()) == ends


def test_an_instance_that_has_heard_a_page_out_looks_at_the_next() -> None:
    """All of the last page have reported to it, others are silent: it looks at the page before, and counts nothing."""
    kit = BatchKit(replace(CLOSED, request=replace(BATCH.request, per_second=0.1)))
    kit.start(6)
    kit.minutes(2)
    store = Watched(kit.ports.store)
    ctx = kit.with_ports(store=store)
    for number in (1, 4, 5, 6, 2):
        kit.report(f"m00{number}", ctx=ctx)
    assert (kit.batch().state, kit.batch().pages) == (BatchState.OPEN, 2)
    assert store.counted == []
