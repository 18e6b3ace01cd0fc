"""Asynchronous calls over httpx: one event loop, one pool of connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from shared.adapters.retry_after import retry_at
from shared.adapters.wire import to_json
from shared.core.errors import Unavailable
from shared.ports import AsyncHttp, Clock, Response

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
_MOST_BYTES = 1024 * 1024
_TOKEN_KEPT = timedelta(minutes=50)
_TOKEN_MARGIN = timedelta(minutes=2)


class PooledCalls:
    """Runs asynchronous work with a client of its own, which is closed at the end.

    At most ``most`` connections are open at once. With ``identity_tokens`` each call carries a Google ID token for the
    base URL that it goes to. A redirect is an answer like any other; of a body the first megabyte is read.
    """

    def __init__(self, most: int, *, identity_tokens: bool, clock: Clock) -> None:
        self._most, self._identity_tokens, self.clock = most, identity_tokens, clock
        self._tokens: dict[str, tuple[str, datetime]] = {}

    def run(self, work: Callable[[AsyncHttp], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run(self._run(work))

    async def _run(self, work: Callable[[AsyncHttp], Coroutine[Any, Any, T]]) -> T:
        import httpx

        limits = httpx.Limits(max_connections=self._most, max_keepalive_connections=self._most)
        # Whoever calls bounds the time of a call as a whole; a wait for a free connection is part of it.
        async with httpx.AsyncClient(limits=limits, timeout=None, follow_redirects=False) as client:  # noqa: S113
            return await work(_Client(client, self))

    async def token(self, url: str) -> str | None:
        """Return the ID token for the base of a URL, fetched once for 50 minutes; None where none is wanted."""
        if not self._identity_tokens:
            return None
        parts = urlsplit(url)
        audience = f"{parts.scheme}://{parts.netloc}"
        kept = self._tokens.get(audience)
        if kept is None or self.clock.now() >= kept[1]:
            kept = await asyncio.to_thread(self._fetch, audience)
            self._tokens[audience] = kept
        return kept[0]

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


class _Client:
    """``AsyncHttp`` over one client."""

    def __init__(self, client: httpx.AsyncClient, calls: PooledCalls) -> None:
        self._client, self._calls = client, calls

    async def request(self, method: str, url: str, body: Mapping[str, Any] | None) -> Response:
        import httpx

        host = urlsplit(url).netloc or url
        token = await self._calls.token(url)
        headers = {} if body is None else {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        content = None if body is None else to_json(body)
        try:
            async with self._client.stream(method, url, content=content, headers=headers) as answer:
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
