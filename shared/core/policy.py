"""The policy of a pipeline as values: what its YAML file means once it has been loaded.

Nothing here reads a file; `shared/adapters/policy_file.py` builds these values, and
`shared/core/policy_check.py` says what is wrong with them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from shared.core.answers import AnswerRule, StatusCall
from shared.core.dialect import CANONICAL, Wire
from shared.core.model import Lane

CLASS_NAME = re.compile(r"[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*")


@dataclass(frozen=True)
class Excluded:
    """Units of a date that do not take place on it.

    ``when`` is an expression over the calendar's table. ``table`` lists such units by their date: there ``unit_key``
    is what ``calendar_key`` is in the calendar's table, "" for the calendar's own key.
    """

    when: str = ""
    table: str = ""
    date_column: str = ""
    unit_key: str = ""
    calendar_key: str = ""


@dataclass(frozen=True)
class Calendar:
    """Where the units of a date stand. Expressions are GoogleSQL over the columns of ``table``.

    ``unit_key`` names a unit, and rows of one name are one unit; "" where every row is one. ``final`` is when a unit is
    over, "" where ``status_column`` says ``final_status``. A unit that is not final ``presumed_final_after`` its
    ``start_column`` is presumed over (behaviour T9). Dates further back than ``reaches_back`` are unknown.
    """

    unit: str
    table: str
    date_column: str
    status_column: str
    excluded_statuses: tuple[str, ...] = ()
    final_status: str = "Final"
    unit_key: str = ""
    final: str = ""
    start_column: str | None = None
    presumed_final_after: timedelta | None = None
    excluded: Excluded | None = None
    reaches_back: timedelta | None = None


@dataclass(frozen=True)
class Mode:
    """One pass over a date. ``partition_offset_days`` is date minus working day.

    From ``same_evening_from`` on, a local time of the date itself, reports of the date that are published on it
    belong to this mode already (behaviour R11).
    """

    name: str
    partition_offset_days: int
    opens_at: time
    same_evening_from: time | None = None


@dataclass(frozen=True)
class Service:
    """A service this project calls. ``url_env`` names the environment variable of its URL.

    ``identity`` is what its answer at ``identity_path`` says in ``identity_field``; without such a path the answer
    at ``ready_path`` may say it. ``cloud_run`` is the name it is deployed under, by default its identity. ``answers``
    are what its answers mean, by path (behaviour D10), ``status`` how it is asked whether it is at work (D11).
    """

    name: str
    url_env: str
    ready_path: str
    identity: str = ""
    identity_path: str | None = None
    identity_field: str = "service"
    cloud_run: str | None = None
    status: StatusCall | None = None
    answers: Mapping[str, tuple[AnswerRule, ...]] = field(default_factory=dict, hash=False)

    @property
    def deployed_as(self) -> str:
        return self.cloud_run or self.identity or self.name


@dataclass(frozen=True)
class Disabled:
    since: date
    reason: str


class Reports(StrEnum):
    """What one report of a processor is of: the whole date, or one unit of it."""

    WHOLE = "whole"
    PER_UNIT = "per_unit"


class Need(StrEnum):
    """How many of a processor's sources have to be done."""

    ANY = "any"
    ALL = "all"


