"""Times that a policy leaves to past nights, within bounds, and what a run is decided by then (behaviour T11).

A run is given what was learned when it was opened, and keeps it: what is learned later changes no run that is open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.core.model import LearnedTime, Run

if TYPE_CHECKING:
    from shared.core.policy.transitions import Deadline, Due, DueTime, Expectation, Tier, Transition

# So many nights make a sample; with fewer the fixed times hold.
ENOUGH_NIGHTS = 7
# The record is read once a day, and no further back.
MOST_NIGHTS = 90
DEADLINE, DUE_WARNING, DUE_CRITICAL = "deadline", "due_warning", "due_critical"


@dataclass(frozen=True, slots=True)
class Auto:
    """How a time follows from past nights: ``quantile`` of those of the last ``nights`` dates, ``times`` as long, and
    never outside ``at_least`` to ``at_most``. Both count from where the fixed time beside it counts from: a tier and a
    deadline from the first completion that counts, a due time from the opening of its mode."""

    quantile: float
    nights: int
    times: float
    at_least: timedelta
    at_most: timedelta

    def bounded(self, length: timedelta) -> timedelta:
        """Return a length within the bounds: the nearest of them where it lies outside."""
        return min(max(length, self.at_least), self.at_most)


def tier_name(number: int) -> str:
    """Return the name of a tier, counted from 1, as reasons and explanations have it."""
    return f"tier_{number}"


def autos(expectation: Expectation) -> Iterator[tuple[str, Auto]]:
    """Yield the times of an expectation that are learned, by name: `tier_1`, `deadline`, `due_warning`."""
    for number, tier in enumerate(expectation.tiers, start=1):
        if tier.auto is not None:
            yield tier_name(number), tier.auto
    if expectation.deadline is not None and expectation.deadline.auto is not None:
        yield DEADLINE, expectation.deadline.auto
    due = expectation.due
    if due is not None and due.warning_auto is not None:
        yield DUE_WARNING, due.warning_auto
    if due is not None and due.critical_auto is not None:
        yield DUE_CRITICAL, due.critical_auto


def length_of(expectation: Expectation, name: str) -> timedelta | None:
    """Return the length of a time of an effective expectation by its name; None for a due time that is fixed."""
    from shared.core.policy.transitions import AfterOpened

    due = expectation.due
    if name == DEADLINE:
        return None if expectation.deadline is None else expectation.deadline.after
    if name in (DUE_WARNING, DUE_CRITICAL):
        at = None if due is None else due.warning if name == DUE_WARNING else due.critical
        return at.after if isinstance(at, AfterOpened) else None
    tiers = {tier_name(number): tier for number, tier in enumerate(expectation.tiers, start=1)}
    return tiers[name].after


def expectation_of(transition: Transition, mode: str, run: Run | None) -> Expectation:
    """Return what a transition of a run is decided by; None is a run that is not opened, which has the fixed times."""
    learned = {} if run is None else run.learned.get(transition.name, {})
    return effective(transition.expects[mode], learned)


def effective(expectation: Expectation, learned: Mapping[str, LearnedTime]) -> Expectation:
    """Return what a run is decided by: the policy with the times that the run was given when it was opened.

    A time counts only where the policy still says auto, and within the bounds that the policy has now. No tier comes
    before the one above it, no deadline before the last tier, nothing critical before its warning: the policy's bounds
    rise in this order, so that none of these leaves its own.
    """
    if not learned:
        return expectation
    tiers = tuple(_tiers(expectation.tiers, learned))
    latest = max((tier.after for tier in tiers), default=timedelta(0))
    return replace(
        expectation,
        tiers=tiers,
        deadline=_deadline(expectation.deadline, learned, latest),
        due=_due(expectation.due, learned),
    )


def _length(auto: Auto | None, name: str, learned: Mapping[str, LearnedTime]) -> timedelta | None:
    """Return a learned time within its bounds, None where the fixed one holds."""
    value = learned.get(name)
    return None if auto is None or value is None else auto.bounded(value.after)


def _tiers(tiers: tuple[Tier, ...], learned: Mapping[str, LearnedTime]) -> Iterator[Tier]:
    latest = timedelta(0)
    for number, tier in enumerate(tiers, start=1):
        after = _length(tier.auto, tier_name(number), learned)
        own = tier.after if after is None else after
        latest = own if tier.auto is None else max(latest, own)
        yield replace(tier, after=latest)


def _deadline(deadline: Deadline | None, learned: Mapping[str, LearnedTime], latest: timedelta) -> Deadline | None:
    if deadline is None or deadline.auto is None:
        return deadline
    after = _length(deadline.auto, DEADLINE, learned)
    return replace(deadline, after=max(latest, deadline.after if after is None else after))


def _due(due: Due | None, learned: Mapping[str, LearnedTime]) -> Due | None:
    if due is None:
        return None
    warning = _length(due.warning_auto, DUE_WARNING, learned)
    critical = _length(due.critical_auto, DUE_CRITICAL, learned)
    if warning is not None and critical is not None:
        critical = max(warning, critical)
    return replace(due, warning=_due_time(due.warning, warning), critical=_due_time(due.critical, critical))


def _due_time(fixed: DueTime | None, after: timedelta | None) -> DueTime | None:
    from shared.core.policy.transitions import AfterOpened

    return fixed if after is None or fixed is None else AfterOpened(after)
