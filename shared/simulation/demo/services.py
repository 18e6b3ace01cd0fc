"""What the functions talk to: the pipeline's services and the subscribers of the trigger topics, on one port."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from shared.core.errors import Unavailable
from shared.ports import Clock, Message, Response
from shared.simulation.world import World

_TOPIC, _SERVICE = "topics", "services"
_TIMEOUT = timedelta(seconds=5)


class ServiceEndpoints:
    """The world of a night, taken by one thread at a time, at the time that the night's clock shows."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world, self._clock = world, clock
        self._lock = Lock()

    @contextmanager
    def world(self) -> Iterator[World]:
        with self._lock:
            self._world.clock.instant = self._clock.now()
            yield self._world

    def answer(self, method: str, path: str, body: Any) -> Response:
        """Answer as the service or the subscriber that a path names."""
        match path.strip("/").split("/"):
            case ["projects", _, "topics", topic]:
                return self._pushed(topic, body)
            case ["services", name, *rest]:
                return self._called(method, name, "/" + "/".join(rest), body)
            case _:
                return Response(404, "nobody lives here")

    def _pushed(self, topic: str, body: Any) -> Response:
        message = body.get("message") if isinstance(body, Mapping) else None
        if not isinstance(message, Mapping):
            return Response(400, "not a push")
        data = json.loads(base64.b64decode(message.get("data") or ""))
        with self.world() as world:
            world.ports.bus.publish(topic, [Message(data, message.get("attributes") or {})])
        return Response(204, "")

    def _called(self, method: str, name: str, path: str, body: Any) -> Response:
        with self.world() as world:
            base = world.services.endpoints.get(name)
            if base is None:
                return Response(404, "no such service")
            try:
                return world.services.request(method, base + path, body, _TIMEOUT)
            except Unavailable as error:
                return Response(503, str(error))


def service_url(base: str, name: str) -> str:
    return f"{base}/{_SERVICE}/{name}"


@contextmanager
def open_to_calls(stage: ServiceEndpoints) -> Iterator[str]:
    """Answer on a free port for the length of a ``with`` block; yield the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                self._answer(json.loads(raw or b"null"))
            except ValueError:
                self._send(Response(400, "not JSON"))

        def _answer(self, body: Any) -> None:
            self._send(stage.answer(self.command, self.path, body))

        def _send(self, answer: Response) -> None:
            data = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            if answer.status != 204:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing: the screen tells what was called."""

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
