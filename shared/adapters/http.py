"""Http over requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared.adapters.retry_after import retry_at
from shared.adapters.wire import to_json
from shared.core.errors import Unavailable, Unreached
from shared.ports import Clock, Response

if TYPE_CHECKING:
    import requests

_MOST_BYTES = 64 * 1024
_CHUNK = 8 * 1024
_TOKEN_KEPT = timedelta(minutes=50)
_TOKEN_MARGIN = timedelta(minutes=2)


class RequestsHttp:
    """Calls over the network, each on a connection of its own.

    With ``identity_tokens`` each call carries a Google ID token for the base URL it goes to: use it for the
    pipeline's services only. A redirect is an answer like any other and is never followed. Only the first 64 KB
    of a body are read. The first token of an audience is fetched before the call's own timeout begins.
    """

    def __init__(self, identity_tokens: bool, clock: Clock) -> None:
        self._identity_tokens, self._clock = identity_tokens, clock
        self._tokens: dict[str, tuple[str, datetime]] = {}

    def request(self, method: str, url: str, body: Mapping[str, Any] | None, timeout: timedelta) -> Response:
        data = None if body is None else to_json(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        return self._exchange(method, url, data, headers, timeout)

    def post(self, url: str, data: bytes, headers: Mapping[str, str], timeout: timedelta) -> Response:
        """POST bytes with headers; for what is not JSON alone, or is signed. Returns and raises as ``request`` does."""
        return self._exchange("POST", url, data, headers, timeout)

    def _exchange(
        self, method: str, url: str, data: bytes | None, headers: Mapping[str, str], timeout: timedelta
    ) -> Response:
        import requests
        from urllib3.exceptions import HTTPError

        host = _host(url)
        auth = self._bearer(url, host) if self._identity_tokens else None
        deadline = self._clock.now() + timeout
        try:
            # A pooled connection may have died while the instance slept: a fresh one costs less than a failed call.
            with (
                requests.Session() as session,
                session.request(
                    method,
                    url,
                    data=data,
                    headers=dict(headers),
                    auth=auth,
                    timeout=timeout.total_seconds(),
                    allow_redirects=False,
                    stream=True,
                ) as answer,
            ):
                again_at = retry_at(answer.headers.get("Retry-After", ""), self._clock.now())
                return Response(answer.status_code, self._read(answer, host, deadline), again_at)
        except (requests.RequestException, HTTPError) as error:
            kind = Unreached if _never_reached(error) else Unavailable
            raise kind(host, _reason(error, timeout)) from error

    def _read(self, answer: requests.Response, host: str, deadline: datetime) -> str:
        body = b""
        # The socket's timeout starts anew with every byte: a body that drips would never end.
        while chunk := answer.raw.read1(_CHUNK, decode_content=True):
            body += chunk
            if len(body) >= _MOST_BYTES:
                break
            if self._clock.now() >= deadline:
                raise Unavailable(host, f"timeout: the body was not complete, {len(body)} bytes had come")
        return body[:_MOST_BYTES].decode("utf-8", errors="replace")

    def _bearer(self, url: str, host: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
        token = self._token(f"{url.partition(':')[0]}://{host}", host)

        # As an auth callable, so that no entry of a netrc file replaces the header.
        def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers["Authorization"] = f"Bearer {token}"
            return request

        return sign

    def _token(self, audience: str, host: str) -> str:
        from google.auth import jwt
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request
        from google.oauth2 import id_token

        now = self._clock.now()
        kept = self._tokens.get(audience)
        if kept is not None and now < kept[1]:
            return kept[0]
        try:
            token: str = id_token.fetch_id_token(Request(), audience)
            # The metadata server keeps tokens too: a fresh answer may be an old token.
            expires = datetime.fromtimestamp(jwt.decode(token, verify=False)["exp"], UTC)
        except (GoogleAuthError, ValueError) as error:
            raise Unreached(host, f"no identity token for {audience}: {type(error).__name__}: {error}") from error
        self._tokens[audience] = (token, min(now + _TOKEN_KEPT, expires - _TOKEN_MARGIN))
        return token


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc or url
    except ValueError:
        return url


def _never_reached(error: Exception) -> bool:
    """True where no connection came about, so that nothing can have come of the call (behaviour D11)."""
    from ssl import SSLCertVerificationError

    import requests
    from urllib3.exceptions import MaxRetryError, NewConnectionError

    if isinstance(error, requests.ConnectTimeout | ValueError):  # a URL that leads nowhere is a ValueError
        return True
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    stranger = isinstance(reason, Exception) and any(isinstance(arg, SSLCertVerificationError) for arg in reason.args)
    return stranger or isinstance(reason, NewConnectionError)


def _reason(error: Exception, timeout: timedelta) -> str:
    """Name what went wrong in a word a person knows, with the library's words after it."""
    text, kind = str(error), type(error).__name__
    if "Timeout" in kind or "timed out" in text:
        return f"timeout after {timeout.total_seconds():g} s"
    if "Connection refused" in text:
        return "connection refused"
    if "NameResolutionError" in text or "Name or service not known" in text:
        return "host name not known"
    if "SSLError" in text or kind == "SSLError":
        return f"TLS failed: {text}"
    return f"{kind}: {text}"
