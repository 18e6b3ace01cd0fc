"""Entry point of the function of webhooks: `POST /signals/NAME` proves who calls, and publishes what was sent.

Anybody may call it, so it may do nothing but publish to the topics of signals, and reads no more of a body than
it takes.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

from shared import runtime
from shared.app.alerting.unexpected import report_unexpected
from shared.app.call import Call
from shared.app.transitions.webhooks import MOST_BYTES, TOO_LARGE, answer
from shared.core.errors import OrchError
from shared.entrypoints.answers import JSON, HttpAnswer, health_answer, json_text

if TYPE_CHECKING:
    from flask import Request

FUNCTION = "webhooks"
Answer = HttpAnswer | tuple[Iterator[str], int, dict[str, str]]
"""As every function answers, or with a body that is sent as it comes."""


def handle(request: Request) -> Answer:
    """Answer one request: 202 once Pub/Sub has what was sent, 401 without a proof, 503 while Pub/Sub has not."""
    call = Call(request.path, (), _body(request.stream), request.method)
    health = health_answer(request, FUNCTION) if len(call.data) <= MOST_BYTES else None
    if health is not None:
        return health
    pipelines = runtime.contexts()
    try:
        body, status = answer(pipelines, call, request.headers.get, runtime.secret)
    except OrchError as error:
        pipelines[0].log("signal.not_taken", severity="WARNING", error=str(error))
        raise
    except Exception as error:
        report_unexpected(pipelines[0], FUNCTION, error, traceback.format_exc())
        raise
    if status == TOO_LARGE:
        # Of an answer that is no stream the framework reads the rest of the request first, whatever its size.
        return iter([json_text(body)]), status, JSON
    return json_text(body), status, JSON


def _body(stream: IO[bytes]) -> bytes:
    """Return a body; of one that is too large, one byte too many and no more."""
    parts, left = list[bytes](), MOST_BYTES + 1
    while left and (part := stream.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
