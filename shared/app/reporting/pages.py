"""What the page shows: what is wrong first, then what is under way, days, one run, one alert, and how the
orchestrators are; what cannot be read is said (behaviour 11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from shared.app.call import BAD_REQUEST, Wrong
from shared.app.context import Context
from shared.app.quarantine.rows import COLLECTION as QUARANTINE
from shared.app.reporting.alert_views import alert_view, open_alerts
from shared.app.reporting.batches import batch_lines
from shared.app.reporting.decisions import decisions
from shared.app.reporting.health import NOT_FOUND, NOT_READY, OK, DeploymentInfo, HealthRequest, HealthResponse, ready
from shared.app.reporting.overview import keys, loads, overview
from shared.app.reporting.page_query import filters_of, run_key
from shared.app.reporting.queries import explain_all
from shared.app.reporting.readable import readable
from shared.app.reporting.run_statuses import open_statuses, pipeline_problems, statuses_of, statuses_of_dates
from shared.app.reporting.timeline import timeline
from shared.app.reporting.usual import usual_of_run
from shared.app.reporting.welcome import welcome
from shared.app.reporting.workflows import workflow_days
from shared.app.state.measured import read_measured
from shared.app.state.repository import load_run
from shared.app.transitions.pausing import still_to_end
from shared.app.transitions.readings import read_units
from shared.core.calendar import KEPT, day_of, working_day
from shared.core.model import RunKey
from shared.core.reporting.filters import Filters
from shared.core.reporting.objectives import objective_line
from shared.core.reporting.page import Fact, Overview, Page, RunView
from shared.core.reporting.problems import RunProblem, in_order
from shared.core.reporting.progress import is_under_way, progress
from shared.core.reporting.run_status import RunStatus, all_problems, by_problem
from shared.core.reporting.weeks import weeks
from shared.core.texts import duration

DAYS = 14
# What one page holds at most, of however many runs: a reader narrows it down, or opens a date.
MOST_ROWS, MOST_LINES = 60, 24


def front(ctx: Context, house: DeploymentInfo, asked: HealthRequest) -> HealthResponse:
    """Return the page that the query asks for: one run, one date or one alert, else how everything is."""
    filters = filters_of(ctx, asked.query)
    if isinstance(filters, Wrong):
        return _whole(ctx, house, Filters(), f"{filters.reason}; {filters.hint}", BAD_REQUEST)
    if filters.run:
        return _of_run(ctx, house, filters)
    if filters.alert:
        return _of_alert(ctx, house, filters)
    return _of_day(ctx, filters) if filters.day is not None else _whole(ctx, house, filters)


def as_page(ctx: Context, response: HealthResponse) -> HealthResponse:
    """Return the daily report as a page; an answer that is none stays as it is."""
    if response.status != OK or not isinstance(response.body, dict):
        return response
    title = f"{ctx.policy.pipeline} {response.body['date']}: daily report"
    return replace(response, body=replace(_page(ctx, title, Filters(refresh=None)), report=response.body))


def _whole(ctx: Context, house: DeploymentInfo, filters: Filters, wrong: str = "", status: int = OK) -> HealthResponse:
    """Return how everything is: what is wrong, what is under way, the calendar and its runs, alerts and parts."""
    unread: list[str] = []
    facts = _key_figures(ctx, house)
    statuses = readable(unread, "the open runs", lambda: open_statuses(ctx))
    days = readable(unread, "the runs of the last days", lambda: _days(ctx, unread, shown_days(ctx, filters.until)))
    page = _page(ctx, ctx.policy.pipeline, filters, unread)
    if statuses is not None:
        beside = readable(unread, "alerts of no open run", lambda: pipeline_problems(ctx, statuses)) or ()
        page = replace(page, **_now(ctx, statuses, beside))
    if days is not None:
        page = replace(page, **calendar(ctx, days, filters))
    page = replace(
        page,
        facts=facts,
        alerts=readable(unread, "open alerts", lambda: open_alerts(ctx)),
        quarantined=readable(unread, "quarantine", lambda: _kept(ctx)),
        pauses=readable(unread, "pauses", lambda: still_to_end(ctx)) or (),
        workflows=readable(unread, "workflows", lambda: workflow_days(ctx)) or (),
        batches=readable(unread, "batches", lambda: batch_lines(ctx)) or (),
        **(readable(unread, "objectives", lambda: _objectives(ctx)) or {}),
        welcome=welcome(ctx, days) if days is not None and not filters.narrow and filters.until is None else (),
        wrong=wrong,
    )
    return HealthResponse(NOT_READY if status == OK and days is None else status, replace(page, unread=tuple(unread)))


def _objectives(ctx: Context) -> dict[str, Any]:
    """Return how the objectives stood when a sweep measured them last: the record is not asked."""
    measured = read_measured(ctx)
    if measured is None:
        return {}
    lines = tuple(objective_line(status) for status in measured.objectives)
    over = duration(ctx.policy.objectives.window)
    return {"objectives": lines, "objectives_at": measured.at, "objectives_over": over}


def _page(ctx: Context, title: str, filters: Filters, unread: Sequence[str] = ()) -> Page:
    return Page(
        title=title,
        pipeline=ctx.policy.pipeline,
        zone=ctx.policy.zone,
        now=ctx.ports.clock.now(),
        version=ctx.code_version,
        unread=tuple(unread),
        modes=tuple(ctx.policy.modes),
        unit="unit" if ctx.policy.calendar is None else ctx.policy.calendar.unit,
        filters=filters,
    )


def _now(ctx: Context, statuses: Sequence[RunStatus], beside: Sequence[RunProblem]) -> dict[str, Any]:
    """Return what is wrong, and the runs that are under way or due today."""
    now = ctx.ports.clock.now()
    today = ctx.policy.local(now).date()
    lines = [
        line
        for status in by_problem(statuses)
        if is_under_way(line := progress(ctx.policy, status, now)) or working_day(line.key, ctx.policy) == today
    ]
    return {
        "problems": in_order((*all_problems(statuses), *beside)),
        "today": tuple(lines[:MOST_LINES]),
        "today_left": max(len(lines) - MOST_LINES, 0),
    }


def calendar(ctx: Context, days: Overview, filters: Filters) -> dict[str, Any]:
    """Return the calendar, and as many of its runs as a page can hold, the newest date first."""
    today = ctx.policy.local(ctx.ports.clock.now()).date()
    fitting = [row for row in days.rows if filters.fits(row)]
    earlier = days.first - timedelta(days=1)
    later = days.last + timedelta(days=DAYS)
    newest = max(shown_days(ctx))
    return {
        "overview": replace(days, rows=tuple(fitting[:MOST_ROWS])),
        "weeks": weeks(days.first, days.last, today, fitting),
        "rows_left": max(len(fitting) - MOST_ROWS, 0),
        "earlier": earlier if earlier >= today - KEPT else None,
        "later": None if days.last >= newest else min(later, newest),
    }


def _of_run(ctx: Context, house: DeploymentInfo, filters: Filters) -> HealthResponse:
    unread: list[str] = []
    key = run_key(ctx, filters.run)
    if key is None:
        example = f"{ctx.policy.pipeline}/2026-01-21/{next(iter(ctx.policy.modes))}"
        wrong = f"{filters.run[:80]!r} is not the id of a run; one is written as {example}"
        return _whole(ctx, house, filters, wrong, NOT_FOUND)
    view = readable(unread, key.id, lambda: _view(ctx, key, unread))
    if view is None and not unread:
        wrong = f"There is no run {key.id}: none was opened, or it is more than 30 days old."
        return _whole(ctx, house, filters, wrong, NOT_FOUND)
    status = readable(unread, f"what is wrong with {key.id}", lambda: statuses_of(ctx, [key])) or []
    page = replace(
        _page(ctx, key.id, filters),
        runs=() if view is None else (view,),
        problems=all_problems(status),
        batches=readable(unread, "batches", lambda: batch_lines(ctx, (key,))) or (),
        pauses=readable(unread, "pauses", lambda: still_to_end(ctx)) or (),
    )
    return HealthResponse(NOT_READY if view is None else OK, replace(page, unread=tuple(unread)))


def _of_day(ctx: Context, filters: Filters) -> HealthResponse:
    day = filters.day
    assert day is not None
    unread: list[str] = []
    days = readable(unread, f"the runs of {day}", lambda: _days(ctx, unread, [day]))
    page = _page(ctx, f"{ctx.policy.pipeline} {day}", filters)
    if days is not None:
        statuses = readable(unread, "what is wrong", lambda: statuses_of_dates(ctx, [day])) or []
        newest = max(shown_days(ctx))
        page = replace(
            page,
            overview=days,
            problems=all_problems(statuses),
            earlier=day - timedelta(days=1),
            later=day + timedelta(days=1) if day < newest else None,
        )
    return HealthResponse(NOT_READY if days is None else OK, replace(page, unread=tuple(unread)))


def _of_alert(ctx: Context, house: DeploymentInfo, filters: Filters) -> HealthResponse:
    unread: list[str] = []
    view = readable(unread, "the alert", lambda: alert_view(ctx, filters.alert))
    if view is None:
        wrong = f"There is no alert {filters.alert[:80]}: alerts are kept for 30 days after their end."
        return _whole(ctx, house, filters, wrong, NOT_READY if unread else NOT_FOUND)
    return HealthResponse(OK, replace(_page(ctx, view.title, filters), alert=view))


def of_date(ctx: Context, day: date) -> Page:
    """Return the page of one date, as a file is written: its runs and their timelines."""
    unread: list[str] = []
    opened = [key for key, loaded in loads(ctx, keys(ctx.policy, day)).items() if loaded.run is not None]
    runs = [view for key in opened if (view := _view(ctx, key, unread)) is not None]
    units = read_units(ctx, [day])
    if units is None:
        unread.append("the calendar: the warehouse does not answer")
    return Page(
        title=f"{ctx.policy.pipeline} {day}",
        pipeline=ctx.policy.pipeline,
        zone=ctx.policy.zone,
        now=ctx.ports.clock.now(),
        version=ctx.code_version,
        overview=overview(ctx, [day], units),
        runs=tuple(runs),
        unread=tuple(unread),
        linked=False,
    )


def _view(ctx: Context, key: RunKey, unread: list[str]) -> RunView | None:
    loaded = load_run(ctx.ports.store, key)
    if loaded.run is None:
        return None
    past = readable(unread, f"what blocked {key.id} before", lambda: decisions(ctx, key, loaded))
    usual = readable(unread, f"what is usual of {key.id}", lambda: usual_of_run(ctx, key, loaded)) or ()
    return RunView(timeline(ctx, key, loaded, past), tuple(explain_all(ctx, key)), usual)


def _kept(ctx: Context) -> int:
    """Return how many rows of the pipeline are in quarantine."""
    return ctx.ports.store.count(QUARANTINE, {"status": "kept", "pipeline": ctx.policy.pipeline})


def _days(ctx: Context, unread: list[str], days: Sequence[date]) -> Overview:
    units = read_units(ctx, days)
    if units is None:
        unread.append("the calendar: the warehouse does not answer, so days without a run may be days without games")
    return overview(ctx, days, units)


def shown_days(ctx: Context, until: date | None = None) -> Sequence[date]:
    """Return today, the 13 dates before it and those ahead that a mode works on already, newest first; with ``until``
    that date and the 13 before it."""
    today = ctx.policy.local(ctx.ports.clock.now()).date()
    if until is not None and until < today:
        return [until - timedelta(days=back) for back in range(DAYS)]
    last = max([today, *(day_of(mode, today) for mode in ctx.policy.modes.values())])
    count = DAYS + (last - today).days
    return [last - timedelta(days=back) for back in range(count)]


def _key_figures(ctx: Context, house: DeploymentInfo) -> tuple[Fact, ...]:
    return tuple(
        Fact(dependency.name, dependency.well, dependency.detail, dependency.latency_ms)
        for dependency in ready(ctx, house).dependencies
    )
