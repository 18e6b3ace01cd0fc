"""The quantile of a sample, as numpy and R have it by default: type 7 of Hyndman and Fan (1996), linear interpolation.

Of ``n`` values in their order, counted from 0, the quantile ``q`` lies at ``(n - 1) * q``; between two values it is the
share of the way from one to the other. So 0 is the least, 1 the greatest, 0.5 the median.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from math import floor


def quantile(values: Iterable[float], q: float) -> float:
    """Return the quantile ``q`` of values in any order; raise ``ValueError`` of none, or for ``q`` beyond 0 to 1."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("a quantile of no values")
    if not 0 <= q <= 1:
        raise ValueError(f"a quantile lies from 0 to 1, not at {q}")
    place = (len(ordered) - 1) * q
    low = floor(place)
    high = min(low + 1, len(ordered) - 1)
    below, above, share = ordered[low], ordered[high], place - low
    # Never beyond the two values, whatever the rounding of the product.
    return min(max(below + (above - below) * share, below), above)


def median(values: Iterable[float]) -> float:
    """Return the middle value, or the mean of the two in the middle."""
    return quantile(values, 0.5)


def duration_quantile(durations: Sequence[timedelta], q: float) -> timedelta:
    """Return the quantile of durations, to the second."""
    return timedelta(seconds=round(quantile((length.total_seconds() for length in durations), q)))
