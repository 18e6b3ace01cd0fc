"""Gates: one number each, read just before a trigger; a "no" is a value (behaviour D4, A5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from shared.core.decision.completeness import Completeness, Rows
from shared.core.policy.after_run import AfterRun, OtherRun
from shared.core.policy.phases import Processor
from shared.core.policy.transitions import Gate, GateKind, OnMissing, OnUnreadable
from shared.core.texts import amount


@dataclass(frozen=True, slots=True)
class Fit:
    """The next service can work; ``note`` says so if only just (behaviour 6)."""

    note: str = ""


@dataclass(frozen=True, slots=True)
class Unfit:
    """The next service cannot work: ``text`` names its status and the identity that it gave."""

    text: str


@dataclass(frozen=True, slots=True)
class Unchecked:
    """No URL is configured for the service, so it was skipped, and the decision says so."""

    text: str


Fitness = Fit | Unfit | Unchecked


@dataclass(frozen=True, slots=True)
class Readings:
    """What was read for one decision. A name that is absent was not read; None was not readable.

    ``rows`` are by table, ``held`` are the units that a processor's or source's table holds, by its name.

    ``other_run`` is what is known of the run that is waited for.

    ``at_work`` is what a service answered that was asked whether it works on the date, False where it did not say.
    ``wrong`` says of a table or gate why it cannot even be asked: no later reading will answer, so it blocks.
    """

    rows: Rows = field(default_factory=dict)
    percents: Mapping[str, float | None] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)
    fitness: Fitness | None = None
    calendar_asked: bool = False
    held: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    at_work: bool | None = None
    other_run: OtherRun | None = None


UNREAD = Readings()


class Wanted(NamedTuple):
    """What a decision still has to read: tables, units of processors and sources, percent gates, a service, the
    calendar, the pauses, of which service whether it is at work on the date, and the run that is waited for."""

    rows: frozenset[str] = frozenset()
    percents: tuple[str, ...] = ()
    service: str | None = None
    calendar: bool = False
    held: frozenset[str] = frozenset()
    status: str | None = None
    pauses: bool = False
    other_run: AfterRun | None = None

    def __bool__(self) -> bool:
        tables = bool(self.rows or self.held or self.percents)
        return tables or bool(self.service or self.calendar or self.status or self.pauses or self.other_run)


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 - a word, not a password
    WARN = "warn"
    BLOCK = "block"


class GateResult(NamedTuple):
    """What one gate says and the number it says it by. ``subjects`` are the processors a warning is about."""

    gate: str
    verdict: Verdict
    text: str
    subjects: frozenset[str] = frozenset()


def wanted(gates: Iterable[Gate], completeness: Completeness, readings: Readings) -> Wanted:
    """Say what these gates still need to have read."""
    return Wanted(*unread(gates, completeness, readings))


def unread(
    gates: Iterable[Gate], completeness: Completeness, readings: Readings
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the tables and the gates in percent that these gates go by and that have not been read."""
    tables: frozenset[str] = frozenset()
    percents = []
    for gate in gates:
        if gate.kind is GateKind.ROWS:
            tables = frozenset([table for table in completeness.tables if table not in readings.rows])
        elif gate.kind is GateKind.PERCENT and gate.name not in readings.percents:
            percents.append(gate.name)
    return tables, tuple(percents)


def numbers(gates: Iterable[Gate], completeness: Completeness, readings: Readings) -> dict[str, float]:
    """Return the numbers that these gates go by and that could be read: rows by table, percentages by gate."""
    read: dict[str, float] = {}
    for gate in gates:
        if gate.kind is GateKind.ROWS:
            read.update(
                [(table, rows) for table in completeness.tables if (rows := readings.rows.get(table)) is not None]
            )
        elif gate.kind is GateKind.PERCENT and (percent := readings.percents.get(gate.name)) is not None:
            read[gate.name] = percent
    return {name: read[name] for name in sorted(read)}


def evaluate(
    gates: Iterable[Gate], processors: Mapping[str, Processor], completeness: Completeness, readings: Readings
) -> tuple[GateResult, ...]:
    """Judge gates whose readings are there."""
    listed = tuple(gates)
    results = []
    for gate in listed:
        if gate.kind is GateKind.ROWS:
            results.append(_rows(gate, processors, completeness, readings))
        elif gate.kind is GateKind.PERCENT:
            wrong = readings.wrong.get(gate.name)
            percent = readings.percents.get(gate.name)
            results.append(_percent(gate, percent) if wrong is None else _wrong(gate, wrong))
        else:
            results.append(_completion_percent(gate, listed, processors, completeness, readings))
    return tuple(results)


