"""What a transition demands of each processor on a date with so many units (behaviour R2, R6, R10).

It follows from the policy, the date and the number of units alone, so it is worked out once, not in each decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from shared.core.policy.phases import Processor, Reports
from shared.core.policy.transitions import Expectation


class Demand(NamedTuple):
    """What one processor, or one of its sources, has to show: ``floor`` records, None where nothing can be demanded.

    ``by_table`` says that no report can tell whether the date is complete, only the table; ``by_units`` that the
    units which the reports name tell it (R10). ``sources`` are its sources by their names on the wire. ``plain`` says
    that a report with enough records is all it takes.
    """

    processor: Processor
    floor: int | None
    by_table: bool
    required: bool
    sources: Mapping[str, Demand]
    plain: bool = False
    by_units: bool = False


class Demands(NamedTuple):
    """The demands of a transition in a mode: which processors are expected, which are required, and what of each.

    ``tables`` are those that they write, whatever these can vouch for, ``writing`` are the processors with any.
    """

    expected: frozenset[str]
    required: frozenset[str]
    each: tuple[Demand, ...]
    tables: tuple[str, ...]
    writing: tuple[Processor, ...]


def demand(processor: Processor, units: int | None, *, required: bool = False) -> Demand:
    """Return what a processor has to show where the date has so many units, None if that is unknown (T3)."""
    floor = processor.records_needed(units)
    counted = processor.reports is Reports.PER_UNIT and floor is not None
    by_table = bool(units) and processor.table is not None and (bool(processor.units) or counted)
    sources = {source: demand(part, units, required=required) for source, part in processor.sources.items()}
    plain = not sources and not by_table and processor.reports is not Reports.PER_UNIT
    by_units = processor.counts_reported_units and units != 0
    return Demand(processor, floor, by_table, required, sources, plain, by_units)


def demands(
    expectation: Expectation,
    processors: Mapping[str, Processor],
    vouched: Mapping[str, Processor],
    day: date,
    units: int | None,
) -> Demands:
    """Return the demands of an expectation; disabled processors are not expected (behaviour R2).

    ``vouched`` are the same processors, with those tables only that can vouch for a report of this mode (R4, R6).
    """
    expected = frozenset(name for name in expectation.expected if not processors[name].disabled_on(day))
    required = expectation.required & expected
    each = tuple(demand(vouched[name], units, required=name in required) for name in sorted(expected))
    writing = tuple(processors[name] for name in sorted(expected) if processors[name].tables)
    tables = tuple(sorted({table for processor in writing for table in processor.tables}))
    return Demands(expected, required, each, tables, writing)
