"""RequestsHttp against a real server: every answer is a value, every silence is Unavailable."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt

from shared.adapters.clock import SystemClock
from shared.adapters.http import RequestsHttp
from shared.core.errors import Unavailable, Unreached
from shared.ports import Response
from tests.adapters.support import ManualClock
from tests.busy import allowed
from tests.local_server import LocalServer, ServerAnswer, closed_port

SECOND = timedelta(seconds=1)


@pytest.fixture
def http() -> RequestsHttp:
    return RequestsHttp(identity_tokens=False, clock=SystemClock())


@pytest.mark.parametrize("status", [200, 202, 204, 301, 400, 404, 429, 500, 503])
def test_any_status_is_an_answer(http: RequestsHttp, status: int) -> None:
    """A refusal or a failure of the service is returned with its body, not raised."""
    body = b"" if status == 204 else "Dončić".encode()
    with LocalServer(ServerAnswer(status, body)) as server:
        assert http.request("GET", server.url, None, SECOND) == Response(status, body.decode())


TEN = ManualClock().now()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *(("0", 0), (" 30 ", 30), ("3600", 3600), ("86400", 3600), ("9" * 400, 3600)),
        *(("Thu, 22 Jan 2026 10:02:00 GMT", 120), ("Thursday, 22-Jan-26 10:02:00 GMT", 120)),
        *(("Thu, 22 Jan 2026 05:02:00 -0500", 120), ("Thu, 22 Jan 2026 09:00:00 GMT", 0)),
        *(("Fri, 23 Jan 2026 10:00:00 GMT", 3600), ("Thu Jan 22 10:02:00 2026", 120)),
        *((None, None), ("soon", None), ("-5", None), ("1.5", None), ("\u0663".encode().decode("latin-1"), None)),
    ],
)
@pytest.mark.parametrize("status", [202, 429, 503])
def test_what_a_service_asks_for_is_told(header: str | None, seconds: int | None, status: int) -> None:
    """Retry-After in both its forms, an hour at most, by the clock of the call; None where nothing can be read."""
    headers = {} if header is None else {"Retry-After": header}
    with LocalServer(ServerAnswer(status, b"", headers)) as server:
        response = RequestsHttp(False, ManualClock()).request("GET", server.url, None, SECOND)
    assert response.retry_at == (None if seconds is None else TEN + seconds * SECOND)


def test_the_body_is_sent_as_compact_json(http: RequestsHttp) -> None:
    """Method, path, content type and bytes arrive as given."""
    with LocalServer() as server:
        http.request("POST", f"{server.url}/process?a=1", {"name": "Dončić", "n": None}, SECOND)
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/process?a=1", '{"name":"Dončić","n":null}'.encode())
    assert asked.headers["Content-Type"] == "application/json"
    assert "Authorization" not in asked.headers


def test_without_a_body_none_is_sent(http: RequestsHttp) -> None:
    """A GET carries neither content nor content type."""
    with LocalServer() as server:
        http.request("GET", f"{server.url}/ready", None, SECOND)
    assert server.asked[0].body == b""
    assert "Content-Type" not in server.asked[0].headers


def test_silence_is_a_timeout(http: RequestsHttp) -> None:
    """A service that does not answer in time raises, names host and limit, and costs no more than that."""
    with LocalServer(ServerAnswer(hang=5)) as server:
        began = time.monotonic()
        with pytest.raises(Unavailable, match=r"timeout after 0\.3 s") as caught:
            http.request("GET", server.url, None, timedelta(seconds=0.3))
        assert time.monotonic() - began < allowed(2)
    assert caught.value.port == server.host
    assert not isinstance(caught.value, Unreached), "it may be at work"


def test_a_body_that_drips_is_a_timeout(http: RequestsHttp) -> None:
    """One byte now and then does not stretch the timeout."""
    with LocalServer(ServerAnswer(body=b"x" * 100, drip=0.1)) as server:
        began = time.monotonic()
        with pytest.raises(Unavailable, match="timeout") as caught:
            http.request("GET", server.url, None, timedelta(seconds=0.5))
        assert time.monotonic() - began < allowed(2)
    assert not isinstance(caught.value, Unreached)


def test_nobody_listening_is_refused(http: RequestsHttp) -> None:
    """A closed port raises and says so in words: nothing can have come of the call (behaviour D11)."""
    with pytest.raises(Unreached, match="connection refused"):
        http.request("GET", f"http://127.0.0.1:{closed_port()}/ready", None, SECOND)


def test_an_unknown_host_is_named(http: RequestsHttp) -> None:
    """A name that does not resolve raises under that name; the call never arrived."""
    with pytest.raises(Unreached) as caught:
        http.request("GET", "http://service.invalid/ready", None, SECOND)
    assert caught.value.port == "service.invalid"


@pytest.mark.parametrize("url", ["", "service", "ftp://service", "http://", "http://[::1"])
def test_an_impossible_url_is_unavailable(http: RequestsHttp, url: str) -> None:
    """A URL that leads nowhere is a service that no call reaches."""
    with pytest.raises(Unreached):
        http.request("GET", url, None, SECOND)


@pytest.mark.parametrize(
    "answer",
    [ServerAnswer(drop=True), ServerAnswer(body=b"half", headers={"Content-Length": "400"})],
    ids=["at once", "midway"],
)
def test_a_connection_that_breaks_is_unavailable(http: RequestsHttp, answer: ServerAnswer) -> None:
    """An answer that is not whole is none, and says nothing of what was done before it broke off."""
    with LocalServer(answer) as server, pytest.raises(Unavailable) as caught:
        http.request("POST", server.url, {"a": 1}, SECOND)
    assert not isinstance(caught.value, Unreached)


def test_a_long_body_is_cut(http: RequestsHttp) -> None:
    """At most 64 KB are read."""
    with LocalServer(ServerAnswer(body=b"x" * 1_000_000)) as server:
        assert len(http.request("GET", server.url, None, 5 * SECOND).body) == 64 * 1024


def test_what_lies_beyond_the_cut_is_not_waited_for(http: RequestsHttp) -> None:
    """A body that breaks off after 64 KB is as good as a whole one."""
    with LocalServer(ServerAnswer(body=b"x" * 64 * 1024, headers={"Content-Length": "1000000"})) as server:
        assert len(http.request("GET", server.url, None, 5 * SECOND).body) == 64 * 1024


def test_bytes_that_are_no_text_are_replaced(http: RequestsHttp) -> None:
    """A body in another encoding is an answer all the same."""
    with LocalServer(ServerAnswer(body=b"ok \xff")) as server:
        assert http.request("GET", server.url, None, SECOND).body == "ok �"


def test_redirects_are_not_followed(http: RequestsHttp) -> None:
    """A redirect is returned; the other host hears nothing."""
    with LocalServer() as other, LocalServer(ServerAnswer(302, headers={"Location": other.url})) as server:
        assert http.request("POST", server.url, {}, SECOND).status == 302
    assert other.asked == []


@pytest.fixture
def issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    """A token endpoint, and a service account's key file that names it, as google-auth finds it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    with LocalServer() as server:
        account = {
            "type": "service_account",
            "client_email": "orch@demo.invalid",
            "private_key": pem,
            "token_uri": server.url,
        }
        path = tmp_path / "key.json"
        path.write_text(json.dumps(account))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        server.pem = pem  # type: ignore[attr-defined]
        yield server


