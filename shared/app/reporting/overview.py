"""Days by transition and mode, from run and transition documents alone (behaviour 11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from shared.app.context import Context
from shared.app.state.repository import (
    Loaded,
    Stored,
    pauses_path,
    read_book,
    read_run,
    read_transitions,
    run_path,
    transition_path,
)
from shared.app.transitions.snapshot import transitions_of
from shared.core.calendar import due_at, instant, is_expected, working_day
from shared.core.decision.decide import confirm_by
from shared.core.decision.pause import Pause, pause_at, paused_text
from shared.core.model import HoldCause, Lane, Run, RunKey, State, TransitionState, TriggerReason, Units
from shared.core.policy.adaptive import expectation_of
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import ConfirmBy, Transition
from shared.core.reporting.page import Cell, Overview, Row, Tone
from shared.core.texts import clock_time, duration

# A sweep opens a run within a minute of its time.
GRACE = timedelta(minutes=2)
NOTHING = "nothing expected"
REASONS: dict[str, str] = {TriggerReason.COMPLETE: "all complete", TriggerReason.OPERATOR: "by an operator"}


def overview(ctx: Context, days: Sequence[date], units: Mapping[date, Units] | None) -> Overview:
    """Return these dates, newest first; ``units`` None while the calendar cannot be read.

    Raises ``Unavailable`` if the state store does not answer.
    """
    policy, now = ctx.policy, ctx.ports.clock.now()
    loaded = loads(ctx, [key for day in days for key in keys(policy, day)])
    rows = (row(policy, key, run, units, now) for key, run in loaded.items())
    unit = policy.calendar.unit if policy.calendar is not None else "unit"
    shown = tuple(line for line in rows if line is not None)
    return Overview(min(days), max(days), tuple(policy.transitions), shown, unit)


def keys(policy: Policy, day: date) -> list[RunKey]:
    """Return every run that a date can have."""
    return [RunKey(policy.pipeline, day, mode, lane) for lane in Lane for mode in policy.modes]


def loads(ctx: Context, run_keys: Sequence[RunKey]) -> dict[RunKey, Loaded]:
    """Read runs, their transitions and the pauses in two round trips; completions are not read."""
    store = ctx.ports.store
    book, *documents = store.get(pauses_path(ctx.policy.pipeline), *(run_path(key) for key in run_keys))
    pauses = read_book(book).value.pauses
    runs = {key: read_run(document) for key, document in zip(run_keys, documents, strict=True)}
    asked = [
        (key, transition.name)
        for key, run in runs.items()
        if run is not None
        for transition in transitions_of(ctx.policy, key.mode)
    ]
    states = store.get(*(transition_path(key, name) for key, name in asked)) if asked else []
    transitions: dict[RunKey, dict[str, Stored[TransitionState]]] = {key: {} for key in run_keys}
    for (key, name), document in zip(asked, states, strict=True):
        transitions[key] |= read_transitions([name], [document])
    return {key: Loaded(runs[key], {}, transitions[key], pauses) for key in run_keys}


def row(policy: Policy, key: RunKey, loaded: Loaded, units: Mapping[date, Units] | None, now: datetime) -> Row | None:
    """Return one pass over one date; None for a backfill that nobody asked for,
    and on a day on which nobody expects one (T1)."""
    if loaded.run is None:
        asked_for = key.lane is Lane.LIVE and is_expected(key, policy)
        return None if not asked_for else _missing_run(policy, key, loaded.pauses or (), units, now)
    run = loaded.run.value
    total = None if run.units is None else run.units.total
    cells = cells_of(policy, loaded.run.value, loaded, now)
    closed = run.closed_at is not None
    if total == 0 and all(cell.word == NOTHING for cell in cells):
        return Row(key, (), _nothing(policy), Tone.QUIET, 0, closed)
    return Row(key, cells, "", Tone.QUIET, total, closed)


def cells_of(policy: Policy, run: Run, loaded: Loaded, now: datetime) -> tuple[Cell, ...]:
    """Return the state of each transition of a run; one that a later one has overtaken says so."""
    passed = transitions_of(policy, run.key.mode)
    states = [loaded.transition(transition.name).value for transition in passed]
    cells, beyond = [], policy.beyond
    for transition, state in zip(passed, states, strict=True):
        ahead = (
            (other, then) for other, then in zip(passed, states, strict=True) if other.name in beyond[transition.name]
        )
        later = next((other.name for other, then in ahead if then.triggered), None)
        where = _unless_paused(policy, run, transition, state, loaded.pauses or (), now) or cell(
            policy, run, transition, state, now
        )
        if later is not None and not state.triggered and where.word != NOTHING:
            note = f"not triggered, but {later} was"
            where = replace(where, word="overtaken", tone=Tone.NOTICE, at=None, notes=(note,))
        cells.append(where)
    return tuple(cells)


def _unless_paused(
    policy: Policy, run: Run, transition: Transition, state: TransitionState, pauses: Sequence[Pause], now: datetime
) -> Cell | None:
    """Return what keeps a transition that is not triggered from being decided, None if no pause does (behaviour T8)."""
    pause = pause_at(policy, pauses, now, run.key.mode, transition.name)
    by_operator = state.hold is not None and state.hold.cause is HoldCause.OPERATOR
    untouched = not state.triggered and state.state not in (State.EMPTY_OK, State.OBSERVED, State.CLAIMED)
    empty = run.units is not None and run.units.total == 0
    if pause is None or by_operator or not untouched or empty or run.closed_at is not None:
        return None
    return Cell(transition.name, "paused", Tone.QUIET, pause.begins_at, (paused_text(policy, pause),))


def _missing_run(
    policy: Policy, key: RunKey, pauses: Sequence[Pause], units: Mapping[date, Units] | None, now: datetime
) -> Row:
    opens = instant(working_day(key, policy), policy.modes[key.mode].opens_at, policy.zone)
    day_units = None if units is None else units.get(key.day)
    total = None if day_units is None else day_units.total
    if total == 0:
        return Row(key, (), _nothing(policy), Tone.QUIET, 0)
    if now < opens + GRACE:
        return Row(key, (), f"opens {clock_time(policy, opens, now)}", Tone.QUIET, total)
    pause = pause_at(policy, pauses, opens + GRACE, key.mode) or pause_at(policy, pauses, now, key.mode)
    if pause is not None:
        return Row(key, (), f"not opened: {paused_text(policy, pause)}", Tone.QUIET, total)
    if units is None:
        return Row(key, (), "no run; whether one was expected the calendar would say, it cannot be read", Tone.NOTICE)
    return Row(key, (), "no run was opened", Tone.NOTICE, total)


def _nothing(policy: Policy) -> str:
    return NOTHING if policy.calendar is None else f"{NOTHING}: no {policy.calendar.unit}s"


def cell(policy: Policy, run: Run, transition: Transition, state: TransitionState, now: datetime) -> Cell:
    """Return the state of a transition, in words that need no decision."""
    if state.unproven is not None:
        call = state.unproven
        return Cell(transition.name, state.state.value, Tone.BUSY, call.since, (f"unproven: {call.text}",))
    if state.accepted_plan is not None:
        return _triggered(policy, run, transition, state, now)
    name = transition.name
    empty = run.units is not None and run.units.total == 0
    if state.state is State.EMPTY_OK or (empty and state.state is State.WAITING):
        return Cell(name, NOTHING, Tone.QUIET)
    late, tone = _late(policy, run, transition, None, now)
    notes = (late,) if late and run.closed_at is None else ()
    if state.state is State.HELD:
        why = state.hold.text if state.hold is not None else "the deadline has passed"
        return Cell(name, "held", Tone.BAD, state.held_since, (why, *notes))
    if state.state is State.BLOCKED and state.blocked:
        since = min(block.since for block in state.blocked.values())
        reasons = tuple(f"{gate}: {block.text}" for gate, block in state.blocked.items())
        return Cell(name, "blocked", Tone.BAD, since, (*reasons, *notes))
    if run.closed_at is not None:
        return Cell(name, "never triggered", Tone.BAD, None, ("the run was closed",))
    if state.state is State.CLAIMED:
        return Cell(name, "claimed", Tone.BUSY, state.claim.claimed_at if state.claim else None, notes)
    return Cell(name, "late" if late else "waiting", tone if late else Tone.BUSY, None, notes)


def _triggered(policy: Policy, run: Run, transition: Transition, state: TransitionState, now: datetime) -> Cell:
    plan = state.accepted_plan
    assert plan is not None
    notes = [REASONS.get(plan.reason, plan.reason.replace("_", " "))]
    tone = Tone.GOOD if state.state in (State.CONFIRMED, State.OBSERVED) else Tone.BUSY
    if plan.degraded:
        notes.append(f"degraded: without {', '.join(plan.missing)}")
        tone = Tone.NOTICE
    late, worse = _late(policy, run, transition, state.triggered_at, now)
    if late:
        notes.append(late)
        tone = worse if worse is Tone.BAD else Tone.NOTICE
    if plan.generation > 1:
        sent = state.dispatched_at or state.triggered_at
        at = f" at {clock_time(policy, sent, state.triggered_at)}" if sent is not None else ""
        notes.append(f"generation {plan.generation}{at}")
    if unconfirmed(transition, state, now):
        notes.append(f"no report of {transition.starts} since")
        tone = Tone.BAD
    notes += [*plan.answers.values(), *(f"{name}: {block.text}" for name, block in state.blocked.items())]
    return Cell(transition.name, state.state.value, tone, state.triggered_at, tuple(notes))


def unconfirmed(transition: Transition, state: TransitionState, now: datetime) -> bool:
    """True once a dispatch has waited for its confirmation longer than the policy allows."""
    if state.state is not State.DISPATCHED or transition.confirm.by is not ConfirmBy.FIRST_REPORT:
        return False
    return state.last_dispatched_at is not None and now >= confirm_by(state, transition.confirm.within)


def _late(policy: Policy, run: Run, transition: Transition, at: datetime | None, now: datetime) -> tuple[str, Tone]:
    """Return by how much a transition was triggered, or is, after its due time; empty if it was not."""
    key, due = run.key, expectation_of(transition, run.key.mode, run).due
    if due is None:
        return "", Tone.GOOD
    warning, critical = due_at(key, due.warning, policy), due_at(key, due.critical, policy)
    first = warning or critical
    moment = at or now
    if first is None or moment < first:
        return "", Tone.GOOD
    tone = Tone.BAD if critical is not None and moment >= critical else Tone.NOTICE
    return f"late by {duration(moment - first)}: due {clock_time(policy, first, moment)}", tone
