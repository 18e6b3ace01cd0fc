"""How a stand-in's work passes while a night's clock is put forward from outside, and what it says of it: how many
work, how many messages were handed to it, and which calls it was sent.

What nobody waits for - a pushed message, a batch in the background - takes its time on the night's clock, which goes on
meanwhile. A caller who waits has a timeout of its own, in seconds that are not sped up: for it the work is shortened
(a phase 4 of ten minutes answers after one second), and the clock waits with it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, Response, g, has_request_context, jsonify, request
from flask.typing import ResponseReturnValue

from shared.ports import Clock

SHORTENED = 600
STATE = "/stand-in/work"
_POLL_SECONDS = 0.02


class Work:
    """Counts what is under way; ``sleep`` is work that takes time."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._awake = self._taken = 0
        self._calls: list[dict[str, Any]] = []
        self._ends: list[datetime] = []
        self._behind: set[threading.Thread] = set()

    def sleep(self, span: timedelta) -> None:
        if has_request_context() and not _pushed():
            time.sleep(span.total_seconds() / SHORTENED)
            return
        end = self._clock.now() + span
        counted, thread = has_request_context(), threading.current_thread()
        with self._lock:
            self._ends.append(end)
            self._awake -= counted
            self._behind.discard(thread)
        while self._clock.now() < end:
            time.sleep(_POLL_SECONDS)
        with self._lock:
            self._ends.remove(end)
            self._awake += counted
            if not counted:
                self._behind.add(thread)

    def behind(self, work: Callable[[], None]) -> None:
        """Do work that no answer waits for; it is counted from this moment on."""
        thread = threading.Thread(target=work, daemon=True)
        with self._lock:
            self._behind.add(thread)
            thread.start()

    def observe(self, app: Flask) -> None:
        """Count the requests of an app, and answer for it: how many work, when the next of those that wait ends, how
        many messages were taken, and every call in order."""

        @app.before_request
        def begins() -> None:
            if request.path != STATE:
                g.counted = True
                with self._lock:
                    self._awake += 1
                    self._taken += _pushed()

        @app.after_request
        def answered(response: Response) -> Response:
            if request.method == "POST" and not _pushed():
                call = {"at": self._clock.now().isoformat(), "path": request.path, "status": response.status_code}
                with self._lock:
                    self._calls.append({**call, "body": request.get_json(silent=True)})
            return response

        @app.teardown_request
        def ends(_: BaseException | None) -> None:
            with suppress(AttributeError):
                if g.counted:
                    with self._lock:
                        self._awake -= 1

        @app.get(STATE)
        def state() -> ResponseReturnValue:
            with self._lock:
                until = min(self._ends, default=None)
                awake = self._awake + sum(thread.is_alive() for thread in self._behind)
                ends = None if until is None else until.isoformat()
                return jsonify({"awake": awake, "until": ends, "taken": self._taken, "calls": self._calls})


def _pushed() -> bool:
    body: Any = request.get_json(silent=True)
    return isinstance(body, dict) and "message" in body
