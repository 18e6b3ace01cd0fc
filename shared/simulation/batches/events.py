"""What a scenario says of batches: who is in one, how workers answer, reports by hand, and what must be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.core.model import RunKey

ALL = -1
"""Every member reports."""


@dataclass(frozen=True)
class Workers:
    """How requests sent from now on are answered: by the first ``reports`` members, or all, ``duplicate`` times more.

    ``only`` None: the rule is that of every member, else of these alone.
    """

    reports: int = ALL
    after: timedelta = timedelta(seconds=20)
    outcome: str = "done"
    duplicate: int = 0
    only: frozenset[str] | None = None


@dataclass(frozen=True)
class BatchReport:
    """One report by hand; ``batch`` is a name (its newest batch) or a batch id."""

    batch: str
    member: str
    outcome: str | None = None
    count: int | None = None
    reason: str = ""
    name: str | None = None


@dataclass(frozen=True)
class RequestSent:
    """A request message that left."""

    at: datetime
    batch: str
    batch_id: str
    member: str
    request_id: str
    run: RunKey | None = None


@dataclass(frozen=True)
class Published:
    """A batch's completion that left, as its message says it."""

    at: datetime
    batch: str
    batch_id: str
    generation: int
    status: str
    percent: float | None
    missing: frozenset[str]
    body: Mapping[str, Any]
    run: RunKey | None = None


@dataclass(frozen=True)
class BatchSeen:
    """A batch, looked at; ``state`` `none` where there is none."""

    state: str
    numbers: Mapping[str, int | None]
    text: str = ""
