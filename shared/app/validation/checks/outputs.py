"""Judging transitions and processors by what stands in their tables, whatever was reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from shared.app.context import Context
from shared.app.state.repository import Loaded, load_run
from shared.app.transitions.readings import read_rows
from shared.app.validation.checks import nights, paused
from shared.core.decision.holdings import output
from shared.core.model import RunKey, State, Units
from shared.core.policy.phases import Processor
from shared.core.policy.transitions import Transition
from shared.core.texts import amount, clock_time, names
from shared.core.validation.checks import Status, Target
from shared.core.validation.verdict import Measure, Measured


def transition_output(ctx: Context, target: Target, options: Mapping[str, Any]) -> Measured:
    """Compare a transition's state with the tables of the phase it starts, in every mode of the working day."""
    transition = ctx.policy.transitions[options["transition"]]
    keys = [key for key in nights.keys(ctx.policy, target.working_day) if key.mode in transition.expects]
    units = nights.units_of(ctx, [key.day for key in keys])
    measures: list[Measure] = []
    unread: list[str] = []
    for key in keys:
        found = _of_run(ctx, target, transition, key, units[key.day], options["grace"])
        measures += found.measures
        unread += found.unread
    return Measured(tuple(measures), tuple(unread))


def _of_run(
    ctx: Context, target: Target, transition: Transition, key: RunKey, units: Units, grace: timedelta
) -> Measured:
    loaded = load_run(ctx.ports.store, key)
    state = loaded.transition(transition.name).value
    at = state.triggered_at
    due = nights.should_be_done_at(ctx.policy, key, transition)
    if units.total == 0 or state.state is State.EMPTY_OK:
        return Measured((_skip(key, "nothing to do"),))
    if at is None and target.now < due:
        return Measured((_skip(key, f"not due before {clock_time(ctx.policy, due)}"),))
    pause = paused.excuse(ctx.policy, paused.pauses(ctx), target, key, transition.name, grace) if at is None else ""
    if pause:
        return Measured((_skip(key, pause),))
    if at is not None and target.now - at < grace:
        return Measured((_skip(key, f"triggered only at {clock_time(ctx.policy, at)}"),))
    required, optional = nights.outputs(ctx.policy, transition.starts, key.mode, key.day)
    if not required and not optional:
        return Measured((_skip(key, f"{transition.starts} has no output that is looked at"),))
    needed, may_lack = (
        _outputs(ctx, key, transition.starts, some, loaded, units.total) for some in (required, optional)
    )
    if at is None:
        return Measured((_untriggered(key, state.state, needed),), needed.unread + may_lack.unread)
    told = f"triggered at {clock_time(ctx.policy, at)}"
    measures = [*_measured(key, "required", told, needed, Status.FAIL)]
    measures += _measured(key, "optional", told, may_lack, Status.WARN)
    return Measured(tuple(measures), needed.unread + may_lack.unread)


@dataclass(frozen=True, slots=True)
class _Outputs:
    """Which processors' output is there; what could not be read is neither."""

    there: tuple[str, ...]
    lacking: tuple[str, ...]
    unread: tuple[str, ...]

    @property
    def percent(self) -> float | None:
        known = len(self.there) + len(self.lacking)
        return 100 * len(self.there) / known if known else None


def _outputs(
    ctx: Context, key: RunKey, phase: str, listed: Sequence[Processor], loaded: Loaded, units: int | None
) -> _Outputs:
    """Look at each processor's table; one without a table is judged by its reports."""
    rows = read_rows(ctx, listed, key.day)
    there: list[str] = []
    lacking: list[str] = []
    unread = []
    for one in listed:
        if not one.tables:
            known = loaded.completions.get(phase, {}).get(one.name)
            (there if known is not None and known.last_good is not None else lacking).append(one.name)
        elif (held := output(one, rows, units)) is None:
            unread += [f"table {table}" for table in one.tables if rows.get(table) is None]
        else:
            (there if held.share >= 1 else lacking).append(one.name)
    return _Outputs(tuple(there), tuple(lacking), tuple(unread))


def _measured(key: RunKey, what: str, told: str, found: _Outputs, worst: Status) -> list[Measure]:
    if found.percent is None:
        return []
    note = told if not found.lacking else f"{told}, but no output of {names(found.lacking)}"
    return [Measure(f"{_date_text(key)} {what}", found.percent, note=note, worst=worst)]


def _untriggered(key: RunKey, state: State, found: _Outputs) -> Measure:
    if found.there and not found.lacking:
        note = f"not triggered ({state.value}), yet its output is there: somebody else started it"
        return Measure(_date_text(key), found.percent, note=note, verdict=Status.WARN)
    note = f"not triggered ({state.value}) and no output of {names(found.lacking, 'anything')}"
    return Measure(_date_text(key), found.percent, note=note, verdict=Status.FAIL)


def _skip(key: RunKey, why: str) -> Measure:
    return Measure(_date_text(key), None, note=why, verdict=Status.SKIP)


def _date_text(key: RunKey) -> str:
    return f"{key.day} {key.mode}"


def floors(ctx: Context, target: Target, options: Mapping[str, Any]) -> Measured:
    """Compare the rows of every processor that should have reported by now with its floor for the date.

    The number is percent of the floor; a processor without one has to have one row. Optional ones only warn, and of a
    paused transition nothing is wanted.
    """
    wanted: dict[tuple[Processor, date], Status] = {}
    resting = paused.pauses(ctx)
    for key in nights.keys(ctx.policy, target.working_day):
        for transition in nights.transitions(ctx.policy, key, target.now):
            if paused.excuse(ctx.policy, resting, target, key, transition.name):
                continue
            expectation = transition.expects[key.mode]
            for name in sorted(expectation.expected):
                one = ctx.policy.awaited[transition.name][name]
                if one.tables and not one.disabled_on(key.day):
                    worst = Status.FAIL if name in expectation.required else Status.WARN
                    if wanted.get((one, key.day)) is not Status.FAIL:
                        wanted[one, key.day] = worst
    units = nights.units_of(ctx, [day for _, day in wanted]) if wanted else {}
    rows = {
        day: read_rows(ctx, [one for one, on in wanted if on == day], day) for day in units if units[day].total != 0
    }
    measures, unread = [], []
    for (one, day), worst in wanted.items():
        if day not in rows:
            continue
        held = output(one, rows[day], units[day].total)
        if held is None:
            unread += [f"table {table}" for table in one.tables if rows[day].get(table) is None]
            continue
        subject = f"{one.name} of {day}"
        wanted_rows, rows_there = amount(held.floor, "row"), amount(held.rows, "row")
        measures.append(Measure(subject, 100 * held.rows / held.floor, wanted_rows, rows_there, worst=worst))
    return Measured(tuple(measures), tuple(dict.fromkeys(unread)))
