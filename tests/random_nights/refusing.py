"""Did what was started do any work? Worked out from the messages that were recorded (behaviour D8)."""

from __future__ import annotations

from datetime import datetime

from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Transition
from tests.random_nights.oracle_of_one import prevailing
from tests.random_nights.trace import Heard, RunTrace

REFUSING = ("no_data", "failed")


def refused(
    policy: Policy, transition: Transition, run: RunTrace, generation: int, since: datetime, upto: int | None = None
) -> bool:
    """Say whether the started phase refused that generation, which was dispatched first at ``since``: all processors
    that somebody waits for, or any one of a phase that nobody waits for."""
    processors = policy.phases[transition.starts].processors
    waiting = [
        after.expects[run.key.mode] for after in policy.after(transition.starts) if run.key.mode in after.expects
    ]
    awaited = frozenset[str]().union(*(expectation.expected for expectation in waiting))
    reports = run.reports(transition.starts, upto=upto)
    own = ("", run.key.trigger_id(transition.name, generation))
    refusing = {
        name
        for name, listed in reports.items()
        if (latest := _latest(listed)) is not None
        and latest.outcome in REFUSING
        and latest.received >= since
        and latest.trigger_id in own
    }
    if not awaited:
        return bool(refusing)
    return {name for name in awaited & processors.keys() if not processors[name].disabled_on(run.key.day)} <= refusing


def _latest(listed: list[Heard]) -> Heard | None:
    return prevailing([heard for heard in listed if heard.outcome != "started"])
