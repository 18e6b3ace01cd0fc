"""Local dates and times of a pipeline. Windows are local, waits are elapsed time (behaviour T6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from shared.core.model import Lane, Run, RunKey, Units
from shared.core.policy.policy import Mode, Policy
from shared.core.policy.transitions import AfterOpened, DueTime

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


def with_units(run: Run, units: Units, policy: Policy, now: datetime) -> Run:
    """Return a run with what has been read of the calendar now (behaviour T3)."""
    reads_seldom = policy.calendar is not None and policy.calendar.read_every is not None
    read_at = now if reads_seldom else None
    return replace(run, units=units, units_read_at=read_at, final_at=final_since(run, units, now))


def units_due_at(run: Run, policy: Policy) -> datetime | None:
    """Return until when the last reading of the calendar serves a run, None where the next look reads it again (T3).

    What was read by another policy may have been read otherwise.
    """
    every = None if policy.calendar is None else policy.calendar.read_every
    if every is None or run.units is None or run.units_read_at is None or run.policy_version != policy.version:
        return None
    return run.units_read_at + every


def moment(at: DueTime, day: date, mode: Mode, zone: ZoneInfo) -> datetime:
    """Return the instant of a time of a working day; a relative one counts from when its mode opens."""
    if isinstance(at, AfterOpened):
        return instant(day, mode.opens_at, zone) + at.after
    return instant(day + timedelta(days=at.days), at.at, zone)


def is_expected(key: RunKey, policy: Policy) -> bool:
    """True if the run's working day is one on which its mode is expected; a mode that has left the policy never is."""
    mode = policy.modes.get(key.mode)
    return mode is not None and mode.expected_on(working_day(key, policy))


def not_expected(key: RunKey, policy: Policy) -> str:
    """Return why no run is expected: `weekly is expected on mon, not on Tue 2026-03-03`."""
    day, mode = working_day(key, policy), policy.modes[key.mode]
    return f"{key.mode} is expected on {mode.days.text}, not on {day:%a} {day.isoformat()}"


def due_at(key: RunKey, at: DueTime | None, policy: Policy) -> datetime | None:
    """Return the instant of a due time of this run; none in backfill (behaviour T2), or on a day on which its mode is
    not expected (T10)."""
    if at is None or key.lane is Lane.BACKFILL or not is_expected(key, policy):
        return None
    return moment(at, working_day(key, policy), policy.modes[key.mode], policy.zone)


def closes_at(key: RunKey, opened_at: datetime, policy: Policy) -> datetime:
    """Return when a run closes at the latest: 48 h after its date, or after the beginning of the day on which it is
    worked on where that is later; in backfill after it was opened (behaviour T5)."""
    if key.lane is Lane.BACKFILL:
        return opened_at + MAX_AGE
    over = max(key.day + timedelta(days=1), working_day(key, policy))
    return instant(over, time(0), policy.zone) + MAX_AGE


def ends_at(run: Run, policy: Policy) -> datetime:
    """Return when a run closes at the latest, 48 h after it was opened again if it was (behaviour T5)."""
    return closes_at(run.key, run.opened_at, policy) if run.reopened_at is None else run.reopened_at + MAX_AGE
