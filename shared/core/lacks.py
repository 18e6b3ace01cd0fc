"""What of a phase is missing, and whether self-heal may ask for it at all (behaviour 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.calendar import due_at, working_day
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Completion, Lane, RepairLog, Run, RunKey, State
from shared.core.policy.policy import Policy

# A phase that ends just as its cooldown does is not started again under its own completions.
GRACE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Lack:
    """Who of a phase is missing, of the transitions that wait for it: one call names them all."""

    key: RunKey
    phase: str
    transitions: tuple[str, ...]
    missing: tuple[str, ...]
    expected: frozenset[str]


def lacking_at_due(snapshots: Iterable[DecisionInput], now: datetime) -> list[Lack]:
    """Return, phase by phase, what transitions lack whose `due.warning` has come."""

    def is_due(snapshot: DecisionInput) -> bool:
        due = snapshot.expectation.due
        at = due_at(snapshot.key, due.warning, snapshot.policy) if due else None
        return at is not None and now >= at

    return _lacking(snapshots, now, is_due)


def lacking_now(snapshots: Iterable[DecisionInput], now: datetime) -> list[Lack]:
    """Return, phase by phase, what transitions lack, due or not."""
    return _lacking(snapshots, now, lambda _: True)


def may_repair(policy: Policy, run: Run) -> bool:
    """Say whether a live run's units exist, and are final where the mode needs it."""
    key, units = run.key, run.units
    if key.lane is Lane.BACKFILL:
        return False
    unknown = units is None or (units.total is None and policy.calendar is not None)  # older than the calendar reaches
    if unknown or units is None or units.total == 0:
        return False
    needs_final = policy.modes[key.mode].partition_offset_days < 0
    return not needs_final or units.total is None or units.final == units.total


def on_its_day(policy: Policy, run: Run, now: datetime) -> bool:
    return policy.local(now).date() == working_day(run.key, policy)


def running(policy: Policy, run: Run, phase: str, completions: Mapping[str, Completion], now: datetime) -> bool:
    """True while the newest sign of a phase is a `started` or an accepted rerun younger than the cooldown."""
    newest = max((c.last_received_at for c in completions.values() if c.last_received_at), default=None)
    started = max((c.started_at for c in completions.values() if c.started_at), default=None)
    called = run.repairs.get(phase, RepairLog()).accepted_at
    signs = [at for at in (newest, called) if at is not None]
    if not signs:
        return False
    last = max(signs)
    return last in (started, called) and now - last <= policy.repairs.cooldown + GRACE


def _lacking(snapshots: Iterable[DecisionInput], now: datetime, counts: Callable[[DecisionInput], bool]) -> list[Lack]:
    lacks: dict[str, Lack] = {}
    for snapshot in snapshots:
        missing = _missing(snapshot, now) if counts(snapshot) else ()
        for phase in dict.fromkeys(snapshot.processors[lost].phase for lost in missing):
            own = tuple(lost for lost in missing if snapshot.processors[lost].phase == phase)
            expected = frozenset(
                processor for processor in snapshot.seen.expected if snapshot.processors[processor].phase == phase
            )
            before = lacks.get(phase, Lack(snapshot.key, phase, (), (), frozenset()))
            lacks[phase] = replace(
                before,
                transitions=(*before.transitions, snapshot.transition.name),
                missing=tuple(dict.fromkeys((*before.missing, *own))),
                expected=before.expected | expected,
            )
    return list(lacks.values())


def _missing(snapshot: DecisionInput, now: datetime) -> tuple[str, ...]:
    """Return what is missing of a transition that is not triggered, not kept back, and not overtaken."""
    state = snapshot.state
    untouched = not state.triggered and state.state not in (State.CLAIMED, State.OBSERVED)
    kept_back = state.hold is not None or snapshot.pause(now) is not None
    return snapshot.seen.missing if untouched and not kept_back and snapshot.next_report_at is None else ()
