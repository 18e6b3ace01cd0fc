"""How time passes in a night: the clock runs as clocks do and is put forward whenever nothing is left to do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.adapters.clock import SystemClock
from shared.adapters.local.accelerated_clock import FileClock

MINUTE = timedelta(minutes=1)
# Past the full minute, as a real scheduler is: what falls due on the minute is due by then.
SWEEP_AT = timedelta(seconds=5)
QUIET_AFTER, QUIET_UNTIL, QUIET_STEP = timedelta(minutes=30), timedelta(minutes=20), timedelta(minutes=15)


class Speed:
    """The clock of a night, for its functions and for its driver; ``speed`` minutes in a second at most."""

    def __init__(self, clock: FileClock, speed: float) -> None:
        self.clock, self._speed = clock, speed
        self._shown, self._turned = clock.now(), time.monotonic()

    def go(self) -> None:
        """Let a clock that stood still run on from its time."""
        self._shown, self._turned = self.clock.now(), time.monotonic()
        self.clock.set(self._shown, 1)

    def forward(self, at: datetime) -> None:
        """Wait for its turn, then show ``at``; a clock that is past it is left alone. A long jump takes as long as
        one of a minute."""
        steps = min((at - self._shown) / MINUTE, 1.0)
        remaining = steps / self._speed - (time.monotonic() - self._turned)
        SystemClock().sleep(timedelta(seconds=remaining))
        self._turned = time.monotonic()
        if self.clock.now() < at:
            self.clock.set(at, 1)
        self._shown = max(at, self._shown)


@dataclass(frozen=True)
class Sweeps:
    """When the scheduler calls: every minute, and every quarter of an hour while no report is near.

    ``reports`` are the times of the reports to come, in order.
    """

    reports: Sequence[datetime]

    def after(self, now: datetime, timers: Sequence[datetime]) -> datetime:
        """Return the time of the next call; a tier, a deadline or a due time keeps its minute."""
        minute = now.astimezone(UTC).replace(second=0, microsecond=0) + MINUTE
        quiet_until = self.quiet_until(now)
        if quiet_until is None:
            return minute + SWEEP_AT
        stops = [at for at in timers if at > now]
        step = min([minute - MINUTE + QUIET_STEP, quiet_until, *stops])
        return max(minute, step.replace(second=0, microsecond=0)) + SWEEP_AT

    def quiet_until(self, now: datetime) -> datetime | None:
        """Return when the quiet hours that it is in end, None if it is in none."""
        last = max((at for at in self.reports if at <= now), default=None)
        following = min((at for at in self.reports if at > now), default=None)
        if last is None or now - last < QUIET_AFTER:
            return None
        if following is None:
            return now + QUIET_STEP
        return following - QUIET_UNTIL if following - now > QUIET_UNTIL + QUIET_STEP else None
