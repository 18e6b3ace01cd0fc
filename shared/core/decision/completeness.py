"""The status of each expected processor of a transition: the table of behaviour R6 as a function.

Its values are named tuples: a decision makes a dozen of them, and a frozen data class takes four times as long to make.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from shared.core.decision.holdings import NOTHING_READ, Holdings, Shortfall
from shared.core.model import Completion, Outcome, Report
from shared.core.policy.demands import Demand, Demands
from shared.core.policy.demands import demand as demand_of
from shared.core.policy.phases import Need, Processor, Reports

Rows = Mapping[str, int | None]
# A moment that no report is received after.
NEVER = datetime.max.replace(tzinfo=UTC)


class Status(StrEnum):
    """How a processor counts. ``DONE`` and ``PARTIAL`` count, the others do not."""

    DONE = "done"
    PARTIAL = "partial"
    PARTIAL_SHORT = "partial_short"
    UNDER_MINIMUM = "under_minimum"
    UNITS_SHORT = "units_short"
    NOTHING = "nothing"
    NOT_YET = "not_yet"
    FAILED = "failed"
    STARTED = "started"
    ABSENT = "absent"


# What a report that has come is judged by the units of its date: another reading of the calendar may let it count.
BY_UNITS = frozenset({Status.PARTIAL_SHORT, Status.UNDER_MINIMUM, Status.UNITS_SHORT, Status.NOTHING, Status.NOT_YET})
# Looked up once: an attribute of an enumeration costs as much as a call, and each report meets several.
_SUCCESS, _PARTIAL, _FAILED = Outcome.SUCCESS, Outcome.PARTIAL, Outcome.FAILED
_NO_DATA, _SKIPPED, _INFERRED = Outcome.NO_DATA, Outcome.SKIPPED, Outcome.INFERRED
_DONE, _IN_PART, _PER_UNIT = Status.DONE, Status.PARTIAL, Reports.PER_UNIT


class ProcessorStatus(NamedTuple):
    """One processor of one run. ``report`` is the one that counts, or the latest; ``needs_rows`` asks for
    its table's rows, ``needs_units`` for the units in it (by the name of processor or source), before the word is
    final; ``counter_missing`` says that the table outvoted the report, ``by_table`` that only the table could say;
    ``shortfall`` is what the table lacks; ``nothing_to_do`` that nothing was to be done, and was (behaviour R12)."""

    processor: str
    status: Status
    min_records: int | None = None
    report: Report | None = None
    needs_rows: str | None = None
    counter_missing: bool = False
    needs_units: str | None = None
    by_table: bool = False
    shortfall: Shortfall | None = None
    nothing_to_do: bool = False
    per_unit: bool = False

    @property
    def asks(self) -> bool:
        """True while a table has to be read before the word is final."""
        return self.needs_rows is not None or self.needs_units is not None

    @property
    def records(self) -> int | None:
        """The records that growth is measured by: what one unit reported says nothing of it."""
        return None if self.report is None or self.per_unit else self.report.records


class Look(NamedTuple):
    """What reports are judged by: the date's units (None: unknown), what was read, and whether a trigger carried the
    processor already. A report received before ``whole_from`` need not be whole (behaviour R11)."""

    units: int | None
    rows: Rows
    holdings: Holdings = NOTHING_READ
    triggered: bool = False
    whole_from: datetime | None = None

    @property
    def under_way(self) -> bool:
        """True while units of the date are under way, and what a table holds of them too (behaviour R11)."""
        return self.whole_from == NEVER and not self.triggered

    def early(self, report: Report) -> bool:
        """True for a report that may be short because it came before the units were final (behaviour R11)."""
        return self.whole_from is not None and not self.triggered and report.received_at < self.whole_from


class Completeness(NamedTuple):
    """All expected processors of a transition at one moment. ``opened_at`` starts tiers and deadline (R7).

    ``tables`` are those that the expected ones write, in order, ``writing`` are the expected ones with any.
    """

    expected: frozenset[str]
    required: frozenset[str]
    statuses: Mapping[str, ProcessorStatus]
    done: frozenset[str]
    partial: frozenset[str]
    opened_at: datetime | None
    needs_rows: frozenset[str]
    needs_units: frozenset[str]
    tables: tuple[str, ...]
    writing: tuple[Processor, ...] = ()

    @property
    def present(self) -> frozenset[str]:
        return self.done | self.partial

    @property
    def missing(self) -> tuple[str, ...]:
        """Expected and not done, required ones first."""
        absent = self.expected - self.done
        return tuple(sorted(absent, key=lambda name: (name not in self.required, name))) if absent else ()

    def described(self, names: Iterable[str]) -> list[str]:
        """Return these processors, each with the units that its table lacks, where that is known."""
        short = {name: self.statuses[name].shortfall for name in names}
        return [name if lack is None else f"{name} ({lack.text})" for name, lack in short.items()]

    @property
    def short_of_units(self) -> bool:
        """True while a report that has come does not count by what is known of the date's units."""
        return any(at.status in BY_UNITS and not at.asks for at in self.statuses.values())

    @property
    def complete(self) -> bool:
        return bool(self.expected) and self.expected <= self.done


