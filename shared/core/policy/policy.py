"""The policy of a pipeline as values: what its YAML file means once it has been loaded.

Nothing here reads a file; `shared/adapters/config/policy_file.py` builds these values, and
`shared/core/policy/policy_check.py` says what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property, lru_cache, partial
from zoneinfo import ZoneInfo

from shared.core.policy.adaptive import autos
from shared.core.policy.alerts import NOWHERE, Alerts, Links
from shared.core.policy.anomalies import OFF, Anomalies
from shared.core.policy.batches import BatchPolicy
from shared.core.policy.demands import Demands, demands
from shared.core.policy.objectives import Objectives
from shared.core.policy.phases import Phase, Processor, Reports
from shared.core.policy.signals import Signal
from shared.core.policy.transitions import Gate, GateKind, HttpCall, Step, Transition
from shared.core.policy.working_days import EVERY_DAY, Resolve, Window, WorkingDays
from shared.core.wire.answers import AnswerRule, StatusCall
from shared.core.wire.dialect import CANONICAL, Dialect

# Dates of one transition and mode whose demands are remembered.
DEMANDS = 64
OBJECTIVES = Objectives()


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
    """Where the units of a date are listed. Expressions are GoogleSQL over the columns of ``table``.

    ``unit_key`` names a unit, and rows of one name are one unit; "" where every row is one. ``final`` is when a unit is
    over, "" where ``status_column`` says ``final_status``. A unit that is not final ``presumed_final_after`` its
    ``start_column`` is presumed over (behaviour T9). Dates further back than ``reaches_back`` are unknown. One reading
    serves an open run for ``read_every``, None for one look of a sweep (T3).
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
    read_every: timedelta | None = None

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that one reading of it names."""
        excluded = "" if self.excluded is None else self.excluded.table
        return (self.table, excluded) if excluded else (self.table,)


@dataclass(frozen=True)
class Mode:
    """One pass over a date. ``partition_offset_days`` is date minus working day.

    From ``same_evening_from`` on, a local time of the date itself, reports of the date that are published on it
    belong to this mode already (behaviour R11). ``resolve`` is what tells that a message belongs to it where it names
    no mode: ``window`` is for the time of day (R4). ``days`` are the working days on which it is expected (T1).
    """

    name: str
    partition_offset_days: int
    opens_at: time
    same_evening_from: time | None = None
    resolve: Resolve = Resolve.DATE
    window: Window | None = None
    days: WorkingDays = EVERY_DAY

    def expected_on(self, working_day: date) -> bool:
        return self.days.include(working_day)


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
class Repairs:
    """What self-heal may do (behaviour 9). ``modes`` are those repaired after their working day too.

    Once their runs are closed, that is in the backfill lane, with ``per_day`` accepted calls on a local day at most.
    """

    max_attempts: int
    cooldown: timedelta
    refuse_above_missing_percent: int
    refuse_above_items: int = 20
    modes: frozenset[str] | None = None
    per_day: int = 20


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
    short digest of what was loaded, "" for a policy that no file states; ``wire`` is the dialect of the whole pipeline,
    which each phase has with its own laid over it."""

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
    batches: Mapping[str, BatchPolicy] = field(default_factory=dict)
    links: Links = NOWHERE
    objectives: Objectives = OBJECTIVES
    wire: Dialect = CANONICAL
    signals: Mapping[str, Signal] = field(default_factory=dict)
    source: str = ""
    version: str = ""
    anomalies: Anomalies = OFF

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

    @cached_property
    def dated(self) -> tuple[Mode, ...]:
        """The modes to which a message belongs by its date, in the file's order."""
        return tuple(mode for mode in self.modes.values() if mode.resolve is Resolve.DATE)

    def status_of(self, step: Step) -> StatusCall | None:
        """How the service that a step calls is asked whether it is at work; None for one that cannot be asked."""
        service = self.services.get(step.target.service) if isinstance(step.target, HttpCall) else None
        return None if service is None else service.status

    @cached_property
    def gates_passed(self) -> Mapping[tuple[str, str], tuple[Gate, ...]]:
        """The gates of each transition and mode, in the order of the policy."""
        return {
            (name, mode): tuple(gate for gate in map(self.gates.__getitem__, transition.gates) if gate.binds(mode))
            for name, transition in self.transitions.items()
            for mode in transition.expects
        }

    @cached_property
    def judges_partials(self) -> frozenset[tuple[str, str]]:
        """The transitions and modes in which a completion gate judges what is partial."""
        passed = self.gates_passed.items()
        return frozenset(of for of, gates in passed if any(g.kind is GateKind.COMPLETION_PERCENT for g in gates))

    @cached_property
    def topics(self) -> Mapping[str, str]:
        """Completion topic to phase."""
        return {phase.completions_topic: phase.name for phase in self.phases.values() if phase.completions_topic}

    @cached_property
    def signal_topics(self) -> Mapping[str, tuple[str, ...]]:
        """Topic of signals to the phases whose processors they complete (behaviour R13)."""
        listed = [signal for signal in self.signals.values() if signal.topic]
        return {
            topic: tuple(dict.fromkeys(signal.phase for signal in listed if signal.topic == topic))
            for topic in dict.fromkeys(signal.topic for signal in listed)
        }

    @property
    def heard(self) -> tuple[str, ...]:
        """The topics on which completions come, and signals."""
        return (*self.topics, *self.signal_topics)

    @cached_property
    def awaited(self) -> Mapping[str, Mapping[str, Processor]]:
        """The processors of the phases that each transition waits for; a phase that there is not has none."""
        return {name: self._awaited(transition) for name, transition in self.transitions.items()}

    def judged(self, transition: str, mode: str) -> Mapping[str, Processor]:
        """Return the processors that a transition waits for, with the tables that can vouch for them in this mode.

        Where the message or the clock tells one pass over a date from another, the rows of the date do not: a table
        without ``units`` vouches only for what one mode alone expects (behaviour R4, R6).
        """
        return self._judged_apart.get((transition, mode), self.awaited[transition])

    @cached_property
    def demanded(self) -> Mapping[tuple[str, str], Callable[[date, int | None], Demands]]:
        """What each transition demands in each mode, by date and number of units, None if that is unknown (R2, R6)."""
        return {
            (name, mode): lru_cache(maxsize=DEMANDS)(
                partial(demands, expectation, self.awaited[name], self.judged(name, mode))
            )
            for name, transition in self.transitions.items()
            for mode, expectation in transition.expects.items()
        }

    @cached_property
    def _judged_apart(self) -> Mapping[tuple[str, str], Mapping[str, Processor]]:
        apart = [mode.name for mode in self.modes.values() if mode.resolve is not Resolve.DATE]
        return {
            (name, mode): {key: self._vouched(processor) for key, processor in self.awaited[name].items()}
            for name, transition in self.transitions.items()
            for mode in apart
            if mode in transition.expects
        }

    def _vouched(self, processor: Processor) -> Processor:
        shared = len(self.expecting.get((processor.phase, processor.name.partition("/")[0]), ())) > 1
        if not shared or processor.units or processor.reports is Reports.PER_UNIT:
            return processor
        sources = {name: self._vouched(source) for name, source in processor.sources.items()}
        return replace(processor, table=None, sources=sources)

    def _awaited(self, transition: Transition) -> Mapping[str, Processor]:
        phases = [self.phases[phase].processors for phase in transition.after if phase in self.phases]
        return (
            phases[0]
            if len(phases) == 1
            else {name: processor for processors in phases for name, processor in processors.items()}
        )

    @cached_property
    def _after(self) -> Mapping[str, tuple[Transition, ...]]:
        listed = self.transitions.values()
        return {phase: tuple(t for t in listed if phase in t.after) for phase in self.phases}

    @cached_property
    def beyond(self) -> Mapping[str, frozenset[str]]:
        """The transitions that come after each, at any distance."""
        reachable: dict[str, frozenset[str]] = {}
        for name in self.transitions:
            reached: set[str] = set()
            ahead = [self.transitions[name]]
            while ahead:
                following = [t for t in self.after(ahead.pop().starts) if t.name not in reached]
                reached.update(t.name for t in following)
                ahead += following
            reachable[name] = frozenset(reached)
        return reachable

    @cached_property
    def expecting(self) -> Mapping[tuple[str, str], tuple[Mode, ...]]:
        """The modes that expect each phase and processor, by their offsets (behaviour R11).

        A processor of a phase that nothing waits for counts as expected in every mode that starts its phase; one that
        feeds another where that one is.
        """
        return {
            (phase.name, name): self._expecting(phase.name, name)
            for phase in self.phases.values()
            for name in phase.processors
        }

    def _expecting(self, phase: str, processor: str) -> tuple[Mode, ...]:
        fed = self.phases[phase].processors[processor].feeds
        if fed is not None:
            phase, processor = next((p.name for p in self.phases.values() if fed in p.processors), phase), fed
        waiting, starting = self.after(phase), self.starting(phase)
        named = [mode for t in waiting for mode, expectation in t.expects.items() if processor in expectation.expected]
        if not waiting and starting is not None:
            named = list(starting.expects)
        modes = (self.modes[name] for name in dict.fromkeys(named) if name in self.modes)
        return tuple(sorted(modes, key=lambda mode: mode.partition_offset_days))

    @cached_property
    def learns_times(self) -> bool:
        """Whether any time of this policy is left to past nights (behaviour T11)."""
        return any(True for t in self.transitions.values() for each in t.expects.values() for _ in autos(each))

    @cached_property
    def nights_needed(self) -> int:
        """How many past dates this policy learns from, 0 where it asks nothing of them (behaviour T11, T12)."""
        listed = (each for t in self.transitions.values() for each in t.expects.values())
        return max([self.anomalies.nights_needed, *(auto.nights for each in listed for _, auto in autos(each))])

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
