"""Small scope, nothing left out: the workers of a batch and a sweep in every order, with a death anywhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.adapters.local.memory import MemoryStore
from shared.adapters.local.sqlite import SqliteStore
from shared.ports import StateStore
from shared.runtime import policy_in
from tests.model_checking.batch_case import BatchCase, explore_batch
from tests.policy_files import NBA

POLICY = policy_in(NBA)
STORES: dict[str, Callable[[], StateStore]] = {"memory": MemoryStore, "sqlite": lambda: SqliteStore(":memory:")}


@pytest.mark.parametrize(
    ("case", "at_least"),
    [
        pytest.param(BatchCase(POLICY, workers=2), 10**11, id="two workers, a sweep, a crash"),
        pytest.param(
            BatchCase(POLICY, workers=3, sweeps=0, remembers=True), 10**12, id="three workers that remember, a crash"
        ),
        pytest.param(
            BatchCase(POLICY, workers=1, deadline=True, remembers=True),
            10**6,
            id="a worker that remembers at the deadline, a crash",
        ),
        pytest.param(
            BatchCase(POLICY, workers=2, remembers=True),
            10**11,
            id="two workers that remember, a sweep, a crash",
            marks=pytest.mark.nightly,
        ),
        pytest.param(BatchCase(POLICY, workers=3, sweeps=0), 10**11, id="three workers, a crash"),
        pytest.param(BatchCase(POLICY, workers=1, deadline=True), 10**6, id="a worker at the deadline, a crash"),
        pytest.param(BatchCase(POLICY, workers=2, sweeps=0, deadline=True), 10**6, id="two workers at the deadline"),
        pytest.param(
            BatchCase(POLICY, workers=1, deadline=True, crashes=2),
            10**6,
            id="at the deadline, two crashes",
            marks=pytest.mark.nightly,
        ),
        # 3.4, 4.5 and 7.4 million states: half a minute to two minutes of one core each, and 1.5 GB at most.
        pytest.param(
            BatchCase(POLICY, workers=2, deadline=True),
            10**14,
            id="two workers, a sweep at the deadline, a crash",
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            BatchCase(POLICY, workers=3, crashes=0), 10**16, id="three workers, a sweep", marks=pytest.mark.nightly
        ),
        pytest.param(
            BatchCase(POLICY, workers=3), 10**17, id="three workers, a sweep, a crash", marks=pytest.mark.nightly
        ),
    ],
)
def test_every_interleaving_ends_once(case: BatchCase, at_least: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Every report is kept, one end is published, again only after a death; what it lacks is told as late."""
    explored, library = explore_batch(case, STORES)
    with capsys.disabled():
        print(
            f"\n{case.workers} workers{' that remember' if case.remembers else ''}, {case.sweeps} sweep, "
            f"{case.crashes} crash"
            f"{', at the deadline' if case.deadline else ''}: {explored.interleavings:,} interleavings through "
            f"{explored.states:,} states, {len(explored.finals)} ends, {library.operations} store operations"
        )
    assert explored.violations == []
    assert explored.interleavings >= at_least
    assert any(final.crashed for final in explored.finals) is bool(case.crashes)
