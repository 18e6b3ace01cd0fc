"""Handlers that wait while the world goes on: each a thread of which one runs at a time, woken by the agenda."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from shared.simulation.fakes.clock import Actor, Crash, VirtualClock


class Process:
    """One handler. ``resume`` lets it run until it waits or ends; ``wakes_at`` is when it wants to go on."""

    def __init__(self, clock: VirtualClock, actor: Actor, task: Callable[[], None]) -> None:
        self.actor, self._clock, self._task = actor, clock, task
        self.wakes_at: datetime | None = clock.instant
        self._gate, self._paused = threading.Semaphore(0), threading.Semaphore(0)
        self._abandoned = False
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run_task,), daemon=True)
        self._begun = False

    @property
    def ended(self) -> bool:
        return self.wakes_at is None

    @property
    def is_current(self) -> bool:
        """True where the process itself asks."""
        return threading.current_thread() is self._thread

    def resume(self) -> None:
        """Let it go on, until it waits again or has ended; called by the runner alone."""
        before, self._clock.actor = self._clock.actor, self.actor
        if not self._begun:
            self._begun = True
            self._thread.start()
        else:
            self._gate.release()
        self._paused.acquire()
        self._clock.actor = before

    def wait(self, length: timedelta) -> None:
        """Let so much time pass for everybody; called by the process alone."""
        if self._abandoned:
            raise Crash("the scenario is over")
        self.actor.waited += length
        self.wakes_at = self.actor.started + self.actor.waited
        self._paused.release()
        self._gate.acquire()
        if self._abandoned:
            raise Crash("the scenario is over")

    def abandon(self) -> None:
        """End a process that the end of the scenario finds waiting."""
        if self._begun and not self.ended:
            self._abandoned = self.actor.dead = True
            self.resume()

    def _run_task(self) -> None:
        try:
            self._task()
        finally:
            self.wakes_at = None
            self._paused.release()
