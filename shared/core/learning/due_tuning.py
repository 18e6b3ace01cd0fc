"""What the due times of a transition cost past nights, and which times these propose (`orch tune`).

A warning is false on a night that went by itself after it and not after what is critical. A night failed that never
went, that only an operator made go, or that went after what is critical; there a warning is as late as it comes after
the time by which 95 of 100 ordinary nights had gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil

from shared.core.calendar import due_at, instant, working_day
from shared.core.learning.nights import ACTS, COUNTED, SENT, NightSample, RecordedRun, Unusual
from shared.core.learning.quantile import duration_quantile
from shared.core.model import LearnedTime, Logged
from shared.core.policy.adaptive import ENOUGH_NIGHTS, Auto, effective
from shared.core.policy.config_error import spell
from shared.core.policy.mode_check import nominal
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import AfterOpened, Due, DueTime, Expectation, Transition

Learn = Callable[[Expectation, RecordedRun], Mapping[str, LearnedTime]]
MINUTE = timedelta(minutes=1)
NOTHING = timedelta(0)
QUANTILE = 0.95
# A warning at a quarter more than what 95 of 100 nights take, and critical at twice as much.
WARNING_TIMES, CRITICAL_TIMES = 1.25, 2.0
# More false warnings than one night in twenty are heard no more.
MOST_FALSE = 0.05
# A warning that could come so much sooner is late.
WORTH = timedelta(minutes=30)


class Fit(StrEnum):
    """What is to be said of the due times that a policy has."""

    FITS = "fits the nights"
    CRIES = "cries on ordinary nights"
    LATE = "comes late"
    BEFORE_IT_OPENS = "most nights go before the mode opens"


@dataclass(frozen=True, slots=True)
class DueCost:
    """What due times come to over ``nights``: how often they ``warned``, how many of these were ``false``, how many
    nights ``failed``, and how late the warning came on these, all together; ``silent`` are those that it never came
    on, because there is none."""

    nights: int
    warned: int
    false: int
    failed: int
    silent: int
    late: timedelta


@dataclass(frozen=True, slots=True)
class DueTuned:
    """The due times of one transition in one mode. ``median``, ``p95`` and ``latest`` are when ordinary nights went,
    from the opening of the mode on. ``proposal`` is None where today's times fit or nothing can be learned."""

    fit: Fit
    median: timedelta
    p95: timedelta
    latest: timedelta
    as_it_is: DueCost
    with_auto: DueCost
    proposal: Due | None


@dataclass(frozen=True, slots=True)
class DueNight:
    """One night as its due times are judged: when it ``went``, None for never; ``by_itself`` is false where an operator
    made it go."""

    run: RecordedRun
    went: datetime | None
    by_itself: bool


def due_nights(transition: Transition, nights: Sequence[tuple[RecordedRun, NightSample | Unusual]]) -> list[DueNight]:
    """Return the nights that say something of due times: not those without units, in a pause, or kept back by a
    person, and none of which the record holds nothing."""
    listed = []
    for run, sample in nights:
        entries = sorted(run.decisions.get(transition.name, ()), key=lambda entry: entry.at)
        words = {entry.decision for entry in entries}
        reported = any(report.phase in transition.after and report.outcome in COUNTED for report in run.reports)
        if sample is Unusual.PAUSED or words & {Logged.EMPTY_OK, Logged.OPERATOR_HOLD} or not (entries or reported):
            continue
        sent = next((entry for entry in entries if entry.decision in SENT), None)
        acted = any(entry.decision in ACTS and (sent is None or entry.at <= sent.at) for entry in entries)
        listed.append(DueNight(run, None if sent is None else sent.at, not acted))
    return listed


def due_cost(policy: Policy, nights: Sequence[tuple[DueNight, Due]], usual: timedelta, now: datetime) -> DueCost:
    """Add up nights with the due times that each had; ``usual`` is how long after the opening of the mode 95 of 100
    ordinary nights go. A night whose due times are not over by ``now`` is left out."""
    counted = warned = false = failed = silent = 0
    late = NOTHING
    for night, due in nights:
        key = night.run.key
        warning, critical = due_at(key, due.warning, policy), due_at(key, due.critical, policy)
        last = critical or warning
        if last is None or last > now:
            continue
        counted += 1
        raised = warning is not None and (night.went is None or night.went > warning)
        warned += raised
        bad = night.went is None or not night.by_itself or (critical is not None and night.went > critical)
        if not bad:
            false += raised
            continue
        failed += 1
        if not raised or warning is None:
            silent += 1
        else:
            opens = instant(working_day(key, policy), policy.modes[key.mode].opens_at, policy.zone)
            late += max(warning - (opens + usual), NOTHING)
    return DueCost(counted, warned, false, failed, silent, late)


