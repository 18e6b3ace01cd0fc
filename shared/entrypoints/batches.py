"""Entry point of the function of batches: starts and reports come by push, people ask `/start`, `/status`, `/close`."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from shared.adapters.push import push_of
from shared.app.alerting.unexpected import report_unexpected
from shared.app.batches.http import answer_one_of
from shared.app.batches.receive import receive, recipient
from shared.app.batches.wire import delivery_of
from shared.core.errors import OrchError
from shared.entrypoints.answers import JSON, HttpAnswer, call_of, health_answer, json_text
from shared.runtime import contexts

if TYPE_CHECKING:
    from flask import Request

FUNCTION = "phase5_batches"


def handle(request: Request) -> HttpAnswer:
    """Answer one request: a push is acknowledged once it is recorded; what is raised makes it come again (R1)."""
    health = health_answer(request, FUNCTION)
    if health is not None:
        return health
    pipelines = contexts()
    headers = {name.lower(): value for name, value in request.headers.items()}
    pushed = push_of(request.method, request.path, headers, request.get_data())
    ctx = recipient(pipelines, "" if pushed is None else pushed.topic)
    try:
        if pushed is None:
            body, status = answer_one_of(pipelines, call_of(request))
            return json_text(body), status, JSON
        taken = receive(ctx, delivery_of(ctx, pushed))
    except OrchError as error:
        ctx.log("batch.not_taken", severity="WARNING", error=str(error))
        raise
    except Exception as error:
        report_unexpected(ctx, FUNCTION, error, traceback.format_exc())
        raise
    return json_text({"what": taken.what, "batch_id": taken.batch_id, "reason": taken.reason}), 200, JSON
