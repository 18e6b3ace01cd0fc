"""What a sweep found and did, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.core.alerting.condition import Condition
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import HoldCause, RunKey, State, TransitionState


class FindingResult(StrEnum):
    """What came of what a sweep found; of a rehearsal nothing does."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    DRY_RUN = "dry_run"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a sweep found."""

    what: str
    run: str
    detail: str
    result: FindingResult


@dataclass
class Sweep:
    """What a sweep found and did.

    ``seen`` are open runs that it looked at, ``unseen`` those that it should have and did not. It began at ``began``;
    where it is ``whole`` it looked at all open runs, not at the due ones only (T7); where it is ``cut`` it did not come
    to the end of them. ``paused`` are the kinds of alerts, by run and transition, that rest until a pause is over (T8).
    ``wakeups`` are when the clock alone may change something, ``polls`` when what nobody tells us of may. ``closed``
    are the runs that it closed. ``snapshots`` are what it decided by, by run and transition.
    """

    findings: list[Finding] = field(default_factory=list)
    conditions: dict[str, Condition] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)
    paused: set[tuple[str, str, str]] = field(default_factory=set)
    wakeups: list[datetime | None] = field(default_factory=list)
    polls: list[datetime | None] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    snapshots: dict[tuple[str, str], DecisionInput] = field(default_factory=dict)
    whole: bool = True
    cut: bool = False
    began: datetime | None = None

    @property
    def next_at(self) -> datetime | None:
        """When the clock alone can change anything of what was seen, None where the next minute already may."""
        times = [at for at in self.wakeups if at is not None]
        return min(times, default=None) if len(times) == len(self.wakeups) and not self.unseen else None

    def say(self, condition: Condition) -> None:
        self.conditions[condition.fingerprint] = condition


def of_dispatch(key: RunKey, transition: str, before: TransitionState, after: TransitionState) -> list[Finding]:
    """Return what a sweep sent of a transition, or could not send."""
    plan = after.plan
    if after.state is State.CLAIMED or plan is None:
        return []
    trigger_id = key.trigger_id(transition, plan.generation)
    if after.failure is not None and after.failure != before.failure:
        return [Finding("trigger", key.id, f"{trigger_id}: {after.failure.text}", FindingResult.FAILED)]
    if after.hold is not None and after.hold != before.hold and after.hold.cause is HoldCause.REJECTED:
        return [Finding("trigger", key.id, f"{trigger_id}: {after.hold.text}", FindingResult.FAILED)]
    if after.unproven is not None and after.unproven != before.unproven:
        return [
            Finding(
                "trigger", key.id, f"{trigger_id}: {after.unproven.text}; its outcome is unknown", FindingResult.DONE
            )
        ]
    if after.last_dispatched_at != before.last_dispatched_at:
        return [Finding("trigger", key.id, f"{trigger_id} by {plan.reason}", FindingResult.DONE)]
    return []
