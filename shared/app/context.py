"""What every use case is given: the policy and the ports, nothing global."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from shared.core.alerting.links import NOWHERE, Places
from shared.core.errors import Unavailable
from shared.core.model import RunKey
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.ports import AlertSink, AuditLog, Bus, Calls, Clock, Http, Inventory, StateStore, Warehouse

if TYPE_CHECKING:  # what a completion that only waits has no use for
    from shared.core.decision.gates import Fitness
    from shared.core.learning.anomaly import Usuals
    from shared.core.reporting.dependencies import Readiness
    from shared.core.reporting.findings import Sweep
    from shared.core.reporting.inventory import Declared, Feed, Job
    from shared.core.workflows.model import Workflows

INVENTORY = "inventory"
# So long a run goes unseen at most that should have been made due and was not: minutes, never a night.
LOOK_AT_ALL_EVERY = timedelta(minutes=15)


NOT_READABLE = "the inventory is not readable here: only a deployed bundle knows what should be there"


class NotDeployed:
    """The inventory where none can be read: every question is answered with the reason."""

    def __init__(self, why: str = NOT_READABLE) -> None:
        self._why = why

    def declared(self) -> Declared:
        raise Unavailable(INVENTORY, self._why)

    def schedules(self) -> list[Job]:
        raise Unavailable(INVENTORY, self._why)

    def subscriptions(self) -> list[Feed]:
        raise Unavailable(INVENTORY, self._why)

    def backlog(self) -> dict[str, int]:
        raise Unavailable(INVENTORY, self._why)


class Log(Protocol):
    """Structured log: an event name and its keys."""

    def __call__(self, event: str, /, severity: str = "INFO", **keys: object) -> None: ...


class Ports(Protocol):
    """The outside, each part built when it is first asked for: a wait must not pay for the warehouse."""

    @property
    def store(self) -> StateStore: ...
    @property
    def warehouse(self) -> Warehouse: ...
    @property
    def audit(self) -> AuditLog: ...
    @property
    def bus(self) -> Bus: ...
    @property
    def http(self) -> Http: ...
    @property
    def alerts(self) -> AlertSink: ...
    @property
    def clock(self) -> Clock: ...


Missing = tuple[tuple[str, str | None], ...]
"""Members of a phase that were missing, each with the version of its document, None if it had none."""


@dataclass(eq=False)
class Scan:
    """A handler that reads a whole phase; ``again`` asks it to look once more before it ends."""

    again: bool = False


@dataclass(slots=True)
class KnownRun:
    """A run that was open and due when it was read from ``read_at`` on; ``reported`` are the ids of those documents of
    completions that it is known to have."""

    read_at: datetime
    reported: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class RememberedBatch:
    """What an instance knows of a batch: where its index is, and where the outcomes of members would be that were
    silent on one page. ``page`` is the one to look at when they have reported, for on those behind it nobody else is
    silent: -1 where none is left, None while none was looked at.

    ``name`` is that of the batch in the policy, ``generation`` that of the open batch whose silent ones they are,
    ``places`` those parts of the index that were read: the page of each member by hash. An index is written once,
    before anybody is asked.
    """

    load: int
    buckets: int
    silent: tuple[str, ...] = ()
    page: int | None = None
    generation: int = 1
    places: dict[str, Mapping[str, int]] = field(default_factory=dict, compare=False)
    name: str = ""


@dataclass
class Memory:
    """What an instance remembers between two calls; losing it costs a repetition, never a trigger."""

    fitness: dict[str, tuple[datetime, Fitness]] = field(default_factory=dict)
    both_down_notified_at: datetime | None = None
    state_down_since: datetime | None = None
    state_down_notified: bool = False
    # By kind, and whether it is over: the sinks that took what was said past the store.
    straight_taken: dict[tuple[str, bool], tuple[str, ...]] = field(default_factory=dict)
    last_sweep: Sweep | None = None
    readiness: Readiness | None = None
    report_sent_on: date | None = None
    # The dates that the store was last known to keep as without units; None before it was asked.
    empty_dates: frozenset[date] | None = None
    dead_letters_seen_at: datetime | None = None
    # When the past is looked at next, None for at once; and whether anything of it is left to be repaired.
    past_repairs_at: datetime | None = None
    past_is_lacking: bool = False
    missing: dict[tuple[RunKey, str], Missing] = field(default_factory=dict)
    scans: dict[tuple[RunKey, str], Scan] = field(default_factory=dict)
    workflows: Workflows | None = None
    # When the objectives are measured next, by whatever instance, None for at once.
    objectives_at: datetime | None = None
    # When the scrapers' reports are compared with the record next, None for at once.
    scraper_reports_at: datetime | None = None
    # Runs that were open and due a moment ago.
    runs: dict[RunKey, KnownRun] = field(default_factory=dict)
    batches: dict[str, RememberedBatch] = field(default_factory=dict)
    # When the nights of the record are learned from next, None for at once.
    learns_at: datetime | None = None
    # What is usual, and the local date on which it was read; None before it was asked for.
    usuals: tuple[date, Usuals] | None = None


@dataclass(frozen=True)
class Context:
    """``endpoints`` maps a service of the policy to its base URL, None where none is configured.

    ``inventory`` is there for those who judge what is deployed; for all others nothing of it can be read.
    ``deadline`` is when whoever works must have ended, None where only the platform says so.
    ``places`` is where the links of alerts lead.
    ``several`` is true where the deployment serves other pipelines too, so that a command has to name this one.
    ``looks_at_all_every`` is how often a sweep looks at every open run, whatever its document says of when it is due.
    ``sweep_every`` is how often one is called, None in a rehearsal, which skips the minutes in which nothing happens:
    whether a sweep came late is then nobody's to say.
    ``workflows`` and ``calls`` are there for those who decide and run workflows, and for the sweep that watches them.
    """

    policy: Policy
    names: Names
    ports: Ports
    endpoints: Mapping[str, str | None]
    log: Log
    code_version: str = "unknown"
    memory: Memory = field(default_factory=Memory)
    inventory: Inventory = field(default_factory=NotDeployed)
    deadline: datetime | None = None
    workflows: Workflows | None = None
    calls: Calls | None = None
    several: bool = False
    places: Places = NOWHERE
    looks_at_all_every: timedelta = LOOK_AT_ALL_EVERY
    sweep_every: timedelta | None = timedelta(minutes=1)

    def out_of_time(self, needed: timedelta = timedelta(0)) -> bool:
        """True once less time is left than what is to be done may need."""
        return self.deadline is not None and self.ports.clock.now() + needed >= self.deadline
