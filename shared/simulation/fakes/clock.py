"""The virtual clock, and the handlers that live by it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any


class Crash(BaseException):
    """The process of a handler dies here; nothing but the end of the process may follow."""


@dataclass
class Actor:
    """One handler at work: when it began, how long it has waited, and whether its process still lives.

    ``doomed`` names the crash point it has passed: it dies before its next write. ``passed`` are the points of which
    the first time alone counts. ``claimed`` are the fields of the trigger that it has claimed last.
    """

    name: str
    started: datetime
    waited: timedelta = field(default_factory=timedelta)
    doomed: str = ""
    dead: bool = False
    passed: set[str] = field(default_factory=set)
    claimed: Mapping[str, Any] = field(default_factory=dict)


class VirtualClock:
    """Time as the scenario has it.

    Each handler's waiting passes for that handler alone, as it would for one process among many:
    the world's time is set by the runner, from one event to the next.
    """

    def __init__(self, start: datetime, seed: int = 0) -> None:
        self.instant = start
        self.actor: Actor | None = None
        self._seed = seed
        self.tokens = 0

    def now(self) -> datetime:
        actor = self.actor
        return self.instant if actor is None else actor.started + actor.waited

    def sleep(self, duration: timedelta) -> None:
        if self.actor is not None:
            self.actor.waited += max(duration, timedelta())

    def token(self) -> str:
        self.tokens += 1
        return hashlib.md5(f"{self._seed}/{self.tokens}".encode(), usedforsecurity=False).hexdigest()