def completeness_of(
    demands: Demands,
    completions: Mapping[str, Completion],
    units: int | None,
    rows: Rows,
    *,
    carried: Mapping[str, int | None] | None,
    partial_is_done: bool,
    opened: datetime | None = None,
    whole_from: datetime | None = None,
    holdings: Holdings = NOTHING_READ,
) -> Completeness:
    """Look at every expected processor (behaviour R2, R6, R7).

    ``demands`` are for as many ``units``, None where that is unknown; ``rows`` holds the tables read so far;
    ``carried`` is what the last generation carried, None before the first: what it carried a failure no longer
    retracts; ``partial_is_done`` says that a completion gate will judge partials; ``opened`` is when the clock is
    known to have begun; a report received before ``whole_from`` that is too short is not a short one but an early one
    (R11).
    """
    look = Look(units, rows, holdings, whole_from=whole_from)
    before = {} if carried is None else carried
    triggered = look._replace(triggered=True) if before else look
    statuses: dict[str, ProcessorStatus] = {}
    done, partial, needs_rows, needs_units = [], [], [], []
    for demand in demands.each:
        name = demand.processor.name
        completion = completions.get(name)
        if completion is None:
            statuses[name] = _without_report(name)
            continue
        latest, floor = completion.latest, demand.floor
        if latest is not None and demand.plain and whole_from is None and _suffices(latest, floor):
            # The ordinary report: the table of `_by_report` comes to the same, whatever was carried before.
            at = ProcessorStatus(name, _DONE, floor, latest)
            first = _first_plain(demand, completion, latest, look)
        else:
            again = name in before
            judge = _of_sources if demand.sources else _by_reports
            at = judge(demand, completion, triggered if again else look)
            if again:
                at = _again(at, before[name])
            # What a trigger carried is no reason for the clock to have begun: it is looked at without.
            first = _opened_at(demand, completion, look)
        statuses[name] = at
        status = at.status
        if status is _DONE or (partial_is_done and status is _IN_PART):
            done.append(name)
        elif status is _IN_PART:
            partial.append(name)
        if at.needs_rows is not None:
            needs_rows.append(at.needs_rows)
        if at.needs_units is not None:
            needs_units.append(at.needs_units)
        if first is not None and (opened is None or first < opened):
            opened = first
    return Completeness(
        demands.expected,
        demands.required,
        statuses,
        frozenset(done),
        frozenset(partial),
        opened,
        frozenset(needs_rows),
        frozenset(needs_units),
        demands.tables,
        demands.writing,
    )


def processor_status(
    processor: Processor,
    completion: Completion | None,
    units: int | None,
    rows: Rows,
    *,
    carried: Mapping[str, int | None] | None,
    holdings: Holdings = NOTHING_READ,
    required: bool = False,
) -> ProcessorStatus:
    """Judge one processor by its latest report, or by those of its sources (behaviour R6, R10, R12)."""
    look, of = Look(units, rows, holdings), demand_of(processor, units, required=required)
    judge = _of_sources if of.sources else _by_reports
    if carried is None or processor.name not in carried:
        return judge(of, completion, look)
    return _again(judge(of, completion, look._replace(triggered=True)), carried[processor.name])


