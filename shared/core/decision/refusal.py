"""When the phase that a trigger started did no work, and what follows of it (behaviour D8).

A phase refuses with `no_data` (not yet) or `failed`. Of a phase that others wait for, single processors are judged by
those (behaviour R6): it refuses as a whole or not at all. Of a last phase nobody else would tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from shared.core.decision.completeness import Completeness, is_nothing_to_do
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Outcome, Plan, Report, State
from shared.core.policy.policy import Policy

REFUSED = frozenset({Outcome.NO_DATA, Outcome.FAILED})
# A phase that refused what no `refresh` speaks of is started anew so often.
ONCE = 1


def refusals(snapshot: DecisionInput) -> Mapping[str, Report]:
    """Return the reports by which the started phase refuses, by processor, until a better one counts.

    A report from before the first dispatch is of a start that was not ours.
    """
    first = snapshot.state.generation <= 1
    return _refusing(snapshot, lambda report, since: not first or report.received_at >= since)


def may_repeat(snapshot: DecisionInput) -> bool:
    """True if the latest generation was refused and another one is allowed, the hours of a refresh aside."""
    state, refresh = snapshot.state, snapshot.transition.refresh
    if state.refreshes >= (ONCE if refresh is None else refresh.at_most):
        return False
    if not snapshot.started:
        return False
    # A report that names the trigger of another generation says nothing of this one.
    of_latest = ("", snapshot.key.trigger_id(snapshot.transition.name, state.generation))
    return bool(
        _refusing(snapshot, lambda report, since: report.received_at >= since and report.trigger_id in of_latest)
    )


def _refusing(snapshot: DecisionInput, speaks: Callable[[Report, datetime], bool]) -> Mapping[str, Report]:
    """Return what refuses of those reports that speak of the trigger, which was first dispatched at that time."""
    state = snapshot.state
    if snapshot.empty or state.accepted_plan is None or state.dispatched_at is None or state.state is State.OBSERVED:
        return {}
    speaking = {
        name: report
        for name, completion in snapshot.started.items()
        if (report := completion.latest) is not None
        and report.outcome in REFUSED
        and not is_nothing_to_do(report)
        and speaks(report, state.dispatched_at)
    }
    if not speaking:
        return {}
    judged, whole = judged_by(snapshot)
    refusing = {name: speaking[name] for name in judged if name in speaking}
    return {} if whole and len(refusing) < len(judged) else refusing


def judged_by(snapshot: DecisionInput) -> tuple[list[str], bool]:
    """Return the processors that the started phase is judged by, and whether others of the run wait for them: then it
    refuses as a whole or not at all."""
    policy, key, starts = snapshot.policy, snapshot.key, snapshot.transition.starts
    listed = policy.phases[starts].processors
    awaited = awaited_in(policy, starts, key.mode)
    ends = ended_by(policy, starts, key.mode)
    return [name for name in ends if not listed[name].disabled_on(key.day)], bool(awaited)


def ended_by(policy: Policy, phase: str, mode: str) -> list[str]:
    """Return the processors whose reports end a phase: those that others wait for, all of them where nobody does."""
    awaited = awaited_in(policy, phase, mode)
    return [name for name in policy.phases[phase].processors if not awaited or name in awaited]


def awaited_in(policy: Policy, phase: str, mode: str) -> frozenset[str]:
    """Return the processors of a phase that any transition waits for in a mode."""
    waiting = [t.expects[mode].expected for t in policy.after(phase) if mode in t.expects]
    return frozenset[str]().union(*waiting)


def changed_readings(carried: Plan, now_read: Mapping[str, float]) -> frozenset[str]:
    """Return the tables and gates whose number is another than the one that the latest generation went by.

    What could not be read then, or cannot be read now, has not changed by that.
    """
    return frozenset(name for name in carried.inputs.keys() & now_read.keys() if carried.inputs[name] != now_read[name])


def changed_inputs(
    snapshot: DecisionInput, completeness: Completeness, carried: Plan, since: datetime
) -> frozenset[str]:
    """Return the processors that count and have reported anew since then, or otherwise than a plan counted them."""
    return frozenset(
        name
        for name in completeness.present
        if (report := completeness.statuses[name].report) is not None
        and (report.received_at > since or _counted(carried, name) != _counts(completeness, name))
    )


def _counted(carried: Plan, name: str) -> tuple[bool, int | None]:
    """Return how a plan counted a processor: whether at all, and with how many records."""
    return name in carried.completed or name in carried.partial, carried.completed.get(name)


def _counts(completeness: Completeness, name: str) -> tuple[bool, int | None]:
    return True, completeness.statuses[name].records if name in completeness.done else None
