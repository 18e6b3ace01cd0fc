"""Phase 1 in the smallest scope: handlers that act one effect at a time, in every order, dying before any of them.

An effect is a read or write of the store, a publication, a call of a scraper. A prefix of choices is played anew from
the start; equal states (what is stored, what waits, what each handler has seen) are gone into once.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.app.workflows.store import run_path
from shared.core.errors import Unavailable
from shared.core.workflows.runs import RunStatus
from shared.ports import Document, Message, Response
from shared.simulation.fakes.clock import VirtualClock
from tests.app.workflows.phase1 import Phase1

GO, DIE = "go", "die"
# What handlers share: the order of all else, such as the breaker of the record, changes nothing for a run.
SHARED = ("workflow_",)
Choice = tuple[int, str]
Handler = Callable[[Phase1], None]


class Dead(BaseException):
    """The process of a handler ends here."""


class Gate:
    """One handler, stopped before each of its effects until it is let go on."""

    def __init__(self, number: int, work: Callable[[], None]) -> None:
        self.number, self._work = number, work
        self.seen: list[str] = []
        self.over = self.died = False
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._stopped.acquire()

    def step(self, choice: str) -> None:
        self.died = choice == DIE
        self._go.release()
        self._stopped.acquire()

    def pause(self) -> None:
        """Stop before an effect; called by the handler itself."""
        self._stopped.release()
        self._go.acquire()
        if self.died:
            raise Dead

    def _run(self) -> None:
        _CURRENT.gate = self
        # A delivery that another handler keeps from its run is delivered again, as every message is at the end.
        with suppress(Dead, Unavailable):
            self._work()
        self.over = True
        self._stopped.release()


_CURRENT = threading.local()


def _gate() -> Gate | None:
    return getattr(_CURRENT, "gate", None)


def effect(name: str, act: Callable[[], Any], digest: Callable[[Any], object] = repr) -> Any:
    """Stop, act, and remember what was seen."""
    gate = _gate()
    if gate is None:
        return act()
    gate.pause()
    came = act()
    gate.seen.append(f"{name}: {digest(came)}")
    return came


class GatedStore:
    """The store of a phase 1 whose operations are effects; ``written`` counts the writes of each path."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.written: Counter[str] = Counter()
        self.query, self.count = inner.query, inner.count

    def get(self, *paths: str) -> list[Document | None]:
        if not any(path.startswith(SHARED) for path in paths):
            return self.inner.get(*paths)  # type: ignore[no-any-return]
        return effect("get", lambda: self.inner.get(*paths), self._digest)  # type: ignore[no-any-return]

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        if not path.startswith(SHARED):
            return self.inner.create(path, data)  # type: ignore[no-any-return]
        return effect("create", lambda: self._wrote(path, self.inner.create(path, data)), bool)  # type: ignore[no-any-return]

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        if not path.startswith(SHARED):
            return self.inner.update(path, data, version)  # type: ignore[no-any-return]
        return effect("update", lambda: self._wrote(path, self.inner.update(path, data, version)), bool)  # type: ignore[no-any-return]

    def delete(self, path: str) -> None:
        effect("delete", lambda: self.inner.delete(path))

    def _wrote(self, path: str, version: str | None) -> str | None:
        self.written[path] += version is not None
        return version

    def _digest(self, documents: Sequence[Document | None]) -> object:
        return [document and (document.path, self.written[document.path]) for document in documents]


class OwnTokens(VirtualClock):
    """A clock whose tokens are a handler's own, whatever the others draw."""

    def token(self) -> str:
        gate = _gate()
        name = "later" if gate is None else f"{gate.number}/{len(gate.seen)}"
        return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


