"""A clock that runs faster than time, the same in several processes: for rehearsals."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.core.errors import PolicyError


@dataclass(frozen=True, slots=True)
class AcceleratedClock:
    """Shows ``start`` at the machine's ``origin`` (seconds since the epoch) and runs ``speed`` times as fast."""

    start: datetime
    origin: float
    speed: float

    @classmethod
    def parse(cls, text: str) -> AcceleratedClock:
        """Read `2025-12-29T10:25:00-05:00|1766999999.5|600`: start, origin, speed."""
        try:
            start, origin, speed = text.split("|")
            found = cls(datetime.fromisoformat(start).astimezone(UTC), float(origin), float(speed))
        except ValueError:
            hint = "START|ORIGIN|SPEED, such as 2025-12-29T10:25:00-05:00|1766999999.5|600"
            raise PolicyError("environment", "ORCH_CLOCK", f"{text!r} is not a clock", hint) from None
        return found

    def __str__(self) -> str:
        return f"{self.start.isoformat()}|{self.origin}|{self.speed}"

    def now(self) -> datetime:
        return self.start + timedelta(seconds=(time.time() - self.origin) * self.speed)

    def sleep(self, duration: timedelta) -> None:
        """Wait as long as the duration takes on this clock."""
        time.sleep(max(0.0, duration.total_seconds() / self.speed))

    def token(self) -> str:
        return uuid.uuid4().hex
