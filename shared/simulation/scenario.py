"""What a scenario says, as frozen values: the world at its start, what happens, and what must be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from shared.core.learning.learned import Learned
from shared.core.policy.policy import Policy
from shared.core.workflows.model import Workflows
from shared.simulation.batches.events import BatchReport, Workers
from shared.simulation.expectations import Expected


class Health(StrEnum):
    """How a service answers, readiness and calls alike."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"
    TIMEOUT = "timeout"
    HTTP_404 = "http_404"
    WRONG_IDENTITY = "wrong_identity"


class Downstream(StrEnum):
    """Whether a phase reports that it has started once a dispatch reached it."""

    STARTS = "starts"
    SILENT = "silent"


class FaultKind(StrEnum):
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    REJECTS = "rejects"
    DROPS = "drops"
    DUPLICATES = "duplicates"


class CrashPoint(StrEnum):
    AFTER_RECORD = "after_record"
    AFTER_CLAIM = "after_claim"
    AFTER_DISPATCH = "after_dispatch"
    BEFORE_CONFIRM = "before_confirm"


@dataclass(frozen=True)
class GameCount:
    """Games of a date by status; units of work are all but the postponed."""

    scheduled: int = 0
    final: int = 0
    in_progress: int = 0
    postponed: int = 0

    @property
    def units(self) -> int:
        return self.scheduled + self.final + self.in_progress


@dataclass(frozen=True)
class CallAnswer:
    """What a call is answered, ``after`` so long."""

    status: int
    body: Any
    after: timedelta = timedelta(0)


@dataclass(frozen=True)
class Change:
    """What becomes of the world, merged by table and date into what it is.

    ``units`` are the names of a date's units, where they matter; ``units_held`` are those that a table holds, by name
    or the first so many.
    A reading that is a number replaces everything known of its gate; a mapping is merged by date.
    A number of games is final if its date is past at the scenario's start, else scheduled.
    ``answers`` are by `service path`: one a call, the last one for ever; ``scrapers`` likewise by scraper.
    ``starts_at`` are the local times at which the units of a date begin, one each.
    """

    games: Mapping[date, int | GameCount] = field(default_factory=dict)
    units: Mapping[date, tuple[str, ...]] = field(default_factory=dict)
    units_held: Mapping[str, Mapping[date, int | tuple[str, ...]]] = field(default_factory=dict)
    rows: Mapping[str, Mapping[date, int]] = field(default_factory=dict)
    readings: Mapping[str, float | Mapping[date, float]] = field(default_factory=dict)
    services: Mapping[str, Health] = field(default_factory=dict)
    downstream: Mapping[str, Downstream] = field(default_factory=dict)
    answers: Mapping[str, tuple[CallAnswer, ...]] = field(default_factory=dict)
    scrapers: Mapping[str, tuple[CallAnswer, ...]] = field(default_factory=dict)
    starts_at: Mapping[date, tuple[time, ...]] = field(default_factory=dict)
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    workers: Mapping[str, Workers] = field(default_factory=dict)


@dataclass(frozen=True)
class EarlierRun:
    """A run of a workflow that had ended before the scenario began."""

    workflow: str
    day: date
    at: datetime
    outcome: str


@dataclass(frozen=True)
class ControllerSwitch:
    """Whether the controller is called every five minutes from now on."""

    up: bool


@dataclass(frozen=True)
class Given:
    change: Change = field(default_factory=Change)
    rows_follow: bool = True
    workflow_runs: tuple[EarlierRun, ...] = ()
    usual: Learned | None = None


@dataclass(frozen=True)
class Complete:
    """A completion message; ``body`` is what goes on the wire. ``name`` is for `redeliver`."""

    phase: str
    body: Mapping[str, Any]
    published: datetime
    name: str | None = None


@dataclass(frozen=True)
class DeliverRaw:
    """``phase`` is "" where ``topic`` is one of batches, both are of a workflow's step; of a topic of signals it is the
    channel. ``name`` is for `redeliver`."""

    phase: str
    data: str
    topic: str = ""
    name: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Redeliver:
    names: tuple[str, ...]


@dataclass(frozen=True)
class Concurrently:
    entries: tuple[Complete | Redeliver | BatchReport, ...]


@dataclass(frozen=True)
class Fault:
    port: str
    kind: FaultKind
    lasts: timedelta


@dataclass(frozen=True)
class Crash:
    """Where the next handler dies; ``anybody`` means that of any pipeline played."""

    point: CrashPoint
    anybody: bool = False


@dataclass(frozen=True)
class Request:
    function: str
    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any] | None


@dataclass(frozen=True)
class Operator:
    argv: tuple[str, ...]


Happening = (
    Complete
    | DeliverRaw
    | Redeliver
    | Concurrently
    | Change
    | Fault
    | Crash
    | Request
    | Operator
    | BatchReport
    | ControllerSwitch
)


@dataclass(frozen=True)
class Event:
    at: datetime
    happening: Happening


@dataclass(frozen=True)
class Scenario:
    """One file, understood. Instants are in UTC.

    ``beside`` are scenarios of other pipelines that are played in the same deployment, by the same clock. ``parts`` are
    the pipelines of a file that plays several, each with what of it is its own: ``expect`` is then what is expected of
    all of them together, and ``policy`` that of the first, whose zone times are told in. ``overlay`` is what of the
    policy stands in the scenario, in place of the policy's file.
    """

    path: Path
    name: str
    policy: Policy
    start: datetime
    end: datetime
    given: Given
    events: tuple[Event, ...]
    expect: tuple[Expected, ...]
    source: str = ""
    seed: int | None = None
    workflows: Workflows | None = None
    overlay: Mapping[str, Any] | None = None
    beside: tuple[Scenario, ...] = ()
    parts: tuple[Scenario, ...] = ()
