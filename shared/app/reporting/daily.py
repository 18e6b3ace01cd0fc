"""The daily report: what became of yesterday and today, said to people once a day (behaviour 11).

Every part is read on its own; what cannot be read is named in the report. A report that could not be sent is
itself an alert.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from shared.app.alerting import outbox, raise_alerts
from shared.app.alerting.direct import send_direct
from shared.app.call import BAD_REQUEST, Wrong, parameters
from shared.app.context import Context
from shared.app.objectives.statuses import objective_statuses
from shared.app.quarantine.rows import rows
from shared.app.reporting import inventory
from shared.app.reporting.alert_views import open_alerts
from shared.app.reporting.batches import reported as batches_reported
from shared.app.reporting.daily_text import text_of
from shared.app.reporting.health import OK, DeploymentInfo, HealthRequest, HealthResponse
from shared.app.reporting.overview import keys, loads, row
from shared.app.reporting.readable import readable
from shared.app.reporting.workflows import reported
from shared.app.state.repository import Loaded, with_run
from shared.app.transitions.pausing import still_to_end
from shared.app.transitions.preflight import fitness
from shared.app.transitions.readings import read_units
from shared.app.transitions.snapshot import versioned_input
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.calendar import day_of, instant, working_day
from shared.core.decision.completeness import opened_at
from shared.core.decision.gates import Fit, Unfit
from shared.core.decision.snapshot import DecisionInput
from shared.core.errors import Unavailable
from shared.core.model import RunKey
from shared.core.policy.transitions import GateKind
from shared.core.reporting.coverage import band
from shared.core.reporting.objectives import objective_data, objective_text
from shared.core.reporting.page import Cell, Row
from shared.core.severity import Severity
from shared.core.texts import say
from shared.ports import Notice

KIND = AlertKind.REPORT
# Compared where git and gcloud are: what is found is kept there, and no function may read it.
DRIFT = "drift: not readable here: the daily comparison keeps the repository's issue 'Deployment drift'"
# The latest run of each schedule, of one local day.
VALIDATION = """
SELECT schedule_name, run_timestamp, status, message, checks_failed, checks_warned, target_date
FROM `${record}.v_validation_runs`
WHERE run_timestamp >= @first AND run_timestamp < @last AND STARTS_WITH(run_id, @pipeline)
ORDER BY run_timestamp
"""
# What ``?send=`` may say.
SENDING = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def report(ctx: Context, house: DeploymentInfo, asked: HealthRequest) -> HealthResponse:
    """Make the report and answer it; by POST send it too, unless ``?send=false`` or another one of today was sent.

    Reading changes nothing: a report that is read early is still sent at its hour. What is not
    understood sends nothing: 400.
    """
    query = parameters(asked.query.items(), ("send",))
    if isinstance(query, Wrong):
        return HealthResponse(query.status, query.body())
    send = query.get("send", "true").lower()
    if send not in SENDING:
        return HealthResponse(BAD_REQUEST, {"error": f"send is {send[:80]!r}", "hint": "send=true or send=false"})
    made = summary(ctx, house)
    if not SENDING[send] or asked.method != "POST":
        made["sent"] = "not asked for"
    else:
        made["sent"] = _send(ctx, made)
    return HealthResponse(OK, made)


def summary(ctx: Context, house: DeploymentInfo) -> dict[str, Any]:
    """Return the report as JSON holds it, its text included; whatever does not answer, the rest of it is there."""
    now = ctx.ports.clock.now()
    today = ctx.policy.local(now).date()
    yesterday = today - timedelta(days=1)
    unread: list[str] = []
    made: dict[str, Any] = {
        "pipeline": ctx.policy.pipeline,
        "date": today.isoformat(),
        "made_at": ctx.policy.local(now).isoformat(timespec="seconds"),
        "version": ctx.code_version,
        "runs": readable(unread, "runs", lambda: _runs(ctx, (yesterday, today), now)),
        "pauses": readable(unread, "pauses", lambda: list(still_to_end(ctx))),
        "workflows": readable(unread, "workflows", lambda: reported(ctx)),
        "batches": readable(unread, "batches", lambda: batches_reported(ctx)),
        "services": _services(ctx),
        "games": _games(ctx, (yesterday, today), unread),
        "coverage": _coverage(ctx, yesterday, unread),
        "validation": readable(unread, "validation", lambda: _validation(ctx, house, today)),
        "objectives": readable(unread, "objectives", lambda: _objectives(ctx)),
        "alerts_open": readable(unread, "open alerts", lambda: _alerts(ctx)),
        "quarantine": readable(unread, "quarantine", lambda: _quarantine(ctx)),
        "schedules": readable(unread, "schedules", lambda: inventory.schedules(ctx.inventory)),
        "subscriptions": readable(unread, "subscriptions", lambda: inventory.subscriptions(ctx.inventory)),
        "backlog": readable(unread, "backlog of subscriptions", lambda: inventory.backlog(ctx.inventory)),
        "drift": None,
        "could_not_read": unread,
    }
    unread.append(DRIFT)
    return {**made, "text": text_of(ctx.policy, made)}


def _runs(ctx: Context, days: tuple[date, ...], now: datetime) -> list[dict[str, Any]]:
    """Return every run whose date, or whose working day, is one of these, in the order they were worked on."""
    around = sorted({*days, *(day_of(mode, day) for mode in ctx.policy.modes.values() for day in days)})
    run_keys = [key for day in around for key in keys(ctx.policy, day)]
    run_keys = [key for key in run_keys if key.day in days or working_day(key, ctx.policy) in days]
    run_keys.sort(key=lambda key: (working_day(key, ctx.policy), ctx.policy.modes[key.mode].opens_at, key.lane))
    units = read_units(ctx, around)
    runs = []
    for key, loaded in loads(ctx, run_keys).items():
        line = row(ctx.policy, key, loaded, units, now)
        if line is not None:
            whole = loaded if loaded.run is None else with_run(ctx.ports.store, key, loaded.run)
            runs.append(_run(ctx, key, line, whole))
    return runs


def _run(ctx: Context, key: RunKey, line: Row, loaded: Loaded) -> dict[str, Any]:
    return {
        "run": key.id,
        "date": key.day.isoformat(),
        "mode": key.mode,
        "lane": key.lane.value,
        "units": line.units,
        "opened_at": None if loaded.run is None else _iso(ctx, loaded.run.value.opened_at),
        "closed": line.closed,
        "said": line.said,
        "transitions": [_transition(ctx, key, cell, loaded) for cell in line.cells],
    }


def _transition(ctx: Context, key: RunKey, where: Cell, loaded: Loaded) -> dict[str, Any]:
    snapshot = versioned_input(ctx, key, loaded, ctx.policy.transitions[where.transition]).snapshot
    state, plan = snapshot.state, snapshot.state.accepted_plan
    return {
        "transition": where.transition,
        "word": where.word,
        "notes": list(where.notes),
        "opened_at": _iso(ctx, snapshot.seen.opened_at),
        "triggered_at": _iso(ctx, state.triggered_at),
        "confirmed_at": _iso(ctx, state.confirmed_at),
        "reason": "" if plan is None else plan.reason,
        "degraded": plan is not None and plan.degraded,
        "missing": list(snapshot.seen.missing if plan is None else plan.missing),
        "late": _latecomers(ctx, snapshot),
        "last": _last(ctx, snapshot),
    }


def _reported_at(snapshot: DecisionInput, name: str) -> datetime | None:
    """Return when a processor's first report that counts was received (behaviour R7)."""
    completion = snapshot.completions.get(name)
    units = None if snapshot.units is None else snapshot.units.total
    return (
        None if completion is None else opened_at(snapshot.processors[name], completion, units, snapshot.readings.rows)
    )


