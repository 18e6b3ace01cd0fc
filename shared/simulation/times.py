"""Times as a scenario writes them, as instants."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.core.calendar import instant

CLOCK = re.compile(r"(?:\+(\d{1,4})d )?(\d{2}):(\d{2})(?::(\d{2}))?", re.ASCII)
LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(?::\d{2})?", re.ASCII)


@dataclass(frozen=True)
class Times:
    """Reads times of a scenario. ``day`` is the local date of its start."""

    zone: ZoneInfo
    day: date

    def parse(self, text: str) -> datetime:
        """Return an instant in UTC; raise ``ValueError`` with the reason if the text is no time."""
        match = CLOCK.fullmatch(text)
        if match is None:
            return parse_full(text, self.zone)
        days, hour, minute, second = (int(part or 0) for part in match.groups())
        try:
            at = time(hour, minute, second)
        except ValueError:
            raise ValueError(f"{text!r} is a time that does not exist") from None
        return instant(self.day + timedelta(days=days), at, self.zone)


def parse_full(text: str, zone: ZoneInfo) -> datetime:
    """Return the instant of an ISO 8601 time with offset, or of `YYYY-MM-DD HH:MM[:SS]` in the zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        if re.match(r"\d{4}-\d{2}-\d{2}|(\+\d+d )?\d{2}:\d{2}", text):
            raise ValueError(f"{text!r} is a time that does not exist or is not written as one") from None
        raise ValueError(f'{text!r} is not a time like "10:34", "+1d 06:02" or "2025-12-29T10:34:00-05:00"') from None
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    if not LOCAL.fullmatch(text):
        raise ValueError(f"{text!r} has no offset and is not written as YYYY-MM-DD HH:MM")
    return instant(moment.date(), moment.time(), zone)
