"""The system's clock: the one place that asks the machine for the time."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta


class SystemClock:
    """Clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, duration: timedelta) -> None:
        """Wait; a duration that is not positive does not."""
        time.sleep(max(0.0, duration.total_seconds()))

    def token(self) -> str:
        return uuid.uuid4().hex
