"""Entry point of the validation runner."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from shared import runtime
from shared.adapters.config.beside import default_file, own_file
from shared.adapters.config.validation_file import load_validation
from shared.app.alerting.unexpected import report_unexpected
from shared.app.context import Context
from shared.app.validation.handler import FUNCTION, answer_all
from shared.core.validation.checks import Validation
from shared.entrypoints.answers import JSON, HttpAnswer, call_of, health_answer, json_text
from shared.entrypoints.inventory import with_inventories

if TYPE_CHECKING:
    from flask import Request


def handle(request: Request) -> HttpAnswer:
    """Answer one run of the validation: its findings as JSON, or 400 and what was wrong (behaviour 10)."""
    health = health_answer(request, FUNCTION)
    if health is not None:
        return health
    contexts = runtime.contexts()
    try:
        body, status = answer_all(with_inventories(contexts), own_checks, call_of(request))
    except Exception as error:
        report_unexpected(contexts[0], FUNCTION, error, traceback.format_exc())
        raise
    return json_text(body), status, JSON


def own_checks(ctx: Context) -> Validation | None:
    """Return the checks of a pipeline: of several each has those of the file that says it is its own, or none."""
    if ctx.several and own_file(ctx.policy, "validation", runtime.CONFIG) is None:
        return None
    return checks(ctx)


def checks(ctx: Context) -> Validation:
    """Return the checks of a pipeline; raise ``PolicyError`` if their file is wrong, or there is none."""
    named = runtime.variable("ORCH_VALIDATION")
    path = Path(named) if named else runtime.CONFIG / "validation.yaml"
    if ctx.several:
        path = own_file(ctx.policy, "validation", runtime.CONFIG) or default_file(ctx.policy, "validation")
    return load_validation(path, ctx.policy, runtime.record_dataset(ctx.policy))
