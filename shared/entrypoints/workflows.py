"""The workflows of the running pipeline, for the functions that decide, run or watch them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from shared import runtime
from shared.adapters.config.beside import default_file, own_file, whose
from shared.adapters.config.workflows_file import load_workflows
from shared.app.context import Context
from shared.core.errors import PolicyError
from shared.core.policy.policy import Policy
from shared.core.workflows.model import Workflows


def workflows_path(policy: Policy) -> Path:
    """Return the workflow file that the environment names, else where the policy's own is or would be, beside it."""
    named = runtime.variable("ORCH_WORKFLOWS")
    return Path(named) if named else own_file(policy, "workflows") or default_file(policy, "workflows")


def workflows_beside(policy: Policy) -> Workflows | None:
    """Return the workflows of a policy, None where there are none.

    Raises ``PolicyError`` for a file that is wrong, does not fit the policy, or is another pipeline's.
    """
    named = runtime.variable("ORCH_WORKFLOWS")
    path = Path(named) if named else own_file(policy, "workflows")
    return None if path is None else load_workflows(path, policy)


def with_workflows(ctx: Context) -> Context:
    """Return the context with its workflows; a pipeline without a workflow file has none."""
    if ctx.workflows is not None or not isinstance(ctx.ports, runtime.EnvironmentPorts):
        return ctx
    if ctx.memory.workflows is None:
        ctx.memory.workflows = _own(ctx.policy, several=ctx.several)
    return ctx if ctx.memory.workflows is None else replace(ctx, workflows=ctx.memory.workflows)


def _own(policy: Policy, *, several: bool) -> Workflows | None:
    """Return the workflows of a policy; of several pipelines each has those of the file that says it is its own."""
    named = runtime.variable("ORCH_WORKFLOWS")
    if several and named and whose(Path(named)) not in ("", policy.pipeline):
        return None
    loaded = workflows_beside(policy)
    if loaded is not None and several and not loaded.pipeline:
        hint = "say whose it is: pipeline: NAME"
        raise PolicyError(loaded.source, "pipeline", "is missing, and several pipelines could be meant", hint)
    return loaded


def workflows_of(ctx: Context) -> Workflows:
    """Return the workflows of a context; raise ``PolicyError`` where it has none."""
    if ctx.workflows is None:
        hint = "write it, or name another in ORCH_WORKFLOWS"
        raise PolicyError(str(workflows_path(ctx.policy)), "", "there is no workflow file", hint)
    return ctx.workflows


def running(contexts: Sequence[Context]) -> list[Context]:
    """Return the contexts of the pipelines that have workflows, each with its own; where none has, the first alone.

    Raises ``PolicyError`` for a file that is wrong.
    """
    having = [ctx for ctx in map(with_workflows, contexts) if ctx.workflows is not None]
    return having or [contexts[0]]
