"""What a pipeline's month consists of, derived from its policy: runs, completions, triggers, sweeps, checks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from math import ceil

from shared.core.costs.operations import (
    DIGEST_SERVES_MINUTES,
    DIGESTED_EACH,
    DIGESTED_FROM,
    FAN_IN_ABOVE,
    METADATA_FROM,
    READ_AGAIN,
    Operations,
    Unit,
    of,
)
from shared.core.policy.mode_check import nominal
from shared.core.policy.phases import Processor
from shared.core.policy.policy import Mode, Policy
from shared.core.policy.transitions import ConfirmBy, GateKind, Messages, Publication, Transition

MINUTES_A_DAY = 24 * 60
# Members of one part of a batch's index (`shared/core/batches/roll.py`, PAGE).
PAGE = 100
# A run without a due time or refresh is taken to be open so long.
OPEN_FOR = timedelta(hours=4)
_TABLE = re.compile(r"`([\w-]+(?:\.[\w-]+)+)`")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a function runs on."""

    cpu: float
    memory_gib: float
    concurrency: int


@dataclass(frozen=True)
class Deployment:
    """What one pipeline's deployment has, and how often a day it is called: sweeps, reports, validations."""

    functions: int
    jobs: int
    topics: int
    secrets: int
    receiver: Machine
    sweeper: Machine
    validator: Machine
    reporter: Machine
    sweeps: float
    reports: float
    validations: Mapping[str, float]  # of each schedule
    ticks: float = 0.0  # of the workflow controller
    controller: Machine | None = None
    executor: Machine | None = None

    @property
    def sweep_minutes(self) -> float:
        """Minutes from one sweep to the next."""
        return MINUTES_A_DAY / max(1.0, self.sweeps)


@dataclass(frozen=True, slots=True)
class WorkflowLoad:
    """What the workflows of a pipeline do on a day with units. ``dates`` are those whose books a tick reads, on the
    mean of a day, ``looked_dates`` those of a sweep's look; ``waves`` are calls made at once, ``breakers`` scrapers
    asked for in a step, ``statements`` and ``tables`` what is asked of the warehouse."""

    runs: float
    steps: float
    waves: float
    calls: float
    breakers: float
    dates: float
    looked_dates: float
    statements: float
    tables: float


@dataclass(frozen=True, slots=True)
class BatchLoad:
    """One batch of the policy, so many times on a day with units. ``page`` members are asked together, silent ones
    ``repeats`` times more, ``idle_minutes`` pass before it is closed without them; ``tables`` are those that its
    members and its close read, ``per_second`` the pace of its requests, ``places`` those that its close takes at
    tables which it changes."""

    runs: float
    members: float
    silent: float
    page: int
    repeats: int
    steps: int
    tables: int
    minutes: float
    idle_minutes: float
    instances: float
    per_second: float
    places: int = 0

    @property
    def pages(self) -> int:
        return max(1, ceil(self.members / self.page))

    @property
    def index_parts(self) -> int:
        return max(1, ceil(self.members / PAGE))

    @property
    def reports(self) -> float:
        return self.members - self.silent

    @property
    def documents(self) -> float:
        """What lies below `batches` for one batch: itself, pages, their index, an outcome for each who reported."""
        return 1 + self.pages + self.index_parts + self.reports

    @property
    def messages(self) -> float:
        """Messages that are published for one batch: requests and their repeats, reports, its beginning and end."""
        return self.members + self.repeats * self.silent + self.reports + 2


@dataclass(frozen=True, slots=True)
class PhaseLoad:
    """One phase of one run: ``members`` report, ``links`` transitions look at each report.

    ``expected`` is how many are waited for together with it, in other phases too, 0 where nothing waits for it.
    """

    name: str
    members: int
    links: int
    expected: int

    @property
    def reads(self) -> int:
        """Reports read by all completions of the phase together, one after the other."""
        if not self.expected:
            return 0  # what is not waited for is not looked at together
        if self.expected <= FAN_IN_ABOVE:
            beside = self.expected - self.members  # of other phases, half of which have reported before
            return self.members * (self.members + 1 + beside) // 2
        # Each looks at one that is missing; once all are there, each is noticed, and then the phase is read.
        return 3 * self.members - 1


