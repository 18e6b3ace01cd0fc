"""What ``/ready`` found, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something this project cannot work without: whether it answered, how long that took, and what it said."""

    name: str
    well: bool
    detail: str
    latency_ms: int

    def body(self) -> dict[str, Any]:
        status = "ok" if self.well else "failed"
        return {"name": self.name, "status": status, "latency_ms": self.latency_ms, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Readiness:
    """All dependencies as they were at one moment."""

    at: datetime
    dependencies: tuple[Dependency, ...]

    @property
    def well(self) -> bool:
        return all(dependency.well for dependency in self.dependencies)

    @property
    def failures(self) -> tuple[str, ...]:
        return tuple(
            f"{dependency.name}: {dependency.detail}" for dependency in self.dependencies if not dependency.well
        )
