"""Waiting for another run: of another pipeline, or another pass or date of the same one (behaviour D4).

It binds a trigger as a gate does, tiers and deadline too, and looks at the state alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from shared.core.model import Run, RunKey, State, TransitionState

NAME = "after_run"
"""The name under which it blocks."""


@dataclass(frozen=True)
class AfterRun:
    """The run of ``pipeline`` in ``mode`` whose date is so many days from the own one. It is waited for until its
    ``transition`` has been sent; "" for all of it, until it is over."""

    pipeline: str
    mode: str
    transition: str = ""
    offset_days: int = 0

    def key(self, day: date) -> RunKey:
        """Return the run that a run of this date waits for: a live one, whatever lane waits for it."""
        return RunKey(self.pipeline, day + timedelta(days=self.offset_days), self.mode)


@dataclass(frozen=True, slots=True)
class OtherRun:
    """What the state says of the run that is waited for."""

    enough: bool
    text: str


def judge(after: AfterRun, key: RunKey, run: Run | None, states: Mapping[str, TransitionState]) -> OtherRun:
    """Return whether a run has come as far as it is waited for; ``states`` are those of its transitions.

    A transition is far enough once a generation of it was dispatched, or it is observed or empty.
    """
    empty = run is not None and run.units is not None and run.units.total == 0
    if empty:
        return OtherRun(True, f"{key.id} has no units")
    if after.transition:
        state = states.get(after.transition, TransitionState())
        there = f"{key.id} {after.transition}"
        if run is None and after.transition not in states:
            return OtherRun(False, f"there is no run {key.id} yet")
        return OtherRun(_sent(state), f"{there}: {state.state.value}")
    if run is None:
        return OtherRun(False, f"there is no run {key.id} yet")
    lacking = [name for name, state in states.items() if not _sent(state)]
    if run.closed_at is None:
        return OtherRun(False, f"{key.id} is not over")
    over = bool(states) and not lacking
    return OtherRun(over, f"{key.id} is over" + ("" if over else f" without {', '.join(lacking) or 'any trigger'}"))


def _sent(state: TransitionState) -> bool:
    return state.accepted_plan is not None or state.state in (State.OBSERVED, State.EMPTY_OK)
