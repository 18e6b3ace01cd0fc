"""What several checks ask of a working day: its runs, and which of their transitions should have happened."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from shared.app.context import Context
from shared.app.state.repository import read_run, run_path
from shared.app.transitions.readings import read_units
from shared.app.transitions.snapshot import transitions_of
from shared.core.calendar import day_of, due_at, instant, working_day
from shared.core.errors import Unavailable
from shared.core.model import Run, RunKey, Units
from shared.core.policy.adaptive import expectation_of
from shared.core.policy.phases import Processor
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Transition


def keys(policy: Policy, day: date) -> list[RunKey]:
    """Return the live runs that are expected to be worked on on this local day."""
    modes = [mode for mode in policy.modes.values() if mode.expected_on(day)]
    return [RunKey(policy.pipeline, day_of(mode, day), mode.name) for mode in modes]


def run_of(ctx: Context, key: RunKey) -> Run | None:
    """Return a run for the times that it was given when it was opened; it is not read where none are learned (T11)."""
    if not ctx.policy.learns_times:
        return None
    stored = read_run(ctx.ports.store.get(run_path(key))[0])
    return None if stored is None else stored.value


def should_be_done_at(policy: Policy, key: RunKey, transition: Transition, run: Run | None) -> datetime:
    """Return the transition's first due time, the end of the working day where it has none."""
    due = expectation_of(transition, key.mode, run).due
    at = None if due is None else due_at(key, due.warning or due.critical, policy)
    return at or instant(working_day(key, policy) + timedelta(days=1), time(0), policy.zone)


def units_of(ctx: Context, days: list[date]) -> dict[date, Units]:
    """Return the units of dates; raise ``Unavailable`` while the calendar cannot be read."""
    units = read_units(ctx, sorted(set(days)))
    if units is None:
        raise Unavailable("warehouse", "the calendar cannot be read")
    return units


def outputs(policy: Policy, phase: str, mode: str, day: date) -> tuple[list[Processor], list[Processor]]:
    """Return the processors that a phase needs in this mode, and those it may lack; disabled ones are neither.

    The last phase needs all of them.
    """
    enabled = [processor for processor in policy.phases[phase].processors.values() if not processor.disabled_on(day)]
    waiting = [following.expects[mode] for following in policy.after(phase) if mode in following.expects]
    if not waiting:
        return enabled, []
    needed = {name for expectation in waiting for name in expectation.required}
    optional = {name for expectation in waiting for name in expectation.expected} - needed
    return [processor for processor in enabled if processor.name in needed], [
        processor for processor in enabled if processor.name in optional
    ]


def transitions(ctx: Context, key: RunKey, now: datetime) -> list[Transition]:
    """Return the transitions of a run that should be done by now."""
    run = run_of(ctx, key)
    return [
        transition
        for transition in transitions_of(ctx.policy, key.mode)
        if now >= should_be_done_at(ctx.policy, key, transition, run)
    ]
