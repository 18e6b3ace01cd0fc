"""States that several tests look at, played once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.health.scenario_states import LeftByDemo, left_by


@pytest.fixture
def morning() -> Iterator[LeftByDemo]:
    """20 January, 09:30: phase 4 of one night went by its second tier, one processor came after it."""
    with left_by("B8_tier_two_by_the_clock") as left:
        yield left
