"""What a person must know about a transition, as values derived from its state (behaviour 7).

An alert is not an event but a condition that holds: whoever looks derives the same set, the store
remembers what was said, and what no longer holds is recovered. Nothing here sends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from shared.core.alerting.condition import Condition
from shared.core.alerting.due import NOBODY, Predecessor, of_due
from shared.core.alerting.kinds import AlertKind
from shared.core.alerting.progress import of_blocks, of_confirmation, of_end, of_hold, of_refusals, of_trigger
from shared.core.alerting.reports import of_late_reports, of_reports
from shared.core.decision.decisions import Decision, Wait
from shared.core.decision.pause import paused_text
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Lane
from shared.core.severity import Severity

if TYPE_CHECKING:
    from shared.core.learning.anomaly import Usuals

DUE = frozenset(
    {
        AlertKind.DUE_WARNING,
        AlertKind.DUE_CRITICAL,
        AlertKind.REPAIR_REFUSED,
        AlertKind.REPAIR_FAULT,
        AlertKind.REPAIR_NOT_TAKEN,
        AlertKind.REPAIR_IN_VAIN,
    }
)


# What is seen by a decision: of a transition that a pause keeps from being decided it is not known.
DECIDED = frozenset(
    {
        AlertKind.GATE,
        AlertKind.GATE_OVERDUE,
        AlertKind.NOT_TAKEN,
        AlertKind.PREFLIGHT,
        AlertKind.DISPATCH,
        AlertKind.HELD,
    }
)


def rests(snapshot: DecisionInput, decision: Decision, now: datetime) -> frozenset[AlertKind]:
    """Return the kinds of alerts of which a pause keeps anything from being known: by it they are not over (T8)."""
    pause = snapshot.pause(now)
    if pause is None:
        return frozenset()
    undecided = isinstance(decision, Wait) and decision.reason == paused_text(snapshot.policy, pause)
    due = DUE if not snapshot.state.triggered else frozenset[AlertKind]()
    return due | (DECIDED if undecided else frozenset())


def conditions(
    snapshot: DecisionInput,
    decision: Decision,
    now: datetime,
    before: Mapping[str, Predecessor] = NOBODY,
    passed_by: str = "",
    in_vain: str = "",
    usuals: Usuals | None = None,
) -> tuple[Condition, ...]:
    """Return all that holds for this transition now; nothing for a date without units.

    ``before`` holds, by phase, the transitions of the run that start what this one waits for; ``passed_by`` names one
    that comes after it and was triggered all the same. ``in_vain`` says which accepted repairs of what is missing
    changed nothing. ``usuals`` are what tonight is held against, None where they are not known (behaviour T12).
    """
    if snapshot.empty or snapshot.closed:
        return ()
    completeness = snapshot.seen
    paused = snapshot.pause(now) is not None
    due = () if paused else of_due(snapshot, completeness, decision, now, before, passed_by, in_vain)
    of_start = [*of_confirmation(snapshot, now), *of_refusals(snapshot, now), *of_end(snapshot, now)]
    all_conditions = [
        *of_reports(snapshot, completeness),
        *of_blocks(snapshot, decision, now),
        *of_hold(snapshot, decision, now),
        *of_start,
        *_unusual(snapshot, now, before, usuals, is_known_wrong=bool(of_start)),
        *of_trigger(snapshot, completeness),
        *of_late_reports(snapshot, completeness, now),
        *due,
    ]
    return tuple(_capped(c) for c in all_conditions) if snapshot.key.lane is Lane.BACKFILL else tuple(all_conditions)


def _unusual(
    snapshot: DecisionInput,
    now: datetime,
    before: Mapping[str, Predecessor],
    usuals: Usuals | None,
    *,
    is_known_wrong: bool,
) -> Iterator[Condition]:
    """Yield what is far from other nights; nothing of them is read where they are not known."""
    if usuals is None:
        return
    from shared.core.alerting.unusual import of_length, of_rows  # for the sweep, which knows them

    if not is_known_wrong:  # which is not told twice of the started phase
        yield from of_length(snapshot, usuals, now)
    yield from of_rows(snapshot, usuals, now, before)


def _capped(condition: Condition) -> Condition:
    """Return a backfill's condition as information: it wakes nobody (behaviour A3)."""
    return replace(condition, severity=Severity.INFO)