def _again(at: ProcessorStatus, records: int | None) -> ProcessorStatus:
    """Return the status of a processor that a trigger carried already, with so many records.

    The trigger carried this very count because the table outvoted it then: it is not asked again.
    """
    if at.status is _DONE or at.report is None or records != at.report.records:
        return at
    return at._replace(status=_DONE, needs_rows=None) if at.status in (Status.UNDER_MINIMUM, Status.NOTHING) else at


# From what counts most to what counts least.
ORDER = (
    Status.DONE, Status.PARTIAL, Status.UNITS_SHORT, Status.UNDER_MINIMUM, Status.PARTIAL_SHORT, Status.NOTHING,
    Status.NOT_YET, Status.FAILED, Status.STARTED, Status.ABSENT,
)  # fmt: skip


def _of_sources(demand: Demand, completion: Completion | None, look: Look) -> ProcessorStatus:
    """Judge each source by its own reports; the best of them counts, or the worst where all are needed (R10).

    A report of the processor as a whole says it of all of them.
    """
    if completion is None or not completion.sources:
        return _by_reports(demand, completion, look)
    judged = [
        _by_reports(part, completion.sources.get(source), look)._replace(processor=demand.processor.name)
        for source, part in demand.sources.items()
    ]
    if completion.latest is not None and not completion.latest.source:
        own = _by_reports(demand, completion, look)
        if own.status is Status.DONE:
            return own
        judged += [own] if demand.processor.need is Need.ANY else []
    best_first = sorted(judged, key=lambda at: ORDER.index(at.status))
    if demand.processor.need is Need.ALL:
        asking = next((at for at in best_first if at.asks), None)
        return asking or best_first[-1]
    if best_first[0].status is Status.DONE:
        return best_first[0]
    # One that is not done before its table has been read may yet be.
    return next((at for at in best_first if at.asks), best_first[0])


def _by_reports(demand: Demand, completion: Completion | None, look: Look) -> ProcessorStatus:
    if completion is None or completion.latest is None:
        name = demand.processor.name
        started = completion is not None and completion.started_at is not None
        return ProcessorStatus(name, Status.STARTED) if started else _without_report(name)
    latest = completion.latest
    outcome = latest.outcome
    if outcome is _FAILED:
        at = _failed(demand, completion, latest, look)
    elif outcome is _NO_DATA and not is_nothing_to_do(latest):
        at = _no_data(demand, completion, latest, look)
    else:
        at = _by_report(demand, completion, latest, look)
    if look.whole_from is not None:
        at = _early(at, look)
    return at._replace(per_unit=True) if demand.processor.reports is _PER_UNIT else at


SHORT = (Status.UNDER_MINIMUM, Status.UNITS_SHORT, Status.NOTHING)


def _early(at: ProcessorStatus, look: Look) -> ProcessorStatus:
    """Take a short report that came before the units were final for one that is still to come whole (R11).

    Numbers of rows are not asked for before they are: until then the table too is on its way. Units are, for each of
    them may be there.
    """
    if at.status not in SHORT or at.report is None or not look.early(at.report):
        return at
    if at.status is Status.UNITS_SHORT and at.asks:
        return at
    return at._replace(status=Status.NOT_YET, needs_rows=None if look.under_way else at.needs_rows)


@lru_cache(maxsize=1024)
def _without_report(name: str) -> ProcessorStatus:
    return ProcessorStatus(name, Status.ABSENT)


def _failed(demand: Demand, completion: Completion, latest: Report, look: Look) -> ProcessorStatus:
    """What a trigger carried a failure no longer retracts (behaviour R6)."""
    if look.triggered and completion.last_good is not None:
        return _by_report(demand, completion, completion.last_good, look)
    return ProcessorStatus(demand.processor.name, Status.FAILED, demand.floor, latest)


