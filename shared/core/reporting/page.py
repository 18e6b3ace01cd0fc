"""What people look at, as values: days by transition, and one run's timeline. Nothing here knows how it is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from shared.core.decision.explain import Explanation
from shared.core.model import RunKey

if TYPE_CHECKING:
    from shared.core.reporting.filters import Filters
    from shared.core.reporting.objectives import ObjectiveLine
    from shared.core.reporting.problems import RunProblem
    from shared.core.reporting.progress import Progress
    from shared.core.reporting.usual_lines import UsualLine
    from shared.core.reporting.weeks import Week


class Tone(StrEnum):
    """How a word is meant; whoever draws it adds a colour, never instead of the word."""

    GOOD = "good"
    BUSY = "busy"
    NOTICE = "notice"
    BAD = "bad"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Cell:
    """The state of one transition of one run. ``at`` is when it was triggered, or since when it is in that state."""

    transition: str
    word: str
    tone: Tone
    at: datetime | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One pass over one date; ``said`` is the text where there are no cells: nothing expected, not open yet, no run."""

    key: RunKey
    cells: tuple[Cell, ...] = ()
    said: str = ""
    tone: Tone = Tone.QUIET
    units: int | None = None
    closed: bool = False

    @property
    def tones(self) -> frozenset[Tone]:
        """The tones of its transitions, or of what is said in their place."""
        return frozenset(cell.tone for cell in self.cells) if self.cells else frozenset({self.tone})


@dataclass(frozen=True, slots=True)
class Overview:
    """The dates from ``first`` to ``last``, newest first, and what could not be read of them."""

    first: date
    last: date
    transitions: tuple[str, ...]
    rows: tuple[Row, ...]
    unit: str = "unit"


