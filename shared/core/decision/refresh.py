"""When a trigger is worth repeating as the next generation (behaviour D8)."""

from __future__ import annotations

from datetime import datetime

from shared.core.calendar import instant
from shared.core.decision.completeness import Completeness
from shared.core.decision.refusal import changed_inputs, may_repeat
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Plan


def refresh_until(snapshot: DecisionInput) -> datetime | None:
    """Return until when a refresh may be dispatched: a local time on the day of the trigger (behaviour D8)."""
    refresh, at = snapshot.transition.refresh, snapshot.state.triggered_at
    if refresh is None or at is None:
        return None
    return instant(snapshot.policy.local(at).date(), refresh.until, snapshot.policy.zone)


def may_refresh(snapshot: DecisionInput, now: datetime) -> bool:
    refresh, until = snapshot.transition.refresh, refresh_until(snapshot)
    return refresh is not None and until is not None and now <= until and snapshot.state.refreshes < refresh.at_most


def another_may_follow(snapshot: DecisionInput, now: datetime) -> bool:
    """True while the next generation may still be due: by a refresh, or because what was started refused.

    What a refused phase with a `refresh` is given anew keeps to the hours of that refresh.
    """
    return may_refresh(snapshot, now) or (snapshot.transition.refresh is None and may_repeat(snapshot))


def causes(snapshot: DecisionInput, now: datetime) -> frozenset[str]:
    """Return the processors for whose sake the next generation is due now (behaviour D8)."""
    carried, refresh, since = snapshot.state.accepted_plan, snapshot.transition.refresh, snapshot.state.dispatched_at
    if carried is None:
        return frozenset()
    in_time = may_refresh(snapshot, now)
    if not in_time and refresh is not None:
        return frozenset()
    better = refresh_causes(snapshot, snapshot.seen, carried) if in_time else frozenset()
    if since is None or not may_repeat(snapshot):
        return better
    return better | changed_inputs(snapshot, snapshot.seen, carried, since)


def refresh_causes(snapshot: DecisionInput, completeness: Completeness, carried: Plan) -> frozenset[str]:
    """Return the processors that brought what was missing, or enough more than what was carried."""
    arrived = completeness.done & frozenset(carried.missing)
    refresh = snapshot.transition.refresh
    if refresh is None:
        return arrived
    before, statuses, percent = carried.completed, completeness.statuses, refresh.min_growth_percent
    grown = [
        name
        for name in completeness.done - arrived
        if (least := before.get(name)) is not None
        and (records := statuses[name].records) is not None
        and records > least
        and (records - least) * 100 >= percent * least
    ]
    return arrived.union(grown) if grown else arrived
