"""`orch alerts`: what is wrong, what it means and what to do first, and who is at work on it (behaviour A2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from shared import runtime
from shared.app.context import Context
from shared.app.operator import alerts
from shared.app.operator.alerts import Which, is_open, short_id
from shared.app.operator.rehearsal import rehearsal
from shared.app.outcome import CommandResult, Outcome, Why
from shared.cli.operator import By, DryRun, Reason, end, say_rehearsed, who
from shared.cli.pause import until_in
from shared.cli.shell import FAILED, NOT_FOUND, USAGE, fail, print_json
from shared.core import commands
from shared.core.alerting.alert import Alert
from shared.core.alerting.first_step import first_printed
from shared.core.alerting.kinds import CATALOGUE, AlertKind
from shared.core.alerting.links import links_of
from shared.core.alerting.quiet import QuietKind, quiet_text
from shared.core.alerting.resolution import resolution_text
from shared.core.alerting.titles import title
from shared.core.texts import day_time

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
OfRun = Annotated[
    str | None, typer.Option("--run", help="Those of one run alone, by its id: nba/2026-01-21/overnight.")
]
Ids = Annotated[list[str] | None, typer.Argument(help="Ids as `orch alerts list` prints them, or how they begin.")]
ACKNOWLEDGED_FOR = timedelta(hours=4)

alerts_app = typer.Typer(help="What is wrong, and who is at work on it.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    alerts_app.command("list")(list_alerts)
    alerts_app.command("show")(show)
    alerts_app.command("ack")(ack)
    alerts_app.command("silence")(silence)
    app.add_typer(alerts_app, name="alerts")


def list_alerts(
    over: Annotated[bool, typer.Option("--over", help="Those that are over, of the last 30 days.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Open ones and those that are over.")] = False,
    run: OfRun = None,
    as_json: AsJson = False,
) -> None:
    """List the alerts that are open, the newest first. The exit status is 1 where one is critical or a warning and
    nobody has acknowledged or silenced it.

    Example: orch alerts list --run nba/2026-01-21/overnight --all
    """
    ctx = runtime.context()
    if over and everything:
        raise fail(USAGE, "--over and --all contradict each other", "leave one of the two")
    which = Which.ALL if everything else Which.OVER if over else Which.OPEN
    chosen = alerts.listed(ctx, which, run)
    now = ctx.ports.clock.now()
    if as_json:
        print_json([document(ctx, alert, now) for alert in chosen])
    else:
        for alert in chosen:
            typer.echo(_line(ctx, alert, now))
        typer.echo(f"{len(chosen)} alerts" if len(chosen) != 1 else "1 alert", err=True)
    if any(_wants_somebody(ctx, alert, now) for alert in chosen):
        raise typer.Exit(FAILED)


def show(name: Annotated[str, typer.Argument(help="An id, or how it begins.")], as_json: AsJson = False) -> None:
    """Show one alert: its text, since when, what it means, what to do first.

    Example: orch alerts show held-3f2a9c1d
    """
    ctx = runtime.context()
    alert, now = _named(ctx, name), ctx.ports.clock.now()
    if as_json:
        print_json(document(ctx, alert, now))
        return
    for line in _lines(ctx, alert, now):
        typer.echo(line)


def ack(
    reason: Reason,
    names: Ids = None,
    run: OfRun = None,
    until: Annotated[
        str | None, typer.Option(help="Until when: HH:MM, a date, a date and time; without it four hours.")
    ] = None,
    by: By = None,
    dry_run: DryRun = False,
) -> None:
    """Say that somebody is at work on alerts: they are not repeated until then. A critical one that still holds is
    told again at that time; the end of each is told as ever.

    Example: orch alerts ack held-3f2a9c1d --reason "restarting the scraper"
    """
    _quiet(QuietKind.ACK, names, run, until, reason, by, dry_run=dry_run)


def silence(
    reason: Reason,
    until: Annotated[str, typer.Option(help="Until when: HH:MM, a date, a date and time.")],
    names: Ids = None,
    run: OfRun = None,
    by: By = None,
    dry_run: DryRun = False,
) -> None:
    """Keep alerts from being told until then, even if they end and begin again; what still holds then is told.

    Example: orch alerts silence gate-3f2a9c1d --until 2026-05-20 --reason "the table is being moved"
    """
    _quiet(QuietKind.SILENCE, names, run, until, reason, by, dry_run=dry_run)


def _quiet(
    kind: QuietKind, names: list[str] | None, run: str | None, until: str | None, reason: str, by: str | None, *,
    dry_run: bool,
) -> None:  # fmt: skip
    ctx = runtime.context()
    if not reason.strip():
        raise fail(USAGE, "--reason is empty", "say why: it is kept with what you do")
    if bool(names) == (run is not None):
        raise fail(USAGE, "name alerts, or the run of which all are meant", commands.line("alerts", "list"))
    now = ctx.ports.clock.now()
    ends_at = now + ACKNOWLEDGED_FOR if until is None else until_in(ctx.policy, until, now)
    if run is not None:
        chosen = alerts.listed(ctx, Which.OPEN, run)
        if not chosen:
            raise fail(NOT_FOUND, f"{run} has no open alert", commands.line("alerts", "list"))
    else:
        chosen = [_named(ctx, name) for name in dict.fromkeys(names or ())]
    why = Why(reason.strip(), who(by))
    rehearsed = rehearsal(ctx) if dry_run else None
    acting = ctx if rehearsed is None else rehearsed.ctx
    results = [alerts.quiet(acting, alert.fingerprint, kind, ends_at, why) for alert in chosen]
    if rehearsed is not None:
        say_rehearsed(rehearsed)
    worst = next((result.outcome for result in results if result.outcome is not Outcome.DONE), Outcome.DONE)
    end(CommandResult(worst, "\n".join(result.text for result in results)), rehearsed=rehearsed is not None)


def _named(ctx: Context, name: str) -> Alert:
    fitting = alerts.named(ctx, name)
    if not fitting:
        raise fail(NOT_FOUND, f"there is no alert {name!r}", f"see which there are: {commands.line('alerts', 'list')}")
    if len(fitting) > 1:
        raise fail(USAGE, f"{name!r} fits {len(fitting)} alerts", ", ".join(short_id(alert) for alert in fitting[:5]))
    return fitting[0]


def _wants_somebody(ctx: Context, alert: Alert, now: datetime) -> bool:
    return is_open(alert) and alert.severity != "info" and not quiet_text(ctx.policy, alert.quiet, now)


def _line(ctx: Context, alert: Alert, now: datetime) -> str:
    quiet, text = _quiet_of(ctx, alert, now), _first(alert)
    return f"{short_id(alert)}  {alert.severity:<8}  {_state(ctx, alert)}  {text}" + (f"  [{quiet}]" if quiet else "")


def _quiet_of(ctx: Context, alert: Alert, now: datetime) -> str:
    # An acknowledgement speaks of an open alert, a silence also of those to come.
    return quiet_text(ctx.policy, alert.quiet, now) if is_open(alert) or alert.is_silenced(now) else ""


def _first(alert: Alert) -> str:
    return alert.text.splitlines()[0] if alert.text else alert.kind


def _state(ctx: Context, alert: Alert) -> str:
    if is_open(alert):
        return f"since {day_time(ctx.policy, alert.first_at)}"
    over = alert.resolved_at or alert.ended_at or alert.last_at
    return f"over {day_time(ctx.policy, over)}"


def _lines(ctx: Context, alert: Alert, now: datetime) -> list[str]:
    entry = CATALOGUE.get(AlertKind(alert.kind)) if alert.kind in set(AlertKind) else None
    lines = [
        f"{short_id(alert)}  {alert.severity}  {title(ctx.policy, alert.kind, alert.run, alert.transition)}",
        *(f"  {line}" for line in alert.text.splitlines()),
        f"  {_state(ctx, alert)}; told {_at(ctx, alert.notified_at)}; {alert.count} "
        f"{'time' if alert.count == 1 else 'times'}",
    ]
    if entry is not None:
        lines += [f"  means:  {entry.meaning}", f"  first:  {entry.action}"]
    printed = first_printed(alert.text)
    lines += [f"  paste:  {printed}"] if printed else []
    if not is_open(alert) and alert.ended_at is not None:
        lines.append(f"  {resolution_text(ctx.policy, alert.first_at, alert.ended_at, alert.ended_by)}")
    lines += [f"  {link.text}: {link.url}" for link in links_of(ctx.places, alert.kind, alert.run, alert.first_at)]
    quiet = _quiet_of(ctx, alert, now)
    return [*lines, *([f"  {quiet}"] if quiet else [])]


def _at(ctx: Context, at: datetime | None) -> str:
    return "not yet" if at is None else day_time(ctx.policy, at)


def document(ctx: Context, alert: Alert, now: datetime) -> dict[str, Any]:
    """Return an alert as a script reads it; times are ISO 8601 in UTC."""

    def text(at: datetime | None) -> str | None:
        return None if at is None else at.isoformat()

    quiet = alert.quiet if alert.quiet is not None and alert.quiet.is_in_force(now) else None
    links = links_of(ctx.places, alert.kind, alert.run, alert.first_at)
    return {
        "id": alert.fingerprint, "kind": alert.kind, "severity": alert.severity, "run": alert.run,
        "title": title(ctx.policy, alert.kind, alert.run, alert.transition),
        "transition": alert.transition, "subject": alert.subject, "text": alert.text, "open": is_open(alert),
        "first_at": text(alert.first_at), "last_at": text(alert.last_at), "notified_at": text(alert.notified_at),
        "ended_at": text(alert.ended_at), "ended_by": alert.ended_by, "resolved_at": text(alert.resolved_at),
        "count": alert.count, "unsent": alert.refused if alert.unsent else "",
        "links": [{"text": link.text, "url": link.url} for link in links], "command": first_printed(alert.text),
        "quiet": None if quiet is None else {
            "kind": quiet.kind, "until": text(quiet.until), "reason": quiet.reason, "by": quiet.by,
        },
    }  # fmt: skip
