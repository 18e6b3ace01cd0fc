"""Comparing state and record without touching either: what reconciliation has not repaired yet (behaviour 8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from shared.app.audit.compare import DAYS_AROUND, WINDOW
from shared.app.context import Context
from shared.app.state.repository import load_run
from shared.app.workflows.reports import kept_reports
from shared.core.decision.fold import REMEMBERED_MESSAGES
from shared.core.model import Completion, Run
from shared.core.validation.checks import Target
from shared.core.validation.verdict import Measure, Measured
from shared.documents import from_data


def state_against_record(ctx: Context, target: Target, options: Mapping[str, Any]) -> Measured:
    """Count the reports of 48 hours that only one of state and record has; the latest minutes are left out."""
    first, last = target.day_start.date() - DAYS_AROUND, target.day_start.date() + DAYS_AROUND
    earliest, latest = target.now - WINDOW, target.now - options["grace"]
    rows = [
        row
        for row in ctx.ports.audit.completions(ctx.policy.pipeline, first, last)
        if earliest <= _instant(row["received_at"]) <= latest
    ]
    completions = _known(ctx, first, last)
    # Those of scrapers are kept one by one, and belong to no run.
    kept = {(kept.key.id, kept.report.message_id): kept.report.received_at for kept in kept_reports(ctx)}
    record_lacks = _unwritten(completions, kept, rows, earliest, latest)
    unkept = [row for row in rows if _message_of(row) not in kept]
    state_lacks = [str(row["message_id"]) for row in unkept if not _counted(completions.get(_row_key(row)), row)]
    return Measured((_lacking("record", record_lacks), _lacking("state", state_lacks)))


Known = Mapping[tuple[str, str, str], Completion]


def _known(ctx: Context, first: date, last: date) -> Known:
    by_place: dict[tuple[str, str, str], Completion] = {}
    for document in ctx.ports.store.query("runs", {"pipeline": ctx.policy.pipeline}):
        key = from_data(Run, document.data).key
        if not first <= key.day <= last:
            continue
        for phase, completions in load_run(ctx.ports.store, key).completions.items():
            by_place.update({(key.id, phase, name): completion for name, completion in completions.items()})
    return by_place


def _unwritten(
    completions: Known,
    kept: Mapping[tuple[str, str], datetime],
    rows: Iterable[Mapping[str, Any]],
    earliest: datetime,
    latest: datetime,
) -> list[str]:
    reports = {
        (place[0], report.message_id): report.received_at
        for place, completion in completions.items()
        for report in (completion.latest, completion.last_good)
        if report is not None
    }
    judged = {message for message, received in {**reports, **kept}.items() if earliest <= received <= latest}
    return sorted(message_id for _, message_id in judged - set(map(_message_of, rows)))


def _message_of(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row["run_id"]), str(row["message_id"])


def _counted(completion: Completion | None, row: Mapping[str, Any]) -> bool:
    """Say whether the state has seen a message; a full document has forgotten its oldest ones."""
    if completion is None:
        return False
    return row["message_id"] in completion.message_ids or len(completion.message_ids) >= REMEMBERED_MESSAGES


def _row_key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(row["run_id"]), str(row["phase"]), str(row["processor_name"])


def _lacking(side: str, messages: list[str]) -> Measure:
    note = "" if not messages else f"it lacks {', '.join(messages[:3])}{' ...' if len(messages) > 3 else ''}"
    return Measure(f"{side} lacks", float(len(messages)), note=note)


def _instant(value: object) -> datetime:
    instant = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
