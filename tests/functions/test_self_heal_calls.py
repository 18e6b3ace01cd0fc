"""What is asked of self-heal reaches it as it was sent: body, query and path (behaviour 9)."""

from __future__ import annotations

import pytest

from shared.adapters.local.memory import MemoryStore
from tests.functions.entry import client
from tests.functions.worlds import functions_kit


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_a_post_sweeps(method: str) -> None:
    """A browser, a probe or a preview of a link asks by another method: 405, what to send, and nothing is touched."""
    with functions_kit(MemoryStore()) as opened:
        answer = client("self_heal").open("/", method=method, data=b"")
        assert answer.status_code == 405
        assert opened.store.paths == []
        assert method == "HEAD" or "POST" in answer.get_json()["hint"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/", b"", 200),
        ("/", b"{}", 200),
        ("/", b'{"dry_run": true}', 200),
        ("/", b'{"dry_run": "true"}', 400),
        ("/", b'{"dry_run": true,}', 400),
        ("/?dry_run=true", b"", 400),
        ("/?dry_run=true", b"{}", 400),
        ("/dry_run", b"", 404),
    ],
)
def test_what_is_not_understood_touches_nothing(path: str, body: bytes, status: int) -> None:
    """Refused with a reason and a hint, before any document is looked at; whatever the Content-Type says."""
    for kind in ("application/json", "text/plain", None):
        with functions_kit(MemoryStore()) as opened:
            answer = client("self_heal").post(path, data=body, content_type=kind)
            assert answer.status_code == status
            assert bool(opened.store.paths) == (status == 200)
            assert status == 200 or answer.get_json()["hint"]
