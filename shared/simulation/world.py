"""The world of a scenario: every port, the facts behind them, and what others do when a dispatch reaches them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.app.context import Context
from shared.core.errors import Malformed
from shared.core.message import Counted, Delivery, parse
from shared.core.model import Lane, Outcome, RunKey, State
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Publication, Transition
from shared.core.workflows.files import topic_of as announcements
from shared.core.workflows.model import topic_of
from shared.ports import AlertSink, AuditLog, Bus, Clock, Http, Message, StateStore, Warehouse
from shared.simulation.batches.workers import BatchWorld
from shared.simulation.fakes.audit_log import SimulatedAuditLog
from shared.simulation.fakes.clock import VirtualClock
from shared.simulation.fakes.fault_injector import FaultInjector
from shared.simulation.fakes.services import SimulatedAlerts, SimulatedBus, SimulatedServices
from shared.simulation.fakes.sql import WorldSql
from shared.simulation.fakes.store import ReadOnlyStore, SimulatedStore
from shared.simulation.fakes.warehouse import SimulatedWarehouse
from shared.simulation.history import HTTP, TOPIC, Announced, Departure, History, Repair
from shared.simulation.scenario import Change, CrashPoint, Downstream, Scenario
from shared.simulation.scheduler import Scheduler
from shared.simulation.usual import learned_before
from shared.simulation.workflows.loop import VirtualCalls
from shared.simulation.workflows.scrapers import SimulatedScrapers
from shared.simulation.workflows.seen import remember
from shared.simulation.world_data import WorldData

START_TAKES = timedelta(seconds=5)
# Of sweeps alone: what stands there changes nothing that anybody decides by.
OF_SWEEPS = ("locks/", "sweeps/", "objectives/")
CONFIG = Path(__file__).resolve().parents[2] / "config"
TOLD = ("run.",)
GRAVE = ("WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True)
class Envelope:
    """A message on a topic: one id however often it is delivered. ``topic`` is "" where ``phase`` has one."""

    message_id: str
    phase: str
    data: bytes
    published: datetime
    attributes: Mapping[str, str]
    topic: str = ""


@dataclass(frozen=True)
class WorldPorts:
    """The ports of one context (`shared.app.context.Ports`)."""

    store: StateStore
    warehouse: Warehouse
    audit: AuditLog
    bus: Bus
    http: Http
    alerts: AlertSink
    clock: Clock


# A rehearsal has no safety net: what should have been made due and was not is late in it, and is seen.
NEVER = timedelta(days=10_000)


class World:
    """Everything outside the product. ``later`` schedules a delivery; worlds that are played together share a clock."""

    looks_at_all_every = NEVER

    def __init__(
        self,
        scenario: Scenario,
        inner: StateStore,
        later: Callable[[datetime, Envelope], None],
        clock: VirtualClock | None = None,
    ) -> None:
        self.policy, self.history = scenario.policy, History()
        self.clock = clock or VirtualClock(scenario.start, scenario.seed or 0)
        self.baton = Scheduler(self.clock, scenario.seed)
        self.stage = FaultInjector(self.clock, self.baton, self.history)
        self.facts = WorldData(scenario.policy, scenario.start)
        self.names = Names(scenario.policy)
        self.mutations = 0
        self.touched: set[str] = set()
        self._later = later
        self._rows_follow = scenario.given.rows_follow
        self._downstream = dict.fromkeys(scenario.policy.phases, Downstream.STARTS)
        self._departed: Counter[tuple[str, int, str, str]] = Counter()
        self._started: set[tuple[str, int, int]] = set()
        self._messages = 0
        self.services = SimulatedServices(scenario.policy, self.stage, self._called)
        self.audit = SimulatedAuditLog(self.stage)
        self.batches = BatchWorld(scenario.policy, self.stage, self._reported)
        sql = WorldSql(scenario.policy, self.facts, self.audit, CONFIG)
        self.ports = WorldPorts(
            store=SimulatedStore(inner, self.stage, self._stored),
            warehouse=SimulatedWarehouse(self.facts, self.stage, sql, self.batches.query),
            audit=self.audit,
            bus=SimulatedBus(self.stage, self._published),
            http=self.services,
            alerts=SimulatedAlerts(self.stage),
            clock=self.clock,
        )
        self._inner = inner
        self.workflows = scenario.workflows
        self.step_sent: Callable[[datetime, Envelope], None] = later
        self.advance: Callable[[timedelta], None] = self.clock.sleep
        self._scrapers = (
            None
            if self.workflows is None
            else SimulatedScrapers(self.policy, self.workflows, self.services, self.stage)
        )
        self.change(scenario.given.change)
        if scenario.given.usual is not None:
            learned_before(inner, self.policy.pipeline, scenario.given.usual, scenario.start)
        if self.workflows is not None:
            earlier = replace(self.context(), ports=replace(self.ports, store=inner))
            remember(earlier, self.workflows, scenario.given.workflow_runs)

    def context(self) -> Context:
        """Return the context that the product's entry points run in."""
        base = Context(self.policy, self.names, self.ports, dict(self.services.endpoints), self._log, "simulation")
        base = replace(base, looks_at_all_every=self.looks_at_all_every, sweep_every=None)
        if self._scrapers is None:
            return base
        calls = VirtualCalls(self._scrapers, self.clock.now, lambda length: self.advance(length))
        return replace(base, workflows=self.workflows, calls=calls)

    def observer(self) -> Context:
        """Return a context that sees the state whatever fails, and can change none of it."""
        ports = WorldPorts(
            ReadOnlyStore(self._inner),
            self.ports.warehouse,
            self.audit,
            self.ports.bus,
            self.services,
            self.ports.alerts,
            self.clock,
        )
        return Context(self.policy, self.names, ports, dict(self.services.endpoints), _silent, "simulation")

    def change(self, change: Change) -> None:
        """Let the world become what an event says."""
        self.facts.merge(change)
        self.services.health.update(change.services)
        self.services.change(change.answers)
        if self._scrapers is not None:
            self._scrapers.change(change.scrapers)
        self.batches.change(change.members, change.workers)
        self._downstream.update(change.downstream)
        self.mutations += 1

    def envelope(
        self, phase: str, data: bytes, published: datetime, attributes: Mapping[str, str] | None = None
    ) -> Envelope:
        """Make a new message of this phase's topic, with an id of its own."""
        self._messages += 1
        return Envelope(str(1_000_000 + self._messages), phase, data, published, attributes or {})

    def rows_follow(self, envelope: Envelope) -> None:
        """Let a delivered success or partial be true of its table."""
        if not self._rows_follow or envelope.topic or envelope.phase not in self.policy.phases:
            return
        delivery = Delivery(envelope.message_id, envelope.phase, envelope.data, envelope.published, self.clock.now())
        try:
            received = parse(delivery, self.policy, self.names)
        except Malformed:
            return
        if isinstance(received, Counted):
            return
        report = received.report
        processor = self.policy.phases[envelope.phase].processors[report.processor]
        table = processor.sources.get(report.source, processor).table
        if table and report.records is not None and report.outcome in (Outcome.SUCCESS, Outcome.PARTIAL):
            self.mutations += self.facts.grow(table, received.key.day, report.records)

    def _stored(self, path: str) -> None:
        if path.startswith(OF_SWEEPS):
            return
        self.mutations += 1
        match path.split("/"):
            case ["runs", run, "transitions", transition]:
                self.touched.add(run)
                self._remember_claim(run, transition, path)
            case ["runs", run, _, _]:
                self.touched.add(run)

    def _remember_claim(self, run: str, transition: str, path: str) -> None:
        """Keep what a handler has claimed: what it then sends need not name its trigger (``plain: false``)."""
        actor, stored = self.clock.actor, self._inner.get(path)[0]
        plan = None if stored is None else stored.data.get("plan")
        if actor is None or stored is None or plan is None or stored.data["state"] != State.CLAIMED:
            return
        actor.claimed = {
            "trigger_id": f"{run.replace('~', '/')}/{transition}/{stored.data['generation']}",
            "attempt": stored.data["attempt"],
            "trigger_reason": plan["reason"],
            "degraded": bool(plan["missing"]),
            "missing_processors": plan["missing"],
        }

    def _log(self, event: str, /, severity: str = "INFO", **keys: object) -> None:
        if severity in GRAVE or event.startswith(TOLD):
            words = " ".join(f"{name}={value}" for name, value in keys.items())
            self.history.note(self.clock.now(), "log", f"{event} {words}")

    def _published(self, topic: str, message: Message, times: int) -> None:
        phase = self.policy.topics.get(topic)
        if self.workflows is not None and topic == topic_of(self.policy.pipeline):
            self.stage.reached_first(CrashPoint.AFTER_DISPATCH)
            envelope = self.envelope("", json.dumps(message.body).encode(), self.clock.now(), message.attributes)
            for _ in range(times):
                self.step_sent(self.clock.now(), envelope)
            return
        if self.workflows is not None and topic == announcements(self.policy.pipeline):
            self._announced(message)
            return
        if topic in self.batches.topics:
            self._to_batches(topic, message, times)
            return
        if self.batches.takes(topic):
            self.batches.take_request(topic, message, times)
            return
        self.batches.published(topic, message)
        if phase is None:
            self._depart(message.body, TOPIC, topic, delivered=times > 0)
            return
        envelope = self.envelope(phase, json.dumps(message.body).encode(), self.clock.now(), message.attributes)
        for _ in range(times):
            self._later(self.clock.now(), envelope)

    def _announced(self, message: Message) -> None:
        """Keep a re-announcement: who else listens to the topic is not part of this world."""
        again = Announced(
            self.clock.now(), str(message.body.get("processor_name")), _day(message.body.get("game_date"))
        )
        self.history.announced.append(again)
        self.history.note(again.at, "announced", f"{again.scraper} {again.day} once more")

    def _to_batches(self, topic: str, message: Message, times: int) -> None:
        """Deliver what the function of batches hears; a start is a trigger that left."""
        self._depart(message.body, TOPIC, topic, delivered=times > 0)
        envelope = self.topic_envelope(topic, json.dumps(message.body).encode(), self.clock.now(), message.attributes)
        for _ in range(times):
            self._later(self.clock.now(), envelope)

    def topic_envelope(
        self, topic: str, data: bytes, published: datetime, attributes: Mapping[str, str] | None = None
    ) -> Envelope:
        """Make a new message of a topic of batches, with an id of its own."""
        self.batches.started(data)
        self._messages += 1
        return Envelope(str(1_000_000 + self._messages), "", data, published, attributes or {}, topic)

    def _reported(self, topic: str, data: bytes, at: datetime) -> None:
        self._later(at, self.topic_envelope(topic, data, at))

    def _called(self, service: str, path: str, body: Mapping[str, Any], taken: bool) -> None:
        if self.batches.is_step(service, path):
            self.stage.reached(CrashPoint.AFTER_DISPATCH)
        elif body.get("repair") is not True:
            self._depart(body, HTTP, f"{service} {path}", delivered=True, taken=taken)
        elif taken:
            self._repair(body)

    def _repair(self, body: Mapping[str, Any]) -> None:
        day = _day(body.get("game_date"))
        if day is None:
            return
        processors = tuple(str(name) for name in body.get("processors") or ())
        repair = Repair(self.clock.now(), str(body.get("phase", "")), day, processors)
        self.history.repairs.append(repair)
        named = ", ".join(processors) or "everything"
        self.history.note(repair.at, "repair", f"{repair.phase} {day} {body.get('mode', '')}: {named}")

    def _depart(self, body: Mapping[str, Any], channel: str, to: str, *, delivered: bool, taken: bool = True) -> None:
        """Keep a trigger message or call that was answered, and let the next phase start by one that was taken."""
        departure = self._departure({**body, **self._unnamed(body, to)}, channel, to)
        if departure is None:
            return
        departure = replace(departure, taken=taken, body=body)
        self.history.departures.append(departure)
        lost = " (answered no)" if not taken else "" if delivered else " (accepted, and lost)"
        item = f" {departure.item}" if departure.item else ""
        text = f"{departure.trigger_id} attempt {departure.attempt} by {channel}{item}: {departure.reason}"
        self.history.note(departure.at, "dispatch", text + (" degraded" if departure.degraded else "") + lost)
        self.stage.reached(CrashPoint.AFTER_DISPATCH)
        key = (departure.trigger_id, departure.attempt, departure.nth)
        if delivered and taken and key not in self._started:
            self._started.add(key)
            self._start(departure, body)

    def _unnamed(self, body: Mapping[str, Any], to: str) -> Mapping[str, Any]:
        """Return the fields of the trigger that a body does not name: of what its sender has claimed to send there."""
        claimed = {} if self.clock.actor is None else self.clock.actor.claimed
        named = _named(str(claimed.get("trigger_id", "")), self.policy)
        if "trigger_id" in body or named is None or to not in {step.to for step in named[1].all_steps}:
            return {}
        return claimed

    def _departure(self, body: Mapping[str, Any], channel: str, to: str) -> Departure | None:
        named = _named(str(body.get("trigger_id", "")), self.policy)
        if named is None:
            return None
        key, transition, generation = named
        trigger_id, attempt = str(body["trigger_id"]), int(body.get("attempt") or 1)
        item = str(body.get("processor_name") or "") if channel == TOPIC else ""
        self._departed[trigger_id, attempt, channel, item] += 1
        refreshed = transition.steps(str(body.get("trigger_reason", "")))
        needs = {TOPIC if isinstance(step.target, Publication) else HTTP for step in refreshed}
        return Departure(
            at=self.clock.now(),
            transition=transition.name,
            day=key.day,
            mode=key.mode,
            lane=key.lane.value,
            trigger_id=trigger_id,
            generation=generation,
            attempt=attempt,
            channel=channel,
            item=item,
            degraded=body.get("degraded") is True,
            missing=frozenset(str(name) for name in body.get("missing_processors") or ()),
            reason=str(body.get("trigger_reason", "")),
            needs=frozenset(needs),
            nth=self._departed[trigger_id, attempt, channel, item],
            to=to,
            body=body,
        )

    def _start(self, departure: Departure, body: Mapping[str, Any]) -> None:
        """Let the phase that was dispatched to report that it has begun."""
        phase = self.policy.phases[self.policy.transitions[departure.transition].starts]
        if self._downstream[phase.name] is Downstream.SILENT or not phase.processors:
            return
        at = self.clock.now() + START_TAKES
        report = {
            "processor_name": next(iter(phase.processors)),
            "phase": phase.name,
            "game_date": departure.day.isoformat(),
            "mode": departure.mode,
            "status": "started",
            "timestamp": at.isoformat(),
            "correlation_id": body.get("correlation_id"),
            "backfill_mode": departure.lane == "backfill",
        }
        self._later(at, self.envelope(phase.name, json.dumps(report).encode(), at))


def _named(trigger_id: str, policy: Policy) -> tuple[RunKey, Transition, int] | None:
    """Return what a trigger id names: its run, transition and generation; None where it names none of this policy."""
    pipeline, day, mode, *lane, transition, generation = (
        trigger_id.split("/") if trigger_id.count("/") >= 4 else [""] * 5
    )
    at = _day(day)
    if pipeline != policy.pipeline or at is None or transition not in policy.transitions or not generation.isdecimal():
        return None
    return (
        RunKey(pipeline, at, mode, Lane(lane[0]) if lane else Lane.LIVE),
        policy.transitions[transition],
        int(generation),
    )


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def _silent(event: str, /, severity: str = "INFO", **keys: object) -> None:
    """An observer leaves no trace."""
