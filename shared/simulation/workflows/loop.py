"""An asyncio loop whose time is virtual: nothing waits, time is asked to pass."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from shared.ports import AsyncHttp

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Where a loop would wait for input: there is none, so its wait is time that passes."""

    def __init__(self, advance: Callable[[timedelta], None]) -> None:
        super().__init__()
        self._advance = advance

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("a handler waits for something that never comes")
        if timeout > 0:
            self._advance(timedelta(microseconds=max(1, round(timeout * 1_000_000))))
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop on a virtual clock; ``advance`` lets so much time pass for whoever runs it."""

    def __init__(self, now: Callable[[], datetime], advance: Callable[[timedelta], None]) -> None:
        super().__init__(_Selector(advance))
        self._now, self._begins = now, now()
        # What is due within a microsecond is due: the clock knows no smaller step.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return (self._now() - self._begins).total_seconds()


class VirtualCalls:
    """``Calls`` of a simulated world."""

    def __init__(self, http: AsyncHttp, now: Callable[[], datetime], advance: Callable[[timedelta], None]) -> None:
        self._http, self._now, self._advance = http, now, advance

    def run(self, work: Callable[[AsyncHttp], Coroutine[Any, Any, T]]) -> T:
        loop = VirtualLoop(self._now, self._advance)
        try:
            return loop.run_until_complete(work(self._http))
        finally:
            _end(loop)

    async def aside(self, work: Callable[[], T]) -> T:
        """Nothing takes time in a simulated store, and a death in it is that of the handler."""
        return work()


def _end(loop: VirtualLoop) -> None:
    """Close a loop after the tasks that a crash left behind have been cancelled, as ``asyncio.run`` does."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()
