"""Entry point of the function of webhooks: `POST /signals/NAME` proves who calls, and publishes what was sent.

Anybody may call it, so it may do nothing but publish to the topics of signals, and count what it refuses.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from shared import runtime
from shared.app.alerting.unexpected import report_unexpected
from shared.app.transitions.webhooks import answer
from shared.core.errors import OrchError
from shared.entrypoints.answers import JSON, HttpAnswer, call_of, health_answer, json_text

if TYPE_CHECKING:
    from flask import Request

FUNCTION = "webhooks"


def handle(request: Request) -> HttpAnswer:
    """Answer one request: 202 once Pub/Sub has what was sent, 401 without a proof, 503 while Pub/Sub has not."""
    health = health_answer(request, FUNCTION)
    if health is not None:
        return health
    pipelines = runtime.contexts()
    try:
        body, status = answer(pipelines, call_of(request), request.headers.get, runtime.secret)
    except OrchError as error:
        pipelines[0].log("signal.not_taken", severity="WARNING", error=str(error))
        raise
    except Exception as error:
        report_unexpected(pipelines[0], FUNCTION, error, traceback.format_exc())
        raise
    return json_text(body), status, JSON
