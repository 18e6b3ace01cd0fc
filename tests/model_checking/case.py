"""The case that is explored: the last completions of a phase at once, and one sweep, with a crash at any step."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared import runtime
from shared.app.context import Context
from shared.app.state.known_runs import remember_run
from shared.app.state.opening import touch
from shared.app.state.repository import run_data, run_path, transition_path
from shared.app.sweep.handler import handle_sweep
from shared.app.sweep.sweep import SweepOptions
from shared.core.model import Run, RunKey, Units
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Transition
from shared.ports import StateStore
from shared.simulation.product import DeployedProduct
from shared.simulation.world import Envelope
from tests.model_checking.explore import Explored, Explorer, Final
from tests.model_checking.replay_ports import OWN_DIGITS, PLENTY, Ask, Handler, Machine, ReplayPorts, token_of
from tests.model_checking.visited_states import StoreState, VisitedStates

DAY, MODE = date(2025, 1, 21), "overnight"
NOON = datetime(2025, 1, 22, 11, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
GAMES = Units(7, 7)
SWEEPS = 8
# Locks are the sweep's alone; what is to be looked at is marked in the run and in the upkeep, under the version read.
WRITTEN = ("locks/", "runs/", "sweeps/")


@dataclass(frozen=True)
class Case:
    """One transition whose phase is completed by so many handlers at once.

    With ``jump`` the clock passes the lease at any moment, once: whoever works is late from then on. With ``stray``
    the phase that it starts reports meanwhile, and names no trigger: somebody else has started it. With ``ahead`` every
    other transition of the run is over, the last one too. With ``known`` the instances of the handlers have just seen
    the run as due, and do not read it before they write.
    """

    policy: Policy
    transition: str
    handlers: int = 3
    sweeps: int = 1
    crashes: int = 1
    jump: bool = False
    stray: bool = False
    ahead: bool = False
    known: bool = False


class StorePorts(ReplayPorts):
    """Ports of a handler that works on a store alone, and is not paused."""

    def __init__(self, policy: Policy, name: str, now: datetime, store: StateStore, left: dict[str, int]) -> None:
        super().__init__(policy, name, now, GAMES, ())
        self._real, self._left = store, left
        self.writes = 0

    def _next(self, what: str, *arguments: Any) -> Any:
        if what == "publish":
            return self._leave(f"topic {arguments[1][0]}", [str(number) for number in range(len(arguments[1]))])
        if what == "call":
            return self._leave(f"call {arguments[0]}", 200)
        if what == "send":
            return self._leave(f"said {arguments[0]} {arguments[1]}", None)
        if what == "query":
            return self._real.query(arguments[0], dict(arguments[1]))
        self.writes += what != "get" and not arguments[0].startswith("locks/")
        return getattr(self._real, what)(*arguments)

    def _leave(self, what: str, answer: Any) -> Any:
        self._left[what] = self._left.get(what, 0) + 1
        return answer


class Stand:
    """The case set up: the programs of its handlers and what the store holds before them."""

    def __init__(self, case: Case) -> None:
        self.case, self.policy = case, case.policy
        self._names, self._product = Names(case.policy), DeployedProduct()
        self.key = RunKey(case.policy.pipeline, DAY, MODE)
        transition = case.policy.transitions[case.transition]
        expected = [*self._expected(transition)]
        self._before, last = expected[: -case.handlers], expected[-case.handlers :]
        if case.ahead:
            others = [
                other for other in case.policy.transitions.values() if other is not transition and MODE in other.expects
            ]
            self._before += [
                envelope for other in others for envelope in (*self._expected(other), self._started(other))
            ]
        last += [self._started(transition)] if case.stray else []
        self._deliveries = len(last)
        self.times = (NOON, NOON + case.policy.claim_lease + SECOND) if case.jump else (NOON,)
        still = None if case.jump else NOON
        self.handlers = [
            *(Handler(f"handler {n}", self._delivering(envelope), still) for n, envelope in enumerate(last, start=1)),
            *(Handler(f"sweep {n}", self._sweep, still) for n in range(1, case.sweeps + 1)),
        ]

    def documents(self, store: StateStore) -> dict[str, Mapping[str, Any]]:
        """Return what the store holds once the run is open and the first completions have been taken in."""
        run = Run(self.key, NOON - 9 * MINUTE, units=GAMES, baseline=self._baseline())
        store.create(run_path(self.key), run_data(run, self.policy))
        for number, envelope in enumerate(self._before):
            self._delivering(envelope)(StorePorts(self.policy, f"before {number}", NOON - 5 * MINUTE, store, {}))
        self._sweep(StorePorts(self.policy, "sweep before", NOON - 3 * MINUTE, store, {}))
        if self.case.known:
            touch(self._context(StorePorts(self.policy, "seen as due", NOON, store, {})), self.key.id)
        path = run_path(self.key)
        collections = ("runs", f"{path}/completions", f"{path}/transitions", "locks", "breakers", "alerts")
        return {document.path: document.data for name in collections for document in store.query(name)}

    def carry_on(self, store: StateStore, final: Final, documents: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
        """Deliver again what was not acknowledged, sweep until nothing changes; return what is sent meanwhile."""
        left: dict[str, int] = {}
        for path, data in documents.items():
            store.create(path, data)
        for who in sorted(final.unfinished):
            if who < self._deliveries:
                self._run(self.handlers[who].program, f"again {who}", self.times[-1] + 10 * SECOND, store, left)
        for number in range(1, SWEEPS + 1):
            now = self.times[-1] + number * 61 * SECOND
            writes = self._run(self._sweep, f"sweep after {number}", now, store, left)
            if number > 3 and not writes:
                break
        return left

    def _run(
        self, program: Callable[[ReplayPorts], None], name: str, now: datetime, store: StateStore, left: dict[str, int]
    ) -> int:
        live = StorePorts(self.policy, name, now, store, left)
        program(live)
        return live.writes

    def _expected(self, transition: Transition) -> Iterator[Envelope]:
        """Yield a report of each processor that a transition waits for."""
        for name in sorted(transition.expects[MODE].expected):
            yield self._envelope(self.policy.awaited[transition.name][name].phase, name)

    def _started(self, transition: Transition) -> Envelope:
        """Return a report of the phase that a transition starts, of which nobody knows what it was started by."""
        return self._envelope(transition.starts, min(self.policy.phases[transition.starts].processors))

    def _envelope(self, phase: str, processor: str) -> Envelope:
        body = {
            "processor_name": processor,
            "game_date": DAY.isoformat(),
            "mode": MODE,
            "status": "success",
            "record_count": PLENTY,
        }
        return Envelope(f"{phase} {processor}", phase, json.dumps(body).encode(), NOON - MINUTE, {})

    def _baseline(self) -> dict[str, int]:
        tables = (processor.table for phase in self.policy.phases.values() for processor in phase.processors.values())
        return {table: 0 for table in tables if table}

    def _delivering(self, envelope: Envelope) -> Callable[[ReplayPorts], None]:
        def deliver(tape: ReplayPorts) -> None:
            ctx = self._context(tape)
            if self.case.known:
                remember_run(ctx, self.key, NOON)
            with runtime.override_context(ctx):
                self._product.deliver(self.policy, envelope)

        return deliver

    def _sweep(self, tape: ReplayPorts) -> None:
        handle_sweep(self._context(tape), SweepOptions())

    def _context(self, tape: ReplayPorts) -> Context:
        endpoints = {name: f"http://{name}" for name in self.policy.services}
        return Context(self.policy, self._names, tape, endpoints, _silent, "exhaustive")


def explore(case: Case, makers: Mapping[str, Callable[[], StateStore]]) -> tuple[Explored, VisitedStates]:
    """Go through the case on stores of several kinds at once; what is wrong stands in ``violations``."""
    stand, library = Stand(case), VisitedStates({name: make() for name, make in makers.items()})
    machines = [Machine(case.policy, handler, GAMES) for handler in stand.handlers]
    shelf = library.store_state(stand.documents(next(iter(makers.values()))()))
    exploration = Explorer(library, machines, _shared, ClaimWatcher(stand), stand.times).explore(shelf, case.crashes)
    after: dict[tuple[str, StoreState, frozenset[int]], dict[str, int]] = {}
    for final, trail in exploration.finals.items():
        for name, make in makers.items():
            # What follows of an end depends on what the store holds and on who comes again, not on what has left.
            of = name, final.store_state, final.unfinished
            if of not in after:
                after[of] = stand.carry_on(make(), final, library.documents(final.store_state))
            left = Counter(dict(final.left)) + Counter(after[of])
            exploration.violations += [
                f"{name}: {wrong}, after: {'; '.join(trail)}" for wrong in _judged(stand, final, left)
            ]
    return exploration, library


def _shared(ask: Ask) -> bool:
    """Shared are the completions, the transitions and what is sent; locks are the sweep's alone.

    Nobody writes alerts here: whoever does is a violation, not overlooked. The run's own document and the upkeep are
    written to mark what is to be looked at; a reading of them is no step of its own, so that not every order of these
    marks is explored.
    """
    if ask.what in ("publish", "call", "send"):
        return True
    paths = ask.arguments if ask.what == "get" else ask.arguments[:1]
    writes = ask.what in ("create", "update", "delete")
    return any(path.count("/") > 1 or (writes and not path.startswith("locks/")) for path in paths)


class ClaimWatcher:
    """Two claims alive, and a dispatch by who holds none, are seen at the step that makes them."""

    def __init__(self, stand: Stand) -> None:
        self._names = [handler.name for handler in stand.handlers]
        self._tokens = {token_of(name, 0)[:OWN_DIGITS]: name for name in self._names}
        self._path = transition_path(stand.key, stand.case.transition)

    def __call__(
        self, library: VisitedStates, who: int, ask: Ask, before: StoreState, after: StoreState, now: datetime
    ) -> str | None:
        name = self._names[who]
        if ask.what in ("publish", "call"):
            return self._dispatching(name, self._claim(library, before), now)
        if ask.what in ("create", "update", "delete") and ask.arguments[0].count("/") == 1:
            return None if ask.arguments[0].startswith(WRITTEN) else f"{name} writes {ask.arguments[0]}"
        if ask.what in ("create", "update") and ask.arguments[0] == self._path and before != after:
            first, then = self._claim(library, before), self._claim(library, after)
            if first and then and first["owner"] != then["owner"] and now < first["expires_at"]:
                return f"two claims alive: {self._holder(then)} beside {self._holder(first)}"
        return None

    def _dispatching(self, name: str, claim: Mapping[str, Any], now: datetime) -> str | None:
        """Whoever dispatches holds the claim, or did until its lease was over."""
        mine = bool(claim) and self._holder(claim) == name
        return None if mine or now > NOON else f"{name} dispatches under {dict(claim) or 'no claim'}"

    def _holder(self, claim: Mapping[str, Any]) -> str:
        """Return the name of the handler that a claim belongs to."""
        return self._tokens.get(str(claim["owner"])[:OWN_DIGITS], "somebody before")

    def _claim(self, library: VisitedStates, shelf: StoreState) -> Mapping[str, Any]:
        number = dict(shelf).get(self._path)
        claim: Mapping[str, Any] = {} if number is None else library.books[number].data.get("claim") or {}
        return claim


def _judged(stand: Stand, final: Final, left: Mapping[str, int]) -> Iterator[str]:
    """Yield what is wrong once all is quiet: one trigger id, dispatched at least once, more only by death or delay."""
    dispatched = {what: times for what, times in left.items() if not what.startswith("said")}
    ids = {what.split(" ", 1)[1] for what in dispatched}
    expected = stand.key.trigger_id(stand.case.transition, 1)
    if ids != {expected}:
        yield f"dispatched were {sorted(ids)}"
    most = 1 + final.crashed + stand.case.jump
    if any(times > most for times in dispatched.values()):
        yield f"dispatched too often: {dispatched}"
    if any(times > most for what, times in left.items() if what.startswith("said")):
        yield f"said too often: {dict(left)}"


def _silent(event: str, /, severity: str = "INFO", **keys: object) -> None:
    """Nothing is told while everything is explored."""
