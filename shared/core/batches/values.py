"""What the templates of a batch stand for: the batch and its run, and one member of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from shared.core.batches.batch import Batch

# Bytes that a broker takes as the value of an attribute.
MAX_ATTRIBUTE = 1024


def batch_values(batch: Batch) -> dict[str, Any]:
    """Return what a body may say of a batch and its run."""
    run = batch.run
    return {
        "game_date": run.day.isoformat(),
        "mode": run.mode,
        "lane": run.lane.value,
        "trigger_id": batch.id,
        "batch_id": batch.id,
        "generation": batch.generation,
        "correlation_id": batch.correlation_id,
        "pipeline": run.pipeline,
        "run_id": run.id,
        "batch": batch.name,
        "members": batch.members,
    }


def publishable(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return those of the attributes whose values a broker takes; the body says the same."""
    return {name: text for name, text in attributes.items() if len(text.encode()) <= MAX_ATTRIBUTE}


def request_id(batch_id: str, member: str) -> str:
    """Return the id of a member's request: the same however often it is sent."""
    whole = f"{batch_id}/{member}"
    if len(whole.encode()) <= MAX_ATTRIBUTE:
        return whole
    return f"{batch_id}/sha256:{hashlib.sha256(member.encode()).hexdigest()}"


def member_values(batch: Batch, member: str, columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a request may say: the member's columns; where names are alike, the batch's own win."""
    own = {"member": member, "request_id": request_id(batch.id, member)}
    return {**columns, **own, **batch_values(batch)}
