"""Handlers at once, reproducibly: real threads of which one runs at a time, and another after every store operation."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from shared.simulation.fakes.clock import Actor, VirtualClock

PATIENCE = timedelta(seconds=60)


@dataclass
class _Runner:
    actor: Actor
    task: Callable[[], None]
    gate: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    thread: threading.Thread | None = None
    done: bool = False


class Scheduler:
    """Whoever holds it runs. Without a seed it goes round in order, with one in an order drawn from the seed."""

    def __init__(self, clock: VirtualClock, seed: int | None = None) -> None:
        self._clock = clock
        self._draw = None if seed is None else Random(seed)
        self._runners: list[_Runner] = []
        self._holder: _Runner | None = None
        self._finished = threading.Event()

    def run(self, tasks: Sequence[tuple[Actor, Callable[[], None]]]) -> None:
        """Run all tasks as so many handlers at once; return when the last has ended."""
        self._runners = [_Runner(actor, task) for actor, task in tasks]
        self._finished.clear()
        for runner in self._runners:
            context = contextvars.copy_context()
            runner.thread = threading.Thread(target=context.run, args=(self._run_thread, runner), daemon=True)
            runner.thread.start()
        self._hand_to(self._runners[0])
        finished = self._finished.wait(PATIENCE.total_seconds())
        self._clock.actor = self._holder = None
        if not finished:
            raise RuntimeError("handlers at once wait for one another: is a lock held during a store operation?")

    def turn(self) -> None:
        """Let the next handler run; does nothing where only one is at work."""
        holder = self._holder
        if holder is None or holder.thread is not threading.current_thread():
            return
        following = self._following(holder)
        if following is not None and following is not holder:
            self._hand_to(following)
            holder.gate.acquire()

    def _run_thread(self, runner: _Runner) -> None:
        runner.gate.acquire()
        try:
            runner.task()
        finally:
            following = self._following(runner)
            runner.done = True
            if following is None or following is runner:
                self._finished.set()
            else:
                self._hand_to(following)

    def _following(self, runner: _Runner) -> _Runner | None:
        at = self._runners.index(runner)
        ring = [*self._runners[at + 1 :], *self._runners[: at + 1]]
        alive = [other for other in ring if not other.done]
        others = [other for other in alive if other is not runner]
        if self._draw is not None and others:
            return self._draw.choice(others)
        return alive[0] if alive else None

    def _hand_to(self, runner: _Runner) -> None:
        self._holder = runner
        self._clock.actor = runner.actor
        runner.gate.release()
