"""Runs as they are named on a command line: ids, dates, `today` and `yesterday`, and since when."""

from __future__ import annotations

from datetime import date, timedelta

from shared.app.context import Context
from shared.app.reporting.page_query import run_key
from shared.cli.shell import NOT_FOUND, USAGE, Failure, date_in, dates_of_today, fail, today
from shared.core import commands
from shared.core.model import RunKey

# Documents are kept no longer (behaviour T5).
MOST_DAYS = 33


def key_of(ctx: Context, text: str) -> RunKey:
    """Read a run's id; exit 2 for what is none."""
    key = run_key(ctx, text)
    if key is None:
        example = f"{ctx.policy.pipeline}/2026-01-21/{next(iter(ctx.policy.modes))}"
        raise fail(USAGE, f"{text!r} is not the id of a run", f"one is written as {example}: {commands.status()}")
    return key


def no_such_run(key: RunKey) -> Failure:
    """Return the end for a run that is not there: exit 3."""
    return fail(NOT_FOUND, f"there is no run {key.id}", f"the runs there are: {commands.line('runs', 'list')}")


def days_between(ctx: Context, since: str | None, until: str | None, usual: int) -> list[date]:
    """Read the dates of a range, the newest first; without a first one the last ``usual`` of them. A range reaches back
    no further than runs are kept, and no further ahead than one can be open; exit 2 for one that ends before it begins.
    """
    ahead = max((today(ctx), *dates_of_today(ctx)))
    last = ahead if until is None else min(ahead, date_in(ctx, until))
    first = last - timedelta(days=usual - 1) if since is None else date_in(ctx, since)
    if first > last:
        raise fail(USAGE, f"{first} is after {last}", "--since is the first date, --until the last")
    first = max(first, ahead - timedelta(days=MOST_DAYS))
    return [last - timedelta(days=back) for back in range((last - first).days + 1)]
