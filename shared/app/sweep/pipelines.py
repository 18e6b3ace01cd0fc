"""The sweep of every pipeline of a deployment: one call each, and the fault of one is its own (behaviour 9)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import asdict
from functools import partial
from typing import Any

from shared.app.call import Call, Wrong
from shared.app.context import Context
from shared.app.pipelines import PARAMETER, apart, named
from shared.app.sweep.handler import FAILED, OK, PARTLY, answer, handle_sweep, refuse
from shared.app.sweep.options import parse_options
from shared.app.sweep.sweep import SweepOptions
from shared.core.reporting.findings import Finding, FindingResult

FUNCTION = "self_heal"
# A sweep waits for others most of its time: so many go on side by side, each within its own time limit.
AT_ONCE = 8
Answer = tuple[list[dict[str, Any]] | dict[str, Any], int]
Findings = tuple[list[dict[str, Any]], int]


def answer_all(
    contexts: Sequence[Context], call: Call, ready: Callable[[Context], Context] = lambda ctx: ctx
) -> Answer:
    """Sweep every pipeline, or the one that the body names; what is not understood is refused, and nothing is swept.

    Of several pipelines each finding says its ``pipeline``. The status is 500 if every sweep failed, 207 if something
    of one did. ``ready`` gives a context what only a sweep needs of it.
    """
    if len(contexts) == 1:
        return answer(ready(contexts[0]), call)
    selection = named(contexts, _named_in(call.data))
    if isinstance(selection, Wrong):
        return refuse(contexts[0], selection)
    options = [parse_options(ctx.policy, call) for ctx in selection]
    for ctx, option in zip(selection, options, strict=True):
        if isinstance(option, Wrong):
            return refuse(ctx, option)
    answers = _side_by_side(
        [
            partial(_sweep, ctx, option, ready)
            for ctx, option in zip(selection, options, strict=True)
            if not isinstance(option, Wrong)
        ]
    )
    findings = [
        {PARAMETER: ctx.policy.pipeline, **finding}
        for ctx, (rows, _) in zip(selection, answers, strict=True)
        for finding in rows
    ]
    statuses = {status for _, status in answers}
    return findings, statuses.pop() if len(statuses) == 1 else PARTLY if statuses != {OK} else OK


def _sweep(ctx: Context, options: SweepOptions, ready: Callable[[Context], Context]) -> Findings:
    return apart(
        ctx,
        FUNCTION,
        lambda: handle_sweep(ready(ctx), options),
        lambda error: ([asdict(Finding("sweep", "", error, FindingResult.FAILED))], FAILED),
    )


def _side_by_side(tasks: Sequence[Callable[[], Findings]]) -> list[Findings]:
    """Run tasks in threads, each in a copy of this one's context, by which its log knows the trace of the call."""
    if len(tasks) == 1:
        return [tasks[0]()]
    with ThreadPoolExecutor(min(AT_ONCE, len(tasks))) as pool:
        begun = [pool.submit(copy_context().run, task) for task in tasks]
        return [future.result() for future in begun]


def _named_in(data: bytes) -> object:
    """Return the pipeline that a body names, None where it names none or makes no sense: that is told by its reader."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return body.get(PARAMETER) if isinstance(body, dict) else None
