"""Three pipelines of different shape on one deployment: none sees the others, night for night and through a season."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.adapters.local.memory import MemoryStore
from shared.simulation.history import History
from shared.simulation.runner import play, play_together
from shared.simulation.scenario import Scenario
from tests.random_nights.several import SHAPES, Luck, night
from tests.random_nights.several_judge import broken

# Each holds one change of the clocks: Europe's in spring, America's in autumn. The other zones stay as they are.
WEEKS = {"spring": datetime(2026, 3, 26, 12, tzinfo=UTC), "autumn": datetime(2026, 10, 29, 12, tzinfo=UTC)}
CHANGES = {"spring": datetime(2026, 3, 28, 12, tzinfo=UTC), "autumn": datetime(2026, 10, 31, 12, tzinfo=UTC)}
SEASON = (datetime(2025, 10, 21, 12, tzinfo=UTC), timedelta(days=174))
Documents = Mapping[str, Mapping[str, Any]]


def documents(store: MemoryStore) -> Documents:
    """Return what a store holds but locks, whose holders are named by a common clock."""
    held = (document for kept in store._collections.values() for document in kept.values())
    return {document.path: document.data for document in held if not document.path.startswith("locks/")}


def seen(scenario: Scenario, history: History) -> dict[str, Any]:
    """Return everything that a play left behind; of several pipelines a sweep's answer says which one it is of."""
    whose = f'"pipeline": "{scenario.policy.pipeline}", '
    timeline = [replace(entry, text=entry.text.replace(whose, "")) for entry in history.timeline]
    return {**vars(history), "timeline": timeline}


def nights(seed: int, start: datetime, length: timedelta, luck: Luck | None = None) -> list[Scenario]:
    return [night(name, seed, start, start + length, luck) for name in SHAPES]


def together_as_alone(played: list[Scenario]) -> list[History]:
    """Play scenarios together and each alone; what each saw, did and wrote has to be the same."""
    common, union = MemoryStore(), dict[str, Mapping[str, Any]]()
    histories = play_together(played, store=common)
    for scenario, history in zip(played, histories, strict=True):
        own = MemoryStore()
        alone = play(scenario, store=own)
        assert seen(scenario, history) == seen(scenario, alone), scenario.name
        assert not union.keys() & documents(own).keys()
        union |= documents(own)
    assert documents(common) == union
    return histories


FEW, MANY = timedelta(hours=9), timedelta(hours=30)
NIGHTS = [
    pytest.param(seed, FEW if seed < 2 else MANY, marks=[pytest.mark.nightly] if seed >= 2 else [])
    for seed in range(12)
]


@pytest.mark.parametrize(("seed", "length"), NIGHTS)
def test_no_pipeline_sees_another(seed: int, length: timedelta) -> None:
    """A night of each, interleaved, with silence, failures, nonsense, faults and crashes: the timelines, triggers,
    calls, notices, rows, quarantine and documents of each are those of the night that it plays alone."""
    start = WEEKS["autumn"] + timedelta(days=seed, hours=3)
    together_as_alone(nights(seed, start, length, Luck(silent=10, failed=10, faults_a_day=2)))


SPANS = [
    *(pytest.param(CHANGES[name], timedelta(days=2), id=name) for name in WEEKS),
    *(pytest.param(WEEKS[name], timedelta(days=7), id=f"week in {name}", marks=pytest.mark.nightly) for name in WEEKS),
]


@pytest.mark.parametrize(("start", "length"), SPANS)
def test_days_across_a_change_of_the_clocks(start: datetime, length: timedelta) -> None:
    """Each pass is triggered once and in its own pipeline, whichever zone changes its clocks."""
    played = nights(7, start, length, Luck(0, 0, 0, 0, 0))
    for scenario, history in zip(played, play_together(played), strict=True):
        triggered = [trigger.trigger_id for trigger in history.triggers(history.departures)]
        assert len(triggered) == len(set(triggered))
        assert all(trigger_id.startswith(f"{scenario.policy.pipeline}/") for trigger_id in triggered)
        runs = {f"{run.id}/" for run in history.runs if run.pipeline == scenario.policy.pipeline}
        assert len(runs) == len(history.runs)
        over = [run for run in runs if any(trigger_id.startswith(run) for trigger_id in triggered)]
        # The last ones are still open at the end.
        assert len(over) >= len(runs) - 10
        assert history.quarantine == []


@pytest.mark.nightly
def test_a_season_of_three_pipelines() -> None:
    """174 days with both changes of the clocks, and what goes wrong in them: together as alone, every run triggered
    once and not too early, or told."""
    played = nights(1, *SEASON)
    histories = together_as_alone(played)
    assert all(len(history.triggers(history.departures)) > 150 for history in histories)
    assert [text for of in zip(played, histories, strict=True) for text in broken(*of)] == []
