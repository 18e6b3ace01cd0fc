"""What is left of an error budget, and how fast it burns (behaviour 14).

Burn rates are those of the method with several windows and several rates of Google's SRE workbook, chapter "Alerting
on SLOs": a rate has to be exceeded over a long window, so that it matters, and over a short one of a twelfth of it, so
that it still goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.core.objectives.events import Series, Tally
from shared.core.policy.objectives import Objective, ObjectiveKind, Objectives
from shared.core.severity import Severity


@dataclass(frozen=True, slots=True)
class BurnRule:
    """An alert on so much of the budget of the whole window that is spent within a long window."""

    long: timedelta
    short: timedelta
    spent: float
    severity: Severity

    def threshold(self, window: timedelta) -> float:
        """Return the burn rate at which so much is spent: 14.4, 6 and 1 for a window of 30 days."""
        return self.spent * (window / self.long)


# Table 5-8 of the workbook: two that call somebody, and one that can wait until the morning.
RULES = (
    BurnRule(timedelta(hours=1), timedelta(minutes=5), 0.02, Severity.CRITICAL),
    BurnRule(timedelta(hours=6), timedelta(minutes=30), 0.05, Severity.CRITICAL),
    BurnRule(timedelta(days=3), timedelta(hours=6), 0.10, Severity.WARNING),
)


class Verdict(StrEnum):
    """How an objective stands."""

    NO_EVENTS = "no_events"
    TOO_FEW = "too_few_events"
    MET = "met"
    BURNING = "burning"
    MISSED = "missed"

    @property
    def is_wrong(self) -> bool:
        return self in (Verdict.BURNING, Verdict.MISSED)


@dataclass(frozen=True, slots=True)
class Burn:
    """A rule that holds: how fast the budget burns over its long window, and how many events were bad in it."""

    rule: BurnRule
    rate: float
    tally: Tally


@dataclass(frozen=True, slots=True)
class ObjectiveStatus:
    """How an objective stands at a moment. ``failures`` are the latest that were bad, in words."""

    kind: ObjectiveKind
    objective: Objective
    window: timedelta
    at: datetime
    tally: Tally
    verdict: Verdict
    burn: Burn | None = None
    failures: tuple[str, ...] = ()

    @property
    def judged(self) -> bool:
        """True with enough events in the window to say whether it is met."""
        return self.verdict not in (Verdict.NO_EVENTS, Verdict.TOO_FEW)

    @property
    def percent(self) -> float | None:
        """The percentage that was good, None without events."""
        return None if not self.tally.total else 100 * (1 - self.tally.bad / self.tally.total)

    @property
    def budget_left(self) -> float | None:
        """The share of the error budget that is left, negative once more than all of it is spent; None without
        events."""
        if not self.tally.total:
            return None
        return 1 - self.tally.bad / (self.tally.total * self.objective.error_budget)


@dataclass(frozen=True, slots=True)
class Measured:
    """How every objective of a pipeline stood when it was measured last; ``alerts`` are the fingerprints of those that
    burned then, and were told."""

    at: datetime
    objectives: tuple[ObjectiveStatus, ...] = ()
    alerts: tuple[str, ...] = ()


MOST_FAILURES = 5


def status(kind: ObjectiveKind, of: Objectives, objective: Objective, series: Series, now: datetime) -> ObjectiveStatus:
    """Return how an objective stands; with too few events in the window it is neither met nor missed, and nothing
    burns."""
    since = now - of.window
    tally = series.tally(since, now)
    burn = None if tally.total < of.at_least_events else burning(of, objective, series, now)
    return ObjectiveStatus(
        kind, objective, of.window, now, tally, _verdict(of, objective, tally, burn), burn,
        series.failures(since, now)[:MOST_FAILURES],
    )  # fmt: skip


def _verdict(of: Objectives, objective: Objective, tally: Tally, burn: Burn | None) -> Verdict:
    if not tally.total:
        return Verdict.NO_EVENTS
    if tally.total < of.at_least_events:
        return Verdict.TOO_FEW
    if tally.bad > tally.total * objective.error_budget:
        return Verdict.MISSED
    return Verdict.MET if burn is None else Verdict.BURNING


def burning(of: Objectives, objective: Objective, series: Series, now: datetime) -> Burn | None:
    """Return the first rule that holds, the fastest before the others; None where none does.

    Fewer than ``at_least_failures`` in the long window are no trend. A short window without any event says nothing new:
    the latest event before it stands for it.
    """
    for rule in RULES:
        tally = series.tally(now - rule.long, now)
        if not tally.total or tally.bad < of.at_least_failures:
            continue
        threshold = rule.threshold(of.window)
        rate = burn_rate(tally, objective)
        if rate >= threshold and _goes_on(series, objective, rule, threshold, now):
            return Burn(rule, rate, tally)
    return None


def _goes_on(series: Series, objective: Objective, rule: BurnRule, threshold: float, now: datetime) -> bool:
    short = series.tally(now - rule.short, now)
    return burn_rate(short, objective) >= threshold if short.total else series.last_is_bad(now)


def burn_rate(tally: Tally, objective: Objective) -> float:
    """Return how many times faster than over the whole window the budget is spent; 0 without events."""
    return tally.bad / tally.total / objective.error_budget if tally.total else 0.0
