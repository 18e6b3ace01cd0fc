"""Entry point of the sweep."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from shared.app.alerting.unexpected import report_unexpected
from shared.app.sweep.handler import answer
from shared.entrypoints.answers import JSON, HttpAnswer, call_of, health_answer, json_text
from shared.entrypoints.inventory import with_inventory
from shared.entrypoints.workflows import with_workflows
from shared.runtime import context

if TYPE_CHECKING:
    from flask import Request


def handle(request: Request) -> HttpAnswer:
    """Answer one call of the sweep: a JSON list of what was found and done (behaviour 9)."""
    health = health_answer(request, "self_heal")
    if health is not None:
        return health
    ctx = with_workflows(with_inventory(context()))
    try:
        findings, status = answer(ctx, call_of(request))
    except Exception as error:
        report_unexpected(ctx, "self_heal", error, traceback.format_exc())
        raise
    return json_text(findings), status, JSON