def _latecomers(ctx: Context, snapshot: DecisionInput) -> list[dict[str, Any]]:
    """Return the processors that were missing at the trigger, and when each reported at last: None for never."""
    plan = snapshot.state.accepted_plan
    missing = () if plan is None else plan.missing
    return [{"processor": name, "at": _iso(ctx, _reported_at(snapshot, name))} for name in missing]


def _last(ctx: Context, snapshot: DecisionInput) -> dict[str, Any] | None:
    """Return the processor whose report the transition waited for longest."""
    names = snapshot.seen.done if snapshot.state.accepted_plan is None else snapshot.state.accepted_plan.completed
    times = {name: at for name in names if (at := _reported_at(snapshot, name)) is not None}
    if not times:
        return None
    name = max(times, key=lambda processor: (times[processor], processor))
    return {"processor": name, "at": _iso(ctx, times[name])}


def _services(ctx: Context) -> list[dict[str, str]]:
    services = []
    for name, service in ctx.policy.services.items():
        answer = fitness(ctx, name)
        if isinstance(answer, Unfit):
            verdict, text = "unfit", answer.text
        elif isinstance(answer, Fit):
            verdict, text = "fit", answer.note or f"answers as {service.identity}"
        else:
            verdict, text = "unchecked", answer.text
        services.append({"service": name, "identity": service.identity, "verdict": verdict, "text": text})
    return services


def _games(ctx: Context, days: tuple[date, ...], unread: list[str]) -> list[dict[str, Any]]:
    """Return how many of each date's units are final; only a date that is over has a band."""
    if ctx.policy.calendar is None:
        return []
    units = read_units(ctx, days)
    if units is None:
        unread.append("games: the calendar does not answer")
        return []
    games = []
    for day in days:
        total, final = units[day].total, units[day].final
        percent = None if not total or final is None else 100 * final / total
        word = "none" if not total else "not over" if percent is None or day == max(days) else band(percent)
        games.append({"date": day.isoformat(), "total": total, "final": final, "percent": percent, "band": word})
    return games


