"""Plays a random night from its start to its end, through the deployed entry points, as fast as it goes."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from shared.app.sweep.due import next_sweep_at
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.simulation.fakes.clock import VirtualClock
from shared.simulation.recurrence import back_off
from shared.simulation.scheduler import Scheduler
from tests.random_nights.adapting import adaptive, adapts, lessons
from tests.random_nights.case import CaseMessage, Kind, Night
from tests.random_nights.fault_injector import FaultInjector, Handler
from tests.random_nights.final_state import AT_END
from tests.random_nights.liveness import look
from tests.random_nights.memory import SharingStore
from tests.random_nights.opening import opening, opens_on_data
from tests.random_nights.platform import Platform
from tests.random_nights.ports import Truth
from tests.random_nights.repair_safety import every_past_repair_is_told
from tests.random_nights.revising import revised, revised_at
from tests.random_nights.safety import no_message_is_lost
from tests.random_nights.trace import Trace
from tests.random_nights.workload import Workload
from tests.random_nights.world import NightWorld

MINUTE = timedelta(minutes=1)
AT_ONCE = timedelta(seconds=5)
TOGETHER = 3
REFUSED_FOR = timedelta(minutes=62)
IDLE_MOST = 240
# How often it comes before it is asked for, to see that it has nothing to do.
TOO_EARLY = 0.06
# What a sweep itself has changed is less urgent than what has come from outside.
AFTER_A_SWEEP = 8
# Once all is quiet the platform sweeps seldom: so many minutes late.
AFTERWARDS = (240, 720)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery that is due: the ``nth`` of its letter."""

    letter: CaseMessage
    nth: int


Action = Callable[[], None] | Delivery


@dataclass
class Played:
    """How a night went: what was wrong, and, if asked for, what happened."""

    night: Night
    trace: Trace
    deliveries: int = 0
    sweeps: int = 0
    timeline: list[tuple[datetime, str, str]] = field(default_factory=list)

    @property
    def violations(self) -> list[str]:
        return self.trace.violations


def play(policy: Policy, names: Names, night: Night, *, timeline: bool = False) -> Played:
    """Play a night until it is over or something was wrong."""
    policy = opening(policy, night.seed) if opens_on_data(night) else policy
    if not adapts(night):
        return Driver(policy, names, night, timeline=timeline).run()
    driver = Driver(adaptive(policy, night.seed), names, night, timeline=timeline)
    driver.world.teach(lessons(policy, night))
    return driver.run()


