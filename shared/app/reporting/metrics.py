"""The metrics of a deployment, read from the stores when they are asked for (behaviour 11).

However much a pipeline holds, one answer asks its store at most nine times, and once more for each batch of the policy:
open runs, the runs of the window's dates, their transitions, two questions about alerts, the number of rows in
quarantine, one multi-get of breakers and locks, when something is due (two), and the books of workflows. The warehouse
is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from shared.app.alerting import outbox
from shared.app.audit.write import BREAKER
from shared.app.batches.store import batches_of_name
from shared.app.context import Context
from shared.app.quarantine.rows import COLLECTION as QUARANTINE
from shared.app.quarantine.rows import KEPT_ASIDE
from shared.app.reporting.health import Exposition
from shared.app.reporting.overview import keys, loads
from shared.app.reporting.readable import readable
from shared.app.state import circuit_breaker, table_places
from shared.app.state.lock import Lease, paths
from shared.app.state.measured import measured_in
from shared.app.state.measured import path_of as objectives_path
from shared.app.state.repository import open_runs
from shared.app.state.sweep_marks import SWEEP, lease_in, sweep_marks
from shared.app.workflows.calls import breaker_name
from shared.app.workflows.store import load_books
from shared.core.alerting.alert import Alert
from shared.core.calendar import day_of
from shared.core.circuit_breaker import Circuit
from shared.core.limits.dml import changed_tables
from shared.core.limits.waits import Waits
from shared.core.objectives.budget import Measured
from shared.core.reporting.metrics import (
    WINDOW,
    LockFacts,
    PipelineFacts,
    SweepFacts,
    families,
    key_figures,
)
from shared.core.reporting.open_figures import RunFacts
from shared.core.workflows.runs import RunSummary

T = TypeVar("T")


def metrics(contexts: Sequence[Context]) -> Exposition:
    """Return the metrics of these pipelines; what cannot be read of one is no other's affair.

    Logs the key figures of each, from which the metrics of Cloud Monitoring are made.
    """
    pipelines = [facts(ctx) for ctx in contexts]
    for ctx, read in zip(contexts, pipelines, strict=True):
        ctx.log("metrics.read", "INFO", **dict[str, object](key_figures(read)))
    return Exposition(families(pipelines))


def facts(ctx: Context) -> PipelineFacts:
    """Return what the stores hold of a pipeline now; a part that does not answer is named and left out."""
    unread: set[str] = set()

    def part(name: str, read: Callable[[], T]) -> T | None:
        reasons: list[str] = []
        value = readable(reasons, name, read)
        if reasons:
            unread.add(name)
            ctx.log("metrics.unread", severity="WARNING", part=name, error=reasons[0])
        return value

    firing, unsent = part("alerts", lambda: _alerts(ctx)) or (None, None)
    breakers, lease, measured, waits = part("breakers", lambda: _breakers(ctx)) or (None, None, None, None)
    sweep = None if "breakers" in unread else part("sweep", lambda: _sweep(ctx, lease))
    if sweep is None:
        unread.add("sweep")
    return PipelineFacts(
        policy=ctx.policy,
        now=ctx.ports.clock.now(),
        runs=part("runs", lambda: _runs(ctx)),
        firing=firing,
        unsent=unsent,
        quarantined=part("quarantine", lambda: _quarantined(ctx)),
        breakers=breakers,
        locks=None if lease is None else {SWEEP: LockFacts(lease.expires_at, lease.fence)},
        waits=waits,
        sweep=sweep,
        workflow_runs=part("workflows", lambda: _workflow_runs(ctx)),
        batches=part("batches", lambda: [b for name in ctx.policy.batches for b in batches_of_name(ctx, name)]),
        measured=measured,
        unread=frozenset(unread),
    )


def _runs(ctx: Context) -> list[RunFacts]:
    policy, today = ctx.policy, ctx.policy.local(ctx.ports.clock.now()).date()
    stored, unreadable = open_runs(ctx.ports.store, policy)
    for run_id, error in unreadable.items():
        ctx.log("run.unreadable", severity="WARNING", run=run_id, error=str(error))
    last = max([today, *(day_of(mode, today) for mode in policy.modes.values())])
    first = today - WINDOW - timedelta(days=1)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    asked = dict.fromkeys([key for day in days for key in keys(policy, day)])
    asked |= dict.fromkeys(run.value.key for run in stored if run.value.key.mode in policy.modes)
    return [
        RunFacts(loaded.run.value, {name: state.value for name, state in loaded.transitions.items()})
        for loaded in loads(ctx, list(asked)).values()
        if loaded.run is not None
    ]


def _alerts(ctx: Context) -> tuple[list[Alert], list[Alert]]:
    """Return the alerts that fire, and those that are to be sent; one that nobody can read is left to the sweep."""
    listed: list[list[Alert]] = []
    for where in ({"standing": True}, {"unsent": True}):
        alerts: list[Alert] = []
        for document in outbox.own_alerts(ctx, where):
            try:
                alerts.append(outbox.read(document).alert)
            except ValueError as error:
                ctx.log("alert.unreadable", severity="WARNING", path=document.path, error=str(error))
        listed.append(alerts)
    return listed[0], listed[1]


def _quarantined(ctx: Context) -> int:
    return ctx.ports.store.count(QUARANTINE, {"status": KEPT_ASIDE, "pipeline": ctx.policy.pipeline})


def _breakers(ctx: Context) -> tuple[dict[str, Circuit], Lease | None, Measured | None, dict[str, Waits]]:
    """Return every breaker that the pipeline may have, one that never was written closed, the lock of the sweep, how
    the objectives stood, and the waits for places at the tables that it changes."""
    scrapers = () if ctx.workflows is None else ctx.workflows.scrapers
    names = (BREAKER, *(breaker_name(scraper) for scraper in scrapers))
    locks = paths(ctx, SWEEP)
    objectives = objectives_path(ctx.policy.pipeline)
    statements = [step.sql for batch in ctx.policy.batches.values() for step in batch.on_close if step.sql is not None]
    tables = sorted({table for sql in statements for table in changed_tables(sql.text)})
    breakers = [circuit_breaker.path_of(ctx, name) for name in names]
    documents = ctx.ports.store.get(*breakers, *locks, objectives, *map(table_places.path_of, tables))
    own, others = documents[: len(names)], documents[len(names) :]
    measured, places = others[len(locks)], others[len(locks) + 1 :]
    circuits = {
        name: circuit_breaker.circuit_of(ctx, name, document) for name, document in zip(names, own, strict=True)
    }
    waits = {table: table_places.waits_in(ctx, place, table) for table, place in zip(tables, places, strict=True)}
    return circuits, lease_in(others[: len(locks)]), measured_in(ctx, measured), waits


def _sweep(ctx: Context, lease: Lease | None) -> SweepFacts:
    marks = sweep_marks(ctx, lease)
    return SweepFacts(None, None) if marks is None else SweepFacts(marks.ended_at, marks.due_at)


def _workflow_runs(ctx: Context) -> list[RunSummary] | None:
    if ctx.workflows is None:
        return None
    today = ctx.policy.local(ctx.ports.clock.now()).date()
    days = [today - timedelta(days=back) for back in range(WINDOW.days + 2)]
    return [run for book in load_books(ctx, days).days.values() for run in book.value.runs.values()]
