"""What the page shows: 14 days, one run, and how the orchestrators are; what cannot be read is said (behaviour 11)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import TypeVar

from shared.app.alerting import outbox
from shared.app.context import INVENTORY as INVENTORY
from shared.app.context import Context
from shared.app.quarantine.rows import COLLECTION as QUARANTINE
from shared.app.reporting.batches import batch_lines
from shared.app.reporting.decisions import decisions
from shared.app.reporting.health import NOT_FOUND, NOT_READY, OK, DeploymentInfo, HealthRequest, HealthResponse, ready
from shared.app.reporting.overview import keys, loads, overview
from shared.app.reporting.queries import explain_all
from shared.app.reporting.timeline import timeline
from shared.app.reporting.workflows import workflow_days
from shared.app.state.repository import load_run
from shared.app.transitions.pausing import still_to_end
from shared.app.transitions.readings import read_units
from shared.core.alerting.quiet import quiet_text
from shared.core.calendar import day_of
from shared.core.errors import PolicyError, Unavailable
from shared.core.model import Lane, RunKey
from shared.core.reporting.page import Fact, OpenAlert, Overview, Page, RunView

T = TypeVar("T")
DAYS = 14


def readable(unread: list[str], what: str, read: Callable[[], T]) -> T | None:
    """Return what can be read; note in ``unread`` what cannot, and why."""
    try:
        return read()
    except Unavailable as error:
        silent = "" if error.port == INVENTORY else f"{error.port} does not answer: "
        unread.append(f"{what}: {silent}{error.reason}")
    except PolicyError as error:
        unread.append(f"{what}: {error}")
    return None


def front(ctx: Context, house: DeploymentInfo, asked: HealthRequest) -> HealthResponse:
    """Return the page, with one run's timeline where ``?run=`` names one."""
    unread: list[str] = []
    run_id = asked.query.get("run", "")
    runs, wrong, status = _run(ctx, run_id, unread) if run_id else ((), "", OK)
    facts = _key_figures(ctx, house)
    days = readable(unread, "the runs of the last days", lambda: _days(ctx, unread))
    title = run_id if runs else ctx.policy.pipeline
    page = Page(
        title=title,
        pipeline=ctx.policy.pipeline,
        zone=ctx.policy.zone,
        now=ctx.ports.clock.now(),
        version=ctx.code_version,
        facts=facts,
        overview=days,
        runs=runs,
        alerts=readable(unread, "open alerts", lambda: open_alerts(ctx)),
        quarantined=readable(unread, "quarantine", lambda: _kept(ctx)),
        pauses=readable(unread, "pauses", lambda: still_to_end(ctx)) or (),
        workflows=() if runs else readable(unread, "workflows", lambda: workflow_days(ctx)) or (),
        batches=readable(unread, "batches", lambda: batch_lines(ctx, tuple(run.timeline.key for run in runs))) or (),
        unread=tuple(unread),
        wrong=wrong,
    )
    return HealthResponse(NOT_READY if status == OK and days is None else status, page)


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


def _run(ctx: Context, run_id: str, unread: list[str]) -> tuple[tuple[RunView, ...], str, int]:
    key = run_key(ctx, run_id)
    if key is None:
        example = f"{ctx.policy.pipeline}/2026-01-21/{next(iter(ctx.policy.modes))}"
        return (), f"{run_id[:80]!r} is not the id of a run; one is written as {example}", NOT_FOUND
    before = len(unread)
    view = readable(unread, key.id, lambda: _view(ctx, key, unread))
    if view is not None:
        return (view,), "", OK
    if len(unread) > before:
        return (), "", NOT_READY
    return (), f"There is no run {key.id}: none was opened, or it is more than 30 days old.", NOT_FOUND


def _view(ctx: Context, key: RunKey, unread: list[str]) -> RunView | None:
    loaded = load_run(ctx.ports.store, key)
    if loaded.run is None:
        return None
    past = readable(unread, f"what blocked {key.id} before", lambda: decisions(ctx, key, loaded))
    return RunView(timeline(ctx, key, loaded, past), tuple(explain_all(ctx, key)))


def _kept(ctx: Context) -> int:
    """Return how many rows of the pipeline are in quarantine."""
    return ctx.ports.store.count(QUARANTINE, {"status": "kept", "pipeline": ctx.policy.pipeline})


def _days(ctx: Context, unread: list[str]) -> Overview:
    days = shown_days(ctx)
    units = read_units(ctx, days)
    if units is None:
        unread.append("the calendar: the warehouse does not answer, so days without a run may be days without games")
    return overview(ctx, days, units)


def shown_days(ctx: Context) -> Sequence[date]:
    """Return today, the 13 dates before it and those ahead that a mode works on already, newest first."""
    today = ctx.policy.local(ctx.ports.clock.now()).date()
    last = max([today, *(day_of(mode, today) for mode in ctx.policy.modes.values())])
    count = DAYS + (last - today).days
    return [last - timedelta(days=back) for back in range(count)]


def _key_figures(ctx: Context, house: DeploymentInfo) -> tuple[Fact, ...]:
    return tuple(
        Fact(dependency.name, dependency.well, dependency.detail, dependency.latency_ms)
        for dependency in ready(ctx, house).dependencies
    )


def open_alerts(ctx: Context) -> tuple[OpenAlert, ...]:
    """Return the alerts whose condition holds, and those still to be sent, the newest first."""
    alerts = {
        document.id: outbox.read(document).alert
        for where in ({"standing": True}, {"unsent": True})
        for document in outbox.own_alerts(ctx, where)
    }
    newest, now = sorted(alerts.values(), key=lambda alert: alert.first_at, reverse=True), ctx.ports.clock.now()
    return tuple(
        OpenAlert(
            alert.severity,
            alert.run,
            alert.text.splitlines()[0] if alert.text else alert.kind,
            alert.first_at,
            (alert.refused or "not sent yet") if alert.unsent else "",
            quiet_text(ctx.policy, alert.quiet, now),
        )
        for alert in newest
    )
