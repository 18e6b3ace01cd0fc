"""What a sweep reads is constant in what is not due (behaviour T7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from shared.app.state.opening import touch
from shared.app.state.repository import Stored, save_run
from shared.core.costs.operations import Operations, Unit, of
from shared.core.model import Lane, Run, RunKey, Units
from tests.app.handlers_kit import HandlersKit
from tests.app.test_operations import counted
from tests.core.build import GAMES

FIRST_DAY = date(2026, 2, 1)
FAR = timedelta(days=300)


class OpenRuns(HandlersKit):
    """A kit with so many open runs, none of them due, which sweeps have looked at."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.ordinary()
        self.ctx = replace(self.ctx, looks_at_all_every=FAR)
        self.sweeps(3)
        self.keys = [
            RunKey("nba", FIRST_DAY + timedelta(days=day), "overnight", Lane.BACKFILL) for day in range(number)
        ]
        now = self.clock.now()
        for key in self.keys:
            run = Run(key, now, units=Units(GAMES, GAMES), baseline={}, policy_version=self.policy.version)
            save_run(self.store.inner, Stored(replace(run, next_check_at=now + FAR)), self.policy)

    def look(self, due: int) -> Operations:
        """Make so many runs due; return what a sweep costs a minute later."""
        for key in self.keys[:due]:
            touch(self.ctx, key.id)
        self.wait()
        return counted(self, self.sweep)


@pytest.mark.parametrize("number", [0, 60, 600])
def test_a_sweep_that_finds_nothing_due_reads_two_documents(number: int) -> None:
    """However many runs are open."""
    assert OpenRuns(number).look(0) == of(Unit.SWEEP) == Operations(reads=2)


def test_what_is_not_due_costs_nothing() -> None:
    """Of sixty and of six hundred open runs five are due: the same is read and written."""
    few, many = OpenRuns(60).look(5), OpenRuns(600).look(5)
    assert many == few
    assert many.reads < 60


def test_each_run_that_is_due_costs_the_same() -> None:
    """Six runs due, and twelve: each further one costs its own documents, and no question of the sweep's."""
    costs = [OpenRuns(60).look(due) for due in (6, 12, 18)]
    assert costs[2].reads - costs[1].reads == costs[1].reads - costs[0].reads
    each = (costs[1].reads - costs[0].reads) / 6
    assert each <= (of(Unit.DUE_SWEEP, 0, each=1) + of(Unit.OPEN_RUN, 0, each=2)).reads
