"""What a day asks of the warehouse: statements and the tables they name, each of which BigQuery bills a least size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.core.costs.operations import DESCRIBED, METADATA_FROM, Habits
from shared.core.costs.workload import (
    MINUTES_A_DAY,
    Deployment,
    RunLoad,
    billed,
    by_dataset,
    due_sweeps,
    scans,
    tables_of,
)
from shared.core.policy.policy import Policy
from shared.core.validation.checks import Check, Validation

FLOORS = "floors"
TABLE_CHECKS = ("transition_output", FLOORS)
Asked = tuple[float, float]


@dataclass(frozen=True)
class Statements:
    """The statements of one pipeline on a day with units."""

    policy: Policy
    deployment: Deployment
    runs: tuple[RunLoad, ...]
    width: float
    habits: Habits

    def of_day(self, validation: Validation | None) -> Mapping[str, Asked]:
        """Return statements and tables by what asks."""
        transitions = [transition for run in self.runs for transition in run.transitions]
        return {
            "calendar": (self._calendar(), self._calendar() * self._calendar_tables),
            "gates": (
                sum(transition.queries for transition in transitions),
                sum(transition.tables + billed(transition.rows) for transition in transitions),
            ),
            "baseline": (len(self.runs), sum(billed(run.baseline) for run in self.runs)),
            "types": self._types(validation),
            "learning": self._learning(),
            "comparison": (self._comparisons(), self._comparisons()),
            "checks": (0.0, 0.0) if validation is None else self._checks(validation),
            "report": (5 * self.deployment.reports, 8 * self.deployment.reports),
        }

    def _types(self, validation: Validation | None) -> Asked:
        """Return how often the types of date columns are asked for, of more tables than are described one by one: of
        all datasets together, by each instance once an hour, taken to be by each that counts."""
        counted = [transition.rows for run in self.runs for transition in run.transitions]
        counted += [run.baseline for run in self.runs]
        datasets = [len(rows) for rows in counted if sum(rows) > DESCRIBED]
        for name, calls in self.deployment.validations.items():
            checks = () if validation is None else validation.of(name)
            if any(check.builtin in TABLE_CHECKS or check.days for check in checks) and sum(self._every) > DESCRIBED:
                datasets += [len(self._every)] * round(calls)
        return len(datasets), sum(datasets)

    def _learning(self) -> Asked:
        """Return what the daily reading of past nights asks: the two tables of the record, and the calendar's."""
        if not self.policy.nights_needed:
            return 0.0, 0.0
        units = 1.0 if self.policy.anomalies.nights_needed and self.policy.calendar is not None else 0.0
        return 2.0 + units, 2.0 + units * self._calendar_tables

    @property
    def _calendar_tables(self) -> int:
        """How many tables a reading of the calendar names."""
        return 0 if self.policy.calendar is None else len(self.policy.calendar.tables)

    def _comparisons(self) -> float:
        """Return how often state and record are compared, and objectives measured."""
        return self.habits.comparisons_a_day * (2 if self.policy.objectives.stated() else 1)

    def _calendar(self) -> float:
        """Return how often sweeps read the calendar: of each open run as often as the policy says, or each sweep that
        finds something due, once a run is open or expected."""
        if self.policy.calendar is None or not self.runs:
            return 0.0
        minutes = MINUTES_A_DAY - min(run.opens for run in self.runs)
        due = due_sweeps(self.deployment, self.runs, self.habits.look_minutes) * minutes / MINUTES_A_DAY
        every = self.policy.calendar.read_every
        if every is None:
            return min(due, minutes / self.deployment.sweep_minutes)
        return min(due, sum(run.minutes for run in self.runs) / (every / timedelta(minutes=1)) + len(self.runs))

    def _checks(self, validation: Validation) -> Asked:
        statements = tables = 0.0
        for name, calls in self.deployment.validations.items():
            # The calendar, a probe, and the two of the trend.
            statements, tables = statements + 4 * calls, tables + (2 + self._calendar_tables) * calls
            checks = validation.of(name)
            for check in checks:
                statements, tables = statements + calls, tables + self._named(check) * calls
            # The days of every table are told once for all checks that ask for no more.
            for _ in {check.days for check in checks if check.days}:
                metadata = sum(number >= METADATA_FROM for number in self._every)
                statements, tables = statements + metadata * calls, tables + metadata * calls
        return statements, tables

    @property
    def _every(self) -> tuple[int, ...]:
        """How many tables each dataset has that processors write."""
        return by_dataset(tables_of(self.policy), self.width)

    def _counted(self, check: Check) -> Iterator[set[str]]:
        """Yield the tables whose rows a check counts together: for each mode, which has its own date, those that its
        transitions wait for; of an output those that the next transitions require, and those that they may lack."""
        for mode in self.policy.modes:
            if check.builtin == FLOORS:
                passed = [transition for transition in self.policy.transitions.values() if mode in transition.expects]
                yield {table for transition in passed for table in self._tables(transition.after, mode, "expected")}
                continue
            transition = self.policy.transitions[check.options["transition"]]
            if mode in transition.expects:
                required = self._tables((transition.starts,), mode, "required")
                yield required
                yield self._tables((transition.starts,), mode, "expected") - required

    def _tables(self, phases: Iterable[str], mode: str, which: str) -> set[str]:
        """Return the tables of the processors of phases that the transitions after them wait for in a mode, all where
        none does."""
        tables: set[str] = set()
        for phase in phases:
            waiting = [after.expects[mode] for after in self.policy.after(phase) if mode in after.expects]
            names = {name for expectation in waiting for name in getattr(expectation, which)}
            processors = self.policy.phases[phase].processors.values()
            able = [processor for processor in processors if processor.disabled is None]
            tables |= {
                table for processor in able if not waiting or processor.name in names for table in processor.tables
            }
        return tables

    def _named(self, check: Check) -> float:
        """Return how many tables a check's statement names; one that asks of every table grows with them."""
        if check.builtin in TABLE_CHECKS:  # the calendar is read once for all
            return sum(billed(by_dataset(tables, self.width)) for tables in self._counted(check))
        repeated = [query for query in check.queries if query.table]
        named = scans(*(query.sql for query in check.queries))
        if not repeated:
            return named
        beside = named - len({query.table for query in repeated})
        return beside + sum(number for number in self._every if not check.days or number < METADATA_FROM)
