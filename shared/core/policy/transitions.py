"""Transitions of a policy: what is waited for, how long, what is sent and what confirms it (behaviour 3, D12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

from shared.core.model import TriggerReason
from shared.core.policy.adaptive import Auto
from shared.core.policy.after_run import AfterRun
from shared.core.policy.config_error import spell
from shared.core.wire.bodies import NO_BODY, RESERVED, Body


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
    """Enough, once ``after`` has elapsed since the transition opened; with ``auto`` what past nights say (T11)."""

    after: timedelta
    at_least: int
    auto: Auto | None = None


class Then(StrEnum):
    TRIGGER = "trigger"
    TRIGGER_IF_REQUIRED = "trigger_if_required"
    HOLD = "hold"


@dataclass(frozen=True)
class Deadline:
    after: timedelta
    then: Then
    auto: Auto | None = None


@dataclass(frozen=True, order=True)
class LocalTime:
    """A local time of the working day, or of the day so many ``days`` after it; spelled as the policy file does."""

    days: int
    at: time

    def __str__(self) -> str:
        return f"+{self.days}d {self.at:%H:%M}" if self.days else f"{self.at:%H:%M}"


@dataclass(frozen=True)
class AfterOpened:
    """So long after the time at which the run's mode opens on its working day, in elapsed time."""

    after: timedelta

    def __str__(self) -> str:
        return f"{spell(self.after)} after it opens"


DueTime = LocalTime | AfterOpened


@dataclass(frozen=True)
class Due:
    """Times of the run's working day, or so many days later (behaviour T2); where an auto stands beside one, what past
    nights say (T11)."""

    warning: DueTime | None
    critical: DueTime | None
    warning_auto: Auto | None = None
    critical_auto: Auto | None = None


@dataclass(frozen=True)
class Expectation:
    """What one mode of a transition waits for. Sets decide, never counts of what arrived (behaviour D1).

    ``no_due`` says that its silence raises no alert, ``because`` why (behaviour T10). ``after_run`` is the
    run that has to have come far enough before anything is triggered.
    """

    required: frozenset[str]
    optional: frozenset[str] = frozenset()
    tiers: tuple[Tier, ...] = ()
    deadline: Deadline | None = None
    due: Due | None = None
    no_due: bool = False
    because: str = ""
    after_run: AfterRun | None = None

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
    accepted: frozenset[int] = frozenset(range(200, 300))
    timeout: timedelta = timedelta(seconds=20)
    attempts: int = 3


@dataclass(frozen=True)
class Publication:
    """A topic to which a step publishes."""

    topic: str
    messages: Messages = Messages.ONE


@dataclass(frozen=True)
class Step:
    """One call or one publication of a dispatch (behaviour D12).

    ``plain`` says that the fields of the trigger message are sent beside the body. ``accepts`` is the consumer's
    contract: required fields and their kinds, which every body is held against. ``place`` is where the file has it.
    """

    target: HttpCall | Publication
    body: Body = NO_BODY
    plain: bool = True
    accepts: Mapping[str, str] = field(default_factory=dict)
    place: str = field(default="dispatch", compare=False)

    def beside(self, fields: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
        """Return a rendered body with the plain fields beside it: the policy's win, but none renames a trigger."""
        if not self.plain:
            return dict(written)
        return {**fields, **written, **{name: fields[name] for name in RESERVED if name in fields}}

    @property
    def to(self) -> str:
        """Return the topic, or `service path`."""
        if isinstance(self.target, Publication):
            return self.target.topic
        return f"{self.target.service} {self.target.path}"


@dataclass(frozen=True)
class Dispatch:
    """What a trigger sends: its steps in order, each with a proof of its own."""

    role: Role
    steps: tuple[Step, ...] = ()


class ConfirmBy(StrEnum):
    PUBLISH = "publish"
    HTTP = "http"
    FIRST_REPORT = "first_report"


@dataclass(frozen=True)
class Confirm:
    """``within`` and ``redispatch`` only matter where a report confirms (behaviour D7). ``ended_within`` is how long a
    last phase may take from its dispatch to the report of its end (behaviour T10)."""

    by: ConfirmBy
    within: timedelta = timedelta(minutes=30)
    redispatch: int = 0
    ended_within: timedelta | None = None


@dataclass(frozen=True)
class Refresh:
    """When a later completion starts the next phase once more (behaviour D8)."""

    until: time
    at_most: int
    min_growth_percent: float
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Transition:
    """From the phases ``after`` to the phase ``starts``: it waits for processors of each of them (behaviour D13)."""

    name: str
    after: tuple[str, ...]
    starts: str
    expects: Mapping[str, Expectation]
    gates: tuple[str, ...]
    dispatch: Dispatch
    confirm: Confirm
    preflight: str | None = None
    refresh: Refresh | None = None

    def steps(self, reason: str) -> tuple[Step, ...]:
        """Return what a generation of this reason sends: a refresh may go another way (behaviour D12)."""
        refreshed = reason == TriggerReason.REFRESH and self.refresh is not None and self.refresh.steps
        return refreshed or self.dispatch.steps

    @cached_property
    def all_steps(self) -> tuple[Step, ...]:
        return (*self.dispatch.steps, *(self.refresh.steps if self.refresh is not None else ()))

    @cached_property
    def topics(self) -> tuple[str, ...]:
        """The topics that any generation publishes to."""
        return tuple(step.target.topic for step in self.all_steps if isinstance(step.target, Publication))

    @cached_property
    def calls(self) -> tuple[HttpCall, ...]:
        """The calls that any generation makes."""
        return tuple(step.target for step in self.all_steps if isinstance(step.target, HttpCall))
