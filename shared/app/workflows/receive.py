"""Receiving a report of a scraper: recorded like that of any other phase, without opening a run (behaviour R1, R5)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from shared.app.context import Context
from shared.app.transitions.receive import Handled, Receipt, log_recorded, only_in_audit_log, set_aside, understand
from shared.app.workflows.files import announced
from shared.app.workflows.reports import keep
from shared.core.errors import Unavailable
from shared.core.message import Delivery, from_attributes
from shared.core.policy.names import Names
from shared.core.workflows.model import Workflows
from shared.core.workflows.reports import ScraperReport, with_scrapers

AGAIN = Receipt(Handled.COUNTED, decision="announced again")


def reading(ctx: Context, workflows: Workflows) -> Context:
    """Return the context that understands reports of scrapers: their phase is one of its policy."""
    policy = with_scrapers(ctx.policy, workflows)
    return replace(ctx, policy=policy, names=Names(policy))


def receive(ctx: Context, workflows: Workflows, delivery: Delivery, strange: str = "") -> Receipt:
    """Take in one report of a scraper; raise ``Unavailable`` if it must be delivered again.

    ``strange`` says why what came is no message. A repetition of ours is acknowledged and nothing else: it tells of no
    new file, and of no new work.
    """
    reader = reading(ctx, workflows)
    if strange:
        return set_aside(reader, delivery, strange)
    if _is_repetition(delivery):
        ctx.log("scraper_file.repetition", message_id=delivery.message_id)
        return AGAIN
    received = understand(reader, delivery)
    if isinstance(received, Receipt):
        return received
    try:
        new = keep(ctx, ScraperReport(received.key, received.report))
        # A repeated delivery may be that of a handler which died here: the file is kept all the same.
        announced(ctx, workflows, received, _body(reader, delivery))
    except Unavailable as error:
        only_in_audit_log(ctx, received, error)
        raise
    if new:
        log_recorded(ctx, received)
    return Receipt(Handled.RECORDED, received.key.id)


def _body(ctx: Context, delivery: Delivery) -> dict[str, Any]:
    message = delivery if delivery.data.strip() else from_attributes(delivery, ctx.policy)
    body: dict[str, Any] = {} if message is None else json.loads(message.data)
    return body


def _is_repetition(delivery: Delivery) -> bool:
    try:
        body = json.loads(delivery.data)
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and body.get("recovery") is True
