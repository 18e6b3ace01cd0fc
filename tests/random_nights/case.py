"""What a random night is made of, before it is played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from shared.core.model import RunKey
from shared.simulation.scenario import Health
from shared.simulation.world import Envelope


class Kind(StrEnum):
    """How a port fails. `late` did what was asked and then does not answer, `flaky` refuses every other time,
    `declines` is a service that is well and answers no."""

    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    REJECTS = "rejects"
    DROPS = "drops"
    LATE = "late"
    FLAKY = "flaky"
    DECLINES = "declines"


@dataclass(frozen=True, slots=True)
class Outage:
    """A port (or a service's calls) that fails for a while; its end lies outside it."""

    port: str
    kind: Kind
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Sickness:
    """A service that is not well for a while, readiness and calls alike."""

    service: str
    health: Health
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class FactsChange:
    """What becomes true in the world at a moment: games left, a gate's reading."""

    at: datetime
    units: int | None = None
    percents: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """What an operator types at a moment."""

    at: datetime
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseMessage:
    """A message, and what its sender meant by it: the truth that the product has to find out.

    ``key`` None means that nobody can understand it (or, ``probe``, that there is nothing to understand).
    """

    envelope: Envelope
    key: RunKey | None = None
    processor: str = ""
    outcome: str = ""
    records: int | None = None
    percent: float | None = None
    ended: datetime | None = None
    skip_downstream: bool = False
    probe: bool = False
    trigger_id: str = ""
    source: str = ""

    @property
    def id(self) -> str:
        return self.envelope.message_id


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """One report that a processor will send, ``after`` its phase has begun; ``copies`` are further deliveries,
    ``trigger_id`` what started its phase, where it says so; ``units`` are the numbers of its units, None for all;
    ``source`` is the loader that it is of."""

    after: timedelta
    processor: str
    status: str
    records: int | None = None
    travels: timedelta = timedelta()
    copies: tuple[timedelta, ...] = ()
    name: str = ""
    writes: int = 0
    trigger_id: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    units: tuple[int, ...] | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Manner:
    """How this night's platform behaves: chances by handler, minutes between sweeps and until one that the clock asks
    for, the span between the instances' clocks."""

    crash: float
    at_once: float
    second_sweep: float
    gaps: tuple[int, ...]
    late: tuple[int, ...]
    skew: timedelta


@dataclass(frozen=True)
class Night:
    """One date with its runs, and everything that will happen to them of itself. Instants are in UTC.

    ``units`` is None for a pipeline without a calendar, whose dates have units of unknown number (behaviour T3).
    ``lost`` are a mode and a phase of it that stay incomplete until the run has closed: what would repair them is away.
    """

    seed: int
    day: date
    units: int | None
    wildness: int
    start: datetime
    calm: datetime
    end: datetime
    manner: Manner
    begins: Mapping[str, datetime]
    played: datetime
    outages: tuple[Outage, ...]
    sick: tuple[Sickness, ...]
    facts: tuple[FactsChange, ...]
    commands: tuple[Command, ...]
    requests: tuple[tuple[datetime, Mapping[str, Any]], ...]
    deaf: frozenset[tuple[str, str]]
    early: Mapping[tuple[str, str], datetime]
    unset: frozenset[str]
    backfill: tuple[str, ...]
    strays: int
    evening: str = ""
    lost: tuple[str, str] | None = None
