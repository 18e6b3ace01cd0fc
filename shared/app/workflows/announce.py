"""The message of a step: published, and noted in the run once it has left."""

from __future__ import annotations

from dataclasses import replace

from shared.app.context import Context
from shared.app.state.repository import Stored
from shared.app.workflows.store import load_workflow_run, save_workflow_run
from shared.core.workflows.model import topic_of
from shared.core.workflows.runs import WorkflowRun
from shared.ports import Message

ATTEMPTS = 10


def announce(ctx: Context, run: WorkflowRun) -> None:
    """Publish the message of the step that a run stands at; raise ``Unavailable`` if the bus does not take it."""
    body = {
        "pipeline": run.pipeline,
        "run_id": run.id,
        "workflow": run.workflow,
        "game_date": run.day.isoformat(),
        "window": run.window,
        "step": run.step,
    }
    attributes = {"pipeline": run.pipeline, "workflow": run.workflow, "run_id": run.id}
    ctx.ports.bus.publish(topic_of(run.pipeline), [Message(body, attributes)])
    ctx.log("workflow.step_sent", run_id=run.id, step=run.step)


def note_announced(ctx: Context, stored: Stored[WorkflowRun]) -> None:
    """Note that the message of a run's step has left, unless more has happened by now."""
    step = stored.value.step
    current: Stored[WorkflowRun] | None = stored
    for _ in range(ATTEMPTS):
        if current is None or current.value.announced >= step or current.version is None:
            return
        if save_workflow_run(ctx, Stored(replace(current.value, announced=step), current.version)) is not None:
            return
        current = load_workflow_run(ctx, stored.value.id)
