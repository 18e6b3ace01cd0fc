"""The sweep: every minute, without a message, for every open run (behaviour T1, T7, 9).

It opens the runs that are expected, decides every transition of every open run with the same
call a delivery uses, repairs, settles the alerts, feeds the record and closes what is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from shared.app.alerting import raise_alerts
from shared.app.alerting.streaks import with_streaks
from shared.app.alerting.unexpected import fault
from shared.app.audit import alert_rows
from shared.app.audit.compare import Compared, compare
from shared.app.audit.write import flush
from shared.app.batches.tending import tend as tend_batches
from shared.app.bounded import BoundedPorts
from shared.app.context import Context
from shared.app.state.calendar_readings import NO_UNITS, empty_dates, note
from shared.app.state.lock import Locked, acquire, release
from shared.app.state.order import in_order, is_of_old_date, of_old_dates
from shared.app.state.repository import Loaded, Stored, open_runs, pauses_path, run_path, save_run, with_run
from shared.app.sweep import dead_letters
from shared.app.sweep.closing import Closing, close, closing_of, closing_of_departed
from shared.app.sweep.next_wakeup import of_run, openings
from shared.app.sweep.past_repairs import Scope, repair_past
from shared.app.sweep.repair import infer, read_baseline
from shared.app.sweep.rerun import in_vain, rerun
from shared.app.transitions.pausing import tend
from shared.app.transitions.readings import read_units
from shared.app.transitions.reconcile import ReconcileResult, assess, reconcile
from shared.app.transitions.snapshot import reload, transitions_of, versioned_input
from shared.app.workflows import supervision
from shared.core.alerting.condition import Condition
from shared.core.alerting.conditions import conditions, rests
from shared.core.alerting.due import Predecessor, is_due
from shared.core.alerting.kinds import AlertKind, Severity
from shared.core.calendar import day_of, final_since, instant
from shared.core.decision.departed import departed
from shared.core.decision.pause import Pause, pause_at
from shared.core.decision.snapshot import DecisionInput
from shared.core.errors import OrchError, OutOfTime, Unavailable
from shared.core.model import Lane, Run, RunKey, Units
from shared.core.policy.transitions import Role
from shared.core.reporting.findings import Finding, Sweep, of_dispatch
from shared.core.texts import duration, names, say

TIME_LIMIT = timedelta(seconds=45)
LEASE = timedelta(seconds=50)


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """What the caller of the sweep asks for: only some runs, only looking, or repairs whatever was tried before."""

    day: date | None = None
    mode: str | None = None
    dry_run: bool = False
    force: bool = False

    def wants(self, key: RunKey) -> bool:
        return self.day in (None, key.day) and self.mode in (None, key.mode)


def sweep(ctx: Context, wish: SweepOptions) -> Sweep:
    """Look at every open run once; raise ``Unavailable`` only if the state store does not answer."""
    lock = acquire(ctx, "sweep", LEASE)
    if isinstance(lock, Locked):
        return Sweep([Finding("sweep", "", "another sweep is under way", "skipped")])
    try:
        return _sweep(ctx, wish)
    finally:
        release(ctx, lock)


def _sweep(ctx: Context, wish: SweepOptions) -> Sweep:
    started = ctx.ports.clock.now()
    deadline = started + TIME_LIMIT
    ctx = replace(ctx, ports=BoundedPorts(ctx.ports, deadline), deadline=deadline)
    done = Sweep()
    pauses = _pauses(ctx, done, wish, started)
    runs, unread = open_runs(ctx.ports.store, ctx.policy)
    for run_id, error in unread.items():
        fault(ctx, done, run_id, error)
    if pauses is None:
        done.unseen |= {run.value.key.id for run in runs}
        runs = []
    expected = [] if pauses is None else _expected(ctx, pauses, started)
    days = {run.value.key.day for run in runs} | {key.day for key in expected}
    try:
        units = read_units(ctx, sorted(days)) if days else {}
    except OutOfTime as error:  # without it no date is known to have units: nothing is opened or decided now
        done.unseen |= {run.value.key.id for run in runs}
        done.findings.append(Finding("sweep", "", str(error), "failed"))
        runs, expected, units = [], [], None
    old: list[RunKey] = []
    if units is None and expected:
        expected = [key for key in expected if key.day not in empty_dates(ctx)]
    if not wish.dry_run:
        runs += _open(ctx, done, expected, {run.value.key for run in runs}, units, started)
    closings: list[Closing] = []
    for run in in_order(ctx.policy, runs, started):
        key = run.value.key
        if ctx.out_of_time() or not wish.wants(key):
            done.unseen.add(key.id)
            if ctx.out_of_time():
                done.findings.append(Finding("sweep", key.id, str(OutOfTime()), "failed"))
            continue
        closing = _one(ctx, done, wish, run, None if units is None else units.get(key.day), pauses or ())
        closings += [] if closing is None else [closing]
        if is_of_old_date(run.value, ctx.policy):
            old.append(key)
    tend_batches(ctx, done, dry_run=wish.dry_run)
    if not wish.dry_run:
        if pauses is not None:
            scope = Scope(wish.wants, whole=wish.day is None and wish.mode is None, force=wish.force)
            repair_past(ctx, done, pauses, scope)
        if old:
            done.say(of_old_dates(ctx.policy, old, started))
        _end(ctx, done, closings)
    return done


def _pauses(ctx: Context, done: Sweep, wish: SweepOptions, now: datetime) -> tuple[Pause, ...] | None:
    """Return the pauses; None, and a person is told, where nobody can read them: what they keep back must not go."""
    try:
        return tend(ctx, done, now, dry_run=wish.dry_run)
    except ValueError as error:
        path = pauses_path(ctx.policy.pipeline)
        what = f"the pauses cannot be read, nothing is opened or dispatched until {path} is corrected or deleted"
        fault(ctx, done, ctx.policy.pipeline, error, what)
        return None


def _one(
    ctx: Context, done: Sweep, wish: SweepOptions, run: Stored[Run], units: Units | None, pauses: tuple[Pause, ...]
) -> Closing | None:
    """Look at one run, whose faults are its own: the others are looked at all the same."""
    key, said = run.value.key, dict(done.conditions)
    try:
        closing = _look(ctx, done, wish, run, units, pauses)
    except (Unavailable, OutOfTime) as error:
        if isinstance(error, Unavailable) and error.port == "state":
            raise
        done.unseen.add(key.id)
        done.findings.append(Finding("run", key.id, str(error), "failed"))
        return None
    except Exception as error:  # noqa: BLE001 - becomes a finding, an alert and the answer's status
        done.unseen.add(key.id)
        fault(ctx, done, key.id, error)
        return None
    if is_of_old_date(run.value, ctx.policy):
        done.conditions = said
    return closing


def _end(ctx: Context, done: Sweep, closings: list[Closing]) -> None:
    """Compare state and record, settle the alerts, close what is over."""
    # Last of all: a record that hangs must not keep a decision waiting. The next sweep decides on what it brings.
    try:
        compared = compare(ctx, done.findings, now_due=ctx.memory.state_down_since is not None)
    except OrchError:
        raise
    except Exception as error:  # noqa: BLE001 - becomes a finding, an alert and the answer's status
        fault(ctx, done, ctx.policy.pipeline, error)
    else:
        if compared.state_lacked:
            done.say(_brought(ctx, compared))
    supervision.look(ctx, done)
    now = ctx.ports.clock.now()
    done.wakeups += raise_alerts.update_alerts(ctx, done.conditions, done.seen, done.unseen, now, done.paused)
    for closing in closings:  # what has ended with them has been marked by now, and is told
        close(ctx, done, closing)
    done.wakeups += openings(ctx, now)
    alert_rows.write_alert_rows(ctx)
    if not ctx.out_of_time():
        dead_letters.update_alerts(ctx)


def _brought(ctx: Context, compared: Compared) -> Condition:
    count = len(compared.state_lacked)
    what = f"{count} completions stood in the record only and were brought to the state"
    text = say(ctx.policy.pipeline, "", what, "they are decided on as always")
    return Condition(AlertKind.RECONCILED, Severity.INFO, ctx.policy.pipeline, "", compared.state_lacked[0], text)


def _expected(ctx: Context, pauses: tuple[Pause, ...], now: datetime) -> list[RunKey]:
    """Return the live runs that today's clock expects (behaviour T1, T3); inside a pause none of its modes (T8)."""
    today = ctx.policy.local(now).date()
    return [
        RunKey(ctx.policy.pipeline, day_of(mode, today), mode.name)
        for mode in ctx.policy.modes.values()
        if mode.expected_on(today)
        and now >= instant(today, mode.opens_at, ctx.policy.zone)
        and pause_at(ctx.policy, pauses, now, mode.name) is None
    ]