def _rows(
    gate: Gate, processors: Mapping[str, Processor], completeness: Completeness, readings: Readings
) -> GateResult:
    writing = completeness.writing
    read, least = readings.rows, gate.min_rows
    rows = {
        processor.name: processor.rows_in(read, least) if processor.sources else read.get(processor.tables[0])
        for processor in writing
    }
    lacking = {name for name, count in rows.items() if count is None or count < least}
    if not lacking:
        return GateResult(gate.name, Verdict.PASS, f"{gate.name}: {len(rows)} of {len(rows)} tables have rows")
    unread = {name for name in lacking if rows[name] is None}
    short = lacking - unread
    tables = {processor.name: processor.tables for processor in writing}
    asked = ((name, table) for name in unread for table in tables[name])
    wrong = {name: readings.wrong[table] for name, table in asked if table in readings.wrong}
    enough = len(tables) - len(short) - len(unread)
    blocking = set()
    if gate.on_missing is OnMissing.BLOCK:
        blocking |= short & completeness.required
    if gate.on_unreadable is OnUnreadable.BLOCK:
        blocking |= unread & completeness.required
    blocking |= wrong.keys() & completeness.required
    text = f"{gate.name}: {_row_text(gate, tables, rows, lacking, wrong)}"
    # What cannot be read may hold rows; whether it is taken to is for `on_unreadable` to say.
    hoped = len(unread) if gate.on_unreadable is OnUnreadable.PASS else 0
    too_few = gate.at_least is not None and enough + hoped < min(gate.at_least, len(tables))
    if too_few:
        text += f"; {enough} of {len(tables)} tables have rows, at least {gate.at_least} must"
    if blocking or (too_few and gate.on_missing is OnMissing.BLOCK):
        return GateResult(gate.name, Verdict.BLOCK, text)
    return GateResult(gate.name, Verdict.WARN, text, frozenset(lacking))


def _row_text(
    gate: Gate, tables: Mapping[str, tuple[str, ...]], counts: Rows, odd: set[str], wrong: Mapping[str, str]
) -> str:
    parts = []
    for name in sorted(odd):
        rows = counts[name]
        unread = f"cannot be asked: {wrong[name]}" if name in wrong else "cannot be read"
        finding = unread if rows is None else f"has {amount(rows, 'row')}, at least {gate.min_rows} must be there"
        parts.append(f"{' and '.join(tables[name])} ({name}) {finding}")
    return ", ".join(parts)


def _percent(gate: Gate, percent: float | None) -> GateResult:
    if percent is None:
        return _unreadable(gate, "cannot be read")
    shown = f"{gate.name} reads {percent:g} percent"
    if gate.block_below is not None and percent < gate.block_below:
        return GateResult(gate.name, Verdict.BLOCK, f"{shown}, blocks below {gate.block_below:g}")
    if gate.warn_below is not None and percent < gate.warn_below:
        return GateResult(gate.name, Verdict.WARN, f"{shown}, warns below {gate.warn_below:g}")
    return GateResult(gate.name, Verdict.PASS, shown)


def _wrong(gate: Gate, why: str) -> GateResult:
    return GateResult(gate.name, Verdict.BLOCK, f"{gate.name} cannot be asked: {why}")


def _unreadable(gate: Gate, why: str) -> GateResult:
    if gate.on_unreadable is OnUnreadable.BLOCK:
        return GateResult(gate.name, Verdict.BLOCK, f"{gate.name} {why}, and blocks while it is unreadable")
    return GateResult(gate.name, Verdict.PASS, f"{gate.name} {why}, and passes unread")


def _completion_percent(
    gate: Gate,
    gates: Iterable[Gate],
    processors: Mapping[str, Processor],
    completeness: Completeness,
    readings: Readings,
) -> GateResult:
    """Judge the lowest percentage that the processors state; 0 with rows in the table counts as not stated."""
    stated = []
    doubted = set()
    for name in completeness.expected:
        report = completeness.statuses[name].report
        if report is None or report.percent is None:
            continue
        if report.percent == 0 and _holds_rows(gates, processors[name], readings):
            doubted.add(name)
        else:
            stated.append(report.percent)
    if not stated and doubted:
        text = f"{gate.name}: 0 percent stated while the table holds rows, taken as not stated"
        result = _unreadable(gate, "is not stated")
        verdict = Verdict.WARN if result.verdict is Verdict.PASS else result.verdict
        return GateResult(gate.name, verdict, text, frozenset(doubted))
    if not stated:
        return _unreadable(gate, "is stated by no report")
    return _percent(gate, min(stated))


def _holds_rows(gates: Iterable[Gate], processor: Processor, readings: Readings) -> bool:
    rows = processor.rows_in(readings.rows)
    floors = [gate.min_rows for gate in gates if gate.kind is GateKind.ROWS]
    return rows is not None and bool(floors) and rows >= min(floors)
