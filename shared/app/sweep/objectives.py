"""The sweep looks once an hour how fast error budgets burn, tells it once, and tells its end (behaviour 14)."""

from __future__ import annotations

from datetime import timedelta

from shared.app.alerting import outbox, raise_alerts
from shared.app.context import Context
from shared.app.objectives.statuses import measure
from shared.app.state.lock import Locked, acquire
from shared.app.state.measured import read_measured, save_measured
from shared.core.alerting.objectives import burn_condition
from shared.core.errors import Unavailable, is_state_outage
from shared.core.objectives.budget import Measured
from shared.core.reporting.findings import Finding, FindingResult, Sweep

EVERY = timedelta(hours=1)
# A query of the record and a few reads of the state.
LONGEST = timedelta(seconds=15)
SUBJECT = "objectives"


def update_alerts(ctx: Context, done: Sweep) -> None:
    """Raise what burns and end what burns no more. What cannot be read ends nothing, and is read again in an hour."""
    if not ctx.policy.objectives.stated():
        return
    memory, now = ctx.memory, ctx.ports.clock.now()
    if memory.objectives_at is not None and now < memory.objectives_at:
        done.polls.append(memory.objectives_at)
        return
    if ctx.out_of_time(LONGEST):
        done.polls.append(None)
        return
    lock = acquire(ctx, SUBJECT, EVERY)
    memory.objectives_at = lock.until if isinstance(lock, Locked) else lock.expires_at
    done.polls.append(memory.objectives_at)
    if isinstance(lock, Locked):
        return
    try:
        statuses = measure(ctx)
    except Unavailable as error:
        if is_state_outage(error):
            raise
        ctx.log("objectives.unreadable", severity="WARNING", error=error.reason)
        text = f"the record cannot be read, error budgets stand as they were: {error.reason}"
        done.findings.append(Finding(SUBJECT, "", text, FindingResult.SKIPPED))
        return
    for status in statuses:
        left = None if status.budget_left is None else round(status.budget_left, 4)
        ctx.log(
            "objectives.measured",
            objective=status.kind.value,
            verdict=status.verdict.value,
            events=status.tally.total,
            bad=status.tally.bad,
            budget_left=left,
        )
    conditions = [condition for status in statuses if (condition := burn_condition(ctx.policy, status)) is not None]
    burns = tuple(condition.fingerprint for condition in conditions)
    over = _firing(ctx, before=read_measured(ctx), burns=burns)
    # Kept before it is told, and once more after it has ended: a crash in between leaves nothing that fires for ever.
    marks = (*burns, *(kept.alert.fingerprint for kept in over))
    save_measured(ctx, Measured(ctx.ports.clock.now(), statuses, marks))
    raise_alerts.raise_in_sweep(ctx, conditions)
    for kept in over:
        raise_alerts.end(ctx, kept, ctx.ports.clock.now())


def _firing(ctx: Context, before: Measured | None, burns: tuple[str, ...]) -> list[outbox.Kept]:
    """Return the alerts of the last measuring that still fire and burn no more."""
    marks = [mark for mark in (() if before is None else before.alerts) if mark not in burns]
    documents = ctx.ports.store.get(*map(outbox.path_of, marks)) if marks else []
    alerts = (outbox.read_or_drop(ctx, document) for document in documents)
    return [kept for kept in alerts if kept is not None and kept.alert.firing]
