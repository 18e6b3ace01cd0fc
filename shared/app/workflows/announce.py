"""The message of a step: published, and noted in the run once it has left."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from shared.app.context import Context
from shared.app.state.compare_and_set import change_value
from shared.app.state.repository import Stored
from shared.app.workflows.store import load_workflow_run, save_workflow_run
from shared.core.workflows.model import topic_of
from shared.core.workflows.runs import WorkflowRun
from shared.ports import Message


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
    """Note that the message of a run's step has left, unless more has happened by now.

    Raises ``Unavailable`` if others write the run all the time: the message is then published once more.
    """
    step = stored.value.step

    def announced(current: Stored[WorkflowRun] | None) -> Stored[WorkflowRun] | None:
        if current is None or current.value.announced >= step:
            return None
        return replace(current, value=replace(current.value, announced=step))

    def reload() -> Stored[WorkflowRun] | None:
        return load_workflow_run(ctx, stored.value.id)

    change_value(stored, announced, partial(save_workflow_run, ctx), reload, stored.value.id)
