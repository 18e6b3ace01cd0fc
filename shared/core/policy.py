"""The policy of a pipeline as values: what its YAML file means once it has been loaded.

Nothing here reads a file; `shared/adapters/policy_file.py` builds these values, and
`shared/core/policy_check.py` says what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from shared.core.dialect import CANONICAL, Wire


@dataclass(frozen=True)
class Calendar:
    """Where the units of a date stand."""

    unit: str
    table: str
    date_column: str
    status_column: str
    excluded_statuses: tuple[str, ...]
    final_status: str = "Final"


@dataclass(frozen=True)
class Mode:
    """One pass over a date. ``partition_offset_days`` is date minus working day."""

    name: str
    partition_offset_days: int
    opens_at: time


@dataclass(frozen=True)
class Service:
    """A service this project calls. ``url_env`` names the environment variable of its URL."""

    name: str
    url_env: str
    identity: str
    ready_path: str


@dataclass(frozen=True)
class Disabled:
    since: date
    reason: str


@dataclass(frozen=True)
class Processor:
    """A job of a phase, by its one canonical name."""

    name: str
    phase: str
    aliases: tuple[str, ...] = ()
    table: str | None = None
    date_column: str = "game_date"
    min_records_per_unit: int | None = None
    disabled: Disabled | None = None

    def disabled_on(self, day: date) -> bool:
        """True for dates from ``disabled.since`` on (behaviour R2)."""
        return self.disabled is not None and day >= self.disabled.since

    def floor(self, units: int | None) -> int | None:
        """Records a success of the date must have; None where nothing can be demanded (behaviour R6, T3)."""
        if self.min_records_per_unit is None or units is None:
            return None
        return self.min_records_per_unit * units


@dataclass(frozen=True)
class Rerun:
    """How self-heal asks a phase to run again."""

    service: str
    path: str


@dataclass(frozen=True)
class Phase:
    """``known`` are names on its topic that are expected of nobody, * allowed (behaviour R9)."""

    name: str
    title: str
    completions_topic: str
    processors: Mapping[str, Processor]
    rerun: Rerun | None = None
    wire: Wire = CANONICAL
    known: tuple[str, ...] = ()


class GateKind(StrEnum):
    ROWS = "rows"
    PERCENT = "percent"
    COMPLETION_PERCENT = "completion_percent"


class OnUnreadable(StrEnum):
    PASS = "pass"  # noqa: S105 - a word of the policy, not a password
    BLOCK = "block"


class OnMissing(StrEnum):
    WARN = "warn"
    BLOCK = "block"


@dataclass(frozen=True)
class Gate:
    """One number read just before a trigger. ``modes`` None means every mode."""

    name: str
    kind: GateKind
    sql: str | None = None
    modes: frozenset[str] | None = None
    block_below: float | None = None
    warn_below: float | None = None
    at_least: int | None = None
    min_rows: int = 1
    on_missing: OnMissing = OnMissing.BLOCK
    on_unreadable: OnUnreadable = OnUnreadable.PASS

    def binds(self, mode: str) -> bool:
        return self.modes is None or mode in self.modes


@dataclass(frozen=True)
class Tier:
    """Enough, once ``after`` has elapsed since the transition opened."""

    after: timedelta
    at_least: int


class Then(StrEnum):
    TRIGGER = "trigger"
    TRIGGER_IF_REQUIRED = "trigger_if_required"
    HOLD = "hold"


@dataclass(frozen=True)
class Deadline:
    after: timedelta
    then: Then


@dataclass(frozen=True)
class Due:
    """Local times on the run's working day (behaviour T2)."""

    warning: time | None
    critical: time | None


@dataclass(frozen=True)
class Expectation:
    """What one mode of a transition waits for. Sets decide, never counts of what arrived (behaviour D1)."""

    required: frozenset[str]
    optional: frozenset[str] = frozenset()
    tiers: tuple[Tier, ...] = ()
    deadline: Deadline | None = None
    due: Due | None = None

    @cached_property
    def expected(self) -> frozenset[str]:
        return self.required | self.optional


