"""The workflows of a pipeline as values: what their YAML file means once it has been loaded.

Durations are timedeltas, times of day are local to the pipeline's zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

from shared.core.circuit_breaker import Limits
from shared.core.policy.transitions import LocalTime
from shared.core.severity import Severity
from shared.core.workflows.templates import placeholders

# How long the platform lets the executor work (manifest), and after how long without progress a run is driven again.
FUNCTION_TIME = timedelta(seconds=540)
REDRIVE_AFTER = timedelta(minutes=10)
# What the executor keeps of its time to write down what came of the last entries.
RESERVE = timedelta(seconds=10)


class Priority(StrEnum):
    """In which order workflows that are due together are run."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Execution(StrEnum):
    PARALLEL = "parallel"
    SEQUENTIAL = "sequential"


@dataclass(frozen=True)
class Span:
    """A half-open part of a working date, both ends local."""

    begins: LocalTime
    ends: LocalTime


@dataclass(frozen=True)
class Missing:
    """The table that says which units are collected; ``key`` are its columns, whose values joined by `@` name one."""

    table: str
    key: tuple[str, ...]
    date_column: str = "game_date"


@dataclass(frozen=True)
class Found:
    """The table whose rows of a date end a discovery."""

    table: str
    date_column: str = "game_date"


@dataclass(frozen=True)
class OpensOn:
    """The data on which a window opens: processors of a phase that are done in the run of ``mode`` on the date, so many
    days from the workflow's. ``latest`` is the local time from which on it opens without them."""

    phase: str
    processors: tuple[str, ...]
    mode: str
    latest: LocalTime
    offset_days: int = 0


@dataclass(frozen=True)
class OnceADay:
    """Once inside the window, with ``opens_on`` once its data is there; with ``catch_up`` also later on the day that
    the window ends on."""

    window: Span
    catch_up: bool = False
    opens_on: OpensOn | None = None


@dataclass(frozen=True)
class BeforeGames:
    """Every so often, from so long before the first start until the last, inside business hours."""

    opens_before_first_game: timedelta
    business_hours: Span
    every: timedelta


@dataclass(frozen=True)
class AfterGames:
    """Around a fixed time after the units of a date, for those without rows."""

    at: LocalTime
    tolerance: timedelta
    missing: Missing


@dataclass(frozen=True)
class EarlyGames:
    """Around a fixed time, for units that start before ``tip_before`` and did so ``collect_after`` ago."""

    at: LocalTime
    tolerance: timedelta
    tip_before: LocalTime
    collect_after: timedelta
    missing: Missing


@dataclass(frozen=True)
class Discovery:
    """Every so often on a date until rows of it are there, at most ``max_attempts`` times."""

    every: timedelta
    max_attempts: int
    found: Found
    needs_units: bool = False


@dataclass(frozen=True)
class CatchUp:
    """Every so often inside the window, for final units of the last ``lookback_days`` without rows."""

    window: Span
    every: timedelta
    lookback_days: int
    missing: Missing
    per_unit: int = 3


Decide = OnceADay | BeforeGames | AfterGames | EarlyGames | Discovery | CatchUp
KINDS: Mapping[type, str] = {
    OnceADay: "once_a_day",
    BeforeGames: "before_games",
    AfterGames: "after_games",
    EarlyGames: "early_games",
    Discovery: "discovery",
    CatchUp: "catch_up",
}


@dataclass(frozen=True)
class Step:
    """Calls that belong together: each scraper once, once per target, or once per element of ``for_each``.

    ``outputs`` are paths in the scrapers' answers, by the name that later steps know them by.
    """

    name: str
    scrapers: tuple[str, ...]
    execution: Execution = Execution.SEQUENTIAL
    max_workers: int = 1
    after: tuple[str, ...] = ()
    for_each: str | None = None
    outputs: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def workers(self) -> int:
        """How many calls may be open at once."""
        return self.max_workers if self.execution is Execution.PARALLEL else 1


@dataclass(frozen=True)
class Repeat:
    """A run that did not complete is repeated in its window, so long after it ended and so many times at most."""

    after: timedelta
    times: int


@dataclass(frozen=True)
class AlertRules:
    """How severe it is that a run failed, that a window passed without one, that units are still missing at its end;
    without a severity for missed windows it is a warning, without one for missing units nobody is told of them."""

    failed: Severity = Severity.WARNING
    missed: Severity | None = None
    missing_units: Severity | None = None


@dataclass(frozen=True)
class Workflow:
    """One workflow. ``steps`` are in the order in which they are run."""

    name: str
    decide: Decide
    steps: tuple[Step, ...]
    enabled: bool = True
    priority: Priority = Priority.MEDIUM
    requires: tuple[str, ...] = ()
    alerts: AlertRules = AlertRules()
    repeat: Repeat | None = None

    @property
    def kind(self) -> str:
        return KINDS[type(self.decide)]

    @property
    def missing(self) -> Missing | None:
        """The table that says which units are collected; None for kinds that have none."""
        return getattr(self.decide, "missing", None)


@dataclass(frozen=True)
class Scraper:
    """A scraper: where it is called, with what, and what follows. ``processor`` is that of phase 2 which makes rows of
    its file; ``timeout`` bounds one attempt."""

    name: str
    service: str
    path: str
    timeout: timedelta
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    no_data_is_success: bool = True
    processor: str | None = None

    @cached_property
    def placeholders(self) -> frozenset[str]:
        """The names in braces in its parameters."""
        return placeholders(self.parameters)


@dataclass(frozen=True)
class Defaults:
    """``step_overhead`` is added to a scraper's timeout: together they bound one entry with its attempts."""

    timeout: timedelta = timedelta(seconds=180)
    step_overhead: timedelta = timedelta(seconds=10)
    attempts: int = 3
    breaker: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Workflows:
    """Everything that the workflow file of a pipeline says; ``pipeline`` is "" where it does not say whose it is."""

    workflows: Mapping[str, Workflow]
    scrapers: Mapping[str, Scraper]
    defaults: Defaults = Defaults()
    source: str = ""
    pipeline: str = ""

    def entry_limit(self, scraper: str) -> timedelta:
        """Return how long one entry of this scraper may take, its attempts included."""
        return self.scrapers[scraper].timeout + self.defaults.step_overhead

    @property
    def longest_entry(self) -> timedelta:
        """How long the longest entry of any scraper may take."""
        return max((self.entry_limit(name) for name in self.scrapers), default=timedelta(0))

    @property
    def breaker(self) -> Limits:
        """The limits of the breaker of each scraper; a probe's lease is longer than the longest entry."""
        limits = self.defaults.breaker
        return Limits(limits.failures, limits.within, limits.open_for, limits.successes, self.longest_entry + RESERVE)


def topic_of(pipeline: str) -> str:
    """Return the topic of the executor's messages."""
    return f"{pipeline}-workflow-run"
