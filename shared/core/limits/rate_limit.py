"""How often a channel may be told something (deploy/LIMITS.md)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One every so often; after a silence ``burst`` at once."""

    every: timedelta
    burst: int = 1

    def turn(self, earned: datetime | None, now: datetime, number: int = 1) -> tuple[datetime, datetime]:
        """Return when so many may leave together, and what to give as ``earned`` the next time, None the first time.

        The generic cell rate algorithm: ``earned`` is the instant by which all that left would have left evenly.
        """
        since = now if earned is None or earned < now else earned
        at = max(now, since + self.every * (number - self.burst))
        return at, since + self.every * number


# Slack takes a message a second for each webhook or channel, and so do other chats; PagerDuty 120 events a minute for
# each integration key.
CHAT = RateLimit(timedelta(seconds=1))
PAGERDUTY = RateLimit(timedelta(milliseconds=600), burst=10)
