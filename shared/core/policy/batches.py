"""Batches as the policy declares them: who is in one, how members are asked, how they report, when it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from enum import StrEnum
from typing import Any

from shared.core.policy.transitions import HttpCall
from shared.core.wire.bodies import NO_BODY, Body

BATCH_NAMES = frozenset(
    {
        "game_date", "mode", "lane", "trigger_id", "batch_id", "generation", "correlation_id", "pipeline", "run_id",
        "batch", "members",
    }
)  # fmt: skip
MEMBER_NAMES = frozenset({"member", "request_id"})
"""Names that the templates of a batch know, and those that a member's request knows beside them."""


class MemberOutcome(StrEnum):
    """What became of a member; one that never reported is silent and has none."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"

    @classmethod
    def of_later_version(cls, document: Mapping[str, object]) -> MemberOutcome:
        """What an older version takes an outcome for that it does not know: never for done."""
        return cls.FAILED


class BatchThen(StrEnum):
    """What a deadline does: publish what is there as partial, or wait for a person or the missing."""

    PUBLISH_PARTIAL = "publish_partial"
    HOLD = "hold"


@dataclass(frozen=True)
class Query:
    """A GoogleSQL file under `config/` and its text."""

    file: str
    text: str = field(default="", compare=False)


@dataclass(frozen=True)
class Members:
    """Who is in a batch: the rows of a query, or a list in the start message. ``key`` is the column, or the field of an
    element, that names a member; an element may be the name itself."""

    key: str
    sql: Query | None = None
    message: str = ""


@dataclass(frozen=True)
class Request:
    """What asks one member to work: ``body`` holds templates over the member, the batch and its run."""

    topic: str
    body: Mapping[str, Any] = field(default_factory=dict)
    per_second: float = 50.0


@dataclass(frozen=True)
class Reports:
    """How a member reports: the fields that name it and its batch, and the words of its outcome.

    ``count`` is the field that holds how much it made, "" where members are counted; ``unit`` what that is called.
    """

    topic: str
    key: str
    batch: str
    count: str = ""
    unit: str = ""
    outcomes: Mapping[str, MemberOutcome] = field(default_factory=dict)


@dataclass(frozen=True)
class Retry:
    """A member that is silent ``after`` its last request gets it again, ``attempts`` times at most."""

    after: timedelta
    attempts: int


@dataclass(frozen=True)
class Idle:
    """A batch with at least so many percent of outcomes is closed when no new one came for so long."""

    after: timedelta
    at_least_percent: float


@dataclass(frozen=True)
class BatchDeadline:
    """When a batch is over whatever is missing, from the receipt of its start."""

    after: timedelta
    then: BatchThen


@dataclass(frozen=True)
class Close:
    """When a batch is over. ``complete``: as soon as every member has an outcome."""

    complete: bool = True
    idle: Idle | None = None
    deadline: BatchDeadline | None = None


@dataclass(frozen=True)
class CloseStep:
    """One call or one statement at the close, proven before the next begins."""

    call: HttpCall | None = None
    body: Body = NO_BODY
    sql: Query | None = None

    @property
    def to(self) -> str:
        """Return `service path`, or the file of the statement."""
        if self.call is not None:
            return f"{self.call.service} {self.call.path}"
        return "" if self.sql is None else self.sql.file


@dataclass(frozen=True)
class BatchRefresh:
    """When a late outcome reopens a published batch (behaviour D8): until a local time of the day it was published."""

    until: time
    at_most: int
    min_growth_percent: float


@dataclass(frozen=True)
class BatchAlerts:
    """What people are warned of beside how a batch ends; None: nobody is.

    ``failed_percent``: more than so many percent of the members failed. ``fewer_than_percent``: the batch has fewer
    members than so many percent of the median of the nights before.
    """

    failed_percent: float | None = None
    fewer_than_percent: float | None = None


@dataclass(frozen=True)
class BatchPolicy:
    """One declared batch. ``publish`` is the topic of its completion, which is said as one of ``reports_as``."""

    name: str
    phase: str
    reports_as: str
    members: Members
    request: Request
    reports: Reports
    publish: str
    close: Close = field(default_factory=Close)
    retry: Retry | None = None
    on_close: tuple[CloseStep, ...] = ()
    refresh: BatchRefresh | None = None
    alerts: BatchAlerts = field(default_factory=BatchAlerts)

    @property
    def unit(self) -> str:
        """What `record_count` counts."""
        if self.reports.unit:
            return self.reports.unit
        return self.reports.count or "members"

    @property
    def queries(self) -> tuple[Query, ...]:
        """The SQL files that the batch names."""
        named = (self.members.sql, *(step.sql for step in self.on_close))
        return tuple(query for query in named if query is not None)


def start_topic(pipeline: str) -> str:
    """Return the topic on which batches of a pipeline are started."""
    return f"{pipeline}-batch-start"
