"""A circuit breaker as a value: closed, open, half-open with one probe at a time (behaviour 12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Position(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"

    @classmethod
    def of_later_version(cls, document: Mapping[str, object]) -> Position:
        """An older version finds out anew whether the service answers."""
        return cls.CLOSED


class Permission(StrEnum):
    """Whether a call may be made: `go`, `probe` (the one that tries whether it is over), `stop`."""

    GO = "go"
    PROBE = "probe"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Limits:
    """When a breaker opens, for how long, and what closes it again."""

    failures: int = 5
    within: timedelta = timedelta(seconds=60)
    open_for: timedelta = timedelta(seconds=300)
    successes: int = 3
    probe_for: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Circuit:
    """The stored state of a breaker. ``probing_until`` leases the one probe, so that a dead one is replaced."""

    position: Position = Position.CLOSED
    failed_at: tuple[datetime, ...] = field(default=())
    opened_at: datetime | None = None
    successes: int = 0
    probing_until: datetime | None = None


def ask(circuit: Circuit, limits: Limits, now: datetime) -> tuple[Circuit, Permission]:
    """Return whether a call may be made now, and the circuit that says so to the others."""
    if circuit.position is Position.CLOSED:
        return circuit, Permission.GO
    waiting = circuit.position is Position.OPEN and circuit.opened_at is not None
    if waiting and circuit.opened_at is not None and now < circuit.opened_at + limits.open_for:
        return circuit, Permission.STOP
    if circuit.probing_until is not None and now < circuit.probing_until:
        return circuit, Permission.STOP
    probing = replace(circuit, position=Position.HALF_OPEN, probing_until=now + limits.probe_for)
    return probing, Permission.PROBE


def succeeded(circuit: Circuit, limits: Limits) -> Circuit:
    """Return the circuit after a success; in the closed position the very same, so that nothing is written."""
    if circuit.position is not Position.HALF_OPEN:
        return circuit
    successes = circuit.successes + 1
    return Circuit() if successes >= limits.successes else replace(circuit, successes=successes, probing_until=None)


def failed(circuit: Circuit, limits: Limits, now: datetime) -> Circuit:
    """Return the circuit after a failure: enough of them in a while open it, and any of a probe does."""
    recent = (*(at for at in circuit.failed_at if now - at < limits.within), now)[-limits.failures :]
    if circuit.position is Position.HALF_OPEN or len(recent) >= limits.failures:
        return Circuit(Position.OPEN, recent, now)
    return replace(circuit, failed_at=recent)
