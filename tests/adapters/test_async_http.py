"""Asynchronous calls: connections are bounded and kept, a token is fetched once for all who want it at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.async_http import PooledCalls
from shared.adapters.clock import SystemClock
from shared.core.errors import Unavailable
from shared.ports import AsyncHttp

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers every request on a kept connection a moment later; counts connections and open requests."""

    def __init__(self) -> None:
        self.connections = self.open = self.most_open = self.requests = 0
        self.tokens: set[bytes] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = dict(line.split(b": ", 1) for line in head.strip().split(b"\r\n")[1:])
                await reader.readexactly(int(lines.get(b"Content-Length", b"0")))
                self.tokens.add(lines.get(b"Authorization", b""))
                self.requests += 1
                self.open += 1
                self.most_open = max(self.most_open, self.open)
                await asyncio.sleep(0.01)
                self.open -= 1
                writer.write(ANSWER)
        except asyncio.IncompleteReadError:
            writer.close()


def make_requests(calls: PooledCalls, number: int) -> tuple[Server, list[str]]:
    """Make so many requests at once; return the server, and what came of each."""
    server = Server()

    async def work(http: AsyncHttp) -> list[str]:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]

        async def request() -> str:
            try:
                return (await http.request("POST", f"http://127.0.0.1:{port}/scrape", {"a": 1})).body
            except Unavailable as error:
                return str(error)

        return await asyncio.gather(*(request() for _ in range(number)))

    return server, calls.run(work)


@pytest.mark.parametrize("most", [1, 8, 20])
def test_no_more_calls_are_open_than_were_asked_for_and_connections_are_kept(most: int) -> None:
    """Sixty calls at once: so many at a time, each over a connection that is there already where one is free."""
    server, bodies = make_requests(PooledCalls(most, identity_tokens=False, clock=SystemClock()), 60)
    assert bodies == ["ok"] * 60
    assert server.most_open == most
    assert server.connections <= most
    assert server.tokens == {b""}


class Counting(PooledCalls):
    """Fetches a token of its own; ``fails`` lets as many fetches fail first."""

    fetched = fails = 0

    def _fetch(self, audience: str) -> tuple[str, datetime]:
        self.fetched += 1
        if self.fetched <= self.fails:
            raise Unavailable(audience, "no metadata (test)")
        return f"token {self.fetched}", datetime.now(UTC) + timedelta(minutes=50)


def test_a_token_is_fetched_once_for_all_who_want_it_at_once() -> None:
    """A step of hundreds of calls does not ask the metadata server hundreds of times."""
    calls = Counting(30, identity_tokens=True, clock=SystemClock())
    server, bodies = make_requests(calls, 60)
    assert bodies == ["ok"] * 60
    assert calls.fetched == 1
    assert server.tokens == {b"Bearer token 1"}


def test_a_token_that_cannot_be_fetched_fails_the_calls_and_is_asked_for_again() -> None:
    """Whoever waited hears why; the next call asks anew."""
    calls = Counting(5, identity_tokens=True, clock=SystemClock())
    calls.fails = 1
    _, bodies = make_requests(calls, 5)
    assert all("no metadata" in body for body in bodies)
    assert make_requests(calls, 5)[1] == ["ok"] * 5
    assert calls.fetched == 2
