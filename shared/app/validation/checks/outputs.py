"""Judging transitions and processors by what their tables hold, whatever was reported."""

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
        outputs = _of_run(ctx, target, transition, key, units[key.day], options["grace"])
        measures += outputs.measures
        unread += outputs.unread
    return Measured(tuple(measures), tuple(unread))


def _of_run(
    ctx: Context, target: Target, transition: Transition, key: RunKey, units: Units, grace: timedelta
) -> Measured:
    loaded = load_run(ctx.ports.store, key)
    state = loaded.transition(transition.name).value
    at = state.triggered_at
    due = nights.should_be_done_at(ctx.policy, key, transition, None if loaded.run is None else loaded.run.value)
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
    text = f"triggered at {clock_time(ctx.policy, at)}"
    measures = [*_measured(key, "required", text, needed, Status.FAIL)]
    measures += _measured(key, "optional", text, may_lack, Status.WARN)
    return Measured(tuple(measures), needed.unread + may_lack.unread)


@dataclass(frozen=True, slots=True)
class _Outputs:
    """Which processors' output is there; what could not be read is neither."""

    there: tuple[str, ...]
    lacking: tuple[str, ...]
    unread: tuple[str, ...]

    @property
    def percent(self) -> float | None:
        total = len(self.there) + len(self.lacking)
        return 100 * len(self.there) / total if total else None


def _outputs(
    ctx: Context, key: RunKey, phase: str, listed: Sequence[Processor], loaded: Loaded, units: int | None
) -> _Outputs:
    """Look at each processor's table; one without a table is judged by its reports."""
    rows = read_rows(ctx, listed, key.day)
    there: list[str] = []
    lacking: list[str] = []
    unread = []
    for processor in listed:
        if not processor.tables:
            completion = loaded.completions.get(phase, {}).get(processor.name)
            (there if completion is not None and completion.last_good is not None else lacking).append(processor.name)
        elif (held := output(processor, rows, units)) is None:
            unread += [f"table {table}" for table in processor.tables if rows.get(table) is None]
        else:
            (there if held.share >= 1 else lacking).append(processor.name)
    return _Outputs(tuple(there), tuple(lacking), tuple(unread))


def _measured(key: RunKey, what: str, text: str, outputs: _Outputs, worst: Status) -> list[Measure]:
    if outputs.percent is None:
        return []
    note = text if not outputs.lacking else f"{text}, but no output of {names(outputs.lacking)}"
    return [Measure(f"{_date_text(key)} {what}", outputs.percent, note=note, worst=worst)]


def _untriggered(key: RunKey, state: State, outputs: _Outputs) -> Measure:
    if outputs.there and not outputs.lacking:
        note = f"not triggered ({state.value}), yet its output is there: somebody else started it"
        return Measure(_date_text(key), outputs.percent, note=note, verdict=Status.WARN)
    note = f"not triggered ({state.value}) and no output of {names(outputs.lacking, 'anything')}"
    return Measure(_date_text(key), outputs.percent, note=note, verdict=Status.FAIL)


def _skip(key: RunKey, why: str) -> Measure:
    return Measure(_date_text(key), None, note=why, verdict=Status.SKIP)


def _date_text(key: RunKey) -> str:
    return f"{key.day} {key.mode}"


def floors(ctx: Context, target: Target, options: Mapping[str, Any]) -> Measured:
    """Compare the rows of every processor that should have reported by now with its floor for the date.

    The number is percent of the floor; a processor without one has to have one row. Optional ones only warn, and of a
    paused transition nothing is wanted.
    """
    statuses: dict[tuple[Processor, date], Status] = {}
    resting = paused.pauses(ctx)
    for key in nights.keys(ctx.policy, target.working_day):
        for transition in nights.transitions(ctx, key, target.now):
            if paused.excuse(ctx.policy, resting, target, key, transition.name):
                continue
            expectation = transition.expects[key.mode]
            for name in sorted(expectation.expected):
                processor = ctx.policy.awaited[transition.name][name]
                if processor.tables and not processor.disabled_on(key.day):
                    worst = Status.FAIL if name in expectation.required else Status.WARN
                    if statuses.get((processor, key.day)) is not Status.FAIL:
                        statuses[processor, key.day] = worst
    units = nights.units_of(ctx, [day for _, day in statuses]) if statuses else {}
    rows = {
        day: read_rows(ctx, [processor for processor, on in statuses if on == day], day)
        for day in units
        if units[day].total != 0
    }
    measures, unread = [], []
    for (processor, day), worst in statuses.items():
        if day not in rows:
            continue
        held = output(processor, rows[day], units[day].total)
        if held is None:
            unread += [f"table {table}" for table in processor.tables if rows[day].get(table) is None]
            continue
        subject = f"{processor.name} of {day}"
        wanted_rows, rows_there = amount(held.floor, "row"), amount(held.rows, "row")
        measures.append(Measure(subject, 100 * held.rows / held.floor, wanted_rows, rows_there, worst=worst))
    return Measured(tuple(measures), tuple(dict.fromkeys(unread)))
