"""Service level objectives as the policy states them (behaviour 14)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

# Runs are kept for 30 days: no window may be longer than the dates that they reach back.
LONGEST_WINDOW = timedelta(days=28)


class ObjectiveKind(StrEnum):
    """What an objective is about."""

    HAND_OFF = "hand_off"
    TRIGGERED_BY_DUE = "triggered_by_due"
    SWEEP_HEALTH = "sweep_health"


@dataclass(frozen=True)
class Objective:
    """``goal`` is the percentage of events that must be good. ``within`` is how long a hand-off may take, and after how
    long a sweep that is due is late; None where the policy's due times say it."""

    goal: float
    within: timedelta | None = None

    @property
    def error_budget(self) -> float:
        """The share of events that may be bad, from 0 to 1."""
        return 1 - self.goal / 100


@dataclass(frozen=True)
class Objectives:
    """The objectives of a pipeline, None where it has none of a kind; all of them over ``window``.

    With fewer than ``at_least_events`` in the window nothing is judged. No burn rate is an alert before
    ``at_least_failures`` in its long window: of ten events a day one is no trend.
    """

    hand_off: Objective | None = Objective(99, timedelta(seconds=60))
    triggered_by_due: Objective | None = Objective(99)
    sweep_health: Objective | None = Objective(99.9, timedelta(minutes=5))
    window: timedelta = LONGEST_WINDOW
    at_least_events: int = 20
    at_least_failures: int = 2

    def stated(self) -> dict[ObjectiveKind, Objective]:
        """Return the objectives that the pipeline has, in their order."""
        of = {
            ObjectiveKind.HAND_OFF: self.hand_off,
            ObjectiveKind.TRIGGERED_BY_DUE: self.triggered_by_due,
            ObjectiveKind.SWEEP_HEALTH: self.sweep_health,
        }
        return {kind: objective for kind, objective in of.items() if objective is not None}