def _by_report(demand: Demand, completion: Completion, report: Report, look: Look) -> ProcessorStatus:
    processor, floor, outcome, records = demand.processor, demand.floor, report.outcome, report.records
    name = processor.name
    skipped = outcome is _SKIPPED
    if outcome is _INFERRED or (skipped and not demand.required):
        return ProcessorStatus(name, _DONE, floor, report)
    if not records and is_nothing_to_do(report):
        return ProcessorStatus(name, _DONE, floor, report, nothing_to_do=True)
    if demand.by_table and not look.triggered:
        return _by_table(demand, completion, report, look)
    if demand.by_units and not look.triggered:
        return _by_reported_units(demand, completion, report, look)
    if skipped or (records == 0 and floor is None and outcome is _SUCCESS):
        return _nothing(demand, report, look)
    enough = floor is None or records is None or records >= floor
    enough = enough or (look.triggered and processor.reports is _PER_UNIT)
    if outcome is _PARTIAL:
        return ProcessorStatus(name, _IN_PART if enough else Status.PARTIAL_SHORT, floor, report)
    if enough:
        return ProcessorStatus(name, _DONE, floor, report)
    if not look.under_way and _table_holds(processor, floor, look.rows):
        return ProcessorStatus(name, Status.DONE, floor, report, counter_missing=True, by_table=True)
    return ProcessorStatus(name, Status.UNDER_MINIMUM, floor, report, needs_rows=_unread(processor, look.rows))


def is_nothing_to_do(report: Report) -> bool:
    """True for 0 of 0 expected: there was nothing to do, and it was done (behaviour R12); `no_data` says it too."""
    nothing = report.expected_records == 0 and not report.records
    return nothing and report.outcome in (Outcome.SUCCESS, Outcome.NO_DATA)


def _by_table(demand: Demand, completion: Completion, report: Report, look: Look) -> ProcessorStatus:
    """Judge a processor by the units, or the rows, that its table holds; the report says only that it is at work.

    What cannot be read does not refuse: then the floor decides, over all reports where each is of one unit.
    """
    processor, floor, total = demand.processor, demand.floor, look.units
    name = processor.name
    assert total is not None
    base = ProcessorStatus(name, Status.UNITS_SHORT, floor, report, by_table=True)
    if processor.units and name not in look.holdings.held:
        return base._replace(needs_units=name)
    if not processor.units and processor.table not in look.rows:
        return base._replace(needs_rows=processor.table)
    lack = None
    if processor.units and (held := look.holdings.held[name]) is not None:
        lack, none = look.holdings.shortfall(processor, total), not held
        short = lack is not None
    elif not processor.units and (rows := look.rows[processor.table or ""]) is not None:
        short, none = rows < (floor or 0), rows == 0
    else:
        records = completion.added if processor.reports is Reports.PER_UNIT else report.records
        short, none = records is not None and records < (floor or 0), False
    if short and none and (report.outcome is Outcome.SKIPPED or report.records == 0):
        return base._replace(status=Status.NOTHING, shortfall=lack)
    if report.outcome is Outcome.PARTIAL:
        return base._replace(status=Status.PARTIAL_SHORT if short else Status.PARTIAL, shortfall=lack)
    return base._replace(status=Status.UNITS_SHORT if short else Status.DONE, shortfall=lack)


def _by_reported_units(demand: Demand, completion: Completion, report: Report, look: Look) -> ProcessorStatus:
    """Judge a processor by the units that its reports name: it is done once each of the date's has had a whole one.

    A report that names no unit is of the whole date. While the units are unknown, no one of them is all.
    """
    at = ProcessorStatus(demand.processor.name, Status.UNITS_SHORT, demand.floor, report)
    if not report.unit:
        return at._replace(status=_IN_PART if report.outcome is _PARTIAL else _DONE)
    if look.units is None:
        return at
    lack = look.holdings.lacking(frozenset(completion.units), look.units)
    return at._replace(status=_DONE) if lack is None else at._replace(shortfall=lack)


def _nothing(demand: Demand, report: Report, look: Look) -> ProcessorStatus:
    """Judge a report of nothing: on a date with units it counts if the table holds rows (behaviour R12).

    What cannot be read does not refuse.
    """
    processor = demand.processor
    at = ProcessorStatus(processor.name, Status.NOTHING, demand.floor, report)
    if look.units == 0 or look.triggered or processor.table is None:
        return at._replace(status=Status.DONE)
    if look.under_way:
        return at
    if processor.table not in look.rows:
        return at._replace(needs_rows=processor.table)
    held = look.rows[processor.table]
    return at if held == 0 else at._replace(status=Status.DONE, by_table=True)


