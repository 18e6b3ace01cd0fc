"""Where a transition stood still, read from its decisions: each stretch begins and ends with a decision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.decision.history import state_after
from shared.core.decision.stops import STILL, Stop, stops
from shared.core.model import LogEntry, State

START = datetime(2026, 1, 21, 11, tzinfo=UTC)
WORDS = (
    "waiting",
    "blocked",
    "held",
    "failed",
    "busy",
    "rejected",
    "operator_hold",
    "trigger",
    "confirm",
    "redispatch",
)


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def entries(*decisions: tuple[int, str]) -> list[LogEntry]:
    return [LogEntry(at(minutes), 0, decision, decision.upper()) for minutes, decision in decisions]


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ([(0, "waiting"), (9, "trigger")], []),
        ([(0, "blocked"), (9, "trigger"), (10, "confirm")], [(State.BLOCKED, 0, 9)]),
        ([(0, "blocked"), (5, "waiting"), (9, "trigger")], [(State.BLOCKED, 0, 5)]),
        ([(0, "blocked"), (5, "held"), (9, "trigger")], [(State.BLOCKED, 0, 5), (State.HELD, 5, 9)]),
        ([(0, "failed"), (5, "failed"), (9, "trigger")], [(State.BLOCKED, 0, 9)]),
        ([(0, "held")], [(State.HELD, 0, None)]),
    ],
)
def test_a_stop_lasts_from_its_decision_to_the_next_that_moves(
    decisions: list[tuple[int, str]], expected: list[tuple[State, int, int | None]]
) -> None:
    """A failed dispatch blocks too, a repetition begins nothing new, and what is not over has no end."""
    assert [(stop.state, stop.begins_at, stop.ends_at) for stop in stops(entries(*decisions))] == [
        (state, at(begin), None if end is None else at(end)) for state, begin, end in expected
    ]


def test_the_reason_is_the_first() -> None:
    """What it was blocked by when it began stands for the whole stretch."""
    assert stops(entries((0, "busy"), (5, "failed"), (9, "trigger"))) == (Stop(State.BLOCKED, at(0), at(9), "BUSY"),)


@given(st.lists(st.tuples(st.integers(0, 500), st.sampled_from(WORDS)), max_size=20))
def test_stops_never_overlap_and_agree_with_the_state(decisions: list[tuple[int, str]]) -> None:
    """In the order of time, one after the other; the last has no end exactly while the transition stands still."""
    listed = stops(entries(*decisions))
    assert all(stop.ends_at is not None for stop in listed[:-1])
    moments = [moment for stop in listed for moment in (stop.begins_at, stop.ends_at) if moment is not None]
    assert moments == sorted(moments)
    lasts = bool(listed) and listed[-1].ends_at is None
    assert lasts == (state_after(entries(*decisions)).state in STILL)