@dataclass(frozen=True)
class Processor:
    """A job of a phase, by its one canonical name.

    ``units`` is the GoogleSQL expression that names the unit of a row of ``table``, "" where rows are judged by their
    number alone. ``sources`` are the several loaders of one name, by their names on the wire: each is a job with a
    table and floors of its own, and ``name`` is `PROCESSOR/SOURCE` (behaviour R10).
    """

    name: str
    phase: str
    aliases: tuple[str, ...] = ()
    table: str | None = None
    date_column: str = "game_date"
    min_records_per_unit: int | None = None
    disabled: Disabled | None = None
    min_records: int | None = None
    units: str = ""
    reports: Reports = Reports.WHOLE
    sources: Mapping[str, Processor] = field(default_factory=dict, hash=False)
    need: Need = Need.ANY

    def disabled_on(self, day: date) -> bool:
        """True for dates from ``disabled.since`` on (behaviour R2)."""
        return self.disabled is not None and day >= self.disabled.since

    @property
    def wire_name(self) -> str | None:
        """The class name that the pipeline's services know it by: the first alias that is one (behaviour D12)."""
        return next((alias for alias in self.aliases if CLASS_NAME.fullmatch(alias)), None)

    @property
    def parts(self) -> tuple[Processor, ...]:
        """The jobs that are judged each by its own reports: the processor itself, and its sources."""
        return (self, *self.sources.values())

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        """The datasets of its tables, in their order."""
        return tuple(dict.fromkeys(table.rsplit(".", 1)[0] for table in self.tables))

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that it writes: its own, and those of its sources (behaviour R10)."""
        if not self.sources:
            return () if self.table is None else (self.table,)
        return tuple(dict.fromkeys(part.table for part in self.parts if part.table is not None))

    def rows_in(self, rows: Mapping[str, int | None], enough: int = 1) -> int | None:
        """Return the rows that it has by what its tables hold: the most of any source, or the least where all are
        needed (behaviour R10). None where a table that cannot be read decides whether they are enough."""
        if not self.sources:
            return None if self.table is None else rows.get(self.table)
        counts = [rows.get(table) for table in self.tables]
        read = [count for count in counts if count is not None]
        if not read:
            return None
        most = max(read) if self.need is Need.ANY else min(read)
        decided = len(read) == len(counts) or (most >= enough) is (self.need is Need.ANY)
        return most if decided else None

    def floor(self, units: int | None) -> int | None:
        """Records a success of the date must have; None where nothing can be demanded (behaviour R6, T3)."""
        if self.min_records_per_unit is None or units is None:
            return self.min_records
        demanded = self.min_records_per_unit * units
        return demanded if self.min_records is None else max(self.min_records, demanded)


@dataclass(frozen=True)
class Body:
    """What is sent, as the policy writes it: templates by key, each overlay laid over the one before (behaviour D12).

    ``by_generation`` knows one word, `later`: every generation after the first.
    """

    base: Mapping[str, Any] = field(default_factory=dict)
    by_mode: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    by_generation: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    by_lane: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, mode: str, generation: int, lane: Lane) -> Mapping[str, Any]:
        """Return the body of one run and generation, templates not yet replaced."""
        later = self.by_generation.get(LATER, {}) if generation > 1 else {}
        return {**self.base, **self.by_mode.get(mode, {}), **later, **self.by_lane.get(lane.value, {})}


LATER = "later"
RESERVED = frozenset(
    {
        "trigger_id", "generation", "attempt", "pipeline", "transition", "lane", "trigger_reason", "degraded",
        "missing_processors", "completed_processors", "entities_changed", "is_incremental", "gate_readings",
        "code_version",
    }
)  # fmt: skip
"""Plain fields that say which trigger it is and what it stands on."""
NO_BODY = Body()


@dataclass(frozen=True)
class Rerun:
    """How self-heal asks a phase to run again; without a body it is asked by its canonical fields."""

    service: str
    path: str
    body: Body = NO_BODY


@dataclass(frozen=True)
class Phase:
    """``known`` are names on its topic that are expected of nobody, * allowed (behaviour R9).

    A phase without processors and ``completions_topic`` never reports (behaviour D13).
    """

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


@dataclass(frozen=True, order=True)
class LocalTime:
    """A local time of the working day, or of the day so many ``days`` after it; spelled as the policy file does."""

    days: int
    at: time

    def __str__(self) -> str:
        return f"+{self.days}d {self.at:%H:%M}" if self.days else f"{self.at:%H:%M}"


@dataclass(frozen=True)
class Due:
    """Local times on the run's working day, or so many days later (behaviour T2)."""

    warning: LocalTime | None
    critical: LocalTime | None


@dataclass(frozen=True)
class Expectation:
    """What one mode of a transition waits for. Sets decide, never counts of what arrived (behaviour D1).

    ``no_due`` says that nobody wants to be told of its silence, ``because`` why (behaviour T10).
    """

    required: frozenset[str]
    optional: frozenset[str] = frozenset()
    tiers: tuple[Tier, ...] = ()
    deadline: Deadline | None = None
    due: Due | None = None
    no_due: bool = False
    because: str = ""

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
        refreshed = reason == "refresh" and self.refresh is not None and self.refresh.steps
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
    """What self-heal may do (behaviour 9). ``modes`` are those repaired after their working day too."""

    max_attempts: int
    cooldown: timedelta
    refuse_above_missing_percent: int
    refuse_above_items: int = 20
    modes: frozenset[str] | None = None


