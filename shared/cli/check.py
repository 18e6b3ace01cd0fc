"""`orch check`: whether a policy file, or a folder of several, is in order."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shared import runtime
from shared.cli.shell import Json, print_json
from shared.core.policy.policy import Policy
from shared.core.policy.silence_check import endless
from shared.core.texts import amount
from shared.entrypoints.workflows import workflows_beside


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(check)


def check(
    policy: Annotated[
        Path | None, typer.Argument(help="A policy file, or a folder of several; without it the one in force.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a policy file: exit 0 and a summary, or 2 and what is wrong where.

    The policies of a folder are checked together too: their topics, and the runs of others that they wait for.

    Refused too is what loads with a warning: a transition of a mode without a due time and without a reason for that,
    a due time after the run has been closed, and a floor that can never refuse.

    Example: orch check config/nba.yaml
    """
    if policy is not None and policy.is_dir():
        policies = [*runtime.policies_in(policy)]
    else:
        policies = [ctx.policy for ctx in runtime.contexts()] if policy is None else [runtime.policy_in(policy)]
    summaries = []
    for pipeline_policy in policies:
        runtime.refuse_idle(pipeline_policy)
        summaries.append(
            _in_order(pipeline_policy, verbose=not as_json) | _workflows_in_order(pipeline_policy, verbose=not as_json)
        )
    if as_json:
        print_json(summaries if len(policies) > 1 or (policy is not None and policy.is_dir()) else summaries[0])


def _in_order(policy: Policy, *, verbose: bool) -> dict[str, object]:
    """Return what a policy that is in order holds, with a line for people where ``verbose``."""
    for end in endless(policy):
        typer.echo(f"warning: {policy.source}: {end.key}: {end.reason}\n  hint: {end.hint}", err=True)
    processors = sum(len(phase.processors) for phase in policy.phases.values())
    summary: dict[str, object] = {
        "pipeline": policy.pipeline,
        "timezone": policy.zone.key,
        "modes": list(policy.modes),
        "phases": len(policy.phases),
        "processors": processors,
        "transitions": list(policy.transitions),
        "gates": list(policy.gates),
    }
    if not verbose:
        return summary
    typer.echo(
        f"{policy.source}: {policy.pipeline} is in order: {amount(len(policy.phases), 'phase')}, "
        f"{amount(processors, 'processor')}, {amount(len(policy.transitions), 'transition')}, "
        f"{amount(len(policy.gates), 'gate')}, modes {', '.join(policy.modes)} ({policy.zone.key})"
    )
    return summary


def _workflows_in_order(policy: Policy, *, verbose: bool) -> dict[str, object]:
    """Return what the workflow file beside a policy holds, nothing where there is none."""
    checked = workflows_beside(policy)
    if checked is None:
        return {}
    if verbose:
        counts = f"{amount(len(checked.workflows), 'workflow')}, {amount(len(checked.scrapers), 'scraper')}"
        typer.echo(f"{checked.source}: in order: {counts}")
    return {"workflows": list(checked.workflows), "scrapers": len(checked.scrapers)}
