"""How the objectives of a pipeline stand: events from the record, and from the state which runs there were
(behaviour 14).

One query of the record over the dates of the window, one of the runs that are kept, and one read each of pauses, of the
open runs' transitions and of the marks of the sweep.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from shared.app.audit.rows import entry_of, instant_of
from shared.app.context import Context
from shared.app.learning.record import recorded_pauses
from shared.app.state.repository import read_pauses, readable, transition_path
from shared.app.state.sweep_marks import sweep_lease, sweep_marks
from shared.core.decision.pause import Pause
from shared.core.model import Lane, LogEntry, Run, RunKey, TransitionState
from shared.core.objectives.budget import ObjectiveStatus, status
from shared.core.objectives.events import SWEEP_LATE, Decisions, Gap, Series, Slices, hand_offs, triggers_by_due
from shared.core.policy.objectives import Objective, ObjectiveKind
from shared.core.policy.transitions import Role
from shared.documents import from_data
from shared.ports import Document

# A run is worked on at most so long before or after its date: the partitions of the record are those of dates.
AROUND = timedelta(days=4)

Rows = Sequence[Mapping[str, Any]]


def objective_statuses(ctx: Context) -> tuple[ObjectiveStatus, ...]:
    """Return how each objective of the pipeline stands now, with a gap between sweeps that lasts.

    Raises ``Unavailable`` if record or state does not answer.
    """
    marks = sweep_marks(ctx, sweep_lease(ctx))
    return measure(ctx, () if marks is None else (Gap(marks.due_at, ctx.ports.clock.now()),))


def measure(ctx: Context, lasting: Sequence[Gap] = ()) -> tuple[ObjectiveStatus, ...]:
    """Return how each objective of the pipeline stands now, none where the policy has none; ``lasting`` is what no
    sweep can have recorded yet.

    Raises ``Unavailable`` if record or state does not answer.
    """
    objectives, now = ctx.policy.objectives, ctx.ports.clock.now()
    stated = objectives.stated()
    if not stated:
        return ()
    today = ctx.policy.local(now).date()
    first = today - objectives.window - AROUND
    rows = ctx.ports.audit.executions(ctx.policy.pipeline, first, today + AROUND)
    runs = _runs(ctx, first)
    decisions = _decisions(ctx, rows, runs)
    gaps = [*_recorded_gaps(rows), *lasting]
    series = {kind: _series(ctx, kind, objective, rows, runs, decisions, gaps) for kind, objective in stated.items()}
    return tuple(status(kind, objectives, objective, series[kind], now) for kind, objective in stated.items())


def _series(
    ctx: Context,
    kind: ObjectiveKind,
    objective: Objective,
    rows: Rows,
    runs: Sequence[Run],
    decisions: Decisions,
    gaps: Sequence[Gap],
) -> Series:
    match kind:
        case ObjectiveKind.HAND_OFF:
            return hand_offs(decisions, objective.within or timedelta(0))
        case ObjectiveKind.TRIGGERED_BY_DUE:
            pauses = [*_pauses(ctx), *recorded_pauses(rows)]
            return triggers_by_due(ctx.policy, runs, decisions, pauses, ctx.ports.clock.now())
        case ObjectiveKind.SWEEP_HEALTH:
            since = min((*map(_logged_at, rows), *(run.opened_at for run in runs)), default=None)
            within = objective.within or timedelta(0)
            return Slices(
                None if ctx.sweep_every is None else since, tuple(gap for gap in gaps if gap.ends - gap.begins > within)
            )


def _runs(ctx: Context, first: date) -> list[Run]:
    """Return the runs of these dates that are kept, of both lanes; one that cannot be read is left to the sweep."""
    runs, unread = readable(ctx.ports.store.query("runs", {"pipeline": ctx.policy.pipeline}))
    for run_id, error in unread.items():
        ctx.log("run.unreadable", severity="WARNING", run=run_id, error=str(error))
    return [run.value for run in runs if run.value.key.day >= first and run.value.key.mode in ctx.policy.modes]


def _decisions(ctx: Context, rows: Rows, runs: Iterable[Run]) -> Decisions:
    """Return what was decided, recorded or still to be recorded, by live run and transition."""
    decisions: dict[RunKey, dict[str, list[LogEntry]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        key = _live_key(ctx, row)
        if key is not None:
            decisions[key][row["transition"]].append(entry_of(row))
    asked = [
        (run.key, transition.name)
        for run in runs
        if run.closed_at is None and run.key.lane is Lane.LIVE
        for transition in ctx.policy.transitions.values()
        if run.key.mode in transition.expects and transition.dispatch.role is not Role.OBSERVE
    ]
    documents = ctx.ports.store.get(*(transition_path(key, name) for key, name in asked)) if asked else []
    for (key, name), document in zip(asked, documents, strict=True):
        recorded = {(entry.at, entry.decision) for entry in decisions[key][name]}
        pending = _pending(ctx, document)
        decisions[key][name] += [entry for entry in pending if (entry.at, entry.decision) not in recorded]
    return decisions


def _pending(ctx: Context, document: Document | None) -> tuple[LogEntry, ...]:
    """Return the decisions of a transition that the record lacks; one that nobody can read is left to the sweep."""
    if document is None:
        return ()
    try:
        return from_data(TransitionState, document.data).pending_audit
    except ValueError as error:
        ctx.log("transition.unreadable", severity="WARNING", path=document.path, error=str(error))
        return ()


def _live_key(ctx: Context, row: Mapping[str, Any]) -> RunKey | None:
    """Return the live run of a row, None where it is of none."""
    if not row["run_id"] or row["mode"] not in ctx.policy.modes:
        return None
    day = row["game_date"] if isinstance(row["game_date"], date) else date.fromisoformat(row["game_date"])
    key = RunKey(ctx.policy.pipeline, day, row["mode"])
    return key if key.id == row["run_id"] else None


def _pauses(ctx: Context) -> tuple[Pause, ...]:
    """Return the pauses that the state knows of; a book that nobody can read is told of by the sweep."""
    try:
        return read_pauses(ctx.ports.store, ctx.policy.pipeline)
    except ValueError as error:
        ctx.log("pauses.unreadable", severity="WARNING", error=str(error))
        return ()


def _recorded_gaps(rows: Rows) -> list[Gap]:
    return [
        Gap(_logged_at(row) - timedelta(seconds=row["wait_seconds"]), _logged_at(row))
        for row in rows
        if row["decision"] == SWEEP_LATE and row["wait_seconds"] is not None
    ]


def _logged_at(row: Mapping[str, Any]) -> datetime:
    return instant_of(row["execution_timestamp"])
