"""Where each expected processor of a transition stands: the table of behaviour R6 as a function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum

from shared.core.model import Completion, Outcome, Report
from shared.core.policy import Expectation, Processor

Rows = Mapping[str, int | None]
# A moment that no report is received after.
NEVER = datetime.max.replace(tzinfo=UTC)


class Word(StrEnum):
    """How a processor counts. ``DONE`` and ``PARTIAL`` count, the others do not."""

    DONE = "done"
    PARTIAL = "partial"
    PARTIAL_SHORT = "partial_short"
    UNDER_MINIMUM = "under_minimum"
    NOT_YET = "not_yet"
    FAILED = "failed"
    STARTED = "started"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Standing:
    """One processor of one run. ``report`` is the one that counts, or the latest; ``needs_rows`` asks for
    its table's rows before the word is final; ``counter_missing`` says that the table outvoted the report,
    ``by_table`` that it counts only for what its table holds now."""

    processor: str
    word: Word
    floor: int | None = None
    report: Report | None = None
    needs_rows: str | None = None
    counter_missing: bool = False
    by_table: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """All expected processors of a transition at one moment. ``opened_at`` starts tiers and deadline (R7)."""

    expected: frozenset[str]
    required: frozenset[str]
    standings: Mapping[str, Standing]
    done: frozenset[str]
    partial: frozenset[str]
    opened_at: datetime | None
    needs_rows: frozenset[str]

    @property
    def present(self) -> frozenset[str]:
        return self.done | self.partial

    @property
    def missing(self) -> tuple[str, ...]:
        """Expected and not done, required ones first."""
        return tuple(sorted(self.expected - self.done, key=lambda name: (name not in self.required, name)))

    @property
    def complete(self) -> bool:
        return bool(self.expected) and self.expected <= self.done


def picture(
    expectation: Expectation,
    processors: Mapping[str, Processor],
    completions: Mapping[str, Completion],
    day: date,
    units: int | None,
    rows: Rows,
    *,
    carried: Mapping[str, int | None] | None,
    partial_is_done: bool,
    opened: datetime | None = None,
    whole_from: datetime | None = None,
) -> Picture:
    """Look at every expected processor; disabled ones are not expected (behaviour R2, R6, R7).

    ``units`` None means unknown; ``rows`` holds the tables read so far; ``carried`` is what the
    last generation carried, None before the first: what it carried a failure no longer retracts;
    ``partial_is_done`` says that a completion gate will judge partials; ``opened`` is when the clock is known to
    have begun; a report received before ``whole_from`` that is too short is not a short one but an early one (R11).
    """
    disabled = {name for name in expectation.expected if processors[name].disabled_on(day)}
    expected = expectation.expected - disabled
    counts = (Word.DONE, Word.PARTIAL) if partial_is_done else (Word.DONE,)
    standings: dict[str, Standing] = {}
    done, partial, needs_rows = set(), set(), set()
    for name in expected:
        known = completions.get(name)
        at = standing(processors[name], known, units, rows, carried=carried)
        at = standings[name] = at if whole_from is None else _early(at, whole_from)
        if at.word in counts:
            done.add(name)
        elif at.word is Word.PARTIAL:
            partial.add(name)
        if at.needs_rows is not None:
            needs_rows.add(at.needs_rows)
        first = None if known is None else opened_at(processors[name], known, units, rows)
        if first is not None and (opened is None or first < opened):
            opened = first
    return Picture(
        expected=expected,
        required=expectation.required - disabled,
        standings=standings,
        done=frozenset(done),
        partial=frozenset(partial),
        opened_at=opened,
        needs_rows=frozenset(needs_rows),
    )


def _early(at: Standing, whole_from: datetime) -> Standing:
    """Take a short report that came before the units were final for one that is still to come whole (R11).

    Its table is not asked before they are: until then it too is on its way.
    """
    if at.word is not Word.UNDER_MINIMUM or at.report is None or at.report.received_at >= whole_from:
        return at
    return replace(at, word=Word.NOT_YET, needs_rows=at.needs_rows if whole_from < NEVER else None)


def standing(
    processor: Processor,
    known: Completion | None,
    units: int | None,
    rows: Rows,
    *,
    carried: Mapping[str, int | None] | None,
) -> Standing:
    """Judge one processor by its latest report (behaviour R6)."""
    triggered = carried is not None and processor.name in carried
    at = _by_reports(processor, known, units, rows, triggered=triggered)
    low = at.report if at.word is Word.UNDER_MINIMUM else None
    if low is not None and carried is not None and triggered and carried[processor.name] == low.records:
        # The trigger carried this very count, because the table outvoted it then: it is not asked again.
        return replace(at, word=Word.DONE, needs_rows=None)
    return at


def _by_reports(
    processor: Processor, known: Completion | None, units: int | None, rows: Rows, *, triggered: bool
) -> Standing:
    name = processor.name
    if known is None:
        return Standing(name, Word.ABSENT)
    latest = known.latest
    if latest is None:
        return Standing(name, Word.STARTED if known.started_at else Word.ABSENT)
    floor = processor.floor(units)
    if latest.outcome is Outcome.FAILED:
        if triggered and known.good is not None:
            return _good(processor, known.good, floor, rows)
        return Standing(name, Word.FAILED, floor, latest)
    if latest.outcome is Outcome.NO_DATA:
        return _no_data(processor, known, latest, units, rows, triggered=triggered)
    return _good(processor, latest, floor, rows)


def _good(processor: Processor, report: Report, floor: int | None, rows: Rows) -> Standing:
    name = processor.name
    if report.outcome in (Outcome.SKIPPED, Outcome.INFERRED):
        return Standing(name, Word.DONE, floor, report)
    enough = floor is None or report.records is None or report.records >= floor
    if report.outcome is Outcome.PARTIAL:
        return Standing(name, Word.PARTIAL if enough else Word.PARTIAL_SHORT, floor, report)
    if enough:
        return Standing(name, Word.DONE, floor, report)
    if _table_holds(processor, floor, rows):
        return Standing(name, Word.DONE, floor, report, counter_missing=True, by_table=True)
    return Standing(name, Word.UNDER_MINIMUM, floor, report, needs_rows=_unread(processor, rows))


def _no_data(
    processor: Processor, known: Completion, latest: Report, units: int | None, rows: Rows, *, triggered: bool
) -> Standing:
    floor = processor.floor(units)
    if units == 0:
        return Standing(processor.name, Word.DONE, floor, latest)
    if known.good is None:
        return Standing(processor.name, Word.NOT_YET, floor, latest)
    before = _good(processor, known.good, floor, rows)
    if triggered or before.word not in (Word.DONE, Word.PARTIAL):
        return before
    if _table_holds(processor, floor, rows):
        return replace(before, by_table=True)
    return Standing(processor.name, Word.NOT_YET, floor, latest, needs_rows=_unread(processor, rows))


def opened_at(processor: Processor, known: Completion, units: int | None, rows: Rows) -> datetime | None:
    """Return the receipt time of the first report that counts, whatever came later (behaviour R7).

    A table vouches for the standing report only: what it holds by now, a later report may have brought.
    """
    floor = processor.floor(units)
    for opener in known.openers:
        if floor is None or opener.records is None or opener.records >= floor:
            return opener.received_at
    at = _by_reports(processor, known, units, rows, triggered=False)
    return at.report.received_at if at.report is not None and at.by_table else None


def _table_holds(processor: Processor, floor: int | None, rows: Rows) -> bool:
    held = rows.get(processor.table) if processor.table else None
    return held is not None and held >= max(1, floor or 0)


def _unread(processor: Processor, rows: Rows) -> str | None:
    return processor.table if processor.table and processor.table not in rows else None
