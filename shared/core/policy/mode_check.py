"""What is wrong with the modes of a policy: whether each message can belong to one of them only (behaviour R4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import combinations

from shared.core.policy.config_error import ConfigError, spell
from shared.core.policy.policy import Mode, Policy
from shared.core.policy.transitions import AfterOpened, Due, DueTime
from shared.core.policy.working_days import Resolve

MIDNIGHT = datetime(2000, 1, 1)  # noqa: DTZ001 - the day of a nominal time has no zone
# Every weekday falls on every day of the month in so many days.
DAYS = tuple(date(2001, 1, 1) + timedelta(days=number) for number in range(4 * 365 + 1))


def nominal(at: DueTime, mode: Mode) -> timedelta:
    """Return how long after the midnight before the working day a time is, on a day without a clock change."""
    if isinstance(at, AfterOpened):
        return _since_midnight(mode) + at.after
    return timedelta(days=at.days, hours=at.at.hour, minutes=at.at.minute)


def _since_midnight(mode: Mode) -> timedelta:
    return datetime.combine(MIDNIGHT, mode.opens_at) - MIDNIGHT


def mode_problems(policy: Policy) -> Iterator[ConfigError]:
    """Yield modes between which nothing decides, and what a mode says without effect."""
    modes = list(policy.modes.values())
    for mode in modes:
        yield from _evening(mode)
        yield from _window(mode)
        if mode.days.weekdays and mode.days.days_of_month:
            reason = "stands beside weekdays: whether a day must be both nothing says"
            yield ConfigError(f"modes.{mode.name}.days_of_month", reason, "leave out one of the two")
    reported = set[str]()
    for first, second in combinations(modes, 2):
        if second.name in reported or not _meet(first, second):
            continue
        for problem in _between(first, second):
            reported.add(second.name)
            yield problem


def _evening(mode: Mode) -> Iterator[ConfigError]:
    key = f"modes.{mode.name}.same_evening_from"
    if mode.same_evening_from is None:
        return
    if mode.partition_offset_days >= 0:
        reason = f"{mode.name} works on its date on the day itself or before: there is no evening to reach back to"
        yield ConfigError(key, reason, "it belongs to a mode with a negative partition_offset_days; leave it out here")
    if mode.resolve is not Resolve.DATE:
        reason = f"the {mode.resolve.value} says what belongs to {mode.name}, the evening says nothing"
        yield ConfigError(key, reason, "leave it out, or resolve: date")


def _window(mode: Mode) -> Iterator[ConfigError]:
    key = f"modes.{mode.name}.window"
    if mode.resolve is Resolve.CLOCK and mode.window is None:
        hint = 'add window: {from: "18:00", to: "+1d 02:00"}; from is in it, to is not'
        yield ConfigError(key, "is missing: nothing says what belongs to it", hint)
    if mode.window is None:
        return
    if mode.resolve is not Resolve.CLOCK:
        yield ConfigError(key, f"resolve is {mode.resolve.value}: no message is told by it", "add resolve: clock")
    begins, ends = mode.window.begins, mode.window.ends
    if nominal(ends, mode) <= nominal(begins, mode):
        reason = f"{ends} is not after from ({begins})"
        yield ConfigError(f"{key}.to", reason, f'"+1d {_clock(ends)}" is on the day after the working day')


def _clock(at: DueTime) -> str:
    return "02:00" if isinstance(at, AfterOpened) else f"{at.at:%H:%M}"


def _between(first: Mode, second: Mode) -> Iterator[ConfigError]:
    """Yield why nothing tells two modes apart that are expected of the same dates."""
    kinds = {first.resolve, second.resolve}
    if kinds == {Resolve.DATE} and first.partition_offset_days == second.partition_offset_days:
        hint = "a date belongs to one mode: give each its own, or days of its own, or resolve: message or clock"
        reason = f"{first.name} has the same offset"
        yield ConfigError(f"modes.{second.name}.partition_offset_days", reason, hint)
    if kinds == {Resolve.CLOCK} and _overlap(first, second):
        hint = "a message belongs to one mode: to is no longer in a window, so the next may begin with it"
        yield ConfigError(f"modes.{second.name}.window", f"overlaps that of {first.name}", hint)


def _overlap(first: Mode, second: Mode) -> bool:
    spans = [_span(mode) for mode in (first, second)]
    if None in spans:
        return False
    (begins, ends), (other_begins, other_ends) = (span for span in spans if span is not None)
    return begins < other_ends and other_begins < ends


def _span(mode: Mode) -> tuple[timedelta, timedelta] | None:
    """Return the window from the midnight before the date on, whichever day the mode works on it."""
    if mode.window is None:
        return None
    shift = timedelta(days=mode.partition_offset_days)
    return nominal(mode.window.begins, mode) - shift, nominal(mode.window.ends, mode) - shift


def _meet(first: Mode, second: Mode) -> bool:
    """True if there is a date of which both are expected."""
    shifts = [timedelta(days=mode.partition_offset_days) for mode in (first, second)]
    if not (first.days.weekdays or first.days.days_of_month) or not (second.days.weekdays or second.days.days_of_month):
        return True
    return any(first.expected_on(day - shifts[0]) and second.expected_on(day - shifts[1]) for day in DAYS)


def never_told(policy: Policy) -> list[ConfigError]:
    """Return due times at which the run has been closed for good: they would raise no alert (behaviour T5, T10)."""
    return [
        ConfigError(
            f"transitions.{transition.name}.expects.{name}.due.{word}",
            f"{at} is after the run closes, {spell(closes)} after the midnight before its working day",
            "name an earlier time: a run that is closed is told of no more",
        )
        for transition in policy.transitions.values()
        for name, expectation in transition.expects.items()
        if (mode := policy.modes.get(name)) is not None and expectation.due is not None
        for word, at in _due_times(expectation.due)
        for closes in (timedelta(days=max(mode.partition_offset_days + 1, 0) + 2),)
        if at is not None and nominal(at, mode) >= closes
    ]


def _due_times(due: Due) -> Iterator[tuple[str, DueTime | None]]:
    """Yield the latest that each due time can be, by its key below `due`."""
    yield from (("warning", due.warning), ("critical", due.critical))
    for word, auto in (("warning", due.warning_auto), ("critical", due.critical_auto)):
        if auto is not None:
            yield f"auto.{word}.at_most", AfterOpened(auto.at_most)
