"""What a day is played with: functions and stand-ins in processes of their own, and the bus between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from pathlib import Path

from shared.adapters.local.accelerated_clock import FileClock
from shared.adapters.local.sqlite import SqliteStore
from shared.app.context import Context
from shared.core.policy.policy import Policy
from shared.core.workflows.model import Workflows
from shared.ports import StateStore
from shared.runtime import from_environment
from shared.simulation.demo.day import discovered
from shared.simulation.demo.day_bus import DayBus, EmbeddedBus, EmulatorBus
from shared.simulation.demo.fixtures import Fixtures
from shared.simulation.demo.nights import Night
from shared.simulation.demo.processes import Ground
from shared.simulation.demo.relay import open_relay
from shared.simulation.demo.screen import Screen
from shared.simulation.demo.servers import Server, served
from shared.simulation.demo.speed import Speed
from shared.simulation.demo.stand_ins import SharedFiles, StandIns, stand_ins
from shared.simulation.scenario import Change, GameCount
from shared.simulation.world_data import WorldData


@dataclass(frozen=True)
class Parts:
    """What a day is played with: its functions, the stand-ins by name, which function hears which topic, which games
    and rows there are.

    ``services`` maps a name of the policy to the stand-in that answers for it. With ``workflows`` the tables that
    discoveries ask are there as well; ``tip_offs`` are the UTC times at which the games of a date begin.
    """

    night: Night
    begins: datetime
    functions: Sequence[str]
    names: Sequence[str]
    hearing: Mapping[str, str]
    services: Mapping[str, str]
    games: Mapping[date, GameCount]
    rows: Mapping[str, Mapping[date, int]]
    workflows: Workflows | None = None
    tip_offs: Mapping[date, time] = field(default_factory=dict)


@dataclass(frozen=True)
class ServicesNight:
    """Everything that plays. ``context`` sees the state as a function does."""

    policy: Policy
    store: StateStore
    context: Context
    pace: Speed
    bus: DayBus
    functions: Mapping[str, Server]
    services: StandIns
    screen: Screen


@contextmanager
def staged(ground: Ground, parts: Parts, policy: Policy, screen: Screen) -> Iterator[ServicesNight]:
    """Start what plays, for the length of a ``with`` block; the state is kept when it ends."""
    home, night = ground.home, parts.night
    project = ground.project(night)
    home.fresh()
    clock, store = FileClock(home.clock), ground.store(night)
    clock.set(parts.begins, 0)
    _fill_tables(home.warehouse, policy, parts)
    variables = ground.variables(night, policy, "")
    bus = project if ground.emulators else str(home.bus)
    place = SharedFiles(bus, policy.source, home.clock, home.warehouse, home.path / "exports")
    with ExitStack() as stack:
        if isinstance(store, SqliteStore):
            stack.callback(store.close)
        services = stack.enter_context(stand_ins(place, variables, home.logs(night), parts.names))
        at = {policy.services[name].url_env: services.servers[server].url for name, server in parts.services.items()}
        functions = stack.enter_context(served(parts.functions, {**variables, **at}, home.logs(night)))
        targets = {name: server.url for name, server in {**functions, **services.servers}.items()}
        carrier: DayBus
        if ground.emulators:
            carrier = EmulatorBus(clock, targets, project, parts.hearing)
        else:
            carrier = EmbeddedBus(clock, targets, home.bus, parts.hearing)
        carrier.subscribe(stack.enter_context(open_relay(carrier.relay)))
        stack.callback(home.keep, store, f"{policy.pipeline}_orchestration")
        pace = Speed(clock, ground.speed)
        context = replace(from_environment({**variables, **at}), workflows=parts.workflows)
        yield ServicesNight(policy, store, context, pace, carrier, functions, services, screen)


def _fill_tables(warehouse: Path, policy: Policy, parts: Parts) -> None:
    facts = WorldData(policy, parts.begins)
    facts.merge(Change(games=parts.games, rows=parts.rows))
    beside = {} if parts.workflows is None else discovered(parts.workflows)
    Fixtures(warehouse, policy, list(parts.games), beside, parts.tip_offs).follow(facts)
