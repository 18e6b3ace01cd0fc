"""What is asked of self-heal reaches it as it was sent: body, query and path (behaviour 9)."""

from __future__ import annotations

import pytest

from shared.adapters.local.memory import MemoryStore
from tests.functions.entry import client
from tests.functions.worlds import house


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
        with house(MemoryStore()) as opened:
            answer = client("self_heal").post(path, data=body, content_type=kind)
            assert answer.status_code == status
            assert bool(opened.store.paths) == (status == 200)
            assert status == 200 or answer.get_json()["hint"]
