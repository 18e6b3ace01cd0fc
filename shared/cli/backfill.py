"""`orch backfill`: a phase is asked for a range of past dates, after a plan that a person has seen (behaviour D9)."""

from __future__ import annotations

import json
import sys
from datetime import date, timedelta
from typing import Annotated, Any

import typer

from shared import runtime
from shared.app.context import Context
from shared.app.operator import backfill as app_backfill
from shared.app.operator.acts import recorded_at
from shared.app.operator.backfill import DateOutcome, Item, Plan, Result
from shared.app.outcome import Why
from shared.cli.operator import By, DryRun, Mode, Reason, who
from shared.cli.shell import NOT_FOUND, REFUSED, UNAVAILABLE, USAGE, fail, key_in, phase_in, print_json
from shared.core import commands
from shared.core.model import Lane
from shared.core.policy.phases import Rerun
from shared.core.texts import amount

MOST_DATES = 366
INTERRUPTED = 128 + 2


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(backfill)


def backfill(
    phase: str,
    first: Annotated[str, typer.Option("--from", help="The oldest date.")],
    last: Annotated[str, typer.Option("--to", help="The newest date, included.")],
    reason: Reason,
    mode: Mode = None,
    per_minute: Annotated[int, typer.Option(min=1, max=60, help="How many dates are asked for in a minute.")] = 1,
    yes: Annotated[bool, typer.Option("--yes", help="Ask for the dates without asking you first.")] = False,
    by: By = None,
    dry_run: DryRun = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Ask a phase to run again for a range of past dates, oldest first, in the backfill lane.

    The plan comes first. Dates without units are left out, and dates whose live run is not over. It ends with the first
    date of which the service does not answer, and says how to go on.

    Exit 0: all were accepted; 3: no date is left to ask for; 4: some were not accepted; 5: something did not answer.

    Example: orch backfill phase3 --from 2026-01-05 --to 2026-01-11 --mode overnight --reason "source corrected"
    """
    ctx = runtime.context()
    name, how, chosen, days = _range_in(ctx, phase, first, last, mode)
    why = Why(reason.strip(), who(by))
    if not why.reason:
        raise fail(USAGE, "--reason is empty", "say why: it is kept with what you do")
    planned = app_backfill.plan(ctx, name, how, chosen, *days, why)
    if not planned.to_ask:
        _say_plan(planned, err=True)
        raise fail(NOT_FOUND, "no date is left to ask for", "each is named above with what speaks against it")
    if dry_run:
        _end_dry(planned, as_json=as_json)
        return
    _say_plan(planned, err=True)
    _want_yes(planned, per_minute, yes=yes, as_json=as_json)
    results = _carry_out(ctx, planned, why, per_minute, as_json=as_json)
    go_on = app_backfill.rest(planned, results, per_minute)
    if as_json:
        print_json(_document(planned, results, go_on))
    _end(planned, results, go_on)


def _range_in(
    ctx: Context, phase: str, first: str, last: str, mode: str | None
) -> tuple[str, Rerun, str, tuple[date, date]]:
    """Read which phase is asked for which dates; exit 2 for what is wrong, 4 for a phase that cannot be asked."""
    begin, end = (key_in(ctx, text, mode, Lane.BACKFILL.value) for text in (first, last))
    name = phase_in(ctx.policy, phase)
    if end.day < begin.day:
        raise fail(USAGE, f"--from {begin.day} is later than --to {end.day}", "name the older date first")
    if (end.day - begin.day).days >= MOST_DATES:
        raise fail(USAGE, f"more than {MOST_DATES} dates", "ask for a part of them first")
    how = ctx.policy.phases[name].rerun
    if how is None:
        raise fail(REFUSED, f"{name} has no rerun in the policy", f"add phases.{name}.rerun")
    if recorded_at(ctx, begin.mode, name) is None:
        modes = [candidate for candidate in ctx.policy.modes if recorded_at(ctx, candidate, name) is not None]
        raise fail(USAGE, f"mode {begin.mode!r} does not pass through {name}", f"one of {', '.join(modes)}")
    return name, how, begin.mode, (begin.day, end.day)


def _say_plan(planned: Plan, *, err: bool) -> None:
    for item in planned.items:
        if item.why_not:
            typer.echo(f"{item.key.day}  left out: {item.why_not}", err=err)
        else:
            body = json.dumps(item.body, ensure_ascii=False, default=str)
            typer.echo(f"{item.key.day}  {item.units}: POST {planned.url} {body}", err=err)
    asked = len(planned.to_ask)
    typer.echo(f"{amount(asked, 'date')} to ask for, {len(planned.items) - asked} left out", err=True)


def _end_dry(planned: Plan, *, as_json: bool) -> None:
    if as_json:
        print_json(_document(planned, [], ""))
    else:
        _say_plan(planned, err=False)
    typer.echo("orch: a dry run: nothing was sent, and nothing changed", err=True)


def _want_yes(planned: Plan, per_minute: int, *, yes: bool, as_json: bool) -> None:
    """Let a person say yes to the plan; where nobody can, `--yes` has to have said it: exit 4 otherwise."""
    what = f"{planned.phase} would be asked for {amount(len(planned.to_ask), 'date')}"
    if yes or (not as_json and sys.stdin.isatty() and typer.confirm(f"orch: {what}. Ask?", err=True)):
        return
    again = app_backfill.rest(planned, [], per_minute)
    raise fail(REFUSED, f"{what}, and nobody said yes", f"nothing was done; if the plan is meant: {again}")


def _carry_out(ctx: Context, planned: Plan, why: Why, per_minute: int, *, as_json: bool) -> list[Result]:
    """Ask, and say each answer when it is there; an interruption says how to go on."""
    results: list[Result] = []
    total = len(planned.to_ask)
    try:
        for result in app_backfill.carried_out(ctx, planned, why, timedelta(minutes=1) / per_minute):
            results.append(result)
            if not as_json:
                typer.echo(f"{result.key.day}  {result.word}: {result.text}")
            typer.echo(f"{len(results)} of {total}: {result.key.day} {result.word}", err=True)
    except KeyboardInterrupt:
        go_on = app_backfill.rest(planned, results, per_minute)
        if as_json:
            print_json(_document(planned, results, go_on))
        if go_on:
            day = planned.to_ask[len(results)].key.day
            typer.echo(f"orch: interrupted; see whether {day} was asked, then go on with: {go_on}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    return results


def _end(planned: Plan, results: list[Result], go_on: str) -> None:
    """Say what is still to be done, and end with the status of the whole."""
    accepted = sum(result.word is DateOutcome.ACCEPTED for result in results)
    typer.echo(f"{accepted} of {len(planned.to_ask)} accepted", err=True)
    for result in results:
        if result.word is not DateOutcome.ACCEPTED and not result.stops:
            typer.echo(
                f"{result.key.day} {result.word}; again: {commands.rerun(planned.phase, result.key, planned.reason)}",
                err=True,
            )
    if results[-1].stops:
        then = f"go on with: {go_on}" if go_on else "it was the last date"
        typer.echo(f"orch: stopped at {results[-1].key.day}: {results[-1].text}\n  hint: {then}", err=True)
        raise typer.Exit(UNAVAILABLE)
    raise typer.Exit(0 if accepted == len(planned.to_ask) else REFUSED)


def _document(planned: Plan, results: list[Result], go_on: str) -> dict[str, Any]:
    by_key = {result.key: result for result in results}
    dates = [_date(item, by_key.get(item.key)) for item in planned.items]
    return {
        "phase": planned.phase,
        "mode": planned.mode,
        "reason": planned.reason,
        "url": planned.url,
        "dates": dates,
        "go_on": go_on or None,
    }


def _date(item: Item, result: Result | None) -> dict[str, Any]:
    word = DateOutcome.LEFT_OUT if item.why_not else DateOutcome.PLANNED if result is None else result.word
    return {
        "date": item.key.day.isoformat(),
        "run": item.key.id,
        "units": item.units or None,
        "state": word.value.replace(" ", "_"),
        "text": item.why_not or (None if result is None else result.text),
        "body": None if item.why_not else item.body,
    }
