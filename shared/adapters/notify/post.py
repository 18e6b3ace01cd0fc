"""One call to a service that takes alerts, and what its answer means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from shared.core.errors import Unavailable
from shared.ports import Delivered, Refused, Response

TIMEOUT = timedelta(seconds=3)
_ANSWER_KEPT = 200


class Post(Protocol):
    """POSTs bytes and returns the answer, of any status; raises ``Unavailable`` if none came in time."""

    def __call__(self, url: str, data: bytes, headers: Mapping[str, str], timeout: timedelta) -> Response: ...


def judged(sink: str, response: Response) -> Delivered | Refused:
    """Return what an answer means: 2xx is a delivery, 429 and 5xx may pass and raise ``Unavailable``, with when it may
    be tried again if the service says so; anything else stays a refusal until somebody changes something."""
    answer = f"{response.status} {response.body.strip()[:_ANSWER_KEPT]}".strip()
    if response.status == 429 or response.status >= 500:
        raise Unavailable(sink, answer, response.retry_at)
    return Delivered() if 200 <= response.status < 300 else Refused(f"{sink}: {answer}")


def no_secret(sink: str, name: str) -> Refused:
    """Return the refusal of a sink of which a secret is absent (behaviour A4)."""
    return Refused(f"{sink}: no secret {name}")
