"""Plays a batch of predictions to its end, with its function, what hears its end, and workers, each in its own process.

A hundred players are asked for by the production policy. Most workers report within minutes: some twice, some that
their player needs nothing, one that it failed before it succeeds. Three never come, and are asked again twice: one of
them after the batch was closed without it. The sweep is called every minute.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console

from shared.app.batches.queries import newest, view
from shared.core.model import RunKey
from shared.core.policy.policy import Policy
from shared.simulation.batches.workers import batch_topics
from shared.simulation.demo.batch_figures import NAME, batch_figures, print_batch
from shared.simulation.demo.batch_lines import BATCH_LEGEND, batch_lines, request_lines, standing_text
from shared.simulation.demo.bus_wiring import function_by_topic
from shared.simulation.demo.day import GAMES, NEXT, policy_of_day
from shared.simulation.demo.day_lines import call_text
from shared.simulation.demo.day_processes import Parts, ServicesNight, staged
from shared.simulation.demo.night import NightLine
from shared.simulation.demo.nights import Night
from shared.simulation.demo.play import SWEEPER
from shared.simulation.demo.processes import Ground
from shared.simulation.demo.screen import Screen
from shared.simulation.demo.servers import ServerFailed, complaints
from shared.simulation.demo.with_services import Day

FUNCTION, WORKERS = "phase5_batches", "workers"
MODE, MEMBERS = "same_day", 100
FEATURES, CONTEXT = "nba_predictions.ml_feature_store_v2", "nba_analytics.upcoming_player_game_context"
BATCH = Night(
    "batch",
    "11 March 2026: predictions as a batch of a hundred players, three of whom never come",
    "",
    (("phase5_to_phase6", NEXT.isoformat(), MODE),),
)
SWEEP_EVERY = timedelta(minutes=1)
LASTS = timedelta(minutes=18)
LATE = "player 98"
SILENT = ("player 97", LATE, "player 99")
MANNERS: Mapping[str, Mapping[str, Any]] = {
    **{f"player {number}": {"copies": 2} for number in range(0, 30, 3)},
    "player 40": {"outcome": "skipped", "reason": "injured"},
    "player 41": {"outcome": "skipped", "reason": "no line"},
    "player 50": {"fails": 1, "after": 60},
    **{member: {"copies": 0} for member in SILENT},
    LATE: {"after": 16 * 60},
}


def run_of(policy: Policy) -> RunKey:
    return RunKey(policy.pipeline, NEXT, MODE)


def parts_of_batch(policy: Policy) -> Parts:
    hearing = dict.fromkeys(batch_topics(policy), FUNCTION)
    ends = {topic: function for topic, function in function_by_topic(policy).items() if _hears_the_end(policy, topic)}
    return Parts(
        night=BATCH,
        begins=datetime(NEXT.year, NEXT.month, NEXT.day, 10, 10, tzinfo=policy.zone),
        functions=(FUNCTION, *dict.fromkeys(ends.values()), SWEEPER),
        names=(WORKERS, "coordinator", "export"),
        hearing={**hearing, **ends},
        services={"prediction_coordinator": "coordinator"},
        games={NEXT: GAMES[NEXT]},  # of the night before nothing is played
        rows={table: {NEXT: MEMBERS} for table in (FEATURES, CONTEXT)},
    )


def _hears_the_end(policy: Policy, topic: str) -> bool:
    """True for the topic that a batch reports its end on, and for that of the phase which it starts."""
    return topic in {policy.phases[name].completions_topic for name in ("phase5", "phase6")}


def play_batch(ground: Ground, console: Console, screen: Screen) -> int:
    """Play the batch, print its figures, return the exit status: 0 where every figure is as it must be, else 1."""
    began, policy = time.monotonic(), policy_of_day()
    console.print(BATCH_LEGEND, markup=False, highlight=False, soft_wrap=True)
    parts = parts_of_batch(policy)
    with screen.night(BATCH, policy, "one batch"):
        try:
            with staged(ground, parts, policy, screen) as stage:
                played = BatchDay(stage, parts.begins)
                played.play()
                requests = stage.services.answer(WORKERS, "/stand-in/requests")
                pushed = stage.bus.relay.pushed
                results = batch_figures(stage.context, run_of(policy), pushed, requests, SILENT, LATE)
        except ServerFailed as failed:
            console.print(f"\nnot played to its end: {failed}", style="bold red", markup=False, highlight=False)
            return 1
    left = ground.home.leave(BATCH, policy, parts.begins + LASTS)
    logged = complaints(ground.home.logs(BATCH))
    return print_batch(console, results, logged, left, run_of(policy), time.monotonic() - began)


class BatchDay(Day):
    """One play of the batch, from its start to the end of what it starts."""

    night = BATCH

    def __init__(self, stage: ServicesNight, begins: datetime) -> None:
        super().__init__(stage)
        self._begins, self._stood, self._requests = begins, "", 0

    def play(self) -> None:
        """Play from start to end; raises ``ServerFailed`` if a server does not do its part."""
        stage, ends = self._stage, self._begins + LASTS
        stage.services.call(WORKERS, "/stand-in/manners", MANNERS)
        stage.pace.go()
        self._start()
        self._rest()
        self._show(self._begins, ends)
        sweep = self._begins + SWEEP_EVERY
        while sweep <= ends:
            while self._wakes is not None and self._wakes < sweep:
                stage.pace.forward(self._wakes)
                self._rest()
            stage.pace.forward(sweep)
            self._sweep()
            sweep += SWEEP_EVERY
            self._rest()
            self._show(self._begins, ends)

    def _start(self) -> None:
        """Start the batch as a person does: by the function's own path."""
        run = run_of(self._stage.policy)
        body = {
            "batch": NAME,
            "trigger_id": run.trigger_id("phase4_to_phase5", 1),
            "game_date": run.day.isoformat(),
            "mode": run.mode,
        }
        self._print(NightLine(self._stage.pace.clock.now(), "start", f"{FUNCTION} /start {body['trigger_id']}"))
        self._post(FUNCTION, "/start", body)

    def _sent(self) -> Iterator[NightLine]:
        """Tell what came and left since the last look, and the state of the batch by now."""
        stage, counters = self._stage, self._seen
        requests = stage.services.answer(WORKERS, "/stand-in/requests")
        yield from request_lines(requests[self._requests :])
        self._requests = len(requests)
        fresh = stage.bus.relay.pushed[counters.pushed :]
        counters.pushed += len(fresh)
        counters.reports += len([push for push in fresh if push.to in stage.functions])
        yield from batch_lines(fresh, stage.policy)
        calls = self._calls[counters.calls :]
        counters.calls += len(calls)
        for call in calls:
            yield NightLine(call.at, "call", call_text(call, stage.policy))
        yield from self._progress()

    def _progress(self) -> Iterator[NightLine]:
        """Tell the state of the batch, whenever it has changed."""
        ctx = self._stage.context
        batch = newest(ctx, NAME, run_of(ctx.policy))
        if batch is None:
            return
        stood = standing_text(view(ctx, batch))
        if stood != self._stood:
            self._stood = stood
            yield NightLine(ctx.ports.clock.now(), "batch", stood)
