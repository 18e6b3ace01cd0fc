"""What there is to see of a night at one moment, as values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.decision.explain import Explanation
from shared.core.model import RunKey
from shared.core.policy.policy import Policy
from shared.core.reporting.page import WorkflowDay
from shared.core.texts import duration
from shared.simulation.demo.nights import Night, short

RUNNING = ("tier_", "deadline")


@dataclass(frozen=True)
class NightLine:
    """One thing that happened. ``kind`` is a word; ``grave`` is an alert's severity, else empty."""

    at: datetime
    kind: str
    text: str
    grave: str = ""


@dataclass(frozen=True)
class RunView:
    """One run, transition by transition."""

    key: RunKey
    transitions: tuple[Explanation, ...]

    @property
    def units(self) -> int | None:
        found: int | None = self.transitions[0].evidence["units"] if self.transitions else None
        return found


@dataclass(frozen=True)
class NightView:
    """A night at one moment. ``begins`` and ``ends`` are its ends; a sweep comes ``every`` so often."""

    night: Night
    policy: Policy
    begins: datetime
    now: datetime
    ends: datetime
    every: timedelta
    sweeps: int = 0
    reports: int = 0
    runs: tuple[RunView, ...] = ()
    workflows: tuple[WorkflowDay, ...] = ()
    lines: tuple[NightLine, ...] = ()


@dataclass(frozen=True)
class Countdown:
    """The next time that matters to a transition."""

    name: str
    at: datetime
    wants: str

    def when(self, policy: Policy, now: datetime) -> str:
        """Return `tier 1 at 10:36, in 2 min`."""
        left = self.at - now
        # Rounded to whole minutes: the seconds are the machine's, not the night's.
        minutes = timedelta(minutes=max(0, round(left / timedelta(minutes=1))))
        far = f"in {duration(minutes)}" if minutes else "now"
        return f"{self.name.replace('_', ' ')} at {policy.local(self.at):%H:%M}, {far}"

    def told_fully(self, policy: Policy, now: datetime) -> str:
        """Return `tier 1 at 10:36, in 2 min: 1 of 2 and every required one`."""
        return f"{self.when(policy, now)}: {self.wants}"


def countdown(seen: Explanation, now: datetime, kinds: Iterable[str] = RUNNING) -> Countdown | None:
    """Return the next time of these kinds that has not passed, None where the clock has not started."""
    kinds = tuple(kinds)
    times = [
        Countdown(one["name"], datetime.fromisoformat(one["at"]), one["wants"])
        for one in seen.evidence["times"]
        if one["at"] is not None and one["name"].startswith(kinds)
    ]
    return min((time for time in times if time.at > now), key=lambda one: one.at, default=None)


def active(seen: Explanation) -> bool:
    """Whether there is more to tell of a transition than that nothing has come."""
    heard = any(one["standing"] != "absent" for one in seen.evidence["processors"])
    return heard or seen.state != "waiting" or seen.evidence["opened_at"] is not None


def arrow(transition: str) -> str:
    """Return `phase3 -> phase4` of `phase3_to_phase4`."""
    return transition.replace("_to_", " -> ")


def summary_of(seen: Explanation, key: RunKey, policy: Policy, now: datetime) -> str:
    """Return what is decided of a transition, and what comes next."""
    text = f"{short(key)} {arrow(seen.evidence['transition'])}: "
    text += seen.reason if seen.reason.startswith(seen.state) else f"{seen.state}: {seen.reason}"
    comes = countdown(seen, now) if seen.state in ("waiting", "blocked") else None
    return text + (f"; {comes.told_fully(policy, now)}" if comes is not None else "")
