"""What the adapter tests share: a clock that only moves when told, and a log that remembers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Sleeping moves it; nothing else does."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 22, 10, 0, tzinfo=UTC)
        self.slept: list[float] = []
        self.tokens = 0

    def now(self) -> datetime:
        return self.time

    def sleep(self, duration: timedelta) -> None:
        self.slept.append(duration.total_seconds())
        self.time += duration

    def token(self) -> str:
        self.tokens += 1
        return f"{self.tokens:032x}"


class MemoryLog:
    """Keeps each line as (event, severity, keys)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def __call__(self, event: str, /, severity: str = "INFO", **keys: object) -> None:
        self.lines.append((event, severity, keys))
