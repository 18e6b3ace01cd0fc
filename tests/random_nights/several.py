"""Random nights of several pipelines, as scenarios: what their processors report and what goes wrong meanwhile."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from shared.adapters.config.policy_file import load_policy
from shared.core.calendar import day_of, instant
from shared.core.policy.policy import Mode, Policy
from shared.simulation.scenario import (
    Change,
    Complete,
    CrashPoint,
    DeliverRaw,
    Event,
    Fault,
    FaultKind,
    Given,
    Happening,
    Health,
    Redeliver,
    Scenario,
)
from shared.simulation.scenario import Crash as CrashEvent

ROOT = Path(__file__).parents[1]
# A diamond, 24 passes over a date, and passes of weekdays and days of the month, each in a zone of its own. In that of
# the first the clocks change by half an hour.
SHAPES = {
    "gazette": ROOT / "scenarios" / "graphs" / "pipelines" / "gazette.yaml",
    "meters": ROOT / "pipelines" / "hourly.yaml",
    "library": ROOT / "pipelines" / "weekly.yaml",
}
ZONES = {"gazette": ZoneInfo("Australia/Lord_Howe")}
POLICIES = {
    name: replace(policy, zone=ZONES.get(name, policy.zone))
    for name, policy in ((name, load_policy(path)) for name, path in SHAPES.items())
}
MINUTE = timedelta(minutes=1)
PORTS = ("state", "warehouse", "bus", "slack", "record")


@dataclass(frozen=True)
class Luck:
    """How often, of 100 times, something else happens than what everybody hopes for."""

    silent: int = 4
    failed: int = 4
    twice: int = 8
    nonsense: int = 4
    faults_a_day: int = 1


def night(name: str, seed: int, start: datetime, end: datetime, luck: Luck | None = None) -> Scenario:
    """Return what happens to one pipeline between two instants; the same for one name, seed and span."""
    policy, drawn = POLICIES[name], random.Random(f"{name}/{seed}")
    chance = luck or Luck()
    events = [*_reports(policy, drawn, chance, start, end), *_fault_events(policy, drawn, chance, start, end)]
    within = sorted((event for event in events if start <= event.at <= end), key=lambda event: event.at)
    sent = {event.happening.name for event in within if isinstance(event.happening, Complete)}
    # What was sent before the start is not delivered again in it.
    ordered = tuple(
        event for event in within if not isinstance(event.happening, Redeliver) or {*event.happening.names} <= sent
    )
    return Scenario(SHAPES[name], name, policy, start, end, Given(Change()), ordered, (), seed=seed)


def _days(start: datetime, end: datetime, policy: Policy) -> Iterator[date]:
    day = policy.local(start).date()
    while day <= policy.local(end).date():
        yield day
        day += timedelta(days=1)


def _reports(policy: Policy, drawn: random.Random, luck: Luck, start: datetime, end: datetime) -> Iterator[Event]:
    for day in _days(start, end, policy):
        for mode in policy.modes.values():
            if mode.expected_on(day):
                yield from _pass(policy, mode, day, drawn, luck)


def _pass(policy: Policy, mode: Mode, day: date, drawn: random.Random, luck: Luck) -> Iterator[Event]:
    """Let the phases of one pass report one after the other, each processor when it likes."""
    at = instant(day, mode.opens_at, policy.zone)
    for phase in policy.phases.values():
        at += drawn.randint(2, 20) * MINUTE
        for processor in phase.processors.values():
            when = at + drawn.randint(0, 15) * MINUTE
            if drawn.randrange(100) < luck.silent:
                continue
            bad = drawn.randrange(100) < luck.failed
            body = {
                "processor_name": processor.name,
                "game_date": day_of(mode, day).isoformat(),
                "mode": mode.name,
                "status": drawn.choice(("failed", "no_data", "partial")) if bad else "success",
                "record_count": drawn.randint(0, 2000) if bad else drawn.randint(1200, 2000),
            }
            name = f"{phase.name}/{processor.name}/{mode.name}/{day}"
            yield Event(when, Complete(phase.name, body, when, name))
            if drawn.randrange(100) < luck.twice:
                yield Event(when + drawn.randint(1, 90) * MINUTE, Redeliver((name,)))
            if drawn.randrange(100) < luck.nonsense:
                yield Event(when, DeliverRaw(phase.name, drawn.choice(("{", '{"status": "success"}', "[]"))))


def _fault_events(policy: Policy, drawn: random.Random, luck: Luck, start: datetime, end: datetime) -> Iterator[Event]:
    for _ in _days(start, end, policy):
        for _ in range(luck.faults_a_day):
            at = start + (end - start) * drawn.random()
            yield Event(at.replace(microsecond=0), _fault(policy, drawn))


def _fault(policy: Policy, drawn: random.Random) -> Happening:
    if drawn.randrange(4) == 0:
        return CrashEvent(drawn.choice(tuple(CrashPoint)))
    if policy.services and drawn.randrange(3) == 0:
        health: Any = drawn.choice((Health.DOWN, Health.HEALTHY))
        return Change(services=dict.fromkeys(policy.services, health))
    kind = drawn.choice((FaultKind.UNAVAILABLE, FaultKind.TIMEOUT))
    return Fault(drawn.choice(PORTS), kind, drawn.randint(1, 40) * MINUTE)
