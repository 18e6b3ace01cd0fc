"""Recorded days, played up to a moment, and then asked as the engineer on call asks them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from shared.app.context import Context
from shared.cli import main as orch
from shared.simulation.parse import read_scenario
from tests.health.scenario_states import SCENARIOS, left_by


@dataclass(frozen=True)
class PlayedDay:
    """A day as it stands at the moment up to which it was played."""

    ctx: Context

    def ask(self, *argv: str) -> tuple[int, str]:
        """Return the exit status of a command line, and all that it printed."""
        return orch.run(list(argv), self.ctx)

    def answer(self, *argv: str, status: int = 0) -> str:
        """Return what a command line prints, which ends with this status."""
        ended, text = self.ask(*argv)
        assert ended == status, text
        return text


@contextmanager
def played(name: str, until: str = "") -> Iterator[PlayedDay]:
    """Play a recorded day up to a local time, such as `2026-01-20 11:30`; without one to its end."""
    scenario = read_scenario(next(SCENARIOS.glob(f"*/{name}.yaml")))
    if until:
        ends = datetime.fromisoformat(until).replace(tzinfo=scenario.policy.zone)
        scenario = replace(scenario, end=ends)
    with left_by(scenario) as left:
        yield PlayedDay(left.ctx)
