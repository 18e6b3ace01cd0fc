"""What is to be done about a batch now, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.core.batches.batch import Cause, HeldFor


@dataclass(frozen=True, slots=True)
class Load:
    """Read who is in it, and fix the number."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Publish the requests of the page at the cursor."""

    page: int


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Publish the requests of silent members once more; of failed ones too, where a person asked for it."""

    by_person: bool = False


@dataclass(frozen=True, slots=True)
class BeginClose:
    """Fix the numbers and begin the closing: a claim that one of all callers gets."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class DoStep:
    """Make one close step, after asking what became of it where an attempt was begun and never ended."""

    place: int
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Publish:
    """All steps are proven: say what the generation came to."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Tell a person, and wait."""

    reason: HeldFor


@dataclass(frozen=True, slots=True)
class Resume:
    """What it was held for is no longer so: go on where it was."""


@dataclass(frozen=True, slots=True)
class Reopen:
    """A late outcome makes it the next generation."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is to be done before ``until``, or before a report comes where that is None."""

    reason: str
    until: datetime | None = None


BatchDecision = Load | Ask | AskAgain | BeginClose | DoStep | Publish | Hold | Resume | Reopen | Wait
