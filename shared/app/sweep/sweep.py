"""The sweep: every minute, without a message, for every open run (behaviour T1, T7, 9).

It opens the runs that are expected, decides every transition of every open run with the same
call a delivery uses, repairs, settles the alerts, feeds the record and closes what is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from shared.app.alerting import raise_alerts
from shared.app.alerting.unexpected import fault
from shared.app.audit import alert_rows
from shared.app.audit.compare import Compared, compare
from shared.app.audit.write import flush
from shared.app.batches.tending import tend as tend_batches
from shared.app.bounded import BoundedPorts
from shared.app.context import Context
from shared.app.state.calendar_readings import NO_UNITS, empty_dates
from shared.app.state.digest import SERVES, Reading, keep, read_completions
from shared.app.state.lock import Lease, Locked, acquire, release
from shared.app.state.order import in_order, is_of_old_date, of_old_dates
from shared.app.state.repository import (
    Loaded,
    Stored,
    completions_path,
    pauses_path,
    save_run,
    with_completions,
    with_run,
)
from shared.app.state.sweep_marks import SWEEP
from shared.app.state.upkeep import Upkeep, begin, end, read_upkeep
from shared.app.sweep import dead_letters, objectives
from shared.app.sweep.closing import close, closing_of, closing_of_departed
from shared.app.sweep.due import Chosen, Idle, Look, begun, choose, next_look, next_upkeep, put_off_all, short_of_units
from shared.app.sweep.expected_runs import expected_runs, note_units, open_expected, without_run
from shared.app.sweep.lateness import recorded, with_lateness
from shared.app.sweep.next_wakeup import of_run, openings
from shared.app.sweep.notes import note
from shared.app.sweep.past_repairs import Scope, repair_past
from shared.app.sweep.repair import infer, read_baseline
from shared.app.sweep.rerun import rerun
from shared.app.transitions.pausing import tend
from shared.app.transitions.readings import read_units
from shared.app.transitions.reconcile import ReconcileResult, assess, reconcile
from shared.app.transitions.snapshot import reload, transitions_of, versioned_input
from shared.app.workflows import supervision
from shared.core.alerting.alert import Alert
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.alerting.resolution import resolution
from shared.core.calendar import units_due_at, with_units
from shared.core.decision.departed import departed
from shared.core.decision.pause import Pause
from shared.core.errors import OrchError, OutOfTime, Unavailable, is_state_outage
from shared.core.model import Lane, Run, RunKey, TransitionState, Units
from shared.core.reporting.findings import Finding, FindingResult, Sweep, of_dispatch
from shared.core.reporting.open_figures import RunFacts, open_figures
from shared.core.severity import Severity
from shared.core.texts import say

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
    """Look at what is due once; raise ``Unavailable`` only if the state store does not answer.

    Where nothing is, one query and one document are read, and nothing is written.
    """
    started = ctx.ports.clock.now()
    upkeep = read_upkeep(ctx) if wish == SweepOptions() else None
    chosen = choose(ctx, upkeep, started)
    if isinstance(chosen, Idle):
        return Sweep(wakeups=list(chosen.moments), began=started)
    lock = acquire(ctx, SWEEP, LEASE)
    if isinstance(lock, Locked):
        left = (lock.until - ctx.ports.clock.now()).total_seconds()
        ctx.log("sweep.locked", until=lock.until.isoformat(), lock=SWEEP, wait_seconds=max(left, 0.0))
        return Sweep([Finding("sweep", "", "another sweep is under way", FindingResult.SKIPPED)])
    try:
        return _sweep(ctx, wish, upkeep, chosen, started, lock)
    finally:
        release(ctx, lock)


def _sweep(
    ctx: Context, wish: SweepOptions, upkeep: Upkeep | None, chosen: Chosen, started: datetime, lock: Lease
) -> Sweep:
    deadline = started + TIME_LIMIT
    ctx = replace(ctx, ports=BoundedPorts(ctx.ports, deadline), deadline=deadline)
    done = Sweep(whole=chosen.whole, began=started)
    if upkeep is not None:
        late = with_lateness(ctx, upkeep, lock, (run.value for run in chosen.runs), started).late
        upkeep = replace(begin(ctx, upkeep, started), late=late)
    pauses = _pauses(ctx, done, wish, started)
    runs = chosen.runs
    for run_id, error in chosen.unread.items():
        fault(ctx, done, run_id, error)
    if pauses is None:
        done.unseen |= {run.value.key.id for run in runs}
        done.cut = True
        runs = []
    expected = [] if pauses is None or wish.dry_run else expected_runs(ctx, pauses, started)
    missing = without_run(ctx, expected, {run.value.key for run in runs})
    days = {run.value.key.day for run in runs if _asks_for_units(ctx, wish, run.value, started)}
    days |= {key.day for key in missing}
    try:
        units = read_units(ctx, sorted(days)) if days else {}
    except OutOfTime as error:  # without it no date is known to have units: nothing is opened or decided now
        done.unseen |= {run.value.key.id for run in runs}
        done.findings.append(Finding("sweep", "", str(error), FindingResult.FAILED))
        done.cut = True
        runs, missing, units = [], [], None
    note_units(ctx, expected, units, started)
    if units is None and missing:
        done.polls.append(None)
        missing = [key for key in missing if key.day not in empty_dates(ctx)]
    runs = runs + open_expected(ctx, done, missing, units, started)
    looks = _look_at_each(ctx, done, wish, in_order(ctx.policy, runs, started), units, pauses or ())
    tend_batches(ctx, done, dry_run=wish.dry_run)
    if not wish.dry_run:
        if pauses is not None:
            scope = Scope(wish.wants, whole=wish.day is None and wish.mode is None, force=wish.force)
            repair_past(ctx, done, pauses, scope)
        old = [look.run.value.key for look in looks.values() if is_of_old_date(look.run.value, ctx.policy)]
        if old:
            done.say(of_old_dates(ctx.policy, old, started))
        _end(ctx, done, looks, upkeep, chosen, pauses or ())
    return done


def _asks_for_units(ctx: Context, wish: SweepOptions, run: Run, now: datetime) -> bool:
    """True where the calendar is read of a run's date: always for a person, who asks for what holds now."""
    serves_until = units_due_at(run, ctx.policy)
    return wish != SweepOptions() or serves_until is None or now >= serves_until


