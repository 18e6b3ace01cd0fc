"""What self-heal may do, asked when it does it (behaviour 9)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.core.calendar import due_at, working_day
from shared.core.model import Lane, RunKey
from shared.core.policy.policy import Policy, Repairs
from shared.core.repairs import UNKNOWN
from tests.random_nights.oracle import floor_of
from tests.random_nights.ports import Truth
from tests.random_nights.trace import RunTrace, Trace, Track


def reruns_are_bounded(
    book: Trace, run: RunKey, waiting: Sequence[Track], limit: Repairs, phase: str, at: datetime
) -> str | None:
    """A phase of a live run is started again so many times at most, a cooldown apart, and never once all that
    waits for it has gone on.

    A start that nobody heard of counts for nothing, and lasts as long as an outage does (behaviour D11).
    """
    before = book.reruns.get((run, phase), [])
    heard = [one for one in before if one.heard]
    what = f"{run.id} {phase} asked to run again"
    if run.lane is Lane.BACKFILL:
        return f"{what} in backfill"
    if waiting and all(track.state in ("dispatched", "confirmed", "claimed") for track in waiting):
        return f"{what} although {', '.join(track.name for track in waiting)} went on"
    if len(heard) >= limit.max_attempts:
        return f"{what} for the {len(heard) + 1}th time"
    if before:
        last = before[-1]
        apart = limit.cooldown if last.heard else UNKNOWN
        if at - last.at + book.night.manner.skew < apart:
            return f"{what} {at - last.at} after the last time"
    return None


def inferred_only_when_silent(
    policy: Policy, truth: Truth, run: RunTrace, phase: str, name: str, now: datetime
) -> str | None:
    """Taken as completed is a required processor that said nothing, past its due time, whose table is full."""
    processor, waiting = policy.phases[phase].processors[name], policy.after(phase)
    what = f"{run.key.id} {name} inferred"
    expected = [one.expects[run.key.mode] for one in waiting if run.key.mode in one.expects]
    requiring = [one for one in expected if name in one.required]
    if not requiring or run.key.lane is Lane.BACKFILL:
        return f"{what} and not required"
    dues = [due_at(run.key, one.due.warning, policy) for one in requiring if one.due is not None]
    due = min((at for at in dues if at is not None), default=None)
    if due is None or now < due or policy.local(now).date() != working_day(run.key, policy):
        return f"{what} at {now}, it is due at {due}"
    if any(heard.outcome != "started" for heard in run.by_processor.get((phase, name), [])):
        return f"{what} although it has reported"
    rows = truth.rows.get(processor.table or "", 0)
    if rows < max(1, floor_of(processor, truth.units) or 0):
        return f"{what} from {rows} rows"
    return None
