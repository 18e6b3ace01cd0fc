"""What comes to the function of batches: acknowledged once recorded, quarantined where it never makes sense (R1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.app.batches.advance import Advanced, Ended, advance
from shared.app.batches.reporting import report
from shared.app.batches.starting import start
from shared.app.context import Context
from shared.app.quarantine.keep import quarantine
from shared.core.batches.arrival import FOREIGN, GoOn, object_of, report_of, start_of
from shared.core.errors import Malformed, Unavailable
from shared.core.message import Delivery
from shared.core.policy.batches import BatchPolicy, start_topic

STARTS = "batches"
"""What stands for the phase of a message that starts a batch, in quarantine."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a message; each of them is acknowledged."""

    what: str
    batch_id: str = ""
    reason: str = ""


def phase_word(declared: BatchPolicy) -> str:
    """Return what stands for the phase of a report, in quarantine."""
    return f"{STARTS}.{declared.name}"


def topic_word(ctx: Context, topic: str) -> str:
    """Return what a topic carries, as `Delivery.phase`; that of starts for a topic that carries nothing of ours."""
    for declared in ctx.policy.batches.values():
        if declared.reports.topic == topic:
            return phase_word(declared)
    return STARTS


def topics(ctx: Context) -> tuple[str, ...]:
    """Return the topics that the function of batches hears."""
    if not ctx.policy.batches:
        return ()
    reports = (declared.reports.topic for declared in ctx.policy.batches.values())
    return (start_topic(ctx.policy.pipeline), *dict.fromkeys(reports))


def recipient(contexts: Sequence[Context], topic: str) -> Context:
    """Return the context of the pipeline whose batches hear a topic; else the first one that has any, else the first:
    somebody has to keep what came."""
    hearing = (ctx for ctx in contexts if topic in topics(ctx))
    having = (ctx for ctx in contexts if ctx.policy.batches)
    return next(hearing, None) or next(having, contexts[0])


def receive(ctx: Context, delivery: Delivery) -> Taken:
    """Take one message in; raise ``Unavailable`` if it must be delivered again."""
    if not delivery.data.strip():
        ctx.log("batch.probe", message_id=delivery.message_id)
        return Taken("probe")
    try:
        return take_in(ctx, delivery)
    except Malformed as wrong:
        if wrong.kind == FOREIGN:
            ctx.log("batch.foreign", message_id=delivery.message_id, reason=wrong.reason)
            return Taken("foreign", reason=wrong.reason)
        quarantine(ctx, delivery, wrong)
        return Taken("quarantined", reason=wrong.reason)


def take_in(ctx: Context, delivery: Delivery) -> Taken:
    """Take one message in; raise ``Malformed`` for one that never makes sense."""
    body = object_of(delivery.data)
    if delivery.phase.startswith(f"{STARTS}."):
        declared = ctx.policy.batches.get(delivery.phase.removeprefix(f"{STARTS}."))
        if declared is None:
            raise Malformed("unknown_batch", f"the policy declares no {delivery.phase} any more")
        member_report = report_of(body, declared)
        return _taken("reported", member_report.batch_id, report(ctx, delivery, member_report))
    asked = start_of(body, ctx.policy)
    if isinstance(asked, GoOn):
        return _go_on(ctx, asked.batch_id)
    return _taken("started", asked.id, start(ctx, delivery, asked))


def _go_on(ctx: Context, batch_id: str) -> Taken:
    """Go on with a batch. The message says nothing that is lost with it: what fails now the next sweep asks again."""
    try:
        advanced = advance(ctx, batch_id)
    except Unavailable as error:
        ctx.log("batch.not_advanced", severity="WARNING", batch_id=batch_id, error=str(error))
        return Taken("went on", batch_id, str(error))
    if advanced.ended is Ended.UNKNOWN:
        ctx.log("batch.unknown", severity="WARNING", batch_id=batch_id)
    return _taken("went on", batch_id, advanced)


def _taken(what: str, batch_id: str, advanced: Advanced) -> Taken:
    return Taken(what, batch_id, advanced.reason)
