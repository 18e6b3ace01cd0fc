"""`bin/analyze-validation-trends`: what recurs most, at what hour, which checks cry wolf, how health moves.

Data goes to standard output, talk to standard error; the exit statuses are those of `orch` (`shell.STATUSES`).
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from shared import runtime
from shared.app.call import Wrong
from shared.app.context import Context
from shared.app.validation import trends
from shared.app.validation.handler import day_in
from shared.cli import trend_page
from shared.cli.entry import call, fail, table
from shared.cli.shell import NOT_FOUND, UNAVAILABLE, USAGE, add_pipeline_option, print_json
from shared.core import commands
from shared.core.texts import amount, duration
from shared.core.validation.recurrence import Analysis, Count, History
from shared.entrypoints.validation import checks

NAME = "analyze-validation-trends"
BAR = 20
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def analyze(
    until: Annotated[str, typer.Option(help="The last day: 2026-01-21, today or yesterday.")] = "today",
    days: Annotated[int, typer.Option(help="How many days.", min=1, max=730)] = 28,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page with plots to this file.")] = None,
) -> None:
    """Show what weeks of validation say: what recurs, at what hour, which checks cry wolf, how health moves.

    Example: bin/analyze-validation-trends --days 56 --html build/trends.html
    """
    ctx = runtime.context()
    last = day_in(ctx, until)
    if isinstance(last, Wrong):
        raise fail(NAME, USAGE, last.reason, last.hint)
    first = last - timedelta(days=days - 1)
    analysis = trends.read(ctx, checks(ctx).record, first, last)
    if not analysis.histories:
        serve = commands.line("serve", "validation_runner")
        hint = f"validation_runner writes it; here, opening /?schedule=midday of: {serve}"
        raise fail(NAME, NOT_FOUND, f"no validation is recorded from {first} to {last}", hint)
    if html is not None:
        _write(html, trend_page.page(analysis, ctx.policy.pipeline))
    if as_json:
        print_json(body(analysis))
    else:
        typer.echo("\n\n".join(answers(ctx, analysis)))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise fail(
            NAME, USAGE, f"{path} cannot be written: {error.strerror}", "name a file in a folder that exists"
        ) from None
    typer.echo(f"wrote {path}", err=True)


def answers(ctx: Context, found: Analysis) -> list[str]:
    """Return the four answers as tables."""
    return [
        f"What recurs most, {found.first} to {found.last}\n" + _recurring(found),
        f"At what hour ({ctx.policy.zone.key})\n" + _hours(found),
        "Which checks cry wolf (half of their alarms were over the next time anybody looked)\n" + _wolves(found),
        "How health moves, by week\n" + _weeks(found),
    ]


def _recurring(found: Analysis) -> str:
    rows = [
        (one.check, str(len(one.alarms)), f"{one.failed}/{one.judged}", str(one.warned), str(one.errors),
         duration(one.longest), one.last_message[:100])
        for one in found.recurring
    ]  # fmt: skip
    headings = ("check", "alarms", "failed", "warned", "broken", "longest", "last said")
    answered = table(headings, rows) if rows else "nothing warned or failed"
    broken = ", ".join(f"{one.check} {one.errors} of {one.judged} times" for one in found.broken)
    return answered + (f"\ncould not be judged: {broken}" if broken else "")


def _hours(found: Analysis) -> str:
    most = max((count.failed + count.warned for count in found.hours.values()), default=0) or 1
    rows = [
        (f"{hour:02}:00", str(count.failed), str(count.warned), str(count.errors), str(count.judged),
         "#" * round(BAR * (count.failed + count.warned) / most))
        for hour, count in found.hours.items()
    ]  # fmt: skip
    return table(("hour", "failed", "warned", "broken", "judged", ""), rows)


def _wolves(found: Analysis) -> str:
    rows = [(wolf.check, f"{wolf.brief} of {len(wolf.alarms)}", wolf.severity.value) for wolf in found.wolves]
    return table(("check", "over at once", "severity"), rows) if rows else "none"


def _weeks(found: Analysis) -> str:
    rows = [
        (str(week), _number(count.health), str(count.failed), str(count.warned), "#" * round((count.health or 0) / 5))
        for week, count in found.weeks.items()
    ]
    silent = (
        f"\nnothing is recorded of {amount(len(found.silent), 'day')}: {_listed(found.silent)}" if found.silent else ""
    )
    return table(("week of", "health", "failed", "warned", ""), rows) + silent


def _listed(days: tuple[date, ...]) -> str:
    shown = ", ".join(str(day) for day in days[:7])
    return f"{shown} ..." if len(days) > 7 else shown


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def body(found: Analysis) -> dict[str, Any]:
    """Return the answers as JSON."""
    return {
        "first": str(found.first),
        "last": str(found.last),
        "days_without_record": [str(day) for day in found.silent],
        "recurring": [_history(one) for one in found.recurring],
        "could_not_be_judged": {one.check: one.errors for one in found.broken},
        "hours": {f"{hour:02}": asdict(count) for hour, count in found.hours.items()},
        "cry_wolf": [_history(wolf) for wolf in found.wolves],
        "health_by_week": _by_day(found.weeks.items()),
        "health_by_day": _by_day(found.days.items()),
    }


def _by_day(counts: Any) -> dict[str, dict[str, Any]]:
    listed: list[tuple[date, Count]] = list(counts)
    return {str(day): asdict(count) for day, count in listed}


def _history(one: History) -> dict[str, Any]:
    return {
        "check": one.check,
        "severity": one.severity.value,
        "judged": one.judged,
        "failed": one.failed,
        "warned": one.warned,
        "broken": one.errors,
        "alarms": len(one.alarms),
        "over_at_once": one.brief,
        "longest_hours": round(one.longest / timedelta(hours=1), 1),
        "last_message": one.last_message,
    }


add_pipeline_option(app)


def main() -> None:
    """Entry point of `bin/analyze-validation-trends`."""
    sys.exit(call(app, sys.argv[1:], NAME, USAGE, UNAVAILABLE))


if __name__ == "__main__":
    main()
