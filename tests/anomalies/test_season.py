"""Faults of a season are told, and a usual night is not: what the figures of the README stand on (behaviour T12)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from shared.core.policy.anomalies import Anomalies, RowsBand, RunsLonger
from tests.anomalies.replay import Tally, replay
from tests.anomalies.season import What

SEASONS = 20
# Dates with games: two weeks are learned from first, then a month is watched.
A_MONTH = 45


def recall(tallies: Mapping[What, Tally]) -> float:
    return sum(tally.told for tally in tallies.values()) / sum(tally.faults for tally in tallies.values())


def false_alarms(tallies: Mapping[What, Tally]) -> float:
    return sum(tally.false_alarms_a_month for tally in tallies.values())


def test_a_month_of_the_season() -> None:
    """Nineteen of twenty faults in its first month; that month, of which little is known, has more false alarms."""
    tallies = replay(range(4), A_MONTH)
    assert recall(tallies) >= 0.95
    assert false_alarms(tallies) <= 3


def test_the_figures_can_be_missed() -> None:
    """A detector that tells little, or everything, is seen: the targets are no accident of the counting."""
    deaf = Anomalies(14, RunsLonger(6, 2), RowsBand(9))
    jumpy = Anomalies(14, RunsLonger(1.2, 1), RowsBand(1.5))
    assert recall(replay(range(2), A_MONTH, deaf)) < 0.8
    assert false_alarms(replay(range(2), A_MONTH, jumpy)) > 10


@pytest.mark.nightly
def test_whole_seasons() -> None:
    """95 percent of the faults of 2 x and more, of durations and of rows, and fewer false alarms of all values together
    than the one a month that may be, in twenty seasons with tails of their own."""
    tallies = replay(range(SEASONS))
    for what, tally in tallies.items():
        assert tally.recall >= 0.95, (what, tally.missed[:20])
    assert false_alarms(tallies) <= 0.8
