"""Entry point of the validation runner."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from shared import runtime
from shared.adapters.config.validation_file import load_validation
from shared.app.alerting.unexpected import report_unexpected
from shared.app.context import Context
from shared.app.validation.handler import answer
from shared.core.validation.checks import Validation
from shared.entrypoints.answers import JSON, HttpAnswer, call_of, health_answer, json_text
from shared.entrypoints.inventory import with_inventory

if TYPE_CHECKING:
    from flask import Request


def handle(request: Request) -> HttpAnswer:
    """Answer one run of the validation: its findings as JSON, or 400 and what was wrong (behaviour 10)."""
    health = health_answer(request, "validation_runner")
    if health is not None:
        return health
    ctx = with_inventory(runtime.context())
    try:
        body, status = answer(ctx, checks(ctx), call_of(request))
    except Exception as error:
        report_unexpected(ctx, "validation_runner", error, traceback.format_exc())
        raise
    return json_text(body), status, JSON


def checks(ctx: Context) -> Validation:
    """Return the checks that belong to a context's policy; raise ``PolicyError`` if their file is wrong."""
    named = runtime.variable("ORCH_VALIDATION")
    path = Path(named) if named else runtime.CONFIG / "validation.yaml"
    return load_validation(path, ctx.policy, runtime.record_dataset(ctx.policy))
