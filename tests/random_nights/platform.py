"""The platform of a night: instances with clocks of their own, the deployed entry points, processes that die."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from random import Random
from typing import Any

from flask import Request as HttpRequest
from werkzeug.test import EnvironBuilder

from shared import runtime
from shared.app.context import Context
from shared.app.pipelines import PARAMETER
from shared.core.errors import Unavailable
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.core.reporting.findings import Sweep
from shared.simulation.fakes.clock import Crash, VirtualClock
from shared.simulation.product import DeployedProduct
from shared.simulation.world import NEVER, WorldPorts
from tests.random_nights.case import CaseMessage, Night
from tests.random_nights.fault_injector import FaultInjector, Handler, Instance
from tests.random_nights.ports import (
    NightAlerts,
    NightBus,
    NightServices,
    NightStore,
    NightWarehouse,
    Truth,
)
from tests.random_nights.world import NightWorld

# A handler has about so many effects; a sweep has more.
FATAL = (0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 9, 12)
RECEIVERS, SWEEPERS = (-0.5, 0.5, 0.1), (0.4, -0.4)


class Platform:
    """Calls the product. Whatever it raises stays here, as with the real platform.

    ``neighbours`` are contexts of other pipelines that every instance serves beside its own; ``looks_at_all_every`` is
    how often a sweep reads what is not due too.
    """

    def __init__(self, policy: Policy, names: Names, night: Night, world: NightWorld, truth: Truth) -> None:
        self._policy, self._names, self._night, self._world = policy, names, night, world
        self.stage: FaultInjector = world.stage
        self.clock: VirtualClock = world.stage.clock
        self._chance = Random(f"platform/{night.seed}")
        warehouse = NightWarehouse(truth, self.stage, world)
        services = NightServices(policy, self.stage, world)
        self._endpoints = services.endpoints
        self._ports = WorldPorts(
            store=NightStore(world.inner, self.stage, world),
            warehouse=warehouse,
            audit=warehouse,
            bus=NightBus(self.stage, world),
            http=services,
            alerts=NightAlerts(self.stage, world),
            clock=self.clock,
        )
        skew = night.manner.skew
        self.looks_at_all_every = NEVER
        self.neighbours: Callable[[], tuple[Context, ...]] = tuple
        self._receivers = [self._instance(skew * part) for part in RECEIVERS]
        self.sweepers = [self._instance(skew * part) for part in SWEEPERS]
        self._started = 0

    def revise(self, policy: Policy, names: Names) -> None:
        """Replace every instance by one of another revision."""
        self._policy, self._names = policy, names
        for instance in (*self._receivers, *self.sweepers):
            instance.context = self._context()

    def receiver(self, letter: CaseMessage) -> Handler:
        """Return the handler of one delivery, on any of the instances."""
        return self._handler(f"message {letter.id}", self._chance.choice(self._receivers), letter=letter)

    def sweeper(self, number: int = 0) -> Handler:
        return self._handler("sweep", self.sweepers[number])

    def operator(self, argv: tuple[str, ...]) -> Handler:
        return self._handler(f"orch {argv[0]}", self._receivers[2], argv=argv)

    def deliver(self, handler: Handler) -> bool:
        """Hand a message to the function of its topic; say whether it was acknowledged."""
        letter = handler.letter
        assert letter is not None
        return self._run(handler, lambda: _product().deliver(self._policy, letter.envelope))

    def sweep(self, handler: Handler, body: Mapping[str, Any] | None = None) -> bool:
        """Call self-heal; say whether it looked at everything and nothing was refused to it."""
        instance = handler.instance
        assert instance is not None
        memory = instance.context.memory
        last, statuses = memory.last_sweep, list[int]()
        sent = {**(body or {}), PARAMETER: self._policy.pipeline} if self.neighbours() else body
        ended = self._run(handler, lambda: statuses.append(_self_heal()(_request(sent))[1]))
        done = memory.last_sweep
        whole = ended and not handler.failed and statuses[0] < 500 and done is not None and done is not last
        return whole and done is not None and not done.unseen and not _locked_out(done) and body is None

    def operate(self, handler: Handler) -> bool:
        """Type a command line; say whether it came to its end."""
        assert handler.instance is not None
        context = handler.instance.context
        return self._run(handler, lambda: self._typed(handler, context))

    def _typed(self, handler: Handler, context: Context) -> None:
        status, printed = _product().operate(handler.argv, context)
        self.stage.note("operator", f"orch {' '.join(handler.argv)}: exit {status}: {printed}")

    def run(self, handler: Handler, work: Callable[[Handler], bool]) -> bool:
        """Let one handler work alone; the world's time goes on to when it ends."""
        self.clock.actor = handler
        try:
            return work(handler)
        finally:
            self.clock.actor = None
            self.clock.instant += handler.waited

    def at_once(self, handlers: Sequence[Handler], work: Callable[[Handler], bool]) -> dict[Handler, bool]:
        """Let several work at once, another after every operation of a port."""
        done: dict[Handler, bool] = {}

        def task(handler: Handler) -> Callable[[], None]:
            def act() -> None:
                done[handler] = work(handler)

            return act

        for handler in handlers:
            handler.alone = False
            handler.heard = {key: len(run.heard) for key, run in self._world.trace.runs.items()}
        self.stage.baton.run([(handler, task(handler)) for handler in handlers])
        self.clock.instant += max(handler.waited for handler in handlers)
        return done

    def _run(self, handler: Handler, act: Callable[[], object]) -> bool:
        assert handler.instance is not None
        try:
            with runtime.override_context(handler.instance.context, *self.neighbours()):
                act()
        except Crash:
            handler.instance.context = self._context()
            return False
        except Unavailable as error:
            handler.failed = True
            self.stage.note("raised", f"{handler.name}: {error}")
            return False
        except Exception as error:  # noqa: BLE001 - any other error of a handler is a defect
            self._world.trace.wrong("no_handler_breaks", f"{handler.name}: {type(error).__name__}: {error}")
            return False
        return not handler.dead

    def _handler(
        self, name: str, instance: Instance, letter: CaseMessage | None = None, argv: tuple[str, ...] = ()
    ) -> Handler:
        self._started += 1
        handler = Handler(
            f"{name} #{self._started}", self.clock.instant + instance.skew, instance=instance, letter=letter, argv=argv
        )
        if self.clock.instant < self._night.calm and self._chance.random() < self._night.manner.crash:
            handler.dies_at = self._chance.choice(FATAL)
        return handler

    def _instance(self, skew: timedelta) -> Instance:
        return Instance(self._context(), skew)

    def _context(self) -> Context:
        ctx = Context(self._policy, self._names, self._ports, self._endpoints, self._log, "simulation")
        return replace(ctx, looks_at_all_every=self.looks_at_all_every, sweep_every=None)

    def look_at_all(self) -> None:
        """Let every sweep read all open runs, due or not."""
        self.looks_at_all_every = timedelta()
        for instance in (*self._receivers, *self.sweepers):
            instance.context = self._context()

    def _log(self, event: str, /, severity: str = "INFO", **keys: object) -> None:
        if self.stage.told and severity != "INFO":
            self.stage.note("log", f"{event} {' '.join(f'{name}={value}' for name, value in keys.items())}")


def _locked_out(done: Sweep) -> bool:
    return any(finding.what == "sweep" and finding.result == "skipped" for finding in done.findings)


@lru_cache(maxsize=1)
def _product() -> DeployedProduct:
    return DeployedProduct()


@lru_cache(maxsize=1)
def _self_heal() -> Callable[[HttpRequest], tuple[str, int, dict[str, str]]]:
    main: Callable[[HttpRequest], tuple[str, int, dict[str, str]]]
    main = importlib.import_module("functions.self_heal.main").main
    return main


@lru_cache(maxsize=1)
def _environ() -> Mapping[str, Any]:
    return EnvironBuilder(path="/", method="POST").get_environ()


def _request(body: Mapping[str, Any] | None) -> HttpRequest:
    if body is None:
        return HttpRequest(dict(_environ()))
    return HttpRequest(EnvironBuilder(path="/", method="POST", data=json.dumps(body)).get_environ())
