"""What to do about a batch: a function of its state, its counts, its policy and the clock. First that holds wins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.batches.batch import Batch, BatchState, Cause, Counts, HeldFor, StepState
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
from shared.core.calendar import instant
from shared.core.policy.batches import BatchPolicy, BatchThen
from shared.core.policy.policy import Policy

BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 4, 8))
LAST_BACK_OFF = timedelta(minutes=15)
LOAD_AGAIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Clock:
    """The moment of a decision, and who runs there: a deploy lets a refused step be tried again (behaviour D5)."""

    now: datetime
    version: str = ""


def decide_batch(batch: Batch, declared: BatchPolicy, policy: Policy, counts: Counts, clock: Clock) -> BatchDecision:
    """Return what is to be done now.

    ``counts`` are those of the outcomes; ``last_at`` in them is needed only where idleness could decide.
    """
    if batch.state is BatchState.PUBLISHED:
        return _published(batch, declared, policy, counts, clock.now)
    if batch.closing is not None:
        return _closing(batch, declared, clock)
    if batch.members == 0:
        return BeginClose(Cause.NOTHING_TO_DO)
    if batch.close_asked:
        return BeginClose(Cause.OPERATOR)
    over = _over(batch, declared, counts, clock.now)
    if over is not None:
        return over
    return _work(batch, declared, counts, clock.now)


def _over(batch: Batch, declared: BatchPolicy, counts: Counts, now: datetime) -> BatchDecision | None:
    """Return how the batch ends now, or that a person has to look; None while it goes on."""
    if declared.close.complete and batch.members is not None and counts.total >= batch.members:
        return BeginClose(Cause.COMPLETE)
    passed = deadline_passed(batch, declared, now)
    held = batch.state is BatchState.HELD
    if batch.reopened:
        if passed and _silent_since(batch, declared, counts, now):
            return BeginClose(Cause.DEADLINE)
    elif passed and declared.close.deadline is not None:
        if declared.close.deadline.then is BatchThen.PUBLISH_PARTIAL:
            return BeginClose(Cause.DEADLINE)
        if not held:
            return Hold(HeldFor.DEADLINE)
    elif held and batch.held_for is HeldFor.DEADLINE:
        return Resume()
    if batch.state is BatchState.OPEN and is_idle(batch, declared, counts, now):
        return BeginClose(Cause.IDLE)
    return None


def deadline_passed(batch: Batch, declared: BatchPolicy, now: datetime) -> bool:
    at = deadline_at(batch, declared)
    return at is not None and now >= at


def deadline_at(batch: Batch, declared: BatchPolicy) -> datetime | None:
    """Return when the batch is over whatever is missing, None without a deadline."""
    deadline = declared.close.deadline
    return None if deadline is None else batch.started_at + deadline.after


def is_idle(batch: Batch, declared: BatchPolicy, counts: Counts, now: datetime) -> bool:
    """True once enough members have an outcome and no new one came for so long; both limits are included."""
    return reaches_idle(batch, declared, counts) and now >= _quiet_until(batch, declared, counts)


def reaches_idle(batch: Batch, declared: BatchPolicy, counts: Counts) -> bool:
    """True if enough members have an outcome for idleness to end the batch."""
    idle = declared.close.idle
    if idle is None or not batch.members:
        return False
    return counts.total * 100 >= idle.at_least_percent * batch.members


def _quiet_until(batch: Batch, declared: BatchPolicy, counts: Counts) -> datetime:
    """Return when the batch has been silent for as long as idleness takes, if nothing new comes."""
    idle = declared.close.idle
    assert idle is not None
    since = max(at for at in (batch.opened_at, counts.last_at, batch.started_at) if at is not None)
    return since + idle.after


def _silent_since(batch: Batch, declared: BatchPolicy, counts: Counts, now: datetime) -> bool:
    """True if a reopened batch that is past its deadline need not wait for more: it is idle, whatever its percent."""
    return declared.close.idle is None or now >= _quiet_until(batch, declared, counts)


def _work(batch: Batch, declared: BatchPolicy, counts: Counts, now: datetime) -> BatchDecision:
    """Return what still has to be sent, else what is waited for."""
    if batch.members is None:
        return _load(batch, now)
    if batch.ask_at is not None and batch.cursor >= batch.pages:
        return AskAgain(by_person=True)
    if batch.cursor < batch.pages:
        return Ask(batch.cursor)
    if batch.state is BatchState.OPEN and batch.retry_at is not None and now >= batch.retry_at:
        return AskAgain()
    silent = batch.members - counts.total
    if batch.state is BatchState.HELD:
        return Wait(f"held: {batch.held_text}")
    until = next_at(batch, declared, counts, now)
    return Wait(f"{counts.total} of {batch.members} have an outcome, {silent} silent", until)


def _load(batch: Batch, now: datetime) -> BatchDecision:
    if batch.held_for is HeldFor.MEMBERS:
        return Wait(f"held: {batch.held_text}")
    if batch.load_failed_at is not None and now < batch.load_failed_at + LOAD_AGAIN:
        return Wait(f"{batch.load_error}; tried again", batch.load_failed_at + LOAD_AGAIN)
    return Load()


def next_at(batch: Batch, declared: BatchPolicy, counts: Counts, now: datetime) -> datetime | None:
    """Return when the clock alone may change next what is to be done of an open batch; what has passed does no more.

    One that was reopened after its deadline ends once it has been silent for as long as idleness takes.
    """
    moments = [deadline_at(batch, declared), batch.retry_at]
    over = bool(batch.reopened) and deadline_passed(batch, declared, now)
    if declared.close.idle is not None and (over or reaches_idle(batch, declared, counts)):
        moments.append(_quiet_until(batch, declared, counts))
    return min((at for at in moments if at is not None and at > now), default=None)


def _closing(batch: Batch, declared: BatchPolicy, clock: Clock) -> BatchDecision:
    """Return the first step that is not proven, or that all of them are (behaviour D12)."""
    assert batch.closing is not None
    if batch.closing.cause is Cause.NOTHING_TO_DO:
        return Publish()
    for place, _ in enumerate(declared.on_close):
        step = batch.steps[place] if place < len(batch.steps) else StepState()
        if step.proof:
            continue
        if step.refused:
            if step.refused_by != clock.version:
                return Resume() if batch.state is BatchState.HELD else DoStep(place)
            return Wait(f"held: {step.refused}") if batch.state is BatchState.HELD else Hold(HeldFor.REFUSED)
        due = step_due_at(step)
        if due is not None and clock.now < due:
            return Wait(f"{step.error}; tried again", due)
        return DoStep(place, unknown=_is_unknown(step))
    return Publish()


def _is_unknown(step: StepState) -> bool:
    """True where an attempt was begun and nobody knows what came of it (behaviour D11)."""
    return step.begun_at is not None and (step.failed_at is None or step.failed_at < step.begun_at)


def step_due_at(step: StepState) -> datetime | None:
    """Return when a step that failed is tried again: after 1, 2, 4, 8, then every 15 minutes; None for at once."""
    if step.failed_at is None or not step.failures or _is_unknown(step):
        return None
    waits = BACK_OFF[step.failures - 1] if step.failures <= len(BACK_OFF) else LAST_BACK_OFF
    return step.failed_at + waits


def _published(
    batch: Batch, declared: BatchPolicy, policy: Policy, counts: Counts, now: datetime
) -> Reopen | AskAgain | Wait:
    """Return whether what came since it was published makes it the next generation (behaviour D8)."""
    if batch.ask_at is not None:
        return AskAgain(by_person=True)
    if _is_news(batch, declared, counts) and may_reopen(batch, declared, policy, now):
        return Reopen()
    return Wait("published")


def _is_news(batch: Batch, declared: BatchPolicy, counts: Counts) -> bool:
    grown = batch.closing is not None and grows(batch.closing.records, counts.records, declared)
    return brings_missing(batch, counts) or grown


def brings_missing(batch: Batch, counts: Counts) -> bool:
    """True if a member that was missing when it was closed has an outcome now, or a better one."""
    closed = batch.closing
    return closed is not None and (counts.total > closed.total or counts.failed < closed.failed)


def may_reopen(batch: Batch, declared: BatchPolicy, policy: Policy, now: datetime) -> bool:
    """True while the policy lets a late outcome reopen the batch: often enough, and not after the day's time."""
    refresh, first = declared.refresh, batch.published_first_at
    if refresh is None or first is None or batch.reopened >= refresh.at_most:
        return False
    return now <= instant(policy.local(first).date(), refresh.until, policy.zone)


def grows(before: int | None, now: int | None, declared: BatchPolicy) -> bool:
    """True if the sum of counts has grown by as much as the policy takes for news."""
    refresh = declared.refresh
    if refresh is None or now is None or now <= (before or 0):
        return False
    return now * 100 >= (before or 0) * (100 + refresh.min_growth_percent)
