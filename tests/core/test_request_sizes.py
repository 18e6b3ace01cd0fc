"""Requests within rows and bytes, ids within characters, channels within their pace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.limits.rate_limit import CHAT, PAGERDUTY, RateLimit
from shared.core.limits.requests import INSERT_ID, insert_id, requests

T0 = datetime(2026, 1, 22, 11, 30, tzinfo=UTC)
SIZES = st.lists(st.integers(1, 120), max_size=60)


@given(SIZES, st.integers(1, 7))
def test_nothing_is_lost_and_no_request_is_too_large(sizes: list[int], most: int) -> None:
    """In order, each once; a request over its bytes holds one item that is larger than that by itself."""
    made = list(requests(((number, size) for number, size in enumerate(sizes)), most, 100))
    assert [number for request in made for number in request] == list(range(len(sizes)))
    for request in made:
        assert 1 <= len(request) <= most
        assert len(request) == 1 or sum(sizes[number] for number in request) <= 100


@given(SIZES, st.integers(1, 7))
def test_no_request_leaves_room_for_the_next_item(sizes: list[int], most: int) -> None:
    """As few as in that order are possible."""
    made = list(requests(((number, size) for number, size in enumerate(sizes)), most, 100))
    for before, after in pairwise(made):
        assert len(before) == most or sum(sizes[number] for number in (*before, after[0])) > 100


def test_bounds_are_included() -> None:
    """A request may be full to the last row and byte."""
    assert list(requests([("a", 60), ("b", 40)], 2, 100)) == [["a", "b"]]
    assert list(requests([("a", 60), ("b", 41)], 2, 100)) == [["a"], ["b"]]
    assert list(requests([("a", 1), ("b", 1), ("c", 1)], 2, 100)) == [["a", "b"], ["c"]]


def test_an_insert_id_has_at_most_128_characters() -> None:
    """Exactly as long it is the name itself; longer names that differ anywhere have ids that differ."""
    exact = "x" * INSERT_ID
    assert insert_id(exact) == exact
    long = [insert_id(f"{exact}{number}") for number in range(50)]
    assert {len(name) for name in long} == {INSERT_ID}
    assert len(set(long)) == 50
    assert long == [insert_id(f"{exact}{number}") for number in range(50)]


@pytest.mark.parametrize(("pace", "window", "most"), [(CHAT, 1, 1), (PAGERDUTY, 60, 120)])
@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 10)), max_size=200))
def test_no_window_has_more_than_the_service_takes(
    pace: RateLimit, window: int, most: int, asked: list[tuple[float, int]]
) -> None:
    """Whoever waits for each turn sends within any second one message to a chat, within any minute 120 events."""
    earned, now, left = None, T0, list[datetime]()
    for seconds, number in asked:
        number = min(number, pace.burst)
        now += timedelta(seconds=seconds)
        at, earned = pace.turn(earned, now, number)
        assert at >= now
        now = at
        left += [at] * number
    span = timedelta(seconds=window)
    for at in left:
        assert sum(at <= other < at + span for other in left) <= most


def test_a_silence_earns_a_burst() -> None:
    """Ten events leave at once; the eleventh waits six tenths of a second."""
    at, earned = PAGERDUTY.turn(None, T0, 10)
    assert at == T0
    assert PAGERDUTY.turn(earned, T0)[0] == T0 + PAGERDUTY.every
    assert CHAT.turn(CHAT.turn(None, T0)[1], T0)[0] == T0 + timedelta(seconds=1)
