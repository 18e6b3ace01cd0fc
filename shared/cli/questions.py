"""The verbs that only ask: status, explain, check, simulate."""

from __future__ import annotations

from contextlib import suppress
from datetime import date as Day
from datetime import datetime, time
from pathlib import Path
from typing import Annotated

import typer

from shared import runtime
from shared.app.context import Context
from shared.app.reporting import past, queries
from shared.app.workflows.explanations import explain as explain_workflow
from shared.cli.shell import NOT_FOUND, REFUSED, USAGE, dates_of_today, day_in, fail, key_in, print_json, transition_in
from shared.cli.workflows import loaded, workflow_in
from shared.core import commands
from shared.core.calendar import instant
from shared.core.decision.explain import Explanation
from shared.core.model import RunKey
from shared.core.policy.policy import Policy
from shared.core.policy.silence_check import endless
from shared.core.texts import amount, clock_time
from shared.core.wire.instants import YEARS
from shared.entrypoints.health import render
from shared.entrypoints.workflows import workflows_beside

WORKFLOW = "workflow"
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(status)
    app.command()(explain)
    app.command()(report)
    app.command()(check)
    app.command()(simulate)


def status(
    date: Annotated[
        str | None,
        typer.Argument(help="A date; without it those that are worked on today, and runs of any date that are open."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the runs of a date, transition by transition.

    Example: orch status 2026-01-21
    """
    ctx = runtime.context()
    days = None if date is None else {day_in(date)}
    every = queries.all_runs(ctx)
    still_open = {run.key for run in every if days is None and run.closed_at is None}
    runs = [run for run in every if run.key.day in (days or dates_of_today(ctx)) or run.key in still_open]
    if not runs and days is None:
        runs = every[:6]
    lines = [(run, queries.explain_all(ctx, run.key)) for run in runs]
    if not runs:
        raise fail(
            NOT_FOUND,
            "no run" + (f" of {date}" if date else ""),
            "runs open when their time comes or a message arrives",
        )
    if as_json:
        print_json(
            [
                {
                    "run": run.key.id,
                    "closed": run.closed_at is not None,
                    "transitions": [e.evidence for e in explanations],
                }
                for run, explanations in lines
            ]
        )
        return
    now = ctx.ports.clock.now()
    for run, explanations in lines:
        opened = clock_time(ctx.policy, run.opened_at, now)
        typer.echo(f"{run.key.id}  opened {opened}{', closed' if run.closed_at else ''}")
        for explanation in explanations:
            name, done = explanation.evidence["transition"], len(explanation.done)
            text = f"{explanation.reason}{_text_of(explanation)}"
            typer.echo(f"  {name:<20} {explanation.state:<11} {done} done  {text}")


def _text_of(explanation: Explanation) -> str:
    """Return what an operator told a transition last."""
    acts = explanation.evidence["operator"]
    return f"; {acts[-1]['verb']} by {acts[-1]['by'] or 'an operator'}: {acts[-1]['reason']}" if acts else ""


def explain(
    transition: Annotated[str, typer.Argument(help="A transition, or the word workflow.")],
    date: Annotated[str, typer.Argument(help="A date, or the name of a workflow.")],
    mode: Annotated[str | None, typer.Option(help="Which pass over the date.")] = None,
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


def report(
    date: str,
    html: Annotated[Path | None, typer.Option(help="Write the timelines as a page to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Tell the runs of a date as timelines: who reported when, what the clock said, what was triggered.

    Example: orch report 2026-01-21 --html report.html
    """
    from dataclasses import asdict

    from shared.app.reporting.pages import of_date
    from shared.app.reporting.timeline_text import as_text

    ctx = runtime.context()
    page = of_date(ctx, day_in(date))
    if not page.runs:
        raise fail(NOT_FOUND, f"no run of {date}", f"the runs there are: {commands.status()}")
    for what in page.unread:
        typer.echo(f"orch: could not read {what}", err=True)
    if html is not None:
        _write(html, render(page))
        typer.echo(f"orch: wrote {html}", err=True)
    if as_json:
        print_json([{"run": run.timeline.key.id, **asdict(run.timeline)} for run in page.runs])
    elif html is None:
        typer.echo("\n\n".join(as_text(ctx.policy, run.timeline, page.now) for run in page.runs))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise fail(
            USAGE, f"cannot write {path}: {error.strerror}", "name a file in a folder that you may write to"
        ) from None


def _time_in(policy: Policy, text: str, mode: str, date: str) -> datetime:
    from datetime import time, timedelta

    from shared.core.calendar import instant

    moment: datetime | None = None
    with suppress(ValueError):
        if len(text) == len("HH:MM"):
            day = day_in(date) - timedelta(days=policy.modes[mode].partition_offset_days)
            return instant(day, time.fromisoformat(text), policy.zone)
        moment = datetime.fromisoformat(text)
    if moment is None or moment.year not in YEARS:
        raise fail(USAGE, f"{text!r} is not a time", "write 06:15, or 2026-01-21T06:15:00-05:00")
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=policy.zone)


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


def simulate(
    files: Annotated[list[Path], typer.Argument(help="Scenario files.")],
    timeline: Annotated[bool, typer.Option(help="What happened, minute by minute.")] = False,
    keep: Annotated[Path | None, typer.Option(help="Leave the day in this folder, for orch --home FOLDER.")] = None,
    as_json: Json = False,
) -> None:
    """Play scenarios through the real handlers under a virtual clock.

    Example: orch simulate tests/scenarios/incidents/B1_same_day_one_processor.yaml --timeline
    Example: orch simulate tests/scenarios/own/whole_ordinary_night.yaml --keep /tmp/night
    """
    from shared.simulation.command import simulate as play
    from shared.simulation.kept import KeepError

    if keep is not None and len(files) > 1:
        raise fail(USAGE, "--keep leaves one day, and several files are named", "name one file")
    try:
        ended = play(files, timeline=timeline, as_json=as_json, keep=keep)
    except KeepError as refused:
        raise fail(USAGE, str(refused), refused.hint) from None
    if keep is not None and runtime.is_home(keep):
        typer.echo(f"orch: the day is kept: {commands.at_home(str(keep.resolve()), commands.status())}", err=True)
    raise typer.Exit(ended)
