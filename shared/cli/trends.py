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
from shared.cli.entry import call, fail, table
from shared.cli.shell import NOT_FOUND, UNAVAILABLE, USAGE, add_pipeline_option, print_json
from shared.core import commands
from shared.core.texts import amount, duration
from shared.core.validation.recurrence import Analysis, Count, History
from shared.entrypoints.trends import trend_page
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
        _write(html, trend_page(analysis, ctx.policy.pipeline))
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


def answers(ctx: Context, analysis: Analysis) -> list[str]:
    """Return the four answers as tables."""
    return [
        f"What recurs most, {analysis.first} to {analysis.last}\n" + _recurring(analysis),
        f"At what hour ({ctx.policy.zone.key})\n" + _hours(analysis),
        "Which checks cry wolf (half of their alarms were over the next time anybody looked)\n" + _wolves(analysis),
        "How health moves, by week\n" + _weeks(analysis),
    ]


def _recurring(analysis: Analysis) -> str:
    rows = [
        (history.check, str(len(history.alarms)), f"{history.failed}/{history.judged}", str(history.warned),
         str(history.errors), duration(history.longest), history.last_message[:100])
        for history in analysis.recurring
    ]  # fmt: skip
    headings = ("check", "alarms", "failed", "warned", "broken", "longest", "last said")
    answered = table(headings, rows) if rows else "nothing warned or failed"
    broken = ", ".join(f"{history.check} {history.errors} of {history.judged} times" for history in analysis.broken)
    return answered + (f"\ncould not be judged: {broken}" if broken else "")


def _hours(analysis: Analysis) -> str:
    most = max((count.failed + count.warned for count in analysis.hours.values()), default=0) or 1
    rows = [
        (f"{hour:02}:00", str(count.failed), str(count.warned), str(count.errors), str(count.judged),
         "#" * round(BAR * (count.failed + count.warned) / most))
        for hour, count in analysis.hours.items()
    ]  # fmt: skip
    return table(("hour", "failed", "warned", "broken", "judged", ""), rows)


def _wolves(analysis: Analysis) -> str:
    rows = [(wolf.check, f"{wolf.brief} of {len(wolf.alarms)}", wolf.severity.value) for wolf in analysis.wolves]
    return table(("check", "over at once", "severity"), rows) if rows else "none"


def _weeks(analysis: Analysis) -> str:
    rows = [
        (str(week), _number(count.health), str(count.failed), str(count.warned), "#" * round((count.health or 0) / 5))
        for week, count in analysis.weeks.items()
    ]
    silent = (
        f"\nnothing is recorded of {amount(len(analysis.silent), 'day')}: {_listed(analysis.silent)}"
        if analysis.silent
        else ""
    )
    return table(("week of", "health", "failed", "warned", ""), rows) + silent


def _listed(days: tuple[date, ...]) -> str:
    shown = ", ".join(str(day) for day in days[:7])
    return f"{shown} ..." if len(days) > 7 else shown


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def body(analysis: Analysis) -> dict[str, Any]:
    """Return the answers as JSON."""
    return {
        "first": str(analysis.first),
        "last": str(analysis.last),
        "days_without_record": [str(day) for day in analysis.silent],
        "recurring": [_history(history) for history in analysis.recurring],
        "could_not_be_judged": {history.check: history.errors for history in analysis.broken},
        "hours": {f"{hour:02}": asdict(count) for hour, count in analysis.hours.items()},
        "cry_wolf": [_history(wolf) for wolf in analysis.wolves],
        "health_by_week": _by_day(analysis.weeks.items()),
        "health_by_day": _by_day(analysis.days.items()),
    }


def _by_day(counts: Any) -> dict[str, dict[str, Any]]:
    listed: list[tuple[date, Count]] = list(counts)
    return {str(day): asdict(count) for day, count in listed}


def _history(history: History) -> dict[str, Any]:
    return {
        "check": history.check,
        "severity": history.severity.value,
        "judged": history.judged,
        "failed": history.failed,
        "warned": history.warned,
        "broken": history.errors,
        "alarms": len(history.alarms),
        "over_at_once": history.brief,
        "longest_hours": round(history.longest / timedelta(hours=1), 1),
        "last_message": history.last_message,
    }


add_pipeline_option(app)


def main() -> None:
    """Entry point of `bin/analyze-validation-trends`."""
    sys.exit(call(app, sys.argv[1:], NAME, USAGE, UNAVAILABLE))


if __name__ == "__main__":
    main()
