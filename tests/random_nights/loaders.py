"""Several loaders of one name, judged a second time: each by its own reports and its own table (behaviour R10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from shared.core.policy.phases import Need, Processor, Reports
from tests.random_nights.oracle_of_one import Rows, Tables, opens, prevailing, stands
from tests.random_nights.trace import Heard

Carried = Mapping[str, int | None]
BEST = ("done", "partial", "no")
# What no report counts: a loader's own number is no part of a trigger.
NO_NUMBER = -1


class ProcessorStatus(NamedTuple):
    """`done`, `partial` or `no`, by which report; ``single`` says that this is of one unit and counts nothing."""

    word: str
    report: Heard | None
    single: bool

    @property
    def records(self) -> int | None:
        return None if self.report is None or self.single else self.report.records


def status_of(
    processor: Processor,
    heard: Sequence[Heard],
    tables: Tables,
    carried: Carried | None,
    *,
    required: bool,
    vouches: bool,
) -> ProcessorStatus:
    """Judge a processor, or the best of its loaders, the worst where all of them are needed."""
    if not any(report.source for report in heard):
        return _of(processor, heard, tables, carried, required=required, vouches=vouches)
    parts = [
        _of(
            part,
            of_source(heard, source),
            tables,
            _of_part(processor, part, carried),
            required=required,
            vouches=vouches,
        )
        for source, part in processor.sources.items()
    ]
    if _speaks_for_all(heard):
        whole = _of(processor, heard, tables, carried, required=required, vouches=vouches)
        if whole.word == "done":
            return whole
        parts += [whole] if processor.need is Need.ANY else []
    ranked = sorted(parts, key=lambda part: BEST.index(part.word))
    status = ranked[0] if processor.need is Need.ANY else ranked[-1]
    report = status.report
    counted_then = (
        carried is not None and report is not None and carried.get(processor.name, NO_NUMBER) == report.records
    )
    if status.word == "no" and counted_then and report is not None and report.outcome in ("success", "skipped"):
        return status._replace(word="done")
    return status


def begins(
    processor: Processor, heard: Sequence[Heard], tables: Tables, *, required: bool, vouches: bool
) -> datetime | None:
    """Return when the first report counted: of any loader, or of the last where all are needed, or of all as one."""
    if not processor.sources:
        return opens(processor, heard, tables, required=required, vouches=vouches)
    moments = [
        opens(part, of_source(heard, source), tables, required=required, vouches=vouches)
        for source, part in processor.sources.items()
    ]
    counted = [at for at in moments if at is not None]
    if processor.need is Need.ALL:
        counted = [max(counted)] if counted and None not in moments else []
    whole = opens(processor, heard, tables, required=required, vouches=vouches) if _speaks_for_all(heard) else None
    return min((at for at in (*counted, whole) if at is not None), default=None)


def rows_of(processor: Processor, rows: Rows, enough: int = 1) -> int | None:
    """Return the rows that it has: the most of any loader, or the least where all are needed; None where a table that
    could not be read decides."""
    counts = [rows.get(part.table) for part in processor.parts if part.table is not None]
    read = [count for count in counts if count is not None]
    if not read:
        return None
    row_count = max(read) if processor.need is Need.ANY else min(read)
    if len(read) < len(counts) and (row_count >= enough) is not (processor.need is Need.ANY):
        return None
    return row_count


def of_source(heard: Sequence[Heard], source: str) -> list[Heard]:
    return [report for report in heard if report.source == source]


def _of(
    processor: Processor,
    heard: Sequence[Heard],
    tables: Tables,
    carried: Carried | None,
    *,
    required: bool,
    vouches: bool,
) -> ProcessorStatus:
    word, report = stands(processor, heard, tables, carried, required=required, vouches=vouches)
    return ProcessorStatus(word, report, processor.reports is Reports.PER_UNIT)


def _of_part(processor: Processor, part: Processor, carried: Carried | None) -> Carried | None:
    if carried is None:
        return None
    return {part.name: NO_NUMBER} if processor.name in carried else {}


def _speaks_for_all(heard: Sequence[Heard]) -> bool:
    latest = prevailing([report for report in heard if report.outcome != "started"])
    return latest is not None and not latest.source
