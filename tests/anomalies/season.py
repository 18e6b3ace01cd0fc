"""Values of a season for every phase and processor of a pipeline like the production one, with injected faults.

The dates and their games are the real 2024-25 season (`tests/random_nights/nba_schedule_2024_25.csv`). The values are
made up, by parameters that were fixed before the detector was tried on them and are not tuned to it:

- **Durations** are lognormal around a usual time that depends on the games: not at all, in part, in proportion, or like
  their root (work side by side). The coordinator takes 1 to 12 minutes, in proportion to 1 to 15 games. How heavy the
  tail is differs from series to series: the coefficients of variation are the middles of ten equal parts of a lognormal
  distribution around 0.20 with the parameter 0.42, that is 0.10 to 0.40, dealt out anew by each seed. Work on recurring
  jobs of data centres reports such numbers for inputs of like size (Ferguson and others, Jockey, EuroSys 2012).
  One phase rebuilds on Mondays and takes 1.8 times as long then.
- **Rows** of a game are uniform between the numbers that were seen in production where there are any, independent from
  game to game; the others, and those that do not depend on the games, are lognormal.
- **Faults** hit one night of thirty of each series, at least one: the night's own duration is multiplied by 2 to 8, its
  rows multiplied or divided by 2 to 8, each uniformly. They stay in what is learnt from, as in production.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from math import exp, log, sqrt
from statistics import NormalDist

from tests.random_nights.schedule import season

FAULTY = 1 / 30
# The middles of ten equal parts of the distribution above: one for each duration.
COVS = tuple(exp(NormalDist(log(0.20), 0.42).inv_cdf((place + 0.5) / 10)) for place in range(10))


class What(StrEnum):
    DURATION = "duration"
    ROWS = "rows"


@dataclass(frozen=True)
class Night:
    """One night of a series. ``factor`` is 1 where nothing was injected; ``typical`` is the generator's own usual."""

    day: date
    games: int
    value: float
    typical: float
    factor: float = 1.0

    @property
    def share(self) -> float:
        """What the night has of what is typical of it."""
        return self.value / self.typical


Typical = Callable[[date, int], float]
Draw = Callable[[random.Random, date, int], float]


@dataclass(frozen=True)
class Series:
    """One value of a pipeline, night by night."""

    name: str
    what: What
    typical: Typical
    draw: Draw


def sigma(cov: float) -> float:
    """Return the parameter of a lognormal distribution with this coefficient of variation."""
    return sqrt(log(1 + cov * cov))


def _minutes(of: Typical) -> Typical:
    return lambda day, games: 60 * of(day, games)


DURATIONS: dict[str, Typical] = {
    "phase4/overnight": _minutes(lambda day, games: 8 + 0.9 * games),
    "phase4/same_day": _minutes(lambda day, games: 6 + 0.4 * games),
    "phase4/tomorrow": _minutes(lambda day, games: 6 + 0.4 * games),
    "phase5/overnight": _minutes(lambda day, games: 0.25 + 0.75 * games),
    "phase5/same_day": _minutes(lambda day, games: 0.25 + 0.75 * games),
    "phase5/tomorrow": _minutes(lambda day, games: 0.25 + 0.75 * games),
    "phase6/overnight": _minutes(lambda day, games: 3.0),
    "phase6/same_day": _minutes(lambda day, games: 3.0),
    "phase6/tomorrow": _minutes(lambda day, games: 4 * sqrt(games)),
    "grading/overnight": _minutes(lambda day, games: 5 * (1.8 if day.weekday() == 0 else 1.0)),
}
# Rows of a game, the least and the most: those of the first seven as seen in production, the others made up.
ROWS_A_GAME: dict[str, tuple[int, int]] = {
    "player_boxscores/overnight": (25, 29),
    "player_game_summary/overnight": (21, 35),
    "upcoming_player_game_context/same_day": (21, 36),
    "upcoming_player_game_context/tomorrow": (21, 36),
    "upcoming_player_game_context/overnight": (21, 36),
    "team_offense_game_summary/overnight": (2, 2),
    "team_defense_game_summary/overnight": (2, 2),
    "upcoming_team_game_context/same_day": (2, 2),
    "upcoming_team_game_context/tomorrow": (2, 2),
    "odds_game_lines/overnight": (40, 90),
    "odds_game_lines/same_day": (40, 90),
    "odds_game_lines/tomorrow": (20, 90),
    "predictions/overnight": (14, 30),
    "predictions/same_day": (14, 30),
    "predictions/tomorrow": (14, 30),
    "ml_feature_store/overnight": (20, 34),
    "ml_feature_store/same_day": (20, 34),
    "ml_feature_store/tomorrow": (20, 34),
}
# The usual rows of a night, and their coefficient of variation: made up.
ROWS_A_NIGHT: dict[str, tuple[Typical, float]] = {
    "team_defense_zone_analysis/overnight": (lambda day, games: 30, 0.01),
    "player_shot_zone_analysis/overnight": (lambda day, games: 430, 0.03),
    "player_daily_cache/same_day": (lambda day, games: 120 + 12 * games, 0.08),
    "odds_player_props/same_day": (lambda day, games: 260 * games, 0.25),
    "odds_player_props/tomorrow": (lambda day, games: 180 * games, 0.30),
}


def series_of(rng: random.Random) -> Iterator[Series]:
    """Yield the series of a pipeline, how heavy the tails are drawn by ``rng``."""
    widths = [sigma(cov) for cov in COVS]
    rng.shuffle(widths)
    for (name, typical), width in zip(DURATIONS.items(), widths, strict=True):
        yield Series(name, What.DURATION, typical, _lognormal(typical, width))
    for name, (least, most) in ROWS_A_GAME.items():
        yield Series(name, What.ROWS, _a_game((least + most) / 2), _uniform(least, most))
    for name, (typical, cov) in ROWS_A_NIGHT.items():
        yield Series(name, What.ROWS, typical, _lognormal(typical, sigma(cov)))


def nights_of(series: Series, rng: random.Random, days: int | None = None) -> list[Night]:
    """Return the nights of a season that had games, in order, of its first ``days`` dates; some are faulty."""
    dates = [(day, games) for day, games in season().items() if games][:days]
    nights = [Night(day, games, series.draw(rng, day, games), series.typical(day, games)) for day, games in dates]
    faulty = [place for place in range(len(nights)) if rng.random() < FAULTY] or [rng.randrange(len(nights))]
    for place in faulty:
        night, factor = nights[place], _factor(series, rng)
        nights[place] = Night(night.day, night.games, night.value * factor, night.typical, factor)
    return nights


def _factor(series: Series, rng: random.Random) -> float:
    factor = rng.uniform(2, 8)
    return factor if series.what is What.DURATION or rng.random() < 0.5 else 1 / factor


def _a_game(rows: float) -> Typical:
    return lambda day, games: rows * games


def _uniform(least: int, most: int) -> Draw:
    return lambda rng, day, games: float(sum(rng.randint(least, most) for _ in range(games)))


def _lognormal(typical: Typical, width: float) -> Draw:
    return lambda rng, day, games: typical(day, games) * exp(rng.gauss(0.0, width))
