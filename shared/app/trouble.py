"""An exception that nobody expected: people hear of it once, with its trace (behaviour A1)."""

from __future__ import annotations

from shared.app import alerting
from shared.app.context import Context
from shared.core.alerts import Condition, Lasting, Severity
from shared.core.errors import Unavailable
from shared.core.texts import say


def tell(ctx: Context, function: str, error: Exception, trace: str) -> None:
    """Log and alert an unexpected error of a handler; the caller raises it again."""
    name, message = type(error).__name__, str(error)[:500]
    ctx.log(
        "handler.failed", severity="ERROR", function=function, error_type=name, error=message, stack_trace=trace[-2000:]
    )
    text = say(
        ctx.policy.pipeline,
        function,
        f"{name}: {message}",
        "the platform delivers the message again",
        f"read the trace\n{trace[-2000:]}",
    )
    condition = Condition("error", Severity.CRITICAL, ctx.policy.pipeline, function, name, text, Lasting.ONCE)
    try:
        alerting.raise_now(ctx, [condition], occurrence=True)
    except Unavailable as unsent:
        ctx.log("alert.not_stored", severity="ERROR", error=str(unsent))
