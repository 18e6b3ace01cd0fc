"""A sweep that reads only what is due does what one does that reads every open run."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.simulation.parse import read_scenario
from shared.simulation.runner import play
from shared.simulation.world import World
from tests.simulation.test_skipped_sweeps import FILES, SCENARIOS, facts


@pytest.mark.parametrize("name", [*FILES, "B8_tier_two_by_the_clock", "P_close_hides_held_night"])
def test_looking_at_all_changes_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With due runs only and no safety net, and with every open run each minute, the same happens at the same times."""
    scenario = read_scenario(next(SCENARIOS.glob(f"*/{name}.yaml")))
    of_due = facts(play(scenario))
    monkeypatch.setattr(World, "looks_at_all_every", timedelta())
    assert of_due == facts(play(scenario))
