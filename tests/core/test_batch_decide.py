"""What is done about a batch, at each of its limits: states, close rules, retries, steps, late outcomes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.batches.batch import Batch, BatchState, Cause, Closing, Counts, HeldFor, StepState
from shared.core.batches.decide import Clock, decide_batch
from shared.core.batches.decision import (
    Ask,
    AskAgain,
    BatchDecision,
    BeginClose,
    DoStep,
    Hold,
    Load,
    Publish,
    Reopen,
    Resume,
    Wait,
)
from shared.core.policy.batches import (
    BatchDeadline,
    BatchPolicy,
    BatchRefresh,
    BatchThen,
    Close,
    CloseStep,
    Idle,
    Members,
    Query,
    Reports,
    Request,
    Retry,
)
from tests.core.build import POLICY, SAME_DAY

MINUTE = timedelta(minutes=1)
# 10:00 in New York on the day of the run
START = datetime(2026, 1, 21, 15, 0, tzinfo=UTC)
STEP = CloseStep(sql=Query("batches/merge.sql"))
DECLARED = BatchPolicy(
    name="predictions",
    phase="phase5",
    reports_as="prediction_coordinator",
    members=Members("player_lookup", Query("batches/players.sql")),
    request=Request("ask"),
    reports=Reports("told", "player_lookup", "batch_id", "count"),
    publish="nba-phase5-predictions-complete",
    close=Close(True, Idle(10 * MINUTE, 95), BatchDeadline(30 * MINUTE, BatchThen.PUBLISH_PARTIAL)),
    retry=Retry(5 * MINUTE, 2),
    on_close=(STEP, STEP),
)
HOLDING = replace(DECLARED, close=replace(DECLARED.close, deadline=BatchDeadline(30 * MINUTE, BatchThen.HOLD)))
OPEN = Batch(
    id=SAME_DAY.trigger_id("phase4_to_phase5", 1),
    name="predictions",
    run=SAME_DAY,
    started_at=START,
    state=BatchState.OPEN,
    members=20,
    pages=1,
    cursor=1,
    opened_at=START,
)


def decided(batch: Batch, counts: Counts, *, after: timedelta, by: BatchPolicy = DECLARED) -> BatchDecision:
    """Return what is decided so long after the start."""
    return decide_batch(batch, by, POLICY, counts, Clock(START + after, "v1"))


def closing(cause: Cause = Cause.COMPLETE, **more: Any) -> Batch:
    """Return the batch once its closing has begun with 18 of 20, one of them failed."""
    numbers = Closing(cause, START, 1, done=17, failed=1, silent=2, records=100, missing_count=3)
    return replace(OPEN, state=BatchState.CLOSING, closing=numbers, **more)


def test_a_batch_is_loaded_then_asked_page_by_page() -> None:
    """Before its members are known they are read; then the page at the cursor is asked."""
    new = replace(OPEN, state=BatchState.LOADING, members=None, pages=0, cursor=0)
    assert decided(new, Counts(), after=MINUTE) == Load()
    asking = replace(OPEN, state=BatchState.REQUESTING, members=250, pages=3, cursor=2)
    assert decided(asking, Counts(), after=MINUTE) == Ask(2)


def test_nobody_is_nothing_to_do() -> None:
    """A batch without members is closed as nothing to do, and no step is made."""
    nobody = replace(OPEN, state=BatchState.LOADING, members=0, pages=0, cursor=0)
    assert decided(nobody, Counts(), after=MINUTE) == BeginClose(Cause.NOTHING_TO_DO)
    assert decided(closing(Cause.NOTHING_TO_DO), Counts(), after=MINUTE) == Publish()


@pytest.mark.parametrize(
    ("counts", "complete"),
    [(Counts(done=20), True), (Counts(17, 2, 1), True), (Counts(done=19), False), (Counts(18, 1, 0), False)],
)
def test_every_outcome_completes(counts: Counts, complete: bool) -> None:
    """Done, skipped and failed end the waiting alike; one silent member does not let it end."""
    assert (decided(OPEN, counts, after=MINUTE) == BeginClose(Cause.COMPLETE)) is complete


@pytest.mark.parametrize(
    ("done", "silent_for", "closed"),
    [
        (19, 10 * MINUTE, True),
        (19, 10 * MINUTE - timedelta(seconds=1), False),
        (18, 29 * MINUTE, False),
        (19, 20 * MINUTE, True),
    ],
)
def test_idle_at_both_of_its_limits(done: int, silent_for: timedelta, closed: bool) -> None:
    """95 percent and ten minutes are enough, a second or a member less is not."""
    last = START + 29 * MINUTE - silent_for
    decision = decided(OPEN, Counts(done=done, last_at=last), after=29 * MINUTE)
    assert (decision == BeginClose(Cause.IDLE)) is closed


def test_idleness_ends_no_batch_that_still_asks() -> None:
    """While requests leave, silence is nobody's fault."""
    asking = replace(OPEN, state=BatchState.REQUESTING, cursor=0)
    assert decided(asking, Counts(done=19), after=20 * MINUTE) == Ask(0)


