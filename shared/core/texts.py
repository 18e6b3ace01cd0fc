"""Words for people: times in the pipeline's zone, lists, one shape for every alert (behaviour A1)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from shared.core.policy.policy import Policy


def clock_time(policy: Policy, at: datetime, now: datetime | None = None) -> str:
    """Return `06:46 EST`, with the weekday in front if it is not the local day of ``now``.

    Never a date: a text names the date of its own run and no other.
    """
    local = policy.local(at)
    day = "" if now is None or policy.local(now).date() == local.date() else local.strftime("%a ")
    return f"{day}{local:%H:%M} {local.tzname()}"


def day_time(policy: Policy, at: datetime) -> str:
    """Return `2026-05-20 00:00 EDT`, for what is of no run."""
    local = policy.local(at)
    return f"{local:%Y-%m-%d %H:%M} {local.tzname()}"


def duration(length: timedelta) -> str:
    """Return `2 d 20 h`, `2 h 5 min`, `45 s`: two units, days from two on."""
    seconds = int(length.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    days, rest = divmod(seconds // 3600, 24)
    if days >= 2:
        return f"{days} d {rest} h" if rest else f"{days} d"
    hours, minutes = divmod(seconds // 60, 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)


def names(items: Iterable[str], none: str = "nothing") -> str:
    return ", ".join(items) or none


def amount(count: int | None, noun: str) -> str:
    """Return a count with its noun: `1 record`, `2 records`; None is a number that is not known."""
    if count is None:
        return f"an unknown number of {noun}s"
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def say(run: str, transition: str, what: str, then: str = "", do: str = "") -> str:
    """Compose an alert: where, what happened, what happens next, what to do."""
    where = f"{run} {transition}".strip()
    parts = [f"{where}: {what}"]
    if then:
        parts.append(f"Next: {then}")
    if do:
        parts.append(f"To do: {do}")
    return "\n".join(parts)
