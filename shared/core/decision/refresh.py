"""When a trigger is worth repeating as the next generation (behaviour D8)."""

from __future__ import annotations

from datetime import datetime

from shared.core.calendar import instant
from shared.core.decision.completeness import Picture
from shared.core.decision.refusal import changed_inputs, may_repeat
from shared.core.decision.snapshot import Situation
from shared.core.model import Plan


def refresh_until(situation: Situation) -> datetime | None:
    """Return until when a refresh may be dispatched: a local time on the day of the trigger (behaviour D8)."""
    refresh, at = situation.transition.refresh, situation.state.triggered_at
    if refresh is None or at is None:
        return None
    return instant(situation.policy.local(at).date(), refresh.until, situation.policy.zone)


def may_refresh(situation: Situation, now: datetime) -> bool:
    refresh, until = situation.transition.refresh, refresh_until(situation)
    return refresh is not None and until is not None and now <= until and situation.state.refreshes < refresh.at_most


def another_may_follow(situation: Situation, now: datetime) -> bool:
    """True while the next generation may still be due: by a refresh, or because what was started refused.

    What a refused phase with a `refresh` is given anew keeps to the hours of that refresh.
    """
    return may_refresh(situation, now) or (situation.transition.refresh is None and may_repeat(situation))


def causes(situation: Situation, now: datetime) -> frozenset[str]:
    """Return the processors for whose sake the next generation is due now (behaviour D8)."""
    carried = situation.state.carried
    if carried is None or not another_may_follow(situation, now):
        return frozenset()
    seen = situation.seen
    better = refresh_causes(situation, seen, carried) if may_refresh(situation, now) else frozenset()
    since = situation.state.dispatched_at
    if since is None or not may_repeat(situation):
        return better
    return better | changed_inputs(situation, seen, carried, since)


def refresh_causes(situation: Situation, seen: Picture, carried: Plan) -> frozenset[str]:
    """Return the processors that brought what was missing, or enough more than what was carried."""
    arrived = seen.done & frozenset(carried.missing)
    refresh = situation.transition.refresh
    if refresh is None:
        return arrived
    grown = {name for name in seen.done - arrived if _grew(situation, seen, name, carried, refresh.min_growth_percent)}
    return arrived | grown


def _grew(situation: Situation, seen: Picture, name: str, carried: Plan, percent: float) -> bool:
    report = seen.standings[name].report
    before = carried.completed.get(name)
    if report is None or report.records is None or before is None:
        return False
    return report.records > before and (report.records - before) * 100 >= percent * before
