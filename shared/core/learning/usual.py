"""What is usual of a value: how large it is in nights that went as they should, and by how much it differs then.

A value is the duration of a phase or the rows of a processor. Both grow with the units of the date, in part or not at
all, so that what is usual is a line over the units: the one from which the ratios of the nights differ least. What lies
off it is measured as a ratio, for twice as long is as strange of a small night as of a large one. Where seven nights or
more of a weekday are known, and lie further beside the line than so few nights do by chance, it is moved for that
weekday.

A night that is strange by this measure already counts as one that is only just strange, so that a fault which nobody
told us of moves little. What is left differs about normally in its logarithm, whatever the tail was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import ceil, exp, log, sqrt
from typing import NamedTuple

from shared.core.learning.quantile import median, quantile

# The standard deviation of a normal distribution over its median absolute deviation, and over its quartiles' distance.
OF_MAD, OF_IQR = 1.4826, 0.7413
# What differs by more standard deviations than this counts as if it differed by so many.
STRANGE = 2.0
# The standard deviation of a normal distribution over what is left of it then (0.9599 of itself).
OF_CLIPPED = 1.0418
# Values that do not differ are not known any better than that: a quarter more is never strange.
SMALLEST_SPREAD = 0.08
# Of so many nights of one weekday it is known whether that weekday is another.
WEEKDAY_NIGHTS = 7
# By so many standard errors it must differ: of the seven of a week one does so by chance once in twenty times.
BY_CHANCE = 2.69
# The standard error of a median over that of a mean, of a normal distribution.
OF_MEDIAN = 1.2533
# Of so many nights the greatest ratio may be a fault: it does not raise what one night of twenty exceeds.
FAULTY_ONE_OF = 30
# A line is looked for among those of which so many equal parts grow with the units, none to all.
STEPS = 10


class Sample(NamedTuple):
    """One ordinary night: its working day, the value, and the units of the date, None where they are not counted."""

    day: date
    value: float
    units: int | None = None


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual of one value by so many ``nights``. ``base`` and ``per_unit`` are the line. ``spread`` is the
    standard deviation of the logarithm of a night's ratio to it on a date with ``units`` units, the middle of those
    that are known, None where none are counted; ``p95`` is the ratio that one night of twenty exceeds. ``weekdays``
    are further ratios by weekday from Monday on, 1 for one of which too few nights are known, () for none at all."""

    nights: int
    base: float
    per_unit: float
    spread: float
    p95: float
    units: float | None = None
    weekdays: tuple[float, ...] = ()

    def expected(self, day: date, units: int | None) -> float:
        """Return the usual value of a working day, of a date with so many units; of a usual one where None."""
        line = self.base + self.per_unit * ((units if units is not None else self.units) or 0)
        return line * (self.weekdays[day.weekday()] if self.weekdays else 1.0)

    def ratio(self, z: float, units: int | None) -> float:
        """Return the ratio to the usual value that a night is as likely to exceed as a normal one ``z`` standard
        deviations, on a date with so many units: where each brings its part, fewer than usual even out less. The fewer
        nights say so, the wider: level and spread are only as well known as that."""
        fewer = self.units / units if self.per_unit and self.units and units else 1.0
        spread = self.spread * sqrt(max(fewer, 1.0)) * _uncertainty(z, self.nights)
        return exp(z * max(spread, SMALLEST_SPREAD))


def usual_of(samples: Iterable[Sample]) -> Usual | None:
    """Return what is usual by these nights; None where none has a value. Nights of nothing (0) are left out."""
    listed = [sample for sample in samples if sample.value > 0]
    if not listed:
        return None
    counts = [sample.units for sample in listed if sample.units]
    middle = median(counts) if len(counts) == len(listed) else None
    lines = [_line(listed, share / STEPS, middle) for share in range(STEPS + 1 if middle else 1)]
    usual, ratios = min(lines, key=lambda line: round(sum(map(abs, line[1])), 6))  # of equal ones the most level
    weekdays = _weekdays(listed, ratios)
    rest = [ratio - weekdays[sample.day.weekday()] for sample, ratio in zip(listed, ratios, strict=True)]
    shift, width = _clipped(rest)
    factors = tuple(map(exp, weekdays)) if any(weekdays) else ()
    level = exp(shift)
    faulty = ceil(len(rest) / FAULTY_ONE_OF)
    p95 = exp(quantile(sorted(rest)[:-faulty] or rest, 0.95) - shift)
    return replace(
        usual, base=usual.base * level, per_unit=usual.per_unit * level, spread=width, p95=p95, weekdays=factors
    )


def _line(samples: Sequence[Sample], share: float, middle: float | None) -> tuple[Usual, list[float]]:
    """Return the line of which so large a share grows with the units, and the logarithms of the ratios to it.

    ``middle`` is the number of units of which the share is taken.
    """
    grown = [1 - share + share * (sample.units or 0) / middle if middle else 1.0 for sample in samples]
    off = [log(sample.value) - log(height) for sample, height in zip(samples, grown, strict=True)]
    level = median(off)
    base = exp(level)
    per_unit = base * share / middle if middle else 0.0
    return Usual(len(samples), base * (1 - share), per_unit, 0.0, 1.0, middle), [ratio - level for ratio in off]


def _weekdays(samples: Sequence[Sample], ratios: Sequence[float]) -> tuple[float, ...]:
    """Return by how much each weekday lies beside the line, as a logarithm; nothing where too few nights say so, or
    where so many may lie there by chance: a level of a handful of nights is worse than that of all of them."""
    by_weekday: list[list[float]] = [[] for _ in range(7)]
    for sample, ratio in zip(samples, ratios, strict=True):
        by_weekday[sample.day.weekday()].append(ratio)
    spread = max(_clipped(ratios)[1], SMALLEST_SPREAD)
    return tuple(_beside(listed, spread) for listed in by_weekday)


def _beside(ratios: Sequence[float], spread: float) -> float:
    if len(ratios) < WEEKDAY_NIGHTS:
        return 0.0
    level = median(ratios)
    by_chance = BY_CHANCE * OF_MEDIAN * spread / sqrt(len(ratios))
    return level if abs(level) > by_chance else 0.0


def _uncertainty(z: float, nights: int) -> float:
    """Return by how much a band that so many nights say is wider than one of which level and spread are known.

    A night differs from a mean of n nights by sqrt(1 + 1 / n) standard deviations; that the standard deviation is
    estimated too makes a quantile of Student's distribution of the normal one, here by its first term.
    """
    freedom = max(nights - 2, 1)
    return sqrt(1 + 1 / nights) * (1 + (z * z + 1) / (4 * freedom))


def _clipped(ratios: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the standard deviation of logarithms; what is strange by their quartiles and the middle of
    their deviations counts only as far as it may differ."""
    middle = median(ratios)
    of_mad = OF_MAD * median(abs(ratio - middle) for ratio in ratios)
    of_iqr = OF_IQR * (quantile(ratios, 0.75) - quantile(ratios, 0.25))
    most = STRANGE * max(of_mad, of_iqr, SMALLEST_SPREAD)
    clipped = [min(max(ratio, middle - most), middle + most) for ratio in ratios]
    mean = sum(clipped) / len(clipped)
    # Two numbers, the level and the share of the line, were taken from the same nights.
    squares = sum((ratio - mean) ** 2 for ratio in clipped) / max(len(clipped) - 2, 1)
    return mean, OF_CLIPPED * sqrt(squares)
