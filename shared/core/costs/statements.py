"""What a day asks of the warehouse: statements and the tables they name, each of which BigQuery bills a least size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.core.costs.operations import METADATA_FROM, Habits
from shared.core.costs.workload import MINUTES_A_DAY, Deployment, RunLoad, due_sweeps, scans, tables_of
from shared.core.policy.policy import Policy
from shared.core.validation.checks import Check, Validation

TABLE_CHECKS = ("transition_output", "floors")
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
                sum(transition.tables + self._rows(transition.row_tables) for transition in transitions),
            ),
            "baseline": (len(self.runs), sum(self._rows(run.baseline_tables) for run in self.runs)),
            "learning": self._learning(),
            "comparison": (self._comparisons(), self._comparisons()),
            "checks": (0.0, 0.0) if validation is None else self._checks(validation),
            "report": (5 * self.deployment.reports, 8 * self.deployment.reports),
        }

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
            for check in validation.of(name):
                statements, tables = statements + calls, tables + self._named(check) * calls
        return statements, tables

    def _named(self, check: Check) -> float:
        """Return how many tables a check's statement names; one that asks of every table grows with them."""
        every = len(tables_of(self.policy))
        if check.builtin in TABLE_CHECKS:
            return 1 + self._rows(round(every * self.width))
        named = scans(*(query.sql for query in check.queries))
        if len(check.queries) < max(2, every):
            return named
        return self._rows(named + round(every * (self.width - 1)))

    def _rows(self, tables: int) -> int:
        """Return how many tables are billed where rows are counted in so many, taken to be spread over the datasets."""
        datasets = {table.rpartition(".")[0] for table in tables_of(self.policy)}
        return len(datasets) if tables >= METADATA_FROM * len(datasets) else tables
