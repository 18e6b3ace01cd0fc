"""Plays a night and the day after over the emulators, with the functions and the stand-ins each in its own process.

Completions come in the services' own dialect by Pub/Sub, calls leave by HTTP, exports are files. Only schedulers are
played: those of the services and the sweep's.

What is scaled: the clock is put forward as soon as nothing is left to do. The sweep is called every five minutes, and
every half hour while nobody speaks, not every minute: nothing of this day falls due between. What a caller waits for is
shortened (tests/services/work.py): a phase 4 that answers at its end, after nine minutes, has a caller that waits
twenty seconds of its own time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.console import Console

from shared.adapters.clock import SystemClock
from shared.adapters.google.firestore.store import FirestoreStore
from shared.adapters.http import RequestsHttp
from shared.adapters.local.accelerated_clock import FileClock
from shared.core.errors import Unavailable
from shared.core.model import RunKey, State, TransitionState
from shared.core.policy.policy import Policy
from shared.core.texts import amount
from shared.ports import StateStore
from shared.simulation.demo.bus_wiring import function_by_topic, subscribe
from shared.simulation.demo.day import DAY, GAMES, PREDICTED, policy_of_day, scheduled_calls, span
from shared.simulation.demo.figures import RUNS, Figure, figures, states
from shared.simulation.demo.fixtures import Fixtures
from shared.simulation.demo.night import NightLine, arrow
from shared.simulation.demo.play import SWEEPER
from shared.simulation.demo.processes import Ground
from shared.simulation.demo.relay import Pushed, Relay, open_relay
from shared.simulation.demo.screen import PlainScreen
from shared.simulation.demo.servers import Server, ServerFailed, complaints, served
from shared.simulation.demo.speed import Speed
from shared.simulation.demo.stand_ins import READERS, SERVICES, SharedFiles, StandIns, stand_ins
from shared.simulation.demo.summary import commands
from shared.simulation.scenario import Change
from shared.simulation.world_data import WorldData

SWEEP_EVERY, QUIET_EVERY = timedelta(minutes=5), timedelta(minutes=30)
_SWEEP_TIMEOUT = timedelta(seconds=60)
_AT_REST, _WITHIN = 0.2, 120.0
_POLL = timedelta(seconds=0.05)
_OURS = tuple(SERVICES.values())


@dataclass(frozen=True)
class ServicesNight:
    """Everything that plays."""

    policy: Policy
    store: StateStore
    pace: Speed
    relay: Relay
    functions: Mapping[str, Server]
    services: StandIns
    screen: PlainScreen


def play_with_services(ground: Ground, console: Console) -> int:
    """Play the day, print its figures, return the exit status."""
    began, policy = time.monotonic(), policy_of_day()
    screen = PlainScreen(console)
    with screen.night(DAY, policy, "with services"):
        try:
            with staged(ground, policy, screen) as stage:
                Day(stage).play()
                exports = ground.home.path / "exports"
                found = figures(policy, stage.store, exports, stage.relay.pushed)
        except ServerFailed as failed:
            console.print(f"\nnot played to its end: {failed}", style="bold red", markup=False, highlight=False)
            return 1
    logged = complaints(ground.home.logs(DAY))
    return _alert_text(console, found, logged, ground, policy, time.monotonic() - began)


@contextmanager
def staged(ground: Ground, policy: Policy, screen: PlainScreen) -> Iterator[ServicesNight]:
    """Start what plays, for the length of a ``with`` block; the state is kept when it ends."""
    home, project = ground.home, ground.project(DAY)
    home.fresh()
    clock, store = FileClock(home.clock), FirestoreStore(project)
    clock.set(span(policy)[0], 0)
    _fill_tables(home.warehouse, policy)
    variables = ground.variables(DAY, policy, "")
    place = SharedFiles(project, policy.source, home.clock, home.warehouse, home.path / "exports")
    with ExitStack() as stack:
        services = stack.enter_context(stand_ins(place, variables, home.logs(DAY)))
        # The scrapers of phase 1 have no stand-in here: the day begins with what they have published.
        at = {policy.services[name].url_env: services.servers[server].url for name, server in SERVICES.items()}
        listening = [*policy.listeners, SWEEPER]
        functions = stack.enter_context(served(listening, {**variables, **at}, home.logs(DAY)))
        everybody = {**functions, **services.servers}
        relay = Relay(clock, {name: server.url for name, server in everybody.items()})
        _subscribe(project, policy, stack.enter_context(open_relay(relay)))
        stack.callback(home.keep, store, f"{policy.pipeline}_orchestration")
        yield ServicesNight(policy, store, Speed(clock, ground.speed), relay, functions, services, screen)


def _fill_tables(warehouse: object, policy: Policy) -> None:
    table, day, rows = PREDICTED
    facts = WorldData(policy, span(policy)[0])
    facts.merge(Change(games=GAMES, rows={table: {day: rows}}))
    Fixtures(warehouse, policy, list(GAMES)).follow(facts)  # type: ignore[arg-type]


def _subscribe(project: str, policy: Policy, relay: str) -> None:
    """Make the push subscriptions: of the functions, as deployed, and of the services themselves."""
    for topic, function in function_by_topic(policy).items():
        subscribe(
            project, topic, f"{function}--{topic}", f"{relay}/{function}/{topic}/projects/{project}/topics/{topic}"
        )
    for topic, (name, path) in READERS.items():
        subscribe(project, topic, f"{name}--{topic}", f"{relay}/{name}/{topic}/{path}")


class Day:
    """One play of the day."""

    def __init__(self, stage: ServicesNight) -> None:
        self._stage = stage
        self._http = RequestsHttp(identity_tokens=False, clock=SystemClock())
        self._seen: dict[tuple[RunKey, str], tuple[State, int]] = {}
        self._pushed = 0

    def play(self) -> None:
        """Play from start to end; raises ``ServerFailed`` if somebody does not do their part."""
        stage = self._stage
        begins, ends = span(stage.policy)
        waiting = list(scheduled_calls(stage.policy))
        sweep = begins
        stage.pace.go()
        while (now := stage.pace.clock.now()) < ends:
            _, wakes = stage.services.work()
            at = min(one for one in (waiting[0].at if waiting else None, sweep, wakes, ends) if one is not None)
            stage.pace.forward(at)
            while waiting and waiting[0].at <= at:
                ask = waiting.pop(0)
                self._say("load", ask.text)
                stage.services.call(ask.name, ask.path, ask.body)
            if sweep <= at:
                self._sweep()
                sweep = max(at, now) + (QUIET_EVERY if self._is_quiet(now) else SWEEP_EVERY)
            self._rest()
            self._show()

    def _is_quiet(self, now: datetime) -> bool:
        """Whether nobody has spoken for half an hour: what is late by then has been seen by a sweep."""
        pushed = self._stage.relay.pushed
        return bool(pushed) and now - pushed[-1].at > QUIET_EVERY

    def _sweep(self) -> None:
        server = self._stage.functions[SWEEPER]
        try:
            status = self._http.request("POST", server.url, {}, _SWEEP_TIMEOUT).status
        except Unavailable as error:
            raise ServerFailed(f"{SWEEPER} does not answer: {error.reason}; {server.tail()}") from error
        if not 200 <= status < 300:
            raise ServerFailed(f"{SWEEPER} answers {status}; {server.tail()}")

    def _rest(self) -> None:
        """Wait until every message has been taken in and nobody works but on what takes time of the night."""
        stage, end = self._stage, time.monotonic() + _WITHIN
        while time.monotonic() < end:
            quiet = stage.relay.quiet(set(stage.functions), _AT_REST)
            if quiet and stage.services.work()[0] == 0 and not self._claimed():
                return
            for server in (*stage.functions.values(), *stage.services.servers.values()):
                server.check()
            SystemClock().sleep(_POLL)
        raise ServerFailed(f"nothing came to rest within {_WITHIN:g} s; the logs are beside the exports")

    def _claimed(self) -> bool:
        """Whether a dispatch is under way: a call that has not been answered, a message that has not left."""
        return any(state.state is State.CLAIMED for _, _, state in self._states())

    def _states(self) -> Iterator[tuple[RunKey, str, TransitionState]]:
        for day, mode in RUNS:
            key = RunKey(self._stage.policy.pipeline, day, mode)
            for name, state in states(self._stage.policy, self._stage.store, key).items():
                yield key, name, state

    def _show(self) -> None:
        fresh = self._stage.relay.pushed[self._pushed :]
        self._pushed += len(fresh)
        for one in fresh:
            if one.to in self._stage.functions:
                self._print_line(NightLine(one.at, "report", _report(one)))
            elif one.topic not in self._stage.policy.topics:
                self._print_line(
                    NightLine(one.at, "trigger", f"{one.topic}: {one.body.get('target_date')}, taken by {one.to}")
                )
        for key, name, state in self._states():
            now = (state.state, state.generation)
            if self._seen.get((key, name), (State.WAITING, 0)) != now:
                reason = "" if state.plan is None else f" by {state.plan.reason}"
                self._say("decision", f"{key.day} {key.mode} {arrow(name)}: {state.state.value}{reason}")
            self._seen[key, name] = now

    def _say(self, kind: str, text: str) -> None:
        self._print_line(NightLine(self._stage.pace.clock.now(), kind, text))

    def _print_line(self, line: NightLine) -> None:
        self._stage.screen.print_line(line)


def _report(one: Pushed) -> str:
    body = one.body
    day = body.get("game_date") or body.get("target_date")
    count = body.get("record_count")
    records = "" if count is None else f", {count} records"
    return f"{day} {body.get('phase')} {body.get('processor_name')}: {body.get('status')}{records}"


def _alert_text(
    console: Console, found: list[Figure], logged: Mapping[str, int], ground: Ground, policy: Policy, took: float
) -> int:
    console.print()
    for one in found:
        word, style = ("ok    ", "green") if one.right else ("FAILED", "bold red")
        wanted = "" if one.right else f" (wanted: {one.wanted})"
        text = f"{word}  {one.what}: {one.seen}{wanted}"
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
    for what, count in logged.items():
        console.print(f"logged by {what}: {amount(count, 'time')}", markup=False, highlight=False, soft_wrap=True)
    env = ground.home.leave(DAY, policy, span(policy)[1])
    console.print("\nWhat is left can be asked, and what was exported lies beside it:\n", highlight=False)
    for line in (*commands([(DAY, env)], ground.home.path.parent), f"ls {ground.home.path / 'exports'}"):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    passed = all(one.right for one in found)
    verdict = "every figure as it must be" if passed else "not every figure as it must be"
    console.print(f"\none night and day played, {verdict} ({took:.0f} s)", style="bold", highlight=False)
    return 0 if passed else 1
