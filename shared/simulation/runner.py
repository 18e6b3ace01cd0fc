"""Plays a scenario: its events, the deliveries and the sweeps, in virtual time, through the product's entry points."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from shared.adapters.local.memory import MemoryStore
from shared.ports import StateStore
from shared.simulation.batches.events import BatchReport
from shared.simulation.chance import OwnChance, fixed_chance
from shared.simulation.event_queue import EventQueue, Rank
from shared.simulation.expectations import BatchExpected, RunExpected, WorkflowExpected
from shared.simulation.fakes.clock import Actor, Crash, VirtualClock
from shared.simulation.history import Exit, FunctionResponse, History
from shared.simulation.observer import Observer
from shared.simulation.product import DeployedProduct, Product, Reply
from shared.simulation.recurrence import LastSweep, back_off, sweep_needed, sweep_times, tick_times
from shared.simulation.scenario import (
    Change,
    Complete,
    Concurrently,
    ControllerSwitch,
    DeliverRaw,
    Fault,
    Happening,
    Operator,
    Redeliver,
    Request,
    Scenario,
)
from shared.simulation.scenario import Crash as CrashEvent
from shared.simulation.workflows.process import Process
from shared.simulation.world import Envelope, World

SWEEP = Request("self_heal", "POST", "/", {}, {})
TICK = Request("workflow_controller", "POST", "/", {}, {})


def play(
    scenario: Scenario,
    product: Product | None = None,
    store: StateStore | None = None,
    keep: Callable[[World], None] | None = None,
) -> History:
    """Play a scenario from start to end and return all that happened; the same scenario gives the same history.

    ``keep`` is given the world as it is at the end.
    """
    with fixed_chance(scenario.seed or 0):
        runner = Runner(scenario, product or DeployedProduct(), store or MemoryStore())
        history = runner.run()
    if keep is not None:
        keep(runner.world)
    return history


def play_together(
    scenarios: Sequence[Scenario],
    product: Product | None = None,
    store: StateStore | None = None,
    keep: Callable[[World], None] | None = None,
) -> list[History]:
    """Play scenarios of several pipelines in one deployment, on one store and by one clock; return what happened in
    each. All of them begin and end at once; ``keep`` is given the world of each as it is at the end."""
    agenda, clock = EventQueue(), VirtualClock(scenarios[0].start, scenarios[0].seed or 0)
    product, store = product or DeployedProduct(), store or MemoryStore()
    with fixed_chance(scenarios[0].seed or 0):
        runners = [
            Runner(scenario, product, store, (OwnChance(agenda, clock, scenario.seed or 0), clock))
            for scenario in scenarios
        ]
        histories = run(runners)
    if keep is not None:
        for runner in runners:
            keep(runner.world)
    return histories


def run(runners: Sequence[Runner]) -> list[History]:
    """Let the runners of one agenda play to their end."""
    first = runners[0]
    for runner in runners:
        runner.meet(runners)
        runner.plan()
    with first.product.installed(*(runner.context for runner in runners)):
        for at, action in first.agenda.until(first.scenario.end):
            first.world.clock.instant = at
            action()
            for runner in runners:
                runner.observer.tell_decisions()
        first.world.clock.instant = first.scenario.end
        return [runner.ended() for runner in runners]


class Runner:
    """One play of one scenario."""

    def __init__(
        self,
        scenario: Scenario,
        product: Product,
        store: StateStore,
        shared: tuple[EventQueue, VirtualClock] | None = None,
    ) -> None:
        self.scenario, self.product = scenario, product
        self.agenda, clock = (EventQueue(), None) if shared is None else shared
        self.world = World(scenario, store, self._deliver_later, clock)
        self.history = self.world.history
        self.observer = Observer(self.world, product)
        self.context = self.world.context()
        self._sweep_request = SWEEP
        self._waited_for: list[World] = []
        self._named: dict[str, Envelope] = {}
        self._last_sweep: LastSweep | None = None
        self._controller_up = self._ticks = True
        self._calls: list[Request] = []
        self._processes: list[Process] = []
        self.world.step_sent, self.world.advance = self._run_step_later, self._advance

    def run(self) -> History:
        return run([self])[0]

    def meet(self, runners: Sequence[Runner]) -> None:
        """Know who else is played: each sweep is asked for by name, and what another changes may end a wait for it."""
        if len(runners) == 1:
            return
        pipeline = self.scenario.policy.pipeline
        self.world.stage.common = runners[0].world.stage.common
        # One controller serves all of them: its tick is the first one's that has workflows.
        self._ticks = next((runner for runner in runners if runner.scenario.workflows is not None), self) is self
        self._sweep_request = replace(SWEEP, body={"pipeline": pipeline})
        expects = [
            expectation
            for transition in self.scenario.policy.transitions.values()
            for expectation in transition.expects.values()
        ]
        after_runs = (expectation.after_run for expectation in expects)
        names = {after_run.pipeline for after_run in after_runs if after_run is not None} - {pipeline}
        self._waited_for = [other.world for other in runners if other.scenario.policy.pipeline in names]

    def plan(self) -> None:
        """Put down what is to happen."""
        for event in self.scenario.events:
            self.agenda.put(event.at, Rank.EVENT, partial(self._happen, event.happening))
        for at in sweep_times(self.scenario.start, self.scenario.end):
            self.agenda.put(at, Rank.SWEEP, self._sweep)
        for at in tick_times(self.scenario):
            self.agenda.put(at, Rank.CONTROLLER, self._tick)
        for expected in self.scenario.expect:
            if isinstance(expected.meaning, RunExpected):
                look = partial(self.observer.look, expected.index, expected.meaning)
                self.agenda.put(expected.meaning.at, Rank.LOOK, look)
            elif isinstance(expected.meaning, WorkflowExpected):
                see = partial(self.observer.look_at_workflow, expected.index, expected.meaning)
                self.agenda.put(expected.meaning.at, Rank.LOOK, see)
            elif isinstance(expected.meaning, BatchExpected):
                look = partial(self.observer.look_at_batch, expected.index, expected.meaning)
                self.agenda.put(expected.meaning.at, Rank.LOOK, look)

    def ended(self) -> History:
        """Look once more, and return all that happened."""
        self.observer.look_at_the_end(self.scenario.expect)
        for process in self._processes:
            process.abandon()
        self.history.timeline.sort(key=lambda entry: entry.at)
        return self.history

    def _happen(self, happening: Happening) -> None:
        match happening:
            case Complete() | DeliverRaw() | Redeliver() | BatchReport():
                for envelope in self._envelopes(happening):
                    self._deliver(envelope)
            case Concurrently():
                self._deliver_at_once([e for entry in happening.entries for e in self._envelopes(entry)])
            case Change():
                self.world.change(happening)
                self._note("world", _change_text(happening))
            case Fault():
                self._fail(happening)
            case CrashEvent():
                self.world.stage.arm(happening.point, anybody=happening.anybody)
                self._note("crash", f"the next handler to reach {happening.point.value} will die there")
            case Request():
                self._request(happening)
            case Operator():
                self._operate(happening)
            case ControllerSwitch():
                self._controller_up = happening.up
                self._note("world", f"the controller is {'up' if happening.up else 'down'}")

    def _envelopes(self, happening: Complete | DeliverRaw | Redeliver | BatchReport) -> list[Envelope]:
        now = self.world.clock.now()
        match happening:
            case Complete():
                data = json.dumps(happening.body, ensure_ascii=False).encode()
                envelope = self.world.envelope(happening.phase, data, happening.published)
                if happening.name is not None:
                    self._named[happening.name] = envelope
                return [envelope]
            case DeliverRaw():
                raw = happening.data.encode()
                if happening.topic:
                    return self._name(happening.name, self.world.topic_envelope(happening.topic, raw, now))
                return self._name(happening.name, self.world.envelope(happening.phase, raw, now, happening.attributes))
            case BatchReport():
                return self._name(happening.name, self._report(happening, now))
            case Redeliver():
                return [self._named[name] for name in happening.names]

    def _name(self, name: str | None, envelope: Envelope) -> list[Envelope]:
        if name is not None:
            self._named[name] = envelope
        return [envelope]

    def _report(self, report: BatchReport, now: datetime) -> Envelope:
        """Return a report by hand, of a batch id or of the newest batch of a name."""
        batches = self.scenario.policy.batches
        batch_id = self.observer.newest_batch(report.batch) if report.batch in batches else report.batch
        declared = batches.get(report.batch) or self.world.batches.declared(batch_id)
        return self.world.topic_envelope(
            declared.reports.topic, self.world.batches.body(declared, batch_id, report), now
        )

    def _deliver_later(self, at: datetime, envelope: Envelope) -> None:
        self.agenda.put(at, Rank.DELIVERY, lambda: self._deliver(envelope))

    def _deliver(self, envelope: Envelope, delivery: int = 1) -> None:
        if not (envelope.phase or envelope.topic):
            self._run_step(envelope, delivery)
            return
        actor = self._receive(envelope, delivery)
        with self._acting(actor):
            done = self._run_actor(actor, lambda: self.product.deliver(self.scenario.policy, envelope))
        if not done:
            self._deliver_again(envelope, delivery)

    def _run_step_later(self, at: datetime, envelope: Envelope, delivery: int = 1) -> None:
        self.agenda.put(at, Rank.DELIVERY, lambda: self._run_step(envelope, delivery))

    def _run_step(self, envelope: Envelope, delivery: int) -> None:
        """Begin a handler of a workflow's step: it works while the world goes on."""
        again = f", delivery {delivery}" if delivery > 1 else ""
        self._note("step", f"message {envelope.message_id}{again}: {envelope.data.decode(errors='replace')}")
        actor = Actor(f"executor of message {envelope.message_id}", self.world.clock.now())
        done: list[bool] = []
        deliver = partial(self.product.run_step, self.scenario.policy, envelope)
        process = Process(self.world.clock, actor, lambda: done.append(self._run_actor(actor, deliver)))
        self._processes.append(process)
        self._resume(process, envelope, delivery, done)

    def _resume(self, process: Process, envelope: Envelope, delivery: int, done: list[bool]) -> None:
        process.resume()
        self.world.mutations += 1
        if process.wakes_at is not None:
            on = partial(self._resume, process, envelope, delivery, done)
            self.agenda.put(process.wakes_at, Rank.DELIVERY, on)
            return
        self._processes.remove(process)
        if not all(done) or not done:
            self._run_step_later(self.world.clock.instant + back_off(delivery), envelope, delivery + 1)

    def _advance(self, length: timedelta) -> None:
        """Let time pass for who waits: a step's handler for everybody, any other for itself alone."""
        current = next((process for process in self._processes if process.is_current), None)
        if current is None:
            self.world.clock.sleep(length)
        else:
            current.wait(length)

    def _deliver_at_once(self, envelopes: list[Envelope]) -> None:
        actors = [self._receive(envelope, 1) for envelope in envelopes]
        done = [False] * len(envelopes)

        def task(index: int) -> Callable[[], None]:
            def handle() -> None:
                deliver = self.product.deliver
                done[index] = self._run_actor(actors[index], lambda: deliver(self.scenario.policy, envelopes[index]))

            return handle

        self.world.baton.run([(actor, task(index)) for index, actor in enumerate(actors)])
        for index, envelope in enumerate(envelopes):
            if not done[index]:
                self._deliver_again(envelope, 1)

    def _receive(self, envelope: Envelope, delivery: int) -> Actor:
        self.world.rows_follow(envelope)
        again = f", delivery {delivery}" if delivery > 1 else ""
        data = envelope.data.decode(errors="replace")
        self._note("completion", f"{envelope.phase or envelope.topic} message {envelope.message_id}{again}: {data}")
        return Actor(f"handler of message {envelope.message_id}", self.world.clock.now())

    def _deliver_again(self, envelope: Envelope, delivery: int) -> None:
        at = self.world.clock.instant + back_off(delivery)
        self.agenda.put(at, Rank.DELIVERY, lambda: self._deliver(envelope, delivery + 1))

    def _fail(self, fault: Fault) -> None:
        self.world.stage.fail(fault.port, fault.kind, fault.lasts)
        self.world.mutations += 1
        self.agenda.put(self.world.clock.now() + fault.lasts, Rank.EVENT, self._recover)
        self._note("fault", f"{fault.port} {fault.kind.value} for {fault.lasts}")

    def _recover(self) -> None:
        self.world.mutations += 1

    def _sweep(self) -> None:
        mutations = self._mutations()
        if not sweep_needed(mutations, self._last_sweep, self.world.clock.now()):
            return
        self._last_sweep = None
        reply = self._ask(self._sweep_request, "sweep")
        if reply is not None and reply.status < 500:
            self._last_sweep = LastSweep(mutations, self._next_sweep_at())
        if reply is None or reply.status != 200:
            self._note("sweep", "died" if reply is None else f"answers {reply.status}: {reply.body[:500]}")

    def _mutations(self) -> int:
        """Count what has changed that a sweep of this pipeline looks at: its own world, and runs that it waits for."""
        return self.world.mutations + sum(world.mutations for world in self._waited_for)

    def _next_sweep_at(self) -> datetime | None:
        if self._sweep_request is SWEEP:
            return self.product.next_sweep_at(self.world.observer())
        with self.product.installed(self.context):
            return self.product.next_sweep_at(self.world.observer())

    def _catch_up(self) -> None:
        """Sweep, even if nothing comes of it: a service asked now may look for traces of the skipped minutes."""
        self._last_sweep = None
        self._sweep()

    def _tick(self) -> None:
        if self._controller_up and self._ticks:
            self._call_controller(TICK)

    def _call_controller(self, request: Request) -> None:
        """Call the controller once this instant's calls are known: all of one instant work at once."""
        self._calls.append(request)
        if len(self._calls) == 1:
            self.agenda.put(self.world.clock.instant, Rank.CONTROLLER, self._control)

    def _control(self) -> None:
        requests, self._calls = self._calls, []
        now = self.world.clock.now()
        actors = [Actor(f"controller {number}", now) for number in range(1, len(requests) + 1)]
        replies: list[Reply | None] = [None] * len(requests)

        def handle(index: int) -> None:
            def ask() -> None:
                replies[index] = self.product.request(requests[index])

            if not self._run_actor(actors[index], ask):
                replies[index] = None

        # What a tick writes counts by itself; one that writes nothing leaves a sweep nothing new.
        self.world.mutations += any(request is not TICK for request in requests)
        if len(actors) == 1:
            with self._acting(actors[0]):
                handle(0)
        else:
            self.world.baton.run([(actor, partial(handle, index)) for index, actor in enumerate(actors)])
        for request, reply in zip(requests, replies, strict=True):
            answered = reply or Reply(500, "Internal Server Error")
            if request is not TICK:
                self.history.answers.append(FunctionResponse(now, request.function, answered.status, answered.body))
            if request is not TICK or answered.status != 200:
                self._note("controller", f"answers {answered.status}: {answered.body[:300]}")

    def _request(self, request: Request) -> None:
        if request.function == TICK.function:
            self._call_controller(request)
            return
        if request.function != SWEEP.function:
            self._catch_up()
        self.world.mutations += 1
        reply = self._ask(request, f"{request.function} request") or Reply(500, "Internal Server Error")
        at = self.world.clock.now()
        self.history.answers.append(FunctionResponse(at, request.function, reply.status, reply.body))
        self._note("request", f"{request.method} {request.function}{request.path} answers {reply.status}")

    def _ask(self, request: Request, name: str) -> Reply | None:
        """Return the answer of a function, None if its process died or it raised."""
        replies: list[Reply] = []
        actor = Actor(name, self.world.clock.now())
        with self._acting(actor):
            done = self._run_actor(actor, lambda: replies.append(self.product.request(request)))
        return replies[0] if done else None

    def _operate(self, operator: Operator) -> None:
        ended: list[tuple[int, str]] = []
        actor = Actor("operator", self.world.clock.now())
        context = self.context
        with self._acting(actor):
            done = self._run_actor(actor, lambda: ended.append(self.product.operate(operator.argv, context)))
        status, output = ended[0] if done else (1, "the command raised an error")
        self.history.exits.append(Exit(self.world.clock.now(), status, output))
        self._note("operator", f"orch {' '.join(operator.argv)}: exit {status}: {output}")

    @contextmanager
    def _acting(self, actor: Actor) -> Iterator[None]:
        self.world.clock.actor = actor
        try:
            yield
        finally:
            self.world.clock.actor = None

    def _run_actor(self, actor: Actor, action: Callable[[], None]) -> bool:
        """Let a handler work; say whether it ended well. One doomed and still alive dies as it ends."""
        try:
            action()
            self.world.stage.before_write()
        except Crash:
            return False
        except Exception as error:  # noqa: BLE001 - any error of a handler is a failed delivery
            self.history.raised[f"{type(error).__name__}: {error}"] += 1
            self._note("raised", f"{actor.name}: {type(error).__name__}: {error}")
            return False
        return not actor.dead

    def _note(self, kind: str, text: str) -> None:
        self.history.note(self.world.clock.now(), kind, text)


def _change_text(change: Change) -> str:
    parts = {name: value for name, value in vars(change).items() if value}
    return ", ".join(f"{name} {_words(value)}" for name, value in parts.items())


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_words(item)}" for name, item in value.items())
    return str(value)
