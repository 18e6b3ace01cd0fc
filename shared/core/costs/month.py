"""What a month does, and what it uses of each thing that is charged for.

A month has ``DAYS`` days, of which so many have units; sweeps, schedules and jobs go on without.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import exp

from shared.core.costs.operations import (
    COMPARED_DAYS,
    DIGESTED_FROM,
    HABITS,
    KEPT_BUSY,
    KEPT_DAYS,
    REACH_DAYS,
    REPORTS_KEPT_DAYS,
    Habits,
    Operations,
    Unit,
    of,
)
from shared.core.costs.price import DAYS, Item
from shared.core.costs.statements import Statements
from shared.core.costs.workload import (
    MINUTES_A_DAY,
    BatchLoad,
    Deployment,
    Machine,
    RunLoad,
    WorkflowLoad,
    due_sweeps,
    runs_of,
)
from shared.core.policy.policy import Policy
from shared.core.validation.checks import Validation

GIB = 2.0**30
SECONDS_A_DAY = 86_400
# What a builtin check reads: the whole runs of the day, or all that are kept; the others next to nothing.
WHOLE_RUNS, KEPT_RUNS = ("transition_output", "stalled_runs"), ("state_against_record",)
# What only a day with units has; everything else goes on without.
OF_UNITS = ("completions", "sweeps", "record", "expiry", "gates", "baseline", "batches")


@dataclass(frozen=True)
class Month:
    """The month of so many pipelines of one policy, as the manifest has it: on so many ``deployments``, each with one
    database, None where each pipeline has its own."""

    policy: Policy
    deployment: Deployment
    gate_sql: Mapping[str, str]
    validation: Validation | None = None
    pipelines: int = 1
    width: float = 1.0
    days: int = DAYS
    habits: Habits = HABITS
    workflows: WorkflowLoad | None = None
    batch_loads: tuple[BatchLoad, ...] = ()
    deployments: int | None = None

    @property
    def deployed(self) -> int:
        return self.pipelines if self.deployments is None else min(self.deployments, self.pipelines)

    @cached_property
    def runs(self) -> tuple[RunLoad, ...]:
        return runs_of(self.policy, self.gate_sql, self.width)

    @cached_property
    def completions(self) -> int:
        """Completions of one day with units, of one pipeline."""
        return sum(run.completions for run in self.runs)

    @cached_property
    def triggers(self) -> int:
        return sum(len(run.transitions) for run in self.runs)

    def grown(self, pipelines: float = 1, width: float = 1) -> Month:
        """Return the month of so many times as many pipelines, each so many times as wide."""
        return replace(self, pipelines=round(self.pipelines * pipelines), width=self.width * width)

    @cached_property
    def parts(self) -> Mapping[str, Operations]:
        """Operations of one day with units, of one pipeline, by what causes them."""
        return {
            "completions": self._deliveries(),
            "sweeps": self._sweeps(),
            "record": self._flushes(),
            "comparison": self._comparisons() * self.habits.comparisons_a_day,
            "past": self._past() * (MINUTES_A_DAY / 60),
            "learning": of(Unit.LEARNING, 1 if self.policy.nights_needed else 0)
            + of(Unit.USUAL, 1 if self.policy.anomalies.nights_needed else 0),
            "alerts": of(Unit.ALERT, self.habits.alerts_a_day),
            "validation": self._validations(),
            "report": of_report(self.runs) * self.deployment.reports,
            "workflows": self._workflows(),
            "batches": self._batches(),
            "batch_looks": of(Unit.BATCH_LOOK, self._due_sweeps if self.policy.batches else 0),
            "expiry": Operations(deletes=self._kept + self.habits.alerts_a_day),
        }

    @cached_property
    def batches(self) -> tuple[BatchLoad, ...]:
        """Batches of one day with units, as wide as the pipeline is."""
        return tuple(
            replace(load, members=load.members * self.width, silent=load.silent * self.width)
            for load in self.batch_loads
        )

    @property
    def _kept(self) -> float:
        """Documents of one day that are kept for a time."""
        digests = sum(run.completions >= DIGESTED_FROM for run in self.runs)
        return self._documents + len(self.runs) + digests + sum(load.documents * load.runs for load in self.batches)

    @property
    def _documents(self) -> int:
        return sum(run.documents for run in self.runs)

    def _deliveries(self) -> Operations:
        operations = of(Unit.RUN, len(self.runs))
        for run in self.runs:
            operations += of_deliveries(run)
        # A duplicate reads what the message read, and writes nothing.
        again = self.habits.deliveries - 1
        phases = [phase for run in self.runs for phase in run.phases]
        operations += of(Unit.DUPLICATE, again * self.completions, again * sum(phase.reads for phase in phases))
        return operations + of(Unit.LINK, again * sum(phase.members * phase.links for phase in phases))

    def _sweeps(self) -> Operations:
        """Return the sweeps of a day; the documents of a run are all taken to be there while it is open."""
        every = max(self.deployment.sweep_minutes, self.habits.look_minutes)
        due = self._due_sweeps
        looks = [(run, run.looks(every)) for run in self.runs]
        # A question for runs that finds none is a read as well.
        without = MINUTES_A_DAY - len({minute for run in self.runs for minute in range(run.opens, run.closes)})
        closed = sum((MINUTES_A_DAY - run.closes) / MINUTES_A_DAY * due for run in self.runs)
        return (
            of(Unit.SWEEP, self.deployment.sweeps)
            + of(Unit.DUE_SWEEP, due, sum(times for _, times in looks) + without / every)
            + of(Unit.WHOLE_SWEEP, MINUTES_A_DAY / every)
            + sum((run.looked_at(every) for run in self.runs), Operations())
            + of(Unit.CLOSED_TODAY, closed)
            + of(Unit.SEEN, sum(run.touches for run in self.runs))
        )

    @property
    def _due_sweeps(self) -> float:
        return due_sweeps(self.deployment, self.runs, self.habits.look_minutes)

    def _flushes(self) -> Operations:
        operations = Operations()
        for run in self.runs:
            lasts = sum(1 + transition.late for transition in run.transitions)
            sweeps = min(run.completions, run.minutes) if run.completions else 0
            operations += of(Unit.FLUSH, sweeps, run.completions) + of(Unit.FLUSHED_TRANSITION, lasts)
        return operations

    def _comparisons(self) -> Operations:
        """Return one comparison of state and record and one measuring of objectives, of which a sweep makes one each
        an hour."""
        completions, kept = sum(days * run.completions_read for run, days in self._around), len(self.runs) * KEPT_DAYS
        measured = of(Unit.OBJECTIVES, 1, kept + self.triggers) if self.policy.objectives.stated() else Operations()
        return of(Unit.COMPARISON, 1, kept) + of(Unit.COMPARED, 0, completions) + measured

    def _past(self) -> Operations:
        """Return one look at the closed runs that repairs reach back to, of which a sweep makes one an hour."""
        repaired = [run for run in self.runs if run.mode in self.policy.repaired_modes]
        return of(Unit.PAST, 0, REACH_DAYS * sum(1 + len(run.transitions) for run in repaired))

    @property
    def _around(self) -> list[tuple[RunLoad, int]]:
        """Return how many runs of each mode there are in the days that are compared."""
        return [(run, COMPARED_DAYS + 1 + run.offset) for run in self.runs]

    def _validations(self) -> Operations:
        operations = Operations()
        if self.validation is None:
            return operations
        whole = of(Unit.WHOLE_RUN, len(self.runs), sum(run.documents_read for run in self.runs))
        around = sum(days for _, days in self._around), sum(days * run.documents_read for run, days in self._around)
        kept = of(Unit.COMPARISON, 0, len(self.runs) * KEPT_DAYS) + of(Unit.WHOLE_RUN, *around)
        for name, calls in self.deployment.validations.items():
            checks = self.validation.of(name)
            per_run = of(Unit.VALIDATION, 1, len(checks))
            for check in checks:
                per_run += whole if check.builtin in WHOLE_RUNS else Operations()
                per_run += kept if check.builtin in KEPT_RUNS else Operations()
            operations += per_run * calls
        return operations

    def _workflows(self) -> Operations:
        """Return what ticks, runs of workflows and the sweeps' looks at them ask of the store in a day."""
        load, deployment = self.workflows, self.deployment
        if load is None:
            return Operations()
        news = self.habits.news_a_run * load.runs
        operations = of(Unit.TICK, deployment.ticks, deployment.ticks * load.dates)
        operations += of(Unit.NEWS, news, news * load.dates) + of(Unit.WORKFLOW_RUN, load.runs)
        operations += (
            of(Unit.WORKFLOW_STEP, load.steps, load.breakers) + of(Unit.WAVE, load.waves) + of(Unit.CALL, load.calls)
        )
        operations += of(Unit.SCRAPER_REPORT, load.calls)
        operations += of(Unit.SCRAPERS_COMPARED, 1, load.calls * REPORTS_KEPT_DAYS)
        looks = self.workflow_looks
        return operations + of(Unit.LOOK, looks, looks * load.looked_dates)

    @property
    def workflow_looks(self) -> float:
        """How many sweeps of a day look at workflows: those that look at all runs, and of a run of a workflow each
        until it has ended, some minutes later."""
        habits, runs = self.habits, 0.0 if self.workflows is None else self.workflows.runs
        return min(self.deployment.sweeps, MINUTES_A_DAY / habits.look_minutes + habits.run_minutes * runs)

    def _batches(self) -> Operations:
        """Return what the batches of a day ask of the store, and the sweeps' looks at them while they are open."""
        operations = Operations()
        for load in self.batches:
            sweeps = load.minutes / max(1.0, self.deployment.sweep_minutes)
            operations += (of_batch(load, sweeps) + of(Unit.DUE_SWEEP, sweeps, sweeps)) * load.runs
        return operations

    @cached_property
    def queries(self) -> Mapping[str, tuple[float, float]]:
        """Statements and the tables they name, of one day with units and one pipeline, by what asks."""
        asked = Statements(self.policy, self.deployment, self.runs, self.width, self.habits).of_day(self.validation)
        load = self.workflows
        of_workflows = (0.0, 0.0) if load is None else (load.statements, load.tables)
        of_batches = sum(load.runs * (1 + load.steps) for load in self.batches if load.tables)
        scanned = sum(load.runs * load.tables for load in self.batches)
        return {**asked, "workflows": of_workflows, "batches": (of_batches, scanned)}

    # what is charged

    @cached_property
    def operations(self) -> Operations:
        """Operations of the whole month, of all pipelines."""
        total = self._idle_day * (DAYS - self.days)
        for name, part in self.parts.items():
            total += part * (self.days if name in OF_UNITS else DAYS)
        return total * self.pipelines

    @property
    def _idle_day(self) -> Operations:
        """Return the sweeps of a day without units: what is looked at is looked at in vain."""
        whole = MINUTES_A_DAY / max(self.deployment.sweep_minutes, self.habits.look_minutes)
        return of(Unit.SWEEP, self.deployment.sweeps) + of(Unit.DUE_SWEEP, whole, whole) + of(Unit.WHOLE_SWEEP, whole)

    @cached_property
    def used(self) -> Mapping[Item, float]:
        """What the month uses of each thing that is charged for."""
        operations, habits, deployment, many = self.operations, self.habits, self.deployment, self.pipelines
        steps = 0.0 if self.workflows is None else self.workflows.steps * DAYS
        reports = sum(load.reports * load.runs for load in self.batches) * habits.deliveries * self.days
        asked = sum(load.messages * load.runs for load in self.batches) * self.days
        delivered = self.completions * habits.deliveries * self.days + steps + reports
        sent = (
            steps + asked + sum(transition.messages for run in self.runs for transition in run.transitions) * self.days
        )
        calls = (deployment.sweeps + deployment.reports + sum(deployment.validations.values())) * DAYS
        calls = (calls + deployment.ticks * DAYS) * self.deployed  # one of each for all pipelines of a deployment
        scanned = habits.table_bytes * sum(
            tables * (self.days if name in OF_UNITS else DAYS) for name, (_, tables) in self.queries.items()
        )
        cpu, memory = self._compute()
        kept = self._kept
        rows = operations.rows * habits.row_bytes / GIB
        return {
            Item.READS: operations.reads,
            Item.WRITES: operations.writes,
            Item.DELETES: operations.deletes,
            Item.STORED: kept * KEPT_DAYS * habits.document_bytes / GIB * many,
            Item.REQUESTS: delivered * many + calls,
            Item.CPU: cpu * many,
            Item.MEMORY: memory * many,
            # Each message is billed as it is published and as it is delivered.
            Item.CARRIED: 2 * (delivered + sent) * habits.message_bytes / GIB * many,
            Item.SCANNED: scanned / GIB * many,
            Item.STREAMED: rows,
            Item.RECORDED: rows * habits.recorded_months,
            Item.JOBS: deployment.jobs * self.deployed,
            Item.SECRETS: deployment.secrets * self.deployed,
            Item.ACCESSES: deployment.secrets * habits.alerts_a_day * DAYS * many,
            Item.LOGGED: (delivered * many + calls) * habits.logged_bytes / GIB,
        }

    def _compute(self) -> tuple[float, float]:
        """Return vCPU and GiB seconds of one pipeline."""
        habits, deployment = self.habits, self.deployment
        waits = (self.completions * habits.deliveries - self.triggers) * habits.completion_seconds
        receiving = (max(0.0, waits) + self.triggers * habits.trigger_seconds) * self.days
        looks = sum(run.looks(max(habits.look_minutes, deployment.sweep_minutes)) for run in self.runs)
        asks = self.queries["calendar"][0] / max(1.0, deployment.sweeps)
        alone = self.deployed / self.pipelines
        quiet = habits.quiet_seconds * alone + habits.idle_pipeline_seconds * (1 - alone)
        sweeping = deployment.sweeps * (quiet * (1 - asks) + habits.sweep_seconds * asks)
        sweeping += looks * habits.open_run_seconds
        spent = (
            (deployment.receiver, self._shared(deployment.receiver, receiving)),
            (deployment.sweeper, sweeping * DAYS),
            (deployment.validator, sum(deployment.validations.values()) * habits.validation_seconds * DAYS),
            (deployment.reporter, deployment.reports * habits.report_seconds * DAYS),
            *self._workflow_seconds(),
            (deployment.receiver, self._batch_seconds() * self.days),
        )
        cpu = sum(machine.cpu * seconds for machine, seconds in spent)
        return cpu, sum(machine.memory_gib * seconds for machine, seconds in spent)

    def _workflow_seconds(self) -> Iterator[tuple[Machine, float]]:
        """Yield what the controller's ticks and the executor's steps keep their machines at work."""
        deployment, load = self.deployment, self.workflows
        if load is None or deployment.controller is None or deployment.executor is None:
            return
        habits = self.habits
        asking = min(deployment.ticks, load.statements)
        quiet = deployment.ticks - asking
        yield deployment.controller, (asking * habits.tick_seconds + quiet * habits.quiet_seconds) * DAYS
        yield deployment.executor, self._shared(deployment.executor, load.waves * habits.wave_seconds * DAYS)

    def _shared(self, machine: Machine, seconds: float) -> float:
        """Return how long instances are billed for calls that take so many seconds a month, of one pipeline.

        An instance is billed while it handles a call at all, so that those at once share it: as many as Cloud Run gives
        it where there are enough, else those that happen to meet, taken to come at any time.
        """
        at_once = seconds * self.pipelines / self.deployed / (DAYS * SECONDS_A_DAY)
        if not at_once:
            return seconds
        return seconds * max(1 - exp(-at_once), at_once / max(1.0, KEPT_BUSY * machine.concurrency)) / at_once

    def _batch_seconds(self) -> float:
        """Return how long a day's batches keep their function at work: as it waits for the pace, and for reports."""
        each = self.habits.report_seconds_of_member * self.habits.deliveries
        return sum(load.runs * (load.members / load.per_second + load.reports * each) for load in self.batches)