class Role(StrEnum):
    TRIGGER = "trigger"
    OBSERVE = "observe"


class Messages(StrEnum):
    ONE = "one"
    PER_PROCESSOR = "per_processor"


@dataclass(frozen=True)
class HttpCall:
    """A call that starts the next phase. A status in ``accepted`` is a yes (behaviour D5)."""

    service: str
    path: str
    accepted: frozenset[int]
    timeout: timedelta = timedelta(seconds=20)
    attempts: int = 3


@dataclass(frozen=True)
class Dispatch:
    role: Role
    topic: str | None = None
    messages: Messages = Messages.ONE
    body: Mapping[str, Any] = field(default_factory=dict)
    http: HttpCall | None = None


class ConfirmBy(StrEnum):
    PUBLISH = "publish"
    HTTP = "http"
    FIRST_REPORT = "first_report"


@dataclass(frozen=True)
class Confirm:
    """``within`` and ``redispatch`` only matter where a report confirms (behaviour D7)."""

    by: ConfirmBy
    within: timedelta = timedelta(minutes=30)
    redispatch: int = 0


@dataclass(frozen=True)
class Refresh:
    """When a later completion starts the next phase once more (behaviour D8)."""

    until: time
    at_most: int
    min_growth_percent: float


@dataclass(frozen=True)
class Transition:
    """From the phase ``after`` to the phase ``starts``."""

    name: str
    after: str
    starts: str
    expects: Mapping[str, Expectation]
    gates: tuple[str, ...]
    dispatch: Dispatch
    confirm: Confirm
    preflight: str | None = None
    refresh: Refresh | None = None


@dataclass(frozen=True)
class PagerDuty:
    severities: frozenset[str]
    routing_key_secret: str


@dataclass(frozen=True)
class Alerts:
    """``channels`` maps a severity to the secret that holds its Slack webhook."""

    channels: Mapping[str, str]
    repeat_after: timedelta
    pagerduty: PagerDuty | None = None


@dataclass(frozen=True)
class Repairs:
    """What self-heal may do (behaviour 9)."""

    max_attempts: int
    cooldown: timedelta
    refuse_above_missing_percent: int
    refuse_above_items: int = 20


@dataclass(frozen=True)
class Policy:
    """A whole pipeline. Mappings are in the file's order; transitions in the order of their phases. ``version`` is a
    short digest of what was loaded, "" for a policy that no file states."""

    pipeline: str
    zone: ZoneInfo
    modes: Mapping[str, Mode]
    phases: Mapping[str, Phase]
    gates: Mapping[str, Gate]
    transitions: Mapping[str, Transition]
    alerts: Alerts
    repairs: Repairs
    services: Mapping[str, Service] = field(default_factory=dict)
    calendar: Calendar | None = None
    claim_lease: timedelta = timedelta(minutes=2)
    source: str = ""
    version: str = ""

    @cached_property
    def gates_passed(self) -> Mapping[tuple[str, str], tuple[Gate, ...]]:
        """The gates of each transition and mode, in the order of the policy."""
        return {
            (name, mode): tuple(gate for gate in map(self.gates.__getitem__, one.gates) if gate.binds(mode))
            for name, one in self.transitions.items()
            for mode in one.expects
        }

    @cached_property
    def topics(self) -> Mapping[str, str]:
        """Completion topic to phase."""
        return {phase.completions_topic: phase.name for phase in self.phases.values()}

    def local(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone)

    def after(self, phase: str) -> Transition | None:
        """The transition that waits for this phase."""
        return next((t for t in self.transitions.values() if t.after == phase), None)

    def starting(self, phase: str) -> Transition | None:
        """The transition that starts this phase."""
        return next((t for t in self.transitions.values() if t.starts == phase), None)
