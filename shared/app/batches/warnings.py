"""What people are warned of before a batch ends: it stalls, too many of its members fail, too few are in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.app.batches.says import at_most, raise_quietly
from shared.app.batches.silent import missing_names
from shared.app.batches.store import batches_of_name, with_last
from shared.app.context import Context
from shared.core import commands
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.batches.batch import Batch, BatchState, Counts, percent_of
from shared.core.batches.messages import NAMED
from shared.core.batches.progress import (
    STEP_TAKES,
    fails_too_often,
    is_few,
    last_progress,
    quiet_for,
    stalled_for,
    usual_size,
)
from shared.core.policy.batches import BatchPolicy
from shared.core.severity import Severity
from shared.core.texts import amount, duration, names, say


def warnings(
    ctx: Context, declared: BatchPolicy, batch: Batch, counts: Counts, *, due: bool = False
) -> list[Condition]:
    """Return what holds of a batch that is not published, for the sweep. While it is ``due`` to be gone on with, an
    open one stalls only once that has not come about for as long as it may take."""
    conditions = []
    stalled = (
        None
        if due and _goes_on(batch, declared, counts, ctx.ports.clock.now())
        else _stalled(ctx, declared, batch, counts)
    )
    if stalled is not None:
        conditions.append(stalled)
    if batch.state is BatchState.OPEN and fails_too_often(declared, counts.failed, batch.members):
        conditions.append(failing_condition(batch, counts.failed))
    return conditions


def _goes_on(batch: Batch, declared: BatchPolicy, counts: Counts, now: datetime) -> bool:
    if batch.state is not BatchState.OPEN:
        return False
    return now < last_progress(batch, counts) + quiet_for(batch, declared) + STEP_TAKES


def _stalled(ctx: Context, declared: BatchPolicy, batch: Batch, counts: Counts) -> Condition | None:
    now = ctx.ports.clock.now()
    silent = stalled_for(batch, declared, counts, now)
    if silent is not None and batch.state is BatchState.OPEN and counts.last_at is None:
        # Only a batch that looks old enough by itself is worth the question when the last outcome came.
        counts = with_last(ctx, batch, counts, now - quiet_for(batch, declared), now)
        silent = stalled_for(batch, declared, counts, now)
    if silent is None:
        return None
    missing = missing_names(ctx, batch) if batch.state is BatchState.OPEN else ()
    return stalled_condition(declared, batch, counts, quiet_for(batch, declared), missing)


def stalled_condition(
    declared: BatchPolicy, batch: Batch, counts: Counts, quiet: timedelta, missing: tuple[str, ...]
) -> Condition:
    """Return the warning of a batch without progress; it is over once something new comes or the batch ends."""
    what = f"nothing new for {duration(quiet)} or more: {_where(declared, batch, counts, missing)}"
    then = "it goes on by itself once something comes, and ends at its deadline at the latest"
    if declared.close.deadline is None or batch.closing is not None:
        then = "it goes on by itself once something comes, and ends not before"
    text = say(batch.run.id, f"batch {batch.name}", what, then, commands.batch("show", batch.name, batch.run))
    severity = at_most(batch, Severity.WARNING)
    return Condition(AlertKind.BATCH_STALLED, severity, batch.run.id, "", f"{batch.id}/{batch.generation}", text)


def _where(declared: BatchPolicy, batch: Batch, counts: Counts, missing: tuple[str, ...]) -> str:
    """Return what a batch that does not go on waits for."""
    if batch.members is None:
        return f"its members cannot be loaded: {batch.load_error or 'nobody loads them'}"
    if batch.closing is not None:
        place = next(
            (n for n, _ in enumerate(declared.on_close) if n >= len(batch.steps) or not batch.steps[n].proof), None
        )
        if place is None:
            return "its end cannot be published"
        error = batch.steps[place].error if place < len(batch.steps) else ""
        return f"close step {declared.on_close[place].to} is not proven{f': {error}' if error else ''}"
    if batch.cursor < batch.pages:
        return f"{batch.cursor} of {batch.pages} pages of requests have left"
    more = batch.members - counts.total + counts.failed - len(missing)
    rest = f" and {more} more" if more > 0 else ""
    return f"{counts.total} of {batch.members} members have an outcome; missing: {names(missing[:NAMED])}{rest}"


def failing_condition(batch: Batch, failed: int) -> Condition:
    """Return the warning that too many members failed; said once a generation."""
    share = f"{percent_of(failed, batch.members or 0):g} percent"
    what = f"{failed} of {amount(batch.members, 'member')} failed, {share}"
    again = commands.batch("retry", batch.name, batch.run, "the cause is fixed")
    text = say(batch.run.id, f"batch {batch.name}", what, "they are not asked again by themselves", again)
    severity = at_most(batch, Severity.WARNING)
    return Condition(AlertKind.BATCH_FAILING, severity, batch.run.id, "", f"{batch.id}/{batch.generation}", text)


def tell_failing(ctx: Context, declared: BatchPolicy, batch: Batch) -> None:
    """Say at the end of a batch that too many failed, where no sweep saw it before."""
    closing = batch.closing
    if closing is not None and fails_too_often(declared, closing.failed, batch.members):
        raise_quietly(ctx, failing_condition(batch, closing.failed))


def tell_few(ctx: Context, declared: BatchPolicy, batch: Batch, members: int) -> None:
    """Say that a batch has far fewer members than usual, as soon as they are known."""
    if declared.alerts.fewer_than_percent is None:
        return
    usual = usual_size(batch, batches_of_name(ctx, batch.name))
    if usual is None or not is_few(declared, members, usual[0]):
        return
    size, nights = usual
    loaded = replace(batch, members=members)
    what = f"{amount(members, 'member')}; the median of {amount(nights, 'night')} before is {size:g}"
    then = "the batch goes on with those that there are"
    text = say(loaded.run.id, f"batch {loaded.name}", what, then, "look at the query of its members and its tables")
    raise_quietly(
        ctx, Condition(AlertKind.BATCH_FEW, at_most(loaded, Severity.WARNING), loaded.run.id, "", loaded.id, text)
    )
