"""What the waits of a transition were, what today's times cost, and which times past nights propose (`orch tune`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import ceil

from shared.core.learning.due_tuning import DueTuned, auto_text, due_lines, due_nights, tune_due
from shared.core.learning.learned import learned_time
from shared.core.learning.nights import NightSample, RecordedRun, Unusual
from shared.core.learning.quantile import duration_quantile
from shared.core.learning.replay import Replayed, replay
from shared.core.model import LearnedTime, RunKey
from shared.core.policy.adaptive import ENOUGH_NIGHTS, Auto, autos, effective
from shared.core.policy.config_error import spell
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Expectation, Transition

BINS = 8
MINUTE = timedelta(minutes=1)
NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class Bin:
    """How many nights waited from ``low`` to less than ``high``; the last bin has its end too."""

    low: timedelta
    high: timedelta
    count: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """How long ordinary nights waited: their number, the quartiles that matter, the longest, and how they spread."""

    nights: int
    median: timedelta
    p75: timedelta
    p95: timedelta
    longest: timedelta
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a set of times comes to over recorded nights: how many ``triggered`` and how many of them ``degraded``.

    ``false`` are the degraded ones in which all that was missing came after all, within ``LATE`` of the clock's start.
    ``waited`` is the time from the clock's start to the trigger, ``in_vain`` the part of it between the last report
    and when a degraded one was ready. ``nights`` were decided anew; of ``gates_read`` of them the record knows what
    gates and services said at the trigger, and ``blocked`` of these they made go later, or never.
    """

    triggered: int
    degraded: int
    false: int
    waited: timedelta
    in_vain: timedelta
    nights: int = 0
    gates_read: int = 0
    blocked: int = 0


# What comes later than that is not waited for by any policy that is meant.
LATE = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Tuned:
    """One transition in one mode. ``unusual`` counts the nights that teach nothing, by why. ``proposal`` None is that
    of too few nights; ``learned`` are then no times either."""

    transition: str
    mode: str
    unusual: tuple[tuple[str, int], ...]
    nights: int
    distribution: Distribution | None = None
    as_it_is: Cost | None = None
    never_degraded: Cost | None = None
    with_auto: Cost | None = None
    proposal: Expectation | None = None
    learned: tuple[tuple[str, LearnedTime], ...] = ()
    due: DueTuned | None = None


def distribution(waits: Sequence[timedelta]) -> Distribution:
    """Return how some waits are distributed; raise ``ValueError`` of none."""
    low, high = min(waits), max(waits)
    width = max(MINUTE, timedelta(minutes=ceil((high - low) / MINUTE / BINS)))
    start = timedelta(minutes=int(low / MINUTE))
    count = int((high - start) / width) + 1
    places = Counter(int((wait - start) / width) for wait in waits)
    bins = tuple(Bin(start + n * width, start + (n + 1) * width, places[n]) for n in range(count))
    middle, upper, most = (duration_quantile(waits, q) for q in (0.5, 0.75, 0.95))
    return Distribution(len(waits), middle, upper, most, high, bins)


def proposed(expectation: Expectation, waits: Sequence[timedelta], nights: int) -> Expectation:
    """Return an expectation that leaves its tiers and its deadline to nights, beside the fixed times that it has.

    No time is proposed that may be shorter than the median, or longer than twice what it would be by these nights; the
    fixed one lies within. Of two times the later waits by the greater factor.
    """
    usual = duration_quantile(waits, 0.95)
    floor = max(MINUTE, timedelta(minutes=ceil(duration_quantile(waits, 0.5) / MINUTE)))

    def auto(fixed: timedelta, times: float) -> Auto:
        most = timedelta(minutes=5 * ceil(2 * times * usual / (5 * MINUTE)))
        return Auto(0.95, nights, times, min(fixed, floor), max(fixed, most))

    tiers = tuple(
        replace(tier, auto=auto(tier.after, 1.0 + number / 2)) for number, tier in enumerate(expectation.tiers, start=1)
    )
    last = expectation.deadline
    deadline = None if last is None else replace(last, auto=auto(last.after, 1.5 + len(tiers) / 2))
    return replace(expectation, tiers=tiers, deadline=deadline)


