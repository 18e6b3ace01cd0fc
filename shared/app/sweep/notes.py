"""What a sweep has to say of one run, from where each of its transitions came to rest (behaviour 7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from shared.app.alerting.streaks import with_streaks
from shared.app.context import Context
from shared.app.state.usuals import usuals
from shared.app.sweep.rerun import in_vain
from shared.app.transitions.reconcile import ReconcileResult
from shared.core.alerting.condition import Condition
from shared.core.alerting.conditions import conditions, rests
from shared.core.alerting.due import Predecessor, is_due
from shared.core.alerting.kinds import AlertKind
from shared.core.alerting.unusual import is_ordinary
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Lane, Run, RunKey, Units
from shared.core.policy.transitions import Role
from shared.core.reporting.findings import Sweep
from shared.core.severity import Severity
from shared.core.texts import duration, names, say


def note(ctx: Context, done: Sweep, run: Run, results: list[ReconcileResult], now: datetime) -> frozenset[str]:
    """Note what a person must know of a run; return the phases that a pause keeps from being started."""
    before = _starters(ctx, results, now)
    _note(ctx, done, results, before, now, in_vain(ctx.policy, run, results, now))
    if run.units is None and ctx.policy.calendar is not None:
        done.say(_no_calendar(run.key))
    if run.units is not None and run.units.presumed:
        done.say(_presumed(ctx, run.key, run.units))
    return frozenset(phase for phase, starter in before.items() if starter.paused)


def _note(
    ctx: Context,
    done: Sweep,
    results: list[ReconcileResult],
    before: Mapping[str, Predecessor],
    now: datetime,
    vain: Mapping[str, str],
) -> None:
    for result in results:
        snapshot = result.snapshot
        done.snapshots[snapshot.key.id, snapshot.transition.name] = snapshot
        done.paused |= {
            (snapshot.key.id, snapshot.transition.name, kind) for kind in rests(snapshot, result.decision, now)
        }
        passed_by = _passed_by(ctx, snapshot, results)
        name = snapshot.transition.name
        listed = conditions(snapshot, result.decision, now, before, passed_by, vain.get(name, ""), usuals(ctx))
        for condition in with_streaks(ctx, snapshot, listed):
            done.say(condition)


def _passed_by(ctx: Context, snapshot: DecisionInput, results: list[ReconcileResult]) -> str:
    """Return the last transition after an observed one that was triggered or is reported to; "" if none is.

    Nobody has to move on what is only observed; of any other only the reports of its own next phase say so (T2).
    """
    if snapshot.transition.dispatch.role is not Role.OBSERVE:
        return ""
    beyond = ctx.policy.beyond[snapshot.transition.name]
    others = [result.snapshot for result in results if result.snapshot.transition.name in beyond]
    reached = [other for other in others if other.state.triggered or other.completions]
    return reached[-1].transition.name if reached else ""


def _starters(ctx: Context, results: list[ReconcileResult], now: datetime) -> dict[str, Predecessor]:
    """Return, by phase, the transitions that start it."""
    before: dict[str, Predecessor] = {}
    for result in results:
        overdue = is_due(result.snapshot, now) and not _passed_by(ctx, result.snapshot, results)
        before[result.snapshot.transition.starts] = _as_predecessor(result.snapshot, before, now, overdue=overdue)
    return before


def _as_predecessor(
    snapshot: DecisionInput, before: Mapping[str, Predecessor], now: datetime, *, overdue: bool
) -> Predecessor:
    speaks, phases = bool(snapshot.completions), snapshot.transition.after
    started = snapshot.state.triggered
    waits = not speaks and all(phase in before and before[phase].paused for phase in phases)
    paused = not started and (waits or snapshot.pause(now) is not None)
    started_at = snapshot.state.dispatched_at if started else None
    ordinary = is_ordinary(snapshot, now)
    return Predecessor(snapshot.transition.name, overdue, speaks, paused, started_at, ordinary)


def _no_calendar(key: RunKey) -> Condition:
    text = say(
        key.id, "", "the calendar cannot be read: treated as a date with units", "floors refuse nothing until then"
    )
    severity = Severity.WARNING if key.lane is Lane.LIVE else Severity.INFO
    return Condition(AlertKind.CALENDAR, severity, key.id, "", "", text)


def _presumed(ctx: Context, key: RunKey, units: Units) -> Condition:
    """Tell of units that count as final because they began too long ago not to be over (behaviour T9)."""
    calendar = ctx.policy.calendar
    assert calendar is not None
    assert calendar.presumed_final_after is not None
    which = f"{calendar.unit}{'s' if len(units.presumed) > 1 else ''} {names(units.presumed)}"
    what = f"{which}: not final {duration(calendar.presumed_final_after)} after the start, presumed over"
    text = say(key.id, "", what, "counted as final until the calendar says otherwise", "correct the calendar's status")
    subject = " ".join(units.presumed)
    return Condition(AlertKind.PRESUMED, Severity.INFO, key.id, "", subject, text)
