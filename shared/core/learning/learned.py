"""What a pipeline has learned of its past nights, and the times that follow from it for one run (behaviour T11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from shared.core.calendar import working_day
from shared.core.decision.pause import Pause
from shared.core.learning.nights import NightSample, RecordedRun, night_sample
from shared.core.learning.quantile import duration_quantile
from shared.core.learning.usual import Usual
from shared.core.model import Lane, LearnedTime, RunKey
from shared.core.policy.adaptive import DUE_CRITICAL, DUE_WARNING, ENOUGH_NIGHTS, Auto, autos
from shared.core.policy.policy import Policy

# A document takes a megabyte; so many samples are half of it.
MOST_SAMPLES = 8000


@dataclass(frozen=True, slots=True)
class Learned:
    """The nights of a pipeline as the record had them at ``computed_at``, from ``first`` to ``last``, both included.

    ``waits`` are the ordinary nights by transition and mode, oldest first. ``durations`` and ``rows`` say what is usual
    of phases and processors, by name and mode (T12). Each section is a field of its own: one that an older revision did
    not write is empty.
    """

    computed_at: datetime | None = None
    first: date | None = None
    last: date | None = None
    waits: dict[str, dict[str, tuple[NightSample, ...]]] = field(default_factory=dict)
    durations: dict[str, dict[str, Usual]] = field(default_factory=dict)
    rows: dict[str, dict[str, Usual]] = field(default_factory=dict)


def learn(
    policy: Policy, runs: Sequence[RecordedRun], pauses: Sequence[Pause], first: date, last: date, now: datetime
) -> Learned:
    """Return what these runs teach; ``last`` is today's local date."""
    return Learned(now, first, last, waits=_waits(policy, runs, pauses, last))


def _waits(
    policy: Policy, runs: Iterable[RecordedRun], pauses: Sequence[Pause], today: date
) -> dict[str, dict[str, tuple[NightSample, ...]]]:
    """Return the ordinary nights of each transition and mode that leaves a time to them."""
    adaptive = {
        (name, mode)
        for name, transition in policy.transitions.items()
        for mode, expectation in transition.expects.items()
        if any(autos(expectation))
    }
    waits: dict[str, dict[str, tuple[NightSample, ...]]] = {}
    live = sorted((run for run in runs if run.key.lane is Lane.LIVE), key=lambda run: run.key.day)
    for name, mode in sorted(adaptive):
        nights = (
            night_sample(policy, policy.transitions[name], run, pauses, today) for run in live if run.key.mode == mode
        )
        samples = tuple(night for night in nights if isinstance(night, NightSample))
        waits.setdefault(name, {})[mode] = samples[-(MOST_SAMPLES // len(adaptive)) :]
    return waits


def learned_times(policy: Policy, key: RunKey, learned: Learned) -> dict[str, dict[str, LearnedTime]]:
    """Return the times that a run is given when it is opened, by transition and name; only those that are learned.

    A run of the backfill lane is given none: ordinary nights say nothing of a repair.
    """
    times: dict[str, dict[str, LearnedTime]] = {}
    if key.lane is Lane.BACKFILL:
        return times
    for name, transition in policy.transitions.items():
        expectation = transition.expects.get(key.mode)
        if expectation is None:
            continue
        samples = learned.waits.get(name, {}).get(key.mode, ())
        values = {place: learned_time(policy, key, place, auto, samples) for place, auto in autos(expectation)}
        given = {place: value for place, value in values.items() if value is not None}
        if given:
            times[name] = given
    return times


def learned_time(
    policy: Policy, key: RunKey, place: str, auto: Auto, samples: Sequence[NightSample]
) -> LearnedTime | None:
    """Return what nights before a run say of one of its times; None with fewer than seven of them.

    The nights of its working day's weekday count alone where there are seven of these.
    """
    first = key.day - timedelta(days=auto.nights)
    nights = [night for night in samples if first <= night.day < key.day]
    day = working_day(key, policy)
    shift = day - key.day
    alike = [night for night in nights if (night.day + shift).weekday() == day.weekday()]
    weekday = f"{day:%a}" if len(alike) >= ENOUGH_NIGHTS and len(alike) < len(nights) else ""
    if weekday:
        nights = alike
    if len(nights) < ENOUGH_NIGHTS:
        return None
    of_due = place in (DUE_WARNING, DUE_CRITICAL)
    usual = duration_quantile([night.triggered if of_due else night.wait for night in nights], auto.quantile)
    return LearnedTime(usual * auto.times, usual, auto.quantile, auto.times, len(nights), weekday)