def _token(issuer: LocalServer, expires: datetime, number: int) -> ServerAnswer:
    signer = crypt.RSASigner.from_string(issuer.pem)  # type: ignore[attr-defined]
    claims = {"exp": int(expires.timestamp()), "iat": int(expires.timestamp()) - 3600, "n": number}
    body = json.dumps({"id_token": jwt.encode(signer, claims).decode()}).encode()
    return ServerAnswer(200, body, {"Content-Type": "application/json"})


def _audience(asked_body: bytes) -> str:
    assertion = asked_body.decode().partition("assertion=")[2].partition("&")[0]
    audience: str = jwt.decode(assertion, verify=False)["target_audience"]
    return audience


def test_the_token_is_for_the_service_and_kept_fifty_minutes(issuer: LocalServer) -> None:
    """One token per base URL, without path; a new one after 50 minutes."""
    clock = ManualClock()
    http = RequestsHttp(identity_tokens=True, clock=clock)
    issuer.answers.extend(_token(issuer, clock.now() + timedelta(hours=1, minutes=50 * n), n) for n in range(2))
    with LocalServer() as service:
        for path, wait in [("/ready", 0), ("/process", 49), ("/process", 1)]:
            clock.sleep(timedelta(minutes=wait))
            http.request("POST", service.url + path, {}, SECOND)
    sent = [asked.headers["Authorization"] for asked in service.asked]
    assert sent[0].startswith("Bearer ey")
    assert sent[0] == sent[1] != sent[2]
    assert [_audience(asked.body) for asked in issuer.asked] == [service.url, service.url]


def test_a_token_is_not_used_beyond_its_end(issuer: LocalServer) -> None:
    """A token that has ten minutes left when it is fetched is replaced before they are over."""
    clock = ManualClock()
    http = RequestsHttp(identity_tokens=True, clock=clock)
    issuer.answers.extend(_token(issuer, clock.now() + timedelta(minutes=10 + 60 * n), n) for n in range(2))
    with LocalServer() as service:
        for wait in (0, 7, 2):
            clock.sleep(timedelta(minutes=wait))
            http.request("GET", service.url, None, SECOND)
    sent = [asked.headers["Authorization"] for asked in service.asked]
    assert sent[0] == sent[1] != sent[2]


def test_each_service_has_a_token_of_its_own(issuer: LocalServer) -> None:
    """A token for one host is never sent to another."""
    clock = ManualClock()
    http = RequestsHttp(identity_tokens=True, clock=clock)
    issuer.answers.extend(_token(issuer, clock.now() + timedelta(hours=1), n) for n in range(2))
    with LocalServer() as server, LocalServer() as two:
        http.request("GET", server.url, None, SECOND)
        http.request("GET", two.url, None, SECOND)
    assert server.asked[0].headers["Authorization"] != two.asked[0].headers["Authorization"]


def test_no_token_no_call(issuer: LocalServer) -> None:
    """If no token is to be had the service is unavailable, by its name, and is not called without one."""
    issuer.always = ServerAnswer(400, b'{"error": "invalid_grant"}', {"Content-Type": "application/json"})
    http = RequestsHttp(identity_tokens=True, clock=SystemClock())
    with LocalServer() as service, pytest.raises(Unreached, match="no identity token") as caught:
        http.request("GET", service.url, None, SECOND)
    assert caught.value.port == service.host
    assert service.asked == []


def test_a_netrc_file_does_not_replace_the_token(
    issuer: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials that lie about on the machine are not sent instead of the token."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    issuer.always = _token(issuer, datetime(2099, 1, 1, tzinfo=UTC), 0)
    with LocalServer() as service:
        RequestsHttp(identity_tokens=True, clock=SystemClock()).request("GET", service.url, None, SECOND)
    assert service.asked[0].headers["Authorization"].startswith("Bearer ey")
