"""The words of behaviour section 1 as types. Times are aware, durations are timedeltas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar


class Lane(StrEnum):
    LIVE = "live"
    BACKFILL = "backfill"


class Outcome(StrEnum):
    """What a processor says of its work (behaviour R3), and `inferred`, which no processor says (section 9)."""

    STARTED = "started"
    SUCCESS = "success"
    PARTIAL = "partial"
    NO_DATA = "no_data"
    SKIPPED = "skipped"
    FAILED = "failed"
    INFERRED = "inferred"

    @classmethod
    def of_later_version(cls, document: Mapping[str, object]) -> Outcome:
        """What an older version takes an outcome for that it does not know: never for done."""
        return cls.FAILED


class State(StrEnum):
    """The state of a transition."""

    WAITING = "waiting"
    BLOCKED = "blocked"
    CLAIMED = "claimed"
    DISPATCHED = "dispatched"
    CONFIRMED = "confirmed"
    HELD = "held"
    OBSERVED = "observed"
    EMPTY_OK = "empty_ok"

    @classmethod
    def of_later_version(cls, document: Mapping[str, object]) -> State:
        """What an older version takes a state for that it does not know: by what the transition has done so far."""
        if document.get("claim") is not None and document.get("plan") is not None:
            return cls.CLAIMED
        if document.get("accepted_plan") is None:
            return cls.WAITING
        sent = document.get("last_dispatched_at") is not None and document.get("confirmed_at") is None
        return cls.DISPATCHED if sent else cls.CONFIRMED


@dataclass(frozen=True, slots=True, order=True)
class RunKey:
    """The unit of state: one pass over one date (behaviour 1)."""

    pipeline: str
    day: date
    mode: str
    lane: Lane = Lane.LIVE

    @property
    def id(self) -> str:
        """`nba/2026-01-21/overnight`, with `/backfill` in that lane."""
        base = f"{self.pipeline}/{self.day.isoformat()}/{self.mode}"
        return base if self.lane is Lane.LIVE else f"{base}/{self.lane.value}"

    def trigger_id(self, transition: str, generation: int) -> str:
        return f"{self.id}/{transition}/{generation}"


@dataclass(frozen=True, slots=True)
class Units:
    """How many units of work (games) a date has, and how many of them are final.

    ``total`` is None where that is unknown: the pipeline has no calendar (behaviour T3), or it does not reach back to
    the date (T9). ``names`` are those of the units, where they have any. ``presumed`` are names of units that count as
    final because they began too long ago not to be over (T9).
    """

    total: int | None
    final: int | None
    names: tuple[str, ...] = ()
    presumed: tuple[str, ...] = ()

    @property
    def all_final(self) -> bool:
        """True if there are units, of known number, and each of them is final."""
        return bool(self.total) and self.final == self.total


@dataclass(frozen=True, slots=True)
class Report:
    """One completion message, understood (behaviour R3). ``occurred_at`` is when the processor ended; ``entities``
    are the names of what changed, by kind; ``trigger_id`` is that of the trigger which started it, "" where the
    message names none; ``source`` is the loader that it is of, "" where a processor has none, ``unit`` the unit of the
    date, "" where it is of the whole (R10)."""

    message_id: str
    phase: str
    processor: str
    outcome: Outcome
    occurred_at: datetime
    received_at: datetime
    records: int | None = None
    expected_records: int | None = None
    percent: float | None = None
    correlation_id: str = ""
    execution_id: str = ""
    output_table: str = ""
    error: str = ""
    is_incremental: bool | None = None
    entities: dict[str, tuple[str, ...]] = field(default_factory=dict)
    batch_id: str = ""
    trigger_id: str = ""
    source: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ClockStarter:
    """A report that may have started the clock: when it was received, with how many records."""

    received_at: datetime
    records: int | None
    partial: bool = False
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Cause:
    """A reason that failures gave, and how many of them gave it."""

    text: str
    count: int


@dataclass(frozen=True, slots=True)
class Completion:
    """What is known of one processor in one run: its latest report and what older ones leave behind.

    ``good`` is the latest report that was neither a failure nor empty; ``failures`` counts the
    failures since then, by cause. ``message_ids`` are the latest messages counted, so that the
    same message changes nothing. ``started_at`` is the receipt of the latest `started`, ``last_received_at``
    that of the latest report of any kind, ``trigger_ids`` are the latest triggers that its reports named.
    ``pending_audit`` waits for the record (behaviour 8). ``added`` are the records of all good reports together,
    ``sources`` what is known of each loader, where the processor has several, ``units`` are those whose latest report
    was a whole one (behaviour R10).
    """

    STORED_AS: ClassVar[Mapping[str, str]] = {
        "last_good": "good",
        "clock_starters": "openers",
        "pending_audit": "unrecorded",
    }

    phase: str
    processor: str
    latest: Report | None = None
    last_good: Report | None = None
    started_at: datetime | None = None
    last_received_at: datetime | None = None
    clock_starters: tuple[ClockStarter, ...] = ()
    superseded: int = 0
    failures: tuple[Cause, ...] = ()
    message_ids: tuple[str, ...] = ()
    trigger_ids: tuple[str, ...] = ()
    pending_audit: tuple[Report, ...] = ()
    added: int = 0
    sources: dict[str, Completion] = field(default_factory=dict)
    units: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RepairLog:
    """What self-heal did for one phase of a run (behaviour 9): accepted calls, and what became of the others.

    ``last_at`` is when it called last, ``pending`` while what became of that is not known. ``failure`` is set while the
    latest call was not accepted. ``asked`` is whom accepted calls named, ``answer`` what the latest was answered,
    ``why`` says why it called before anything was due, "" where something was.
    """

    attempts: int = 0
    last_at: datetime | None = None
    accepted_at: datetime | None = None
    pending: bool = False
    failure: Failure | None = None
    asked: tuple[str, ...] = ()
    answer: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class LearnedTime:
    """A time that a run was given from past nights when it was opened (behaviour T11), before any bound: ``after`` is
    ``usual``, the ``quantile`` of so many ``nights``, times ``times``. ``weekday`` is the working day's, such as `Mon`,
    where only nights of that weekday were looked at, else ""."""

    after: timedelta
    usual: timedelta
    quantile: float
    times: float
    nights: int
    weekday: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that exists. ``units`` is the last good reading of the calendar, ``baseline`` each required table's rows
    when the run was opened, both None until the sweep has read them; ``policy_version`` is the digest of the policy
    that a sweep decided it by last, "" where none is known. ``units_read_at`` is when the calendar was read,
    kept where one reading serves for a time (behaviour T3). ``final_at`` is since when all its units are known to be
    final, None while one is not. ``next_check_at`` is when a sweep looks at it next, None where no revision wrote that
    yet: it is then due. ``touched`` is true from an event on until a sweep has begun to look; before ``settles_at`` no
    sweep puts it off (behaviour T7). ``learned`` are the times that it was given from past nights when it was opened,
    by transition and by name, such as `tier_1` (behaviour T11): none where the policy said auto of nothing then.
    ``digested`` is true once its completions are kept in one document as well (`shared/app/state/digest.py`)."""

    key: RunKey
    opened_at: datetime
    closed_at: datetime | None = None
    reopened_at: datetime | None = None
    units: Units | None = None
    units_read_at: datetime | None = None
    final_at: datetime | None = None
    baseline: dict[str, int] | None = None
    policy_version: str = ""
    repairs: dict[str, RepairLog] = field(default_factory=dict)
    next_check_at: datetime | None = None
    touched: bool = False
    settles_at: datetime | None = None
    learned: dict[str, dict[str, LearnedTime]] = field(default_factory=dict)
    digested: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What one generation of a trigger carries. ``reason`` is a ``TriggerReason`` or a tier's name;
    ``completed`` maps the processors done to their records;
    ``partial`` are those of ``missing`` that reported a part at or above their floor; ``inputs`` are the numbers that
    its gates went by, by table and gate, as far as they could be read; ``answers`` is what its calls were answered,
    where the policy shows it, by service and path. ``last_input_at`` is when the last of what it goes by was there: the
    receipt of its latest report, or when the units were final, whichever is later; None where that is not what it
    waited for, or is not known: it was blocked or held."""

    generation: int
    reason: str
    completed: dict[str, int | None] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()
    first_tier: bool = False
    opened_at: datetime | None = None
    readings: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, float] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    note: str = ""
    last_input_at: datetime | None = None

    @property
    def degraded(self) -> bool:
        return bool(self.missing)


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease on the right to dispatch (behaviour 1)."""

    owner: str
    claimed_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Block:
    """One reason why a ready transition does not go, and since when."""

    since: datetime
    text: str


