"""Comparing state and record over two days, and repairing either side from the other (behaviour 8).

What the state knows and the record does not is written there; a report that only the record took,
because the state store was away, is folded into the state as if it had been delivered, and the
decisions that follow are the sweep's as always.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from shared.app.audit.rows import instant_of, report_of
from shared.app.audit.write import completion_row, write_rows
from shared.app.context import Context
from shared.app.state.digest import read_completions
from shared.app.state.lock import Locked, acquire
from shared.app.state.opening import ensure_exists
from shared.app.state.reports import store_report
from shared.app.state.repository import (
    completions_path,
    readable,
)
from shared.core.calendar import closes_at
from shared.core.decision.fold import REMEMBERED_MESSAGES
from shared.core.errors import Unavailable
from shared.core.model import Completion, Lane, Report, RunKey
from shared.core.reporting.findings import Finding, FindingResult
from shared.core.texts import amount

EVERY = timedelta(hours=1)
WINDOW = timedelta(hours=48)
DAYS_AROUND = timedelta(days=4)


@dataclass(frozen=True, slots=True)
class Compared:
    """Reports that one side did not have, by message id; and when both are compared again."""

    audit_lacked: tuple[str, ...] = ()
    state_lacked: tuple[str, ...] = ()
    again_at: datetime | None = None


def compare(ctx: Context, findings: list[Finding], *, now_due: bool) -> Compared:
    """Compare once an hour, or at once after an outage of the state store; what cannot be read is left for later."""
    lock = acquire(ctx, "reconciliation", EVERY)
    if isinstance(lock, Locked) and not now_due:
        return Compared(again_at=lock.until)
    now = ctx.ports.clock.now()
    again_at = lock.until if isinstance(lock, Locked) else lock.expires_at
    today = ctx.policy.local(now).date()
    first, last = today - DAYS_AROUND, today + DAYS_AROUND
    try:
        rows = _recent(ctx.ports.audit.completions(ctx.policy.pipeline, first, last), now)
    except Unavailable as error:
        ctx.log("reconciliation.unreadable", severity="WARNING", error=str(error))
        findings.append(
            Finding("reconciliation", "", f"the record cannot be read: {error.reason}", FindingResult.SKIPPED)
        )
        return Compared(again_at=again_at)
    by_run, closed = _known(ctx, first, last)
    to_record = _to_audit_log(ctx, by_run, closed, rows, now)
    result = Compared(to_record, _to_state(ctx, by_run, rows, now), again_at)
    for what, ids in (("record", result.audit_lacked), ("state", result.state_lacked)):
        if ids:
            ctx.log("reconciliation.repaired", severity="WARNING", side=what, messages=list(ids[:50]), count=len(ids))
            findings.append(
                Finding("reconciliation", "", f"{amount(len(ids), 'report')} brought to the {what}", FindingResult.DONE)
            )
    return result


Known = Mapping[RunKey, Mapping[tuple[str, str], Completion]]


def _recent(rows: Iterable[Mapping[str, Any]], now: datetime) -> list[Mapping[str, Any]]:
    since = now - WINDOW
    return [row for row in rows if instant_of(row["received_at"]) >= since]


def _known(ctx: Context, first: date, last: date) -> tuple[Known, frozenset[RunKey]]:
    """Return the completions of every run of these dates, and which of the runs are closed."""
    documents = ctx.ports.store.query("runs", {"pipeline": ctx.policy.pipeline})
    runs = [run.value for run in readable(documents)[0] if first <= run.value.key.day <= last]
    by_run = {}
    for run in runs:
        reading = read_completions(ctx.ports.store, completions_path(run.key), run.key, digested=run.digested)
        listed = reading.completions.values()
        by_run[run.key] = {(completion.phase, completion.processor): completion for completion in listed}
    return by_run, frozenset(run.key for run in runs if run.closed_at is not None)


def _to_audit_log(
    ctx: Context, by_run: Known, closed: frozenset[RunKey], rows: list[Mapping[str, Any]], now: datetime
) -> tuple[str, ...]:
    """Write to the record what only the state has."""
    written = {(row["run_id"], row["message_id"]) for row in rows}
    lacking = [
        (key, report, report != completion.latest)
        for key, completions in by_run.items()
        for completion in completions.values()
        for report in _held(completion, closed=key in closed)
        if now - report.received_at < WINDOW and (key.id, report.message_id) not in written
    ]
    listed = [completion_row(ctx.policy, key, report, superseded=older) for key, report, older in lacking]
    if not write_rows(ctx, listed):
        return ()
    return tuple(sorted(report.message_id for _, report, _ in lacking))


def _held(completion: Completion, *, closed: bool) -> list[Report]:
    """Return the reports that the record must have by now.

    What still waits in a document is the next flush's, but for a run that is closed no flush comes.
    """
    kept = [report for report in (completion.latest, completion.last_good) if report is not None]
    waiting = {report.message_id for report in completion.pending_audit}
    if closed:
        kept += completion.pending_audit
        waiting = set()
    return list({report.message_id: report for report in kept if report.message_id not in waiting}.values())


def _to_state(ctx: Context, by_run: Known, rows: list[Mapping[str, Any]], now: datetime) -> tuple[str, ...]:
    """Fold into the state what only the record has, oldest first."""
    seen = {(key.id, m) for key, completions in by_run.items() for c in completions.values() for m in c.message_ids}
    unseen = (row for row in rows if (row["run_id"], row["message_id"]) not in seen)
    brought = []
    for row in sorted(unseen, key=lambda row: instant_of(row["received_at"])):
        key = _key(ctx, row)
        if key is None or now >= closes_at(key, now, ctx.policy):
            continue
        completion = by_run.get(key, {}).get((row["phase"], row["processor_name"]))
        if completion is not None and _was_counted(completion, row):
            continue
        if _fold(ctx, key, report_of(row)):
            brought.append(str(row["message_id"]))
    return tuple(brought)


def _was_counted(completion: Completion, row: Mapping[str, Any]) -> bool:
    """Say whether a document has seen a message; once it has forgotten its oldest, an old one counts as seen."""
    if row["message_id"] in completion.message_ids:
        return True
    latest = completion.latest
    full = len(completion.message_ids) >= REMEMBERED_MESSAGES
    return full and latest is not None and instant_of(row["completed_at"]) < latest.occurred_at


def _fold(ctx: Context, key: RunKey, report: Report) -> bool:
    ensure_exists(ctx.ports.store, ctx.policy, key, report.received_at)  # and due: the next sweep decides on it
    return store_report(ctx.ports.store, ctx.policy, key, report, ctx.ports.clock).changed


def _key(ctx: Context, row: Mapping[str, Any]) -> RunKey | None:
    """Return the run of a row, None if today's policy does not know its mode, phase or processor."""
    phase = ctx.policy.phases.get(row["phase"])
    if row["mode"] not in ctx.policy.modes or phase is None or row["processor_name"] not in phase.processors:
        return None
    day = row["game_date"] if isinstance(row["game_date"], date) else date.fromisoformat(row["game_date"])
    lane = Lane.BACKFILL if str(row["run_id"]).endswith("/backfill") else Lane.LIVE
    return RunKey(ctx.policy.pipeline, day, row["mode"], lane)
