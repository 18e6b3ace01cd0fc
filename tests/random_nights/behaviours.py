"""How the processors of a phase behave once it has begun: drawn anew for each run, phase and generation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

from shared.core.model import Lane, RunKey
from shared.core.policy.names import forms
from shared.core.policy.phases import Processor, Reports
from shared.core.policy.policy import Policy
from tests.random_nights.case import Night, ScriptLine

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
FATES = ("fine", "slow", "lost", "short", "partial", "failing", "no_data", "skipped", "hanging", "uncounted", "growing")
CHANCES = ((92, 3, 0, 1, 1, 1, 0, 1, 0, 1, 0), (70, 7, 4, 3, 3, 4, 3, 1, 2, 1, 2), (48, 9, 9, 6, 6, 7, 5, 2, 4, 2, 2))
LENGTHS = {"phase2": 20, "phase3": 18, "phase4": 30, "phase5": 15, "phase6": 5}
NO_FLOOR = 200


def script(policy: Policy, night: Night, key: RunKey, phase: str, generation: int) -> list[ScriptLine]:
    """Return what the processors of a phase will report after its start, in no order."""
    chance = Random(f"script/{night.seed}/{key.id}/{phase}/{generation}")
    lines: list[ScriptLine] = []
    burst = MINUTE * chance.randrange(1, LENGTHS.get(phase, 10)) if chance.random() < 0.6 else None
    for processor in _expected(policy, key, phase, chance):
        after = burst or MINUTE * (1 + LENGTHS.get(phase, 10) * chance.random())
        where = f"{key.id}/{phase}/{generation}"
        for source, job in _at_work(processor, night, where):
            fate = chance.choices(FATES, CHANCES[night.wildness])[0]
            first = _records(job, night.units, chance, generation)
            script_lines = _fate(fate, replace(job, name=processor.name), after, first, chance)
            own = [_travelling(replace(line, source=source), night, chance) for line in script_lines]
            lines += by_unit(own, job, night, where)
    if key.lane is Lane.LIVE and (key.mode, phase) == night.lost:
        lines = _without_some(policy, night, key, phase, lines)
    if lines and chance.random() < 0.8:
        begun = ScriptLine(5 * SECOND, chance.choice(lines).processor, "started")
        lines.append(_travelling(begun, night, chance))
    return lines


def _at_work(processor: Processor, night: Night, where: str) -> list[tuple[str, Processor]]:
    """Return the jobs that report: the processor, or some of its loaders, or one that speaks for all of them."""
    if not processor.sources:
        return [("", processor)]
    chance = Random(f"loaders/{night.seed}/{where}/{processor.name}")
    if chance.random() < 0.1:
        return [("", processor)]
    silent = 0.1 + 0.15 * night.wildness
    return [(source, job) for source, job in processor.sources.items() if chance.random() >= silent]


def _without_some(policy: Policy, night: Night, key: RunKey, phase: str, lines: list[ScriptLine]) -> list[ScriptLine]:
    """Leave out all that one required processor would say and write, and some others."""
    chance = Random(f"without/{night.seed}/{key.id}/{phase}")
    waiting = [transition.expects[key.mode] for transition in policy.after(phase) if key.mode in transition.expects]
    required = sorted(
        frozenset().union(*(expectation.required for expectation in waiting)) & policy.phases[phase].processors.keys()
    )
    silent = {chance.choice(required)} if required else {line.processor for line in lines}
    return [line for line in lines if line.processor not in silent and chance.random() < 0.8]


def by_unit(lines: list[ScriptLine], processor: Processor, night: Night, where: str) -> list[ScriptLine]:
    """Let a processor of units miss some of them, and report one by one where that is its way (behaviour R10)."""
    counted = processor.units or processor.reports is Reports.PER_UNIT
    if not counted or not night.units:
        return lines
    chance = Random(f"units/{night.seed}/{where}/{processor.name}")
    parts = [part for line in lines for part in _in_parts(line, night, night.units, chance)]
    if processor.reports is Reports.WHOLE:
        return parts
    return [single for part in parts for single in _one_by_one(part, night.units, chance)]


def _in_parts(line: ScriptLine, night: Night, units: int, chance: Random) -> list[ScriptLine]:
    """Let a report be of some units only, and mostly let the others come later."""
    if line.status not in ("success", "partial") or line.records is None or chance.random() >= 0.15 * night.wildness:
        return [line]
    first = tuple(sorted(chance.sample(range(units), chance.randrange(units))))
    others = tuple(number for number in range(units) if number not in first)
    parts = [_of_units(line, first, units)] if first else []
    if chance.random() < 0.7:
        late = _of_units(line, others, units)
        parts.append(replace(late, after=line.after + MINUTE * chance.choice((4, 20, 60))))
    return parts


def _one_by_one(line: ScriptLine, units: int, chance: Random) -> list[ScriptLine]:
    if line.status not in ("success", "partial") or line.records is None:
        return [line]
    of = line.units if line.units is not None else tuple(range(units))
    singles = [_of_units(replace(line, units=of), (number,), len(of)) for number in of]
    return [replace(single, after=line.after + SECOND * chance.randrange(240)) for single in singles]


def _of_units(line: ScriptLine, numbers: tuple[int, ...], total: int) -> ScriptLine:
    """Return the part of a report that is of these units, with their share of what it says and writes."""
    assert line.records is not None
    records, writes = (count * len(numbers) // total for count in (line.records, line.writes))
    return replace(line, records=records, writes=writes, units=numbers)


def repaired(policy: Policy, night: Night, phase: str, names: list[str], attempt: str) -> list[ScriptLine]:
    """Return what a phase reports after it was asked to run again for some processors, by any of their names."""
    chance = Random(f"repair/{night.seed}/{attempt}")
    meant = frozenset(names)
    listed = [
        processor
        for processor in policy.phases[phase].processors.values()
        if meant & {processor.name, *(f.name for f in forms(processor))}
    ]
    return [
        ScriptLine(
            MINUTE * chance.randrange(2, 15),
            processor.name,
            "success",
            full := full_count(job, night.units),
            writes=full,
            source=source,
        )
        for processor in listed
        if chance.random() < 0.7
        for source, job in (processor.sources.items() if processor.sources else (("", processor),))
    ]


def full_count(processor: Processor, units: int | None) -> int:
    """Return about how many records a processor writes when all is well."""
    demanded = max((processor.min_records_per_unit or 0) * max(units or 0, 1), processor.min_records or 0)
    return int(demanded * 1.3) + 1 or NO_FLOOR


def _expected(policy: Policy, key: RunKey, phase: str, chance: Random) -> list[Processor]:
    processors = policy.phases[phase].processors
    after = [
        transition.expects[key.mode].expected for transition in policy.after(phase) if key.mode in transition.expects
    ]
    named = frozenset().union(*after) & processors.keys() if after else frozenset(processors)
    expected = [processors[name] for name in sorted(named)]
    others = [processor for name, processor in processors.items() if name not in named]
    return [*expected, chance.choice(others)] if others and chance.random() < 0.05 else expected


def _records(processor: Processor, units: int | None, chance: Random, generation: int) -> int:
    floors = processor.min_records_per_unit, processor.min_records
    full = full_count(processor, units) if any(floors) else NO_FLOOR
    return int(full * chance.choice((1, 1, 1.02, 1.2))) + (full // 4) * (generation - 1)


def _fate(fate: str, processor: Processor, after: timedelta, records: int, chance: Random) -> list[ScriptLine]:
    """Return one processor's reports, its good one last where it has one."""
    again = after + MINUTE * chance.choice((3, 12, 40, 100))
    good = _success(processor, after, records, chance)
    later = replace(good, after=again)
    repaired = [later] if chance.random() < 0.7 else []
    match fate:
        case "slow":
            return [replace(good, after=after + MINUTE * chance.choice((15, 40, 100, 200)))]
        case "lost":
            return _lost(processor, after, records, chance)
        case "short":
            few = records // chance.choice((2, 10, 1000))
            return [replace(good, records=few, writes=chance.choice((few, few, records))), *repaired]
        case "partial":
            part = int(records * chance.choice((0.5, 0.8, 0.95)))
            return [replace(good, status="partial", records=part, writes=part), *repaired]
        case "failing":
            return _failing(good, later, chance)
        case "no_data":
            empty = ScriptLine(after, processor.name, "no_data", 0)
            return [good, replace(empty, after=again)] if chance.random() < 0.3 else [empty, *repaired]
        case "skipped":
            return [ScriptLine(after, processor.name, "skipped", writes=records)]
        case "hanging":
            return [ScriptLine(after, processor.name, "started")]
        case "uncounted":
            return [replace(good, records=None)]
        case "growing":
            return [good, replace(later, records=int(records * chance.choice((1.05, 1.1, 1.5))))]
        case _:
            return [good]


