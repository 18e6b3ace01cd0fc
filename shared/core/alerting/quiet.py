"""For a while an alert is not repeated, because a person said so (behaviour A2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.core.policy.policy import Policy
from shared.core.texts import day_time


class QuietKind(StrEnum):
    """Why an alert is not repeated: somebody is at work on it, or nobody wants to hear of it."""

    ACK = "ack"
    SILENCE = "silence"


SAYS = {QuietKind.ACK: "acknowledged", QuietKind.SILENCE: "silenced"}


@dataclass(frozen=True, slots=True)
class Quiet:
    """What a person said of an alert, and until when it is in force: from ``at`` on, and before ``until``.

    An acknowledgement speaks of what the alert is about now: it ends with the alert. A silence stays until its time,
    so that one that ends and begins again is not told either. Under both, people hear of the end of what they know.
    """

    kind: QuietKind
    at: datetime
    until: datetime
    reason: str
    by: str = ""

    def is_in_force(self, now: datetime) -> bool:
        return now < self.until


def quiet_text(policy: Policy, quiet: Quiet | None, now: datetime) -> str:
    """Return what a person said of an alert, if it is in force, else ""."""
    if quiet is None or not quiet.is_in_force(now):
        return ""
    by = f" by {quiet.by}" if quiet.by else ""
    return f"{SAYS[quiet.kind]}{by} until {day_time(policy, quiet.until)}: {quiet.reason}"
