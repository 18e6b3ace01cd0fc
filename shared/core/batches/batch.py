"""A batch as it is kept, and how what happens changes it. Every change is written by compare-and-set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.core.model import RunKey
from shared.core.policy.batches import MemberOutcome


class BatchState(StrEnum):
    """Where a batch stands."""

    LOADING = "loading"
    REQUESTING = "requesting"
    OPEN = "open"
    CLOSING = "closing"
    PUBLISHED = "published"
    HELD = "held"

    @classmethod
    def of_later_version(cls, document: Mapping[str, object]) -> BatchState:
        """What an older version takes a state for that it does not know: a person has to look."""
        return cls.HELD


class Cause(StrEnum):
    """Why a batch was closed."""

    COMPLETE = "complete"
    NOTHING_TO_DO = "nothing_to_do"
    IDLE = "idle"
    DEADLINE = "deadline"
    OPERATOR = "operator"

    @classmethod
    def of_later_version(cls, document: Mapping[str, object]) -> Cause:
        """What is not known is taken for a person's doing: never for complete."""
        return cls.OPERATOR


class HeldFor(StrEnum):
    """Why a batch waits for a person."""

    DEADLINE = "deadline"
    REFUSED = "refused"
    MEMBERS = "members"

    @classmethod
    def of_later_version(cls, document: Mapping[str, object]) -> HeldFor:
        return cls.REFUSED


@dataclass(frozen=True, slots=True)
class Counts:
    """How many members have which outcome. ``last_at`` is when the last new outcome came, ``records`` the sum of the
    counts: each None where it was not asked, and decides nothing then."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    last_at: datetime | None = None
    records: int | None = None

    @property
    def total(self) -> int:
        return self.done + self.skipped + self.failed


@dataclass(frozen=True, slots=True)
class Closing:
    """What a generation comes to, fixed when its closing begins: what is published stands here.

    ``missing`` are the first names of those that are silent or failed, ``missing_count`` how many there are in all;
    ``missing_key`` names the documents that list all of them, "" where there are none. ``records`` is the sum of the
    counts, None where no report states one.
    """

    cause: Cause
    at: datetime
    generation: int
    done: int = 0
    skipped: int = 0
    failed: int = 0
    silent: int = 0
    records: int | None = None
    missing: tuple[str, ...] = ()
    missing_count: int = 0
    missing_key: str = ""

    @property
    def total(self) -> int:
        return self.done + self.skipped + self.failed


@dataclass(frozen=True, slots=True)
class StepState:
    """What became of one close step. ``begun_at`` without ``proof`` or ``failed_at`` is an outcome nobody knows."""

    begun_at: datetime | None = None
    proof: str = ""
    failures: int = 0
    failed_at: datetime | None = None
    error: str = ""
    refused: str = ""
    refused_by: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """What a person did to a batch, and why."""

    verb: str
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of one run. ``id`` is the trigger id of its start, ``started_at`` the receipt of it.

    ``members`` is None until they are loaded, and fixed from then on. ``cursor`` is the next page whose requests have
    not left, ``retry_at`` the earliest moment at which a silent member may be due again, ``ask_at`` when a person had
    the missing asked again. ``owner`` works on it until ``lease_until``. ``active`` mirrors ``state`` for queries: true
    until it is published.
    """

    id: str
    name: str
    run: RunKey
    started_at: datetime
    state: BatchState = BatchState.LOADING
    active: bool = True
    pipeline: str = ""
    generation: int = 1
    correlation_id: str = ""
    reopened: int = 0
    load: int = 0
    load_failures: int = 0
    load_error: str = ""
    load_failed_at: datetime | None = None
    members: int | None = None
    pages: int = 0
    buckets: int = 0
    announced: bool = False
    cursor: int = 0
    requested_at: datetime | None = None
    opened_at: datetime | None = None
    retry_at: datetime | None = None
    ask_at: datetime | None = None
    close_asked: bool = False
    closing: Closing | None = None
    past: tuple[Closing, ...] = ()
    steps: tuple[StepState, ...] = ()
    held_for: HeldFor | None = None
    held_at: datetime | None = None
    held_text: str = ""
    published_at: datetime | None = None
    published_first_at: datetime | None = None
    owner: str = ""
    lease_until: datetime | None = None
    acts: tuple[Act, ...] = ()

    def is_claimed(self, now: datetime) -> bool:
        """True while somebody works on it, as far as anybody can know."""
        return self.lease_until is not None and now < self.lease_until


@dataclass(frozen=True, slots=True)
class Outcome:
    """One member's outcome as it is kept; ``minute`` counts minutes since 1970, for finding the last ones."""

    member: str
    outcome: MemberOutcome
    received_at: datetime
    minute: int
    page: int = 0
    count: int | None = None
    reason: str = ""
    message_id: str = ""
    generation: int = 1
    late: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """Which members of one page were silent or failed when a closing fixed its numbers, in the order of members;
    ``failed`` are those of them that it counted as failed."""

    members: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    def lacks(self, outcome: Outcome) -> bool:
        """True if the closing fixed its numbers without this outcome."""
        counted = outcome.outcome is MemberOutcome.FAILED and outcome.member in self.failed
        return outcome.member in self.members and not counted


class Sum:
    """The sum of what members that are done made, members themselves where nothing is ``counted``; None while none
    says."""

    def __init__(self, *, counted: bool) -> None:
        self.value: int | None = None
        self._counted = counted

    def add(self, outcome: Outcome) -> None:
        if outcome.outcome is not MemberOutcome.DONE:
            return
        count = outcome.count if self._counted else 1
        if count is not None:
            self.value = (self.value or 0) + count


def minute_of(at: datetime) -> int:
    """Return the minute an instant lies in, counted from 1970."""
    return int(at.timestamp() // 60)


def percent_of(part: int, members: int) -> float:
    """Return a share of the members in percent, cut to two digits: 100 means all of them."""
    return 100.0 if members == 0 else part * 10_000 // members / 100