@pytest.mark.parametrize("state", [BatchState.LOADING, BatchState.REQUESTING, BatchState.OPEN])
def test_the_deadline_ends_each_state(state: BatchState) -> None:
    """From its second on the deadline closes a batch, whatever is missing, also while it loads or asks."""
    batch = replace(OPEN, state=state, members=None if state is BatchState.LOADING else 20, cursor=0)
    assert decided(batch, Counts(), after=30 * MINUTE) == BeginClose(Cause.DEADLINE)
    assert decided(batch, Counts(), after=30 * MINUTE - timedelta(seconds=1)) != BeginClose(Cause.DEADLINE)


def test_a_deadline_that_holds_tells_once_and_waits() -> None:
    """It holds; held it waits; the missing completes it; a later deadline lets it go on; a person closes it."""
    assert decided(OPEN, Counts(done=19), after=30 * MINUTE, by=HOLDING) == Hold(HeldFor.DEADLINE)
    held = replace(OPEN, state=BatchState.HELD, held_for=HeldFor.DEADLINE)
    assert isinstance(decided(held, Counts(done=19), after=31 * MINUTE, by=HOLDING), Wait)
    assert decided(held, Counts(done=20), after=31 * MINUTE, by=HOLDING) == BeginClose(Cause.COMPLETE)
    assert decided(held, Counts(done=19), after=29 * MINUTE, by=HOLDING) == Resume()
    asked = replace(held, close_asked=True)
    assert decided(asked, Counts(done=19), after=31 * MINUTE, by=HOLDING) == BeginClose(Cause.OPERATOR)


def test_silent_members_are_asked_again_when_due() -> None:
    """From the moment on that the oldest request is due, and for a person at once, also those of a held batch."""
    due = replace(OPEN, retry_at=START + 5 * MINUTE)
    assert decided(due, Counts(done=3), after=5 * MINUTE) == AskAgain()
    assert isinstance(decided(due, Counts(done=3), after=5 * MINUTE - timedelta(seconds=1)), Wait)
    asked = replace(OPEN, ask_at=START)
    assert decided(asked, Counts(done=3), after=MINUTE) == AskAgain(by_person=True)
    held = replace(asked, state=BatchState.HELD, held_for=HeldFor.DEADLINE)
    assert decided(held, Counts(done=3), after=31 * MINUTE, by=HOLDING) == AskAgain(by_person=True)


def test_steps_are_proven_in_order_before_the_end_is_said() -> None:
    """The second step waits for the proof of the first, the publication for both."""
    proven = StepState(begun_at=START, proof="answered 200")
    assert decided(closing(), Counts(), after=MINUTE) == DoStep(0)
    assert decided(closing(steps=(proven,)), Counts(), after=MINUTE) == DoStep(1)
    assert decided(closing(steps=(proven, proven)), Counts(), after=MINUTE) == Publish()


@pytest.mark.parametrize(("failures", "minutes"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 15), (9, 15)])
def test_a_step_that_failed_waits_longer_each_time(failures: int, minutes: int) -> None:
    """It is tried again after 1, 2, 4, 8 and then every 15 minutes, to the second."""
    failed = StepState(begun_at=START, failed_at=START, failures=failures, error="500")
    assert decided(closing(steps=(failed,)), Counts(), after=minutes * MINUTE) == DoStep(0)
    early = decided(closing(steps=(failed,)), Counts(), after=minutes * MINUTE - timedelta(seconds=1))
    assert early == Wait("500; tried again", START + minutes * MINUTE)


def test_an_outcome_nobody_knows_is_asked_for_first() -> None:
    """A step that was begun and never ended is unknown, also where an earlier attempt had failed (D11)."""
    begun = StepState(begun_at=START)
    assert decided(closing(steps=(begun,)), Counts(), after=MINUTE) == DoStep(0, unknown=True)
    again = StepState(begun_at=START + MINUTE, failed_at=START, failures=1)
    assert decided(closing(steps=(again,)), Counts(), after=MINUTE) == DoStep(0, unknown=True)


