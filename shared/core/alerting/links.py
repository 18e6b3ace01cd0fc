"""Where an alert leads: to the page of its run, to the log of its run, to what its kind means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

RUNBOOK = "Runbook"
# What every line of the log about a run carries (`shared/adapters/json_log.py`).
RUN_LABEL = "run_id"
LOGS_EXPLORER = "https://console.cloud.google.com/logs/query"
# What led to an alert is older than the alert.
LOG_BEFORE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Link:
    """A URL and what people call it."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Places:
    """Where links lead, "" where there is no such place.

    ``page`` is the base URL of the page, ``project`` the Google Cloud project that has the log, ``runbook`` the URL at
    which `deploy/ALERTS.md` is shown. ``several`` is true where the page shows several pipelines.
    """

    page: str = ""
    project: str = ""
    runbook: str = ""
    several: bool = False


NOWHERE = Places()


def links_of(places: Places, kind: str, run: str, since: datetime) -> tuple[Link, ...]:
    """Return the links of an alert that began at ``since``: page, log and runbook, in this order."""
    links = []
    pipeline, _, of_run = run.partition("/")
    if places.page:
        asked = {"run": run} if of_run else {}
        asked |= {"pipeline": pipeline} if places.several else {}
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in asked.items())
        links.append(Link("Run" if of_run else "Page", f"{places.page.rstrip('/')}/{'?' if query else ''}{query}"))
    if places.project:
        links.append(Link("Log", log_url(places.project, run, since)))
    if places.runbook:
        links.append(Link(RUNBOOK, f"{places.runbook}#{quote(kind)}"))
    return tuple(links)


def log_time(at: datetime) -> str:
    """Return an instant as a query of Cloud Logging has it, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def log_url(project: str, run: str, since: datetime) -> str:
    """Return the Logs Explorer on the lines of a run, or of a pipeline, from a day before ``since`` on.

    Each line has its run and pipeline as labels. The time is part of the query, so that it holds whatever range the
    console shows by default.
    """
    label = RUN_LABEL if "/" in run else "pipeline"
    begins = log_time(since - LOG_BEFORE)
    query = f'labels.{label}="{run}"\ntimestamp>="{begins}"'
    return f"{LOGS_EXPLORER};query={quote(query, safe='')}?project={quote(project, safe='')}"
