"""Small scope, nothing left out: the last completions of a phase and a sweep in every order, with a crash anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from shared.adapters.local.memory import MemoryStore
from shared.adapters.local.sqlite import SqliteStore
from shared.ports import StateStore
from shared.runtime import policy_in
from tests.model_checking.case import Case, explore
from tests.model_checking.visited_states import Disagreement
from tests.policy_files import NBA

POLICY = policy_in(NBA)
P34, P45 = "phase3_to_phase4", "phase4_to_phase5"
STORES: dict[str, Callable[[], StateStore]] = {"memory": MemoryStore, "sqlite": lambda: SqliteStore(":memory:")}


class LosingStore(MemoryStore):
    """A store whose create looks at nothing: the last writer wins."""

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        there = self.get(path)[0]
        return super().create(path, data) if there is None else self.update(path, data, there.version)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "at_least"),
    [
        pytest.param(Case(POLICY, P34, handlers=2, sweeps=1, crashes=1), 10**6, id="two handlers, a sweep, a crash"),
        pytest.param(
            Case(POLICY, P34, handlers=3, sweeps=1, crashes=1),
            10**14,
            id="three handlers, a sweep, a crash",
            marks=pytest.mark.nightly,
        ),
        pytest.param(Case(POLICY, P45, handlers=2, sweeps=1, crashes=1), 10**10, id="a call and a message, a crash"),
        pytest.param(Case(POLICY, P34, handlers=2, sweeps=1, crashes=2), 10**8, id="two crashes"),
        pytest.param(Case(POLICY, P34, handlers=2, sweeps=0, crashes=1, jump=True), 10**6, id="a holder wakes late"),
        pytest.param(Case(POLICY, P34, handlers=2, known=True), 10**6, id="instances that know the run"),
        pytest.param(
            Case(POLICY, P34, handlers=2, sweeps=1, jump=True, known=True),
            10**9,
            id="one that knows the run wakes late",
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            Case(POLICY, P34, handlers=3, sweeps=0, crashes=1, jump=True),
            10**18,
            id="a holder of three wakes late",
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            Case(POLICY, P34, handlers=1, sweeps=1, crashes=1, jump=True),
            10**10,
            id="a sweep wakes late",
            marks=pytest.mark.nightly,
        ),
    ],
)
def test_every_interleaving_triggers_once(case: Case, at_least: int, capsys: pytest.CaptureFixture[str]) -> None:
    """One trigger id, dispatched once, again only after a death or a delay; never two claims alive; on both stores."""
    exploration, library = explore(case, STORES)
    with capsys.disabled():
        print(
            f"\n{case.transition}: {case.handlers} handlers, {case.sweeps} sweep, {case.crashes} crash"
            f"{', the clock jumps' if case.jump else ''}: {exploration.interleavings:,} interleavings through "
            f"{exploration.states:,} states, {len(exploration.finals)} ends, {library.operations} store operations"
        )
    assert exploration.violations == []
    assert exploration.interleavings >= at_least
    assert any(final.crashed for final in exploration.finals)


@pytest.mark.parametrize(
    ("case", "at_least"),
    [
        pytest.param(Case(POLICY, P34, handlers=1, stray=True), 10**7, id="the next phase reports untriggered"),
        pytest.param(
            Case(POLICY, P34, handlers=1, sweeps=0, jump=True, stray=True), 10**6, id="it reports while a lease ends"
        ),
        pytest.param(Case(POLICY, P34, handlers=1, ahead=True), 10**3, id="the last transition is over before it"),
    ],
)
def test_what_others_started_is_no_proof_of_a_trigger(case: Case, at_least: int) -> None:
    """It is dispatched all the same, whoever dies: a claim is proven by its own trigger id, and its run stays open."""
    exploration, _ = explore(case, {"memory": MemoryStore})
    assert exploration.violations == []
    assert exploration.interleavings >= at_least
    assert any(final.crashed for final in exploration.finals)


def test_a_store_that_loses_writes_is_seen() -> None:
    """Where a create overwrites, two claims live at once, and the way to it is told."""
    case = Case(POLICY, P34, handlers=2, sweeps=0, crashes=0)
    exploration, _ = explore(case, {"losing": LosingStore})
    assert any(violation.startswith("two claims alive: handler") for violation in exploration.violations)
    assert all("after: " in violation for violation in exploration.violations)


def test_stores_that_differ_are_seen() -> None:
    """What is explored on one store is explored on all, or else it says which operation differs."""
    with pytest.raises(Disagreement, match="create"):
        explore(Case(POLICY, P34, handlers=2, sweeps=1, crashes=1), {"memory": MemoryStore, "losing": LosingStore})