def _no_data(demand: Demand, completion: Completion, latest: Report, look: Look) -> ProcessorStatus:
    processor, floor = demand.processor, demand.floor
    if look.units == 0:
        return ProcessorStatus(processor.name, Status.DONE, floor, latest)
    if completion.last_good is None:
        return ProcessorStatus(processor.name, Status.NOT_YET, floor, latest)
    before = _by_report(demand, completion, completion.last_good, look)
    counts = before.status in (Status.DONE, Status.PARTIAL)
    # Some rows are enough for a report of nothing (R12), and not for what was taken back since.
    nothing = completion.last_good.outcome is Outcome.SKIPPED or completion.last_good.records == 0
    vouched = before.by_table and _read(processor, look) and (not nothing or demand.by_table)
    if look.triggered or not counts or vouched:
        return before
    if _table_holds(processor, floor, look.rows):
        return before._replace(by_table=True)
    return ProcessorStatus(processor.name, Status.NOT_YET, floor, latest, needs_rows=_unread(processor, look.rows))


def opened_at(
    processor: Processor,
    completion: Completion,
    units: int | None,
    rows: Rows,
    holdings: Holdings = NOTHING_READ,
    *,
    required: bool = False,
) -> datetime | None:
    """Return the receipt time of the first report that counts, whatever came later (behaviour R7).

    A table vouches for the standing report only: what it holds by now, a later report may have brought.
    """
    return _opened_at(demand_of(processor, units, required=required), completion, Look(units, rows, holdings))


def _opened_at(demand: Demand, completion: Completion, look: Look) -> datetime | None:
    if not demand.sources:
        # What is of a source that the policy names no more says nothing of the processor as a whole.
        return None if completion.latest is None or completion.latest.source else _first_of(demand, completion, look)
    own = completion.sources
    moments = [_first_of(part, own[source], look) if source in own else None for source, part in demand.sources.items()]
    counted = [at for at in moments if at is not None]
    if demand.processor.need is Need.ALL:
        counted = [max(counted)] if counted and None not in moments else []
    whole = None if completion.latest is None or completion.latest.source else _first_of(demand, completion, look)
    return min((at for at in (*counted, whole) if at is not None), default=None)


def _suffices(report: Report, floor: int | None) -> bool:
    """True for a success that is enough whatever its table holds; one without a number is, unless 0 were expected."""
    if report.outcome is not _SUCCESS:
        return False
    records = report.records
    if records is None:
        return report.expected_records != 0
    return records > 0 and (floor is None or records >= floor)


def _first_plain(demand: Demand, completion: Completion, latest: Report, look: Look) -> datetime | None:
    """Return what ``_opened_at`` does for a plain demand that was met; most often the first report has met it too."""
    starters = completion.clock_starters
    if starters and not latest.source:
        first, floor = starters[0], demand.floor
        records = first.records
        if not first.skipped and (records is None or (records and (floor is None or records >= floor))):
            return first.received_at
    return _opened_at(demand, completion, look)


def _first_of(demand: Demand, completion: Completion, look: Look) -> datetime | None:
    floor = demand.floor
    clock_starters = () if demand.by_table or demand.by_units else completion.clock_starters
    for opener in clock_starters:
        records = opener.records
        if floor is not None and records is not None and records < floor:
            continue
        if records != 0 and not opener.skipped:
            return opener.received_at
        empty = records == 0 and floor is None and not opener.partial
        vouched = look.units == 0 or demand.processor.table is None
        if vouched or not (empty or (opener.skipped and demand.required)):
            return opener.received_at
    at = _by_reports(demand, completion, look)
    vouched = at.by_table or at.nothing_to_do or demand.by_table or demand.by_units
    counts = at.status in (Status.DONE, Status.PARTIAL) and vouched
    return at.report.received_at if at.report is not None and counts else None


def _read(processor: Processor, look: Look) -> bool:
    """True once the table has answered: what could not be read vouches for no processor."""
    of_units = look.holdings.held.get(processor.name) is not None
    return of_units or (processor.table is not None and look.rows.get(processor.table) is not None)


def _table_holds(processor: Processor, floor: int | None, rows: Rows) -> bool:
    held = rows.get(processor.table) if processor.table else None
    return held is not None and held >= max(1, floor or 0)


def _unread(processor: Processor, rows: Rows) -> str | None:
    return processor.table if processor.table and processor.table not in rows else None