class Kind(StrEnum):
    """What an event on a timeline is."""

    STARTED = "started"
    REPORT = "report"
    OPENED = "opened"
    TIER = "tier"
    DEADLINE = "deadline"
    DUE = "due"
    BLOCKED = "blocked"
    HELD = "held"
    TRIGGER = "trigger"
    DISPATCH = "dispatch"
    CONFIRMED = "confirmed"
    ALERT = "alert"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing at one moment; ``subject`` is the processor, gate or service it is about. ``until`` is when what
    began then ended, None for what has no length, or lasts."""

    at: datetime
    kind: Kind
    text: str
    tone: Tone = Tone.QUIET
    subject: str = ""
    until: datetime | None = None


def in_order(events: Iterable[Event]) -> tuple[Event, ...]:
    """Return events oldest first; at one moment causes come before what they cause."""
    causes = list(Kind)
    return tuple(sorted(events, key=lambda event: (event.at, causes.index(event.kind))))


@dataclass(frozen=True, slots=True)
class Track:
    """One processor of a phase: its word of behaviour R6, and what it reported when."""

    processor: str
    required: bool
    word: str
    tone: Tone
    note: str = ""
    started_at: datetime | None = None
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class GateLine:
    """A gate or a service and what was read of it."""

    name: str
    text: str
    blocks: bool = False


@dataclass(frozen=True, slots=True)
class Leg:
    """One transition of a run: who reported, what the clock said, what left. ``alerts`` are those of the transition."""

    cell: Cell
    after: str
    starts: str
    tracks: tuple[Track, ...]
    marks: tuple[Event, ...]
    gates: tuple[GateLine, ...] = ()
    alerts: tuple[Event, ...] = ()

    @property
    def events(self) -> tuple[Event, ...]:
        """Everything of this transition, oldest first."""
        events = [event for track in self.tracks for event in track.events]
        return in_order((*events, *self.marks, *self.alerts))


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that is known of a run; ``last_tracks`` are those of the phase that no transition waits for."""

    key: RunKey
    opened_at: datetime
    closed_at: datetime | None
    units: int | None
    legs: tuple[Leg, ...]
    last_phase: str = ""
    last_tracks: tuple[Track, ...] = ()
    alerts: tuple[Event, ...] = ()

    @property
    def events(self) -> tuple[Event, ...]:
        """Everything that happened or will, oldest first."""
        events = [event for leg in self.legs for event in leg.events]
        events += [event for track in self.last_tracks for event in track.events]
        return in_order((*events, *self.alerts))


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as it is shown: its timeline, why each of its transitions decides as it does, and what of it is usual."""

    timeline: Timeline
    explanations: tuple[Explanation, ...] = ()
    usual: tuple[UsualLine, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkflowMark:
    """One run of a workflow: when it was decided and ended, what came of its calls. ``text`` names who failed."""

    word: str
    tone: Tone
    begins: datetime
    ends: datetime | None = None
    calls: int = 0
    failed: int = 0
    rows: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class WorkflowLine:
    """One workflow of a date: its window, where it has one, its state and its runs, the oldest first."""

    workflow: str
    kind: str
    word: str
    tone: Tone
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    note: str = ""
    marks: tuple[WorkflowMark, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkflowDay:
    """The workflows of one date that were expected or ran, in the order of their windows."""

    day: date
    lines: tuple[WorkflowLine, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One batch: how many of its members have which outcome, and the first of those that are silent or failed.

    ``percent`` is the share of members with any outcome, None while it is unknown how many there are or where there are
    none; ``missing_count`` is how many ``missing`` would be if all were named.
    """

    key: RunKey
    name: str
    word: str
    tone: Tone
    generation: int
    started_at: datetime
    ended_at: datetime | None = None
    members: int | None = None
    done: int = 0
    skipped: int = 0
    failed: int = 0
    silent: int = 0
    percent: float | None = None
    missing: tuple[str, ...] = ()
    missing_count: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of how the orchestrators themselves are; ``latency_ms`` where something was asked."""

    name: str
    well: bool
    text: str
    latency_ms: int | None = None


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert whose condition holds, or that still has to be sent. ``quiet`` is what a person said of it, a sentence,
    "" where nobody did."""

    severity: str
    run: str
    text: str
    first_at: datetime
    unsent: str = ""
    quiet: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert with its text, what its kind means and what is to be done first. ``fires`` is true while its condition
    holds; ``quiet`` is a sentence, "" where nobody asked for quiet; ``command`` shows it on the command line."""

    fingerprint: str
    title: str
    severity: str
    run: str
    transition: str
    text: str
    fires: bool
    count: int
    first_at: datetime
    last_at: datetime
    notified_at: datetime | None
    resolved_at: datetime | None
    unsent: str
    quiet: str
    meaning: str
    action: str
    command: str


@dataclass(frozen=True, slots=True)
class Step:
    """Something that a newcomer does next; ``command`` is "" where it is no command."""

    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page. ``unread`` says what could not be read, in sentences; ``wrong`` what was asked in vain;
    ``pauses`` are those in force and to come, in sentences;
    ``linked`` is false for a page kept as a file, which leads nowhere;
    ``pipelines`` are those of the deployment, where there are several;
    ``workflows`` are today's and yesterday's, none for a pipeline without;
    ``batches`` those of the last two days and of the runs that are shown;
    ``objectives`` how they stood at ``objectives_at``, each over so long, none before they were measured.

    ``modes`` are those of the policy, ``unit`` is what it counts. ``filters`` are what was asked for, None of a file;
    ``problems`` what is wrong, the worst first, None where it is not shown; ``today`` the runs that are under way or
    due today, ``today_left`` how many more of them there are; ``weeks`` the calendar; ``rows_left`` how many rows of
    the overview are not shown; ``earlier`` and ``later`` the last dates of the windows before and after, None where
    there is none; ``welcome`` what a newcomer does next. ``report`` is the daily report, whose page has nothing else.
    """

    title: str
    pipeline: str
    zone: ZoneInfo
    now: datetime
    version: str
    facts: tuple[Fact, ...] = ()
    overview: Overview | None = None
    runs: tuple[RunView, ...] = ()
    alerts: tuple[OpenAlert, ...] | None = None
    quarantined: int | None = None
    pauses: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    wrong: str = ""
    linked: bool = True
    pipelines: tuple[str, ...] = ()
    workflows: tuple[WorkflowDay, ...] = ()
    batches: tuple[BatchLine, ...] = ()
    modes: tuple[str, ...] = ()
    unit: str = "unit"
    filters: Filters | None = None
    problems: tuple[RunProblem, ...] | None = None
    today: tuple[Progress, ...] = ()
    today_left: int = 0
    weeks: tuple[Week, ...] = ()
    rows_left: int = 0
    earlier: date | None = None
    later: date | None = None
    alert: AlertView | None = None
    welcome: tuple[Step, ...] = ()
    report: Mapping[str, Any] | None = None
    objectives: tuple[ObjectiveLine, ...] = ()
    objectives_at: datetime | None = None
    objectives_over: str = ""
