"""Jittered back-off on the port's clock (behaviour 12): so many attempts, waits within bounds, inside a budget."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from secrets import token_hex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.app.retry import retry
from shared.core.errors import Malformed, Unavailable

FIRST = timedelta(seconds=1)


class Clock:
    """Sleeping and calling take time, nothing else; ``tokens`` are the jitter's dice, real ones unless given."""

    def __init__(self, token: str = "") -> None:
        self.at, self.slept = datetime(2026, 1, 22, tzinfo=UTC), list[timedelta]()
        self._token = token

    def now(self) -> datetime:
        return self.at

    def sleep(self, duration: timedelta) -> None:
        self.slept.append(duration)
        self.at += duration

    def token(self) -> str:
        return self._token or token_hex(16)


class Port:
    """Fails so many times, each call taking its time, then answers."""

    def __init__(self, clock: Clock, failures: int, takes: timedelta = timedelta()) -> None:
        self._clock, self._failures, self._takes = clock, failures, takes
        self.began: list[datetime] = []

    def __call__(self) -> str:
        self.began.append(self._clock.at)
        self._clock.at += self._takes
        if len(self.began) <= self._failures:
            raise Unavailable("port", f"failure {len(self.began)}")
        return "answer"


@given(attempts=st.integers(1, 8), failures=st.integers(0, 10))
def test_it_calls_until_it_is_answered_or_may_not(attempts: int, failures: int) -> None:
    """As many attempts as failures and one, or as many as allowed and then the last error."""
    clock = Clock()
    port = Port(clock, failures)
    if failures < attempts:
        assert retry(clock, attempts, FIRST, port) == "answer"
        assert len(port.began) == failures + 1
    else:
        with pytest.raises(Unavailable, match=f"failure {attempts}"):
            retry(clock, attempts, FIRST, port)
        assert len(port.began) == attempts
    assert len(clock.slept) == len(port.began) - 1


@given(token=st.integers(0, 2**16 - 1).map(lambda number: f"{number:04x}{'0' * 28}"), failures=st.integers(1, 6))
def test_waits_double_and_stay_within_their_jitter(token: str, failures: int) -> None:
    """The n-th wait lies between half and one and a half of the n-th doubling, for every throw of the dice."""
    clock = Clock(token)
    retry(clock, failures + 1, FIRST, Port(clock, failures))
    for number, slept in enumerate(clock.slept):
        base = FIRST * 2**number
        assert base * 0.5 <= slept <= base * 1.5 + timedelta(microseconds=1)


def test_the_dice_reach_both_ends() -> None:
    """Jitter is used in full: least and most differ by a factor of three, and two throws differ."""
    ends = []
    for token in ("0000", "ffff"):
        clock = Clock(token * 8)
        retry(clock, 2, FIRST, Port(clock, 1))
        ends.append(clock.slept[0] / FIRST)
    assert ends == [0.5, 1.5]
    throws = set()
    for _ in range(20):
        clock = Clock()
        retry(clock, 2, FIRST, Port(clock, 1))
        throws.add(clock.slept[0])
    assert len(throws) > 10


@given(
    budget=st.floats(0, 20).map(lambda seconds: timedelta(seconds=seconds)),
    takes=st.floats(0, 8).map(lambda seconds: timedelta(seconds=seconds)),
)
def test_no_attempt_begins_once_the_budget_is_used_up(budget: timedelta, takes: timedelta) -> None:
    """Every attempt after the first begins inside the budget; so the whole takes one attempt longer at most."""
    clock = Clock()
    started = clock.at
    port = Port(clock, 100, takes)
    with pytest.raises(Unavailable):
        retry(clock, 50, timedelta(seconds=0.2), port, budget)
    for began in port.began[1:]:
        assert began - started <= budget
    assert clock.at - started <= budget + takes


@given(token=st.integers(0, 2**16 - 1).map(lambda number: f"{number:04x}{'0' * 28}"), asked=st.floats(-5, 12))
def test_nobody_is_called_before_the_instant_that_it_asks_for(token: str, asked: float) -> None:
    """It is waited for, unless it is later than the longest of the ordinary waits: then the call ends at once."""
    clock, began = Clock(token), list[datetime]()

    def call() -> None:
        began.append(clock.at)
        raise Unavailable("port", "busy", clock.at + timedelta(seconds=asked))

    with pytest.raises(Unavailable, match="busy"):
        retry(clock, 4, FIRST, call)
    waits = [(after - before).total_seconds() for before, after in pairwise(began)]
    assert all(wait >= asked - 1e-6 for wait in waits)
    assert len(waits) == 0 if asked > 1.5 else len(waits) == 3
    assert sum(waits) <= (1.5 + 3 + 6) + 1e-6, "what the lease of a claim allows for"


@pytest.mark.parametrize("error", [Malformed("k", "wrong"), ValueError("ours"), KeyError("x")])
def test_only_what_may_pass_is_tried_again(error: Exception) -> None:
    """Any other error is raised at once, as it is."""
    clock = Clock()

    def call() -> None:
        raise error

    with pytest.raises(type(error)):
        retry(clock, 5, FIRST, call)
    assert clock.slept == []


def test_an_answer_is_returned_as_it_is() -> None:
    """Also None and False, which are no failures."""
    clock = Clock()
    assert retry(clock, 3, FIRST, lambda: None) is None
    assert retry(clock, 3, FIRST, lambda: False) is False