def _look_at_each(
    ctx: Context,
    done: Sweep,
    wish: SweepOptions,
    runs: list[Stored[Run]],
    units: Mapping[date, Units] | None,
    pauses: tuple[Pause, ...],
) -> dict[str, Look]:
    """Look at the runs in order while there is time; return by run id what became of each."""
    looks = {}
    for run in runs:
        key = run.value.key
        if ctx.out_of_time() or not wish.wants(key):
            done.unseen.add(key.id)
            if ctx.out_of_time():
                done.cut = True
                done.findings.append(Finding("sweep", key.id, str(OutOfTime()), FindingResult.FAILED))
            continue
        looks[key.id] = _one(ctx, done, wish, run, None if units is None else units.get(key.day), pauses)
    return looks


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
) -> Look:
    """Look at one run, whose faults are its own: the others are looked at all the same."""
    key, conditions = run.value.key, dict(done.conditions)
    try:
        look = _look(ctx, done, wish, run, units, pauses)
    except (Unavailable, OutOfTime) as error:
        if is_state_outage(error):
            raise
        done.unseen.add(key.id)
        done.findings.append(Finding("run", key.id, str(error), FindingResult.FAILED))
        return Look(run)
    except Exception as error:  # noqa: BLE001 - becomes a finding, an alert and the answer's status
        done.unseen.add(key.id)
        fault(ctx, done, key.id, error)
        return Look(run)
    if is_of_old_date(run.value, ctx.policy):
        done.conditions = conditions
    return look


