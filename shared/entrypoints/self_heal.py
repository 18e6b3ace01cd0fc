"""Entry point of the sweep."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from shared.app.alerting.unexpected import report_unexpected
from shared.app.sweep.pipelines import FUNCTION, answer_all
from shared.entrypoints.answers import JSON, HttpAnswer, call_of, health_answer, json_text
from shared.entrypoints.inventory import with_inventories
from shared.entrypoints.workflows import with_workflows
from shared.runtime import contexts

if TYPE_CHECKING:
    from flask import Request


def handle(request: Request) -> HttpAnswer:
    """Answer one call of the sweep: a JSON list of what was found and done, in every pipeline (behaviour 9)."""
    health = health_answer(request, FUNCTION)
    if health is not None:
        return health
    pipelines = contexts()
    try:
        findings, status = answer_all(with_inventories(pipelines), call_of(request), with_workflows)
    except Exception as error:
        report_unexpected(pipelines[0], FUNCTION, error, traceback.format_exc())
        raise
    return json_text(findings), status, JSON