def cost(replays: Iterable[tuple[Replayed, Replayed]]) -> Cost:
    """Add up nights as replayed, each beside the same night in which all are waited for."""
    triggered = degraded = false = nights = gates_read = blocked = 0
    waited = in_vain = NOTHING
    for replayed, whole in replays:
        nights += 1
        gates_read += replayed.gates_read
        blocked += replayed.blocked
        if replayed.at is None:
            continue
        triggered += 1
        waited += replayed.wait
        if replayed.missing:
            degraded += 1
            false += whole.at is not None and whole.wait <= LATE
            if replayed.last_at is not None and replayed.since is not None:
                in_vain += max((replayed.ready_at or replayed.at) - max(replayed.last_at, replayed.since), NOTHING)
    return Cost(triggered, degraded, false, waited, in_vain, nights, gates_read, blocked)


def tune(
    policy: Policy,
    transition: Transition,
    mode: str,
    nights: Sequence[tuple[RecordedRun, NightSample | Unusual]],
    first: date,
    dates: int,
    now: datetime,
) -> Tuned:
    """Look at one transition in one mode; ``policy`` is one that is judged by reports.

    The nights before ``first`` are there to be learned from: each night from ``first`` on is replayed with what those
    before it taught, as it would have been.
    """
    samples = [sample for _, sample in nights if isinstance(sample, NightSample)]
    recent = [(run, sample) for run, sample in nights if run.key.day >= first]
    ordinary = [sample for _, sample in recent if isinstance(sample, NightSample)]
    unusual = Counter(sample.value for _, sample in recent if isinstance(sample, Unusual))
    counted = Tuned(transition.name, mode, tuple(sorted(unusual.items())), len(ordinary))
    if not ordinary:
        return counted
    waits = [sample.wait for sample in ordinary]
    counted = replace(counted, distribution=distribution(waits))
    fixed = transition.expects[mode]
    if len(ordinary) < ENOUGH_NIGHTS:
        return counted
    due = tune_due(
        policy,
        transition,
        mode,
        due_nights(transition, recent),
        ordinary,
        lambda expectation, run: _times(policy, expectation, run.key, samples),
        dates,
        now,
    )
    proposal = proposed(fixed, waits, dates)
    if due is not None and due.proposal is not None:
        proposal = replace(proposal, due=due.proposal)
    patient = replace(fixed, tiers=(), deadline=None)
    asked = [run for run, sample in recent if sample not in (Unusual.NEVER_TRIGGERED, Unusual.OPERATOR, Unusual.PAUSED)]
    whole = [replay(policy, transition, patient, run) for run in asked]
    as_it_is = [
        replay(policy, transition, effective(fixed, _times(policy, fixed, run.key, samples)), run) for run in asked
    ]
    learned = [
        replay(policy, transition, effective(proposal, _times(policy, proposal, run.key, samples)), run)
        for run in asked
    ]
    after = replace(asked[-1].key, day=asked[-1].key.day + timedelta(days=1)) if asked else None
    return replace(
        counted,
        as_it_is=cost(zip(as_it_is, whole, strict=True)),
        never_degraded=cost(zip(whole, whole, strict=True)),
        with_auto=cost(zip(learned, whole, strict=True)),
        proposal=proposal,
        learned=() if after is None else tuple(_times(policy, proposal, after, samples).items()),
        due=due,
    )


def _times(
    policy: Policy, expectation: Expectation, key: RunKey, samples: Sequence[NightSample]
) -> dict[str, LearnedTime]:
    times = ((name, learned_time(policy, key, name, auto, samples)) for name, auto in autos(expectation))
    return {name: value for name, value in times if value is not None}


def proposal_lines(transition: str, mode: str, proposal: Expectation) -> list[str]:
    """Return the lines of a policy file that say what is proposed, to be laid over those that are there."""
    lines = ["transitions:", f"  {transition}:", "    expects:", f"      {mode}:"]
    if proposal.tiers:
        lines.append("        tiers:")
        lines += [
            f"          - {{after: {spell(tier.after)}, at_least: {tier.at_least}, auto: {auto_text(tier.auto)}}}"
            for tier in proposal.tiers
            if tier.auto is not None
        ]
    last = proposal.deadline
    if last is not None and last.auto is not None:
        lines += [
            "        deadline:",
            f"          after: {spell(last.after)}",
            f"          then: {last.then.value}",
            f"          auto: {auto_text(last.auto)}",
        ]
    due = proposal.due
    if due is not None and (due.warning_auto is not None or due.critical_auto is not None):
        lines += due_lines(due)
    return lines
