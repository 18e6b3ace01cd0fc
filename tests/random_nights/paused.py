"""The pauses of a random night as the state store was told of them (behaviour T8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Data = Mapping[str, Any]


@dataclass(slots=True)
class Known:
    """A pause as the state store has it; ``begun`` and ``ended`` are when that was written, by the world's clock."""

    data: Data
    begun: datetime
    ended: datetime | None = None

    def covers(self, mode: str, transition: str | None) -> bool:
        return self.data["mode"] in (None, mode) and self.data["transition"] in (None, transition)

    def surely_in_force(self, now: datetime, skew: timedelta) -> bool:
        """Whether it is in force by every clock that may be meant."""
        ends = [at for at in (self.data["ends_at"], self.data["ended_at"]) if at is not None]
        return self.data["begins_at"] + skew < now and all(now + skew < at for at in ends)

    def perhaps_in_force(self, now: datetime, skew: timedelta) -> bool:
        ends = [at for at in (self.data["ends_at"], self.data["ended_at"]) if at is not None]
        return self.data["begins_at"] - skew <= now and all(now - skew < at for at in ends)


@dataclass(slots=True)
class Pauses:
    """All that were ever written, by id."""

    known: dict[str, Known] = field(default_factory=dict)

    def wrote(self, data: Data, at: datetime) -> None:
        """Take over what a handler has written of the pauses."""
        for pause in data["pauses"]:
            before = self.known.get(pause["id"])
            begun = at if before is None else before.begun
            self.known[pause["id"]] = Known(pause, begun, at if pause["ended_at"] is not None else None)

    def over(self, mode: str, transition: str | None, now: datetime, skew: timedelta) -> bool:
        """Return whether a pause may keep a transition, or with None whole runs of a mode, from being decided."""
        return any(
            pause.perhaps_in_force(now, skew) and pause.covers(mode, transition) for pause in self.known.values()
        )
