"""What goes wrong on purpose: ports that fail for a while, and points at which a handler dies."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.errors import Unavailable
from shared.simulation.fakes.clock import Actor, Crash, VirtualClock
from shared.simulation.history import History
from shared.simulation.scenario import CrashPoint, FaultKind
from shared.simulation.scheduler import Scheduler

PORT_TIMEOUT = timedelta(seconds=5)


@dataclass(frozen=True)
class Active:
    """A fault in time; its end lies outside it."""

    port: str
    kind: FaultKind
    begins: datetime
    ends: datetime


class FaultInjector:
    """What every simulated port asks first: does the caller still live, and does the port work?"""

    def __init__(self, clock: VirtualClock, baton: Scheduler, history: History) -> None:
        self.clock, self.baton, self.history = clock, baton, history
        self._faults: list[Active] = []
        self._crashes: Counter[CrashPoint] = Counter()
        # Armed for whoever comes first, of all the pipelines that are played together.
        self.common: Counter[CrashPoint] = Counter()

    def fail(self, port: str, kind: FaultKind, lasts: timedelta) -> None:
        """Let a port fail from now on."""
        now = self.clock.now()
        self._faults.append(Active(port, kind, now, now + lasts))

    def fault(self, port: str) -> FaultKind | None:
        """Return how a port fails now; of several faults the one that began last."""
        now = self.clock.now()
        active = [fault for fault in self._faults if fault.port == port and fault.begins <= now < fault.ends]
        return active[-1].kind if active else None

    def enter(self) -> None:
        """Refuse everything to a handler whose process has died."""
        actor = self.clock.actor
        if actor is not None and actor.dead:
            raise Crash(actor.name)

    def answer(self, port: str) -> FaultKind | None:
        """Raise ``Unavailable`` if the port does not answer now; return the fault it answers with, if any."""
        self.enter()
        kind = self.fault(port)
        if kind is FaultKind.TIMEOUT:
            self.clock.sleep(PORT_TIMEOUT)
        if kind in (FaultKind.TIMEOUT, FaultKind.UNAVAILABLE):
            raise Unavailable(port, f"{kind.value} (simulated)")
        return kind

    def arm(self, point: CrashPoint, *, anybody: bool = False) -> None:
        """Let the next handler that reaches the point die there; ``anybody``: of any pipeline."""
        (self.common if anybody else self._crashes)[point] += 1

    def reached(self, point: CrashPoint) -> None:
        """A handler is at a crash point: if armed, it dies now, or is doomed where it dies before its next write.

        One handler passes a point with every message of its dispatch: it takes one crash for all.
        """
        actor = self.clock.actor
        armed = next((crashes for crashes in (self._crashes, self.common) if crashes[point]), None)
        if actor is None or actor.doomed or armed is None:
            return
        armed[point] -= 1
        if point in (CrashPoint.AFTER_DISPATCH, CrashPoint.BEFORE_CONFIRM):
            actor.doomed = point.value
        else:
            self.die(actor, point.value)

    def reached_first(self, point: CrashPoint) -> None:
        """A handler is at a crash point that only its first time there is one."""
        actor = self.clock.actor
        if actor is None or point.value in actor.passed:
            return
        actor.passed.add(point.value)
        self.reached(point)

    def before_write(self) -> None:
        """Kill the handler that is doomed."""
        actor = self.clock.actor
        if actor is not None and actor.doomed:
            self.die(actor, actor.doomed)

    def die(self, actor: Actor, point: str) -> None:
        actor.dead = True
        self.history.note(self.clock.now(), "crash", f"{actor.name} dies: {point}")
        raise Crash(point)
