"""A part of the world that made a request wait in vain is not asked again in it: the rest still has its time.

A report asks the warehouse five times. If it hangs, five timeouts are longer than the platform lets a function run,
and then nothing at all would be answered.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from shared.app.context import Ports
from shared.core.errors import Unavailable
from shared.ports import AlertSink, Bus, Clock, Http, Record, StateStore, Warehouse

# A refusal is quick, and may be of one question only; an outage lets one wait.
LONG = timedelta(seconds=3)


class PatientPorts:
    """The ports of one request; a store that has failed after a long wait fails at once from then on."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._asked = {name: _Once(ports, name) for name in ("store", "warehouse", "record")}

    @property
    def store(self) -> StateStore:
        return cast("StateStore", self._asked["store"])

    @property
    def warehouse(self) -> Warehouse:
        return cast("Warehouse", self._asked["warehouse"])

    @property
    def record(self) -> Record:
        return cast("Record", self._asked["record"])

    @property
    def bus(self) -> Bus:
        return self._ports.bus

    @property
    def http(self) -> Http:
        return self._ports.http

    @property
    def alerts(self) -> AlertSink:
        return self._ports.alerts

    @property
    def clock(self) -> Clock:
        return self._ports.clock


class _Once:
    """One port, whose every method fails like the first that failed after a long wait."""

    def __init__(self, ports: Ports, name: str) -> None:
        self._ports, self._name = ports, name
        self._down: Unavailable | None = None

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*args: Any, **given: Any) -> Any:
            if self._down is not None:
                raise self._down
            began = self._ports.clock.now()
            try:
                # The client is built in here too: to find no credentials may take as long as to find no server.
                return getattr(getattr(self._ports, self._name), method)(*args, **given)
            except Unavailable as error:
                if self._ports.clock.now() - began >= LONG:
                    self._down = error
                raise

        return call
