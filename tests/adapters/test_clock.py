"""SystemClock: aware, in UTC, and patient."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from shared.adapters.clock import SystemClock
from shared.ports import Clock

CLOCK: Clock = SystemClock()


def test_now_is_this_instant_in_utc() -> None:
    """Between two readings of the machine's own clock."""
    before = datetime.fromtimestamp(time.time(), UTC)
    now = CLOCK.now()
    assert now.tzinfo is UTC
    assert before <= now < before + timedelta(seconds=5)


def test_sleep_waits_and_never_backwards() -> None:
    """A deadline that has passed costs nothing."""
    began = time.monotonic()
    CLOCK.sleep(timedelta(milliseconds=50))
    assert time.monotonic() - began >= 0.05
    CLOCK.sleep(timedelta(seconds=-5))


def test_tokens_are_fresh() -> None:
    """32 hex digits, never twice."""
    tokens = {CLOCK.token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) == 32 and int(token, 16) >= 0 for token in tokens)
