"""Which mode a message belongs to that names none (behaviour R4, R11).

Deterministic in the message and the policy: a message that is delivered again finds the same run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from shared.core.calendar import instant, moment
from shared.core.policy.policy import Mode, Policy
from shared.core.policy.working_days import Resolve


def mode_of(day: date, published: datetime, policy: Policy, expecting: Sequence[Mode] = ()) -> str | None:
    """Return the mode of a message that names none, by its date and the time when it was published.

    First the mode in whose window it was published, where `resolve` is `clock`. Then its date against the local date:
    before it, the mode with a negative offset, and so on by sign; a pipeline of one mode that its date resolves has no
    other. None where no mode fits: what only the message could name, it has to name (behaviour R4). ``expecting`` are
    the modes that expect its processor, by their offsets: only their windows count, and of a date published on itself
    they decide before the sign (behaviour R11).
    """
    if len(policy.modes) == 1 and policy.dated:
        return policy.dated[0].name
    dated = policy.dated
    if len(dated) < len(policy.modes):
        among = expecting or tuple(policy.modes.values())
        in_window = [mode for mode in among if _in_window(day, published, policy, mode)]
        if in_window:
            return _on_its_day(day, in_window)[0].name
        expecting = [mode for mode in expecting if mode.resolve is Resolve.DATE]
        if all(mode.resolve is not Resolve.DATE for mode in among):
            return None
    return _by_date(day, published, policy, expecting)


def _by_date(day: date, published: datetime, policy: Policy, expecting: Sequence[Mode]) -> str | None:
    difference = (day - policy.local(published).date()).days
    if difference == 0 and expecting:
        expecting = _on_its_day(day, expecting)
        first = expecting[0]
        since = first.same_evening_from
        if len(expecting) == 1 or (since is not None and published >= instant(day, since, policy.zone)):
            return first.name
    fitting = [mode for mode in policy.dated if _sign(mode.partition_offset_days) == _sign(difference)]
    exactly = [mode for mode in fitting if mode.partition_offset_days == difference]
    ordered = _on_its_day(day, exactly or fitting)
    return ordered[0].name if ordered else None


def _in_window(day: date, published: datetime, policy: Policy, mode: Mode) -> bool:
    """True in the window of the day on which the mode works on this date."""
    if mode.resolve is not Resolve.CLOCK or mode.window is None:
        return False
    worked_on = day - timedelta(days=mode.partition_offset_days)
    begins = moment(mode.window.begins, worked_on, mode, policy.zone)
    return begins <= published < moment(mode.window.ends, worked_on, mode, policy.zone)


def _on_its_day(day: date, modes: Iterable[Mode]) -> list[Mode]:
    """Return the modes that are expected on the day on which they work on this date; all, where none is: a message on
    another day opens a run all the same, without due times."""
    listed = list(modes)
    expected = [mode for mode in listed if mode.expected_on(day - timedelta(days=mode.partition_offset_days))]
    return expected or listed


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
