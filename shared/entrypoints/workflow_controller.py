"""Entry point of the workflow controller."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from shared.app.alerting.unexpected import report_unexpected
from shared.app.workflows.request import FUNCTION, answer_all
from shared.entrypoints.answers import JSON, HttpAnswer, call_of, health_answer, json_text
from shared.entrypoints.workflows import running, workflows_of
from shared.runtime import contexts

if TYPE_CHECKING:
    from flask import Request


def handle(request: Request) -> HttpAnswer:
    """Answer one call of the controller: what was decided and begun, or 400 and what is known."""
    health = health_answer(request, FUNCTION)
    if health is not None:
        return health
    pipelines = contexts()
    try:
        body, status = answer_all(running(pipelines), workflows_of, call_of(request))
    except Exception as error:
        report_unexpected(pipelines[0], FUNCTION, error, traceback.format_exc())
        raise
    return json_text(body), status, JSON