class TriggerReason(StrEnum):
    """Why a transition was triggered, where it was not by a tier: then it is the tier's name."""

    COMPLETE = "complete"
    DEADLINE = "deadline"
    REFRESH = "refresh"
    OPERATOR = "operator"


class HoldCause(StrEnum):
    """Why nothing is sent: a person said so, a service refused for good, or a deadline passed without what it needs."""

    OPERATOR = "operator"
    REJECTED = "rejected"
    DEADLINE = "deadline"

    @classmethod
    def of_later_version(cls, document: Mapping[str, object]) -> HoldCause:
        """What an older version takes a cause for that it does not know: only a person ends it."""
        return cls.OPERATOR


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a transition is held, and since when; one by a deadline is decided anew each time and not kept."""

    cause: HoldCause
    since: datetime
    text: str
    code_version: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Dispatches of a generation known to have failed, and when the next is allowed (behaviour D5).

    ``verdict`` is the word of an answer that is no failure but a no (behaviour D10), given ``at``; else "".
    """

    count: int
    since: datetime
    retry_at: datetime
    text: str
    verdict: str = ""
    at: datetime | None = None

    @property
    def reason(self) -> str:
        """Return the name under which it blocks."""
        return "answer" if self.verdict else "dispatch"


@dataclass(frozen=True, slots=True)
class Unproven:
    """Calls of a generation whose outcome is unknown (behaviour D11): when the first and the latest of them began,
    how many there were, and why nothing is known of the latest."""

    since: datetime
    last_at: datetime
    calls: int
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """An operator's wish for the next generation (behaviour D9)."""

    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Act:
    """What an operator told a transition: the verb, who and why (behaviour D9)."""

    verb: str
    by: str
    reason: str
    at: datetime


