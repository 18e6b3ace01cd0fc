"""The sweep's part: what the clock alone brings about is found here, and done by the function of batches."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.app.alerting.unexpected import fault
from shared.app.batches.looking import go_on, look
from shared.app.batches.says import held_condition
from shared.app.batches.silent import missing_names
from shared.app.batches.store import active_batches
from shared.app.batches.warnings import warnings
from shared.app.context import Context
from shared.core.batches.batch import Batch, BatchState, Counts
from shared.core.batches.decide import next_at, step_due_at
from shared.core.batches.decision import BatchDecision, Load, Wait
from shared.core.batches.progress import last_progress, quiet_for
from shared.core.errors import OutOfTime, Unavailable, is_state_outage
from shared.core.policy.batches import BatchPolicy
from shared.core.reporting.findings import Finding, FindingResult, Sweep

NEEDED = timedelta(seconds=12)


def tend(ctx: Context, done: Sweep, *, dry_run: bool = False) -> None:
    """Look at every batch that is not published; let the function of batches go on with what is due."""
    if not ctx.policy.batches:
        return
    batches, unread = active_batches(ctx)
    if batches or unread:
        done.polls.append(None)  # what members report tells no sweep
    for path, wrong in unread.items():
        fault(ctx, done, ctx.policy.pipeline, wrong, f"the batch in {path} cannot be looked at")
    for stored in batches:
        batch = stored.value
        declared = ctx.policy.batches.get(batch.name)
        if declared is None:
            done.findings.append(Finding("batch", batch.run.id, f"{batch.name} left the policy", FindingResult.SKIPPED))
            continue
        if ctx.out_of_time(NEEDED):
            done.unseen.add(batch.run.id)
            done.findings.append(
                Finding("batch", batch.run.id, "no time left; the next sweep looks at it", FindingResult.FAILED)
            )
            return
        try:
            _tend(ctx, done, batch, declared, dry_run=dry_run)
        except (Unavailable, OutOfTime) as error:
            if is_state_outage(error):
                raise
            done.unseen.add(batch.run.id)
            done.findings.append(Finding("batch", batch.run.id, str(error), FindingResult.FAILED))
        except Exception as error:  # noqa: BLE001 - becomes a finding, an alert and the answer's status
            done.unseen.add(batch.run.id)
            fault(ctx, done, batch.run.id, error, f"batch {batch.name} of {batch.run.id} cannot be looked at")


def _tend(ctx: Context, done: Sweep, batch: Batch, declared: BatchPolicy, *, dry_run: bool) -> None:
    counts, decision = look(ctx, batch, declared)
    now = ctx.ports.clock.now()
    if batch.state is BatchState.HELD and not dry_run:
        done.say(held_condition(declared, batch, missing_names(ctx, batch)))
    if not dry_run:
        for condition in warnings(ctx, declared, batch, counts, due=not isinstance(decision, Wait)):
            done.say(condition)
    if isinstance(decision, Load) and declared.members.sql is None:
        decision = Wait("its members come with its start message")
    if batch.is_claimed(now):
        done.wakeups.append(batch.lease_until)
        return
    if isinstance(decision, Wait):
        done.wakeups.append(_next(batch, declared, counts, decision, now))
        return
    done.wakeups.append(None)
    what = f"{batch.name} {batch.id}: {type(decision).__name__}"
    if dry_run:
        done.findings.append(Finding("batch", batch.run.id, what, FindingResult.DRY_RUN))
        return
    try:
        go_on(ctx, batch)
    except Unavailable as error:
        done.findings.append(Finding("batch", batch.run.id, f"{what}: {error}", FindingResult.FAILED))
        return
    done.findings.append(Finding("batch", batch.run.id, what, FindingResult.DONE))


def _next(
    batch: Batch, declared: BatchPolicy, counts: Counts, decision: BatchDecision, now: datetime
) -> datetime | None:
    """Return when the clock alone may change what is to be done or said: far away where nothing but a report can, None
    where the next minute may."""
    moments = [decision.until if isinstance(decision, Wait) else None, next_at(batch, declared, counts, now)]
    moments += [step_due_at(step) for step in batch.steps]
    if batch.state is not BatchState.HELD:
        stalls = last_progress(batch, counts) + quiet_for(batch, declared)
        if stalls <= now:
            return None  # it stalls, or would but for outcomes whose time was not asked
        moments.append(stalls)
    later = [at for at in moments if at is not None and at > now]
    return min(later, default=now + timedelta(days=1))
