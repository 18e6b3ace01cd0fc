"""Local dates and times of a pipeline. Windows are local, waits are elapsed time (behaviour T6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from shared.core.model import Lane, Run, RunKey, Units
from shared.core.policy.policy import Mode, Policy
from shared.core.policy.transitions import LocalTime

MAX_AGE = timedelta(hours=48)
# How long what is over stays to be looked at (behaviour T5).
KEPT = timedelta(days=30)
# Zones that crossed the date line skipped a whole day.
LONGEST_GAP = timedelta(hours=25)


@lru_cache(maxsize=4096)
def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the instant of a local time, in UTC.

    A time that the clocks skip is the first instant after the gap; one that they show twice is
    the first of the two (behaviour T6).
    """
    local = datetime.combine(day, at, tzinfo=zone)
    back = local.astimezone(UTC).astimezone(zone)
    if back.replace(tzinfo=None) == local.replace(tzinfo=None):
        return local.astimezone(UTC)
    return _gap_end(local, zone)


def _gap_end(skipped: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant after the clock change that skipped this local time."""
    earlier = skipped.astimezone(UTC) - LONGEST_GAP
    later = skipped.astimezone(UTC) + LONGEST_GAP
    start = earlier.astimezone(zone).utcoffset()
    while later - earlier > timedelta(seconds=1):
        middle = earlier + (later - earlier) / 2
        if middle.astimezone(zone).utcoffset() == start:
            earlier = middle
        else:
            later = middle
    return later.replace(microsecond=0)


def working_day(key: RunKey, policy: Policy) -> date:
    """Return the local day on which a run is worked on: its date minus the mode's offset (behaviour T2).

    A run whose mode has left the policy is worked on on its own date.
    """
    mode = policy.modes.get(key.mode)
    return key.day if mode is None else key.day - timedelta(days=mode.partition_offset_days)


def day_of(mode: Mode, today: date) -> date:
    """Return the date that a mode processes on this local day."""
    return today + timedelta(days=mode.partition_offset_days)


def mode_of(day: date, published: datetime, policy: Policy, expecting: Sequence[Mode] = ()) -> str | None:
    """Return the mode of a message that names none: its date against the local date when it was published.

    Before it, the mode with a negative offset, and so on by sign; a pipeline of one mode has no
    other. None where no mode fits (behaviour R4). ``expecting`` are the modes that expect its processor, by their
    offsets: of a date published on itself they decide first (behaviour R11).
    """
    if len(policy.modes) == 1:
        return next(iter(policy.modes))
    difference = (day - policy.local(published).date()).days
    if difference == 0 and expecting:
        first = expecting[0]
        since = first.same_evening_from
        if len(expecting) == 1 or (since is not None and published >= instant(day, since, policy.zone)):
            return first.name
    for mode in policy.modes.values():
        if _sign(mode.partition_offset_days) == _sign(difference):
            return mode.name
    return None


def clock_from(key: RunKey, opened_at: datetime, policy: Policy) -> datetime:
    """Return when tiers and deadline begin: with the first report that counts (R7), but in a mode that is reported to
    on the evening itself not before it opens on the run's working day (behaviour R11)."""
    mode = policy.modes.get(key.mode)
    if mode is None or mode.same_evening_from is None:
        return opened_at
    return max(opened_at, instant(working_day(key, policy), mode.opens_at, policy.zone))


def final_since(run: Run, units: Units, now: datetime) -> datetime | None:
    """Return since when all units of a run are final by this reading; since it was opened if they were then."""
    if not units.all_final:
        return None
    before = run.units is None or run.units.all_final
    return (run.final_at or run.opened_at) if before else now


def due_at(key: RunKey, at: LocalTime | None, policy: Policy) -> datetime | None:
    """Return the instant of a due time of this run; backfill runs have none (behaviour T2)."""
    if at is None or key.lane is Lane.BACKFILL:
        return None
    return instant(working_day(key, policy) + timedelta(days=at.days), at.at, policy.zone)


def closes_at(key: RunKey, opened_at: datetime, policy: Policy) -> datetime:
    """Return when a run closes at the latest: 48 h after its date, in backfill after it was opened (behaviour T5)."""
    if key.lane is Lane.BACKFILL:
        return opened_at + MAX_AGE
    return instant(key.day + timedelta(days=1), time(0), policy.zone) + MAX_AGE


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
