"""The ports of one sweep, which answer or give up before its time is over, whatever hangs behind them (T7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from shared.app.context import Ports
from shared.app.fail_fast import FailFast, FailFastPorts
from shared.core.errors import NotBegun, OutOfTime
from shared.ports import Clock, Response

# What failed after so long is not asked again in this sweep: one wait in vain is enough.
LONG = timedelta(seconds=2)
# How long one call may take at most: with less time left it is not begun.
LONGEST = {
    "warehouse": timedelta(seconds=20),
    "audit": timedelta(seconds=5),
    "bus": timedelta(seconds=10),
    "alerts": timedelta(seconds=8),  # two channels of three seconds each, a second for the turn of the last
}
# A service that keeps a sweep waiting must leave it the time to write down what became of the call, and to say so.
SAYING = LONGEST["alerts"] + timedelta(seconds=3)
NO_TIME = "no time left in this sweep"
SHORTEST_CALL = timedelta(seconds=1)


class BoundedPorts(FailFastPorts):
    """The ports until ``deadline``. The store is always asked: what has been done must be written down."""

    def __init__(self, ports: Ports, deadline: datetime) -> None:
        timely = {name: partial(_may_begin, ports.clock, name, deadline - longest) for name, longest in LONGEST.items()}
        parts = {name: FailFast(ports, name, LONG, check) for name, check in timely.items()}
        super().__init__(ports, {**parts, "http": _BoundedHttp(ports, deadline - SAYING)})


def _may_begin(clock: Clock, name: str, latest: datetime) -> None:
    """Refuse a call for which too little time is left.

    A reading that is not begun is no reading that failed: ``OutOfTime``, so that no gate takes it for unreadable.
    """
    if clock.now() > latest:
        raise OutOfTime() if name == "warehouse" else NotBegun(name, NO_TIME)


class _BoundedHttp:
    """Calls whose timeout ends with the deadline. A question (GET) that is not asked is ``OutOfTime``."""

    def __init__(self, ports: Ports, deadline: datetime) -> None:
        self._ports, self._deadline = ports, deadline

    def request(self, method: str, url: str, body: Mapping[str, Any] | None, timeout: timedelta) -> Response:
        remaining = self._deadline - self._ports.clock.now()
        if remaining < SHORTEST_CALL:
            raise OutOfTime() if method == "GET" else NotBegun("http", NO_TIME)
        return self._ports.http.request(method, url, body, min(timeout, remaining))