class Driver:
    """One play of one night."""

    def __init__(
        self, policy: Policy, names: Names, night: Night, store: SharingStore | None = None, *, timeline: bool
    ) -> None:
        self.policy, self.night = policy, night
        self.clock = VirtualClock(night.start, night.seed)
        self.stage = FaultInjector(night, self.clock, Scheduler(self.clock, night.seed), self._note, timeline=timeline)
        self.truth = Truth(policy, night.day, night.units)
        self.workload = Workload(policy, night, self.truth, self._put, self._send, self.stage.true_now)
        start, repair = self.workload.start, self.workload.repair
        self.world = NightWorld(policy, night, self.truth, self.stage, start, repair, store)
        self.trace = self.world.trace
        self.platform = Platform(policy, names, night, self.world, self.truth)
        self.played = Played(night, self.trace)
        self._chance = Random(f"play/{night.seed}")
        self._agenda: list[tuple[datetime, int, Action]] = []
        self._numbers = count()
        self._sweep_at: datetime | None = night.start
        self._idle = 1
        self._announced: tuple[int, datetime] | None = None
        self._fixed: Iterator[datetime] | None = None

    def sweep_at(self, times: Iterable[datetime]) -> None:
        """Sweep at these times and at no others, whatever asks for it."""
        self._fixed = iter(times)
        self._sweep_at = next(self._fixed, None)

    def run(self) -> Played:
        self.plan()
        while (at := self.next_at()) is not None:
            self.step(at)
        return self.ended()

    def plan(self) -> None:
        """Put down what is known from the start."""
        self.workload.plan(self._operate, self._request)
        at = revised_at(self.night)
        if at is not None:
            self._put(at, self._revise)

    def next_at(self) -> datetime | None:
        """Return when something happens next; None once the night is over or something was wrong."""
        at = self._next()
        return None if self.trace.violations or at is None or at > self.night.end else at

    def step(self, at: datetime) -> None:
        """Do what is next."""
        self.clock.instant = max(self.clock.instant, at)
        self._step(at)

    def ended(self) -> Played:
        """Ask what must hold at the end, unless something was wrong before."""
        if not self.trace.violations:
            self._end()
        return self.played

    def _next(self) -> datetime | None:
        """Return when something happens next."""
        first = self._agenda[0][0] if self._agenda else None
        if first is None or (self._sweep_at is not None and self._sweep_at < first):
            return self._sweep_at
        return first

    def _step(self, at: datetime) -> None:
        """Do what is next; what happens of itself goes before a sweep of the same time."""
        before = self._changes()
        if not self._agenda or self._agenda[0][0] > at:
            self._sweep_at = None
            self._sweep()
            return
        action = heapq.heappop(self._agenda)[2]
        if not isinstance(action, Delivery):
            action()
        elif self._chance.random() < self.night.manner.at_once:
            self._at_once([action, *self._others(at)])
        else:
            self._deliver(action)
        if self._changes() != before:
            self._idle = 1
            self._want_sweep(self._chance.choice(self.night.manner.gaps))

    def _changes(self) -> int:
        return self.world.mutations + self.workload.changes

    def _put(self, at: datetime, action: Action) -> None:
        heapq.heappush(self._agenda, (at, next(self._numbers), action))

    def _send(self, letter: CaseMessage, at: datetime) -> None:
        self.trace.letters[letter.id] = letter
        self._put(at, Delivery(letter, 1))

    def _deliver(self, post: Delivery) -> None:
        handler = self._receiver(post)
        self._delivered(post, self.platform.run(handler, self.platform.deliver))

    def _receiver(self, post: Delivery) -> Handler:
        self.played.deliveries += 1
        handler = self.platform.receiver(post.letter)
        if self.stage.told:
            self._note("message", f"{handler.name}, delivery {post.nth}: {post.letter.envelope.data.decode()}")
        return handler

    def _delivered(self, post: Delivery, acknowledged: bool) -> None:
        if not acknowledged:
            self._put(self.clock.instant + back_off(post.nth), Delivery(post.letter, post.nth + 1))
            return
        self.trace.acknowledged.add(post.letter.id)
        lost = no_message_is_lost(self.trace, post.letter)
        if lost is not None:
            self.trace.wrong(no_message_is_lost.__name__, lost)

    def _others(self, at: datetime) -> list[Delivery]:
        """Take out what else is to be delivered about now."""
        deliveries: list[Delivery] = []
        while self._agenda and self._agenda[0][0] <= at + AT_ONCE and len(deliveries) < TOGETHER - 1:
            action = self._agenda[0][2]
            if not isinstance(action, Delivery):
                break
            heapq.heappop(self._agenda)
            deliveries.append(action)
        return deliveries

    def _at_once(self, posts: list[Delivery]) -> None:
        """Deliver several messages at once, and perhaps sweep once or twice meanwhile."""
        receivers = {self._receiver(post): post for post in posts}
        sweepers = [self.platform.sweeper(n) for n in range(2) if self._chance.random() < self.night.manner.at_once]
        handlers = [*receivers, *sweepers]
        self._chance.shuffle(handlers)
        done = self.platform.at_once(handlers, self._work)
        for handler, post in receivers.items():
            self._delivered(post, done.get(handler, False))

    def _work(self, handler: Handler) -> bool:
        return self.platform.sweep(handler) if handler.letter is None else self.platform.deliver(handler)

    def _operate(self, argv: tuple[str, ...]) -> None:
        handler = self.platform.operator(argv)
        if argv[0] == "trigger":
            self.world.requested(argv)
        self.platform.run(handler, self.platform.operate)

    def _revise(self) -> None:
        """Put another revision of the policy in force: from here on every instance is of it."""
        self.policy = policy = revised(self.policy, self.night.seed)
        self.world.policy = policy
        self.workload.revise(policy)
        self.platform.revise(policy, Names(policy))
        self._note("revision", "another policy is in force")

    def _request(self, body: Mapping[str, Any]) -> None:
        handler = self.platform.sweeper()
        handler.dry = body.get("dry_run") is True
        self.platform.run(handler, lambda sweeper: self.platform.sweep(sweeper, body))

    def _sweep(self) -> None:
        """Sweep; nobody sweeps for some minutes after it, or longer where nothing can change before."""
        self.played.sweeps += 1
        changes, before, began = self._changes(), self._announced, self.clock.instant
        self._announced = None
        if self._chance.random() < self.night.manner.second_sweep:
            self.platform.at_once([self.platform.sweeper(0), self.platform.sweeper(1)], self._work)
            whole = False
        else:
            handler = self.platform.sweeper()
            whole = self.platform.run(handler, self.platform.sweep)
            if whole and not self._lately_refused():
                look(self.policy, self.trace, self.truth, self.stage, handler)
        if whole and before is not None:
            self._check_announced(before, changes, began)
        doubted = any(track.overdue for run in self.trace.runs.values() for track in run.tracks.values())
        if not whole or doubted:
            self._idle = min(self._idle * 2, IDLE_MOST)
            self._want_sweep(self._idle)
        elif self._changes() != changes:
            self._want_sweep(self._chance.choice(self.night.manner.gaps) * AFTER_A_SWEEP)
        self._when_the_clock_asks()

    def _when_the_clock_asks(self) -> None:
        """Sweep when the clock alone may change something, or some minutes after that."""
        if self._fixed is not None:
            self._sweep_at = next(self._fixed, None)
            return
        report = self.platform.sweepers[0].context.memory.last_sweep
        horizon = None if report is None else next_sweep_at(report, self.world.inner, self.policy.pipeline)
        if horizon is None:
            self._want_sweep(self._idle)
            return
        if self._sweep_at is None:
            self._announced = (self._changes(), horizon)
        if self._chance.random() < TOO_EARLY:
            at = self.clock.instant + max(horizon - self.clock.instant, MINUTE) * self._chance.random()
            self._sweep_at = _full_minute(at)
            return
        prompt = self.clock.instant < self.night.calm or self.night.lost is not None
        late = self._chance.choice(self.night.manner.late if prompt else AFTERWARDS)
        at = _full_minute(max(horizon, self.clock.instant) + MINUTE * late)
        self._sweep_at = at if self._sweep_at is None else min(self._sweep_at, at)

    def _check_announced(self, before: tuple[int, datetime], changes: int, began: datetime) -> None:
        """Nothing changes by the clock alone before the moment that the sweep before announced (Sweep.next_at)."""
        then, horizon = before
        if then == changes and self._changes() != changes and began + self.night.manner.skew < horizon:
            text = f"a sweep at {began} changed something, announced was {horizon}"
            self.trace.wrong("nothing_changes_before_the_announced_moment", text)

    def _lately_refused(self) -> bool:
        """True while an alert may wait for its hourly attempt (A3)."""
        refusals = [outage for outage in self.night.outages if outage.port == "slack" and outage.kind is Kind.REJECTS]
        return any(refusal.begins <= self.clock.instant < refusal.ends + REFUSED_FOR for refusal in refusals)

    def _want_sweep(self, minutes: int) -> None:
        if self._fixed is not None:
            return
        at = _full_minute(self.clock.instant + MINUTE * minutes)
        self._sweep_at = at if self._sweep_at is None else min(self._sweep_at, at)

    def _end(self) -> None:
        for check in AT_END:
            for text in check(self.trace):
                self.trace.wrong(check.__name__, text)
        for text in every_past_repair_is_told(self.policy, self.trace):
            self.trace.wrong(every_past_repair_is_told.__name__, text)

    def _note(self, kind: str, text: str) -> None:
        if self.stage.told:
            self.played.timeline.append((self.stage.true_now(), kind, text))


def _full_minute(at: datetime) -> datetime:
    floor = at.astimezone(UTC).replace(second=0, microsecond=0)
    return floor if floor == at else floor + MINUTE
