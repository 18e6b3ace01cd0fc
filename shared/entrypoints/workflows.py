"""The workflows of the running pipeline, for the functions that decide, run or watch them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from shared import runtime
from shared.adapters.config.workflows_file import load_workflows
from shared.app.context import Context
from shared.core.errors import PolicyError
from shared.core.policy.policy import Policy
from shared.core.workflows.model import Workflows


def workflows_path(policy: Policy) -> Path:
    """Return the workflow file that the environment names, by default the one beside the policy's own file."""
    named = runtime.variable("ORCH_WORKFLOWS")
    return Path(named) if named else Path(policy.source.partition(" + ")[0]).parent / "workflows.yaml"


def workflows_beside(policy: Policy) -> Workflows | None:
    """Return the workflows of the policy's own folder, or those that the environment names; None where there are none.

    Raises ``PolicyError`` for a file that is wrong, or does not fit the policy.
    """
    path = workflows_path(policy)
    return load_workflows(path, policy) if runtime.variable("ORCH_WORKFLOWS") or path.is_file() else None


def with_workflows(ctx: Context) -> Context:
    """Return the context with its workflows; a pipeline without a workflow file has none."""
    if ctx.workflows is not None or not isinstance(ctx.ports, runtime.EnvironmentPorts):
        return ctx
    loaded = ctx.memory.workflows
    if loaded is None:
        loaded = ctx.memory.workflows = workflows_beside(ctx.policy)
        if loaded is None:
            return ctx
    return replace(ctx, workflows=loaded)


def workflows_of(ctx: Context) -> Workflows:
    """Return the workflows of a context; raise ``PolicyError`` where it has none."""
    if ctx.workflows is None:
        hint = "write it, or name another in ORCH_WORKFLOWS"
        raise PolicyError(str(workflows_path(ctx.policy)), "", "there is no workflow file", hint)
    return ctx.workflows
