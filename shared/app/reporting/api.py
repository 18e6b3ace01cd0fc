"""What the page shows as data: JSON with its `schema_version`, and CSV of runs and days (behaviour 11)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.app.call import BAD_REQUEST, Wrong
from shared.app.context import Context
from shared.app.reporting.alert_views import alert_view, open_alerts
from shared.app.reporting.decisions import decisions
from shared.app.reporting.health import (
    NOT_FOUND,
    NOT_READY,
    OK,
    HealthRequest,
    HealthResponse,
    Sheet,
)
from shared.app.reporting.overview import overview
from shared.app.reporting.page_query import filters_of, run_key
from shared.app.reporting.pages import shown_days
from shared.app.reporting.queries import explain_all
from shared.app.reporting.run_statuses import open_statuses, pipeline_problems, statuses_of
from shared.app.reporting.status_document import document, run_data
from shared.app.reporting.timeline import timeline
from shared.app.state.repository import load_run
from shared.app.transitions.readings import read_units
from shared.core.errors import Unavailable
from shared.core.reporting.filters import Filters
from shared.core.reporting.page import AlertView, Cell, Event, OpenAlert, Overview, Row
from shared.core.reporting.run_status import by_problem
from shared.core.reporting.weeks import word_of

SCHEMA_VERSION = 1
PATHS = {
    "/api": "these paths",
    "/api/status": "what is wrong, the worst first, and every open run; mode narrows it down",
    "/api/runs": "the runs of two weeks with their transitions, those that fit mode, state, q; until for earlier ones",
    "/api/runs.csv": "the same, one line for each run",
    "/api/run": "run=ID: one run, why each transition decides as it does, and everything that happened",
    "/api/days": "the runs of two weeks by date; day for one of them, until for earlier ones",
    "/api/days.csv": "the same, one line for each transition",
    "/api/alerts": "open alerts; alert=ID for one, with what it means",
    "/api/report": "the daily report, not sent",
}


def api(ctx: Context, path: str, asked: HealthRequest) -> HealthResponse:
    """Answer a path below `/api`; what cannot be read answers 503, what is not there 404, a wrong question 400."""
    filters = filters_of(ctx, asked.query)
    if isinstance(filters, Wrong):
        return HealthResponse(BAD_REQUEST, _versioned(filters.body()))
    try:
        return _answer(ctx, path, filters)
    except Unavailable as error:
        return HealthResponse(NOT_READY, _versioned({"error": f"{error.port} does not answer: {error.reason}"}))


def _answer(ctx: Context, path: str, filters: Filters) -> HealthResponse:
    match path:
        case "/api":
            return _ok({"paths": dict(PATHS)})
        case "/api/status":
            return _ok(_status(ctx, filters))
        case "/api/run":
            return _run(ctx, filters)
        case "/api/alerts":
            return _alerts(ctx, filters)
        case "/api/runs":
            days = _rows(ctx, filters)
            return _ok({**_window(ctx, days), "runs": [_row(row) for row in days.rows]})
        case "/api/runs.csv":
            return HealthResponse(OK, Sheet("runs.csv", RUN_COLUMNS, tuple(map(_run_line, _rows(ctx, filters).rows))))
        case "/api/days.csv":
            lines = tuple(line for row in _rows(ctx, filters).rows for line in _transition_lines(row))
            return HealthResponse(OK, Sheet("days.csv", TRANSITION_COLUMNS, lines))
        case _:
            days = _rows(ctx, filters)
            by_day: dict[str, list[dict[str, Any]]] = {}
            for row in days.rows:
                by_day.setdefault(row.key.day.isoformat(), []).append(_row(row))
            return _ok({**_window(ctx, days), "days": [{"date": day, "runs": runs} for day, runs in by_day.items()]})


def _ok(body: dict[str, Any]) -> HealthResponse:
    return HealthResponse(OK, _versioned(body))


def _versioned(body: dict[str, Any]) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, **body}


def _status(ctx: Context, filters: Filters) -> dict[str, Any]:
    runs = [run for run in by_problem(open_statuses(ctx)) if filters.mode in ("", run.key.mode)]
    beside = () if filters.mode else pipeline_problems(ctx, runs)
    return document(ctx.policy, runs, beside, ctx.ports.clock.now())


def _run(ctx: Context, filters: Filters) -> HealthResponse:
    key = run_key(ctx, filters.run)
    if key is None:
        example = f"{ctx.policy.pipeline}/2026-01-21/{next(iter(ctx.policy.modes))}"
        body = {"error": f"{filters.run[:80]!r} is not the id of a run", "hint": f"?run=ID, such as {example}"}
        return HealthResponse(NOT_FOUND if filters.run else BAD_REQUEST, _versioned(body))
    loaded = load_run(ctx.ports.store, key)
    if loaded.run is None:
        return HealthResponse(NOT_FOUND, _versioned({"error": f"there is no run {key.id}", "hint": "see /api/runs"}))
    events = timeline(ctx, key, loaded, decisions(ctx, key, loaded)).events
    [status] = statuses_of(ctx, [key])
    return _ok(
        {
            **run_data(ctx.policy, status, ctx.ports.clock.now()),
            "explanations": [explanation.evidence for explanation in explain_all(ctx, key)],
            "events": [_event(event) for event in events],
        }
    )


def _alerts(ctx: Context, filters: Filters) -> HealthResponse:
    if not filters.alert:
        return _ok({"alerts": [_open_alert(alert) for alert in open_alerts(ctx)]})
    view = alert_view(ctx, filters.alert)
    if view is None:
        body = {"error": f"there is no alert {filters.alert[:80]}", "hint": "see /api/alerts"}
        return HealthResponse(NOT_FOUND, _versioned(body))
    return _ok({"alert": _alert(view)})


def _rows(ctx: Context, filters: Filters) -> Overview:
    """Return the runs that are asked for, all of them: who reads data has room."""
    days = shown_days(ctx, filters.until) if filters.day is None else [filters.day]
    listed = overview(ctx, days, read_units(ctx, days))
    rows = tuple(row for row in listed.rows if filters.fits(row) and filters.run in ("", row.key.id))
    return replace(listed, rows=rows)


def _window(ctx: Context, days: Overview) -> dict[str, Any]:
    return {"pipeline": ctx.policy.pipeline, "at": ctx.ports.clock.now().isoformat(),
            "first": days.first.isoformat(), "last": days.last.isoformat()}  # fmt: skip


def _row(row: Row) -> dict[str, Any]:
    word, tone = word_of(row)
    return {
        "run": row.key.id, "date": row.key.day.isoformat(), "mode": row.key.mode, "lane": row.key.lane.value,
        "units": row.units, "closed": row.closed, "word": word, "tone": tone.value, "opened": bool(row.cells),
        "transitions": [_cell(cell) for cell in row.cells],
    }  # fmt: skip


def _cell(cell: Cell) -> dict[str, Any]:
    return {"transition": cell.transition, "word": cell.word, "tone": cell.tone.value, "at": _iso(cell.at),
            "notes": list(cell.notes)}  # fmt: skip


def _event(event: Event) -> dict[str, Any]:
    return {"at": _iso(event.at), "until": _iso(event.until), "kind": event.kind.value, "tone": event.tone.value,
            "subject": event.subject, "text": event.text}  # fmt: skip


def _open_alert(alert: OpenAlert) -> dict[str, Any]:
    return {"id": alert.fingerprint, "severity": alert.severity, "run": alert.run, "text": alert.text,
            "first_at": _iso(alert.first_at), "unsent": alert.unsent, "quiet": alert.quiet}  # fmt: skip


def _alert(view: AlertView) -> dict[str, Any]:
    return {
        "id": view.fingerprint, "title": view.title, "severity": view.severity, "run": view.run,
        "transition": view.transition, "text": view.text, "fires": view.fires, "count": view.count,
        "first_at": _iso(view.first_at), "last_at": _iso(view.last_at), "notified_at": _iso(view.notified_at),
        "resolved_at": _iso(view.resolved_at), "unsent": view.unsent, "quiet": view.quiet, "meaning": view.meaning,
        "action": view.action,
    }  # fmt: skip


RUN_COLUMNS = ("run", "date", "mode", "lane", "units", "opened", "closed", "word", "tone")
TRANSITION_COLUMNS = ("date", "mode", "lane", "run", "units", "transition", "word", "tone", "at", "notes")


def _run_line(row: Row) -> tuple[str, ...]:
    data = _row(row)
    return tuple(_text(data[name]) for name in RUN_COLUMNS)


def _transition_lines(row: Row) -> Iterator[tuple[str, ...]]:
    run = _row(row)
    nothing = {"transition": "", "word": run["word"], "tone": run["tone"], "at": None, "notes": []}
    for transition in run["transitions"] or [nothing]:
        line = {**run, **transition, "notes": "; ".join(transition["notes"])}
        yield tuple(_text(line[name]) for name in TRANSITION_COLUMNS)


def _text(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
