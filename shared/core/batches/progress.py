"""What people should hear of a batch before its end: it stalls, too many fail, too few are in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median

from shared.core.batches.batch import Batch, BatchState, Counts
from shared.core.model import Lane
from shared.core.policy.batches import BatchPolicy

NIGHTS = 14
"""So many nights before, at most, say how many members a batch usually has."""
STEP_TAKES = timedelta(minutes=10)
"""Loading, asking and closing take less than this, unless something outside does not answer."""


def quiet_for(batch: Batch, declared: BatchPolicy) -> timedelta:
    """Return how long nothing new is no fault: in an open batch as long as idleness and all repeats take."""
    if batch.state is not BatchState.OPEN:
        return STEP_TAKES
    retry, idle = declared.retry, declared.close.idle
    repeats = timedelta(0) if retry is None else retry.after * (retry.attempts + 1)
    return max(repeats, STEP_TAKES if idle is None else idle.after)


def last_progress(batch: Batch, counts: Counts) -> datetime:
    """Return when something about a batch was last reached; an attempt that failed reaches nothing."""
    moments: list[datetime | None] = [batch.started_at, batch.requested_at, batch.opened_at]
    if batch.closing is not None:
        moments += [batch.closing.at, *(step.begun_at for step in batch.steps if step.proof)]
    else:
        moments.append(counts.last_at)
    return max(at for at in moments if at is not None)


def stalled_for(batch: Batch, declared: BatchPolicy, counts: Counts, now: datetime) -> timedelta | None:
    """Return for how long a batch has made no progress, None while that is no fault; the limit is included.

    A held batch waits for a person who was told, a published one for nobody. ``last_at`` of the counts is needed once
    what the batch itself says is as old.
    """
    if batch.state in (BatchState.HELD, BatchState.PUBLISHED):
        return None
    silent = now - last_progress(batch, counts)
    return silent if silent >= quiet_for(batch, declared) else None


def fails_too_often(declared: BatchPolicy, failed: int, members: int | None) -> bool:
    """True if more of the members failed than the policy takes for usual."""
    most = declared.alerts.failed_percent
    return most is not None and bool(members) and failed * 100 > most * (members or 0)


def usual_size(batch: Batch, others: Iterable[Batch]) -> tuple[float, int] | None:
    """Return the median number of members of the last nights before this one, and of how many nights; None without any.

    A night is a date of the same batch and mode in the live lane, as its newest start found it; a night of nobody had
    nothing to do and says nothing of what is usual.
    """
    nights: dict[str, Batch] = {}
    for other in sorted(others, key=_started):
        alike = other.name == batch.name and other.run.mode == batch.run.mode and other.run.lane is Lane.LIVE
        if alike and other.run.day < batch.run.day and other.members:
            nights[other.run.day.isoformat()] = other
    sizes: Sequence[int] = [nights[day].members or 0 for day in sorted(nights)][-NIGHTS:]
    return (median(sizes), len(sizes)) if sizes else None


def is_few(declared: BatchPolicy, members: int, usual: float) -> bool:
    """True if a batch has fewer members than the policy's share of what is usual."""
    least = declared.alerts.fewer_than_percent
    return least is not None and members * 100 < least * usual


def _started(batch: Batch) -> datetime:
    return batch.started_at
