"""Which units of a date a processor's table holds, and which are short (behaviour R10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.core.policy.phases import Need, Processor

# An alert with more names than these is not read.
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Shortfall:
    """How many units of a date a table lacks; their names, where the calendar has them."""

    lacking: int
    total: int
    names: tuple[str, ...] = ()
    unit: str = "unit"

    @property
    def text(self) -> str:
        """Return `6 of 9 games missing: MIL@ORL, ...`."""
        plural = "" if self.total == 1 else "s"
        counted = f"{self.lacking} of {self.total} {self.unit}{plural} missing"
        if not self.names:
            return counted
        more = ", ..." if len(self.names) > SHOWN else ""
        return f"{counted}: {', '.join(self.names[:SHOWN])}{more}"


@dataclass(frozen=True, slots=True)
class Output:
    """The rows of a date in one table of a processor, and how many there should be."""

    table: str
    rows: int
    floor: int

    @property
    def share(self) -> float:
        return self.rows / self.floor


def output(processor: Processor, rows: Mapping[str, int | None], units: int | None) -> Output | None:
    """Return the table that a processor is judged by: of several sources the fullest, or the emptiest where all are
    needed (behaviour R10). None where a table that cannot be read decides whether it holds enough."""
    parts = [part for part in processor.parts if part.table is not None]
    read = [
        Output(part.table or "", held, max(1, part.records_needed(units) or 0))
        for part in parts
        if (held := rows.get(part.table or "")) is not None
    ]
    if not read:
        return None
    pick = max if processor.need is Need.ANY else min
    judged = pick(read, key=lambda holding: holding.share)
    decided = len(read) == len(parts) or (judged.share >= 1) is (processor.need is Need.ANY)
    return judged if decided else None


@dataclass(frozen=True, slots=True)
class Holdings:
    """What was read of units: by processor or source what its table holds, and the names of the date's units.

    A label that is absent was not read; None was not readable.
    """

    held: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    unit: str = "unit"

    def shortfall(self, processor: Processor, total: int) -> Shortfall | None:
        """Return what the processor's table lacks of the date, None if nothing; its units must have been read."""
        held = self.held[processor.name]
        assert held is not None
        return self.lacking(held, total)

    def lacking(self, held: frozenset[str], total: int) -> Shortfall | None:
        """Return which units of the date are not among these, None if all are.

        A unit that the calendar cannot name is counted: units that have another name may be it.
        """
        lacking = tuple(name for name in self.names if name not in held)
        nameless = max(0, total - len(self.names) - len(held - frozenset(self.names)))
        count = len(lacking) + nameless
        return Shortfall(count, total, lacking, self.unit) if count else None


NOTHING_READ = Holdings()
"""No table has been read."""
