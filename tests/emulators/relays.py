"""What arrives at an emulator, seen from its side: relays that pass every call on and count it.

A governor is judged by what reaches the service, not by what the governor says of itself.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc

# Of Firestore, whose answers are streams; every other call that we make has one answer.
_STREAMED = frozenset({"BatchGetDocuments", "RunQuery", "RunAggregationQuery"})
_THREADS = 64


def _same(data: bytes) -> bytes:
    return data


class GrpcRelay(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Passes the calls of one gRPC service on to ``target``; ``seen`` is told each of them before it is passed on."""

    def __init__(self, target: str, seen: Callable[[str, bytes], None]) -> None:
        self._channel, self._seen = grpc.insecure_channel(target), seen

    def service(self, details: Any) -> Any:
        method, metadata = details.method, tuple(details.invocation_metadata)
        name = method.rpartition("/")[2]
        if name in _STREAMED:
            streamed = self._channel.unary_stream(method, _same, _same)

            def stream(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
                self._seen(name, request)
                try:
                    yield from streamed(request, timeout=context.time_remaining(), metadata=_passed(metadata))
                except grpc.RpcError as error:
                    context.abort(error.code(), error.details())

            return grpc.unary_stream_rpc_method_handler(stream, _same, _same)
        unary = self._channel.unary_unary(method, _same, _same)

        def call(request: bytes, context: grpc.ServicerContext) -> bytes:
            self._seen(name, request)
            try:
                answer: bytes = unary(request, timeout=context.time_remaining(), metadata=_passed(metadata))
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())
                raise
            return answer

        return grpc.unary_unary_rpc_method_handler(call, _same, _same)

    def close(self) -> None:
        self._channel.close()


def _passed(metadata: tuple[Any, ...]) -> tuple[tuple[str, Any], ...]:
    return tuple((key, value) for key, value in metadata if key != "user-agent")


@contextmanager
def grpc_relay(target: str, seen: Callable[[str, bytes], None]) -> Iterator[str]:
    """Relay to ``target`` for the length of a ``with`` block; yield the host and port to speak to."""
    relay = GrpcRelay(target, seen)
    unbounded = (("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1))
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=unbounded)
    server.add_generic_rpc_handlers((relay,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()
        relay.close()


@dataclass
class Publications:
    """The publish requests that reached Pub/Sub: messages and bytes of each."""

    messages: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def seen(self, name: str, request: bytes) -> None:
        from google.cloud.pubsub_v1.types import PublishRequest

        if name == "Publish":
            self.messages.append(len(PublishRequest.deserialize(request).messages))
            self.sizes.append(len(request))


@dataclass
class Writes:
    """The writes that reached Firestore: instants by document, and the size of the largest document."""

    at: dict[str, list[float]] = field(default_factory=dict)
    largest: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def seen(self, name: str, request: bytes) -> None:
        from google.cloud.firestore_v1.types import CommitRequest

        if name != "Commit":
            return
        now = time.monotonic()
        for write in CommitRequest.pb(CommitRequest.deserialize(request)).writes:
            path = (write.update.name or write.delete).partition("/documents/")[2]
            with self._lock:
                self.at.setdefault(path, []).append(now)
                self.largest = max(self.largest, write.update.ByteSize())

    def hottest(self) -> tuple[str, int]:
        """Return the document that was written most often within a minute, and how often."""
        busiest = ((path, _within(at, 60.0)) for path, at in self.at.items())
        return max(busiest, key=lambda item: item[1], default=("", 0))


@dataclass
class _Flying:
    """Statements that change tables, from their request to the answer that says they are done."""

    now: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    begun: dict[str, list[float]] = field(default_factory=dict)

    def begin(self, table: str, at: float) -> None:
        self.now[table] += 1
        self.most[table] = max(self.most[table], self.now[table])
        self.begun.setdefault(table, []).append(at)


class BigQueryRelay:
    """Passes requests on to a BigQuery emulator and keeps what BigQuery would count.

    A statement that changes a table takes ``takes`` seconds at least, as one does there. ``tables_of`` names the tables
    that a statement changes, ``now`` is the time in seconds by which its begin is judged, ``during`` is called while a
    statement is at work.
    """

    def __init__(
        self,
        target: str,
        tables_of: Callable[[str], tuple[str, ...]],
        takes: float = 0.0,
        now: Callable[[], float] = time.monotonic,
        during: Callable[[], None] | None = None,
    ) -> None:
        self._target, self._tables_of, self._takes, self._now = target, tables_of, takes, now
        self._during = during
        self._lock = threading.Lock()
        self._flying = _Flying()
        self.inserts: list[tuple[int, int, int]] = []

    @property
    def most_at_once(self) -> int:
        """The greatest number of statements that were at work on one table."""
        return max(self._flying.most.values(), default=0)

    @property
    def most_in_ten_seconds(self) -> int:
        """The greatest number of statements that began to change one table in ten seconds."""
        return max((_within(begun, 10.0) for begun in self._flying.begun.values()), default=0)

    @property
    def statements(self) -> int:
        return sum(map(len, self._flying.begun.values()))

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if path.partition("?")[0].endswith("/insertAll"):
            rows = json.loads(body)["rows"]
            longest = max(len(row.get("insertId") or "") for row in rows)
            with self._lock:
                self.inserts.append((len(rows), len(body), longest))
        tables = self._changed(method, body)
        with self._lock:
            for table in tables:
                self._flying.begin(table, self._now())
        try:
            if tables:
                time.sleep(self._takes)
                if self._during is not None:
                    self._during()
            # The emulator runs a statement before it answers: with the answer it is done.
            return self._passed(method, path, headers, body)
        finally:
            with self._lock:
                self._flying.now.subtract(tables)

    def _changed(self, method: str, body: bytes) -> tuple[str, ...]:
        if method != "POST" or b'"query"' not in body:
            return ()
        sql = json.loads(body).get("configuration", {}).get("query", {}).get("query", "")
        return self._tables_of(sql)

    def _passed(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        connection = HTTPConnection(self._target.removeprefix("http://"), timeout=60)
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def bigquery_relay(relay: BigQueryRelay) -> Iterator[str]:
    """Serve a relay for the length of a ``with`` block; yield its ``http://host:port``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def relayed(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
            status, answer = relay.answer(self.command, self.path, kept, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = relayed

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with served_by(Handler) as url:
        yield url


_OWN = frozenset({"host", "content-length", "connection", "accept-encoding", "transfer-encoding"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512  # a crowd connects at once


@contextmanager
def served_by(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve HTTP on a free port for the length of a ``with`` block."""
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _within(at: list[float], seconds: float) -> int:
    """Return the most of these instants that lie within so many seconds."""
    window: deque[float] = deque()
    most = 0
    for moment in sorted(at):
        window.append(moment)
        while window[0] <= moment - seconds:
            window.popleft()
        most = max(most, len(window))
    return most
