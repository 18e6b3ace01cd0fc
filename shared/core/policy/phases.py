"""Phases and processors of a policy: who reports, in which tables, with which floors (behaviour R2, R6, R10)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property

from shared.core.wire.bodies import NO_BODY, Body
from shared.core.wire.dialect import CANONICAL, Dialect

CLASS_NAME = re.compile(r"[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*")


@dataclass(frozen=True)
class Disabled:
    since: date
    reason: str


class Reports(StrEnum):
    """What one report of a processor is of: the whole date, or one unit of it."""

    WHOLE = "whole"
    PER_UNIT = "per_unit"


class Need(StrEnum):
    """How many of a processor's sources have to be done."""

    ANY = "any"
    ALL = "all"


@dataclass(frozen=True)
class Processor:
    """A job of a phase, by its one canonical name.

    ``units`` is the GoogleSQL expression that names the unit of a row of ``table``, "" where rows are judged by their
    number alone. ``sources`` are the several loaders of one name, by their names on the wire: each is a job with a
    table and floors of its own, and ``name`` is `PROCESSOR/SOURCE` (behaviour R10). ``feeds`` is the processor that
    makes rows of what it fetches; None where it writes them itself.
    """

    name: str
    phase: str
    aliases: tuple[str, ...] = ()
    table: str | None = None
    date_column: str = "game_date"
    min_records_per_unit: int | None = None
    disabled: Disabled | None = None
    min_records: int | None = None
    units: str = ""
    reports: Reports = Reports.WHOLE
    sources: Mapping[str, Processor] = field(default_factory=dict, hash=False)
    need: Need = Need.ANY
    feeds: str | None = None

    def disabled_on(self, day: date) -> bool:
        """True for dates from ``disabled.since`` on (behaviour R2)."""
        return self.disabled is not None and day >= self.disabled.since

    @property
    def counts_reported_units(self) -> bool:
        """True where its reports name the units that they are of, and no table holds these (behaviour R10)."""
        return self.reports is Reports.PER_UNIT and self.table is None and not self.sources

    @property
    def wire_name(self) -> str | None:
        """The class name that the pipeline's services know it by: the first alias that is one (behaviour D12)."""
        return next((alias for alias in self.aliases if CLASS_NAME.fullmatch(alias)), None)

    @property
    def parts(self) -> tuple[Processor, ...]:
        """The jobs that are judged each by its own reports: the processor itself, and its sources."""
        return (self, *self.sources.values())

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        """The datasets of its tables, in their order."""
        return tuple(dict.fromkeys(table.rsplit(".", 1)[0] for table in self.tables))

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """The tables that it writes: its own, and those of its sources (behaviour R10)."""
        if not self.sources:
            return () if self.table is None else (self.table,)
        return tuple(dict.fromkeys(part.table for part in self.parts if part.table is not None))

    def rows_in(self, rows: Mapping[str, int | None], enough: int = 1) -> int | None:
        """Return the rows that it has by what its tables hold: the most of any source, or the least where all are
        needed (behaviour R10). None where a table that cannot be read decides whether they are enough."""
        if not self.sources:
            return None if self.table is None else rows.get(self.table)
        counts = [rows.get(table) for table in self.tables]
        read = [count for count in counts if count is not None]
        if not read:
            return None
        most = max(read) if self.need is Need.ANY else min(read)
        decided = len(read) == len(counts) or (most >= enough) is (self.need is Need.ANY)
        return most if decided else None

    def records_needed(self, units: int | None) -> int | None:
        """Records a success of the date must have; None where nothing can be demanded (behaviour R6, T3)."""
        if self.min_records_per_unit is None or units is None:
            return self.min_records
        demanded = self.min_records_per_unit * units
        return demanded if self.min_records is None else max(self.min_records, demanded)


@dataclass(frozen=True)
class RerunInputs:
    """Processors of an earlier phase whose data a rerun opens on, in runs of ``mode``; "" for every mode."""

    phase: str
    processors: tuple[str, ...]
    mode: str = ""


@dataclass(frozen=True)
class Rerun:
    """How self-heal asks a phase to run again; without a body it is asked by its canonical fields.

    ``opens_on`` is the data on which missing processors are asked before they are due: each once it has come after
    their report; ``grace`` after the data, their report and the start of their phase where it has not, None for not
    before they are due (behaviour 9).
    """

    service: str
    path: str
    body: Body = NO_BODY
    opens_on: tuple[RerunInputs, ...] = ()
    grace: timedelta | None = None

    def inputs(self, mode: str) -> tuple[RerunInputs, ...]:
        """Return what it opens on in the runs of a mode."""
        return tuple(inputs for inputs in self.opens_on if inputs.mode in ("", mode))


@dataclass(frozen=True)
class Phase:
    """``known`` are names on its topic that are expected of nobody, * allowed (behaviour R9).

    A phase without processors and ``completions_topic`` never reports (behaviour D13). ``needs_mode`` is false for one
    whose reports decide nothing: they are kept even where no mode fits. ``team`` is whose phase it is, "" for nobody's
    in particular: alerts may be routed by it.
    """

    name: str
    title: str
    completions_topic: str
    processors: Mapping[str, Processor]
    rerun: Rerun | None = None
    wire: Dialect = CANONICAL
    known: tuple[str, ...] = ()
    needs_mode: bool = True
    team: str = ""
