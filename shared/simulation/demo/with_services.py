"""Plays a night and the day after, with the functions and the stand-ins of the services each in its own process.

Completions come in the services' own dialect by push, calls leave by HTTP, exports are files; the policy is the
production one. State, messages and tables are in the embedded parts, or in Google's emulators. Only schedulers are
played: the controller's, which decides every five minutes which workflows of scrapers run, the sweep's, and those of
the services.

What is scaled: the clock is put forward as soon as nothing is left to do. The sweep is called every five minutes, and
every half hour while nobody speaks, not every minute: nothing of this day falls due between. What a caller waits for is
shortened (tests/services/work.py): a phase 4 that answers at its end, after nine minutes, has a caller that waits
twenty seconds of its own time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console

from shared.adapters.clock import SystemClock
from shared.adapters.http import RequestsHttp
from shared.core.errors import Unavailable
from shared.core.model import RunKey, State
from shared.core.policy.policy import Policy
from shared.core.workflows.files import topic_of as files_topic
from shared.core.workflows.model import topic_of as steps_topic
from shared.simulation.demo.bus_wiring import PushFailed, function_by_topic
from shared.simulation.demo.day import (
    ANSWERS,
    DAY,
    GAMES,
    PREDICTED,
    TIP_OFFS,
    policy_of_day,
    scheduled_calls,
    span,
    workflows_of_day,
)
from shared.simulation.demo.day_lines import LEGEND, call_text, message_text, report_lines
from shared.simulation.demo.day_processes import Parts, ServicesNight, staged
from shared.simulation.demo.day_summary import print_day
from shared.simulation.demo.figures import RUNS, figures, states
from shared.simulation.demo.night import NightLine, NightView
from shared.simulation.demo.play import SWEEPER
from shared.simulation.demo.processes import Ground
from shared.simulation.demo.run_follower import RunFollower
from shared.simulation.demo.screen import Screen
from shared.simulation.demo.servers import ServerFailed, complaints
from shared.simulation.demo.stand_ins import NAMES, SERVICES, Call
from shared.simulation.demo.workflow_figures import kept, workflow_figures
from shared.simulation.demo.workflow_follower import WorkflowFollower

CONTROLLER, EXECUTOR = "workflow_controller", "workflow_executor"
TICK_EVERY = SWEEP_EVERY = timedelta(minutes=5)
QUIET_EVERY = timedelta(minutes=30)
_SCHEDULED_TIMEOUT = timedelta(seconds=60)
_WITHIN_SECONDS = 120.0
_POLL = timedelta(seconds=0.05)
_REMEMBERED = 60


def parts_of_day(policy: Policy) -> Parts:
    steps, files = steps_topic(policy.pipeline), files_topic(policy.pipeline)
    table, day, rows = PREDICTED
    return Parts(
        night=DAY,
        begins=span(policy)[0],
        functions=(*policy.listeners, SWEEPER, CONTROLLER, EXECUTOR),
        names=NAMES,
        hearing={**function_by_topic(policy), steps: EXECUTOR, files: EXECUTOR},
        services=SERVICES,
        games=GAMES,
        rows={table: {day: rows}},
        workflows=workflows_of_day(policy),
        tip_offs=TIP_OFFS,
    )


def play_with_services(ground: Ground, console: Console, screen: Screen) -> int:
    """Play the day, print its figures, return the exit status."""
    began, policy = time.monotonic(), policy_of_day()
    console.print(LEGEND, markup=False, highlight=False, soft_wrap=True)
    with screen.night(DAY, policy, "one day"):
        try:
            with staged(ground, parts_of_day(policy), policy, screen) as stage:
                Day(stage).play()
                results = figures(policy, stage.store, ground.home.path / "exports", stage.bus.relay.pushed)
                results += workflow_figures(*kept(stage.context), stage.services.work().calls)
        except ServerFailed as failed:
            console.print(f"\nnot played to its end: {failed}", style="bold red", markup=False, highlight=False)
            return 1
    logged = complaints(ground.home.logs(DAY))
    return print_day(console, results, logged, ground.home, policy, time.monotonic() - began)


@dataclass
class Seen:
    """What has been shown, and what the live view counts."""

    lines: list[NightLine] = field(default_factory=list)
    pushed: int = 0
    reports: int = 0
    sweeps: int = 0
    calls: int = 0


class Day:
    """One play of the day."""

    night = DAY

    def __init__(self, stage: ServicesNight) -> None:
        self._stage, self._seen, self._runs = stage, Seen(), RunFollower()
        self._workflows = WorkflowFollower(list(GAMES))
        self._http = RequestsHttp(identity_tokens=False, clock=SystemClock())
        self._calls: list[Call] = []
        self._wakes: datetime | None = None

    def play(self) -> None:
        """Play from start to end; raises ``ServerFailed`` if a server does not do its part."""
        stage = self._stage
        begins, ends = span(stage.policy)
        waiting = list(scheduled_calls(stage.policy))
        tick = sweep = begins
        stage.services.call("scrapers", "/stand-in/answers", ANSWERS)
        stage.pace.go()
        while (now := stage.pace.clock.now()) < ends:
            times = (waiting[0].at if waiting else None, tick, sweep, self._wakes, ends)
            at = min(time for time in times if time is not None)
            stage.pace.forward(at)
            busy = sweep <= at or at == self._wakes or (bool(waiting) and waiting[0].at <= at)
            while waiting and waiting[0].at <= at:
                ask = waiting.pop(0)
                self._print(NightLine(stage.pace.clock.now(), "load", ask.text))
                stage.services.call(ask.name, ask.path, ask.body)
            if tick <= at:
                self._post(CONTROLLER, "", {})
                tick += TICK_EVERY
            if sweep <= at:
                self._sweep()
                sweep = max(at, now) + (QUIET_EVERY if self._is_quiet(now) else SWEEP_EVERY)
            # A tick that begins nothing asks nothing of anybody: there is nothing to wait for.
            if busy or self._workflows.is_running(stage.context) or self._carry():
                self._rest()
                self._show(begins, ends)
            else:
                self._print_in_order(self._workflows.look(stage.context))
                self._show_view(begins, ends)

    def _is_quiet(self, now: datetime) -> bool:
        """Whether nobody has spoken for half an hour: what is late by then has been seen by a sweep."""
        pushed = self._stage.bus.relay.pushed
        return bool(pushed) and now - pushed[-1].at > QUIET_EVERY

    def _sweep(self) -> None:
        self._post(SWEEPER, "", {})
        self._seen.sweeps += 1

    def _post(self, function: str, path: str, body: Mapping[str, Any]) -> None:
        """Call a function; raise ``ServerFailed`` with the end of its log unless it answers 2xx."""
        server = self._stage.functions[function]
        try:
            status = self._http.request("POST", server.url + path, body, _SCHEDULED_TIMEOUT).status
        except Unavailable as error:
            raise ServerFailed(f"{function} does not answer: {error.reason}; {server.tail()}") from error
        if not 200 <= status < 300:
            raise ServerFailed(f"{function} answers {status}; {server.tail()}")

    def _rest(self) -> None:
        """Wait until every message has been taken in and nobody works but on what takes time of the night."""
        stage, end = self._stage, time.monotonic() + _WITHIN_SECONDS
        while time.monotonic() < end:
            # In this order: who has come to rest has published before, and that is carried next.
            work = stage.services.work()
            begun = all(work.taken[name] >= count for name, count in stage.bus.handed().items())
            if not self._carry() and begun and work.awake == 0 and not self._under_way():
                self._calls, self._wakes = list(work.calls), work.wakes
                return
            for server in (*stage.functions.values(), *stage.services.servers.values()):
                server.check()
            if not begun or work.awake:
                SystemClock().sleep(_POLL)
        raise ServerFailed(f"nothing came to rest within {_WITHIN_SECONDS:g} s; the logs are beside the exports")

    def _carry(self) -> bool:
        try:
            return self._stage.bus.carry()
        except PushFailed as failed:
            server = {**self._stage.functions, **self._stage.services.servers}.get(failed.function)
            raise ServerFailed(f"{failed}; {server.tail() if server else ''}") from failed

    def _under_way(self) -> bool:
        """Whether a dispatch is under way, a call that has not been answered or a message that has not left, or a run
        of a workflow."""
        policy, store = self._stage.policy, self._stage.store
        stored = [states(policy, store, RunKey(policy.pipeline, day, mode)) for day, mode in RUNS]
        claimed = any(state.state is State.CLAIMED for run in stored for state in run.values())
        return claimed or self._workflows.is_running(self._stage.context)

    def _show(self, begins: datetime, ends: datetime) -> None:
        """Print what is new, and draw the state of everything."""
        ctx = self._stage.context
        self._print_in_order([*self._workflows.look(ctx), *self._runs.opened(ctx), *self._sent()])
        for line in self._runs.decisions(ctx):
            self._print(line)
        self._show_view(begins, ends)

    def _print_in_order(self, lines: Iterable[NightLine]) -> None:
        for line in sorted(lines, key=lambda line: line.at):
            self._print(line)

    def _show_view(self, begins: datetime, ends: datetime) -> None:
        stage, counters = self._stage, self._seen
        view = NightView(
            night=self.night,
            policy=stage.policy,
            begins=begins,
            now=stage.pace.clock.now(),
            ends=ends,
            every=SWEEP_EVERY,
            sweeps=counters.sweeps,
            reports=counters.reports,
            runs=self._runs.runs,
            workflows=self._workflows.days,
            lines=tuple(counters.lines),
        )
        stage.screen.show(view)

    def _sent(self) -> Iterator[NightLine]:
        """Tell what was published and what was called since the last look."""
        stage, counters = self._stage, self._seen
        fresh = stage.bus.relay.pushed[counters.pushed :]
        counters.pushed += len(fresh)
        # What comes of a step is seen in its run.
        steps = steps_topic(stage.policy.pipeline)
        reports = [push for push in fresh if push.to in stage.functions and push.topic != steps]
        counters.reports += len(reports)
        yield from report_lines(reports)
        reported = {files_topic(stage.policy.pipeline), *stage.policy.topics}
        for push in fresh:
            if push.to not in stage.functions and push.topic not in reported:
                yield NightLine(push.at, "message", message_text(push, stage.policy))
        calls = self._calls[counters.calls :]
        counters.calls += len(calls)
        for call in (call for call in calls if call.service != "scrapers"):
            yield NightLine(call.at, "call", call_text(call, stage.policy))

    def _print(self, line: NightLine) -> None:
        self._seen.lines = [*self._seen.lines, line][-_REMEMBERED:]
        self._stage.screen.print_line(line)
