"""Asynchronous calls over httpx: one event loop, connections that are kept for the next call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from shared.adapters.retry_after import retry_at
from shared.adapters.wire import to_json
from shared.core.errors import Unavailable
from shared.ports import AsyncHttp, Clock, Response

if TYPE_CHECKING:
    import ssl

    import httpx

T = TypeVar("T")
_MOST_BYTES = 1024 * 1024
_TOKEN_KEPT = timedelta(minutes=50)
_TOKEN_MARGIN = timedelta(minutes=2)
# A pool looks through all its connections at each request, so a thousand of them are kept in many small pools.
_CONNECTIONS_EACH = 8
# One writes what came of calls, the others ask breakers; more would only wait for each other.
_THREADS = 4


class PooledCalls:
    """Runs asynchronous work with clients of its own, which are closed at the end.

    At most ``most`` connections are open at once. With ``identity_tokens`` each call carries a Google ID token for the
    base URL that it goes to. A redirect is an answer like any other; of a body the first megabyte is read.
    """

    def __init__(self, most: int, *, identity_tokens: bool, clock: Clock) -> None:
        self._most, self._identity_tokens, self.clock = most, identity_tokens, clock
        # Apart from the loop's own threads, in which names of hosts are looked up.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="aside")
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._fetches: dict[str, asyncio.Future[tuple[str, datetime]]] = {}

    def run(self, work: Callable[[AsyncHttp], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run(self._run(work))

    async def aside(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _run(self, work: Callable[[AsyncHttp], Coroutine[Any, Any, T]]) -> T:
        async with AsyncExitStack() as stack:
            return await work(_Clients(stack, self, self._most))

    async def token(self, url: str) -> str | None:
        """Return the ID token for the base of a URL, fetched once for 50 minutes; None where none is wanted."""
        if not self._identity_tokens:
            return None
        parts = urlsplit(url)
        audience = f"{parts.scheme}://{parts.netloc}"
        kept = self._tokens.get(audience)
        if kept is None or self.clock.now() >= kept[1]:
            kept = await self._fetched_once(audience)
        return kept[0]

    async def _fetched_once(self, audience: str) -> tuple[str, datetime]:
        """Fetch a token, all who want it at once by one request."""
        loop = asyncio.get_running_loop()
        fetch = self._fetches.get(audience)
        if fetch is None or fetch.done() or fetch.get_loop() is not loop:
            fetch = self._fetches[audience] = asyncio.ensure_future(asyncio.to_thread(self._fetch, audience))
        kept = self._tokens[audience] = await asyncio.shield(fetch)
        return kept

    def _fetch(self, audience: str) -> tuple[str, datetime]:
        from google.auth import jwt
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request
        from google.oauth2 import id_token

        try:
            token: str = id_token.fetch_id_token(Request(), audience)
            expires = datetime.fromtimestamp(jwt.decode(token, verify=False)["exp"], UTC)
        except (GoogleAuthError, ValueError) as error:
            reason = f"no identity token for {audience}: {type(error).__name__}: {error}"
            raise Unavailable(urlsplit(audience).netloc, reason) from error
        return token, min(self.clock.now() + _TOKEN_KEPT, expires - _TOKEN_MARGIN)


class _Clients:
    """``AsyncHttp`` over as many clients as are needed; whoever ends with one gives its place to the next."""

    def __init__(self, stack: AsyncExitStack, calls: PooledCalls, most: int) -> None:
        self._stack, self._calls = stack, calls
        self._places: list[httpx.AsyncClient] = []
        self._open = asyncio.Semaphore(most)
        self._certificates: ssl.SSLContext | None = None

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        async with self._open:
            if not self._places:
                self._places += [await self._stack.enter_async_context(self._new())] * _CONNECTIONS_EACH
            client = self._places.pop()
            try:
                yield client
            finally:
                self._places.append(client)

    def _new(self) -> httpx.AsyncClient:
        import httpx

        if self._certificates is None:
            self._certificates = httpx.create_ssl_context()
        limits = httpx.Limits(max_connections=_CONNECTIONS_EACH, max_keepalive_connections=_CONNECTIONS_EACH)
        # Whoever calls bounds the time of a call as a whole; a wait for a free connection is part of it.
        return httpx.AsyncClient(verify=self._certificates, limits=limits, timeout=None, follow_redirects=False)  # noqa: S113

    async def request(self, method: str, url: str, body: Mapping[str, Any] | None) -> Response:
        import httpx

        host = urlsplit(url).netloc or url
        token = await self._calls.token(url)
        headers = {} if body is None else {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        content = None if body is None else to_json(body)
        try:
            async with self._client() as client, client.stream(method, url, content=content, headers=headers) as answer:
                again_at = retry_at(answer.headers.get("Retry-After", ""), self._calls.clock.now())
                return Response(answer.status_code, await _read(answer), again_at)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(host, f"{type(error).__name__}: {error}") from error


async def _read(answer: httpx.Response) -> str:
    body = b""
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) >= _MOST_BYTES:
            break
    return body[:_MOST_BYTES].decode("utf-8", errors="replace")
