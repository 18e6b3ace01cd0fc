"""An AlertSink that is not asked more often than its service takes (deploy/LIMITS.md)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from shared.core.errors import Undelivered
from shared.core.limits.rate_limit import RateLimit
from shared.ports import AlertSink, Clock, Delivered, Notice, Refused

# A turn that comes later is for another sweep: whoever sends has other sinks, and a time of its own.
LONGEST_WAIT = timedelta(seconds=1)


class Turns:
    """The turns at one channel, for all who send to it from this instance."""

    def __init__(self, pace: RateLimit) -> None:
        self._pace, self._lock = pace, threading.Lock()
        self._earned: datetime | None = None

    def take(self, now: datetime, number: int) -> datetime:
        """Return when so many may leave together; what would leave after ``LONGEST_WAIT`` takes no turn."""
        with self._lock:
            at, earned = self._pace.turn(self._earned, now, number)
            if at - now <= LONGEST_WAIT:
                self._earned = earned
            return at


class Paced:
    """Waits for the turn of a notice, which takes as many as ``requests_of`` says; by default one.

    The pace is this instance's: the sweep, which tells nearly everything, runs once at a time. What several instances
    send beyond it the service refuses with 429 and a time, which the outbox keeps to.
    """

    def __init__(
        self, sink: AlertSink, turns: Turns, clock: Clock, requests_of: Callable[[Notice], int] = lambda notice: 1
    ) -> None:
        self._sink, self._turns, self._clock, self._requests_of = sink, turns, clock, requests_of

    def send(self, notice: Notice) -> Delivered | Refused:
        number = self._requests_of(notice)
        if number:
            now = self._clock.now()
            at = self._turns.take(now, number)
            if at - now > LONGEST_WAIT:
                raise Undelivered("alerts", "its turn comes later: others are told first", retry_at=at)
            if at > now:
                self._clock.sleep(at - now)
        return self._sink.send(notice)