@dataclass
class World:
    """One play: a phase 1, its handlers, and what was called although it had an outcome."""

    one: Phase1
    gates: list[Gate] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        phase1 = self.one
        self.store = GatedStore(phase1.store.inner)
        phase1.clock.__class__ = OwnTokens
        object.__setattr__(phase1.ctx.ports, "store", self.store)
        publish, request = phase1.bus.publish, phase1.scrapers.request

        def published(topic: str, messages: Sequence[Message]) -> list[str]:
            return effect("publish", lambda: publish(topic, messages))  # type: ignore[no-any-return]

        async def requested(method: str, url: str, body: Mapping[str, Any] | None) -> Response:
            gate = _gate()
            if gate is not None:
                gate.pause()
            self._observe(str((body or {})["execution_id"]))
            answer = await request(method, url, body)
            if gate is not None:
                gate.seen.append("called")
            return answer

        phase1.bus.publish = published  # type: ignore[method-assign]
        phase1.scrapers.request = requested  # type: ignore[method-assign]

    def _observe(self, execution: str) -> None:
        parts = execution.split("/")
        [document] = self.one.store.inner.get(run_path("/".join(parts[:4])))
        assert document is not None
        for entry in document.data["entries"]:
            if [entry["step"], entry["scraper"]] == parts[4:6] and entry["outcome"]:
                self.repeated.append(execution)

    def key(self, crashes: int) -> str:
        """Return what tells this state from others."""
        documents = [
            (document.path, self.store.written[document.path], repr(sorted(document.data.items())))
            for collection in ("workflow_runs", "workflow_days", "workflow_control")
            for document in self.store.inner.query(collection)
        ]
        handlers = [(gate.over, gate.died, gate.seen) for gate in self.gates]
        waiting = [json.dumps(body, sort_keys=True) for body in self.one.bus.waiting]
        calls = [call["execution_id"] for call in self.one.scrapers.calls]
        return hashlib.sha256(repr((crashes, documents, handlers, waiting, calls)).encode()).hexdigest()

    def alive(self) -> list[int]:
        return [gate.number for gate in self.gates if not gate.over]

    def abandon(self) -> None:
        for gate in self.gates:
            if not gate.over:
                gate.step(DIE)

    def finish(self) -> None:
        """Let the platform do what it does: every message twice, ticks and sweeps until every lease is over."""
        phase1 = self.one
        for _ in range(6):
            for body in list(phase1.bus.waiting):
                phase1.bus.waiting.popleft()
                for _ in range(2):
                    try:
                        phase1.deliver(body)
                    except Unavailable:
                        phase1.bus.waiting.append(body)
                        break
            phase1.tick()
            phase1.look()
            phase1.pass_time(timedelta(minutes=6))


@dataclass
class Found:
    """What was explored."""

    states: int = 0
    ends: int = 0
    plays: int = 0
    died: int = 0
    violations: list[str] = field(default_factory=list)


def explore(make: Callable[[], Phase1], handlers: Sequence[Handler], crashes: int) -> Found:
    """Play the handlers in every order, with so many of them dying anywhere; judge each end."""
    exploration, seen = Found(), set[str]()
    todo: list[tuple[Choice, ...]] = [()]
    while todo:
        prefix = todo.pop()
        world = _played(make, handlers, prefix)
        exploration.plays += 1
        left = crashes - sum(choice == DIE for _, choice in prefix)
        key = world.key(left)
        alive = world.alive()
        if key in seen:
            world.abandon()
            continue
        seen.add(key)
        for number in alive:
            todo.append((*prefix, (number, GO)))
            if left:
                todo.append((*prefix, (number, DIE)))
        world.abandon()
        if not alive:
            exploration.ends += 1
            exploration.died += left < crashes
            exploration.violations += [f"{text}; after {prefix}" for text in _judged(world, crashes - left)]
    exploration.states = len(seen)
    return exploration


def _played(make: Callable[[], Phase1], handlers: Sequence[Handler], prefix: Sequence[Choice]) -> World:
    world = World(make())
    for number, handler in enumerate(handlers):
        gate = Gate(number, lambda handler=handler: handler(world.one))  # type: ignore[misc]
        world.gates.append(gate)
        gate.start()
    for number, choice in prefix:
        world.gates[number].step(choice)
    return world


def _judged(world: World, deaths: int) -> list[str]:
    world.finish()
    phase1, violations = (
        world.one,
        [f"{execution} was called although it had an outcome" for execution in world.repeated],
    )
    runs = phase1.runs()
    if len(runs) != 1:
        violations.append(f"{len(runs)} runs of one window: {[run.id for run in runs]}")
    for run in runs:
        if run.status is not RunStatus.COMPLETED or not run.recorded:
            violations.append(f"{run.id} is {run.status}, recorded {run.recorded}")
        keys = Counter(entry.key for entry in run.entries)
        violations += [f"{run.id}: {key} has {number} entries" for key, number in keys.items() if number > 1]
        violations += [f"{run.id}: {entry.name} has no outcome" for entry in run.entries if entry.outcome is None]
    violations += [
        f"{name} was called {n} times, {deaths} died" for name, n in phase1.called().items() if n > 1 + deaths
    ]
    if phase1.alerts.notices:
        violations.append(f"somebody was told: {phase1.alerts.notices[0].text}")
    return violations
