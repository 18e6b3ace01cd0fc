"""Leaving out sweeps that can do nothing changes nothing of what is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.app.context import Context
from shared.simulation.history import History
from shared.simulation.parse import read_scenario
from shared.simulation.product import DeployedProduct
from shared.simulation.runner import play

SCENARIOS = Path(__file__).parents[1] / "scenarios"
FILES = (
    "A3_published_into_the_void",
    "A4_rows_without_a_completion",
    "C1_no_message_at_all",
    "D1_gate_opens_without_a_message",
    "H8_refused_call_is_one_alert",
    "I3_healer_repairs_today_once",
    "J1_next_service_down_for_two_runs",
    "L10_slack_refuses",
    "X10_store_out_for_25_minutes",
    "batch_reopened_after_its_deadline",
)


class EverySweep(DeployedProduct):
    """Never says that a sweep can be left out."""

    def next_sweep_at(self, observer: Context) -> None:
        return None


@pytest.mark.parametrize("name", FILES)
def test_skipping_changes_nothing(name: str) -> None:
    """With and without the sweeps that the runner may skip, the same things happen at the same times."""
    scenario = read_scenario(next(SCENARIOS.glob(f"*/{name}.yaml")))
    assert facts(play(scenario)) == facts(play(scenario, EverySweep()))


def facts(history: History) -> list[object]:
    """Return what happened; how often a sweep ran may differ, and with it what a retry's jitter was drawn from."""
    entries = [entry for entry in history.timeline if entry.kind != "sweep"]
    return [
        entries,
        history.departures,
        history.notices,
        history.repairs,
        history.quarantine,
        history.runs,
        history.seen,
    ]
