"""What the batches of a pipeline do on a day with units, for the cost model."""

from __future__ import annotations

from datetime import timedelta

from shared.core.batches.arrival import is_started
from shared.core.batches.roll import page_size
from shared.core.costs.operations import HABITS, Habits
from shared.core.costs.workload import BatchLoad, scans
from shared.core.limits.dml import changed_tables
from shared.core.policy.batches import BatchPolicy
from shared.core.policy.policy import Policy


def batch_loads(policy: Policy, members: int | None = None, habits: Habits = HABITS) -> tuple[BatchLoad, ...]:
    """Return the batches that a transition of the policy starts, one for each mode of it; with ``members``, so many of
    each, also of those that nothing starts yet."""
    counted = (batch for batch in policy.batches.values() if members is not None or is_started(policy, batch))
    return tuple(
        _load(policy, batch, habits.members if members is None else float(members), habits) for batch in counted
    )


def _load(policy: Policy, declared: BatchPolicy, members: float, habits: Habits) -> BatchLoad:
    modes = {
        mode
        for transition in policy.transitions.values()
        if transition.starts == declared.phase
        for mode in transition.expects
    }
    silent, idle = members * habits.silent_percent / 100, declared.close.idle
    return BatchLoad(
        runs=float(len(modes)),
        members=members,
        silent=silent,
        page=page_size(declared.request.per_second),
        repeats=0 if declared.retry is None or not silent else declared.retry.attempts,
        steps=len(declared.on_close),
        tables=sum(scans(query.text) for query in declared.queries),
        minutes=habits.batch_minutes,
        idle_minutes=0.0 if idle is None or not silent else idle.after / timedelta(minutes=1),
        instances=habits.batch_instances,
        per_second=declared.request.per_second,
        places=sum(len(changed_tables(step.sql.text)) for step in declared.on_close if step.sql is not None),
    )
