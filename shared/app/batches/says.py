"""What people hear of a batch (batches, alerts): how it was closed, what it waits for, what came late."""

from __future__ import annotations

from collections.abc import Sequence

from shared.app.alerting import raise_alerts
from shared.app.context import Context
from shared.core import commands
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.batches.batch import Batch, Cause, Closing, HeldFor
from shared.core.batches.messages import NAMED, closing_percent, partial_text
from shared.core.errors import Unavailable
from shared.core.model import Lane
from shared.core.policy.batches import BatchPolicy
from shared.core.severity import Severity
from shared.core.texts import duration, names, say

NAMED_LATE = 10
"""So many late members are told one by one; further ones of the same batch in one alert."""


def tell_closed(ctx: Context, declared: BatchPolicy, batch: Batch) -> None:
    """Say how a batch was closed that was not complete."""
    condition = closed_condition(declared, batch)
    if condition is not None:
        raise_quietly(ctx, condition)


def closed_condition(declared: BatchPolicy, batch: Batch) -> Condition | None:
    """Return what is said of a closing: idle as info, a deadline or failed members as warning, completeness not."""
    closing = batch.closing
    if closing is None:
        return None
    what, severity = _closed(declared, batch, closing)
    if not what:
        return None
    then = f"published as generation {batch.generation}"
    who = f"see who: {commands.batch('show', batch.name, batch.run)}"
    if closing.missing_count > len(closing.missing):
        who = f"see all {closing.missing_count}: {commands.missing_of_batch(batch.name, batch.run)}"
    text = say(batch.run.id, f"batch {batch.name}", what, then, who)
    subject = f"{batch.id}/{closing.generation}"
    kind = AlertKind.BATCH_CLOSED
    return Condition(kind, at_most(batch, severity), batch.run.id, "", subject, text)


def _closed(declared: BatchPolicy, batch: Batch, closing: Closing) -> tuple[str, Severity]:
    if closing.cause is Cause.NOTHING_TO_DO:
        return f"{declared.reports_as} had nothing to do: 0 members", Severity.INFO
    text, percent = partial_text(batch, closing), f"{closing_percent(batch, closing):g} percent"
    match closing.cause:
        case Cause.COMPLETE if not closing.failed:
            return "", Severity.INFO
        case Cause.IDLE if declared.close.idle is not None:
            return f"closed at {percent}, silent for {duration(declared.close.idle.after)}: {text}", Severity.INFO
        case Cause.DEADLINE:
            return f"closed at its deadline with {percent}: {text}", Severity.WARNING
        case Cause.OPERATOR:
            return f"closed by a person with {percent}: {text}", Severity.INFO
        case _:
            return f"complete, and members failed, {percent}: {text}", Severity.WARNING


def tell_held(ctx: Context, declared: BatchPolicy, batch: Batch, missing: Sequence[str]) -> None:
    raise_quietly(ctx, held_condition(declared, batch, missing))


def held_condition(declared: BatchPolicy, batch: Batch, missing: Sequence[str]) -> Condition:
    """Return the critical alert of a batch that waits for a person; it is over once the batch goes on."""
    named = names(missing[:NAMED]) if missing else ""
    who = f"; missing: {named}" if named else ""
    again = commands.batch("retry", batch.name, batch.run, "the cause is fixed")
    anyway = commands.batch("close", batch.name, batch.run, "what is there is enough")
    then = {
        HeldFor.DEADLINE: "nothing is published; a report of the missing completes and releases it",
        HeldFor.REFUSED: "nothing is published, and the step is not tried again by itself",
        HeldFor.MEMBERS: "nobody is asked",
    }[batch.held_for or HeldFor.DEADLINE]
    text = say(batch.run.id, f"batch {batch.name}", f"held: {batch.held_text}{who}", then, f"{again}\n{anyway}")
    severity = at_most(batch, Severity.CRITICAL)
    return Condition(AlertKind.BATCH_HELD, severity, batch.run.id, "", f"{batch.id}/{batch.held_for}", text)


def tell_late(ctx: Context, declared: BatchPolicy, batch: Batch, member: str, late: int, what: str) -> None:
    """Say that an outcome came after the batch was closed: a note, not a task."""
    text = say(batch.run.id, f"batch {batch.name}", f"{member} {what}", "it is kept, and not published by itself")
    subject = f"{batch.id}/{member}" if late <= NAMED_LATE else f"{batch.id}/many"
    raise_quietly(ctx, Condition(AlertKind.BATCH_LATE, Severity.INFO, batch.run.id, "", subject, text))


def at_most(batch: Batch, severity: Severity) -> Severity:
    """Backfill raises nothing above info (behaviour A3)."""
    return severity if batch.run.lane is Lane.LIVE else Severity.INFO


def raise_quietly(ctx: Context, condition: Condition) -> None:
    """Raise an alert; a failure never fails a batch (behaviour A3)."""
    try:
        raise_alerts.raise_now(ctx, [condition])
    except Unavailable as error:
        ctx.log("alert.not_stored", severity="WARNING", error=str(error))
