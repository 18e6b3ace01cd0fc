"""Rows of the record as the values that they were written from (behaviour 8)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.core.model import LogEntry, Outcome, Report


def report_of(row: Mapping[str, Any]) -> Report:
    """Return the report that a row of ``phase_completions`` holds."""
    extra, changed = _object(row.get("metadata")), _object(row.get("entities_changed"))
    return Report(
        message_id=str(row["message_id"]),
        phase=row["phase"],
        processor=row["processor_name"],
        outcome=Outcome(row["outcome"]),
        occurred_at=instant_of(row["completed_at"]),
        received_at=instant_of(row["received_at"]),
        records=row["record_count"],
        expected_records=extra.get("expected_records"),
        percent=extra.get("percent"),
        correlation_id=row["correlation_id"] or "",
        execution_id=row["execution_id"] or "",
        output_table=extra.get("output_table") or "",
        error=extra.get("error") or "",
        is_incremental=row["is_incremental"],
        entities={kind: tuple(names) for kind, names in changed.items() if names},
        batch_id=extra.get("batch_id") or "",
        trigger_id=extra.get("trigger_id") or "",
        source=extra.get("source") or "",
        unit=extra.get("unit") or "",
    )


def entry_of(row: Mapping[str, Any]) -> LogEntry:
    """Return the decision that a row of ``phase_execution_log`` holds."""
    missing = tuple(name for name in str(row["missing"] or "").split(",") if name)
    return LogEntry(
        at=instant_of(row["execution_timestamp"]),
        generation=int(row["generation"] or 0),
        decision=str(row["decision"]),
        reason=str(row["reason"] or ""),
        degraded=bool(row["degraded"]),
        missing=missing,
        handoff_seconds=row.get("handoff_seconds"),
    )


def _object(value: object) -> dict[str, Any]:
    document = json.loads(value) if isinstance(value, str) and value else value
    return document if isinstance(document, dict) else {}


def instant_of(value: object) -> datetime:
    """Return a time of the record, which an adapter may give as text or without its zone (UTC), as an aware one."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
