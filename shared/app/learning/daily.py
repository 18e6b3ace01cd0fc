"""Once a day the sweep reads the nights of the record and keeps what they teach (behaviour T11).

What cannot be read, or breaks off, leaves what was learned last; it is tried again an hour later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from shared.app.context import Context
from shared.app.learning.record import recorded_nights
from shared.app.state.compare_and_set import change_document
from shared.app.state.learned import path_of, read_learned
from shared.app.state.lock import Locked, acquire
from shared.app.state.usuals import remember
from shared.app.transitions.readings import read_units
from shared.core.calendar import instant
from shared.core.decision.pause import Pause
from shared.core.errors import Unavailable, is_state_outage
from shared.core.learning.learned import Learned, learn
from shared.core.learning.nights import RecordedRun
from shared.core.learning.values import usual_durations, usual_rows
from shared.core.reporting.findings import Finding, FindingResult, Sweep
from shared.documents import to_data

TRY_AGAIN = timedelta(hours=1)
# Two queries of the record, each of which is given up after so long.
LONGEST = timedelta(seconds=20)
SUBJECT = "learning"


def learn_daily(ctx: Context, done: Sweep) -> None:
    """Learn from the nights if nobody has today, and note when the next time is."""
    nights, memory, now = ctx.policy.nights_needed, ctx.memory, ctx.ports.clock.now()
    if not nights:
        return
    if memory.learns_at is None or now >= memory.learns_at:
        memory.learns_at = _learned(ctx, done, nights, now)
    done.polls.append(memory.learns_at)


def _learned(ctx: Context, done: Sweep, nights: int, now: datetime) -> datetime | None:
    """Return when to look again, None for the next minute."""
    today = ctx.policy.local(now).date()
    tomorrow = instant(today + timedelta(days=1), time(0), ctx.policy.zone)
    before = _stored(ctx)
    if before.computed_at is not None and ctx.policy.local(before.computed_at).date() >= today:
        return tomorrow
    if ctx.out_of_time(LONGEST):
        return None
    lease = acquire(ctx, SUBJECT, TRY_AGAIN)
    if isinstance(lease, Locked):
        return lease.until
    # The dates before that of the run which is opened today, which may be yesterday's.
    back = max(0, *(-mode.partition_offset_days for mode in ctx.policy.modes.values()))
    first = today - timedelta(days=nights + back)
    try:
        runs, pauses = recorded_nights(ctx, first, today)
    except Unavailable as error:
        if is_state_outage(error):
            raise
        ctx.log("learning.unreadable", severity="WARNING", error=error.reason)
        text = f"the record cannot be read, what was learned last stands: {error.reason}"
        done.findings.append(Finding(SUBJECT, "", text, FindingResult.SKIPPED))
        return lease.expires_at
    learned = _with_usual(ctx, learn(ctx.policy, runs, pauses, first, today, now), before, runs, pauses)
    change_document(ctx.ports.store, path_of(ctx.policy.pipeline), lambda _: _written(learned))
    remember(ctx, today, learned)
    ctx.log("learning.done", runs=len(runs), first=first.isoformat(), last=today.isoformat())
    return tomorrow


def _with_usual(
    ctx: Context, learned: Learned, before: Learned, runs: Sequence[RecordedRun], pauses: Sequence[Pause]
) -> Learned:
    """Add what is usual of phases and processors; what was usual before while the units of the dates are unknown."""
    policy = ctx.policy
    if not policy.anomalies.nights_needed or learned.last is None:
        return learned
    days = sorted({run.key.day for run in runs})
    read = read_units(ctx, days) if days else {}
    if read is None:
        return replace(learned, durations=before.durations, rows=before.rows)
    units = {day: each.total for day, each in read.items()}
    return replace(
        learned,
        durations=usual_durations(policy, runs, pauses, learned.last, units),
        rows=usual_rows(policy, runs, pauses, learned.last, units),
    )


def _stored(ctx: Context) -> Learned:
    try:
        return read_learned(ctx.ports.store.get(path_of(ctx.policy.pipeline))[0])
    except ValueError as error:
        ctx.log("learning.document_unreadable", severity="ERROR", error=str(error))
        return Learned()


def _written(learned: Learned) -> tuple[Mapping[str, Any], None]:
    return to_data(learned), None
