"""What holds of any message: it is understood, or it is malformed (behaviour R1)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.calendar import closes_at, due_at
from shared.core.errors import Malformed
from shared.core.message import Received, parse
from shared.core.model import Lane
from shared.core.policy.transitions import LocalTime
from tests.core.build import DAY, POLICY
from tests.core.messages import NAMES, RECEIVED, REST, WHOLE, delivery, understood

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def kind_of(**changes: Any) -> str | Received:
    """Return what was understood, or the word of the quarantine."""
    try:
        return understood(**changes)
    except Malformed as wrong:
        return wrong.kind


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted({**WHOLE, **REST})), json_values, max_size=4))
def test_any_message_is_understood_or_malformed(changes: dict[str, Any]) -> None:
    """Whatever stands in a field: a report, or a word for what is wrong; nothing else is raised."""
    assert kind_of(**{**REST, **changes})


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_understood_or_malformed(data: bytes) -> None:
    """Arbitrary bytes are nobody's message."""
    with pytest.raises(Malformed):
        parse(delivery(data), POLICY, NAMES)


@settings(deadline=None)
@given(st.dates(), st.sampled_from([Lane.LIVE, Lane.BACKFILL]))
def test_every_accepted_date_has_a_run_with_times(day: date, lane: Lane) -> None:
    """A date that is accepted can be opened, closed, kept for a month and have due times."""
    reading = kind_of(game_date=day.isoformat(), lane=lane.value)
    if isinstance(reading, str):
        assert reading == "bad_date"
        assert abs(day.year - DAY.year) > 100
        return
    assert closes_at(reading.key, RECEIVED, POLICY) + timedelta(days=60) > closes_at(reading.key, RECEIVED, POLICY)
    due_at(reading.key, LocalTime(0, POLICY.modes[reading.key.mode].opens_at), POLICY)
