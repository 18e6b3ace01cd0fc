"""What the policy allows, worked out a second time: from the messages that were recorded, not from the product's state.

Small on purpose, and without a line of `shared/core/decision/decide.py`, `standing.py` or `gates.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.core.calendar import clock_from
from shared.core.model import RunKey
from shared.core.policy.phases import Processor, Reports
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Expectation, Gate, GateKind, OnMissing, OnUnreadable, Then, Transition
from tests.random_nights.ports import unit_names
from tests.random_nights.trace import Heard

Rows = Mapping[str, int | None]
Held = Mapping[str, frozenset[str] | None]
GOOD = ("success", "partial", "skipped", "inferred")
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
    processors = policy.awaited[transition.name]
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
        counts, report = stands(processors[name], heard, tables, carried, required=required, vouches=vouches)
        if counts == "done" or (counts == "partial" and judged):
            single = processors[name].reports is Reports.PER_UNIT
            done[name] = report.records if report is not None and not single else None
        elif counts == "partial":
            partial.add(name)
        if report is not None and report.percent is not None:
            percents[name] = report.percent
        first = opens(processors[name], heard, tables, required=required, vouches=vouches)
        if first is not None and (opened is None or first < opened):
            opened = first
    opened = None if opened is None else clock_from(key, opened, policy)
    return View(expected, expectation.required & expected, done, frozenset(partial), opened, percents)


@dataclass(frozen=True, slots=True)
class Tables:
    """The units of a date, and what was read of its tables: rows by table, units by processor."""

    units: int | None
    rows: Rows
    held: Held


def stands(
    processor: Processor,
    heard: Sequence[Heard],
    tables: Tables,
    carried: Mapping[str, int | None] | None,
    *,
    required: bool,
    vouches: bool = True,
) -> tuple[str, Heard | None]:
    """Judge a processor by the table of behaviour R6: `done`, `partial` or `no`, and by which report.

    ``vouches`` says that its table may outvote what is short.
    """
    units, rows = tables.units, tables.rows
    outcomes = [one for one in heard if one.outcome != "started"]
    if not outcomes:
        return "no", None
    latest = prevailing(outcomes)
    assert latest is not None
    good = prevailing([outcome for outcome in outcomes if outcome.outcome in GOOD])
    if by_table(processor, units) and (carried is None or processor.name not in carried):
        return in_table(processor, outcomes, latest, good, tables, required=required)
    # What a trigger has counted, a failure no longer takes back.
    triggered = carried is not None and processor.name in carried
    vouched = triggered or not required

    def count(report: Heard) -> str:
        asked = rows if vouches or triggered else None
        return counted(processor, report, units, asked, vouched=vouched, triggered=triggered)

    if latest.outcome == "failed":
        verdict = (count(good), good) if triggered and good else ("no", latest)
    elif latest.outcome == "no_data":
        before = "no" if good is None else count(good)
        verdict = _empty(processor, latest, good, before, units, rows, triggered)
    else:
        verdict = count(latest), latest
    # A count that the trigger itself carried had been outvoted by the table then.
    word, report = verdict
    if word != "no" or carried is None or report.outcome not in ("success", "skipped"):
        return verdict
    return ("done", report) if triggered and carried[processor.name] == report.records else verdict


def by_table(processor: Processor, units: int | None) -> bool:
    """Say whether only the table shows that a date is whole: of named units, or reported one by one (R10)."""
    single = processor.reports is Reports.PER_UNIT and processor.min_records_per_unit is not None
    return processor.table is not None and bool(units) and (bool(processor.units) or single)


def in_table(
    processor: Processor,
    outcomes: Sequence[Heard],
    latest: Heard,
    good: Heard | None,
    tables: Tables,
    *,
    required: bool,
) -> tuple[str, Heard]:
    """Judge by the units, or the rows, that its table holds; no report is enough, none is too small (R10)."""
    if latest.outcome == "failed" or (latest.outcome == "no_data" and good is None):
        return "no", latest
    report = good if latest.outcome == "no_data" and good is not None else latest
    if report.outcome == "inferred" or (report.outcome == "skipped" and not required):
        word = "done"
    elif not _whole(processor, outcomes, report, tables):
        word = "no"
    else:
        word = "partial" if report.outcome == "partial" else "done"
    read = tables.held.get(processor.name) is not None or tables.rows.get(processor.table or "") is not None
    if latest.outcome == "no_data" and word != "no" and not read:
        return "no", latest
    return word, report


def _whole(processor: Processor, outcomes: Sequence[Heard], report: Heard, tables: Tables) -> bool:
    """Say whether a table holds the date; where that cannot be read the reports decide."""
    floor, read = floor_of(processor, tables.units) or 0, tables.held if processor.units else tables.rows
    label = processor.name if processor.units else processor.table or ""
    if label not in read:
        return False
    if read[label] is None:
        added = sum(one.records or 0 for one in outcomes if one.outcome in ("success", "partial"))
        records = added if processor.reports is Reports.PER_UNIT else report.records
        return records is None or records >= floor
    if not processor.units:
        return (tables.rows[label] or 0) >= floor
    return set(unit_names(tables.units or 0)) <= (tables.held[label] or frozenset())


def prevailing(outcomes: Sequence[Heard]) -> Heard | None:
    """Return the latest report by its end, unless it is incremental and lowers what stood (behaviour R5, R10)."""
    stands: Heard | None = None
    for one in sorted(outcomes, key=lambda one: one.number):
        if stands is None:
            stands = one
            continue
        later, earlier = (one, stands) if one.ended >= stands.ended else (stands, one)
        stands = earlier if later.incremental and worse(later, earlier) else later
    return stands


def worse(later: Heard, earlier: Heard) -> bool:
    """Say whether a report is less than the good one before it: no good one, a part of a whole, or fewer records."""
    if earlier.outcome not in GOOD:
        return False
    part = later.outcome == "partial" and earlier.outcome == "success"
    fewer = later.records is not None and earlier.records is not None and later.records < earlier.records
    return later.outcome not in GOOD or part or fewer


def _empty(
    processor: Processor,
    latest: Heard,
    good: Heard | None,
    before: str,
    units: int | None,
    rows: Rows,
    triggered: bool,
) -> tuple[str, Heard]:
    """Judge a `no_data`: done without units, else a retraction unless the table shows otherwise."""
    if units == 0:
        return "done", latest
    if good is not None and (triggered or before == "no" or full(processor, units, rows)):
        return before, good
    return "no", latest


def counted(
    processor: Processor, report: Heard, units: int | None, rows: Rows | None, *, vouched: bool, triggered: bool
) -> str:
    """Judge one good report by the floor, a short success by its table too, and one of nothing by rows alone (R12).

    ``vouched`` says that skipping is an outcome of this processor: it is optional, or a trigger has counted it;
    ``rows`` None that no table is asked yet.
    """
    if report.outcome == "inferred" or (report.outcome == "skipped" and vouched):
        return "done"
    floor = floor_of(processor, units)
    if report.outcome == "skipped" or (report.outcome == "success" and report.records == 0 and floor is None):
        return "done" if units == 0 or triggered or not empty(processor, rows) else "no"
    enough = floor is None or report.records is None or report.records >= floor
    enough = enough or (triggered and processor.reports is Reports.PER_UNIT)
    if report.outcome == "partial":
        return "partial" if enough else "no"
    return "done" if enough or full(processor, units, rows) else "no"


def floor_of(processor: Processor, units: int | None) -> int | None:
    per_unit = processor.min_records_per_unit
    return None if per_unit is None or units is None else per_unit * units


def empty(processor: Processor, rows: Rows | None) -> bool:
    """Say whether a table was read and holds nothing, or was not read yet; without a table nobody can know."""
    return processor.table is not None and (rows is None or rows.get(processor.table, 0) == 0)


def full(processor: Processor, units: int | None, rows: Rows | None) -> bool:
    held = rows.get(processor.table) if processor.table and rows is not None else None
    return held is not None and held >= max(1, floor_of(processor, units) or 0)


def opens(
    processor: Processor,
    heard: Sequence[Heard],
    tables: Tables,
    *,
    required: bool,
    vouches: bool,
) -> datetime | None:
    """Return when the first report was received that counted as it came (behaviour R7)."""
    units, rows = tables.units, tables.rows
    if by_table(processor, units):
        word, whole = stands(processor, heard, tables, None, required=required, vouches=vouches)
        return None if whole is None or word == "no" else whole.received
    stood: list[Heard] = []
    for one in heard:
        if one.outcome != "started" and prevailing([*stood[-1:], one]) is one:
            stood.append(one)
    for one in stood:
        if one.outcome in GOOD and counted(processor, one, units, {}, vouched=not required, triggered=False) != "no":
            return one.received
    # What the table holds now, it holds for the report that stands, and for no other.
    word, report = stands(processor, heard, tables, None, required=required, vouches=vouches)
    vouched = report is not None and report.outcome in GOOD and full(processor, units, rows)
    return report.received if report is not None and word != "no" and vouched else None


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
    tables = {name: table for name in seen.expected if (table := processors[name].table) is not None}
    found = []
    for gate in listed:
        if gate.kind is GateKind.ROWS:
            blocks = _too_few_rows(gate, seen, tables, rows)
        elif gate.kind is GateKind.PERCENT:
            reading = percents.get(gate.name, UNASKED)
            blocks = reading is UNASKED or _too_low(gate, reading)
        else:
            blocks = _too_low(gate, _stated(listed, seen, tables, rows))
        if blocks:
            found.append(gate.name)
    return found


def _too_few_rows(gate: Gate, seen: View, tables: Mapping[str, str], rows: Rows) -> bool:
    if any(table not in rows for table in tables.values()):
        return True
    counts = {name: rows[table] for name, table in tables.items()}
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


def _stated(gates: Sequence[Gate], seen: View, tables: Mapping[str, str], rows: Rows) -> float | None:
    """Return the lowest percentage that was stated; 0 while the table holds rows was not meant (behaviour R6)."""
    floors = [gate.min_rows for gate in gates if gate.kind is GateKind.ROWS]
    stated = []
    for name, percent in seen.percents.items():
        held = rows.get(tables[name]) if name in tables else None
        if percent != 0 or not floors or held is None or held < min(floors):
            stated.append(percent)
    return min(stated, default=None)