@dataclass(frozen=True, slots=True)
class TransitionLoad:
    """One transition of one run; its gates make ``queries``: to count rows in so many tables of each dataset, ``rows``,
    or to read ``tables``."""

    name: str
    messages: int
    late: bool  # confirmed by a report, so that trigger and confirmation reach the record by two sweeps
    queries: int
    rows: tuple[int, ...]
    tables: int
    steps_before_last: int = 0

    @property
    def row_tables(self) -> int:
        return sum(self.rows)


@dataclass(frozen=True, slots=True)
class RunLoad:
    """One run of one mode; opened and closed in minutes of the local day it is worked on."""

    mode: str
    offset: int
    opens: int
    closes: int
    phases: tuple[PhaseLoad, ...]
    transitions: tuple[TransitionLoad, ...]
    baseline: tuple[int, ...]  # tables of each dataset whose rows are counted when it is opened

    @property
    def baseline_tables(self) -> int:
        return sum(self.baseline)

    @property
    def completions(self) -> int:
        return sum(phase.members for phase in self.phases)

    @property
    def documents(self) -> int:
        """What lies below its own document once everything has happened."""
        return self.completions + len(self.transitions)

    @property
    def completions_read(self) -> int:
        """What is read below it by who wants all its completions: of a wide run its digest, and what it lacks."""
        return self.completions if self.completions < DIGESTED_FROM else 2 + READ_AGAIN

    @property
    def documents_read(self) -> int:
        """What is read below it by who wants all of it."""
        return self.completions_read + len(self.transitions)

    @property
    def minutes(self) -> int:
        return self.closes - self.opens

    @property
    def touches(self) -> int:
        """How often reports make the run due: each does that comes in a minute of its own."""
        return min(self.completions, self.minutes)

    def looks(self, every: float) -> float:
        """How often sweeps look at the run: after each report, once more when all has settled, and so often anyway."""
        return self.touches + bool(self.touches) + self.minutes / every

    def looked_at(self, every: float) -> Operations:
        """Return what looks read of the run below its own document; all of it is taken to be there while it is open.

        A wide one is read by its digest once it has one, and each completion by itself once an hour.
        """
        looks = self.looks(every)
        if self.completions < DIGESTED_FROM:
            return of(Unit.OPEN_RUN, 0, looks * self.documents)
        narrow = DIGESTED_FROM * self.touches / self.completions
        whole = min(looks - narrow, self.minutes / DIGEST_SERVES_MINUTES)
        completions = narrow * DIGESTED_FROM / 2 + whole * self.completions
        wide = looks - narrow - whole
        changed = READ_AGAIN * (self.completions - DIGESTED_FROM) + max(0.0, looks - self.touches)
        operations = of(Unit.OPEN_RUN, 0, completions + (looks - wide) * len(self.transitions))
        operations += of(Unit.DIGESTED_LOOK, wide, changed + wide * len(self.transitions))
        return operations + of(Unit.DIGEST, whole + (self.touches - narrow) / DIGESTED_EACH)


def due_sweeps(deployment: Deployment, runs: Iterable[RunLoad], every: float) -> float:
    """Return how many sweeps of a day find something due, where every open run is looked at so many minutes apart."""
    whole = MINUTES_A_DAY / max(deployment.sweep_minutes, every)
    return min(deployment.sweeps, whole + sum(run.touches + bool(run.touches) for run in runs))


def scans(*texts: str) -> int:
    """Return how many tables one statement names: BigQuery bills a least size for each."""
    return len({table for text in texts for table in _TABLE.findall(text)})


def tables_of(policy: Policy) -> set[str]:
    """Return the tables of all processors that are not disabled."""
    return {table for phase in policy.phases for processor in _able(policy, phase) for table in processor.tables}


def runs_of(policy: Policy, gate_sql: Mapping[str, str], width: float = 1.0) -> tuple[RunLoad, ...]:
    """Return a day's runs, one for each mode, every phase ``width`` times as wide as the policy has it.

    ``gate_sql`` maps the SQL file of each gate to its text.
    """
    return tuple(_run(policy, mode, gate_sql, width) for mode in policy.modes.values())


