"""How the runs are, for `orch status` and the page: read from the state, and of gates what a sweep would read too."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from shared.app.alerting import outbox
from shared.app.context import Context
from shared.app.quarantine.rows import COLLECTION as QUARANTINE
from shared.app.quarantine.rows import KEPT_ASIDE
from shared.app.reporting.overview import keys, row
from shared.app.state.repository import (
    Loaded,
    Stored,
    open_runs,
    read_pauses,
    read_run,
    run_path,
    with_run,
)
from shared.app.transitions.readings import read_units
from shared.app.transitions.reconcile import assess
from shared.app.transitions.snapshot import transitions_of, versioned_input
from shared.core import commands, reruns_on_data
from shared.core.alerting.alert import Alert
from shared.core.calendar import day_of
from shared.core.decision.pause import Pause
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Lane, Run, RunKey
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Role
from shared.core.reporting.page import Tone
from shared.core.reporting.problems import ProblemKind, RunProblem, lateness, with_alerts
from shared.core.reporting.run_status import RunStatus, TransitionStatus, transition_status
from shared.core.severity import Severity
from shared.core.texts import amount


def open_statuses(ctx: Context) -> list[RunStatus]:
    """Return every open run, and the runs of the dates that are worked on today, closed or not opened yet.

    Reads open runs only, however many are closed. Raises ``Unavailable`` if the state store does not answer.
    """
    runs, unread = open_runs(ctx.ports.store, ctx.policy)
    for run_id, error in unread.items():
        ctx.log("run.unreadable", severity="WARNING", run=run_id, error=str(error))
    opened = {stored.value.key for stored in runs}
    return [*statuses(ctx, runs), *_of_keys(ctx, [key for key in _of_today(ctx) if key not in opened], expected=True)]


def statuses_of_dates(ctx: Context, days: Sequence[date]) -> list[RunStatus]:
    """Return the runs of these dates, open and closed."""
    return _of_keys(ctx, [key for day in days for key in keys(ctx.policy, day)], expected=False)


def statuses_of(ctx: Context, run_keys: Sequence[RunKey]) -> list[RunStatus]:
    """Return these runs, without those that were never opened."""
    return _of_keys(ctx, run_keys, expected=False)


def pipeline_problems(ctx: Context, runs: Collection[RunStatus]) -> tuple[RunProblem, ...]:
    """Return the alerts that fire and belong to none of these runs, the pipeline's own and those of other runs, and
    that messages are in quarantine."""
    shown, now = {run.key.id for run in runs}, ctx.ports.clock.now()
    alerts = [alert for run, of_run in _firing(ctx).items() for alert in of_run if run not in shown]
    return with_alerts(_quarantined(ctx), alerts, ctx.policy, now)


def _quarantined(ctx: Context) -> list[RunProblem]:
    pipeline = ctx.policy.pipeline
    count = ctx.ports.store.count(QUARANTINE, {"status": KEPT_ASIDE, "pipeline": pipeline})
    text = f"{amount(count, 'kind')} of messages that could not be understood: {commands.quarantine('list')}"
    return [RunProblem(ProblemKind.QUARANTINED, Severity.INFO, text, pipeline)] if count else []


def statuses(ctx: Context, runs: Sequence[Stored[Run]]) -> list[RunStatus]:
    """Return how these runs are."""
    if not runs:
        return []
    alerts, pauses = _firing(ctx), read_pauses(ctx.ports.store, ctx.policy.pipeline)
    return [_status(ctx, stored, pauses, alerts) for stored in runs]


def _of_today(ctx: Context) -> list[RunKey]:
    """Return the runs that can be worked on today, of both lanes."""
    today = ctx.policy.local(ctx.ports.clock.now()).date()
    return [
        RunKey(ctx.policy.pipeline, day_of(mode, today), mode.name, lane)
        for lane in Lane
        for mode in ctx.policy.modes.values()
    ]


def _status(
    ctx: Context, stored: Stored[Run], pauses: tuple[Pause, ...], alerts: Mapping[str, Sequence[Alert]]
) -> RunStatus:
    run, now = stored.value, ctx.ports.clock.now()
    loaded = with_run(ctx.ports.store, run.key, stored, pauses)
    inputs = [
        assess(ctx, versioned_input(ctx, run.key, loaded, transition).snapshot, now)
        for transition in transitions_of(ctx.policy, run.key.mode)
    ]
    noted = reruns_on_data.notes(ctx.policy, run, inputs, loaded.completions, now)
    transitions: list[TransitionStatus] = []
    late_starters: set[str] = set()
    for snapshot, decision in inputs:
        overtaken_by = _overtaken_by(ctx.policy, snapshot, [other for other, _ in inputs])
        reruns = [note.moment for note in noted.get(snapshot.transition.name, ()) if note.moment is not None]
        transitions.append(transition_status(snapshot, decision, now, frozenset(late_starters), overtaken_by, reruns))
        if not snapshot.state.triggered and not overtaken_by and lateness(snapshot, now) is not None:
            late_starters.add(snapshot.transition.starts)
    of_state = [problem for transition in transitions for problem in transition.problems]
    return RunStatus(
        key=run.key,
        opened_at=run.opened_at,
        closed_at=run.closed_at,
        units=None if run.units is None else run.units.total,
        transitions=tuple(transitions),
        problems=with_alerts(of_state, alerts.get(run.key.id, ()), ctx.policy, now),
    )


def _overtaken_by(policy: Policy, snapshot: DecisionInput, inputs: Sequence[DecisionInput]) -> str:
    """Return the last transition after an observed one that was triggered or is reported to, as its alerts do (T2)."""
    if snapshot.transition.dispatch.role is not Role.OBSERVE:
        return ""
    beyond = policy.beyond[snapshot.transition.name]
    reached = [
        other.transition.name
        for other in inputs
        if other.transition.name in beyond and (other.state.triggered or other.completions)
    ]
    return reached[-1] if reached else ""


def _of_keys(ctx: Context, run_keys: Sequence[RunKey], *, expected: bool) -> list[RunStatus]:
    """Return the runs of these keys that are there, and where ``expected`` those that should be and are not."""
    if not run_keys:
        return []
    documents = ctx.ports.store.get(*(run_path(key) for key in run_keys))
    runs = {key: read_run(document) for key, document in zip(run_keys, documents, strict=True)}
    listed = statuses(ctx, [stored for stored in runs.values() if stored is not None])
    not_there = [key for key, stored in runs.items() if stored is None and key.lane is Lane.LIVE]
    return listed + (_not_opened(ctx, not_there) if expected and not_there else [])


def _not_opened(ctx: Context, run_keys: Sequence[RunKey]) -> list[RunStatus]:
    """Return the runs that are expected today and were not opened: not yet, not for want of units, or not at all."""
    now, pauses = ctx.ports.clock.now(), read_pauses(ctx.ports.store, ctx.policy.pipeline)
    units = read_units(ctx, sorted({key.day for key in run_keys}))
    listed = []
    for key in run_keys:
        line = row(ctx.policy, key, Loaded(None, pauses=pauses), units, now)
        if line is None:
            continue
        severity = Severity.WARNING if units is None else Severity.CRITICAL
        wrong = (RunProblem(ProblemKind.NOT_OPENED, severity, line.said, key.id),) if line.tone is Tone.NOTICE else ()
        listed.append(RunStatus(key, None, units=line.units, problems=wrong, note=line.said))
    return listed


def _firing(ctx: Context) -> dict[str, list[Alert]]:
    """Return the alerts that fire, by run; one that nobody can read is left to the sweep."""
    alerts: dict[str, list[Alert]] = {}
    for document in outbox.own_alerts(ctx, {"standing": True}):
        try:
            alert = outbox.read(document).alert
        except ValueError as error:
            ctx.log("alert.unreadable", severity="WARNING", path=document.path, error=str(error))
            continue
        alerts.setdefault(alert.run, []).append(alert)
    return alerts
