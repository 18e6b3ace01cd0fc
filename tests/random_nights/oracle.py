"""What the policy allows, worked out a second time: from the messages that were recorded, not from the product's state.

Small on purpose, and without a line of `shared/core/decision/decide.py`, `standing.py` or `gates.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.core.calendar import clock_from
from shared.core.model import RunKey
from shared.core.policy.phases import Processor, Reports
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Expectation, Gate, GateKind, OnMissing, OnUnreadable, Then, Transition
from shared.core.policy.working_days import Resolve
from tests.random_nights.loaders import begins, rows_of, status_of
from tests.random_nights.oracle_of_one import Held, Rows, Tables
from tests.random_nights.trace import Heard

UNASKED = object()


@dataclass(frozen=True, slots=True)
class View:
    """Who of the expected is done (with how many records), who only in part, and when the first of them counted."""

    expected: frozenset[str]
    required: frozenset[str]
    done: Mapping[str, int | None]
    partial: frozenset[str]
    opened: datetime | None
    percents: Mapping[str, float]

    @property
    def missing(self) -> frozenset[str]:
        return self.expected - self.done.keys()


def view(
    policy: Policy,
    transition: Transition,
    key: RunKey,
    reports: Mapping[str, Sequence[Heard]],
    units: int | None,
    rows: Rows,
    carried: Mapping[str, int | None] | None = None,
    opened: datetime | None = None,
    *,
    over: bool = True,
    held: Held,
) -> View:
    """Look at the recorded reports of a transition's phase.

    ``carried`` is what its last trigger had counted; ``opened`` when its clock is known to have begun; ``held`` are the
    units that were read in tables, by processor; ``over`` that the units of the date are final: before, a mode that is
    reported to on the evening itself asks no table for rows (R11).
    """
    vouches = over or policy.modes[key.mode].same_evening_from is None or units is None
    expectation = transition.expects[key.mode]
    processors = vouching(policy, transition, key.mode)
    expected = frozenset(name for name in expectation.expected if not processors[name].disabled_on(key.day))
    judged = any(policy.gates[name].kind is GateKind.COMPLETION_PERCENT for name in transition.gates)
    done: dict[str, int | None] = {}
    partial: set[str] = set()
    percents: dict[str, float] = {}
    for name in expected:
        heard = reports.get(name)
        if not heard:
            continue
        required = name in expectation.required
        tables = Tables(units, rows, held)
        at = status_of(processors[name], heard, tables, carried, required=required, vouches=vouches)
        if at.word == "done" or (at.word == "partial" and judged):
            done[name] = at.records
        elif at.word == "partial":
            partial.add(name)
        if at.report is not None and at.report.percent is not None:
            percents[name] = at.report.percent
        first = begins(processors[name], heard, tables, required=required, vouches=vouches)
        if first is not None and (opened is None or first < opened):
            opened = first
    opened = None if opened is None else clock_from(key, opened, policy)
    return View(expected, expectation.required & expected, done, frozenset(partial), opened, percents)


def vouching(policy: Policy, transition: Transition, mode: str) -> Mapping[str, Processor]:
    """Return what a transition waits for, with the tables that can vouch for it: rows do not tell passes over a date
    apart, so those of a processor that several passes expect say nothing of a pass that its date does not tell."""
    awaited = policy.awaited[transition.name]
    if policy.modes[mode].resolve is Resolve.DATE:
        return awaited
    waiting = [entry for other in policy.transitions.values() for entry in other.expects.items()]
    modes = {
        name: {mode_name for mode_name, expectation in waiting if name in expectation.expected} for name in awaited
    }
    return {
        name: processor if len(modes[name]) == 1 else _without_tables(processor) for name, processor in awaited.items()
    }


def _without_tables(processor: Processor) -> Processor:
    if processor.units or processor.reports is Reports.PER_UNIT:
        return processor
    sources = {name: _without_tables(source) for name, source in processor.sources.items()}
    return replace(processor, table=None, sources=sources)


def reason_at(expectation: Expectation, seen: View, now: datetime) -> str:
    """Return why a trigger is allowed at this moment, gates aside; `held` past a forbidding deadline, else ``""``."""
    if seen.expected and not seen.missing:
        return "complete"
    if seen.opened is None:
        return ""
    present = seen.done.keys() | seen.partial
    for number, tier in enumerate(expectation.tiers, start=1):
        enough = len(present) >= min(tier.at_least, len(seen.expected))
        if now >= seen.opened + tier.after and enough and seen.required <= present:
            return f"tier_{number}"
    deadline = expectation.deadline
    if deadline is None or now < seen.opened + deadline.after:
        return ""
    if deadline.then is Then.TRIGGER or (deadline.then is Then.TRIGGER_IF_REQUIRED and seen.required <= present):
        return "deadline"
    return "held"


def blocking(
    policy: Policy, transition: Transition, key: RunKey, seen: View, rows: Rows, percents: Mapping[str, float | None]
) -> list[str]:
    """Return the gates that forbid a trigger by these readings; a gate that was never read forbids it too."""
    listed = [
        gate for gate in map(policy.gates.__getitem__, transition.gates) if not gate.modes or key.mode in gate.modes
    ]
    processors = policy.awaited[transition.name]
    tables = {name: processors[name] for name in seen.expected if processors[name].tables}
    names = []
    for gate in listed:
        if gate.kind is GateKind.ROWS:
            blocks = _too_few_rows(gate, seen, tables, rows)
        elif gate.kind is GateKind.PERCENT:
            reading = percents.get(gate.name, UNASKED)
            blocks = reading is UNASKED or _too_low(gate, reading)
        else:
            blocks = _too_low(gate, _stated(listed, seen, tables, rows))
        if blocks:
            names.append(gate.name)
    return names


def _too_few_rows(gate: Gate, seen: View, tables: Mapping[str, Processor], rows: Rows) -> bool:
    if any(table not in rows for processor in tables.values() for table in processor.tables):
        return True
    counts = {name: rows_of(processor, rows, gate.min_rows) for name, processor in tables.items()}
    short = {name for name, count in counts.items() if count is not None and count < gate.min_rows}
    unread = {name for name, count in counts.items() if count is None}
    if gate.on_unreadable is OnUnreadable.BLOCK and unread & seen.required:
        return True
    if gate.on_missing is not OnMissing.BLOCK:
        return False
    if short & seen.required:
        return True
    few = gate.at_least is not None and len(tables) - len(short | unread) < min(gate.at_least, len(tables))
    return few and not (unread and gate.on_unreadable is OnUnreadable.PASS)


def _too_low(gate: Gate, reading: object) -> bool:
    if not isinstance(reading, int | float):
        return gate.on_unreadable is OnUnreadable.BLOCK
    return gate.block_below is not None and reading < gate.block_below


def _stated(gates: Sequence[Gate], seen: View, tables: Mapping[str, Processor], rows: Rows) -> float | None:
    """Return the lowest percentage that was stated; 0 while the table holds rows was not meant (behaviour R6)."""
    floors = [gate.min_rows for gate in gates if gate.kind is GateKind.ROWS]
    stated = []
    for name, percent in seen.percents.items():
        held = rows_of(tables[name], rows) if name in tables else None
        if percent != 0 or not floors or held is None or held < min(floors):
            stated.append(percent)
    return min(stated, default=None)
