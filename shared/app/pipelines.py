"""Which pipelines a call is for, where one deployment serves several, and what they do apart from each other."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from shared.app.alerting.unexpected import report_unexpected
from shared.app.call import Call, Wrong, shown
from shared.app.context import Context
from shared.core.policy.config_error import suggest

T = TypeVar("T")
PARAMETER = "pipeline"


def named(contexts: Sequence[Context], pipeline: object) -> Sequence[Context] | Wrong:
    """Return the contexts that a call is for: that of the pipeline it names, all where it names none (None)."""
    if pipeline is None:
        return contexts
    chosen = [ctx for ctx in contexts if ctx.policy.pipeline == pipeline]
    names = [ctx.policy.pipeline for ctx in contexts]
    near, there_are = suggest(str(pipeline), names), f"there are {', '.join(names)}"
    return chosen or Wrong(
        f"unknown pipeline {shown(pipeline)}", f"{near} {there_are}" if near.endswith("?") else there_are
    )


def of_query(contexts: Sequence[Context], call: Call) -> tuple[Sequence[Context], Call] | Wrong:
    """Return the contexts that ``?pipeline=NAME`` names, all without it, and the call without that parameter."""
    query = list(call.query)
    given = [value for name, value in query if name == PARAMETER]
    if len(given) > 1:
        return Wrong(f"the parameter {PARAMETER} stands twice", f"?{PARAMETER}=NAME once")
    chosen = named(contexts, given[0] if given else None)
    if isinstance(chosen, Wrong):
        return chosen
    return chosen, replace(call, query=[pair for pair in query if pair[0] != PARAMETER])


def apart(ctx: Context, function: str, task: Callable[[], T], failed: Callable[[str], T]) -> T:
    """Do the work of one pipeline; an unexpected error is reported to its people, and does not affect other pipelines.

    ``failed`` makes of the error's text what the caller looks at.
    """
    try:
        return task()
    except Exception as error:  # noqa: BLE001 - becomes an alert, and the answer's status
        report_unexpected(ctx, function, error, traceback.format_exc())
        return failed(f"{type(error).__name__}: {error}"[:500])
