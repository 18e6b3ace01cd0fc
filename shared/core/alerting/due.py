"""Transitions that are not triggered at their due time (behaviour T2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from shared.core.alerting.condition import Condition, explain_line, of_transition
from shared.core.alerting.kinds import AlertKind
from shared.core.calendar import due_at
from shared.core.decision.completeness import Completeness
from shared.core.decision.decisions import Blocked, Decision, Held
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import State
from shared.core.texts import clock_time, names


@dataclass(frozen=True, slots=True)
class Predecessor:
    """What the transition that starts a phase looks like, for a due time that only waits for it (behaviour T2).

    ``paused`` says that a pause keeps it, or what it waits for, from being started (behaviour T8); ``started_at`` is
    when the phase was started, None while it was not; ``ordinary`` that people have heard nothing of its start (T12).
    """

    name: str
    overdue: bool
    speaks: bool
    paused: bool = False
    started_at: datetime | None = None
    ordinary: bool = True


NOBODY: Mapping[str, Predecessor] = MappingProxyType({})


def of_due(
    snapshot: DecisionInput,
    completeness: Completeness,
    decision: Decision,
    now: datetime,
    before: Mapping[str, Predecessor],
    passed_by: str,
    in_vain: str,
) -> Iterator[Condition]:
    """Yield due alerts, or that the transition was overtaken (behaviour T2)."""
    due = snapshot.expectation.due
    state = snapshot.state
    if due is None or state.triggered or state.state is State.OBSERVED:
        return
    warning = due_at(snapshot.key, due.warning, snapshot.policy)
    critical = due_at(snapshot.key, due.critical, snapshot.policy)
    reached = [at for at in (warning, critical) if at is not None and now >= at]
    if not reached:
        return
    if snapshot.next_report_at is not None or passed_by:
        further = f"{snapshot.transition.starts} reports" if not passed_by else f"the run has come to {passed_by}"
        what = f"overtaken: {further} although nothing was triggered"
        yield of_transition(snapshot, AlertKind.OVERTAKEN, "", what, "it is decided as usual")
        return
    if _waits_for_the_overdue(snapshot, completeness, before):
        return
    why = "; ".join(text for text in (_why_not(snapshot, completeness, decision, before, now), in_vain) if text)
    for kind, at in ((AlertKind.DUE_WARNING, warning), (AlertKind.DUE_CRITICAL, critical)):
        if at is not None and now >= at:
            what = f"not triggered at its due time {clock_time(snapshot.policy, at, now)}: {why}"
            yield of_transition(snapshot, kind, "", what, "it goes by itself once it may", explain_line(snapshot))


def _waits_for_the_overdue(
    snapshot: DecisionInput, completeness: Completeness, before: Mapping[str, Predecessor]
) -> bool:
    """True if all that is missing is of phases that have said nothing and whose start is overdue, and told so, or
    paused."""
    spoken = {completion.phase for completion in snapshot.completions.values()}
    silent = {snapshot.processors[name].phase for name in completeness.missing} or set(snapshot.transition.after)
    causes = [before.get(phase) for phase in silent]
    alerted = (cause is not None and (cause.paused or (cause.overdue and cause.speaks)) for cause in causes)
    return not silent & spoken and all(alerted)


def _why_not(
    snapshot: DecisionInput,
    completeness: Completeness,
    decision: Decision,
    before: Mapping[str, Predecessor],
    now: datetime,
) -> str:
    if isinstance(decision, Blocked):
        return "blocked by " + names(decision.reasons.values())
    if isinstance(decision, Held):
        return f"held: {decision.text}"
    missing = names(completeness.described(completeness.missing))
    begun = names(_begun(snapshot, completeness, before, now), none="")
    if begun:
        return f"{begun} and has not ended; missing {missing}"
    if not snapshot.completions:
        return f"no message from {names(snapshot.transition.after)}; missing {missing}"
    return f"missing {missing}"


def _begun(
    snapshot: DecisionInput, completeness: Completeness, before: Mapping[str, Predecessor], now: datetime
) -> Iterator[str]:
    """Yield the phases that were started and of which a processor is still missing (behaviour T10)."""
    for phase in sorted({snapshot.processors[name].phase for name in completeness.missing}):
        at = before[phase].started_at if phase in before else None
        if at is not None:
            yield f"{phase} was started at {clock_time(snapshot.policy, at, now)}"


def is_due(snapshot: DecisionInput, now: datetime) -> bool:
    """True once the transition's first due time has passed without a trigger."""
    due = snapshot.expectation.due
    if due is None or snapshot.state.triggered:
        return False
    at = due_at(snapshot.key, due.warning or due.critical, snapshot.policy)
    return at is not None and now >= at
