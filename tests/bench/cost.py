"""The figure of the cost model: what it says of a night, over what the adapters counted of the same night.

A night of one run is played minute by minute under a clock that only the night moves: every processor reports, a
minute after the other, and every minute is swept. Nothing is timed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from shared.adapters.config.policy_file import load_policy
from shared.adapters.google.firestore import FirestoreStore
from shared.app.sweep.sweep import SweepOptions, sweep
from shared.app.transitions.receive import receive
from shared.core.calendar import instant
from shared.core.costs.month import of_deliveries
from shared.core.costs.operations import (
    DIGEST_SERVES_MINUTES,
    DIGESTED_EACH,
    DIGESTED_FROM,
    READ_AGAIN,
    Operations,
    Unit,
    of,
)
from shared.core.costs.workload import RunLoad, runs_of, scans
from shared.core.message import Delivery
from shared.core.model import Units
from shared.core.policy.policy import Policy
from shared.ports import CalendarRef, Row, TableRef, UnitsRef
from shared.simulation.fakes.clock import VirtualClock
from tests.bench.figure import Bench, Figure, Spread
from tests.bench.state import environment, fresh_store
from tests.emulators.server import ROOT
from tests.plain_ports import FullWarehouse, NoAuditLog, PlainPorts, context
from tests.policy_files import NBA
from tests.wide_policy import member_report, wide_policy

# The model may be off by so much of what was counted, in either direction.
TOLERANCE = 0.05
TODAY = date(2026, 1, 22)
MODE = "overnight"
FIRST_REPORT = 5  # minutes after the run is opened
MINUTE = timedelta(minutes=1)
SQL = {path.relative_to(ROOT / "config").as_posix(): path.read_text() for path in (ROOT / "config/gates").glob("*.sql")}


class CountedWarehouse(FullWarehouse):
    """Counts the tables that each statement names, as BigQuery bills them."""

    def __init__(self) -> None:
        self.tables = 0

    def rows(self, tables: Sequence[TableRef], day: date) -> dict[str, int | None]:
        self.tables += len({ref.table for ref in tables})
        return super().rows(tables, day)

    def number(self, sql_file: str, day: date) -> float | None:
        self.tables += scans(SQL[sql_file])
        return super().number(sql_file, day)

    def units(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, Units]:
        self.tables += 2 if calendar.excluded is not None and calendar.excluded.table else 1
        return super().units(calendar, days)

    def held(self, tables: Sequence[UnitsRef], day: date) -> dict[str, frozenset[str] | None]:
        self.tables += len({ref.table for ref in tables})
        return super().held(tables, day)

    def held_on(self, table: UnitsRef, days: Sequence[date]) -> dict[date, frozenset[str] | None]:
        self.tables += 1
        return {day: FullWarehouse.held(self, [table], day)[table.label] for day in days}

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        self.tables += scans(sql)
        return super().query(sql, parameters)


class KeptAuditLog(NoAuditLog):
    """Keeps the rows, so that the hourly comparison finds them."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, Row]] = []

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        self.kept += [(table, row) for row in rows]

    def completions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        rows = [row.columns for table, row in self.kept if table == "phase_completions"]
        return [dict(columns) for columns in rows]

    def executions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        return [dict(row.columns) for table, row in self.kept if table == "phase_execution_log"]


