"""Puts a night together: its state, its world, its functions in their processes and the messages between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from shared.adapters.google.firestore.store import FirestoreStore
from shared.adapters.local.accelerated_clock import FileClock
from shared.adapters.local.bus import LocalBus
from shared.adapters.local.sqlite import SqliteStore
from shared.core.policy.policy import Policy
from shared.ports import StateStore
from shared.simulation.demo.bus_wiring import BusWiring, EmulatorBusWiring, LocalBusWiring
from shared.simulation.demo.fixtures import Fixtures
from shared.simulation.demo.nights import Night, days_of
from shared.simulation.demo.observer import StateObserver
from shared.simulation.demo.play import SWEEPER, Coming, Processes
from shared.simulation.demo.screen import Screen
from shared.simulation.demo.servers import ROOT, served
from shared.simulation.demo.services import ServiceEndpoints, open_to_calls, service_url
from shared.simulation.demo.speed import Speed
from shared.simulation.demo.workspace import Workspace
from shared.simulation.kept import EMBEDDED
from shared.simulation.scenario import Scenario
from shared.simulation.world import World

_HERE = "127.0.0.1,localhost"


@dataclass(frozen=True)
class Ground:
    """What every night uses. ``emulators`` holds their variables, nothing where everything is embedded;
    ``inherited`` is the environment of this process."""

    home: Workspace
    speed: float
    inherited: Mapping[str, str]
    emulators: Mapping[str, str]

    def project(self, night: Night) -> str:
        """Return the project of a night: another one for each, so that none sees what another left."""
        return f"demo-{night.name}"

    def store(self, night: Night) -> StateStore:
        return FirestoreStore(self.project(night)) if self.emulators else SqliteStore(self.home.state)

    def variables(self, night: Night, policy: Policy, world: str) -> dict[str, str]:
        """Return the environment of a night's functions."""
        kept = {name: value for name, value in self.inherited.items() if not name.startswith("ORCH_")}
        ours = (
            EMBEDDED
            | {"ORCH_POLICY": policy.source}
            | {"ORCH_HOME": str(self.home.night), "ORCH_CLOCK": f"@{self.home.clock}"}
        )
        if self.emulators:
            ours |= {"ORCH_STATE": "firestore", "ORCH_BUS": "pubsub", "GOOGLE_CLOUD_PROJECT": self.project(night)}
        urls = {service.url_env: service_url(world, service.name) for service in policy.services.values()}
        # Nothing of a demo leaves the machine, whatever proxy there is.
        local = {"PYTHONPATH": str(ROOT), "NO_PROXY": _HERE, "no_proxy": _HERE}
        return {**kept, **ours, **self.emulators, **urls, **local}


@contextmanager
def start_processes(ground: Ground, night: Night, scenario: Scenario, screen: Screen) -> Iterator[Processes]:
    """Set a night up for the length of a ``with`` block; its state is kept when it ends, however it ends."""
    home, policy = ground.home, scenario.policy
    home.fresh()
    clock = FileClock(home.clock)
    clock.set(scenario.start, 0)
    store, coming = ground.store(night), Coming()
    world = World(scenario, store, lambda at, envelope: coming.put((at, envelope)))
    stage = ServiceEndpoints(world, clock)
    tables = Fixtures(home.warehouse, policy, days_of(scenario))
    tables.follow(world.facts)
    functions = [*policy.listeners, SWEEPER]
    try:
        with (
            open_to_calls(stage) as base,
            served(functions, ground.variables(night, policy, base), home.logs(night)) as servers,
        ):
            urls = {name: server.url for name, server in servers.items()}
            watch = StateObserver(stage, store)
            wire: BusWiring
            if ground.emulators:
                wire = EmulatorBusWiring(ground.project(night), policy, urls, base, store, watch.busy)
            else:
                wire = LocalBusWiring(LocalBus(home.bus, clock), policy, urls, base)
            yield Processes(
                night=night,
                scenario=scenario,
                stage=stage,
                coming=coming,
                servers=servers,
                wire=wire,
                tables=tables,
                watch=watch,
                pace=Speed(clock, ground.speed),
                screen=screen,
            )
    finally:
        home.keep(store, f"{policy.pipeline}_orchestration")
        if isinstance(store, SqliteStore):
            store.close()
