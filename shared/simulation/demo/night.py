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
NIGHT_LEGEND = """\
Every line is one of these, at the time of the night:
  world     what is true outside: games that end, rows that a table holds, a service that fails
  report    a job has published that it ended; a function records it, and the transition is decided anew
  again     the same message is delivered once more
  run       the orchestrator follows a date in a mode from now on
  decision  what a transition waits for, with its next time, or what became of it
  trigger   the next phase was started: by what, without whom, by which calls and messages
  repair    a phase was asked to run again for what is missing
  sweep     how often the timer calls
  info, warning, critical  a person is told, once
  resolved  a person is told that it is over"""


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
        units: int | None = self.transitions[0].evidence["units"] if self.transitions else None
        return units


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
        remaining = self.at - now
        # Rounded to whole minutes: the seconds are the machine's, not the night's.
        minutes = timedelta(minutes=max(0, round(remaining / timedelta(minutes=1))))
        far = f"in {duration(minutes)}" if minutes else "now"
        return f"{self.name.replace('_', ' ')} at {policy.local(self.at):%H:%M}, {far}"

    def told_fully(self, policy: Policy, now: datetime) -> str:
        """Return `tier 1 at 10:36, in 2 min: 1 of 2 and every required one`."""
        return f"{self.when(policy, now)}: {self.wants}"


def countdown(explanation: Explanation, now: datetime, kinds: Iterable[str] = RUNNING) -> Countdown | None:
    """Return the next time of these kinds that has not passed, None where the clock has not started."""
    kinds = tuple(kinds)
    times = [
        Countdown(entry["name"], datetime.fromisoformat(entry["at"]), entry["wants"])
        for entry in explanation.evidence["times"]
        if entry["at"] is not None and entry["name"].startswith(kinds)
    ]
    return min((time for time in times if time.at > now), key=lambda candidate: candidate.at, default=None)


def active(explanation: Explanation) -> bool:
    """Whether there is more to tell of a transition than that nothing has come."""
    heard = any(processor["standing"] != "absent" for processor in explanation.evidence["processors"])
    return heard or explanation.state != "waiting" or explanation.evidence["opened_at"] is not None


def arrow(transition: str) -> str:
    """Return `phase3 -> phase4` of `phase3_to_phase4`."""
    return transition.replace("_to_", " -> ")


def summary_of(explanation: Explanation, key: RunKey, policy: Policy, now: datetime) -> str:
    """Return what is decided of a transition, and what comes next."""
    text = f"{short(key)} {arrow(explanation.evidence['transition'])}: "
    state, reason = explanation.state, explanation.reason
    text += reason if reason.startswith(state) else f"{state}: {reason}"
    comes = countdown(explanation, now) if explanation.state in ("waiting", "blocked") else None
    return text + (f"; {comes.told_fully(policy, now)}" if comes is not None else "")
