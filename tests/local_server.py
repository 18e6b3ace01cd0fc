"""A real HTTP server on the loopback interface that answers as it is told and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class ServerAnswer:
    """``hang`` seconds before the status line; ``drip`` seconds between the body's bytes; ``drop`` the connection."""

    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: float = 0.0
    drip: float = 0.0
    drop: bool = False


@dataclass(frozen=True)
class ServerRequest:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class LocalServer:
    """Gives the queued ``answers`` in turn, then ``always``; ``asked`` holds the requests in order of arrival."""

    def __init__(self, *answers: ServerAnswer, always: ServerAnswer | None = None) -> None:
        self.answers, self.always = deque(answers), always or ServerAnswer()
        self.asked: list[ServerRequest] = []
        self.changed = threading.Condition()
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.host = self.url.removeprefix("http://")

    def wait_for(self, count: int, seconds: float = 15.0) -> list[ServerRequest]:
        """Return what was asked once there are ``count`` requests, or what there is after ``seconds``."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.asked) >= count, seconds)
            return list(self.asked)

    def next_answer(self, asked: ServerRequest) -> ServerAnswer:
        with self.changed:
            self.asked.append(asked)
            self.changed.notify_all()
            return self.answers.popleft() if self.answers else self.always

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the server."""
        self._closing.wait(seconds)

    def __enter__(self) -> LocalServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()


def _handler(server: LocalServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = server.next_answer(ServerRequest(self.command, self.path, dict(self.headers), body))
            server.pause(answer.hang)
            try:
                if not answer.drop:
                    self._write(answer)
            except OSError:
                self.close_connection = True  # the caller has gone

        do_GET = do_POST = do_PUT = do

        def _write(self, answer: ServerAnswer) -> None:
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            for piece in [answer.body] if not answer.drip else [bytes([byte]) for byte in answer.body]:
                self.wfile.write(piece)
                self.wfile.flush()
                server.pause(answer.drip)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


def closed_port() -> int:
    """Return a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
