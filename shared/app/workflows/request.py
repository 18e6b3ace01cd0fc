"""A call of the controller: everything that is due, or one workflow that somebody asks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from shared.app.alerting import outage
from shared.app.call import SHOWN, WRONG_METHOD, Call, Wrong, at_root, date_of, shown
from shared.app.context import Context
from shared.app.pipelines import apart
from shared.app.workflows.controller import tick
from shared.app.workflows.manual import begin
from shared.core.errors import Unavailable, is_state_outage
from shared.core.policy.config_error import suggest
from shared.core.workflows.model import Workflows

FUNCTION = "workflow_controller"
KEYS = ("workflow_name", "date", "parameters")
OK, REFUSED, FAILED = 200, 409, 500


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One workflow that somebody asks for; ``day`` None is today."""

    workflow: str
    day: date | None = None
    parameters: dict[str, Any] = field(default_factory=dict)


def answer(ctx: Context, workflows: Workflows, call: Call) -> tuple[dict[str, Any], int]:
    """Decide as a call asks for; what is not understood is refused with what is known, and nothing is decided."""
    asked = run_request_in(workflows, call)
    if isinstance(asked, Wrong):
        ctx.log("workflows.refused", severity="ERROR", reason=asked.reason, hint=asked.hint)
        body = asked.body() | (
            {"keys": list(KEYS), "workflows": list(workflows.workflows)} if asked.status == 400 else {}
        )
        return body, asked.status
    try:
        if asked is not None:
            begun = begin(ctx, workflows, asked.workflow, asked.day, asked.parameters)
            status = OK if begun.run_id else REFUSED
            return {"workflow": asked.workflow, "run_id": begun.run_id, "text": begun.text}, status
        done = tick(ctx, workflows, call.planned_at)
    except Unavailable as error:
        ctx.log("workflows.failed", severity="ERROR", error=str(error))
        if is_state_outage(error):
            outage.down(ctx, error, ctx.ports.clock.now())
        return {"error": str(error), "decisions": []}, FAILED
    outage.up(ctx, ctx.ports.clock.now())
    ctx.log("workflows.decided", decisions=len(done.decisions), begun=done.begun)
    return {"begun": done.begun, "not_sent": done.failed, "decisions": done.decisions}, OK


def answer_all(
    contexts: Sequence[Context], own: Callable[[Context], Workflows], call: Call
) -> tuple[dict[str, Any], int]:
    """Decide in every pipeline, or answer one workflow that the body asks for in the pipeline that has it.

    A workflow of that name in several pipelines is refused: each has a controller's schedule of its own.
    """
    if len(contexts) == 1:
        return answer(contexts[0], own(contexts[0]), call)
    body = _body(call.data)
    name = body.get("workflow_name") if isinstance(body, dict) else None
    if name is not None or isinstance(body, Wrong):
        having = [ctx for ctx in contexts if name in own(ctx).workflows]
        if len(having) > 1:
            names = ", ".join(ctx.policy.pipeline for ctx in having)
            wrong = Wrong(f"{shown(name)} is a workflow of {names}", "give it another name in one of them")
            return wrong.body(), wrong.status
        ctx = (having or contexts)[0]
        return answer(ctx, own(ctx), call)
    answers = {
        ctx.policy.pipeline: apart(
            ctx, FUNCTION, partial(answer, ctx, own(ctx), call), lambda error: ({"error": error}, FAILED)
        )
        for ctx in contexts
    }
    statuses = [status for _, status in answers.values()]
    return {"pipelines": {name: result for name, (result, _) in answers.items()}}, max(statuses)


def run_request_in(workflows: Workflows, call: Call) -> RunRequest | Wrong | None:
    """Return the workflow that a call asks for, None for one that asks for all that is due."""
    wrong = at_root(call.path)
    if wrong is not None:
        return wrong
    if call.method != "POST":
        return Wrong(f"a {call.method[:SHOWN]} does nothing here", 'POST {} or {"workflow_name": NAME}', WRONG_METHOD)
    for name, _ in call.query:
        return Wrong(f"the parameter {name[:SHOWN]!r} of the query is not read", "put it in the body")
    body = _body(call.data)
    if isinstance(body, Wrong):
        return body
    return _run_request(workflows, body) if body else None


def _body(data: bytes) -> dict[str, Any] | Wrong:
    if not data.strip():
        return {}
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        return Wrong(f"the body is no JSON: {str(error)[:200]}", 'such as {"workflow_name": NAME}')
    return body if isinstance(body, dict) else Wrong("the body is not a JSON object", 'such as {"workflow_name": NAME}')


def _run_request(workflows: Workflows, body: dict[str, Any]) -> RunRequest | Wrong:
    for key in body:
        if key not in KEYS:
            return Wrong(f"unknown key {key[:SHOWN]!r}: known are {', '.join(KEYS)}", suggest(key, KEYS))
    name = body.get("workflow_name")
    if name is None:
        return Wrong("workflow_name is missing", f"one of {', '.join(workflows.workflows)}")
    if not isinstance(name, str) or name not in workflows.workflows:
        return Wrong(f"unknown workflow {shown(name)}", suggest(str(name), workflows.workflows))
    parameters = body.get("parameters", {})
    if not isinstance(parameters, dict):
        return Wrong(f"parameters is {shown(parameters)}", 'a mapping, such as {"snapshot_type": "closing"}')
    day = body.get("date")
    if day is None:
        return RunRequest(name, None, parameters)
    parsed = date_of(day)
    return parsed if isinstance(parsed, Wrong) else RunRequest(name, parsed, parameters)
