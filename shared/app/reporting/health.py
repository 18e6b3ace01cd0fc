"""How the orchestrators themselves are: alive, and what they depend on (behaviour 11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.app.alerting import outbox
from shared.app.context import Context
from shared.app.reporting.deployment import Origin, answer_of
from shared.app.transitions.readings import calendar_ref
from shared.core.errors import OrchError, Unavailable
from shared.core.reporting.dependencies import Dependency, Readiness
from shared.core.reporting.page import Page
from shared.core.texts import amount
from shared.ports import TableRef

if TYPE_CHECKING:
    from shared.core.reporting.metrics import Family

NAME = "health_check"
CACHED = timedelta(seconds=30)
OK, NOT_FOUND, NOT_ALLOWED, NOT_READY = 200, 404, 405, 503


@dataclass(frozen=True, slots=True)
class HealthRequest:
    """A request, without the framework; ``html`` is true where a person's browser asks, not a script."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    html: bool = False


@dataclass(frozen=True)
class DeploymentInfo:
    """What only the composition root knows: the platform's revision, the record's dataset, and which alert webhooks
    are absent, by severity and secret (raises ``Unavailable`` if the secrets cannot be read)."""

    record: str
    revision: str = ""
    missing_webhooks: Callable[[], Sequence[str]] = tuple
    source_digest: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table to be written as CSV, under a name for a file."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Exposition:
    """Metrics to be written in a format of Prometheus."""

    families: tuple[Family, ...]


@dataclass(frozen=True, slots=True)
class HealthResponse:
    """What is answered: JSON, a page to be drawn, a table, or metrics."""

    status: int
    body: dict[str, Any] | Page | Sheet | Exposition


def alive(contexts: Sequence[Context], house: DeploymentInfo) -> dict[str, Any]:
    """Return who answers, without asking anybody."""
    return answer_of(contexts, Origin(NAME, house.source_digest, house.revision))


def body_of(ctx: Context, readiness: Readiness) -> dict[str, Any]:
    return {
        "status": "ready" if readiness.well else "not ready",
        "checked_at": ctx.policy.local(readiness.at).isoformat(timespec="seconds"),
        "failed": list(readiness.failures),
        "dependencies": [dependency.body() for dependency in readiness.dependencies],
    }


def ready(ctx: Context, house: DeploymentInfo) -> Readiness:
    """Ask every dependency, or recall the answers of the last 30 seconds; one that fails is no other's affair."""
    now, cached = ctx.ports.clock.now(), ctx.memory.readiness
    if cached is not None and timedelta(0) <= now - cached.at < CACHED:
        return cached
    readiness = Readiness(now, tuple(_probed(ctx, name, probe) for name, probe in _probes(ctx, house)))
    if not readiness.well:
        ctx.log("health.not_ready", severity="WARNING", failed=list(readiness.failures))
    ctx.memory.readiness = readiness
    return readiness


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a probe found; a dependency that answers may still not be well."""

    detail: str
    well: bool = True


def _probed(ctx: Context, name: str, probe: Callable[[], ProbeResult]) -> Dependency:
    began = ctx.ports.clock.now()
    try:
        result = probe()
    except Unavailable as error:
        result = ProbeResult(f"does not answer: {error.reason}", well=False)
    except OrchError as error:
        result = ProbeResult(str(error), well=False)
    took = max(ctx.ports.clock.now() - began, timedelta(0))
    return Dependency(name, result.well, result.detail, round(took / timedelta(milliseconds=1)))


def _probes(ctx: Context, house: DeploymentInfo) -> Iterator[tuple[str, Callable[[], ProbeResult]]]:
    yield "state", lambda: _state(ctx)
    yield "warehouse", lambda: _warehouse(ctx)
    yield "record", lambda: _audit_log(ctx)
    yield "bus", lambda: _bus(ctx)
    yield "webhooks", lambda: _webhooks(house)
    yield "alerts", lambda: _alerts(ctx)


def _state(ctx: Context) -> ProbeResult:
    count = ctx.ports.store.count("runs", {"pipeline": ctx.policy.pipeline, "status": "open"})
    return ProbeResult(f"{count} open runs")


def _warehouse(ctx: Context) -> ProbeResult:
    """Read today's units, or without a calendar the rows of one table: both are bounded by the date."""
    policy = ctx.policy
    now = ctx.ports.clock.now()
    today = policy.local(now).date()
    calendar = policy.calendar
    if calendar is not None:
        units = ctx.ports.warehouse.units(calendar_ref(calendar, now), [today])[today]
        return ProbeResult(f"{units.total} {calendar.unit}s today")
    processors = (processor for phase in policy.phases.values() for processor in phase.processors.values())
    tables = [part for processor in processors for part in processor.parts if part.table]
    if not tables:
        return ProbeResult("no table to read")
    table = TableRef(tables[0].table or "", tables[0].date_column)
    rows = ctx.ports.warehouse.rows([table], today)[table.table]
    return (
        ProbeResult(f"{table.table} cannot be read", well=False)
        if rows is None
        else ProbeResult(f"{table.table} can be read")
    )


def _audit_log(ctx: Context) -> ProbeResult:
    today = ctx.policy.local(ctx.ports.clock.now()).date()
    own = ctx.ports.audit.completions(ctx.policy.pipeline, today, today)
    return ProbeResult(f"{amount(len(own), 'completion')} of today")


def _bus(ctx: Context) -> ProbeResult:
    """Say that the bus is configured; publishing is what the functions do."""
    topics = [topic for transition in ctx.policy.transitions.values() for topic in transition.topics]
    calls = [call.service for transition in ctx.policy.transitions.values() for call in transition.calls]
    silent = sorted({name for name in calls if not ctx.endpoints.get(name)})
    if silent:
        variables = ", ".join(ctx.policy.services[name].url_env for name in silent)
        return ProbeResult(f"no URL of {', '.join(silent)}: set {variables}", well=False)
    return ProbeResult(f"{type(ctx.ports.bus).__name__}, {len(topics)} topics")


def _webhooks(house: DeploymentInfo) -> ProbeResult:
    missing = house.missing_webhooks()
    return ProbeResult(f"missing: {', '.join(missing)}", well=False) if missing else ProbeResult("all present")


def _alerts(ctx: Context) -> ProbeResult:
    """Look for alerts that a channel refused: nobody has read them (behaviour A3)."""
    waiting = [outbox.read(alert).alert for alert in outbox.own_alerts(ctx, {"unsent": True})]
    refused = [alert for alert in waiting if alert.refused]
    if not refused:
        return ProbeResult(f"{len(waiting)} to be sent")
    last = max(refused, key=lambda alert: alert.last_at)
    return ProbeResult(f"{len(refused)} refused, the latest {last.severity}: {last.refused[:200]}", well=False)
