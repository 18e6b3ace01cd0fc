"""What is open of a pipeline at one moment, as numbers by name: for the log, whose lines become metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.core.model import Lane, Run, State, TransitionState
from shared.core.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run and the transitions of it that are stored."""

    run: Run
    transitions: Mapping[str, TransitionState]


def open_figures(policy: Policy, runs: Iterable[RunFacts]) -> dict[str, float]:
    """Return how many runs are open, and how many transitions of the live ones are in each state; one of which nothing
    is stored waits."""
    left = [entry for entry in runs if entry.run.closed_at is None]
    states = Counter(
        entry.transitions[name].state if name in entry.transitions else State.WAITING
        for entry in left
        if entry.run.key.lane is Lane.LIVE
        for name, transition in policy.transitions.items()
        if entry.run.key.mode in transition.expects
    )
    return {"runs_open": float(len(left))} | {figure_of(state): float(states[state]) for state in State}


def figure_of(state: State) -> str:
    """Return the name of the number of transitions in a state."""
    return f"transitions_{state.value}"
