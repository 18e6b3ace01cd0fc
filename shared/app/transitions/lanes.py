"""Which lane a message that names none belongs to: the live one, unless that is over and the past is repaired
(behaviour R4, 9)."""

from __future__ import annotations

from dataclasses import replace

from shared.app.context import Context
from shared.app.state.order import is_old
from shared.app.state.repository import Stored, read_completion, read_run, run_path
from shared.core.message import Received
from shared.core.model import Lane, Run, RunKey
from shared.ports import Document


def in_backfill(key: RunKey) -> RunKey:
    return replace(key, lane=Lane.BACKFILL)


def belongs_to_backfill(ctx: Context, received: Received, live: Stored[Run] | None, document: Document | None) -> bool:
    """True for a message without a lane whose live run is closed, where the date has an open backfill run.

    A live run whose documents are gone, or that never was, is over once its time is. Only then is anything read.
    ``document`` is what the live run knows of the processor: a message that it has counted, or that its trigger
    brought, stays with it however often it is delivered.
    """
    key, report = received.key, received.report
    if received.lane_named or key.lane is Lane.BACKFILL:
        return False
    over = is_old(key, ctx.policy, report.received_at) if live is None else live.value.closed_at is not None
    if not over:
        return False
    stored = read_completion(document)
    counted = stored is not None and report.message_id in stored.value.message_ids
    if counted or _is_of_live_trigger(key, report.trigger_id):
        return False
    run = read_run(ctx.ports.store.get(run_path(in_backfill(key)))[0])
    return run is not None and run.value.closed_at is None


def _is_of_live_trigger(key: RunKey, trigger_id: str) -> bool:
    return trigger_id.startswith(f"{key.id}/") and not trigger_id.startswith(f"{in_backfill(key).id}/")
