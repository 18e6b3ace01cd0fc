"""What a decision can be: values, which `shared/app/transitions/reconcile.py` carries out (behaviour 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.core.decision.gates import Wanted
from shared.core.model import HoldCause, Plan
from shared.core.policy.transitions import ConfirmBy


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before ``next_at`` (None: before the next event)."""

    reason: str
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """Read this, then decide again."""

    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Blocked:
    """Ready, but this prevents it: name of gate or service (or `dispatch`) to text."""

    reasons: Mapping[str, str]
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """Claim and dispatch this plan; of a generation already claimed or dispatched, under the same trigger id."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Confirm:
    """The next phase has begun; ``first_seen_at`` is set where a report shows it."""

    by: ConfirmBy
    first_seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """A call may have left at ``claimed_at`` or later, and whoever made it is gone: its outcome is unknown (D11)."""

    claimed_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Proven:
    """The call whose outcome was unknown was accepted: the service says so itself (``by`` it), or the next phase
    reports, ``by`` "" (behaviour D11)."""

    by: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """Not to be triggered, and the text of why."""

    cause: HoldCause
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    reason: str


@dataclass(frozen=True, slots=True)
class EmptyOk:
    """The date has no units: nothing is dispatched, nothing alerts."""


Decision = Wait | Read | Blocked | Trigger | Confirm | Doubt | Proven | Held | Done | EmptyOk
