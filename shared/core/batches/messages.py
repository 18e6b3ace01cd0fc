"""What a batch says: its completion in the words of R3, and the request of one member."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.core import commands
from shared.core.batches.batch import Batch, Cause, Closing, percent_of
from shared.core.batches.values import batch_values, member_values, publishable, request_id
from shared.core.model import Lane, Outcome
from shared.core.policy.batches import BatchPolicy
from shared.core.policy.policy import Policy
from shared.core.wire import templates

NAMED = 50
"""How many of the missing a completion names; how many there are, and what lists them all, stands beside them."""


def started_body(policy: Policy, declared: BatchPolicy, batch: Batch, now: datetime) -> dict[str, Any]:
    """Return the report that the phase has begun."""
    return {**_about(policy, declared, batch, now), "status": Outcome.STARTED.value}


def status_of(closing: Closing, members: int | None) -> Outcome:
    """Return what a closed batch reports: success only if every member did, or needed not (batches, publish)."""
    if closing.cause is Cause.NOTHING_TO_DO:
        return Outcome.NO_DATA
    whole = members is not None and closing.done + closing.skipped == members
    return Outcome.SUCCESS if whole else Outcome.PARTIAL


def completion_body(policy: Policy, declared: BatchPolicy, batch: Batch, now: datetime) -> dict[str, Any]:
    """Return the completion of the generation that is closing. Counts of members stand beside `record_count`, which
    is the sum of what they counted: each number says its unit."""
    closing = batch.closing
    assert closing is not None
    status = status_of(closing, batch.members)
    body = {**_about(policy, declared, batch, now), "status": status.value}
    if closing.cause is Cause.NOTHING_TO_DO:
        return {**body, "record_count": 0, "expected_count": 0}
    if closing.records is not None:
        body["record_count"] = closing.records
    if status is not Outcome.SUCCESS:
        body["error_message"] = partial_text(batch, closing)
        body["missing"], body["missing_count"] = list(closing.missing), closing.missing_count
        body["missing_at"] = commands.missing_of_batch(batch.name, batch.run)
    body["metadata"] |= {
        "completion_pct": closing_percent(batch, closing),
        "cause": closing.cause.value,
        "unit": declared.unit,
        "expected_members": batch.members,
        "members_done": closing.done,
        "members_skipped": closing.skipped,
        "members_failed": closing.failed,
        "members_silent": closing.silent,
    }
    return body


def closing_percent(batch: Batch, closing: Closing) -> float:
    """Return the share of members that are done or needed nothing; 0 while nobody knows how many there are."""
    return 0.0 if batch.members is None else percent_of(closing.done + closing.skipped, batch.members)


def partial_text(batch: Batch, closing: Closing) -> str:
    """Return what is missing of a batch that is not complete, the first of them by name."""
    if batch.members is None:
        return f"closed by {closing.cause.value} before its members were known"
    more = closing.missing_count - len(closing.missing)
    rest = f" and {more} more" if more else ""
    named = ", ".join(closing.missing) + rest
    return f"{closing.missing_count} of {batch.members} members are missing (closed by {closing.cause.value}): {named}"


def _about(policy: Policy, declared: BatchPolicy, batch: Batch, now: datetime) -> dict[str, Any]:
    run = batch.run
    processor = policy.phases[declared.phase].processors[declared.reports_as]
    return {
        "processor_name": processor.wire_name or processor.name,
        "phase": declared.phase,
        "pipeline": run.pipeline,
        "game_date": run.day.isoformat(),
        "mode": run.mode,
        "backfill_mode": run.lane is Lane.BACKFILL,
        "timestamp": now.isoformat(),
        "correlation_id": batch.correlation_id,
        "trigger_id": batch.id,
        "generation": batch.generation,
        "metadata": {"batch_id": batch.id, "batch": batch.name},
    }


def completion_attributes(batch: Batch) -> dict[str, str]:
    """Return the ids of a completion beside its body."""
    own = {"trigger_id": batch.id, "batch": batch.name, "generation": str(batch.generation)}
    return publishable(own)


def request_body(declared: BatchPolicy, batch: Batch, member: str, columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request of one member as the policy writes it; dates of a column are text by now."""
    rendered = templates.render(declared.request.body, member_values(batch, member, columns), templates.COLUMN)
    body: dict[str, Any] = json.loads(json.dumps(rendered, default=str))
    return body


def request_attributes(batch: Batch, member: str, attempt: int) -> dict[str, str]:
    """Return what stands beside a request: its id is the same however often it is sent."""
    own = {
        "request_id": request_id(batch.id, member),
        "batch_id": batch.id,
        "batch": batch.name,
        "member": member,
        "attempt": str(attempt),
    }
    return publishable(own)


def step_body(body: Mapping[str, Any], batch: Batch) -> dict[str, Any]:
    """Return what a close step sends."""
    rendered: dict[str, Any] = templates.render(body, batch_values(batch))
    return rendered
