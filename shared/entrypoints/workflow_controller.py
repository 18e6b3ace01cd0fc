"""Entry point of the workflow controller."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from shared.app.alerting.unexpected import report_unexpected
from shared.app.workflows.request import answer
from shared.entrypoints.answers import JSON, HttpAnswer, call_of, health_answer, json_text
from shared.entrypoints.workflows import with_workflows, workflows_of
from shared.runtime import context

if TYPE_CHECKING:
    from flask import Request


def handle(request: Request) -> HttpAnswer:
    """Answer one call of the controller: what was decided and begun, or 400 and what is known."""
    health = health_answer(request, "workflow_controller")
    if health is not None:
        return health
    ctx = with_workflows(context())
    try:
        body, status = answer(ctx, workflows_of(ctx), call_of(request))
    except Exception as error:
        report_unexpected(ctx, "workflow_controller", error, traceback.format_exc())
        raise
    return json_text(body), status, JSON
