"""What a month costs, what of it costs most, and which quota a growing pipeline reaches first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shared.core.costs.demand import demand_of
from shared.core.costs.month import Month
from shared.core.costs.price import Item, Limit, PriceList

LARGEST = 10_000_000


@dataclass(frozen=True, slots=True)
class Charge:
    item: Item
    used: float
    usd: float


@dataclass(frozen=True)
class Bill:
    """The charges of one month, the largest first."""

    charges: tuple[Charge, ...]

    @property
    def total(self) -> float:
        return sum(charge.usd for charge in self.charges)

    @property
    def largest(self) -> Charge | None:
        """What costs most, None where nothing costs anything."""
        first = self.charges[0]
        return first if first.usd > 0 else None

    def share(self, charge: Charge) -> float:
        return charge.usd / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Reached:
    """The use of a quota: what is asked of it now, and the least size at which it no longer suffices.

    ``size`` is None for one that does not tighten with this growth.
    """

    limit: Limit
    asked: float
    size: int | None


def bill(month: Month, prices: PriceList, *, free: bool = True) -> Bill:
    """Return what a month costs at list prices, with or without what is free."""
    charges = [Charge(item, used, prices.prices[item].charge(used, free=free)) for item, used in month.used.items()]
    return Bill(tuple(sorted(charges, key=lambda charge: -charge.usd)))


def by_pipelines(month: Month) -> Callable[[float], Month]:
    """Grow by pipelines: as many again, each deployed by itself."""
    return lambda size: month.grown(pipelines=size)


def by_width(month: Month) -> Callable[[float], Month]:
    """Grow one pipeline: every phase so many times as wide, and its tables as many."""
    return lambda size: month.grown(width=size)


def reached(grow: Callable[[float], Month], prices: PriceList) -> tuple[Reached, ...]:
    """Return every quota, the one that is reached first at the head; what is asked never falls as the size grows."""
    crossings = [
        Reached(limit, now, _least(lambda size, limit=limit: demand_of(grow(size))[limit], prices.quotas[limit].limit))  # type: ignore[misc]
        for limit, now in demand_of(grow(1)).items()
    ]
    return tuple(sorted(crossings, key=lambda crossing: LARGEST + 1 if crossing.size is None else crossing.size))


def first(crossings: Iterable[Reached]) -> Reached | None:
    """Return the quota that is reached first, None if none ever is."""
    return next((crossing for crossing in crossings if crossing.size is not None), None)


def _least(needs: Callable[[float], float], limit: float) -> int | None:
    """Return the least whole size at which more is asked than there is; None up to ``LARGEST``."""
    low, high = 0, 1
    while needs(high) <= limit:
        low, high = high, high * 8
        if low >= LARGEST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if needs(middle) > limit else (middle, high)
    return high
