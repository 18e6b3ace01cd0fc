"""Entry point of the workflow executor: a message is a step of a run, or a report of a scraper."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared import runtime
from shared.adapters import framework
from shared.app.alerting.unexpected import report_unexpected
from shared.app.context import Context
from shared.app.transitions.cloudevents import delivered, message_of, topic_of
from shared.app.workflows import receive as scraper_reports
from shared.app.workflows.executor import execute
from shared.core.errors import OrchError
from shared.core.workflows.files import PHASE
from shared.core.workflows.files import topic_of as files_topic
from shared.core.workflows.model import topic_of as steps_topic
from shared.entrypoints.answers import deployment
from shared.entrypoints.workflows import running, workflows_of

if TYPE_CHECKING:
    from cloudevents.http import CloudEvent

    from shared.ports import Calls


def receive(event: CloudEvent, strange: str = "") -> str:
    """Run the step that a message names, or record what a scraper reports.

    Whatever is raised makes the platform deliver it again.
    ``strange`` says why what came is no message: a report is kept in quarantine as it came, a step is logged; both are
    acknowledged.
    """
    topic = topic_of(event)
    ctx = _recipient(running(runtime.contexts()), topic)
    try:
        body = _body(event)
        if _is_report(ctx, topic, body):
            return scraper_reports.receive(ctx, workflows_of(ctx), delivered(ctx, PHASE, event), strange).handled.value
        if strange or body is None:
            ctx.log("workflow.message_malformed", severity="ERROR", reason=strange or "its data is no JSON object")
            return "malformed"
        return execute(ctx, workflows_of(ctx), calls_of(ctx), body)
    except OrchError as error:
        ctx.log("workflow.step_not_done", severity="WARNING", error=str(error))
        raise
    except Exception as error:
        report_unexpected(ctx, "workflow_executor", error, traceback.format_exc())
        raise


def _is_report(ctx: Context, topic: str, body: Mapping[str, Any] | None) -> bool:
    """True for what came by the scrapers' topic, or by none that is known and tells of a scraper."""
    if topic in (steps_topic(ctx.policy.pipeline), files_topic(ctx.policy.pipeline)):
        return topic == files_topic(ctx.policy.pipeline)
    return body is not None and "run_id" not in body and "processor_name" in body


def _recipient(pipelines: Sequence[Context], topic: str) -> Context:
    """Return the context of the pipeline whose steps or files a topic carries; the first where it says nothing."""
    own = (ctx for ctx in pipelines if topic in (steps_topic(ctx.policy.pipeline), files_topic(ctx.policy.pipeline)))
    return next(own, pipelines[0])


def _body(event: CloudEvent) -> dict[str, Any] | None:
    try:
        body = json.loads(message_of(event))
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def calls_of(ctx: Context) -> Calls:
    """Return where calls are made: over the network, unless the context brings its own."""
    if ctx.calls is not None:
        return ctx.calls
    from shared.adapters.async_http import PooledCalls
    from shared.adapters.clock import SystemClock

    workflows = workflows_of(ctx)
    most = max((step.workers for workflow in workflows.workflows.values() for step in workflow.steps), default=1)
    # As for every other call: Cloud Run sets K_SERVICE, and the network keeps the machine's time.
    return PooledCalls(most, identity_tokens=bool(runtime.variable("K_SERVICE")), clock=SystemClock())


def add_health_route() -> None:
    """Let the executor answer GET /health as well, and take in what comes in any envelope (behaviour R1, 11)."""
    framework.add_health_route(
        lambda: deployment("workflow_executor"),
        receive,
        lambda strange: receive(strange.event, strange.reason),
    )
