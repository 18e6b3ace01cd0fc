"""Messages as they come over the wire, and what is understood of them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from shared.core.message import Delivery, Received, parse
from shared.core.policy.names import Names
from tests.core.build import POLICY, T0, at

NAMES = Names(POLICY)
PUBLISHED, RECEIVED = T0, at(minutes=5)
WHOLE: dict[str, Any] = {
    "processor_name": "PlayerGameSummaryProcessor",
    "game_date": "2026-01-21",
    "status": "success",
}
REST: dict[str, Any] = {
    "pipeline": "nba",
    "phase": "phase3",
    "mode": "overnight",
    "execution_id": "e-1",
    "correlation_id": "c-1",
    "record_count": 148,
    "expected_count": 150,
    "output_table": "player_game_summary",
    "output_dataset": "nba_analytics",
    "timestamp": "2026-01-22T10:58:00+00:00",
    "error_message": "none to speak of",
    "backfill_mode": False,
    "skip_downstream_trigger": False,
    "trigger_id": "nba/2026-01-21/overnight/phase2_to_phase3/1",
    "metadata": {
        "is_incremental": True,
        "entities_changed": {"players": ["p1", "p2"], "teams": ["BOS"]},
        "completion_pct": 98.5,
        "batch_id": "b-1",
    },
}


def delivery(data: bytes, phase: str = "phase3", published: datetime = PUBLISHED) -> Delivery:
    return Delivery("m-1", phase, data, published, RECEIVED)


def understood(*, topic: str = "phase3", published: datetime = PUBLISHED, **changes: Any) -> Received:
    """Parse a whole message with these fields changed."""
    message = parse(delivery(json.dumps({**WHOLE, **changes}).encode(), topic, published), POLICY, NAMES)
    assert isinstance(message, Received)
    return message
