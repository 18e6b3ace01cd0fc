"""What a request asks of the page, read from its query (behaviour 11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from shared.app.call import Wrong, date_of, parameters, shown
from shared.app.context import Context
from shared.core.model import Lane, RunKey
from shared.core.reporting.filters import STATES, Filters

NAMES = ("run", "alert", "day", "until", "mode", "state", "q", "refresh")
# Sooner than this a page would be gone before it is read.
SOONEST, LATEST = 10, 3600
LONGEST_TEXT = 100


def filters_of(ctx: Context, query: Mapping[str, str]) -> Filters | Wrong:
    """Return what is asked for; a text that is the id of a run, or a date, asks for that run or date.

    A field of a form that is left empty asks for nothing.
    """
    given = parameters(((name, value.strip()) for name, value in query.items() if value.strip()), NAMES)
    if isinstance(given, Wrong):
        return given
    filters = Filters(run=given.get("run", ""), alert=given.get("alert", ""), mode=given.get("mode", ""))
    if filters.mode and filters.mode not in ctx.policy.modes:
        return Wrong(f"there is no mode {shown(filters.mode)}", f"one of {', '.join(ctx.policy.modes)}")
    state = given.get("state", "")
    if state and state not in STATES:
        return Wrong(f"there is no state {shown(state)}", f"one of {', '.join(STATES)}")
    dates: dict[str, date] = {}
    for name in ("day", "until"):
        if name in given:
            day = date_of(given[name])
            if isinstance(day, Wrong):
                return day
            dates[name] = day
    refresh = _refresh(given.get("refresh"))
    if isinstance(refresh, Wrong):
        return refresh
    filters = replace(filters, state=state, day=dates.get("day"), until=dates.get("until"), refresh=refresh)
    return _searched(ctx, filters, given.get("q", "")[:LONGEST_TEXT])


def _searched(ctx: Context, filters: Filters, text: str) -> Filters:
    if run_key(ctx, text) is not None:
        return replace(filters, run=text.strip("/"))
    day = date_of(text)
    return replace(filters, text=text) if isinstance(day, Wrong) else replace(filters, day=day)


def _refresh(text: str | None) -> int | Wrong | None:
    if text is None:
        return Filters().refresh
    if text == "off":
        return None
    if text.isascii() and text.isdigit() and len(text) <= len(str(LATEST)) and SOONEST <= int(text) <= LATEST:
        return int(text)
    return Wrong(f"refresh is {shown(text)}", f"off, or a number of seconds from {SOONEST} to {LATEST}")


def run_key(ctx: Context, text: str) -> RunKey | None:
    """Read a run's id as it is written everywhere: `nba/2026-01-21/overnight`, with `/backfill` in that lane."""
    parts = text.strip("/").split("/")
    if len(parts) not in (3, 4) or parts[0] != ctx.policy.pipeline or parts[2] not in ctx.policy.modes:
        return None
    lane = parts[3] if len(parts) == 4 else Lane.LIVE.value
    if lane not in (Lane.LIVE.value, Lane.BACKFILL.value):
        return None
    try:
        return RunKey(parts[0], date.fromisoformat(parts[1]), parts[2], Lane(lane))
    except ValueError:
        return None
