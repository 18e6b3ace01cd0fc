"""Retry-After: until when a service that does not take a call now asks to be left alone (behaviour D5, A3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST = timedelta(hours=1)
"""What a server may ask for at most: a trigger or an alert that waits longer is none."""


def retry_at(header: str, now: datetime) -> datetime | None:
    """Return the instant that the value of a Retry-After header names, in seconds or as an HTTP date.

    Never before ``now``, never later than ``LONGEST`` after it; None if the header says nothing that can be read.
    """
    text = header.strip()
    if text.isascii() and text.isdecimal():
        return now + min(timedelta(seconds=int(text[:9])), LONGEST)
    try:
        at = parsedate_to_datetime(text)
        wait = (at.replace(tzinfo=UTC) if at.tzinfo is None else at) - now
    except (ValueError, TypeError, OverflowError):
        return None
    return now + min(max(wait, timedelta(0)), LONGEST)
