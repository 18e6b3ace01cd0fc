"""Plays the values of a season night by night against the bands of the product, and counts what was told.

    python -m tests.anomalies [--seeds 20] [--days 231]

A fault counts where it makes of a night at least twice, or at most half, of what is typical by the generator's own
parameters; all injected ones are counted beside. Every alert of a night without an injected fault is a false alarm,
even if its duration, drawn from a heavy tail, really was more than twice the typical one: these are counted beside.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.core.learning.anomaly import Band, Usuals
from shared.core.learning.usual import Sample, usual_of
from shared.core.policy.anomalies import NIGHTS, Anomalies
from tests.anomalies.season import Night, Series, What, nights_of, series_of
from tests.random_nights.schedule import season

DAYS_OF_MONTH = 365.25 / 12
MODE = "any"


@dataclass
class Tally:
    """What was counted of one kind of value. ``doubled`` are false alarms of nights that really were twice or half."""

    faults: int = 0
    told: int = 0
    injected: int = 0
    injected_told: int = 0
    false_alarms: int = 0
    doubled: int = 0
    days: float = 0.0
    missed: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.told / self.faults

    @property
    def false_alarms_a_month(self) -> float:
        return self.false_alarms / self.days * DAYS_OF_MONTH


def replay(seeds: Iterable[int], days: int | None = None, limits: Anomalies = Anomalies()) -> dict[What, Tally]:  # noqa: B008 - frozen
    """Return what was told in the seasons of these seeds, of their first ``days`` dates with games."""
    tallies = {what: Tally() for what in What}
    for seed in seeds:
        rng = random.Random(seed)
        for series in series_of(rng):
            nights = nights_of(series, rng, days)
            _play(series, nights, limits, tallies[series.what])
        watched = len(season()) if days is None else (nights[-1].day - nights[0].day).days + 1
        for tally in tallies.values():
            tally.days += watched - (nights[limits.least_nights].day - nights[0].day).days
    return tallies


def _play(series: Series, nights: list[Night], limits: Anomalies, tally: Tally) -> None:
    for place, night in enumerate(nights):
        before = [each for each in nights[:place] if (night.day - each.day).days <= NIGHTS]
        usual = usual_of(Sample(each.day, each.value, each.games) for each in before)
        usuals = Usuals(limits, **{_section(series): {series.name: {MODE: usual}} if usual is not None else {}})
        find = usuals.duration_band if series.what is What.DURATION else usuals.rows_band
        band = find(series.name, MODE, night.day, night.games)
        if isinstance(band, Band):
            _count(tally, series, night, is_told=not band.holds(night.value))


def _section(series: Series) -> str:
    return "durations" if series.what is What.DURATION else "rows"


def _count(tally: Tally, series: Series, night: Night, *, is_told: bool) -> None:
    twofold = night.share >= 2 or night.share <= 0.5
    if night.factor == 1:
        tally.false_alarms += is_told
        tally.doubled += is_told and twofold
        return
    tally.injected += 1
    tally.injected_told += is_told
    if twofold:
        tally.faults += 1
        tally.told += is_told
        if not is_told:
            tally.missed.append(f"{series.name} {night.day}: {night.share:.2f} of {night.games} games")
