"""A part of the world that made a request wait in vain is not asked again in it: the rest still has its time.

A report asks the warehouse five times. If it hangs, five timeouts are longer than the platform lets a function run,
and then nothing at all would be answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, cast

from shared.app.context import Ports
from shared.core.errors import NotBegun, Unavailable
from shared.ports import AlertSink, AuditLog, Bus, Clock, Http, StateStore, Warehouse

# A refusal is quick, and may be of one question only; an outage lets one wait.
LONG = timedelta(seconds=3)
IN_A_REQUEST = ("store", "warehouse", "audit")


class FailFast:
    """One port: after a failure that took ``long`` or more, every method raises ``NotBegun`` at once.

    ``may_begin`` is called before each call and raises where there should be none.
    """

    def __init__(
        self, ports: Ports, name: str, long: timedelta = LONG, may_begin: Callable[[], None] | None = None
    ) -> None:
        self._ports, self._name, self._long, self._may_begin = ports, name, long, may_begin
        self._down: Unavailable | None = None

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*args: Any, **given: Any) -> Any:
            if self._down is not None:
                # Of another call: who took that alert, and when to come back with it, says nothing of this one.
                raise NotBegun(self._down.port, self._down.reason)
            if self._may_begin is not None:
                self._may_begin()
            began = self._ports.clock.now()
            try:
                # The client is built in here too: to find no credentials may take as long as to find no server.
                return getattr(getattr(self._ports, self._name), method)(*args, **given)
            except Unavailable as error:
                if self._ports.clock.now() - began >= self._long:
                    self._down = error
                raise

        return call


class FailFastPorts:
    """Ports of which some are replaced; by default those of one request, whose stores fail fast."""

    def __init__(self, ports: Ports, replaced: Mapping[str, Any] | None = None) -> None:
        self._ports = ports
        self._replaced = {name: FailFast(ports, name) for name in IN_A_REQUEST} if replaced is None else replaced

    def _port(self, name: str) -> Any:
        # A port that is not replaced is looked up when it is used: its client is built then.
        return self._replaced[name] if name in self._replaced else getattr(self._ports, name)

    @property
    def store(self) -> StateStore:
        return cast("StateStore", self._port("store"))

    @property
    def warehouse(self) -> Warehouse:
        return cast("Warehouse", self._port("warehouse"))

    @property
    def audit(self) -> AuditLog:
        return cast("AuditLog", self._port("audit"))

    @property
    def bus(self) -> Bus:
        return cast("Bus", self._port("bus"))

    @property
    def http(self) -> Http:
        return cast("Http", self._port("http"))

    @property
    def alerts(self) -> AlertSink:
        return cast("AlertSink", self._port("alerts"))

    @property
    def clock(self) -> Clock:
        return self._ports.clock