def _end(
    ctx: Context,
    done: Sweep,
    looks: Mapping[str, Look],
    upkeep: Upkeep | None,
    chosen: Chosen,
    pauses: tuple[Pause, ...],
) -> None:
    """Compare state and record, settle the alerts, close what is over, and write when to look again."""
    # Last of all: a record that hangs must not keep a decision waiting. The next sweep decides on what it brings.
    try:
        compared = compare(ctx, done.findings, now_due=ctx.memory.state_down_since is not None)
    except OrchError:
        raise
    except Exception as error:  # noqa: BLE001 - becomes a finding, an alert and the answer's status
        fault(ctx, done, ctx.policy.pipeline, error)
    else:
        done.polls.append(compared.again_at)
        if compared.state_lacked:
            done.say(_brought(ctx, compared))
    if chosen.upkeep_at is None:
        supervision.look(ctx, done)
    else:  # what changes of workflows makes the upkeep due, or was foreseen by their last look
        done.wakeups.append(chosen.upkeep_at)
    if ctx.policy.nights_needed:
        _learn(ctx, done)
    now = ctx.ports.clock.now()
    closed = None if done.whole or upkeep is None else upkeep.closed

    def ended_by(alert: Alert) -> str:
        snapshot = done.snapshots.get((alert.run, alert.transition))
        return "" if snapshot is None else resolution(snapshot, alert.kind, alert.subject, alert.first_at, now)

    moments = raise_alerts.update_alerts(
        ctx, done.conditions, done.seen, done.unseen, now, done.paused, closed, ended_by
    )
    for look in looks.values():
        if look.closing is not None:  # what has ended with it has been marked by now, and is told
            close(ctx, done, look.closing)
    done.wakeups += openings(ctx, now)
    if not alert_rows.write_alert_rows(ctx):
        done.polls.append(None)
    if not ctx.out_of_time():
        dead_letters.update_alerts(ctx, done)
        objectives.update_alerts(ctx, done)
    of_no_run = (at for of, instants in moments.items() if of not in looks for at in instants)
    own = (*done.wakeups, *done.polls, *of_no_run)
    put_off_all(ctx, done, looks, moments)
    if upkeep is not None:
        if done.whole and not done.cut:
            _count(ctx, done, looks)
        upkeep = recorded(ctx, upkeep)
        end(ctx, upkeep, next_upkeep(ctx, done, upkeep, own, pauses), done.began or now)


def _count(ctx: Context, done: Sweep, looks: Mapping[str, Look]) -> None:
    """Log what is open, from which metrics of Cloud Monitoring are made: each quarter of an hour, when all of it has
    been read anyway, one line however much it is. An instance that has just begun knows as much as any other."""
    states: dict[str, dict[str, TransitionState]] = {}
    for (run_id, name), snapshot in done.snapshots.items():
        states.setdefault(run_id, {})[name] = snapshot.state
    closed = frozenset(done.closed)
    entries = [RunFacts(look.run.value, states.get(key, {})) for key, look in looks.items() if key not in closed]
    ctx.log("sweep.counted", "INFO", **dict[str, object](open_figures(ctx.policy, entries)), unseen=len(done.unseen))


def _learn(ctx: Context, done: Sweep) -> None:
    """Learn from the nights of the record, once a day; only a pipeline that asks for it pays for what that imports."""
    from shared.app.learning.daily import learn_daily

    try:
        learn_daily(ctx, done)
    except OrchError:
        raise
    except Exception as error:  # noqa: BLE001 - becomes a finding, an alert and the answer's status
        fault(ctx, done, ctx.policy.pipeline, error)


def _brought(ctx: Context, compared: Compared) -> Condition:
    count = len(compared.state_lacked)
    what = f"{count} completions stood in the record only and were brought to the state"
    text = say(ctx.policy.pipeline, "", what, "they are decided on as always")
    return Condition(AlertKind.RECONCILED, Severity.INFO, ctx.policy.pipeline, "", compared.state_lacked[0], text)


