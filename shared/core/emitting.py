"""The completion that a person publishes in place of a job: the fields of R3, which every pipeline understands (R8)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from shared.core.message import Counted, Delivery, Received, parse
from shared.core.model import Lane, Outcome
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class Emission:
    """What is said to have ended, and how. ``mode`` "" leaves it to the date and the time of publication (R4)."""

    processor: str
    day: date
    status: Outcome
    records: int | None = None
    expected: int | None = None
    mode: str = ""
    lane: Lane | None = None
    cause: str = ""
    trigger_id: str = ""
    correlation_id: str = ""


def body_of(emission: Emission, at: datetime) -> dict[str, Any]:
    """Return the message, without the fields that nothing is said of; ``at`` is when the processor ended."""
    fields: Mapping[str, Any] = {
        "processor_name": emission.processor,
        "game_date": emission.day.isoformat(),
        "status": emission.status.value,
        "record_count": emission.records,
        "expected_count": emission.expected,
        "mode": emission.mode or None,
        "lane": None if emission.lane is None else emission.lane.value,
        "error_message": emission.cause or None,
        "trigger_id": emission.trigger_id or None,
        "correlation_id": emission.correlation_id or None,
        "timestamp": at.isoformat(),
    }
    return {name: value for name, value in fields.items() if value is not None}


def understood(body: Mapping[str, Any], phase: str, policy: Policy, names: Names, now: datetime) -> Received | Counted:
    """Return what a message published now on a phase's topic will be understood as; raise ``Malformed`` for one that
    would be quarantined."""
    return parse(Delivery("", phase, json.dumps(body).encode(), now, now), policy, names)
