"""How the orchestrators themselves are: alive, and what they depend on (behaviour 11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.app import outbox
from shared.app.alive import Origin, answer_of
from shared.app.context import Context
from shared.app.readings import calendar_ref
from shared.app.watch.readiness import Dependency, Readiness
from shared.core.errors import OrchError, Unavailable
from shared.core.page import Page
from shared.core.texts import amount
from shared.ports import TableRef

NAME = "health_check"
CACHED = timedelta(seconds=30)
OK, NOT_FOUND, NOT_ALLOWED, NOT_READY = 200, 404, 405, 503


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, without the framework."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class House:
    """What only the composition root knows: the platform's revision, the record's dataset, and which alert webhooks
    are absent, by severity and secret (raises ``Unavailable`` if the secrets cannot be read)."""

    record: str
    revision: str = ""
    missing_webhooks: Callable[[], Sequence[str]] = tuple
    source_digest: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: JSON, or a page to be drawn."""

    status: int
    body: dict[str, Any] | Page


def alive(ctx: Context, house: House) -> dict[str, Any]:
    """Return who answers, without asking anybody."""
    return answer_of(ctx, Origin(NAME, house.source_digest, house.revision))


def body_of(ctx: Context, found: Readiness) -> dict[str, Any]:
    return {
        "status": "ready" if found.well else "not ready",
        "checked_at": ctx.policy.local(found.at).isoformat(timespec="seconds"),
        "failed": list(found.failures),
        "dependencies": [one.body() for one in found.dependencies],
    }


def ready(ctx: Context, house: House) -> Readiness:
    """Ask every dependency, or recall the answers of the last 30 seconds; one that fails is no other's affair."""
    now, known = ctx.ports.clock.now(), ctx.memory.readiness
    if known is not None and timedelta(0) <= now - known.at < CACHED:
        return known
    found = Readiness(now, tuple(_asked(ctx, name, probe) for name, probe in _probes(ctx, house)))
    if not found.well:
        ctx.log("health.not_ready", severity="WARNING", failed=list(found.failures))
    ctx.memory.readiness = found
    return found


@dataclass(frozen=True, slots=True)
class Said:
    """What a probe found; a dependency that answers may still not be well."""

    detail: str
    well: bool = True


def _asked(ctx: Context, name: str, probe: Callable[[], Said]) -> Dependency:
    began = ctx.ports.clock.now()
    try:
        said = probe()
    except Unavailable as error:
        said = Said(f"does not answer: {error.reason}", well=False)
    except OrchError as error:
        said = Said(str(error), well=False)
    took = max(ctx.ports.clock.now() - began, timedelta(0))
    return Dependency(name, said.well, said.detail, round(took / timedelta(milliseconds=1)))


def _probes(ctx: Context, house: House) -> Iterator[tuple[str, Callable[[], Said]]]:
    yield "state", lambda: _state(ctx)
    yield "warehouse", lambda: _warehouse(ctx)
    yield "record", lambda: _record(ctx)
    yield "bus", lambda: _bus(ctx)
    yield "webhooks", lambda: _webhooks(house)
    yield "alerts", lambda: _alerts(ctx)


def _state(ctx: Context) -> Said:
    count = ctx.ports.store.count("runs", {"pipeline": ctx.policy.pipeline, "status": "open"})
    return Said(f"{count} open runs")


def _warehouse(ctx: Context) -> Said:
    """Read today's units, or without a calendar the rows of one table: both are bounded by the date."""
    policy = ctx.policy
    now = ctx.ports.clock.now()
    today = policy.local(now).date()
    calendar = policy.calendar
    if calendar is not None:
        units = ctx.ports.warehouse.units(calendar_ref(calendar, now), [today])[today]
        return Said(f"{units.total} {calendar.unit}s today")
    processors = (processor for phase in policy.phases.values() for processor in phase.processors.values())
    tables = [part for processor in processors for part in processor.parts if part.table]
    if not tables:
        return Said("no table to read")
    one = TableRef(tables[0].table or "", tables[0].date_column)
    rows = ctx.ports.warehouse.rows([one], today)[one.table]
    return Said(f"{one.table} cannot be read", well=False) if rows is None else Said(f"{one.table} can be read")


def _record(ctx: Context) -> Said:
    today = ctx.policy.local(ctx.ports.clock.now()).date()
    return Said(f"{amount(len(ctx.ports.record.completions(today, today)), 'completion')} of today")


def _bus(ctx: Context) -> Said:
    """Say that the bus is configured; publishing is what the functions do."""
    topics = [topic for transition in ctx.policy.transitions.values() for topic in transition.topics]
    calls = [call.service for transition in ctx.policy.transitions.values() for call in transition.calls]
    silent = sorted({name for name in calls if not ctx.endpoints.get(name)})
    if silent:
        variables = ", ".join(ctx.policy.services[name].url_env for name in silent)
        return Said(f"no URL of {', '.join(silent)}: set {variables}", well=False)
    return Said(f"{type(ctx.ports.bus).__name__}, {len(topics)} topics")


def _webhooks(house: House) -> Said:
    missing = house.missing_webhooks()
    return Said(f"missing: {', '.join(missing)}", well=False) if missing else Said("all present")


def _alerts(ctx: Context) -> Said:
    """Look for alerts that a channel refused: nobody has read them (behaviour A3)."""
    waiting = [outbox.read(one).alert for one in outbox.own_alerts(ctx, {"unsent": True})]
    refused = [one for one in waiting if one.refused]
    if not refused:
        return Said(f"{len(waiting)} to be sent")
    last = max(refused, key=lambda one: one.last_at)
    return Said(f"{len(refused)} refused, the latest {last.severity}: {last.refused[:200]}", well=False)
