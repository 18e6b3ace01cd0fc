"""The cost model against the Firestore adapter's counters: within the stated tolerance, and able to fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.core.costs import operations
from shared.core.costs.operations import OPERATIONS, Assumed, Unit
from tests.bench.cost import TOLERANCE, Night, ratios
from tests.bench.state import fresh_store
from tests.policy_files import NBA
from tests.wide_policy import wide_policy

pytestmark = pytest.mark.xdist_group("firestore")
Played = tuple[Night, Counter[str]]


@pytest.fixture(scope="module")
def night(firestore_host: str) -> Played:
    """A night of the reference policy, played once on the emulator."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
        played = Night(load_policy(NBA), fresh_store(), 75)
        return played, played.play()


def off(night: Night, counted: Mapping[str, float]) -> list[str]:
    """Return the kinds of operations that the model misses by more than it may."""
    return [what for what, ratio in ratios(night.modelled(), counted).items() if abs(ratio - 1) > TOLERANCE]


def test_a_night_costs_what_the_model_says(night: Played) -> None:
    """Reads, writes, rows and tables of 17 completions, 4 triggers, 75 sweeps and an hourly comparison."""
    played, counted = night
    assert len(played.ports.bus.triggers) == 4
    assert min(counted[what] for what in ("reads", "writes", "rows", "tables")) > 0
    assert off(played, counted) == []


def test_a_wide_phase_costs_what_the_model_says(
    firestore_host: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A phase of 60 members is counted until it is complete, and its run closes with its last report."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
    played = Night(wide_policy(60, tmp_path), fresh_store(), 90)
    assert off(played, played.play()) == []


WRONG: dict[Unit, Assumed] = {
    Unit.SWEEP: replace(OPERATIONS[Unit.SWEEP], reads=3),
    Unit.OPEN_RUN: replace(OPERATIONS[Unit.OPEN_RUN], reads_each=2),
    Unit.FLUSH: replace(OPERATIONS[Unit.FLUSH], rows_each=2),
    Unit.COMPLETION: replace(OPERATIONS[Unit.COMPLETION], writes=2),
}


@pytest.mark.parametrize("unit", WRONG, ids=[unit.value for unit in WRONG])
def test_a_wrong_assumption_is_seen(night: Played, unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of the table that is off by one makes the comparison fail."""
    played, counted = night
    monkeypatch.setattr(operations, "OPERATIONS", {**OPERATIONS, unit: WRONG[unit]})
    assert off(played, counted) != []
