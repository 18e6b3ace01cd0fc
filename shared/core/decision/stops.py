"""Where a transition stood still and until when: read from its decisions, for the state keeps only what lasts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from shared.core.decision.history import states
from shared.core.model import LogEntry, State

STILL = (State.BLOCKED, State.HELD)


@dataclass(frozen=True, slots=True)
class Stop:
    """A stretch in which a transition was blocked or held: ``state`` says which of them, ``text`` with what reason it
    began. ``ends_at`` is None while nothing is recorded that ended it."""

    state: State
    begins_at: datetime
    ends_at: datetime | None
    text: str


def stops(entries: Iterable[LogEntry]) -> tuple[Stop, ...]:
    """Return where these decisions left a transition blocked or held before its first trigger, the earliest first."""
    stretches: list[Stop] = []
    for entry, state in states(entries):
        last = stretches[-1] if stretches and stretches[-1].ends_at is None else None
        if last is not None and last.state is state.state:
            continue
        if last is not None:
            stretches[-1] = replace(last, ends_at=entry.at)
        if state.state in STILL:
            stretches.append(Stop(state.state, entry.at, None, entry.reason))
    return tuple(stretches)