def _open(
    ctx: Context,
    done: Sweep,
    expected: list[RunKey],
    known: set[RunKey],
    units: Mapping[date, Units] | None,
    now: datetime,
) -> list[Stored[Run]]:
    """Open the expected runs that do not exist; a date without units has none (behaviour T3)."""
    if units is not None:
        note(ctx, {key.day: units[key.day] for key in expected}, ctx.policy.local(now).date())
    due = [key for key in expected if key not in known and not _without_units(units, key.day)]
    opened = []
    for key, document in zip(due, ctx.ports.store.get(*(run_path(key) for key in due)) if due else [], strict=True):
        if document is not None:
            continue
        found = None if units is None else units[key.day]
        final_at = now if found is not None and found.all_final else None
        run = Run(key, now, units=found, final_at=final_at, policy_version=ctx.policy.version)
        stored = save_run(ctx.ports.store, Stored(run), ctx.policy)
        if stored is not None:
            ctx.log("run.opened", run_id=key.id, by="sweep")
            done.findings.append(Finding("run", key.id, "opened", "done"))
            opened.append(stored)
    return opened


def _without_units(units: Mapping[date, Units] | None, day: date) -> bool:
    return units is not None and units[day].total == 0


def _look(
    ctx: Context, done: Sweep, wish: SweepOptions, run: Stored[Run], units: Units | None, pauses: tuple[Pause, ...]
) -> Closing | None:
    """Decide one run, repair it, and note what a person must know of it; return how it ends, if it does now."""
    key = run.value.key
    if key.mode in ctx.policy.modes:
        run = _refresh_run(ctx, run, units, wish)
    loaded = with_run(ctx.ports.store, key, run, pauses)
    if wish.dry_run:
        done.findings += _would(ctx, loaded, key)
        return None
    now = ctx.ports.clock.now()
    states = {name: stored.value for name, stored in loaded.transitions.items()}
    left = departed(ctx.policy, run.value, states)
    if left:
        done.seen.add(key.id)
        return closing_of_departed(done, run, left)
    if infer(ctx, done.findings, loaded, now):
        loaded = with_run(ctx.ports.store, key, run, pauses)
    results = []
    for transition in transitions_of(ctx.policy, key.mode):
        seen = versioned_input(ctx, key, loaded, transition)
        results.append(reconcile(ctx, seen, reload(ctx, key, transition), "sweep"))
        done.findings += of_dispatch(key, transition.name, seen.snapshot.state, results[-1].snapshot.state)
    now = ctx.ports.clock.now()
    before = _starters(ctx, results, now)
    _note(ctx, done, results, before, now, in_vain(ctx.policy, run.value, results, now))
    if run.value.units is None and ctx.policy.calendar is not None:
        done.say(_no_calendar(key))
    if run.value.units is not None and run.value.units.presumed:
        done.say(_presumed(ctx, key, run.value.units))
    paused = {phase for phase, starter in before.items() if starter.paused}
    for condition in rerun(ctx, done.findings, run, results, loaded, now, force=wish.force, paused=paused):
        done.say(condition)
    flush(ctx, key, with_states(loaded, results))
    done.seen.add(key.id)
    done.wakeups.append(of_run(ctx, run.value, results, now))
    return closing_of(ctx, done, run, results, now)