class Logged(StrEnum):
    """What a line of the execution log says was decided. Of what is decided at one instant the log keeps no order: the
    order of these words is the one in which it happens."""

    EMPTY_OK = "empty_ok"
    WAITING = "waiting"
    BLOCKED = "blocked"
    OPERATOR_HOLD = "operator_hold"
    OPERATOR_RELEASE = "operator_release"
    OPERATOR_TRIGGER = "operator_trigger"
    OPERATOR_RERUN = "operator_rerun"
    HELD = "held"
    OBSERVE = "observe"
    REJECTED = "rejected"
    FAILED = "failed"
    NOT_YET = "not_yet"
    BUSY = "busy"
    UNPROVEN = "unproven"
    PROVEN = "proven"
    TRIGGER = "trigger"
    REDISPATCH = "redispatch"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the record's execution log, until it has been written there.

    ``decision`` is one of ``Logged``, or a word of a later version. ``handoff_seconds`` is set of a trigger by
    completeness: from the last thing it waited for to the dispatch, None where that is not known.
    """

    at: datetime
    generation: int
    decision: str
    reason: str
    degraded: bool = False
    missing: tuple[str, ...] = ()
    handoff_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TransitionState:
    """A transition of a run as stored. ``generation`` 0 means that nothing was ever claimed.

    ``plan`` belongs to ``generation``; ``accepted_plan`` is the plan of the last generation of which anything was
    accepted,
    ``dispatched_at`` its first dispatch, ``last_dispatched_at`` its latest, ``dispatches`` their number.
    ``steps_proven`` counts the steps of ``generation`` that were accepted while its dispatch is not whole;
    ``unproven`` is set while the outcome of the next one, a call, is unknown.
    ``acts`` are the latest things that operators told it.
    ``opened_at`` is kept where only a table showed that a report counts: later that table is not read (behaviour R7).
    """

    STORED_AS: ClassVar[Mapping[str, str]] = {"accepted_plan": "carried", "pending_audit": "unrecorded"}

    state: State = State.WAITING
    generation: int = 0
    attempt: int = 0
    claim: Claim | None = None
    plan: Plan | None = None
    accepted_plan: Plan | None = None
    dispatches: int = 0
    triggered_at: datetime | None = None
    dispatched_at: datetime | None = None
    last_dispatched_at: datetime | None = None
    confirmed_at: datetime | None = None
    refreshes: int = 0
    steps_proven: int = 0
    unproven: Unproven | None = None
    opened_at: datetime | None = None
    blocked: dict[str, Block] = field(default_factory=dict)
    held_since: datetime | None = None
    hold: Hold | None = None
    failure: Failure | None = None
    request: Request | None = None
    acts: tuple[Act, ...] = ()
    pending_audit: tuple[LogEntry, ...] = ()

    @property
    def accepted(self) -> bool:
        """True once anything of ``generation`` was accepted, so that the next one is another (behaviour D9)."""
        return self.steps_proven > 0 or self.accepted_whole

    @property
    def triggered(self) -> bool:
        """True once any generation was dispatched, be it unproven."""
        return self.accepted_plan is not None or self.unproven is not None

    @property
    def handoff(self) -> timedelta | None:
        """How long after the last thing it waited for the accepted plan left, of a first trigger by completeness; None
        of any other, and where that is not known."""
        plan = self.accepted_plan
        if plan is None or plan.reason != TriggerReason.COMPLETE or plan.generation != 1:
            return None
        if plan.last_input_at is None or self.dispatched_at is None:
            return None
        return max(self.dispatched_at - plan.last_input_at, timedelta(0))

    @property
    def accepted_whole(self) -> bool:
        """True once a dispatch of ``generation`` was accepted as a whole."""
        return self.accepted_plan is not None and self.accepted_plan.generation == self.generation


UNTOUCHED = TransitionState()
"""A transition that nothing has happened to."""
