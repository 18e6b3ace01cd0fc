"""From bytes on the wire to a `Report`, or to the reason why that can never be (behaviour R1 to R4)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from shared.core.calendar import mode_of
from shared.core.errors import Malformed
from shared.core.model import Lane, Outcome, Report, RunKey
from shared.core.names import Names
from shared.core.policy import Policy

DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# Dates that every zone, store and sum of days can hold.
YEARS = range(1900, 2201)
# In bytes: two reports and those that wait for the record share one document of at most 1 MiB.
MAX_TEXT, MAX_ID, MAX_NAME, MAX_LIST = 2000, 500, 100, 1000
MAX_SHOWN = 100
REPORTED = frozenset(Outcome) - {Outcome.INFERRED}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it arrived. ``data`` is the decoded body, ``phase`` the one whose topic it came by."""

    message_id: str
    phase: str
    data: bytes
    published_at: datetime
    received_at: datetime
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Received:
    """A message understood. ``by_table`` says that only its output table made its processor known (behaviour R2)."""

    key: RunKey
    report: Report
    skip_downstream: bool = False
    by_table: bool = False
    wire_name: str = ""


def parse(delivery: Delivery, policy: Policy, names: Names) -> Received:
    """Understand one completion message; raise ``Malformed`` if nothing can ever make sense of it."""
    body = _object(delivery.data)
    wire_name = _text(body, "processor_name")
    try:
        return _understand(body, wire_name, delivery, policy, names)
    except Malformed as wrong:
        raise Malformed(wrong.kind, wrong.reason, wire_name[:MAX_NAME]) from None


def _understand(body: Mapping[str, Any], wire_name: str, delivery: Delivery, policy: Policy, names: Names) -> Received:
    _own_pipeline(body, policy)
    processor, by_table = _processor(body, wire_name, delivery.phase, names)
    day = _day(body)
    lane = _lane(body)
    published = delivery.published_at
    key = RunKey(policy.pipeline, day, _mode(body, day, published, policy), lane)
    metadata = body.get("metadata") if isinstance(body.get("metadata"), dict) else {}
    assert isinstance(metadata, dict)
    changed = metadata.get("entities_changed")
    changed = changed if isinstance(changed, dict) else {}
    records = _count(body, "record_count")
    expected = _count(body, "expected_count")
    incremental = metadata.get("is_incremental")
    report = Report(
        message_id=delivery.message_id,
        phase=delivery.phase,
        processor=processor,
        outcome=_outcome(body),
        occurred_at=_ended(body, published),
        received_at=delivery.received_at,
        records=records,
        expected_records=expected,
        percent=_percent(metadata, records, expected),
        correlation_id=_text(body, "correlation_id", MAX_ID),
        execution_id=_text(body, "execution_id", MAX_ID),
        output_table=_text(body, "output_table", MAX_ID),
        error=_text(body, "error_message"),
        is_incremental=incremental if isinstance(incremental, bool) else None,
        players=_words(changed.get("players")),
        teams=_words(changed.get("teams")),
        batch_id=_text(metadata, "batch_id", MAX_ID),
        trigger_id=_text(body, "trigger_id", MAX_ID) or _text(delivery.attributes, "trigger_id", MAX_ID),
    )
    skip = body.get("skip_downstream_trigger") is True
    return Received(key, report, skip, by_table, wire_name[:MAX_NAME])


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Malformed("not_json", f"not JSON: {str(error)[:200]}") from None
    if not isinstance(body, dict):
        raise Malformed("not_object", f"not a JSON object but {type(body).__name__}")
    return body


def _text(body: Mapping[str, Any], name: str, most: int = MAX_TEXT) -> str:
    value = body.get(name)
    return _clean(value, most) if isinstance(value, str) else ""


def _clean(text: str, most: int) -> str:
    """Return a text that every store holds: no half characters, no control characters, at most so many bytes."""
    whole = text[:most].encode("utf-8", "replace")[:most].decode("utf-8", "ignore")
    return "".join(c if c.isprintable() else " " for c in whole).strip()


def _shown(value: object) -> str:
    """Return a value that is refused as people read it, of bounded length whatever was sent."""
    if isinstance(value, str):
        return repr(value if len(value) <= MAX_SHOWN else value[:MAX_SHOWN] + "...")
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return repr(value)[:MAX_SHOWN]


