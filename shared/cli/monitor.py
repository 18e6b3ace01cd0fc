"""`bin/monitor-completeness` and `bin/monitor-failures`: the checks of the same name, on their own.

Data goes to standard output, talk to standard error; the exit statuses are ``STATUSES``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, time
from importlib import import_module
from typing import Annotated

import typer

from shared import runtime
from shared.app.call import Wrong
from shared.app.context import Context
from shared.app.validation.handler import day_in
from shared.app.validation.report import result_body
from shared.app.validation.validate import check_all
from shared.cli.entry import call, fail, table
from shared.cli.shell import add_pipeline_option, print_json, statuses_text
from shared.core.validation.checks import Schedule, Status, Target
from shared.core.validation.verdict import Measure, Result, Summary
from shared.entrypoints.validation import checks

NAME = "monitor"
OK, WARNED, FAILED, UNREADABLE, USAGE = 0, 1, 2, 3, 64
STATUSES = {
    OK: "in order",
    WARNED: "a warning",
    FAILED: "a failure",
    UNREADABLE: "something could not be read",
    USAGE: "the call or a file was wrong",
}
COMPLETENESS = ("completeness_14d", "transition_days_14d")
FAILURES = ("consecutive_failures",)
_SHOWN_FIRST = (Status.FAIL, Status.ERROR, Status.WARN, Status.PASS, Status.SKIP)

Until = Annotated[str, typer.Option(help="The last day that counts: 2026-01-21, today or yesterday.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
_ENDS = statuses_text(STATUSES)
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, epilog=_ENDS)


@app.command(epilog=_ENDS)
def completeness(until: Until = "yesterday", as_json: Json = False) -> None:
    """Show for each table and transition on how many of 14 days with games it has anything.

    Warns below 80 percent, fails below 50. Example: bin/monitor-completeness --until 2026-01-21
    """
    raise typer.Exit(_monitor(COMPLETENESS, until, as_json=as_json))


@app.command(epilog=_ENDS)
def failures(until: Until = "yesterday", as_json: Json = False) -> None:
    """Show how often each processor has failed since it last did anything good, in 14 days.

    Warns from 5 failures in a row on, fails from 10. Example: bin/monitor-failures --json
    """
    raise typer.Exit(_monitor(FAILURES, until, as_json=as_json))


def _monitor(names: Sequence[str], until: str, *, as_json: bool) -> int:
    ctx = runtime.context()
    _require_warehouse(ctx)
    validation = checks(ctx)
    lacking = [name for name in names if name not in validation.checks]
    if lacking:
        raise fail(NAME, USAGE, f"{validation.source} has no check {lacking[0]}", "declare it, with its two fixtures")
    target = _target(ctx, until)
    results = check_all(ctx, tuple(validation.checks[name] for name in names), target, None)
    if as_json:
        print_json({"until": target.day.isoformat(), "results": [result_body(result) for result in results]})
    else:
        _show(results, target.day)
    return status_of(results)


def _require_warehouse(ctx: Context) -> None:
    """Raise for an environment that names no warehouse, or lacks its library: a wrong call, not a check that broke."""
    if type(ctx.ports.warehouse).__module__.startswith("shared.adapters.google"):
        import_module("google.api_core.exceptions")


def _target(ctx: Context, until: str) -> Target:
    day = day_in(ctx, until)
    if isinstance(day, Wrong):
        raise fail(NAME, USAGE, day.reason, day.hint)
    schedule = Schedule("monitor", time(0), date_offset=-1)
    return Target(schedule, day, ctx.ports.clock.now(), ctx.policy.zone)


def status_of(results: Sequence[Result]) -> int:
    """Return the exit status: a failure counts most, and what could not be judged is never in order."""
    statuses = {result.status for result in results}
    for status, code in ((Status.FAIL, FAILED), (Status.ERROR, UNREADABLE), (Status.WARN, WARNED)):
        if status in statuses:
            return code
    return OK


def _show(results: Sequence[Result], until: date) -> None:
    for result in results:
        typer.echo(f"{result.check.title}, until {until} ({result.check.thresholds.text})")
        rows = [_row(result, measure) for measure in sorted(result.measures, key=lambda each: _rank(result, each))]
        typer.echo(table(("status", "what", "number", "note"), rows) if rows else f"{result.status}  {result.message}")
        typer.echo("")
    summary = Summary(tuple(results))
    for what in summary.unread:
        typer.echo(f"could not read {what}", err=True)
    typer.echo(summary.message, err=True)


def _rank(result: Result, measure: Measure) -> tuple[int, str]:
    return _SHOWN_FIRST.index(measure.status(result.check)), measure.subject


def _row(result: Result, measure: Measure) -> tuple[str, ...]:
    number = "" if measure.value is None else f"{measure.value:.0f}"
    return measure.status(result.check).value, measure.subject, number, measure.note


add_pipeline_option(app)


def main() -> None:
    """Entry point of the two monitors in `bin/`."""
    sys.exit(call(app, sys.argv[1:], NAME, USAGE, UNREADABLE))


if __name__ == "__main__":
    main()
