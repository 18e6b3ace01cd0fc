"""The identities of runs and triggers (behaviour 1)."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from shared.core.model import Lane, Plan, RunKey, TransitionState
from tests.core.build import BACKFILL, DAY, NIGHT, POLICY, TO4, claimed, confirmed, dispatched, plan


def test_a_run_is_named_after_pipeline_date_mode_and_lane() -> None:
    """The ids of behaviour 1, word for word."""
    assert NIGHT.id == "nba/2026-01-21/overnight"
    assert BACKFILL.id == "nba/2026-01-21/overnight/backfill"
    assert NIGHT.trigger_id(TO4, 2) == "nba/2026-01-21/overnight/phase3_to_phase4/2"


def test_every_mode_and_lane_of_a_date_is_a_run_of_its_own() -> None:
    """One run of a date never uses up another: not by date, mode, lane or pipeline."""
    days = (DAY, DAY + timedelta(days=1))
    keys = [
        RunKey(name, day, mode, lane) for name, day, mode, lane in product(("nba", "mlb"), days, POLICY.modes, Lane)
    ]
    assert len({key.id for key in keys}) == len(keys)
    assert len({key.trigger_id(TO4, number) for key in keys for number in (1, 2)}) == 2 * len(keys)


@pytest.mark.parametrize(
    ("state", "whole"),
    [(TransitionState(), False), (claimed(), False), (dispatched(), True), (confirmed(), True)],
)
def test_a_generation_is_accepted_by_its_own_dispatch(state: TransitionState, whole: bool) -> None:
    """What an earlier generation carried says nothing about the next."""
    assert state.accepted_whole == state.accepted == whole
    assert not claimed(plan(2, "operator"), state=state).accepted_whole


def test_degraded_is_without_somebody() -> None:
    """Degraded means that someone is named missing."""
    assert Plan(1, "tier_1", missing=("x",)).degraded
    assert not Plan(1, "complete").degraded