def tune_due(
    policy: Policy,
    transition: Transition,
    mode: str,
    nights: Sequence[DueNight],
    samples: Sequence[NightSample],
    learn: Learn,
    dates: int,
    now: datetime,
) -> DueTuned | None:
    """Look at the due times of one transition in one mode; ``samples`` are its ordinary nights of so many ``dates``.

    None where it has no due times, or fewer than seven nights. ``learn`` says what the nights before a run teach of an
    expectation: so each night is judged by what it would have been given.
    """
    fixed = transition.expects[mode]
    if fixed.due is None or (fixed.due.warning is None and fixed.due.critical is None) or len(samples) < ENOUGH_NIGHTS:
        return None
    went = [sample.triggered for sample in samples]
    middle, usual, latest = (duration_quantile(went, q) for q in (0.5, QUANTILE, 1.0))
    proposal = _proposed(policy, mode, fixed.due, middle, usual, dates)
    other = fixed if proposal is None else replace(fixed, due=proposal)

    def by(expectation: Expectation) -> DueCost:
        pairs = [(night, effective(expectation, learn(expectation, night.run)).due) for night in nights]
        return due_cost(policy, [(night, due) for night, due in pairs if due is not None], usual, now)

    as_it_is, with_auto = by(fixed), by(other)
    fit = Fit.BEFORE_IT_OPENS if proposal is None else _fit(policy, mode, fixed.due, as_it_is, with_auto, usual)
    kept = proposal if fit in (Fit.CRIES, Fit.LATE) else None
    return DueTuned(fit, middle, usual, latest, as_it_is, with_auto, kept)


def due_lines(due: Due) -> list[str]:
    """Return the lines of a policy file that say due times with what past nights say of them."""
    lines = ["        due:"]
    times = (("warning", due.warning, due.warning_auto), ("critical", due.critical, due.critical_auto))
    lines += [f"          {word}: {_written(at)}" for word, at, _ in times if at is not None]
    autos = [(word, auto) for word, _, auto in times if auto is not None]
    return (
        lines
        + (["          auto:"] if autos else [])
        + [f"            {word}: {auto_text(auto)}" for word, auto in autos]
    )


def auto_text(auto: Auto) -> str:
    """Return an auto as the policy file writes it."""
    return (
        f"{{quantile: {auto.quantile:g}, of: {auto.nights} nights, times: {auto.times:g}, "
        f"at_least: {spell(auto.at_least)}, at_most: {spell(auto.at_most)}}}"
    )


def _proposed(policy: Policy, mode: str, due: Due, middle: timedelta, usual: timedelta, dates: int) -> Due | None:
    """Return due times that are left to nights, beside those that there are; None where most nights go before the mode
    opens, from which due times count, or a fixed one does.

    What is critical is left to nights only where these would have it sooner; else its fixed time bounds the warning.
    """
    warning, critical = (_length(policy, mode, at) for at in (due.warning, due.critical))
    if usual < MINUTE or any(length is not None and length < MINUTE for length in (warning, critical)):
        return None
    floor = max(MINUTE, timedelta(minutes=ceil(middle / MINUTE)))

    def auto(length: timedelta, times: float) -> Auto:
        longest = timedelta(minutes=5 * ceil(2 * times * usual / (5 * MINUTE)))
        return Auto(QUANTILE, dates, times, min(length, floor), max(length, longest))

    last = due.critical_auto
    if critical is not None and critical - CRITICAL_TIMES * usual >= WORTH:
        last = auto(critical, CRITICAL_TIMES)
    first = due.warning_auto if warning is None else auto(warning, WARNING_TIMES)
    if first is not None and critical is not None:
        least, most = (critical, critical) if last is None else (last.at_least, last.at_most)
        first = replace(first, at_least=min(first.at_least, least), at_most=min(first.at_most, most))
    return replace(due, warning_auto=first, critical_auto=last)


def _fit(policy: Policy, mode: str, due: Due, as_it_is: DueCost, with_auto: DueCost, usual: timedelta) -> Fit:
    """Say whether due times are heard too often, or could be heard sooner without that; else they fit."""
    allowed = MOST_FALSE * as_it_is.nights
    if as_it_is.false > allowed and with_auto.false < as_it_is.false:
        return Fit.CRIES
    first = due.warning if due.warning is not None else due.critical
    length = None if first is None else _length(policy, mode, first)
    sooner = length is not None and length - usual * WARNING_TIMES >= WORTH
    return Fit.LATE if sooner and with_auto.false <= max(allowed, as_it_is.false) else Fit.FITS


def _length(policy: Policy, mode: str, at: DueTime | None) -> timedelta | None:
    """Return how long after its mode opens a due time is, on a day without a clock change."""
    if at is None:
        return None
    return nominal(at, policy.modes[mode]) - nominal(AfterOpened(NOTHING), policy.modes[mode])


def _written(at: DueTime) -> str:
    return f"{{after_opened: {spell(at.after)}}}" if isinstance(at, AfterOpened) else f'"{at}"'
