"""The ports of one sweep, which answer or give up before its time is over, whatever hangs behind them (T7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from shared.app.context import Ports
from shared.core.errors import NotBegun, OutOfTime, Unavailable
from shared.ports import AlertSink, Bus, Clock, Http, Record, Response, StateStore, Warehouse

# What failed after so long is not asked again in this sweep: one wait in vain is enough.
LONG = timedelta(seconds=2)
# How long one call may take at most: with less time left it is not begun.
LONGEST = {
    "warehouse": timedelta(seconds=20),
    "record": timedelta(seconds=5),
    "bus": timedelta(seconds=10),
    "alerts": timedelta(seconds=7),  # two channels of three seconds each
}
NO_TIME = "no time left in this sweep"
SHORTEST_CALL = timedelta(seconds=1)


class BoundedPorts:
    """The ports until ``deadline``. The store is always asked: what has been done must be written down."""

    def __init__(self, ports: Ports, deadline: datetime) -> None:
        self._ports = ports
        self._parts = {name: _Part(ports, name, deadline, longest) for name, longest in LONGEST.items()}
        self._http = _BoundedHttp(ports, deadline)

    @property
    def store(self) -> StateStore:
        return self._ports.store

    @property
    def clock(self) -> Clock:
        return self._ports.clock

    @property
    def http(self) -> Http:
        return self._http

    @property
    def warehouse(self) -> Warehouse:
        return cast("Warehouse", self._parts["warehouse"])

    @property
    def record(self) -> Record:
        return cast("Record", self._parts["record"])

    @property
    def bus(self) -> Bus:
        return cast("Bus", self._parts["bus"])

    @property
    def alerts(self) -> AlertSink:
        return cast("AlertSink", self._parts["alerts"])


class _Part:
    """One port: every method fails at once after a long wait in vain, and where too little time is left.

    A reading that is not begun is no reading that failed: ``OutOfTime``, so that no gate takes it for unreadable.
    """

    def __init__(self, ports: Ports, name: str, deadline: datetime, longest: timedelta) -> None:
        self._ports, self._name, self._deadline, self._longest = ports, name, deadline, longest
        self._down: Unavailable | None = None

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*args: Any, **given: Any) -> Any:
            if self._down is not None:
                # Of another call: who took that alert, and when to come back with it, says nothing of this one.
                raise NotBegun(self._down.port, self._down.reason)
            began = self._ports.clock.now()
            if began + self._longest > self._deadline:
                if self._name == "warehouse":
                    raise OutOfTime()
                raise NotBegun(self._name, NO_TIME)
            try:
                return getattr(getattr(self._ports, self._name), method)(*args, **given)
            except Unavailable as error:
                if self._ports.clock.now() - began >= LONG:
                    self._down = error
                raise

        return call


class _BoundedHttp:
    """Calls whose timeout ends with the sweep. A question (GET) that is not asked is ``OutOfTime``."""

    def __init__(self, ports: Ports, deadline: datetime) -> None:
        self._ports, self._deadline = ports, deadline

    def request(self, method: str, url: str, body: Mapping[str, Any] | None, timeout: timedelta) -> Response:
        left = self._deadline - self._ports.clock.now()
        if left < SHORTEST_CALL:
            raise OutOfTime() if method == "GET" else NotBegun("http", NO_TIME)
        return self._ports.http.request(method, url, body, min(timeout, left))
