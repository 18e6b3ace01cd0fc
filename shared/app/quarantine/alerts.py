"""What people hear of quarantine: each sender and reason once, bounded (behaviour R9)."""

from __future__ import annotations

from datetime import date, datetime

from shared.app.context import Context
from shared.app.quarantine.bounds import MOST_ROWS, MOST_WARNINGS
from shared.core import commands
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.errors import Malformed
from shared.core.message import Delivery
from shared.core.severity import Severity
from shared.core.texts import say


def of_sender(ctx: Context, delivery: Delivery, wrong: Malformed) -> Condition:
    """Return the warning of one processor and reason."""
    who = wrong.processor or "a message without a processor"
    text = say(
        ctx.policy.pipeline,
        delivery.phase,
        f"{who} kept in quarantine: {wrong.reason}",
        "it is not counted",
        f"look at it: {commands.quarantine('show', delivery.message_id)}\n"
        f"Once the sender or the policy is corrected: {commands.quarantine('replay', delivery.message_id)}",
    )
    subject = f"{wrong.processor}/{wrong.kind}"
    return Condition(AlertKind.QUARANTINE, Severity.WARNING, ctx.policy.pipeline, delivery.phase, subject, text)


def summary(ctx: Context, since: datetime) -> Condition:
    """Return the one warning that takes the place of those beyond the hour's."""
    text = say(
        ctx.policy.pipeline,
        "",
        f"more than {MOST_WARNINGS} quarantine warnings within an hour: further senders are not named one by one",
        "their messages are kept like all others",
        f"see them all: {commands.quarantine('list')}",
    )
    return _overall(ctx, f"many/{since.isoformat()}", text)


def no_room(ctx: Context, day: date) -> Condition:
    """Return the warning that a day's quarantine is full."""
    text = say(
        ctx.policy.pipeline,
        "",
        f"quarantine has taken {MOST_ROWS} rows on {day}: what comes now for another processor, reason or date is lost",
        "it is acknowledged and counted; what has a row already is kept as before",
        f"see who sends it: {commands.quarantine('list')}",
    )
    return _overall(ctx, f"full/{day}", text)


def _overall(ctx: Context, subject: str, text: str) -> Condition:
    return Condition(AlertKind.QUARANTINE, Severity.WARNING, ctx.policy.pipeline, "", subject, text)
