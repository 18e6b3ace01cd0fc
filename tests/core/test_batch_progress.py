"""When a batch stalls, and which shares of failed or missing members people hear of: each limit to the number."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.core.batches.batch import Batch, BatchState, Cause, Closing, Counts, HeldFor, StepState
from shared.core.batches.progress import fails_too_often, is_few, stalled_for, usual_size
from shared.core.model import Lane
from shared.core.policy.batches import BatchAlerts, BatchPolicy, Close
from tests.core.test_batch_decide import DECLARED, MINUTE, OPEN, START

SECOND = timedelta(seconds=1)
ALERTS = replace(DECLARED, alerts=BatchAlerts(failed_percent=20, fewer_than_percent=50))
NO_RETRY = replace(DECLARED, retry=None)
CLOSING = replace(OPEN, state=BatchState.CLOSING, closing=Closing(Cause.COMPLETE, START + 20 * MINUTE, 1, done=20))


def later(minutes: float) -> datetime:
    return START + minutes * MINUTE


@pytest.mark.parametrize(
    ("batch", "counts", "declared", "since", "quiet"),
    [
        pytest.param(OPEN, Counts(), DECLARED, 0, 15, id="open: three times five minutes of repeats"),
        pytest.param(OPEN, Counts(3, last_at=later(4)), DECLARED, 4, 15, id="open: from the last new outcome on"),
        pytest.param(OPEN, Counts(), NO_RETRY, 0, 10, id="open without repeats: its idleness"),
        pytest.param(OPEN, Counts(), replace(NO_RETRY, close=Close()), 0, 10, id="open without either: ten minutes"),
        pytest.param(replace(OPEN, opened_at=later(40)), Counts(), DECLARED, 40, 15, id="reopened: from then on"),
        pytest.param(
            replace(OPEN, state=BatchState.LOADING, members=None, opened_at=None, load_failed_at=later(9)),
            Counts(), DECLARED, 0, 10, id="loading: an attempt that failed is no progress",
        ),
        pytest.param(
            replace(OPEN, state=BatchState.REQUESTING, opened_at=None, requested_at=later(3)),
            Counts(), DECLARED, 3, 10, id="requesting: from the last page on",
        ),
        pytest.param(CLOSING, Counts(), DECLARED, 20, 10, id="closing: from its begin on"),
        pytest.param(
            replace(CLOSING, steps=(StepState(later(25), "200"), StepState(later(29)))), Counts(), DECLARED, 25, 10,
            id="closing: from the last proven step on",
        ),
    ],
)  # fmt: skip
def test_when_a_batch_stalls(batch: Batch, counts: Counts, declared: BatchPolicy, since: float, quiet: float) -> None:
    """From exactly so long after the last progress on; never while it waits for a person, or is published."""
    limit = later(since + quiet)
    assert stalled_for(batch, declared, counts, limit) == quiet * MINUTE
    assert stalled_for(batch, declared, counts, limit - SECOND) is None
    for state, held in ((BatchState.HELD, HeldFor.DEADLINE), (BatchState.PUBLISHED, None)):
        resting = replace(batch, state=state, held_for=held)
        assert stalled_for(resting, declared, counts, limit + 300 * MINUTE) is None


@pytest.mark.parametrize(
    ("failed", "members", "warned"),
    [(20, 100, False), (21, 100, True), (1, 5, False), (2, 5, True), (0, 0, False), (3, None, False)],
)
def test_a_share_of_failed_members(failed: int, members: int | None, warned: bool) -> None:
    """More than 20 percent of all members; of nobody it is never, and never where the policy does not ask."""
    assert fails_too_often(ALERTS, failed, members) is warned
    assert not fails_too_often(DECLARED, failed, members)


@pytest.mark.parametrize(("members", "few"), [(149, True), (150, False), (151, False), (0, True)])
def test_a_share_of_the_usual_members(members: int, few: bool) -> None:
    """Fewer than half of 300; never where the policy does not ask."""
    assert is_few(ALERTS, members, 300) is few
    assert not is_few(DECLARED, members, 300)


def night(days: int, members: int | None, **run: object) -> Batch:
    """Return a batch of so many days before ours."""
    key = replace(OPEN.run, day=OPEN.run.day - timedelta(days=days), **run)  # type: ignore[arg-type]
    return replace(OPEN, run=key, members=members, started_at=START - timedelta(days=days))


def test_what_is_usual() -> None:
    """The median of the last 14 nights of this batch and mode in the live lane: each night once, as last started."""
    assert usual_size(OPEN, []) is None
    assert usual_size(OPEN, [night(1, 100), night(2, 300), night(3, 200)]) == (200, 3)
    assert usual_size(OPEN, [night(1, 100), night(2, 300)]) == (200, 2)
    fortnight = [night(days, 100) for days in range(1, 15)]
    assert usual_size(OPEN, [*fortnight, *(night(days, 900) for days in range(15, 50))]) == (100, 14)
    others = [
        night(1, 900, mode="overnight"), night(2, 900, lane=Lane.BACKFILL), night(3, None), night(4, 0),
        night(-1, 900), night(0, 900), replace(night(5, 900), name="another"),
    ]  # fmt: skip
    assert usual_size(OPEN, [*others, night(6, 100)]) == (100, 1)
    again = replace(night(6, 40), started_at=night(6, 1).started_at + timedelta(hours=1))
    assert usual_size(OPEN, [again, night(6, 100)]) == (40, 1)
