"""What is unusual now: between what a value of tonight is usual, and whether it is (behaviour T12).

Pure: what is usual and the policy's limits come in, a band goes out. Fewer nights than the policy asks for say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from shared.core.learning.usual import Usual
from shared.core.policy.anomalies import OFF, Anomalies


@dataclass(frozen=True, slots=True)
class Band:
    """From what to what a value is usual, and the ``usual`` one, in the unit of the value: seconds, rows. ``nights``
    are those that say so."""

    low: float
    usual: float
    high: float
    nights: int

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Learning:
    """Too few nights are known to say what is usual: so many of ``needed``."""

    nights: int
    needed: int


@dataclass(frozen=True)
class Usuals:
    """What is usual in a pipeline: the durations of phases and the rows of processors, by name and mode.

    ``limits`` are the policy's. The values are those of the past nights; a night of today is held against them.
    """

    limits: Anomalies = OFF
    durations: dict[str, dict[str, Usual]] = field(default_factory=dict)
    rows: dict[str, dict[str, Usual]] = field(default_factory=dict)

    def duration_band(self, phase: str, mode: str, day: date, units: int | None) -> Band | Learning | None:
        """Return how many seconds a phase may run; None where that is not looked at."""
        longer = self.limits.runs_longer
        if longer is None:
            return None
        usual = self.durations.get(phase, {}).get(mode)
        if usual is None or usual.nights < self.limits.least_nights:
            return self._learning(usual)
        expected = usual.expected(day, units)
        ratio = max(longer.times, usual.p95, usual.ratio(longer.z, units))
        return Band(0.0, expected, expected * ratio, usual.nights)

    def rows_band(self, processor: str, mode: str, day: date, units: int | None) -> Band | Learning | None:
        """Return between how many rows a processor reports; None where that is not looked at."""
        limits = self.limits.rows
        if limits is None:
            return None
        usual = self.rows.get(processor, {}).get(mode)
        if usual is None or usual.nights < self.limits.least_nights:
            return self._learning(usual)
        expected = usual.expected(day, units)
        ratio = usual.ratio(limits.z, units)
        return Band(expected / ratio, expected, expected * ratio, usual.nights)

    def _learning(self, usual: Usual | None) -> Learning:
        return Learning(0 if usual is None else usual.nights, self.limits.least_nights)


UNKNOWN = Usuals()