def with_states(loaded: Loaded, results: list[ReconcileResult]) -> Loaded:
    """Return the run with the transitions as the decisions left them."""
    states = {
        result.snapshot.transition.name: Stored(result.snapshot.state, result.version)
        for result in results
        if result.version is not None
    }
    return replace(loaded, transitions={**loaded.transitions, **states})


def _refresh_run(ctx: Context, run: Stored[Run], units: Units | None, wish: SweepOptions) -> Stored[Run]:
    """Take a changed calendar and a missing baseline into the run (behaviour T3, T4, section 9)."""
    value = run.value
    changed = value
    if units is not None:
        changed = replace(value, units=units, final_at=final_since(value, units, ctx.ports.clock.now()))
    elif value.units is None and ctx.policy.calendar is not None and value.key.day in empty_dates(ctx):
        changed = replace(value, units=NO_UNITS)
    changed = replace(changed, policy_version=ctx.policy.version)
    if changed.baseline is None and changed.key.lane is Lane.LIVE and not wish.dry_run:
        changed = replace(changed, baseline=read_baseline(ctx, changed.key))
    if changed == value or wish.dry_run:
        return Stored(changed, run.version)
    saved = save_run(ctx.ports.store, Stored(changed, run.version), ctx.policy)
    return saved or Stored(changed, run.version)


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
        done.paused |= {
            (snapshot.key.id, snapshot.transition.name, kind) for kind in rests(snapshot, result.decision, now)
        }
        passed_by = _passed_by(ctx, snapshot, results)
        found = conditions(snapshot, result.decision, now, before, passed_by, vain.get(snapshot.transition.name, ""))
        for condition in with_streaks(ctx, snapshot, found):
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
        told = is_due(result.snapshot, now) and not _passed_by(ctx, result.snapshot, results)
        before[result.snapshot.transition.starts] = _as_predecessor(result.snapshot, before, now, told=told)
    return before


def _as_predecessor(
    snapshot: DecisionInput, before: Mapping[str, Predecessor], now: datetime, *, told: bool
) -> Predecessor:
    speaks, phases = bool(snapshot.completions), snapshot.transition.after
    started = snapshot.state.triggered
    waits = not speaks and all(phase in before and before[phase].paused for phase in phases)
    paused = not started and (waits or snapshot.pause(now) is not None)
    started_at = snapshot.state.dispatched_at if started else None
    return Predecessor(snapshot.transition.name, told, speaks, paused, started_at)


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


def _would(ctx: Context, loaded: Loaded, key: RunKey) -> list[Finding]:
    now = ctx.ports.clock.now()
    findings = []
    for transition in transitions_of(ctx.policy, key.mode):
        _, decision = assess(ctx, versioned_input(ctx, key, loaded, transition).snapshot, now)
        findings.append(Finding(transition.name, key.id, str(decision)[:500], "dry_run"))
    return findings
