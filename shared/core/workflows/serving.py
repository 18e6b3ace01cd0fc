"""How long one reading of the calendar serves the ticks that decide workflows (behaviour T3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from shared.core.policy.policy import Policy
from shared.core.workflows.check import has_units
from shared.core.workflows.decide import Abort, Run, Skip
from shared.core.workflows.model import Workflow
from shared.core.workflows.windows import window_of


@dataclass(frozen=True, slots=True)
class CalendarRead:
    """When workflows last read the calendar, of which dates, and by which policy."""

    at: datetime
    days: tuple[date, ...] = ()
    policy_version: str = ""


def serves(read: CalendarRead | None, policy: Policy, asked: Iterable[tuple[Workflow, date]], now: datetime) -> bool:
    """True where a tick may decide these workflows and dates by the last reading (behaviour T3).

    It serves for the policy's `read_every`, the dates that were read, and the policy that read them; a window that has
    opened since is decided by a reading of its own, so that none passes by what was read before it.
    """
    every = None if policy.calendar is None else policy.calendar.read_every
    if read is None or every is None or read.policy_version != policy.version or now >= read.at + every:
        return False
    return all(
        day in read.days and not read.at < window_of(workflow, day, policy.zone).begins <= now
        for workflow, day in asked
    )


def begins_by(decision: Run | Skip | Abort, workflow: Workflow) -> bool:
    """True where a run would begin whose units the calendar tells: that is never done by what was read earlier."""
    return isinstance(decision, Run) and has_units(workflow)