def of_batch(load: BatchLoad, sweeps: float) -> Operations:
    """Return the operations of one batch from its start to its end, so many sweeps of it while it is open."""
    quiet = min(load.idle_minutes, sweeps)
    silent_pages = min(float(load.pages), load.silent)
    operations = of(Unit.BATCH, 1, load.pages) + of(Unit.MEMBER_REPORT, load.reports)
    operations += of(Unit.INDEX_PART, load.instances * load.index_parts)
    # Of a page it looks at, an instance sees half of the members report to others; in a batch that completes one of
    # them looks at all pages.
    page = min(load.page, load.members)
    looked_at = 1.5 * load.instances * page + (0 if load.silent else load.members - page)
    operations += of(Unit.BATCH_INSTANCE, load.instances, looked_at)
    # The first minute of idleness asks for two, the last for all of them; what is looked at again stays as it is.
    operations += of(Unit.OPEN_BATCH, sweeps, quiet * (quiet + 3) / 2)
    # Pages that were asked one after the other fall due around the minute: one look asks the first, another the rest.
    asked, looks = load.repeats * silent_pages, load.repeats * min(2, load.pages)
    operations += of(Unit.BATCH_REPEAT, looks, looks * load.pages)
    operations += of(Unit.PAGE_AGAIN, asked, asked * min(load.page, load.reports))
    if quiet:
        operations += of(Unit.LAST_MINUTE, 0, load.reports / max(1.0, load.minutes - load.idle_minutes))
    operations += of(Unit.BATCH_END, 1, load.pages + load.reports) + of(Unit.BATCH_STEP, load.steps)
    return operations + of(Unit.TABLE_PLACE, load.places)


def of_deliveries(run: RunLoad) -> Operations:
    """Return the operations of all completions of one run, each delivered once; it makes its run due."""
    operations = of(Unit.TRIGGER, len(run.transitions)) + of(Unit.CONFIRMATION, len(run.transitions))
    operations += of(Unit.STEP, sum(transition.steps_before_last for transition in run.transitions))
    operations += of(Unit.TOUCH, run.touches)
    for phase in run.phases:
        operations += of(Unit.COMPLETION, phase.members, phase.reads) + of(Unit.LINK, phase.members * phase.links)
    return operations


def of_report(runs: Iterable[RunLoad], there: int | None = None) -> Operations:
    """Return the operations of one daily report; ``there`` runs of each mode exist, by default all it asks for.

    It asks for every run, of both lanes, whose date or working day is yesterday or today, and reads the transitions
    of those that exist twice; for the objectives every run that is kept.
    """
    operations = of(Unit.REPORT)
    for run in runs:
        days = 3 if run.offset else 2
        exist = days if there is None else there
        kept = KEPT_DAYS if there is None else there
        operations += of(Unit.REPORT, 0, 2 * days + kept) + of(
            Unit.WHOLE_RUN, 0, exist * (run.documents_read + len(run.transitions))
        )
    return operations
