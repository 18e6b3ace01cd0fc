"""A season of one transition through the real handlers, night after night on one store and one record: by fixed times,
and by times that it learns as it goes.

    python -m tests.random_nights.adaptive_season

prints what both waited and how often they went without what came after all. The dates are the real ones of the
2024-25 season, the times of the reports are drawn: each a median of six minutes after the first, a 95th percentile
of twelve; in one night of ten an optional one never comes, in one of thirty it comes 15 to 40 minutes late.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from math import exp, log
from random import Random

from shared.core.model import Run, RunKey, TransitionState
from shared.core.policy.adaptive import Auto
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Deadline, Expectation, Then
from tests.app.handlers_kit import HandlersKit
from tests.core.build import PHASE3, POLICY, TO4
from tests.random_nights.schedule import game_dates

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MODE = "overnight"
NEVER = 10**6
LONGEST = 5 * 60
OPTIONAL = PHASE3[2:]


def _auto(times: float, least: timedelta, most: timedelta) -> Auto:
    return Auto(0.95, 28, times, least, most)


BEFORE = POLICY.transitions[TO4].expects[MODE]
ALONE = replace(BEFORE, tiers=(), deadline=Deadline(4 * HOUR, Then.TRIGGER_IF_REQUIRED))
VARIANTS: dict[str, tuple[Expectation, Expectation]] = {
    "a deadline of 4 h": (
        ALONE,
        replace(ALONE, deadline=Deadline(4 * HOUR, Then.TRIGGER_IF_REQUIRED, _auto(2.0, 10 * MINUTE, 4 * HOUR))),
    ),
    "tiers of 15 and 30 min, a deadline of 2 h": (
        BEFORE,
        replace(
            BEFORE,
            tiers=tuple(
                replace(tier, auto=_auto(times, 5 * MINUTE, tier.after * 2))
                for tier, times in zip(BEFORE.tiers, (1.5, 2.0), strict=True)
            ),
            deadline=replace(BEFORE.deadline, auto=_auto(3.0, 5 * MINUTE, 2 * HOUR)) if BEFORE.deadline else None,
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class NightOfSeason:
    """One date: the minutes after which each processor reports, ``NEVER`` for one that does not."""

    day: date
    waits: tuple[int, ...]

    @property
    def comes_whole(self) -> bool:
        return max(self.waits) < NEVER


@dataclass(frozen=True, slots=True)
class Went:
    """How a night went: its run, its transition, and when its first report was received."""

    night: NightOfSeason
    run: Run
    state: TransitionState
    opened_at: datetime

    @property
    def wait(self) -> timedelta:
        assert self.state.triggered_at is not None
        return self.state.triggered_at - self.opened_at

    @property
    def whole_at_first(self) -> bool:
        """True where it went with everything."""
        return self.wait >= max(self.night.waits) * MINUTE

    @property
    def falsely_degraded(self) -> bool:
        """True where it went without what came later that night."""
        return not self.whole_at_first and self.night.comes_whole


def nights(seed: int = 1) -> list[NightOfSeason]:
    """Return the nights of the season."""
    chance = Random(f"season/{seed}")
    return [NightOfSeason(day, tuple(_waits(chance))) for day in game_dates()]


def _waits(chance: Random) -> Iterator[int]:
    silent = chance.choice(OPTIONAL) if chance.random() < 0.1 else None
    late = chance.choice(OPTIONAL) if chance.random() < 1 / 30 else None
    for place, name in enumerate(PHASE3):
        wait = round(exp(chance.gauss(log(6), 0.42))) if place else 0
        yield NEVER if name == silent else chance.randrange(15, 41) if name == late else wait


def policy_of(expectation: Expectation) -> Policy:
    """Return the reference policy with one transition in one mode, without refreshes and repairs of the past."""
    transition = replace(POLICY.transitions[TO4], expects={MODE: expectation}, refresh=None)
    repairs = replace(POLICY.repairs, modes=frozenset())
    return replace(POLICY, transitions={TO4: transition}, modes={MODE: POLICY.modes[MODE]}, repairs=repairs)


def play(expectation: Expectation, dates: Sequence[NightOfSeason]) -> list[Went]:
    """Play these nights one after the other; the sweep learns between them where the policy leaves a time to them."""
    policy = policy_of(expectation)
    start = datetime.combine(dates[0].day, time(12), tzinfo=policy.zone).astimezone(UTC)
    kit = HandlersKit(policy=policy, start=start)
    return [_night(kit, night) for night in dates]


def _night(kit: HandlersKit, night: NightOfSeason) -> Went:
    key, morning = RunKey("nba", night.day, MODE), night.day + timedelta(days=1)
    kit.ordinary(night.day)
    for at in (time(0, 30), time(5, 1)):
        kit.clock.instant = datetime.combine(morning, at, tzinfo=kit.policy.zone).astimezone(UTC)
        kit.sweep()
    opened_at = kit.clock.instant = kit.clock.instant + 59 * MINUTE
    for minute in range(LONGEST):
        for name, wait in zip(PHASE3, night.waits, strict=True):
            if wait == minute:
                kit.deliver(name, records=200, game_date=night.day.isoformat())
        kit.sweep()
        if kit.state(TO4, key).accepted_plan is not None and minute >= max(w for w in night.waits if w < NEVER):
            break
        kit.wait()
    kit.sweeps(2)
    return Went(night, kit.run(key), kit.state(TO4, key), opened_at)


def lines_of(name: str, fixed: Sequence[Went], learned: Sequence[Went]) -> str:
    """Return the two lines of one variant."""
    lines = []
    for word, played in (("fixed", fixed), ("learned", learned)):
        waited = sum((each.wait for each in played), timedelta())
        degraded = [each for each in played if not each.whole_at_first]
        in_vain = sum((each.wait for each in degraded), timedelta())
        lines.append(
            f"{name:<44}{word:<9}{len(played):>7}{waited / HOUR:>8.1f} h{in_vain / HOUR:>9.1f} h"
            f"{len(degraded):>10}{sum(each.falsely_degraded for each in degraded):>7}"
        )
    return "\n".join(lines)


def main() -> None:
    season = nights()
    sys.stdout.write(f"{'':<44}{'times':<9}{'nights':>7}{'waited':>10}{'in vain':>11}{'degraded':>10}{'false':>7}\n")
    for name, variants in VARIANTS.items():
        sys.stdout.write(lines_of(name, *(play(expectation, season) for expectation in variants)) + "\n")


if __name__ == "__main__":
    main()
