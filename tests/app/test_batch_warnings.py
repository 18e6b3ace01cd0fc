"""What people are warned of before a batch ends, and that they hear of its end: stalled, failing, too few."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.batches.batch import BatchState
from shared.core.model import Lane, RunKey
from shared.core.policy.batches import BatchAlerts, BatchPolicy
from shared.ports import Response
from tests.app.batch_kit import BATCH, BatchKit
from tests.app.test_batch_faults import STEPPED
from tests.core.build import NIGHT

ALERTS = replace(BATCH, alerts=BatchAlerts(failed_percent=20, fewer_than_percent=50))
FOREVER = replace(BATCH, close=replace(BATCH.close, deadline=None))


def opened(declared: BatchPolicy, members: int) -> BatchKit:
    """Return a kit whose run is open, as it is before a transition starts a batch, and the batch started."""
    kit = BatchKit(declared).ordinary()
    assert isinstance(kit, BatchKit)
    kit.sweep()
    kit.start(members)
    return kit


def test_a_batch_that_stalls_is_told_and_its_end_too() -> None:
    """After idleness and all repeats one warning names the silent; one report, and its end is told too."""
    kit = opened(FOREVER, 60)
    kit.reports(1, 3)
    kit.minutes(14)
    assert kit.notices("batch_stalled") == []
    kit.minutes(3)
    [stalled] = kit.notices("batch_stalled")
    assert (stalled.severity, stalled.resolved) == ("warning", False)
    assert "3 of 60 members have an outcome" in stalled.text
    assert "m004" in stalled.text
    assert "m053 and 7 more" in stalled.text
    kit.reports(4, 4)
    kit.minutes(4)
    assert [notice.resolved for notice in kit.notices("batch_stalled")] == [False, True]
    kit.minutes(20)
    assert len(kit.notices("batch_stalled")) == 3, "silent again for as long: told again"


def test_a_batch_that_closes_stalls_no_more() -> None:
    """The deadline ends a stalled batch, and the warning with it."""
    kit = opened(BATCH, 3)
    kit.minutes(34)
    assert [notice.resolved for notice in kit.notices("batch_stalled")] == [False, True]
    assert len(kit.ends()) == 1


def test_a_batch_that_is_closed_by_idleness_does_not_stall_at_that_moment() -> None:
    """Without repeats both come at once: the sweep closes it and warns of nothing; it does where nobody closes it."""
    declared = replace(BATCH, retry=None, close=replace(BATCH.close, deadline=None))
    kit = opened(declared, 20)
    kit.reports(1, 19)
    kit.minutes(12)
    assert len(kit.ends()) == 1
    assert kit.notices("batch_stalled") == []
    alone = opened(declared, 20)
    alone.reports(1, 19)
    for _ in range(22):  # the function of batches takes nothing
        alone.wait(timedelta(minutes=1))
        alone.sweep()
    assert [notice.resolved for notice in alone.notices("batch_stalled")] == [False]


def test_a_close_step_that_fails_again_and_again_stalls() -> None:
    """Ten minutes without a proof: the warning names the step and what it answered."""
    kit = opened(STEPPED, 1)
    kit.services.answers["prediction_coordinator"] = Response(500, "merge failed")
    kit.report("m001")
    kit.minutes(9)
    assert kit.notices("batch_stalled") == []
    kit.minutes(3)
    [stalled] = kit.notices("batch_stalled")
    assert kit.batch().state is BatchState.CLOSING
    assert "/consolidate is not proven" in stalled.text
    assert "merge failed" in stalled.text


def test_requests_that_cannot_leave_stall() -> None:
    """Where the bus takes nothing for ten minutes, the warning says how many pages have left."""
    kit = BatchKit(FOREVER).ordinary()
    assert isinstance(kit, BatchKit)
    kit.sweep()
    kit.fail("bus")
    with pytest.raises(Exception, match="bus"):
        kit.start(3)
    kit.minutes(12)
    [stalled] = kit.notices("batch_stalled")
    assert "0 of 1 pages of requests have left" in stalled.text


@pytest.mark.parametrize(("failed", "count"), [(2, 0), (3, 1)])
def test_failed_members_over_the_share_are_told_once(failed: int, count: int) -> None:
    """Three of ten are over 20 percent, two are not: told while the batch is open, and not again at its end."""
    kit = opened(ALERTS, 10)
    kit.reports(1, failed, outcome="failed", error_message="no features")
    kit.minutes(1)
    assert len(kit.notices("batch_failing")) == count
    kit.reports(failed + 1, 10)
    kit.minutes(5)
    notices = kit.notices("batch_failing")
    assert [(notice.severity, notice.resolved) for notice in notices] == [("warning", False)] * count
    assert len(kit.ends()) == 1


def test_failed_members_are_told_at_the_end_where_no_sweep_saw_them() -> None:
    """All report within a second: the end says it."""
    kit = opened(ALERTS, 4)
    kit.reports(1, 4, outcome="failed")
    [notice] = kit.notices("batch_failing")
    assert "4 of 4 members failed, 100 percent" in notice.text


def of_day(days: int, lane: Lane = Lane.LIVE) -> RunKey:
    return replace(NIGHT, day=NIGHT.day - timedelta(days=days), lane=lane)


@pytest.mark.parametrize(
    ("members", "declared", "lane", "severities"),
    [
        (49, ALERTS, Lane.LIVE, ["warning"]),
        (50, ALERTS, Lane.LIVE, []),
        (0, ALERTS, Lane.LIVE, ["warning"]),
        (49, ALERTS, Lane.BACKFILL, ["info"]),
        (49, BATCH, Lane.LIVE, []),
    ],
    ids=["fewer", "as many", "none", "backfill", "not asked for"],
)
def test_fewer_members_than_usual(members: int, declared: BatchPolicy, lane: Lane, severities: list[str]) -> None:
    """Against the median of the nights before (90, 150, 100), as soon as they are loaded, once, and by number."""
    kit = BatchKit(declared)
    for days, number in ((3, 90), (2, 150), (1, 100)):
        kit.start(number, key=of_day(days))
    assert kit.notices("batch_few") == []
    for _ in range(2):
        kit.start(members, key=of_day(0, lane))
    assert [notice.severity for notice in kit.notices("batch_few")] == severities
    for notice in kit.notices("batch_few"):
        assert f"{members} members; the median of 3 nights before is 100" in notice.text


def test_all_missing_can_be_read() -> None:
    """60 of 61 are missing at the deadline: 50 are named, the count is, and the command that is named lists them all,
    also once some of them have reported late."""
    kit = BatchKit()
    kit.start(61)
    kit.report("m001")
    kit.minutes(31)
    [end], [closed] = kit.ends(), kit.notices("batch_closed")
    assert (len(end.body["missing"]), end.body["missing_count"]) == (50, 60)
    command = end.body["missing_at"]
    assert closed.text.endswith(f"see all 60: {command}")
    assert "m051 and 10 more" in closed.text
    kit.report("m061")
    status, printed = kit.orch(*shlex.split(command)[1:])
    assert status == 0
    assert [line for line in printed.splitlines() if line.startswith("m")] == [f"m{n:03d}" for n in range(2, 62)]
    status, printed = kit.orch(*shlex.split(command)[1:], "--json")
    assert json.loads(printed)["items"][-1] == "m061"


def test_all_missing_of_many_pages_can_be_read() -> None:
    """70 members on 24 pages, two of them done: 68 are listed in the order of members, as they were at the closing."""
    kit = BatchKit(replace(BATCH, request=replace(BATCH.request, per_second=0.1)))
    kit.start(70)
    kit.minutes(15)
    kit.report("m003")
    kit.report("m066", outcome="failed")
    kit.report("m070")
    kit.minutes(16)
    kit.report("m002")
    assert kit.batch().pages == 24
    status, printed = kit.orch(*shlex.split(kit.ends()[0].body["missing_at"])[1:])
    assert status == 0
    listed = [line for line in printed.splitlines() if line.startswith("m")]
    assert listed == [f"m{n:03d}" for n in range(1, 71) if n not in (3, 70)]


def test_a_batch_that_names_all_names_no_command() -> None:
    """Where the names are complete the alert says who to look at, and not where the rest is."""
    kit = BatchKit()
    kit.start(3)
    kit.minutes(31)
    [closed] = kit.notices("batch_closed")
    assert "--missing" not in closed.text
    assert "bin/orch batch show" in closed.text