@dataclass
class Night:
    """One run of one policy, from its opening for so many minutes; ``store`` is what counts."""

    policy: Policy
    store: FirestoreStore
    minutes: int
    ports: PlainPorts = field(init=False)
    clock: VirtualClock = field(init=False)
    warehouse: CountedWarehouse = field(init=False)
    audit: KeptAuditLog = field(init=False)
    # By the schedule of the night and by what each sweep says of itself: documents of the run that sweeps read, sweeps
    # that found it closed, sweeps that found something due, those of them that looked at every open run.
    seen: int = 0
    digested: int = 0  # looks at a run that has a digest by then
    lately: int = 0  # completions that these read one by one
    digests: float = 0.0
    closed: int = 0
    due: int = 0
    whole: int = 0
    kept_at: int | None = None  # when a sweep read every completion of the run last, once it is wide

    def __post_init__(self) -> None:
        opens = instant(TODAY, self.policy.modes[MODE].opens_at, self.policy.zone)
        self.clock = VirtualClock(opens - timedelta(seconds=1))
        self.warehouse, self.audit = CountedWarehouse(), KeptAuditLog()
        self.ports = PlainPorts(self.store, warehouse=self.warehouse, audit=self.audit, clock=self.clock)

    @property
    def run(self) -> RunLoad:
        return next(run for run in runs_of(self.policy, SQL) if run.mode == MODE)

    def reports(self) -> list[tuple[str, str]]:
        """Return the processors that report, with their phases, by the policy and not by the model."""
        reports = []
        for phase in self.policy.phases.values():
            after = self.policy.after(phase.name)
            expected = after[0].expects[MODE].expected if after else set(phase.processors)
            reports += [
                (phase.name, p.name) for p in phase.processors.values() if p.name in expected and p.disabled is None
            ]
        return reports

    def play(self) -> Counter[str]:
        """Let the night pass; return what was counted."""
        ctx = context(self.policy, self.ports)
        reports, left = self.reports(), Counter(phase for phase, _ in self.reports())
        assert len(reports) + FIRST_REPORT < self.minutes, "the night is too short for its reports"
        completions = transitions = 0
        for minute in range(self.minutes):
            self.clock.instant += MINUTE
            if FIRST_REPORT <= minute < FIRST_REPORT + len(reports):
                phase, name = reports[minute - FIRST_REPORT]
                receive(ctx, self._delivery(phase, name))
                completions += 1
                left[phase] -= 1
                transitions += left[phase] == 0 and bool(self.policy.after(phase))
            before = self.store.operations["writes"]
            done = sweep(ctx, SweepOptions())
            if self.store.operations["writes"] == before:
                continue  # nothing was due
            self.due += 1
            self.whole += done.whole
            if self._over(minute):
                self.closed += 1
            elif done.seen:
                self._looked(minute, completions, max(1, transitions))
        counted = Counter(self.store.operations)
        return counted + Counter(rows=len(self.audit.kept), tables=self.warehouse.tables)

    def _looked(self, minute: int, completions: int, transitions: int) -> None:
        """Note what a look at the run read: of a wide one, once it has a digest, what was written lately."""
        if self.kept_at is not None and minute - self.kept_at < DIGEST_SERVES_MINUTES:
            reporting = FIRST_REPORT <= minute < FIRST_REPORT + len(self.reports())
            self.digested += 1
            self.lately += READ_AGAIN if reporting else 1
            self.digests += reporting / DIGESTED_EACH
            self.seen += transitions
            return
        self.seen += max(1, completions) + transitions
        if completions >= DIGESTED_FROM:
            self.kept_at = minute
            self.digests += 1

    def _over(self, minute: int) -> bool:
        """Say whether the run was closed before this minute's sweep: by the sweep after its last report, unless
        something may still be refreshed."""
        refreshed = any(transition.refresh is not None for transition in self.policy.transitions.values())
        return not refreshed and minute >= FIRST_REPORT + len(self.reports())

    def _delivery(self, phase: str, name: str) -> Delivery:
        data = member_report(name, (TODAY - timedelta(days=1)).isoformat())
        now: datetime = self.clock.now()
        return Delivery(f"m-{name}", phase, data, now, now)

    def modelled(self) -> dict[str, float]:
        """Return what the model says of the same night."""
        run = self.run
        operations = of_deliveries(run) + of(Unit.RUN) + Operations(writes=0 if self.closed else -1)
        operations += of(Unit.SWEEP, self.minutes) + of(Unit.DUE_SWEEP, self.due, self.due)
        operations += of(Unit.WHOLE_SWEEP, self.whole) + of(Unit.OPEN_RUN, 0, self.seen)
        operations += of(Unit.DIGESTED_LOOK, self.digested, self.lately) + of(Unit.DIGEST, self.digests)
        operations += of(Unit.SEEN, run.touches) + of(Unit.CLOSED_TODAY, self.closed)
        operations += of(Unit.FLUSH, run.completions, run.completions)
        operations += of(Unit.FLUSHED_TRANSITION, sum(1 + transition.late for transition in run.transitions))
        # The comparison comes with the first sweep of each hour.
        for hour in range(0, self.minutes, 60):
            there = max(0, min(hour - FIRST_REPORT + 1, run.completions))
            operations += of(Unit.COMPARISON, 1, 1)
            # Of a wide run its digest is read, the count, and what was written lately.
            operations += of(Unit.OBJECTIVES, 1, 1 + len(run.transitions))
            operations += of(Unit.COMPARED, 1, max(1, there) if there <= DIGESTED_FROM else 2 + READ_AGAIN)
        tables = (
            self.due * (0 if self.policy.calendar is None else len(self.policy.calendar.tables))
            + run.baseline_tables
            + sum(transition.tables + transition.row_tables for transition in run.transitions)
        )
        return {"reads": operations.reads, "writes": operations.writes, "rows": operations.rows, "tables": tables}


def ratios(modelled: Mapping[str, float], counted: Mapping[str, float]) -> dict[str, float]:
    """Return modelled over counted of each kind of operation."""
    return {what: number / counted[what] for what, number in modelled.items()}


def cost(bench: Bench) -> Iterator[Figure]:
    """Play a night of the reference policy, and one of a wide phase, and compare the model with the counters."""
    small = bench.size.name == "small"
    wide = wide_policy(60 if small else 300, bench.folder)
    nights = (("a night of the reference policy", load_policy(NBA), 30 if small else 180), _wide(wide, small))
    with environment(bench.variables()):
        for what, policy, minutes in nights:
            night = Night(policy, fresh_store(), minutes)
            counted = night.play()
            for kind, modelled in night.modelled().items():
                yield Figure(
                    "cost",
                    f"{what}, {minutes} sweeps: {kind} as modelled",
                    kind,
                    Spread.of([modelled]),
                    Spread.of([counted[kind]]),
                    "as counted",
                    most=1 + TOLERANCE,
                    least=1 - TOLERANCE,
                )


def _wide(policy: Policy, small: bool) -> tuple[str, Policy, int]:
    members = len(policy.phases["phase3"].processors)
    return f"the same with {members} members in one phase", policy, members + (30 if small else 60)