def _look(
    ctx: Context, done: Sweep, wish: SweepOptions, run: Stored[Run], units: Units | None, pauses: tuple[Pause, ...]
) -> Look:
    """Decide one run, repair it, and note what a person must know of it; return how it ends, if it does now."""
    key = run.value.key
    if not wish.dry_run:
        changed = _refreshed(ctx, run.value, units) if key.mode in ctx.policy.modes else run.value
        run = begun(ctx, run, changed, done.began or ctx.ports.clock.now())
    elif key.mode in ctx.policy.modes:
        run = replace(run, value=_with_calendar(ctx, run.value, units))
    read_at = ctx.ports.clock.now()
    reading = _completions(ctx, wish, run.value, read_at)
    loaded = with_completions(ctx.ports.store, key, run, reading, pauses)
    if wish.dry_run:
        done.findings += _would(ctx, loaded, key)
        return Look(run)
    now = ctx.ports.clock.now()
    states = {name: stored.value for name, stored in loaded.transitions.items()}
    left = departed(ctx.policy, run.value, states)
    if left:
        done.seen.add(key.id)
        return Look(run, closing_of_departed(done, run, left))
    if infer(ctx, done.findings, loaded, now):
        loaded = with_run(ctx.ports.store, key, run, pauses)
    results = _reconciled(ctx, done, loaded, key)
    if units is None and any(short_of_units(result) for result in results):
        read = read_units(ctx, [key.day])  # the last reading served until it was what keeps a transition waiting
        if read is not None and read[key.day] != run.value.units:
            run = begun(ctx, run, _with_calendar(ctx, run.value, read[key.day]), now)
            loaded = with_run(ctx.ports.store, key, run, pauses)
            results = _reconciled(ctx, done, loaded, key)
    now = ctx.ports.clock.now()
    paused = note(ctx, done, run.value, results, now)
    for condition in rerun(ctx, done.findings, run, results, loaded, now, force=wish.force, paused=paused):
        done.say(condition)
    written = flush(ctx, key, with_states(loaded, results))
    run = _digested(ctx, run, reading, read_at)
    done.seen.add(key.id)
    clock = of_run(ctx, run.value, results, now)
    again = next_look(ctx, run.value, loaded, results, clock, now) if written else None
    return Look(run, closing_of(ctx, done, run, results, now), clock if again is None else again, again)


def _completions(ctx: Context, wish: SweepOptions, run: Run, read_at: datetime) -> Reading:
    """Read the completions of a run, of a wide one by what a sweep has kept of them: each one by itself once an hour,
    after an outage of the store, and for a person."""
    lost = ctx.memory.state_down_since is not None
    since = read_at if lost or wish != SweepOptions() else read_at - SERVES
    collection = completions_path(run.key)
    return read_completions(ctx.ports.store, collection, run.key, digested=run.digested, since=since)


def _digested(ctx: Context, run: Stored[Run], reading: Reading, read_at: datetime) -> Stored[Run]:
    """Keep what was read of a wide run, and return the run, which says whether there is such a digest."""
    kept = keep(ctx.ports.store, ctx.policy, run.value, reading, read_at)
    if kept == run.value.digested:
        return run
    return save_run(ctx.ports.store, replace(run, value=replace(run.value, digested=kept)), ctx.policy) or run


def _reconciled(ctx: Context, done: Sweep, loaded: Loaded, key: RunKey) -> list[ReconcileResult]:
    """Decide every transition of a run, and return where each came to rest."""
    results = []
    for transition in transitions_of(ctx.policy, key.mode):
        seen = versioned_input(ctx, key, loaded, transition)
        results.append(reconcile(ctx, seen, reload(ctx, key, transition), "sweep"))
        done.findings += of_dispatch(key, transition.name, seen.snapshot.state, results[-1].snapshot.state)
    return results


def with_states(loaded: Loaded, results: list[ReconcileResult]) -> Loaded:
    """Return the run with the transitions as the decisions left them."""
    states = {
        result.snapshot.transition.name: Stored(result.snapshot.state, result.version)
        for result in results
        if result.version is not None
    }
    return replace(loaded, transitions={**loaded.transitions, **states})


def _refreshed(ctx: Context, run: Run, units: Units | None) -> Run:
    """Take a changed calendar and a missing baseline into the run (behaviour T3, T4, section 9)."""
    changed = _with_calendar(ctx, run, units)
    if changed.baseline is None and changed.key.lane is Lane.LIVE:
        changed = replace(changed, baseline=read_baseline(ctx, changed.key))
    return changed


def _with_calendar(ctx: Context, run: Run, units: Units | None) -> Run:
    changed = run
    if units is not None:
        changed = with_units(run, units, ctx.policy, ctx.ports.clock.now())
    elif run.units is None and ctx.policy.calendar is not None and run.key.day in empty_dates(ctx):
        changed = replace(run, units=NO_UNITS)
    return replace(changed, policy_version=ctx.policy.version)


def _would(ctx: Context, loaded: Loaded, key: RunKey) -> list[Finding]:
    now = ctx.ports.clock.now()
    findings = []
    for transition in transitions_of(ctx.policy, key.mode):
        _, decision = assess(ctx, versioned_input(ctx, key, loaded, transition).snapshot, now)
        findings.append(Finding(transition.name, key.id, str(decision)[:500], FindingResult.DRY_RUN))
    return findings