def _own_pipeline(body: Mapping[str, Any], policy: Policy) -> None:
    named = body.get("pipeline")
    if named not in (None, "", policy.pipeline):
        raise Malformed("other_pipeline", f"pipeline {_shown(named)} is not {policy.pipeline!r}")


def _processor(body: Mapping[str, Any], wire_name: str, phase: str, names: Names) -> tuple[str, bool]:
    said = body.get("phase")
    if said not in (None, "", phase):
        raise Malformed("wrong_topic", f"wrong topic: phase {_shown(said)} was sent to the topic of {phase}")
    if not wire_name:
        raise Malformed("no_processor", "no processor_name")
    found = names.resolve(phase, wire_name, _text(body, "output_table"), _text(body, "output_dataset"))
    if found is None:
        other = names.elsewhere(phase, wire_name)
        if other is not None:
            raise Malformed(
                "wrong_topic", f"wrong topic: {_shown(wire_name)} belongs to {other}, this is the topic of {phase}"
            )
        raise Malformed("unknown_processor", f"unknown processor {_shown(wire_name)} in {phase}")
    return found.processor, found.by_table


def _day(body: Mapping[str, Any]) -> date:
    value = body.get("game_date")
    if value is None or value == "":
        raise Malformed("no_date", "no game_date")
    if not isinstance(value, str) or not DATE.fullmatch(value):
        raise Malformed("bad_date", f"game_date {_shown(value)} is not a date like 2026-01-21")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise Malformed("bad_date", f"game_date {value!r} does not exist") from None
    if day.year not in YEARS:
        raise Malformed("bad_date", f"game_date {value!r} lies outside the years {YEARS[0]} to {YEARS[-1]}")
    return day


def _lane(body: Mapping[str, Any]) -> Lane:
    if body.get("backfill_mode") is True or body.get("lane") == Lane.BACKFILL.value:
        return Lane.BACKFILL
    if body.get("lane") not in (None, "", Lane.LIVE.value):
        raise Malformed("bad_lane", f"lane {_shown(body.get('lane'))} is neither live nor backfill")
    return Lane.LIVE


def _mode(body: Mapping[str, Any], day: date, published: datetime, policy: Policy) -> str:
    said = body.get("mode")
    if said not in (None, ""):
        if isinstance(said, str) and said in policy.modes:
            return said
        raise Malformed("unknown_mode", f"unknown mode {_shown(said)}")
    mode = mode_of(day, published, policy)
    if mode is None:
        raise Malformed("no_mode", f"no mode of {policy.pipeline} works on {day} at {published.isoformat()}")
    return mode


def _outcome(body: Mapping[str, Any]) -> Outcome:
    value = body.get("status")
    if isinstance(value, str) and value in REPORTED:
        return Outcome(value)
    raise Malformed("unknown_status", f"unknown status {_shown(value)}" if value else "no status")


def _count(body: Mapping[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    # A count that cannot be read must not pass as one that was not sent, which would be done.
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53 and value == int(value):
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
        return int(value)
    raise Malformed("bad_count", f"{name} {_shown(value)} is not a count")


def _ended(body: Mapping[str, Any], published: datetime) -> datetime:
    """Return when the processor ended: a time without a zone is UTC, and none lies after the publication."""
    value = body.get("timestamp")
    if not isinstance(value, str):
        return published
    try:
        ended = datetime.fromisoformat(value)
        ended = ended.replace(tzinfo=UTC) if ended.tzinfo is None else ended.astimezone(UTC)
    except (ValueError, OverflowError):
        return published
    return min(ended, published)


def _percent(metadata: Mapping[str, Any], records: int | None, expected: int | None) -> float | None:
    """Return the completion percentage a report states, None if it states none (behaviour R6)."""
    stated = _number(metadata.get("completion_pct"))
    if stated is not None:
        return stated
    part = _number(metadata.get("completed_predictions"))
    part = part if part is not None else records
    if part is None or not expected:
        return None
    return 100 * part / expected


def _number(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12:
        return float(value)
    return None


def _words(value: object) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else []
    return tuple(_clean(one, MAX_NAME) for one in listed[:MAX_LIST] if isinstance(one, str))
