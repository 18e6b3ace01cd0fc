"""Plays one night: the events of its scenario, a sweep a minute, and everything that follows from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue

from shared.adapters.clock import SystemClock
from shared.adapters.http import RequestsHttp
from shared.core.errors import Unavailable
from shared.core.texts import amount
from shared.simulation.demo.bus_wiring import BusWiring, PushFailed, push_by_hand
from shared.simulation.demo.fixtures import Fixtures
from shared.simulation.demo.night import NightLine, NightView, countdown
from shared.simulation.demo.nights import Night
from shared.simulation.demo.observer import StateObserver
from shared.simulation.demo.screen import Screen
from shared.simulation.demo.servers import Server, ServerFailed
from shared.simulation.demo.services import ServiceEndpoints
from shared.simulation.demo.speed import MINUTE, QUIET_STEP, Speed, Sweeps
from shared.simulation.event_queue import EventQueue, Rank
from shared.simulation.expectations import RunExpected
from shared.simulation.observer import Observer
from shared.simulation.product import DeployedProduct
from shared.simulation.scenario import Change, Complete, GameCount, Happening, Redeliver, Scenario
from shared.simulation.world import Envelope

SWEEPER = "self_heal"
_SWEEP_TIMEOUT = timedelta(seconds=60)
_REMEMBERED = 60
_TIMES = ("tier_", "deadline", "due_")

Coming = SimpleQueue[tuple[datetime, Envelope]]


@dataclass(frozen=True)
class Processes:
    """Who plays a night. ``coming`` holds the reports that the world makes by itself."""

    night: Night
    scenario: Scenario
    stage: ServiceEndpoints
    coming: Coming
    servers: Mapping[str, Server]
    wire: BusWiring
    tables: Fixtures
    watch: StateObserver
    pace: Speed
    screen: Screen


class Driver:
    """One play of one night."""

    def __init__(self, cast: Processes) -> None:
        self._cast, self._agenda = cast, EventQueue()
        self._named: dict[str, tuple[str, Envelope]] = {}
        self._lines: list[NightLine] = []
        self._http = RequestsHttp(identity_tokens=False, clock=SystemClock())
        events = cast.scenario.events
        self._sweeps = Sweeps([event.at for event in events if isinstance(event.happening, Complete | Redeliver)])
        self._quiet, self._swept, self._reported = False, 0, 0

    def play(self) -> None:
        """Play from start to end; raises ``ServerFailed`` if a function does not do its part."""
        cast = self._cast
        self._warm()
        for event in cast.scenario.events:
            self._agenda.put(event.at, Rank.EVENT, partial(self._happen, event.happening))
        for expected in cast.scenario.expect:
            if isinstance(expected.meaning, RunExpected):
                self._agenda.put(expected.meaning.at, Rank.LOOK, partial(self._look, expected.index, expected.meaning))
        self._agenda.put(cast.scenario.start, Rank.SWEEP, self._sweep)
        cast.pace.go()
        for at, action in self._agenda.until(cast.scenario.end):
            cast.pace.forward(at)
            action()
            self._wait_until_quiet()
            self._show()
        with cast.stage.world() as world:
            Observer(world, DeployedProduct()).look_at_the_end(cast.scenario.expect)

    def _warm(self) -> None:
        """Send every function an empty probe, which it acknowledges: from then on it has read its policy."""
        nothing = Envelope("probe", "", b"", self._cast.scenario.start, {})
        for name, server in self._cast.servers.items():
            if name != SWEEPER:
                self._accepted(name, partial(push_by_hand, server.url, "probe", "probe", nothing))

    def _happen(self, happening: Happening) -> None:
        match happening:
            case Complete(phase, body, published, name):
                with self._cast.stage.world() as world:
                    envelope = world.envelope(phase, json.dumps(body, ensure_ascii=False).encode(), published)
                    world.rows_follow(envelope)
                    self._cast.tables.follow(world.facts)
                ident = self._publish(envelope)
                if name is not None:
                    self._named[name] = (ident, envelope)
            case Redeliver(names):
                for name in names:
                    self._deliver_again(*self._named[name])
            case Change():
                with self._cast.stage.world() as world:
                    world.change(happening)
                    self._cast.tables.follow(world.facts)
                text = _changed(happening)
                if text:  # readings are not told: the gates' SQL reads them from the tables
                    self._say("world", text)

    def _publish(self, envelope: Envelope) -> str:
        self._say("report", _envelope_text(envelope))
        self._reported += 1
        return self._cast.wire.publish(envelope)

    def _report(self, envelope: Envelope) -> None:
        self._publish(envelope)

    def _deliver_again(self, ident: str, envelope: Envelope) -> None:
        policy = self._cast.scenario.policy
        function = policy.listener(envelope.phase)
        if function is None:
            return
        self._say("again", f"{_envelope_text(envelope)}: the same message once more")
        url, topic = self._cast.servers[function].url, policy.phases[envelope.phase].completions_topic
        self._accepted(function, lambda: push_by_hand(url, topic, ident, envelope))

    def _sweep(self) -> None:
        server, now = self._cast.servers[SWEEPER], self._cast.pace.clock.now()
        answer = self._accepted(SWEEPER, lambda: self._http.request("POST", server.url, {}, _SWEEP_TIMEOUT).status)
        self._swept += 1
        if answer == "207":
            self._say("sweep", "some of its actions failed; its log says which")
        explanations = [transition for run in self._cast.watch.runs for transition in run.transitions]
        timers = [
            timer.at for explanation in explanations if (timer := countdown(explanation, now, _TIMES)) is not None
        ]
        self._tell_quiet(now)
        if now < self._cast.scenario.end:
            following = min(self._sweeps.after(now, timers), self._cast.scenario.end)
            self._agenda.put(following, Rank.SWEEP, self._sweep)

    def _tell_quiet(self, now: datetime) -> None:
        until = self._sweeps.quiet_until(now)
        if until is not None and not self._quiet:
            self._say("sweep", "quiet hours: self_heal is called every 15 minutes and when a time comes")
        self._quiet = until is not None

    def _accepted(self, function: str, call: Callable[[], int | str]) -> str:
        """Call a function; raise ``ServerFailed`` with the end of its log unless it answers 2xx."""
        server = self._cast.servers[function]
        try:
            status = str(call())
        except Unavailable as error:
            server.check()
            raise ServerFailed(f"{function} does not answer: {error.reason}; {server.tail()}") from error
        if not status.startswith("2"):
            raise ServerFailed(f"{function} answers {status}; {server.tail()}")
        return status

    def _wait_until_quiet(self) -> None:
        """Let what was published arrive, and what the world says to it wait for its time."""
        try:
            self._cast.wire.wait_until_quiet()
        except PushFailed as failed:
            server = self._cast.servers.get(failed.function)
            raise ServerFailed(f"{failed}; {server.tail() if server else ''}") from failed
        while True:
            try:
                at, envelope = self._cast.coming.get_nowait()
            except Empty:
                return
            self._agenda.put(at, Rank.DELIVERY, partial(self._report, envelope))

    def _look(self, index: int, meaning: RunExpected) -> None:
        with self._cast.stage.world() as world:
            Observer(world, DeployedProduct()).look(index, meaning)

    def _show(self) -> None:
        for line in self._cast.watch.look():
            self._print_line(line)
        cast = self._cast
        now = cast.pace.clock.now()
        cast.screen.show(
            NightView(
                night=cast.night,
                policy=cast.scenario.policy,
                begins=cast.scenario.start,
                now=now,
                ends=cast.scenario.end,
                every=QUIET_STEP if self._quiet else MINUTE,
                sweeps=self._swept,
                reports=self._reported,
                runs=cast.watch.runs,
                lines=tuple(self._lines),
            )
        )

    def _say(self, kind: str, text: str) -> None:
        self._print_line(NightLine(self._cast.pace.clock.now(), kind, text))

    def _print_line(self, line: NightLine) -> None:
        self._lines = [*self._lines, line][-_REMEMBERED:]
        self._cast.screen.print_line(line)


def _envelope_text(envelope: Envelope) -> str:
    body = json.loads(envelope.data)
    count = body.get("record_count")
    records = "" if count is None else f", {amount(count, 'record')}"
    mode = f" {body['mode']}" if body.get("mode") else ""
    return f"{body['game_date']}{mode} {envelope.phase} {body['processor_name']}: {body['status']}{records}"


def _changed(change: Change) -> str:
    games = [f"{day} has {_counted(count)}" for day, count in change.games.items()]
    rows = [f"{table} {day} holds {count} rows" for table, days in change.rows.items() for day, count in days.items()]
    services = [f"{name} is {health.value}" for name, health in change.services.items()]
    return "; ".join([*games, *rows, *services])


def _counted(games: int | GameCount) -> str:
    if isinstance(games, int):
        return f"{games} games"
    return ", ".join(f"{count} games {status.replace('_', ' ')}" for status, count in vars(games).items() if count)
