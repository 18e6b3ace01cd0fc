"""The `given` and `events` parts of a scenario file, understood and checked against the policy."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

from shared.core.policy.policy import Policy
from shared.core.policy.signals import SIGNAL
from shared.core.workflows.files import PHASE
from shared.core.workflows.files import topic_of as announcements
from shared.core.workflows.model import Scraper, Workflows
from shared.core.workflows.model import topic_of as steps_topic
from shared.simulation.batches import parse as batch_parts
from shared.simulation.batches.events import BatchReport
from shared.simulation.batches.workers import batch_topics
from shared.simulation.reader import Value, to_instant
from shared.simulation.scenario import (
    CallAnswer,
    Change,
    Complete,
    Concurrently,
    ControllerSwitch,
    Crash,
    CrashPoint,
    DeliverRaw,
    Downstream,
    Event,
    Fault,
    FaultKind,
    GameCount,
    Happening,
    Health,
    Operator,
    Redeliver,
    Request,
)
from shared.simulation.times import Times

PORTS = ("state", "warehouse", "bus", "slack")
FUNCTIONS = (
    *("self_heal", "validation_runner", "health_check"),
    *("phase5_batches", "workflow_controller", "workflow_executor"),
)
POSTED = ("self_heal", "workflow_controller", "workflow_executor")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
WORLD = (
    "rows",
    "readings",
    "services",
    "games",
    "units_held",
    "downstream",
    "answers",
    "members",
    "workers",
    "scrapers",
    "starts_at",
)
KINDS = (
    "complete",
    "deliver_raw",
    "redeliver",
    "batch_report",
    "concurrently",
    *WORLD,
    "fault",
    "crash",
    "request",
    "operator",
    "controller",
)
TEXTS = {
    "mode": "mode",
    "execution_id": "execution_id",
    "output_table": "output_table",
    "error": "error_message",
    "correlation_id": "correlation_id",
}
COUNTS = {"records": "record_count", "expected_records": "expected_count"}
MESSAGES = ("complete", "redeliver", "batch_report")
T = TypeVar("T")
FLAGS = {"backfill": "backfill_mode", "skip_downstream": "skip_downstream_trigger"}


def parse_events(
    value: Value | None,
    policy: Policy,
    times: Times,
    span: tuple[datetime, datetime],
    workflows: Workflows | None = None,
) -> tuple[Event, ...]:
    """Return the events; they must lie within the span, in time order."""
    if value is None or value.is_empty:
        return ()
    reader = Reader(policy, times, workflows)
    events: list[Event] = []
    for item in value.items():
        event = reader.event(item)
        at = item.fields(required=("at",), optional=KINDS)["at"]
        if not span[0] <= event.at <= span[1]:
            raise at.error("lies outside start and end")
        if events and event.at < events[-1].at:
            raise at.error("lies before the event above it", "write events in the order of their times")
        events.append(event)
    return tuple(events)


def parse_change(fields: Mapping[str, Value], policy: Policy, workflows: Workflows | None = None) -> Change:
    """Return a change of the world from its parts, which are named in ``WORLD``."""
    names = {"services": tuple(policy.services), "downstream": tuple(policy.phases)}
    parts: dict[str, Any] = {}
    for name, value in fields.items():
        if value.is_empty:
            continue
        if name == "games":
            parts[name] = {key.day(): _games(count) for key, count in value.pairs()}
        elif name == "units":
            parts[name] = {key.day(): _unit_names(listed) for key, listed in value.pairs()}
        elif name == "units_held":
            parts[name] = {key.text(): _by_day(held, _held) for key, held in value.pairs()}
        elif name == "rows":
            parts[name] = {key.text(): _by_day(rows, lambda cell: cell.integer()) for key, rows in value.pairs()}
        elif name == "answers":
            parts[name] = {_called(key, policy): _answers(answers) for key, answers in value.pairs()}
        elif name == "scrapers":
            choices = tuple(scrapers_in(value, workflows))
            parts[name] = {key.word(choices): _answers(answers) for key, answers in value.pairs()}
        elif name == "starts_at":
            parts[name] = {key.day(): tuple(_time(item) for item in listed.items()) for key, listed in value.pairs()}
        elif name == "members":
            parts[name] = batch_parts.members(value, policy)
        elif name == "workers":
            parts[name] = batch_parts.workers(value, policy)
        elif name == "readings":
            gates = tuple(gate.name for gate in policy.gates.values() if gate.sql)
            parts[name] = {key.word(gates): _reading(reading) for key, reading in value.pairs()}
        else:
            words = Health if name == "services" else Downstream
            parts[name] = {key.word(names[name]): words(item.word(tuple(words))) for key, item in value.pairs()}
    return Change(**parts)


def scrapers_in(value: Value, workflows: Workflows | None) -> Mapping[str, Scraper]:
    """Return the scrapers that a scenario may name; only one that plays workflows has any."""
    if workflows is None:
        raise value.error("needs workflows", "name the workflow file: workflows: config/workflows.yaml")
    return workflows.scrapers


def processors_by_phase(policy: Policy, workflows: Workflows | None) -> dict[str, tuple[str, ...]]:
    """Return who reports in which phase: where workflows are played, their scrapers in phase 1."""
    of_workflows = {} if workflows is None else {PHASE: tuple(workflows.scrapers)}
    return of_workflows | {phase.name: tuple(phase.processors) for phase in policy.phases.values()}


def _time(value: Value) -> time:
    try:
        return time.fromisoformat(value.text())
    except ValueError:
        raise value.error(f"{value.raw!r} is not a time of day", 'such as "19:30"') from None


def _called(key: Value, policy: Policy) -> str:
    """Return `service path` after looking that the policy has the service."""
    service, _, path = key.text().partition(" ")
    if service not in policy.services or not path.startswith("/"):
        services = ", ".join(policy.services)
        raise key.error("must be a service and a path", f"such as 'SERVICE /start', services here: {services}")
    return f"{service} {path}"


def _answers(value: Value) -> tuple[CallAnswer, ...]:
    listed = [value] if value.is_mapping else value.items()
    if not listed:
        raise value.error("must not be empty")
    return tuple(_answer(item) for item in listed)


def _answer(value: Value) -> CallAnswer:
    fields = value.fields(required=("status",), optional=("body", "after"))
    after = fields["after"].duration() if "after" in fields else timedelta(0)
    return CallAnswer(fields["status"].integer(100), fields["body"].plain() if "body" in fields else None, after)


def _unit_names(value: Value) -> tuple[str, ...]:
    names = tuple(item.text() for item in value.items())
    for place, name in enumerate(names):
        if name in names[:place]:
            raise value.error(f"names the unit {name!r} twice")
    return names


def _held(value: Value) -> int | tuple[str, ...]:
    return _unit_names(value) if value.is_list else value.integer()


def _games(value: Value) -> int | GameCount:
    if value.is_mapping:
        fields = value.fields(optional=("scheduled", "final", "in_progress", "postponed"))
        return GameCount(**{name: count.integer() for name, count in fields.items()})
    return value.integer()


def _reading(value: Value) -> float | dict[date, float]:
    return _by_day(value, lambda cell: cell.number()) if value.is_mapping else value.number()


def _by_day(value: Value, cell: Callable[[Value], T]) -> dict[date, T]:
    return {key.day(): cell(item) for key, item in value.pairs()}


class Reader:
    """Reads events one after the other, remembering which messages have been named."""

    def __init__(self, policy: Policy, times: Times, workflows: Workflows | None) -> None:
        self.policy, self.times, self.workflows = policy, times, workflows
        self.named: set[str] = set()

    def event(self, item: Value) -> Event:
        fields = item.fields(required=("at",), optional=KINDS)
        kinds = [name for name in fields if name != "at"]
        if len(kinds) != 1:
            text = " and ".join(kinds) if kinds else "none"
            raise item.error(f"needs exactly one of {', '.join(KINDS)}, found {text}")
        at = to_instant(fields["at"], self.times.parse)
        return Event(at, self.happening(kinds[0], fields[kinds[0]], at))

    def happening(self, kind: str, value: Value, at: datetime) -> Happening:
        if kind in WORLD:
            return parse_change({kind: value}, self.policy, self.workflows)
        if kind in MESSAGES:
            return self.message(kind, value, at)
        readers: dict[str, Callable[[Value], Happening]] = {
            "deliver_raw": self.deliver_raw,
            "fault": self.fault,
            "crash": lambda crash: Crash(CrashPoint(crash.word(tuple(CrashPoint)))),
            "request": self.request,
            "operator": self.operator,
            "controller": self.controller,
            "concurrently": lambda entries: self.concurrently(entries, at),
        }
        return readers[kind](value)

    def message(self, kind: str, value: Value, at: datetime) -> Complete | Redeliver | BatchReport:
        if kind == "batch_report":
            return batch_parts.batch_report(value, self.name)
        if kind == "complete":
            return self.complete(value, at)
        names = value.texts()
        for name in names:
            if name not in self.named:
                raise value.error(f"no message before it has the id {name!r}")
        return Redeliver(names)

    def concurrently(self, value: Value, at: datetime) -> Concurrently:
        entries = []
        for item in value.items():
            pairs = item.pairs()
            if len(pairs) != 1:
                raise item.error(f"needs exactly one of {', '.join(MESSAGES)}")
            [(key, entry)] = pairs
            entries.append(self.message(key.word(MESSAGES), entry, at))
        if not entries:
            raise value.error("must not be empty")
        return Concurrently(tuple(entries))

    def complete(self, value: Value, at: datetime) -> Complete:
        fields = value.fields(
            required=("processor", "phase", "game_date"),
            optional=("status", "id", "published", "ended", "metadata", *TEXTS, *COUNTS, *FLAGS),
        )
        published = to_instant(fields["published"], self.times.parse) if "published" in fields else at
        if published > at:
            raise fields["published"].error("lies after the delivery")
        ended = to_instant(fields["ended"], self.times.parse) if "ended" in fields else published
        phase = fields["phase"].word(tuple(processors_by_phase(self.policy, self.workflows)))
        body = {
            "processor_name": fields["processor"].text(),
            "phase": phase,
            "game_date": fields["game_date"].day().isoformat(),
            "status": fields["status"].text() if "status" in fields else "success",
            "timestamp": ended.isoformat(),
            **{wire: fields[name].text() for name, wire in TEXTS.items() if name in fields},
            **{wire: fields[name].integer() for name, wire in COUNTS.items() if name in fields},
            **{wire: fields[name].boolean() for name, wire in FLAGS.items() if name in fields},
        }
        if "metadata" in fields:
            body["metadata"] = self.metadata(fields["metadata"])
        return Complete(phase, body, published, self.name(fields.get("id")))

    def metadata(self, value: Value) -> Any:
        if not value.is_empty:
            value.pairs()
        return value.plain()

    def name(self, value: Value | None) -> str | None:
        if value is None:
            return None
        name = value.text()
        if name in self.named:
            raise value.error(f"another message has the id {name!r}")
        self.named.add(name)
        return name

    def deliver_raw(self, value: Value) -> DeliverRaw:
        fields = value.fields(required=("topic", "data"), optional=("id", "attributes"))
        of_workflows = {} if self.workflows is None else {announcements(self.policy.pipeline): PHASE}
        signals = {topic: f"{SIGNAL}{topic}" for topic in self.policy.signal_topics}
        phases = {**of_workflows, **self.policy.topics, **signals}
        steps = () if self.workflows is None else (steps_topic(self.policy.pipeline),)
        topic = fields["topic"].word((*phases, *steps, *batch_topics(self.policy)))
        data = fields["data"]
        if data.tag != "str":
            raise data.error("must be a string", "put it in quotes")
        phase = phases.get(topic, "")
        named = "" if phase or topic in steps else topic
        attributes = (
            {key.raw: value.text() for key, value in fields["attributes"].pairs()} if "attributes" in fields else {}
        )
        return DeliverRaw(phase, data.raw, named, self.name(fields.get("id")), attributes)

    def fault(self, value: Value) -> Fault:
        fields = value.fields(required=("port", "kind", "for"))
        port = fields["port"].word((*PORTS, *self.policy.services))
        kind = FaultKind(fields["kind"].word(tuple(FaultKind)))
        if kind in (FaultKind.DROPS, FaultKind.DUPLICATES) and port != "bus":
            raise fields["kind"].error(f"only the bus {kind.value}")
        return Fault(port, kind, fields["for"].duration())

    def request(self, value: Value) -> Request:
        fields = value.fields(required=("function",), optional=("method", "path", "query", "body"))
        function = fields["function"].word(FUNCTIONS)
        body = fields["body"].plain() if "body" in fields else None
        if body is not None and not isinstance(body, dict):
            raise fields["body"].error("must be a mapping")
        path = fields["path"].text() if "path" in fields else "/"
        if not path.startswith("/"):
            raise fields["path"].error("must begin with /")
        default = "POST" if body is not None or function in POSTED else "GET"
        method = fields["method"].word(METHODS) if "method" in fields else default
        query = {key.text(): item.raw for key, item in fields["query"].pairs()} if "query" in fields else {}
        return Request(function, method, path, query, body)

    def controller(self, value: Value) -> ControllerSwitch:
        scrapers_in(value, self.workflows)
        return ControllerSwitch(value.word(("up", "down")) == "up")

    def operator(self, value: Value) -> Operator:
        try:
            argv = shlex.split(value.text())
        except ValueError as error:
            raise value.error(f"is not a command line: {error}") from None
        if not argv:
            raise value.error("must not be empty")
        return Operator(tuple(argv))
