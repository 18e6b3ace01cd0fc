"""The kinds of expectation a scenario may hold, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True)
class Window:
    """Both ends are inclusive; None is open."""

    not_before: datetime | None = None
    by: datetime | None = None

    def contains(self, at: datetime) -> bool:
        return (self.not_before is None or at >= self.not_before) and (self.by is None or at <= self.by)


@dataclass(frozen=True)
class Of:
    """Which runs are meant; None where the file leaves it out."""

    day: date | None = None
    mode: str | None = None
    lane: str = "live"

    def fits(self, day: date, mode: str, lane: str) -> bool:
        return self.day in (None, day) and self.mode in (None, mode) and self.lane == lane


@dataclass(frozen=True)
class TriggerExpected:
    transition: str
    of: Of
    window: Window = Window()
    count: int = 1
    generation: int | None = None
    degraded: bool | None = None
    missing: frozenset[str] | None = None
    reason: str | None = None
    messages: int | None = None


@dataclass(frozen=True)
class DispatchesExpected:
    transition: str
    of: Of
    count: int = 1


@dataclass(frozen=True)
class NoTriggerExpected:
    transition: str
    of: Of
    until: datetime


@dataclass(frozen=True)
class RunExpected:
    """What is seen of a transition at one moment."""

    transition: str
    of: Of
    at: datetime
    state: str | None = None
    done: int | None = None
    missing: frozenset[str] | None = None
    decision: tuple[str, ...] = ()


@dataclass(frozen=True)
class AlertExpected:
    severity: str
    window: Window = Window()
    mentions: tuple[str, ...] = ()
    count: int | None = None


@dataclass(frozen=True)
class NoAlertExpected:
    """``severity`` is the lowest that must not be sent."""

    severity: str = "warning"
    window: Window = Window()
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True)
class ResolvedExpected:
    mentions: tuple[str, ...] = ()
    window: Window = Window()


@dataclass(frozen=True)
class NotResolvedExpected:
    """No recovery notice that contains these strings was sent up to and including the window's end."""

    mentions: tuple[str, ...] = ()
    window: Window = Window()


@dataclass(frozen=True)
class SentExpected:
    """A dispatch to a topic or to `service path` had these fields with exactly these values, and not those."""

    transition: str
    of: Of
    to: str
    contains: Mapping[str, Any] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


@dataclass(frozen=True)
class CallsExpected:
    """How many requests to a path of a service left, whatever was answered."""

    service: str
    path: str
    count: int
    window: Window = Window()


@dataclass(frozen=True)
class QuarantinedExpected:
    """``count`` None asks for one at least."""

    count: int | None = None
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunsExpected:
    count: int


@dataclass(frozen=True)
class RepairExpected:
    phase: str
    day: date | None = None
    count: int = 1
    window: Window = Window()


@dataclass(frozen=True)
class ResponseExpected:
    function: str
    nth: int = 1
    status: int | None = None
    contains: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExitExpected:
    nth: int = 1
    status: int | None = None
    contains: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecordedExpected:
    phase: str
    processor: str
    of: Of
    outcome: str | None = None
    records: int | None = None
    superseded: int | None = None


@dataclass(frozen=True)
class WorkflowExpected:
    """What is seen of a workflow's runs of a date at one moment."""

    name: str
    day: date | None
    at: datetime
    state: str | None = None
    count: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class ScrapeExpected:
    """How many calls of a scraper left, with which parameters, and which targets they named together."""

    scraper: str
    workflow: str | None
    day: date | None
    count: int
    window: Window = Window()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    targets: tuple[str, ...] | None = None


@dataclass(frozen=True)
class AnnouncedExpected:
    """How many re-announcements of a scraper's file left."""

    scraper: str
    day: date | None
    count: int
    window: Window = Window()


@dataclass(frozen=True)
class BatchExpected:
    """The state of the newest batch of a run at one moment."""

    name: str
    of: Of
    at: datetime
    state: str | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RequestsExpected:
    """How many requests of a batch left in a window: messages, members named, request ids."""

    batch: str
    of: Of
    window: Window = Window()
    count: int | None = None
    at_most: int | None = None
    distinct: int | None = None
    ids: int | None = None


@dataclass(frozen=True)
class PublishedExpected:
    """How often a batch's completion was published, and what the first one says."""

    batch: str
    of: Of
    window: Window = Window()
    generation: int | None = None
    count: int = 1
    status: str | None = None
    missing: tuple[str, ...] | None = None
    percent: float | None = None


Expectation = (
    TriggerExpected
    | DispatchesExpected
    | NoTriggerExpected
    | RunExpected
    | AlertExpected
    | NoAlertExpected
    | ResolvedExpected
    | NotResolvedExpected
    | SentExpected
    | CallsExpected
    | QuarantinedExpected
    | RunsExpected
    | RepairExpected
    | ResponseExpected
    | ExitExpected
    | RecordedExpected
    | WorkflowExpected
    | ScrapeExpected
    | AnnouncedExpected
    | BatchExpected
    | RequestsExpected
    | PublishedExpected
)


@dataclass(frozen=True)
class Expected:
    """One expectation: its place in the list, as the file writes it, and what it means."""

    index: int
    raw: Mapping[str, Any]
    meaning: Expectation
