"""An unexpected exception: people are told once, with its trace (behaviour A1)."""

from __future__ import annotations

import traceback

from shared.app.alerting import raise_alerts
from shared.app.context import Context
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.errors import Unavailable
from shared.core.model import Lane
from shared.core.reporting.findings import Finding, FindingResult, Sweep
from shared.core.severity import Severity
from shared.core.texts import say


def report_unexpected(ctx: Context, function: str, error: Exception, trace: str, correlation_id: str = "") -> None:
    """Log and alert an unexpected error of a handler; the caller raises it again."""
    name, message, trace = type(error).__name__, _sayable(str(error)[:500]), _sayable(trace)
    ctx.log(
        "handler.failed",
        severity="ERROR",
        function=function,
        error_type=name,
        error=message,
        correlation_id=correlation_id,
        stack_trace=trace[-2000:],
    )
    where = f" (correlation id {correlation_id})" if correlation_id else ""
    text = say(
        ctx.policy.pipeline,
        function,
        f"{name}: {message}{where}",
        "the platform delivers the message again",
        f"read the trace\n{trace[-2000:]}",
    )
    condition = Condition(AlertKind.ERROR, Severity.CRITICAL, ctx.policy.pipeline, function, name, text)
    try:
        raise_alerts.raise_now(ctx, [condition], occurrence=True)
    except Unavailable as unsent:
        ctx.log("alert.not_stored", severity="ERROR", error=str(unsent))


RUN = "this run cannot be looked at"


def fault(ctx: Context, done: Sweep, run_id: str, error: Exception, what: str = RUN) -> None:
    """Note that one run could not be looked at: a finding, and a critical alert once while it lasts.

    ``what`` says so of something else that all runs depend on; ``run_id`` is the pipeline then.
    """
    name, message = type(error).__name__, _sayable(str(error)[:500])
    trace = _sayable("".join(traceback.format_exception(error)))
    ctx.log("run.failed", severity="ERROR", run_id=run_id, error_type=name, error=message, stack_trace=trace[-2000:])
    done.findings.append(Finding("run", run_id, f"{name}: {message}", FindingResult.FAILED))
    then = "every sweep tries it again" + ("; the other runs go on" if what == RUN else "")
    text = say(run_id, "", f"{what}: {name}: {message}", then, f"read the trace\n{trace[-2000:]}")
    severity = Severity.INFO if run_id.endswith(f"/{Lane.BACKFILL}") else Severity.CRITICAL
    done.say(Condition(AlertKind.FAULT, severity, run_id, "", name, text))


def _sayable(text: str) -> str:
    """Return a text that every store and channel takes: an error may quote half a character."""
    return text.encode("utf-8", "replace").decode()
