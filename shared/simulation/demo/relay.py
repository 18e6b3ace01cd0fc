"""Sits between the emulator's push subscriptions and those they push to.

Pub/Sub says when a message was published, and the run of a report follows from that (behaviour R4). The emulator says
the machine's time; the time of the night is put in its place here, once for each message, and nothing else is changed.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from shared.adapters.clock import SystemClock
from shared.adapters.http import RequestsHttp
from shared.core.errors import Unavailable
from shared.ports import Clock

_TIMEOUT = timedelta(seconds=55)  # within the acknowledgement deadline of the subscriptions


@dataclass(frozen=True)
class Pushed:
    """A message as it was first pushed to a receiver; ``answer`` is the HTTP status or why there was none."""

    at: datetime
    to: str
    topic: str
    body: Mapping[str, Any]
    answer: str


class Relay:
    """Forwards pushes to ``targets`` by name; remembers every message that was taken, in order."""

    def __init__(self, clock: Clock, targets: Mapping[str, str]) -> None:
        self._clock, self._targets = clock, targets
        self._http = RequestsHttp(identity_tokens=False, clock=SystemClock())
        self._lock = Lock()
        self._published: dict[str, datetime] = {}
        self._under_way: dict[str, int] = dict.fromkeys(targets, 0)
        self._last = time.monotonic()
        self.pushed: list[Pushed] = []

    def forward(self, path: str, body: Any) -> int:
        """Push a message on to the first part of the path; return the status to answer with."""
        _, name, topic, *rest = path.split("/")
        message = body["message"]
        with self._lock:
            now = self._published.setdefault(message["messageId"], self._clock.now())
            self._under_way[name] += 1
            self._last = time.monotonic()
        stamp = now.isoformat().replace("+00:00", "Z")
        for key in ("publishTime", "publish_time"):
            message[key] = stamp
        try:
            status = self._http.request("POST", f"{self._targets[name]}/{'/'.join(rest)}", body, _TIMEOUT).status
            answer = str(status)
        except Unavailable as error:
            status, answer = 503, error.reason
        with self._lock:
            self._under_way[name] -= 1
            self._last = time.monotonic()
            self.pushed.append(Pushed(now, name, topic, _read(message), answer))
        return status

    def last_answer(self, name: str) -> str:
        """Return what a receiver answered to the latest push, or why there was no answer; "" before the first."""
        with self._lock:
            return next((push.answer for push in reversed(self.pushed) if push.to == name), "")

    def quiet(self, names: set[str], since: float) -> bool:
        """Whether nothing is on its way to these, and nothing came to anybody for so many seconds."""
        with self._lock:
            busy = any(self._under_way[name] for name in names)
            return not busy and time.monotonic() - self._last >= since


@contextmanager
def open_relay(relay: Relay) -> Iterator[str]:
    """Take pushes on a free port for the length of a ``with`` block; yield the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            self.send_response(relay.forward(self.path, body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """What was pushed is remembered above."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _read(message: Mapping[str, Any]) -> Mapping[str, Any]:
    body = json.loads(base64.b64decode(message.get("data") or "e30="))
    return body if isinstance(body, dict) else {}