def _coverage(ctx: Context, day: date, unread: list[str]) -> list[dict[str, Any]]:
    """Return yesterday's percentages, as the gates of the mode that works on yesterday read them."""
    worked_on = [mode.name for mode in ctx.policy.modes.values() if mode.partition_offset_days < 0]
    coverage = []
    for gate in ctx.policy.gates.values():
        sql = gate.sql
        if gate.kind is not GateKind.PERCENT or sql is None or not any(gate.binds(mode) for mode in worked_on):
            continue
        before = len(unread)
        number = readable(unread, gate.name, lambda sql=sql: ctx.ports.warehouse.number(sql, day))  # type: ignore[misc]
        if len(unread) == before:
            word = "no number" if number is None else band(number)
            coverage.append({"gate": gate.name, "date": day.isoformat(), "percent": number, "band": word})
    return coverage


def _validation(ctx: Context, house: DeploymentInfo, today: date) -> list[dict[str, Any]]:
    """Return the latest run of each schedule since yesterday's midnight, from the record."""
    first = instant(today - timedelta(days=1), time(0), ctx.policy.zone)
    last = instant(today + timedelta(days=1), time(0), ctx.policy.zone)
    asked = {"first": first, "last": last, "pipeline": f"{ctx.policy.pipeline}/"}
    latest: dict[str, dict[str, Any]] = {}
    for record in ctx.ports.warehouse.query(VALIDATION.replace("${record}", house.record), asked):
        latest[str(record["schedule_name"])] = {
            "schedule": record["schedule_name"],
            "at": _iso(ctx, record["run_timestamp"]),
            "status": record["status"],
            "message": record["message"],
            "failed": record["checks_failed"],
            "warned": record["checks_warned"],
        }
    return list(latest.values())


def _objectives(ctx: Context) -> list[dict[str, Any]]:
    return [{**objective_data(status), "text": objective_text(status)} for status in objective_statuses(ctx)]


def _alerts(ctx: Context) -> list[dict[str, Any]]:
    return [
        {
            "severity": alert.severity,
            "run": alert.run,
            "text": alert.text,
            "since": _iso(ctx, alert.first_at),
            "unsent": alert.unsent,
            "quiet": alert.quiet,
        }
        for alert in open_alerts(ctx)
    ]


def _quarantine(ctx: Context) -> dict[str, Any]:
    kept = rows(ctx)
    why: dict[str, int] = {}
    for entry in kept:
        name = f"{entry.processor or 'no processor'}: {entry.reason}"
        why[name] = why.get(name, 0) + entry.count
    oldest = min((entry.first_at for entry in kept), default=None)
    return {"kept": sum(entry.count for entry in kept), "oldest": _iso(ctx, oldest), "reasons": why}


def _send(ctx: Context, made: dict[str, Any]) -> str:
    """Say the report once a day; return what became of it. One that could not be sent is an alert."""
    condition = Condition(KIND, Severity.INFO, ctx.policy.pipeline, "", made["date"], made["text"])
    path = outbox.path_of(condition.fingerprint)
    try:
        if ctx.ports.store.get(path)[0] is None:
            raise_alerts.raise_now(ctx, [condition])
        [kept] = ctx.ports.store.get(path)
        alert = None if kept is None else outbox.read(kept).alert
        if alert is not None and not alert.unsent:
            return "sent" if alert.notified_at is None else f"sent {_iso(ctx, alert.notified_at)}"
        why = (alert.refused if alert is not None else "") or "no answer; a sweep sends it later"
        raise_alerts.raise_now(ctx, [_unsent(ctx, made["date"], why)])
    except Unavailable as error:
        ctx.log("alert.not_stored", severity="WARNING", error=str(error))
        return _straight(ctx, condition, error)
    ctx.log("report.unsent", severity="ERROR", reason=why)
    return f"not sent: {why}"


def _unsent(ctx: Context, day: str, why: str) -> Condition:
    what = f"the daily report of {day} could not be sent: {why}"
    text = say(ctx.policy.pipeline, "", what, "it stays pending", "POST /report of health_check; look at its channel")
    return Condition(AlertKind.REPORT_UNSENT, Severity.WARNING, ctx.policy.pipeline, "", day, text)


def _straight(ctx: Context, condition: Condition, error: Unavailable) -> str:
    """Send past the store, once for this instance and day: it is where what was said would have been kept."""
    day = date.fromisoformat(condition.subject)
    if ctx.memory.report_sent_on == day:
        return "sent already by this instance"
    plain = Notice(condition.fingerprint, condition.severity.value, condition.kind.value, condition.text)
    unsent = send_direct(ctx, plain, condition.run)
    if unsent is not None:
        return f"not sent: {unsent.reason}; not stored: {error.reason}"
    ctx.memory.report_sent_on = day
    return f"sent, not stored: {error.reason}"


def _iso(ctx: Context, at: datetime | None) -> str | None:
    return None if at is None else ctx.policy.local(at).isoformat(timespec="seconds")
