"""A small batch explored: its workers report at once beside a sweep, and one of them dies at any step."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.app.batches.advance import advance
from shared.app.batches.receive import STARTS, phase_word, receive
from shared.app.batches.store import batch_path, index_path, member_hash, outcome_path, outcomes_path
from shared.app.batches.tending import tend
from shared.app.context import Context, RememberedBatch
from shared.core.batches.batch import Batch, BatchState, Outcome
from shared.core.message import Delivery
from shared.core.model import RunKey, Units
from shared.core.policy.batches import (
    BatchDeadline,
    BatchPolicy,
    BatchThen,
    Close,
    CloseStep,
    Members,
    Reports,
    Request,
)
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import HttpCall
from shared.core.reporting.findings import Sweep
from shared.core.wire.bodies import Body
from shared.documents import from_data
from shared.ports import StateStore
from tests.model_checking.case import StorePorts
from tests.model_checking.explore import Explored, Explorer, Final
from tests.model_checking.replay_ports import OWN_DIGITS, Ask, Handler, Machine, ReplayPorts, token_of
from tests.model_checking.visited_states import StoreState, VisitedStates

KEY = RunKey("nba", date(2025, 1, 21), "overnight")
BATCH_ID = KEY.trigger_id("phase4_to_phase5", 1)
NOON = datetime(2025, 1, 22, 11, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
NOBODY = Units(0, 0)
LEASE = timedelta(minutes=2)
SWEEPS = 10


@dataclass(frozen=True)
class BatchCase:
    """A batch of so many members that report at once, and sweeps that go on with it themselves.

    With ``remembers`` each worker's instance knows the index and takes everybody for silent: it writes before it looks.
    With ``deadline`` its time is over as they report, so that a sweep closes it beside them; with ``jump`` the clock
    passes the lease at any moment, once: whoever works is late from then on.
    """

    policy: Policy
    workers: int = 3
    sweeps: int = 1
    crashes: int = 1
    deadline: bool = False
    jump: bool = False
    remembers: bool = False

    @property
    def declared(self) -> BatchPolicy:
        step = CloseStep(HttpCall("prediction_coordinator", "/consolidate"), Body({"trigger_id": "{trigger_id}"}))
        return BatchPolicy(
            name="predictions",
            phase="phase5",
            reports_as="prediction_coordinator",
            members=Members("player", None, "players"),
            request=Request("ask", {"trigger_id": "{request_id}"}, 10_000),
            reports=Reports("told", "player", "batch_id", "count"),
            publish="nba-phase5-predictions-complete",
            close=Close(True, None, BatchDeadline(5 * MINUTE, BatchThen.PUBLISH_PARTIAL)),
            on_close=(step,),
        )


class BatchStand:
    """The case set up: the programs of its handlers and what the store holds before them."""

    def __init__(self, case: BatchCase) -> None:
        self.case = case
        self.policy = replace(case.policy, batches={"predictions": case.declared})
        self._names = Names(self.policy)
        self.members = [f"m{number}" for number in range(1, case.workers + 1)]
        self.times = (NOON, NOON + LEASE + SECOND) if case.jump else (NOON,)
        self.started_at = NOON - (6 if case.deadline else 1) * MINUTE
        still = None if case.jump else NOON
        self.handlers = [
            *(Handler(f"worker {member}", self._reporting(member), still) for member in self.members),
            *(Handler(f"sweep {number}", self._sweep, still) for number in range(1, case.sweeps + 1)),
        ]

    def documents(self, store: StateStore) -> dict[str, Mapping[str, Any]]:
        """Return what the store holds once all members have been asked and none has reported."""
        start = {"batch": "predictions", "trigger_id": BATCH_ID, "players": self.members}
        ports = StorePorts(self.policy, "start", self.started_at, store, {})
        receive(self._context(ports), _delivery(STARTS, start, self.started_at))
        path = batch_path(BATCH_ID)
        collections = ("batches", f"{path}/batch_pages", f"{path}/batch_index", outcomes_path(BATCH_ID))
        return {document.path: document.data for name in collections for document in store.query(name)}

    def carry_on(
        self, store: StateStore, final: Final, documents: Mapping[str, Mapping[str, Any]]
    ) -> tuple[dict[str, int], Batch, dict[str, Outcome], int]:
        """Deliver again what was not acknowledged, sweep until it is quiet; return what left, the batch, outcomes and
        how many were noted as late."""
        left = dict(final.left)
        for path, data in documents.items():
            store.create(path, data)
        programs = [self.handlers[who].program for who in sorted(final.unfinished) if who < self.case.workers]
        for number, program in enumerate([*programs, *(self._sweep for _ in range(SWEEPS))]):
            now = self.times[-1] + number * 61 * SECOND
            live = StorePorts(self.policy, f"after {number}", now, store, left)
            program(live)
            if number > len(programs) + 3 and not live.writes:
                break
        stored = store.get(batch_path(BATCH_ID))[0]
        assert stored is not None
        outcomes = (from_data(Outcome, document.data) for document in store.query(outcomes_path(BATCH_ID)))
        notes = store.count("alerts", {"kind": "batch_late"})
        return left, from_data(Batch, stored.data), {outcome.member: outcome for outcome in outcomes}, notes

    def _reporting(self, member: str) -> Callable[[ReplayPorts], None]:
        body = {"player": member, "batch_id": BATCH_ID, "count": 2}

        def report(ports: ReplayPorts) -> None:
            ctx = self._context(ports)
            ctx.memory.batches[BATCH_ID] = self._remembered()
            receive(ctx, _delivery(phase_word(self.case.declared), body, NOON, member))

        return report

    def _remembered(self) -> RememberedBatch:
        """Return what an instance knows that has heard of the batch before, or has taken in reports of it."""
        if not self.case.remembers:
            return RememberedBatch(1, 1, name=self.case.declared.name)
        silent = tuple(outcome_path(BATCH_ID, member) for member in self.members)
        places = {member_hash(member): 0 for member in self.members}
        index: dict[str, Mapping[str, int]] = {index_path(BATCH_ID, 1, 1, self.members[0]): places}
        return RememberedBatch(1, 1, silent, 0, 1, index, self.case.declared.name)

    def _sweep(self, ports: ReplayPorts) -> None:
        """Look at the batch as the sweep does, and let the function of batches take the message that it may send."""
        ctx = self._context(ports)
        tend(ctx, Sweep())
        advance(ctx, BATCH_ID)

    def _context(self, ports: ReplayPorts) -> Context:
        endpoints = {name: f"http://{name}" for name in self.policy.services}
        return Context(self.policy, self._names, ports, endpoints, _silent, "exhaustive")


def explore_batch(case: BatchCase, makers: Mapping[str, Callable[[], StateStore]]) -> tuple[Explored, VisitedStates]:
    """Go through the case on stores of several kinds at once; what is wrong stands in ``violations``."""
    stand, library = BatchStand(case), VisitedStates({name: make() for name, make in makers.items()})
    machines = [Machine(stand.policy, handler, NOBODY) for handler in stand.handlers]
    before = library.store_state(stand.documents(next(iter(makers.values()))()))
    explorer = Explorer(library, machines, _shared, ClaimWatcher(stand), stand.times)
    explored = explorer.explore(before, case.crashes)
    for final, trail in explored.finals.items():
        for name, make in makers.items():
            ended = stand.carry_on(make(), final, library.documents(final.store_state))
            explored.violations += [
                f"{name}: {wrong}, after: {'; '.join(trail)}" for wrong in judged(stand, final, *ended)
            ]
    return explored, library


def _shared(ask: Ask) -> bool:
    """Shared are the batch, its outcomes, alerts and what is sent; pages and index are only read once it is open, and
    of skipped or failed members there are none whoever counts them."""
    if ask.what == "query":
        return not any(word in ("skipped", "failed") for _, word in ask.arguments[1])
    if ask.what != "get":
        return True
    return not all("/batch_pages/" in path or "/batch_index/" in path for path in ask.arguments)


class ClaimWatcher:
    """Two claims alive, an end published by who holds none or before its step is proven, seen at the step itself."""

    def __init__(self, stand: BatchStand) -> None:
        self._names = [handler.name for handler in stand.handlers]
        self._tokens = {token_of(name, 0)[:OWN_DIGITS]: name for name in self._names}
        self._end, self._path = stand.case.declared.publish, batch_path(BATCH_ID)

    def __call__(
        self, library: VisitedStates, who: int, ask: Ask, before: StoreState, after: StoreState, now: datetime
    ) -> str | None:
        first, then = self._batch(library, before), self._batch(library, after)
        name = self._names[who]
        if ask.what == "publish" and ask.arguments[0] == self._end:
            return self._publishing_violation(name, first, now)
        if first["owner"] and then["owner"] not in ("", first["owner"]) and now < first["lease_until"]:
            return f"two claims alive: {self._holder(then)} beside {self._holder(first)}"
        if first["closing"] is not None and first["generation"] == then["generation"]:
            return None if then["closing"] == first["closing"] else f"{name} changes what it came to"
        return None

    def _publishing_violation(self, name: str, batch: Mapping[str, Any], now: datetime) -> str | None:
        if batch["closing"] is None or not all(step["proof"] for step in batch["steps"]) or not batch["steps"]:
            return f"{name} publishes before the close is proven"
        if batch["state"] == BatchState.PUBLISHED and now == NOON:
            return f"{name} publishes what is published"
        mine = self._holder(batch) == name
        return None if mine or now > NOON else f"{name} publishes under the claim of {self._holder(batch)}"

    def _holder(self, batch: Mapping[str, Any]) -> str:
        return self._tokens.get(str(batch["owner"])[:OWN_DIGITS], "nobody here")

    def _batch(self, library: VisitedStates, state: StoreState) -> Mapping[str, Any]:
        return library.books[dict(state)[self._path]].data


def judged(
    stand: BatchStand, final: Final, left: Mapping[str, int], batch: Batch, outcomes: Mapping[str, Outcome], notes: int
) -> Iterator[str]:
    """Yield what is wrong once all is quiet: every report kept, one end that says what it came to, twice only by death
    or delay, and every outcome that it lacks told as late."""
    if set(outcomes) != set(stand.members):
        yield f"reports were lost: kept are {sorted(outcomes)}"
    if batch.state is not BatchState.PUBLISHED or batch.closing is None:
        yield f"it is {batch.state.value} in the end"
        return
    most = 1 + final.crashed + stand.case.jump
    ends = left.get(f"topic {BATCH_ID}", 0)
    if not 1 <= ends <= most:
        yield f"the end was published {ends} times"
    if not 1 <= left.get(f"call {BATCH_ID}", 0) <= most:
        yield f"the close step was made {left.get(f'call {BATCH_ID}', 0)} times"
    closing = batch.closing
    if closing.done + closing.silent != len(stand.members) or closing.missing_count != closing.silent:
        yield f"its numbers do not add up: {closing}"
    if not stand.case.deadline and closing.silent:
        yield f"it was closed with {closing.silent} silent before its time"
    if notes != closing.silent:
        yield f"{closing.silent} were missing and reported, {notes} of them were told as late"


def _delivery(phase: str, body: Mapping[str, Any], at: datetime, message_id: str = "start") -> Delivery:
    return Delivery(message_id, phase, json.dumps(body).encode(), at, at)


def _silent(event: str, /, severity: str = "INFO", **keys: object) -> None:
    """Nothing is logged while everything is explored."""
