"""`orch logs RUN`: what was logged of a run, in the cloud by gcloud, on embedded parts from the state itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from deploy.command_line import CommandLine, gcloud
from deploy.manifest import ROOT
from deploy.runner import CommandFailed, Subprocess, ask
from shared import runtime
from shared.app.context import Context
from shared.app.reporting.page_query import run_key
from shared.app.reporting.timeline import timeline
from shared.app.state.repository import load_run
from shared.cli.shell import NOT_FOUND, UNAVAILABLE, USAGE, fail, print_json
from shared.core import commands
from shared.core.model import Run, RunKey
from shared.core.reporting.page import Event, Timeline, in_order
from shared.core.reporting.run_log import log_filter
from shared.core.texts import amount

LABELS = ("run_id", "pipeline", "phase", "commit")
# What the platform and every line say; the rest is what the line is about.
PLAIN = {"message", "severity", "pipeline", "commit", "run", "run_id"}


class LogSeverity(StrEnum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(logs)


def logs(
    run: Annotated[str, typer.Argument(help="The id of a run, such as nba/2026-01-21/overnight.")],
    severity: Annotated[LogSeverity | None, typer.Option(help="Only lines of this severity or a graver one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many lines.")] = 500,
    project: Annotated[str, typer.Option(envvar="GOOGLE_CLOUD_PROJECT", help="The project that has the log.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the gcloud line, and ask nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show what was logged of a run, oldest first: in the cloud what its functions wrote, by gcloud; on embedded parts,
    such as a demo's or a kept day's, the reports, decisions and alerts that its state holds.

    Example: orch logs nba/2026-01-21/overnight --severity WARNING
    """
    ctx = runtime.context()
    key = run_key(ctx, run)
    if key is None:
        example = f"{ctx.policy.pipeline}/2026-01-21/{next(iter(ctx.policy.modes))}"
        raise fail(USAGE, f"{run!r} is not the id of a run", f"it is written as {example}")
    loaded = load_run(ctx.ports.store, key)
    if loaded.run is None:
        raise fail(NOT_FOUND, f"there is no run {key.id}", f"the runs there are: {commands.status()}")
    if runtime.is_embedded():
        if dry_run or severity is not None:
            what = "--dry-run" if dry_run else "--severity"
            raise fail(USAGE, f"{what} is of Cloud Logging, and this state is embedded", "leave it out")
        _print_events(ctx, timeline(ctx, key, loaded), limit, as_json=as_json)
        return
    if not project:
        raise fail(USAGE, "no project is named", "--project, or GOOGLE_CLOUD_PROJECT")
    line = log_line(loaded.run.value, ctx.ports.clock.now(), project, severity or "", limit)
    if dry_run:
        typer.echo(line)
        return
    _print_entries(ctx, key, line, as_json=as_json)


def log_line(run: Run, now: datetime, project: str, severity: str, limit: int) -> CommandLine:
    """Return the gcloud line that reads the log of a run, from its opening on, oldest first."""
    chosen = log_filter(run.key.id, run.opened_at, now, severity)
    # A filter without a time would get one from gcloud: the last day.
    return gcloud("logging read", chosen, project=project, order="asc", limit=limit)


def _print_entries(ctx: Context, key: RunKey, line: CommandLine, *, as_json: bool) -> None:
    try:
        entries = ask(Subprocess(ROOT), line) or []
    except CommandFailed as failed:
        raise fail(UNAVAILABLE, failed.gist, f"run it by hand: {failed.line}") from None
    if as_json:
        print_json({"run": key.id, "entries": entries})
        return
    for entry in entries:
        typer.echo(entry_text(ctx, entry))
    typer.echo(f"{amount(len(entries), 'line')} of {key.id}", err=True)


def entry_text(ctx: Context, entry: Mapping[str, Any]) -> str:
    """Return an entry of Cloud Logging in one line: local time, severity, event, and what else it says."""
    payload = entry.get("jsonPayload")
    fields: Mapping[str, Any] = payload if isinstance(payload, Mapping) else {}
    at = datetime.fromisoformat(str(entry.get("timestamp", "")).replace("Z", "+00:00"))
    message = fields.get("message") or entry.get("textPayload") or ""
    words = " ".join(f"{name}={value}" for name, value in fields.items() if name not in PLAIN)
    severity = str(entry.get("severity", "DEFAULT"))
    return f"{ctx.policy.local(at):%Y-%m-%d %H:%M:%S}  {severity:<8}  {message} {words}".rstrip()


def _print_events(ctx: Context, run_timeline: Timeline, limit: int, *, as_json: bool) -> None:
    events = list(_events(run_timeline))[:limit]
    if as_json:
        lines = [
            {"at": event.at.isoformat(), "kind": event.kind, "text": event.text, "subject": where}
            for where, event in events
        ]
        print_json({"run": run_timeline.key.id, "entries": lines})
        return
    for where, event in events:
        typer.echo(f"{ctx.policy.local(event.at):%Y-%m-%d %H:%M:%S}  {event.kind:<10}  {where}: {event.text}")
    typer.echo(f"{amount(len(events), 'event')} of {run_timeline.key.id}", err=True)


def _events(run_timeline: Timeline) -> Iterator[tuple[str, Event]]:
    """Yield what happened to a run and where: by transition, by the phase that started last, or of the run."""
    by_event = [(leg.cell.transition, event) for leg in run_timeline.legs for event in leg.events]
    by_event += [(run_timeline.last_phase, event) for track in run_timeline.last_tracks for event in track.events]
    by_event += [("run", event) for event in run_timeline.alerts]
    places = {id(event): where for where, event in by_event}
    yield from ((places[id(event)], event) for event in in_order(event for _, event in by_event))