@dataclass(frozen=True)
class PlannedPause:
    """A pause that the policy knows of (behaviour T8), from the first instant of a local date on to that of ``until``.

    It is of everything, of a mode, of a transition, or of that transition in that mode.
    """

    begins: date
    until: date
    reason: str
    mode: str | None = None
    transition: str | None = None

    @property
    def id(self) -> str:
        """Return `policy-2026-07-01-2026-10-01-tomorrow`: another one once its dates or scope change."""
        scope = (part for part in (self.mode, self.transition) if part is not None)
        return "-".join(("policy", self.begins.isoformat(), self.until.isoformat(), *scope))


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
    pauses: tuple[PlannedPause, ...] = ()
    source: str = ""
    version: str = ""

    @property
    def unit(self) -> str:
        """What a unit of a date is called."""
        return "unit" if self.calendar is None else self.calendar.unit

    @cached_property
    def repaired_modes(self) -> frozenset[str]:
        """The modes whose runs are repaired after their working day too (behaviour 9)."""
        if self.repairs.modes is not None:
            return self.repairs.modes
        return frozenset(mode.name for mode in self.modes.values() if mode.partition_offset_days < 0)

    def status_of(self, step: Step) -> StatusCall | None:
        """How the service that a step calls is asked whether it is at work; None for one that cannot be asked."""
        service = self.services.get(step.target.service) if isinstance(step.target, HttpCall) else None
        return None if service is None else service.status

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
        return {phase.completions_topic: phase.name for phase in self.phases.values() if phase.completions_topic}

    @cached_property
    def awaited(self) -> Mapping[str, Mapping[str, Processor]]:
        """The processors of the phases that each transition waits for; a phase that there is not has none."""
        return {name: self._awaited(transition) for name, transition in self.transitions.items()}

    def _awaited(self, transition: Transition) -> Mapping[str, Processor]:
        phases = [self.phases[phase].processors for phase in transition.after if phase in self.phases]
        return phases[0] if len(phases) == 1 else {name: one for found in phases for name, one in found.items()}

    @cached_property
    def _after(self) -> Mapping[str, tuple[Transition, ...]]:
        listed = self.transitions.values()
        return {phase: tuple(t for t in listed if phase in t.after) for phase in self.phases}

    @cached_property
    def beyond(self) -> Mapping[str, frozenset[str]]:
        """The transitions that come after each, at any distance."""
        found: dict[str, frozenset[str]] = {}
        for name in self.transitions:
            reached: set[str] = set()
            ahead = [self.transitions[name]]
            while ahead:
                following = [t for t in self.after(ahead.pop().starts) if t.name not in reached]
                reached.update(t.name for t in following)
                ahead += following
            found[name] = frozenset(reached)
        return found

    @cached_property
    def expecting(self) -> Mapping[tuple[str, str], tuple[Mode, ...]]:
        """The modes that expect each phase and processor, by their offsets (behaviour R11).

        A processor of a phase that nothing waits for counts as expected in every mode that starts its phase.
        """
        return {
            (phase.name, name): self._expecting(phase.name, name)
            for phase in self.phases.values()
            for name in phase.processors
        }

    def _expecting(self, phase: str, processor: str) -> tuple[Mode, ...]:
        waiting, starting = self.after(phase), self.starting(phase)
        named = [mode for t in waiting for mode, wanted in t.expects.items() if processor in wanted.expected]
        if not waiting and starting is not None:
            named = list(starting.expects)
        modes = (self.modes[name] for name in dict.fromkeys(named) if name in self.modes)
        return tuple(sorted(modes, key=lambda mode: mode.partition_offset_days))

    def local(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone)

    def after(self, phase: str) -> tuple[Transition, ...]:
        """The transitions that wait for this phase, alone or with others."""
        return self._after.get(phase, ())

    def starting(self, phase: str) -> Transition | None:
        """The transition that starts this phase."""
        return next((t for t in self.transitions.values() if t.starts == phase), None)

    def listener(self, phase: str) -> str | None:
        """The transition whose function hears this phase: the first that waits for it; of a last phase, the one that
        hears what it is started after. None for a phase that no transition touches (behaviour D13)."""
        first, starting = next(iter(self.after(phase)), None), self.starting(phase)
        if first is None and starting is not None:
            first = next(iter(self.after(starting.after[0])), None)
        return None if first is None else first.name

    @cached_property
    def listeners(self) -> tuple[str, ...]:
        """The transitions that have a function of their own; each decides all that its reports bear on."""
        hearing = {self.listener(phase.name) for phase in self.phases.values() if phase.completions_topic}
        return tuple(name for name in self.transitions if name in hearing)