def test_a_refused_step_holds_until_a_deploy() -> None:
    """A refusal is held and not tried again, until another version runs."""
    refused = StepState(begun_at=START, failed_at=START, refused="400", refused_by="v1")
    assert decided(closing(steps=(refused,)), Counts(), after=MINUTE) == Hold(HeldFor.REFUSED)
    held = replace(closing(steps=(refused,)), state=BatchState.HELD, held_for=HeldFor.REFUSED)
    assert isinstance(decided(held, Counts(), after=60 * MINUTE), Wait)
    deployed = replace(held, steps=(replace(refused, refused_by="v0"),))
    assert decided(deployed, Counts(), after=60 * MINUTE) == Resume()


REFRESHING = replace(DECLARED, refresh=BatchRefresh(time(16), 1, 10))


@pytest.mark.parametrize(
    ("counts", "reopened"),
    [
        (Counts(done=17, failed=1), False),
        (Counts(done=18, failed=1), True),
        (Counts(done=18), True),
        (Counts(done=17, failed=1, records=110), True),
        (Counts(done=17, failed=1, records=109), False),
    ],
)
def test_a_late_outcome_reopens_by_policy(counts: Counts, reopened: bool) -> None:
    """One that brings a missing or a failed member does, or one by which the count grows enough, and only by policy."""
    published = replace(closing(), state=BatchState.PUBLISHED, published_first_at=START)
    assert (decided(published, counts, after=MINUTE, by=REFRESHING) == Reopen()) is reopened
    assert isinstance(decided(published, counts, after=MINUTE), Wait)


def test_a_batch_is_reopened_so_often_and_so_long() -> None:
    """At most as often as the policy says, until its local time on the day of the first publication, included."""
    late = Counts(done=20)
    published = replace(closing(), state=BatchState.PUBLISHED, published_first_at=START)
    assert decided(published, late, after=6 * 60 * MINUTE, by=REFRESHING) == Reopen()
    assert isinstance(decided(published, late, after=6 * 60 * MINUTE + timedelta(seconds=1), by=REFRESHING), Wait)
    assert isinstance(decided(replace(published, reopened=1), late, after=MINUTE, by=REFRESHING), Wait)


def test_a_reopened_batch_waits_for_more_past_its_deadline() -> None:
    """Its deadline has passed: it closes at once when complete, else once it is silent, whatever its percent."""
    again = replace(OPEN, reopened=1, opened_at=START + 60 * MINUTE)
    assert decided(again, Counts(done=20), after=61 * MINUTE) == BeginClose(Cause.COMPLETE)
    assert isinstance(decided(again, Counts(done=5), after=69 * MINUTE), Wait)
    assert decided(again, Counts(done=5), after=70 * MINUTE) == BeginClose(Cause.DEADLINE)


NUMBERS = st.integers(0, 20)


def test_a_reopened_batch_past_its_deadline_is_due_when_it_is_idle() -> None:
    """What has passed hides nothing that is to come: it waits until its idleness, whatever its percent."""
    reopened = replace(OPEN, generation=2, reopened=1, opened_at=START + 60 * MINUTE)
    for done in (10, 19):
        decision = decided(reopened, Counts(done=done), after=62 * MINUTE, by=replace(HOLDING, retry=None))
        assert isinstance(decision, Wait)
        assert decision.until == START + 70 * MINUTE
    assert decided(reopened, Counts(done=10), after=70 * MINUTE, by=HOLDING) == BeginClose(Cause.DEADLINE)


@given(done=NUMBERS, skipped=NUMBERS, failed=NUMBERS, minutes=st.integers(0, 90), state=st.sampled_from(BatchState))
def test_a_batch_is_never_published_before_its_closing(
    done: int, skipped: int, failed: int, minutes: int, state: BatchState
) -> None:
    """Whatever the counts and the clock: without a closing whose steps are proven nothing is published."""
    batch = replace(OPEN, state=state)
    decision = decided(batch, Counts(done, skipped, failed, START), after=minutes * MINUTE)
    assert not isinstance(decision, Publish | DoStep)


@given(done=NUMBERS, minutes=st.integers(0, 90), later=st.integers(0, 90))
def test_what_is_over_stays_over(done: int, minutes: int, later: int) -> None:
    """Time alone never takes a close back: what closes a batch at one moment closes it at any later one."""
    counts = Counts(done=done, last_at=START)
    if isinstance(decided(OPEN, counts, after=minutes * MINUTE), BeginClose):
        assert isinstance(decided(OPEN, counts, after=(minutes + later) * MINUTE), BeginClose)


@given(done=NUMBERS, minutes=st.integers(0, 29))
def test_who_waits_says_until_when(done: int, minutes: int) -> None:
    """An open batch never waits past its deadline without a sweep that looks: the moment named is not later."""
    decision = decided(OPEN, Counts(done=done, last_at=START), after=minutes * MINUTE)
    if isinstance(decision, Wait):
        assert decision.until is not None
        assert decision.until <= START + 30 * MINUTE
