"""The alerts that follow from one delivery (behaviour 7, A3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.app.alerting.raise_alerts import raise_now
from shared.app.alerting.streaks import with_streaks
from shared.app.context import Context
from shared.app.state.order import is_old
from shared.app.transitions.reconcile import ReconcileResult
from shared.core.alerting.condition import Condition
from shared.core.alerting.conditions import DUE, conditions
from shared.core.alerting.kinds import AlertKind
from shared.core.errors import Unavailable
from shared.core.message import Received
from shared.core.severity import Severity
from shared.core.texts import say


def after_delivery(ctx: Context, results: Iterable[ReconcileResult], processor: str, now: datetime) -> None:
    """Raise what a delivery brought to light. A failure here never fails a transition (behaviour A3): the next
    sweep derives the same conditions from the state and raises them again."""
    # A date without units raises no alert: until its calendar has been read, the sweep says what holds.
    judged = [result for result in results if result.snapshot.units is not None or ctx.policy.calendar is None]
    # The sweep folds what old dates have to say into one warning.
    judged = [result for result in judged if not is_old(result.snapshot.key, ctx.policy, now)]
    try:
        listed = [
            condition
            for result in judged
            for condition in with_streaks(ctx, result.snapshot, conditions(result.snapshot, result.decision, now))
            if condition.kind not in DUE
        ]
        raise_now(ctx, [c for c in listed if c.subject != processor])
        raise_now(ctx, [c for c in listed if c.subject == processor], occurrence=True)
    except Unavailable as error:
        ctx.log("alert.not_stored", severity="WARNING", error=str(error))


def known_by_table(received: Received, phase: str) -> Condition:
    """Return the note that a processor is known by its output table only (behaviour R2)."""
    name = received.report.processor
    text = say(
        received.key.id,
        phase,
        f"{received.wire_name} is unknown, but its output table is that of {name}: counted as {name}",
        do=f"add {received.wire_name} to the aliases of {name}",
    )
    return Condition(AlertKind.BY_TABLE, Severity.INFO, received.key.pipeline, phase, received.wire_name, text)
