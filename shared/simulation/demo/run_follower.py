"""Follows the runs of a store: which were opened, and what is decided of each transition."""

from __future__ import annotations

from collections.abc import Iterator

from shared.app.context import Context
from shared.app.reporting.queries import all_runs, explain_all
from shared.core.model import RunKey
from shared.simulation.demo.night import NightLine, RunView, active, summary_of
from shared.simulation.demo.nights import short


class RunFollower:
    """Tells what is news; ``runs`` is every run as it stood at the last look, oldest date first."""

    def __init__(self) -> None:
        self._decided: dict[tuple[RunKey, str], tuple[str, str]] = {}
        self.runs: tuple[RunView, ...] = ()

    def opened(self, ctx: Context) -> Iterator[NightLine]:
        """Read every run, and tell of the new ones."""
        before = {run.key for run in self.runs}
        stored = list(reversed(all_runs(ctx)))
        self.runs = tuple(RunView(run.key, tuple(explain_all(ctx, run.key))) for run in stored)
        for run, shown in zip(stored, self.runs, strict=True):
            if run.key not in before:
                games = "" if shown.units is None else f", {shown.units} games"
                yield NightLine(run.opened_at, "run", f"{short(run.key)} is open{games}")

    def decisions(self, ctx: Context) -> Iterator[NightLine]:
        """Tell what is decided now of the runs that ``opened`` has read."""
        now = ctx.ports.clock.now()
        for run in self.runs:
            for explanation in run.transitions:
                place = (run.key, str(explanation.evidence["transition"]))
                decided = (explanation.state, explanation.reason)
                if active(explanation) and self._decided.get(place) != decided:
                    yield NightLine(now, "decision", summary_of(explanation, run.key, ctx.policy, now))
                self._decided[place] = decided