def _success(processor: Processor, after: timedelta, records: int, chance: Random) -> ScriptLine:
    more: dict[str, Any] = {}
    if processor.name == "prediction_coordinator":
        more = {"expected_count": int(records / chance.choice((1, 1, 1, 1, 1, 1, 1, 0.9, 0.8, 0.7)))}
        if chance.random() < 0.3:
            more = {"metadata": {"completion_pct": chance.choice((100, 100, 100, 95, 95, 80, 79, 0))}}
    elif chance.random() < 0.3:
        more = {"metadata": {"is_incremental": True, "entities_changed": {"players": ["p1"], "teams": []}}}
    if chance.random() < 0.02:
        more["skip_downstream_trigger"] = True
    writes = 0 if chance.random() < 0.01 else records
    return ScriptLine(after, processor.name, "success", records, writes=writes, more=more)


def _lost(processor: Processor, after: timedelta, records: int, chance: Random) -> list[ScriptLine]:
    """Nothing is said; the table may be filled all the same."""
    silent = ScriptLine(after, processor.name, "", writes=records if chance.random() < 0.5 else 0)
    return [silent]


def _failing(good: ScriptLine, later: ScriptLine, chance: Random) -> list[ScriptLine]:
    failed = ScriptLine(
        good.after, good.processor, "failed", more={"error_message": chance.choice(("timeout", "", "quota"))}
    )
    times = chance.choice((1, 1, 2, 3, 4))
    failures = [replace(failed, after=failed.after + n * 4 * MINUTE) for n in range(times)]
    if chance.random() < 0.25:
        return [good, *(replace(failure, after=failure.after + 6 * MINUTE) for failure in failures)]
    recovered = replace(later, after=failures[-1].after + MINUTE * chance.choice((2, 15, 60)))
    return [*failures, recovered] if chance.random() < 0.8 else failures


def _travelling(line: ScriptLine, night: Night, chance: Random) -> ScriptLine:
    """Let a report be delayed, repeated and called by another of its names."""
    wild = night.wildness
    travels = MINUTE * chance.choice((2, 9, 70)) * chance.random() if chance.random() < 0.05 * wild else timedelta()
    copies = tuple(MINUTE * chance.choice((0, 1, 25)) for _ in range(chance.choice((1, 1, 2)))) if (
        chance.random() < 0.08 * wild
    ) else ()  # fmt: skip
    return replace(line, travels=travels, copies=copies)
