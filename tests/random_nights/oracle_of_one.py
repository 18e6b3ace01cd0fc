"""What one processor, or one loader of it, has done: worked out a second time, from what was recorded (R5 to R10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.core.policy.phases import Processor, Reports
from tests.random_nights.ports import unit_names
from tests.random_nights.trace import Heard

Rows = Mapping[str, int | None]
Held = Mapping[str, frozenset[str] | None]
GOOD = ("success", "partial", "skipped", "inferred")


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
    outcomes = [report for report in heard if report.outcome != "started"]
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
        added = sum(entry.records or 0 for entry in outcomes if entry.outcome in ("success", "partial"))
        records = added if processor.reports is Reports.PER_UNIT else report.records
        return records is None or records >= floor
    if not processor.units:
        return (tables.rows[label] or 0) >= floor
    return set(unit_names(tables.units or 0)) <= (tables.held[label] or frozenset())


def prevailing(outcomes: Sequence[Heard]) -> Heard | None:
    """Return the latest report by its end, unless it is incremental and lowers what stood (behaviour R5, R10)."""
    stands: Heard | None = None
    for report in sorted(outcomes, key=lambda report: report.number):
        if stands is None:
            stands = report
            continue
        later, earlier = (report, stands) if report.ended >= stands.ended else (stands, report)
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
    """Return the larger of the floor that counts units and the absolute one; None where there is neither."""
    per_unit = processor.min_records_per_unit
    floors = processor.min_records, None if per_unit is None or units is None else per_unit * units
    return max((floor for floor in floors if floor is not None), default=None)


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
    for heard_report in heard:
        if heard_report.outcome != "started" and prevailing([*stood[-1:], heard_report]) is heard_report:
            stood.append(heard_report)
    for heard_report in stood:
        if (
            heard_report.outcome in GOOD
            and counted(processor, heard_report, units, {}, vouched=not required, triggered=False) != "no"
        ):
            return heard_report.received
    # What the table holds now, it holds for the report that stands, and for no other.
    word, report = stands(processor, heard, tables, None, required=required, vouches=vouches)
    vouched = report is not None and report.outcome in GOOD and full(processor, units, rows)
    return report.received if report is not None and word != "no" and vouched else None
