"""Jittered exponential back-off (behaviour 12), from tenacity, on the port's clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from shared.core.errors import NotBegun, Unavailable
from shared.ports import Clock

T = TypeVar("T")


def retry(
    clock: Clock, attempts: int, first_wait: timedelta, call: Callable[[], T], budget: timedelta | None = None
) -> T:
    """Call until it does not raise ``Unavailable``, ``attempts`` times at most; then raise the last one.

    Waits double from ``first_wait``, each between half and one and a half of that; no attempt
    begins once ``budget`` is used up, nor before the instant that the failure asks for: one that is later than the
    longest of those waits ends it (behaviour D5). What was not begun is not tried again: the attempt before it, if
    there was one, says what is wrong.
    """
    import tenacity

    started = clock.now()
    failures: list[Unavailable] = []

    def attempt() -> T:
        try:
            return call()
        except NotBegun:
            raise
        except Unavailable as error:
            failures.append(error)
            raise

    def asked_wait() -> float:
        at = failures[-1].retry_at if failures else None
        return 0.0 if at is None else (at - clock.now()).total_seconds()

    def wait(state: tenacity.RetryCallState) -> float:
        jitter = 0.5 + int(clock.token()[:4], 16) / 0xFFFF
        return max(asked_wait(), float(first_wait.total_seconds() * 2 ** (state.attempt_number - 1) * jitter))

    def stop(state: tenacity.RetryCallState) -> bool:
        longest = first_wait.total_seconds() * 2 ** (state.attempt_number - 1) * 1.5
        if state.attempt_number >= attempts or asked_wait() > longest:
            return True
        begins = clock.now() + timedelta(seconds=state.upcoming_sleep)
        return budget is not None and begins - started >= budget

    retrying = tenacity.Retrying(
        stop=stop,
        wait=wait,
        retry=tenacity.retry_if_exception(
            lambda error: isinstance(error, Unavailable) and not isinstance(error, NotBegun)
        ),
        sleep=lambda seconds: clock.sleep(timedelta(seconds=seconds)),
        reraise=True,
    )
    try:
        return retrying(attempt)
    except NotBegun:
        if failures:
            raise failures[-1] from None
        raise
