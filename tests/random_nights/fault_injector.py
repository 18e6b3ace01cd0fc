"""Who is at work, and what is refused to them: crashes between any two effects, outages, answers that come too late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from shared.app.context import Context
from shared.core.errors import Unavailable
from shared.core.model import RunKey
from shared.simulation.fakes.clock import Actor, Crash, VirtualClock
from shared.simulation.scenario import Health
from shared.simulation.scheduler import Scheduler
from tests.random_nights.case import CaseMessage, Kind, Night, Outage

PORT_TIMEOUT = timedelta(seconds=5)
NEVER = -1
Note = Callable[[str, str], None]


@dataclass(eq=False)
class Instance:
    """A process of the platform: its context, its clock's error, and what it was last told of each service."""

    context: Context
    skew: timedelta
    fit: dict[str, tuple[datetime, bool]] = field(default_factory=dict)


@dataclass(eq=False)
class Handler(Actor):
    """One call of an entry point. ``dies_at`` is the number of the effect before which its process dies;
    ``in_vain`` is true once a sweep has waited long for the warehouse in vain: it asks nothing of it any more."""

    instance: Instance | None = None
    letter: CaseMessage | None = None
    argv: tuple[str, ...] = ()
    dry: bool = False
    dies_at: int = NEVER
    effects: int = 0
    failed: bool = False
    alone: bool = True
    rows: dict[str, int | None] = field(default_factory=dict)
    percents: dict[str, float | None] = field(default_factory=dict)
    held: dict[str, frozenset[str] | None] = field(default_factory=dict)
    units: int | None = None
    units_asked: bool = False
    in_vain: bool = False
    heard: dict[RunKey, int] = field(default_factory=dict)
    claims: dict[tuple[RunKey, str], int] = field(default_factory=dict)
    accepted: dict[str, set[str]] = field(default_factory=dict)
    at_work: set[str] = field(default_factory=set)
    call_failed: bool = False
    call_refused: bool = False
    call_declined: bool = False

    # Two handlers are never the same one, however alike.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def is_sweep(self) -> bool:
        return self.letter is None and not self.argv


class FaultInjector:
    """What every port of a night asks first.

    ``refused`` counts what went wrong so far, on purpose; ``troubled_at`` is when something last did.
    """

    def __init__(self, night: Night, clock: VirtualClock, baton: Scheduler, note: Note, *, timeline: bool) -> None:
        self.night, self.clock, self.baton, self.note, self.told = night, clock, baton, note, timeline
        self.refused, self.troubled_at = 0, night.start
        self._quiet_until = night.start
        self._chance = Random(f"stage/{night.seed}")

    def enter(self) -> Handler:
        """Return who asks; others may act first."""
        self.baton.turn()
        handler = self.clock.actor
        assert isinstance(handler, Handler)
        if handler.dead:
            raise Crash(handler.name)
        return handler

    def effect(self, handler: Handler) -> None:
        """Kill a handler whose time has come, before it changes anything more."""
        if handler.effects == handler.dies_at:
            self.die(handler)
        handler.effects += 1

    def die(self, handler: Handler) -> None:
        handler.dead = True
        self._count_refusal()
        self.note("crash", f"{handler.name} dies before its effect {handler.effects + 1}")
        raise Crash(handler.name)

    def true_now(self) -> datetime:
        """Return the world's time, whatever the clock of who is at work shows."""
        actor = self.clock.actor
        return self.clock.instant if actor is None else self.clock.instant + actor.waited

    def outage(self, port: str) -> Outage | None:
        """Return the outage that a port is in; of several the one that began first."""
        now = self.true_now()
        if now < self._quiet_until:
            return None
        active = [outage for outage in self.night.outages if outage.begins <= now < outage.ends]
        if not active:
            later = (outage.begins for outage in self.night.outages if outage.begins > now)
            self._quiet_until = min(later, default=self.night.end)
        return next((outage for outage in active if outage.port == port), None)

    def answer(self, port: str) -> Kind | None:
        """Raise ``Unavailable`` if the port does not answer now; return the outage it answers in, if any."""
        if not self.night.outages:
            return None
        outage = self.outage(port)
        if outage is None:
            return None
        kind: Kind | None = outage.kind
        if kind is Kind.FLAKY:
            kind = self._chance.choice((Kind.UNAVAILABLE, Kind.LATE, None, None))
        if kind is not None:
            self.failing(port, kind)
        return kind

    def failing(self, port: str, kind: Kind) -> None:
        """Count a failure and raise it, unless it is of a sort that answers."""
        self._count_refusal()
        actor = self.clock.actor
        if isinstance(actor, Handler):
            actor.failed = True
        if kind is Kind.TIMEOUT and actor is not None:
            actor.waited += PORT_TIMEOUT
        if kind in (Kind.TIMEOUT, Kind.UNAVAILABLE):
            self.note("fault", f"{port} {kind.value}")
            raise Unavailable(port, f"{kind.value} (simulated)")

    def _count_refusal(self) -> None:
        self.refused, self.troubled_at = self.refused + 1, self.true_now()

    def too_late(self, port: str) -> Unavailable:
        """Return what a caller meets whose wish was granted and who never hears of it."""
        self.note("fault", f"{port} did it and does not answer")
        actor = self.clock.actor
        if actor is not None:
            actor.waited += PORT_TIMEOUT
        return Unavailable(port, "no answer in time (simulated)")

    def health(self, service: str) -> Health:
        now = self.true_now()
        ill = [
            sickness.health
            for sickness in self.night.sick
            if sickness.service == service and sickness.begins <= now < sickness.ends
        ]
        return ill[-1] if ill else Health.HEALTHY
