"""What the store shows of sweeps: one that finds nothing due writes nothing, so age is no fault (behaviour T7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.app.context import Context
from shared.app.state.lock import Lease, paths
from shared.app.state.repository import next_due_at
from shared.app.state.upkeep import Upkeep, read_upkeep
from shared.documents import from_data
from shared.ports import Document

SWEEP = "sweep"
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SweepMarks:
    """When a sweep last ended that looked at something, and since when the next has something to do."""

    ended_at: datetime
    due_at: datetime

    def overdue(self, now: datetime) -> timedelta:
        """Return for how long something is due that no sweep has looked at."""
        return max(now - self.due_at, timedelta(0))


def sweep_lease(ctx: Context) -> Lease | None:
    """Return the lock of the sweep, None where there never was one."""
    return lease_in(ctx.ports.store.get(*paths(ctx, SWEEP)))


def lease_in(documents: Iterable[Document | None]) -> Lease | None:
    held = next((document for document in documents if document is not None), None)
    return None if held is None else from_data(Lease, held.data)


def sweep_marks(ctx: Context, lease: Lease | None) -> SweepMarks | None:
    """Return what is known of sweeps by their lock; None where there never was one."""
    if lease is None:
        return None
    first = next_due_at(ctx.ports.store, ctx.policy.pipeline)
    return marks_after(ctx, lease.expires_at, read_upkeep(ctx), () if first is None else (first,))


def marks_after(ctx: Context, ended_at: datetime, upkeep: Upkeep, runs_due: Iterable[datetime]) -> SweepMarks:
    """Return since when the sweep after one that ended is due: by the runs, or by what is of no run.

    What was touched is due since a moment that nobody wrote: it counts when all runs are looked at anyway.
    """
    at_the_latest = ended_at + ctx.looks_at_all_every
    own = at_the_latest if upkeep.touched else upkeep.next_at or ended_at + MINUTE
    due_at = min((own, upkeep.whole_at or at_the_latest, *runs_due))
    return SweepMarks(ended_at, max(due_at, ended_at))
