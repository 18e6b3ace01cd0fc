"""Sending past the state store, which does not answer: an alert would have been kept there (behaviour 8)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.app.alerting.outbox import leading
from shared.app.context import Context
from shared.core.alerting.routing import sinks_of
from shared.core.errors import Unavailable, Undelivered
from shared.ports import Delivered, Notice


@dataclass(frozen=True, slots=True)
class NotSent:
    """Not every sink has it: why, and those that have."""

    reason: str
    taken: tuple[str, ...]


def send_direct(ctx: Context, notice: Notice, run: str, transition: str = "") -> NotSent | None:
    """Send a notice with its links to the sinks of its routes; return None once every one has it. Nothing repeats it
    but the caller."""
    routed = replace(notice, sinks=sinks_of(ctx.policy, notice.kind, notice.severity, transition, ""))
    try:
        answer = ctx.ports.alerts.send(leading(ctx, routed, run, transition, ctx.ports.clock.now()))
    except Unavailable as error:
        ctx.log("alert.unsent", severity="CRITICAL", error=str(error), text=notice.text)
        return NotSent(error.reason, error.taken if isinstance(error, Undelivered) else notice.taken)
    if isinstance(answer, Delivered):
        return None
    ctx.log("alert.refused", severity="CRITICAL", reason=answer.reason, text=notice.text)
    return NotSent(answer.reason, answer.taken)