def _run(policy: Policy, mode: Mode, gate_sql: Mapping[str, str], width: float) -> RunLoad:
    passed = [t for t in policy.transitions.values() if mode.name in t.expects]
    phases = {name: _phase(policy, mode.name, passed, name, width) for name in policy.phases}
    opens = _minute(mode.opens_at)
    return RunLoad(
        mode.name,
        mode.partition_offset_days,
        opens,
        _closes(passed, mode, opens),
        tuple(phase for phase in phases.values() if phase.members),
        tuple(_transition(policy, transition, mode.name, gate_sql, width) for transition in passed),
        by_dataset(
            (
                table
                for transition in passed
                for table in _tables_read(policy, transition, transition.expects[mode.name].required)
            ),
            width,
        ),
    )


def _phase(policy: Policy, mode: str, passed: list[Transition], name: str, width: float) -> PhaseLoad:
    after = [transition for transition in passed if name in transition.after]
    before = [transition for transition in passed if transition.starts == name]
    if not after:
        members = _times(len(_able(policy, name)) if before else 0, width)
        return PhaseLoad(name, members, len(before), 0)
    expected = {member for transition in after for member in transition.expects[mode].expected}
    together = dict.fromkeys(phase for transition in after for phase in transition.after)
    counts = {phase: _times(sum(p.name in expected for p in _able(policy, phase)), width) for phase in together}
    return PhaseLoad(name, counts[name], len(after) + len(before), sum(counts.values()))


def _transition(
    policy: Policy, transition: Transition, mode: str, gate_sql: Mapping[str, str], width: float
) -> TransitionLoad:
    expected = [
        processor
        for phase in transition.after
        for processor in _able(policy, phase)
        if processor.name in transition.expects[mode].expected
    ]
    queries = tables = 0
    counted: tuple[int, ...] = ()
    rows = by_dataset({table for processor in expected for table in processor.tables}, width)
    for gate in (policy.gates[name] for name in transition.gates):
        if gate.modes is not None and mode not in gate.modes:
            continue
        if gate.kind is GateKind.ROWS and rows:
            queries, counted = queries + 1, (*counted, *rows)
        elif gate.kind is GateKind.PERCENT and gate.sql is not None:
            queries, tables = queries + 1, tables + scans(gate_sql[gate.sql])
    published = [step.target for step in transition.dispatch.steps if isinstance(step.target, Publication)]
    each = [target.messages is Messages.PER_PROCESSOR for target in published]
    messages = sum(_times(len(expected), width) if many else 1 for many in each)
    late, before_last = transition.confirm.by is ConfirmBy.FIRST_REPORT, max(0, len(transition.dispatch.steps) - 1)
    return TransitionLoad(transition.name, messages, late, queries, counted, tables, before_last)


def by_dataset(tables: Iterable[str], width: float) -> tuple[int, ...]:
    """Return how many tables each dataset has of these, in a pipeline so many times as wide: what is added lies beside
    what is there."""
    return tuple(_times(number, width) for number in Counter(table.rpartition(".")[0] for table in tables).values())


def billed(rows: Iterable[int]) -> int:
    """Return how many tables are billed where rows are counted in so many of each dataset: of many the metadata."""
    return sum(1 if tables >= METADATA_FROM else tables for tables in rows)


def _times(number: int, width: float) -> int:
    return max(1, round(number * width)) if number else 0


def _able(policy: Policy, phase: str) -> list[Processor]:
    return [processor for processor in policy.phases[phase].processors.values() if processor.disabled is None]


def _tables_read(policy: Policy, transition: Transition, names: frozenset[str]) -> set[str]:
    able = (processor for phase in transition.after for processor in _able(policy, phase))
    return {table for processor in able if processor.name in names for table in processor.tables}


def _closes(passed: list[Transition], mode: Mode, opens: int) -> int:
    """Return the minute of the day at which the run is taken to close: after its last refresh and its last due time."""
    ends = [_minute(transition.refresh.until) for transition in passed if transition.refresh is not None]
    for transition in passed:
        due = transition.expects[mode.name].due
        times = () if due is None else tuple(at for at in (due.warning, due.critical) if at is not None)
        ends += [int(nominal(at, mode) / timedelta(minutes=1)) for at in times]
    later = [end for end in ends if end > opens]
    return max(later, default=min(opens + int(OPEN_FOR / timedelta(minutes=1)), MINUTES_A_DAY))


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute
