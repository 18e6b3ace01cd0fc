"""From a seed to a night: which date, when its runs begin, what will fail and who will meddle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from shared.core.calendar import instant, is_expected, working_day
from shared.core.model import RunKey
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Role
from shared.simulation.scenario import Health
from tests.random_nights.case import Command, FactsChange, Kind, Manner, Night, Outage, Sickness
from tests.random_nights.declining import declining
from tests.random_nights.schedule import season

FIRST_REPORTS = {"overnight": time(5, 10), "same_day": time(10, 2), "tomorrow": time(16, 31)}
LASTS = timedelta(hours=4)
UNEXPECTED = 0.05
MINUTE = timedelta(minutes=1)
# Where the calendar is odd: both clock changes and their eves, the all-star break, evenings of 15 games.
ODD = tuple(
    date.fromisoformat(text)
    for text in (
        "2024-11-01", "2024-11-02", "2024-11-03", "2024-11-04", "2024-11-05", "2025-02-14", "2025-02-15", "2025-02-16",
        "2025-02-17", "2025-02-18", "2025-02-19", "2025-03-08", "2025-03-09", "2025-03-10", "2025-04-11", "2025-04-13",
    )
)  # fmt: skip


def generate(policy: Policy, seed: int, day: date | None = None) -> Night:
    """Return the night of a seed; of one date if ``day`` is given, else of a date of the season."""
    chance = Random(f"night/{seed}/{day or ''}")
    day = day or _date(chance)
    wildness = chance.choices((0, 1, 2), (4, 4, 2))[0]
    begins = {mode: _begin(policy, chance, RunKey(policy.pipeline, day, mode)) for mode in _passes(policy, seed, day)}
    evening = _evening(policy, seed, day)
    begins |= {} if evening is None else {evening.mode: evening.begins}
    units = None if policy.calendar is None else season().get(day, 0)
    lost = _lost(policy, seed)
    start = min(instant(day - timedelta(days=1), time(16), policy.zone), *begins.values())
    calm = instant(day + timedelta(days=1), time(12), policy.zone)
    return Night(
        seed=seed,
        day=day,
        units=units,
        wildness=wildness,
        start=start,
        calm=calm,
        end=instant(day + timedelta(days=3), time(12), policy.zone),
        manner=_manner(chance, wildness),
        begins=begins,
        played=evening.played if evening else start + timedelta(hours=40 if wildness and seed % 11 == 0 else 33),
        outages=(
            *_outages(policy, chance, wildness, begins),
            *_away(policy, seed, day, lost, begins),
            *declining(policy, seed, day, begins),
        ),
        sick=_sick(policy, chance, wildness, begins),
        facts=_facts(policy, chance, wildness, begins, units),
        commands=_commands(policy, chance, wildness, day, begins),
        requests=_requests(chance, wildness, day, begins),
        deaf=frozenset((m, p) for m in begins for p in policy.phases if chance.random() < 0.03 * wildness),
        early={(m, p): at for m, at in begins.items() for p in _early(policy, chance, wildness)},
        unset=frozenset(name for name in policy.services if chance.random() < 0.01 * wildness),
        backfill=tuple(m for m in begins if chance.random() < 0.04 * wildness),
        strays=chance.choices((0, 1, 3), (6 - 2 * wildness, wildness, wildness))[0],
        evening=evening.mode if evening else "",
        lost=lost,
    )


@dataclass(frozen=True, slots=True)
class Evening:
    """A run that is reported to on the evening of its own date, before or after the last game has ended."""

    mode: str
    begins: datetime
    played: datetime


def _evening(policy: Policy, seed: int, day: date) -> Evening | None:
    """Let every eighth night of a policy that knows such evenings be one of them (behaviour R11)."""
    modes = [mode for mode in policy.modes.values() if mode.same_evening_from is not None]
    if not modes or seed % 8 != 5:
        return None
    chance = Random(f"evening/{seed}/{day}")
    mode = chance.choice(modes)
    assert mode.same_evening_from is not None
    begins = instant(day, mode.same_evening_from, policy.zone) + MINUTE * chance.randrange(5, 130)
    return Evening(mode.name, begins, begins + MINUTE * chance.choice((-30, 10, 25, 60, 240)))


def _lost(policy: Policy, seed: int) -> tuple[str, str] | None:
    """Let every sixteenth night lose a phase that can be run again, in a mode whose past is repaired (behaviour 9)."""
    observed = [
        transition.starts for transition in policy.transitions.values() if transition.dispatch.role is Role.OBSERVE
    ]
    phases = [name for name in observed if policy.phases[name].rerun is not None]
    if seed % 16 != 9 or not policy.repaired_modes or not phases:
        return None
    return min(policy.repaired_modes), phases[0]


def _away(
    policy: Policy, seed: int, day: date, lost: tuple[str, str] | None, begins: dict[str, datetime]
) -> tuple[Outage, ...]:
    """Let who would run the lost phase again be away until the night's run has closed, or somewhat longer."""
    how = None if lost is None else policy.phases[lost[1]].rerun
    if lost is None or how is None:
        return ()
    chance = Random(f"away/{seed}/{day}")
    closes = instant(day + timedelta(days=3), time(0), policy.zone)
    ends = closes + MINUTE * chance.choice((-1, 4, 40, 150))
    return (Outage(how.service, chance.choice((Kind.UNAVAILABLE, Kind.TIMEOUT)), begins[lost[0]], ends),)


def _passes(policy: Policy, seed: int, day: date) -> list[str]:
    """Return the modes that work on a date: those that are expected of it, and now and then one that is not; where none
    is, any one of them."""
    chance = Random(f"passes/{seed}/{day}")
    passes = [
        mode
        for mode in policy.modes
        if is_expected(RunKey(policy.pipeline, day, mode), policy) or chance.random() < UNEXPECTED
    ]
    return passes or [chance.choice(list(policy.modes))]


def _date(chance: Random) -> date:
    return chance.choice(ODD) if chance.random() < 0.1 else chance.choice(tuple(season()))


def _begin(policy: Policy, chance: Random, key: RunKey) -> datetime:
    late = chance.choices((0, 60, 150), (90, 7, 3))[0]
    opens_at = policy.modes[key.mode].opens_at
    first = instant(working_day(key, policy), FIRST_REPORTS.get(key.mode, opens_at), policy.zone)
    return (first + MINUTE * (late + chance.randrange(35))).astimezone(UTC)


def _manner(chance: Random, wildness: int) -> Manner:
    gaps = chance.choices(((1,), (1, 2, 5, 10), (5, 15, 30), (15, 30, 60)), (2, 10, 40, 48))[0]
    skewed = wildness and chance.random() < 0.5
    return Manner(
        crash=(0, 0.03, 0.12)[wildness],
        at_once=(0.05, 0.12, 0.2)[wildness],
        second_sweep=(0, 0.04, 0.1)[wildness],
        gaps=gaps,
        late=(1,) if len(gaps) == 1 else (1, 30, 60, 90, 150),
        skew=timedelta(seconds=chance.choice((5, 20, 60))) if skewed else timedelta(),
    )


def _moment(chance: Random, begins: dict[str, datetime]) -> datetime:
    """Return a moment while one of the runs is worked on, more often early than late."""
    begin = begins[chance.choice(tuple(begins))]
    into: float = chance.random() ** 1.6
    return begin + LASTS * into - 5 * MINUTE


def _outages(policy: Policy, chance: Random, wildness: int, begins: dict[str, datetime]) -> tuple[Outage, ...]:
    outages = []
    for _ in range(chance.choice(((0,), (0, 1, 2), (2, 3, 5, 8))[wildness])):
        port = chance.choice(("state", "state", "warehouse", "bus", "slack", *policy.services))
        kinds = [Kind.UNAVAILABLE, Kind.TIMEOUT, Kind.LATE, Kind.FLAKY, Kind.REJECTS]
        if port == "bus":
            kinds.append(Kind.DROPS)
        if port in policy.services:
            kinds.remove(Kind.FLAKY)
        minutes = (15, 40, 90) if port in policy.services else (1, 3, 6, 15, 40)
        at, lasts = _moment(chance, begins), MINUTE * chance.choice(minutes)
        outages.append(Outage(port, chance.choice(kinds), at, at + lasts))
    return tuple(sorted(outages, key=lambda outage: outage.begins))


def _sick(policy: Policy, chance: Random, wildness: int, begins: dict[str, datetime]) -> tuple[Sickness, ...]:
    sicknesses = []
    for _ in range(chance.choice(((0,), (0, 0, 1), (0, 1, 2))[wildness]) if policy.services else 0):
        at, lasts = _moment(chance, begins), MINUTE * chance.choice((2, 10, 45, 90))
        sicknesses.append(
            Sickness(chance.choice(list(policy.services)), chance.choice(list(Health)[1:]), at, at + lasts)
        )
    return tuple(sicknesses)


def _facts(
    policy: Policy, chance: Random, wildness: int, begins: dict[str, datetime], units: int | None
) -> tuple[FactsChange, ...]:
    changes = []
    percents = [gate.name for gate in policy.gates.values() if gate.sql]
    for gate in percents:
        if chance.random() < 0.06 * wildness:
            at = _moment(chance, begins)
            changes.append(FactsChange(at, percents={gate: chance.choice((None, 0.0, 55.0, 79.9, 80.0, 89.0))}))
            if chance.random() < 0.8:
                changes.append(FactsChange(at + MINUTE * chance.choice((7, 30, 120)), percents={gate: 100.0}))
    if units and chance.random() < 0.04 * wildness:
        changes.append(FactsChange(_moment(chance, begins), units=chance.choice((0, units - 1, units - 1))))
    return tuple(changes)


def _commands(
    policy: Policy, chance: Random, wildness: int, day: date, begins: dict[str, datetime]
) -> tuple[Command, ...]:
    commands = []
    for _ in range(int(chance.random() < (0.02, 0.08, 0.2)[wildness]) * chance.choice((1, 1, 2))):
        mode = chance.choice(list(begins))
        at = begins[mode] + LASTS * chance.random() ** 1.6
        tail: tuple[str, ...] = (str(day), "--mode", mode, "--reason", "the night needs it")
        if chance.random() < 0.1:
            tail = (*tail, "--lane", "backfill")
        transition = chance.choice(list(policy.transitions))
        verb = chance.choice(("trigger", "trigger", "hold", "release", "rerun", "replay"))
        match verb:
            case "rerun":
                phases = [phase.name for phase in policy.phases.values() if phase.rerun is not None]
                if phases:
                    commands.append(Command(at, (verb, chance.choice(phases), *tail, "--new-run")))
            case "replay":
                commands.append(Command(at, ("quarantine", "replay", "--all")))
            case _:
                opens = () if verb == "release" else ("--new-run",)
                commands.append(Command(at, (verb, transition, *tail, *opens)))
        if verb == "hold" and chance.random() < 0.7:
            commands.append(Command(at + MINUTE * chance.choice((1, 20, 90)), ("release", transition, *tail)))
    return tuple(commands)


def _requests(
    chance: Random, wildness: int, day: date, begins: dict[str, datetime]
) -> tuple[tuple[datetime, dict[str, Any]], ...]:
    """Draw calls of self-heal with a body of their own, beside the schedule's."""
    if chance.random() > 0.05 * wildness:
        return ()
    body = chance.choice(
        ({"dry_run": True}, {"date": str(day)}, {"mode": chance.choice(list(begins))}, {"date": "yesterday"})
    )
    return ((_moment(chance, begins), body),)


def _early(policy: Policy, chance: Random, wildness: int) -> list[str]:
    """Draw the phases of one run that somebody else starts, whatever is dispatched."""
    return [phase for phase in list(policy.phases)[1:] if chance.random() < 0.015 * wildness]
