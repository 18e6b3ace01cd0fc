"""What an operator asks and is told: a reason, and how the command ended (behaviour D9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How an operator's command ended."""

    DONE = "done"
    REFUSED = "refused"
    NOT_FOUND = "not_found"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class CommandResult:
    outcome: Outcome
    text: str


@dataclass(frozen=True, slots=True)
class Why:
    """The reason that an operator gives, and who that is; ``by`` is empty where nobody knows."""

    reason: str
    by: str = ""

    @property
    def who(self) -> str:
        return f"an operator ({self.by})" if self.by else "an operator"
