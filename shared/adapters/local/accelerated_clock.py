"""Clocks for rehearsals, the same in several processes: one that runs faster than time, one that is put forward."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.core.errors import PolicyError, Unavailable

_FILE = "@"


@dataclass(frozen=True, slots=True)
class AcceleratedClock:
    """Shows ``start`` at the machine's ``origin`` (seconds since the epoch) and runs ``speed`` times as fast.

    At speed 0 it stands still; waiting then takes as long as it does elsewhere.
    """

    start: datetime
    origin: float
    speed: float

    @classmethod
    def parse(cls, text: str) -> AcceleratedClock:
        """Read `2025-12-29T10:25:00-05:00|1766999999.5|600`: start, origin, speed."""
        try:
            start, origin, speed = text.split("|")
            clock = cls(datetime.fromisoformat(start).astimezone(UTC), float(origin), float(speed))
        except ValueError:
            hint = "START|ORIGIN|SPEED, such as 2025-12-29T10:25:00-05:00|1766999999.5|600, or @FILE that holds one"
            raise PolicyError("environment", "ORCH_CLOCK", f"{text!r} is not a clock", hint) from None
        return clock

    def __str__(self) -> str:
        return f"{self.start.isoformat()}|{self.origin}|{self.speed}"

    def now(self) -> datetime:
        return self.start + timedelta(seconds=(time.time() - self.origin) * self.speed)

    def sleep(self, duration: timedelta) -> None:
        """Wait as long as the duration takes on this clock."""
        time.sleep(max(0.0, duration.total_seconds() / (self.speed or 1.0)))

    def token(self) -> str:
        return uuid.uuid4().hex


class FileClock:
    """Shows what the clock in a file shows: whoever writes the file puts it forward for every process at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def set(self, start: datetime, speed: float) -> None:
        """Show ``start`` now and run on from there; 0 stands still."""
        fresh = self._path.with_name(f"{self._path.name}.new")
        fresh.write_text(str(AcceleratedClock(start, time.time(), speed)), encoding="utf-8")
        fresh.replace(self._path)

    def now(self) -> datetime:
        return self._clock().now()

    def sleep(self, duration: timedelta) -> None:
        """Wait as long as the duration takes at the speed of this moment."""
        self._clock().sleep(duration)

    def token(self) -> str:
        return uuid.uuid4().hex

    def _clock(self) -> AcceleratedClock:
        try:
            return AcceleratedClock.parse(self._path.read_text(encoding="utf-8").strip())
        except OSError as error:
            raise Unavailable("clock", f"{self._path}: {error.strerror}") from error


def clock_of(text: str) -> AcceleratedClock | FileClock:
    """Return the clock that `START|ORIGIN|SPEED` or `@FILE` names; raise ``PolicyError`` if it names none."""
    if text.startswith(_FILE):
        clock = FileClock(Path(text.removeprefix(_FILE)))
        clock.now()
        return clock
    return AcceleratedClock.parse(text)
