"""Which events count for an objective, and which of them are good (behaviour 14). Read from the record, never from what
a process counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from shared.core.decision.pause import Pause, pause_at
from shared.core.model import Lane, LogEntry, Logged, Run, RunKey
from shared.core.objectives.punctuality import first_due_at
from shared.core.policy.adaptive import expectation_of
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Role, Transition

# So long is a part of the time that a sweep was late in, or was not.
SLICE = timedelta(minutes=5)
# What the record says of a sweep that came late: of no run, its `wait_seconds` since when something was due.
SWEEP_LATE = "sweep_late"
# A trigger of the last minute before the due time is in the record by then.
SETTLED = timedelta(minutes=2)
LEFT = (Logged.TRIGGER, Logged.UNPROVEN)
HELD_BY_OPERATOR, RELEASED = Logged.OPERATOR_HOLD, Logged.OPERATOR_RELEASE


class Tally(NamedTuple):
    """How many events there were, and how many of them were bad."""

    total: int
    bad: int


class Series(Protocol):
    """What an objective counts."""

    def tally(self, after: datetime, until: datetime) -> Tally:
        """Count the events later than one moment and not later than another."""

    def last_is_bad(self, until: datetime) -> bool:
        """True if there was an event by then, and the latest one was bad."""

    def failures(self, after: datetime, until: datetime) -> tuple[str, ...]:
        """Return what was bad, in words, the latest first."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was good or bad at a moment; ``text`` says what it was: run, transition, number."""

    at: datetime
    good: bool
    text: str


@dataclass(frozen=True)
class Events:
    """Events one by one, in the order of their time."""

    listed: tuple[Event, ...]

    def tally(self, after: datetime, until: datetime) -> Tally:
        within = self._within(after, until)
        return Tally(len(within), sum(not event.good for event in within))

    def last_is_bad(self, until: datetime) -> bool:
        last = next((event for event in reversed(self.listed) if event.at <= until), None)
        return last is not None and not last.good

    def failures(self, after: datetime, until: datetime) -> tuple[str, ...]:
        return tuple(event.text for event in reversed(self._within(after, until)) if not event.good)

    def _within(self, after: datetime, until: datetime) -> list[Event]:
        return [event for event in self.listed if after < event.at <= until]


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which something was due and no sweep looked."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True)
class Slices:
    """Time in slices of five minutes since a moment: those that a gap reaches into are bad."""

    since: datetime | None
    gaps: tuple[Gap, ...]

    def tally(self, after: datetime, until: datetime) -> Tally:
        if self.since is None:
            return Tally(0, 0)
        after = max(after, self.since)
        total = max((until - after) // SLICE, 0)
        return Tally(total, min(total, sum(self._slices(gap, after, until) for gap in self.gaps)))

    def last_is_bad(self, until: datetime) -> bool:
        return any(gap.begins < until <= gap.ends for gap in self.gaps)

    def failures(self, after: datetime, until: datetime) -> tuple[str, ...]:
        gaps = sorted((gap for gap in self.gaps if self._slices(gap, after, until)), key=_begins, reverse=True)
        return tuple(
            f"no sweep for {(gap.ends - gap.begins).total_seconds() / 60:.0f} min until {gap.ends.isoformat()}"
            for gap in gaps
        )

    @staticmethod
    def _slices(gap: Gap, after: datetime, until: datetime) -> int:
        """Return how many slices a gap makes bad: a slice that has begun counts whole."""
        length = min(gap.ends, until) - max(gap.begins, after)
        return -(-length // SLICE) if length > timedelta(0) else 0


def _begins(gap: Gap) -> datetime:
    return gap.begins


Decisions = Mapping[RunKey, Mapping[str, Sequence[LogEntry]]]
"""What the record says was decided, by live run and transition, each in no order."""


def hand_offs(decisions: Decisions, within: timedelta) -> Events:
    """Return the hand-offs: a trigger whose log says how long it took, which is one by completeness that nothing else
    kept back. Good is one that took no longer than ``within``."""
    return _events(
        Event(
            entry.at,
            entry.handoff_seconds <= within.total_seconds(),
            f"{key.id} {transition}: {entry.handoff_seconds:.0f} s after the last thing it waited for",
        )
        for key, of_run in decisions.items()
        for transition, entries in of_run.items()
        for entry in entries
        if key.lane is Lane.LIVE and entry.decision == Logged.TRIGGER and entry.handoff_seconds is not None
    )


def triggers_by_due(
    policy: Policy, runs: Iterable[Run], decisions: Decisions, pauses: Sequence[Pause], now: datetime
) -> Events:
    """Return, for each live run and transition that has a due time, whether it was triggered before that; at the due
    time is late. One whose due time is to come is no event.

    Not counted are dates without units, a run that was opened after the due time, one that is paused or held by an
    operator at it, and a transition that only observes.
    """
    return _events(
        event
        for run in runs
        if run.key.lane is Lane.LIVE and not (run.units is not None and run.units.total == 0)
        for transition in policy.transitions.values()
        if run.key.mode in transition.expects and transition.dispatch.role is not Role.OBSERVE
        if (event := _due(policy, run, transition, decisions.get(run.key, {}).get(transition.name, ()), pauses, now))
    )


def _due(
    policy: Policy,
    run: Run,
    transition: Transition,
    entries: Sequence[LogEntry],
    pauses: Sequence[Pause],
    now: datetime,
) -> Event | None:
    due = expectation_of(transition, run.key.mode, run).due
    if due is None:
        return None
    at = first_due_at(policy, run.key, due)
    if at is None or at + SETTLED > now or run.opened_at >= at:
        return None
    if pause_at(policy, pauses, at, run.key.mode, transition.name) is not None or _held(entries, at):
        return None
    if any(entry.decision == Logged.EMPTY_OK for entry in entries):
        return None
    left = min((entry.at for entry in entries if entry.decision in LEFT), default=None)
    good = left is not None and left < at
    lateness = "never" if left is None else f"triggered {(left - at).total_seconds() / 60:.0f} min late"
    return Event(at, good, f"{run.key.id} {transition.name}: {lateness}")


def _held(entries: Sequence[LogEntry], at: datetime) -> bool:
    acts = [entry for entry in entries if entry.decision in (HELD_BY_OPERATOR, RELEASED) and entry.at <= at]
    return bool(acts) and max(acts, key=lambda entry: entry.at).decision == HELD_BY_OPERATOR


def _events(events: Iterable[Event]) -> Events:
    return Events(tuple(sorted(events, key=lambda event: (event.at, event.text))))
