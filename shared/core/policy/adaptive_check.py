"""What is wrong with times that a policy leaves to past nights (behaviour T11).

The bounds rise in the order of the times: so whatever the nights say, no time overtakes another and none leaves its own
bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

from shared.core.policy.adaptive import ENOUGH_NIGHTS, MOST_NIGHTS, Auto
from shared.core.policy.config_error import ConfigError, spell
from shared.core.policy.mode_check import nominal
from shared.core.policy.policy import Mode
from shared.core.policy.transitions import AfterOpened, DueTime, Expectation


class Timed(NamedTuple):
    """A time of an expectation: where the file has it and its auto, how long the fixed one is, and its name."""

    key: str
    auto_key: str
    length: timedelta
    auto: Auto | None
    name: str

    @property
    def least(self) -> timedelta:
        return self.length if self.auto is None else self.auto.at_least

    @property
    def most(self) -> timedelta:
        return self.length if self.auto is None else self.auto.at_most


def adaptive_problems(expectation: Expectation, mode: Mode | None, key: str) -> Iterator[ConfigError]:
    """Yield what is wrong with the autos of an expectation; ``mode`` None is one that the policy does not have."""
    yield from _problems(list(_waits(expectation, key)))
    due = expectation.due
    if due is None:
        return
    times = (("warning", due.warning, due.warning_auto), ("critical", due.critical, due.critical_auto))
    for word, at, auto in times:
        if auto is not None and at is None:
            hint = f"write {word}: the time that holds with fewer than {ENOUGH_NIGHTS} nights"
            yield ConfigError(f"{key}.due.auto.{word}", f"has no fixed {word} to fall back to", hint)
    if mode is not None:
        listed = [
            Timed(f"{key}.due.{word}", f"{key}.due.auto.{word}", _after_opened(at, mode), auto, word)
            for word, at, auto in times
            if at is not None
        ]
        yield from _problems(listed)


def _waits(expectation: Expectation, key: str) -> Iterator[Timed]:
    for place, tier in enumerate(expectation.tiers):
        here = f"{key}.tiers[{place}]"
        yield Timed(f"{here}.after", f"{here}.auto", tier.after, tier.auto, f"tier {place + 1}")
    deadline = expectation.deadline
    if deadline is not None:
        yield Timed(f"{key}.deadline.after", f"{key}.deadline.auto", deadline.after, deadline.auto, "the deadline")


def _after_opened(at: DueTime, mode: Mode) -> timedelta:
    """Return how long after its mode opens a due time is, on a day without a clock change."""
    return nominal(at, mode) - nominal(AfterOpened(timedelta(0)), mode)


def _problems(times: Sequence[Timed]) -> Iterator[ConfigError]:
    for timed in times:
        if timed.auto is not None:
            yield from _own(timed, timed.auto)
    for before, timed in pairwise(times):
        if before.auto is None and timed.auto is None:
            continue
        for word, earlier, later in (("at_least", before.least, timed.least), ("at_most", before.most, timed.most)):
            if later < earlier:
                reason = f"{spell(later)} is less than {spell(earlier)}, what {before.name} has"
                key = f"{timed.auto_key}.{word}" if timed.auto is not None else timed.key
                yield ConfigError(key, reason, f"{spell(earlier)} at the least, so that {timed.name} never comes first")


def _own(timed: Timed, auto: Auto) -> Iterator[ConfigError]:
    key = timed.auto_key
    if not ENOUGH_NIGHTS <= auto.nights <= MOST_NIGHTS:
        why = "fewer teach nothing" if auto.nights < ENOUGH_NIGHTS else "the record is not read further back"
        yield ConfigError(f"{key}.of", f"{auto.nights} nights: {why}", f"from {ENOUGH_NIGHTS} to {MOST_NIGHTS} nights")
    if auto.at_least > auto.at_most:
        reason = f"{spell(auto.at_least)} is more than at_most ({spell(auto.at_most)})"
        yield ConfigError(f"{key}.at_least", reason, "swap the two")
    elif not auto.at_least <= timed.length <= auto.at_most:
        reason = f"{spell(auto.at_least)} to {spell(auto.at_most)} leave out the fixed time, {_spelt(timed.length)}"
        hint = "the fixed time holds while little is known: it lies within the bounds"
        yield ConfigError(f"{key}.{'at_least' if timed.length < auto.at_least else 'at_most'}", reason, hint)


def _spelt(length: timedelta) -> str:
    return f"{spell(-length)} before the mode opens" if length < timedelta(0) else spell(length)
