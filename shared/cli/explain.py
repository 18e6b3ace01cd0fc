"""`orch explain`: why a transition, or a workflow, decides as it does; now, then, or at a time to come."""

from __future__ import annotations

from contextlib import suppress
from datetime import date as Day
from datetime import datetime, time, timedelta
from typing import Annotated

import typer

from shared import runtime
from shared.app.context import Context
from shared.app.reporting import past, queries
from shared.app.workflows.explanations import explain as explain_workflow
from shared.cli import completion
from shared.cli.shell import NOT_FOUND, REFUSED, USAGE, Json, day_in, fail, key_in, print_json, transition_in
from shared.cli.workflows import loaded, workflow_in
from shared.core import commands
from shared.core.calendar import instant
from shared.core.decision.explain import Explanation
from shared.core.model import RunKey
from shared.core.policy.policy import Policy
from shared.core.wire.instants import YEARS

WORKFLOW = "workflow"


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(explain)


def explain(
    transition: Annotated[
        str, typer.Argument(help="A transition, or the word workflow.", autocompletion=completion.transitions)
    ],
    date: Annotated[str, typer.Argument(help="A date, or the name of a workflow.")],
    mode: Annotated[str | None, typer.Option(help="Which pass over the date.", autocompletion=completion.modes)] = None,
    lane: Annotated[str, typer.Option(help="live or backfill.")] = "live",
    day: Annotated[str | None, typer.Option("--date", help="Of a workflow: one working date.")] = None,
    at: Annotated[
        str | None,
        typer.Option(
            help="As of this time, HH:MM on the working day or ISO 8601: a past one from the record, a later one as "
            "what is known now would decide then."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Explain why a transition decides as it does: what is missing, what comes next, which gate reads what.

    Example: orch explain phase3_to_phase4 2026-01-21 --mode overnight
    Example: orch explain workflow betting_lines --at 2026-01-21T11:30:00-05:00
    """
    ctx = runtime.context()
    if transition == WORKFLOW and transition not in ctx.policy.transitions:
        _explain_workflow(date, day, at, as_json=as_json)
        return
    if day is not None:
        raise fail(USAGE, "--date belongs to a workflow", "the date of a transition stands behind its name")
    key = key_in(ctx, date, mode, lane)
    name = transition_in(ctx.policy, transition, key.mode)
    explanation = _explained(ctx, key, name, None if at is None else _time_in(ctx.policy, at, key.mode, date))
    if explanation.state == "not_open":
        raise fail(NOT_FOUND, f"{key.id} is not open", f"the runs there are: {commands.status()}")
    if as_json:
        print_json(explanation.evidence)
    else:
        typer.echo(explanation.text)


def _explain_workflow(name: str, day: str | None, at: str | None, *, as_json: bool) -> None:
    ctx, workflows = loaded()
    workflow_in(workflows, name)
    working = None if day is None else day_in(day)
    moment = ctx.ports.clock.now()
    if at is not None:
        moment = until_or_past(ctx.policy, at, working or ctx.policy.local(moment).date())
    explanations = explain_workflow(ctx, workflows, name, moment, working)
    if as_json:
        print_json([explanation.evidence for explanation in explanations])
        return
    for explanation in explanations:
        typer.echo(explanation.text)


def until_or_past(policy: Policy, text: str, day: Day) -> datetime:
    """Read a moment: HH:MM on a date, or ISO 8601; exit 2 for what is none."""
    with suppress(ValueError):
        if len(text) == len("06:00"):
            return instant(day, time.fromisoformat(text), policy.zone)
        written = datetime.fromisoformat(text)
        return written if written.tzinfo is not None else instant(written.date(), written.time(), policy.zone)
    raise fail(USAGE, f"--at {text!r} is not a time", "such as 11:30 or 2026-01-21T11:30:00-05:00")


def _explained(ctx: Context, key: RunKey, transition: str, at: datetime | None) -> Explanation:
    """Explain a transition now, then, or as of a time to come; exit 3 if the run was not open then, 4 if the record
    does not reach that time."""
    if at is None or at >= ctx.ports.clock.now():
        return queries.explain(ctx, key, transition, at)
    explanation = past.explain_then(ctx, key, transition, at)
    now = f"as it stands now: {commands.explain(transition, key)}"
    if isinstance(explanation, past.NotOpen):
        raise fail(NOT_FOUND, explanation.reason, f"the runs there are: {commands.status()}")
    if isinstance(explanation, past.Beyond):
        raise fail(REFUSED, explanation.reason, now)
    return explanation


def _time_in(policy: Policy, text: str, mode: str, date: str) -> datetime:
    moment: datetime | None = None
    with suppress(ValueError):
        if len(text) == len("HH:MM"):
            day = day_in(date) - timedelta(days=policy.modes[mode].partition_offset_days)
            return instant(day, time.fromisoformat(text), policy.zone)
        moment = datetime.fromisoformat(text)
    if moment is None or moment.year not in YEARS:
        raise fail(USAGE, f"{text!r} is not a time", "write 06:15, or 2026-01-21T06:15:00-05:00")
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=policy.zone)
