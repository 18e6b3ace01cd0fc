"""What scrapers have reported: kept message by message, and written to the record by the sweep (behaviour 8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.app.audit.compare import DAYS_AROUND, WINDOW
from shared.app.audit.write import completion_row, write_rows
from shared.app.context import Context
from shared.app.state.lock import Locked, acquire
from shared.app.state.repository import Stored
from shared.app.state.upkeep import touch_upkeep
from shared.core.errors import OutOfTime, Unavailable
from shared.core.model import Completion, RunKey
from shared.core.reporting.findings import Finding, FindingResult, Sweep
from shared.core.texts import amount
from shared.core.workflows.files import PHASE
from shared.core.workflows.reports import ScraperReport, folded, is_superseded, place_of
from shared.documents import document_id, from_data, to_data

REPORTS = "scraper_reports"
# Longer than two days, over which state and record are compared.
KEPT = timedelta(days=3)
AT_ONCE = 500
COMPARED_EVERY = timedelta(hours=24)


def _path(ctx: Context, report: ScraperReport) -> str:
    return f"{REPORTS}/{ctx.policy.pipeline}~{document_id(report.report.message_id)}"


def _data(ctx: Context, kept: ScraperReport) -> Mapping[str, Any]:
    expires_at = kept.report.received_at + KEPT
    return {**to_data(kept), "pipeline": ctx.policy.pipeline, "place": kept.place, "expires_at": expires_at}


def keep(ctx: Context, report: ScraperReport) -> bool:
    """Write a report under its message's id, so that it counts once; False if it is there already."""
    touch_upkeep(ctx)  # the next sweep records it
    return ctx.ports.store.create(_path(ctx, report), _data(ctx, report)) is not None


def completion(ctx: Context, key: RunKey, scraper: str) -> Completion | None:
    """Return what stands of a scraper's reports of a date; None where none is kept."""
    return folded(stored.value.report for stored in _kept(ctx, {"place": place_of(key, scraper)}))


def kept_reports(ctx: Context) -> list[ScraperReport]:
    """Return the reports of the last days, the oldest first."""
    reports = (stored.value for stored in _kept(ctx, {"pipeline": ctx.policy.pipeline}))
    return sorted(reports, key=lambda kept: (kept.report.received_at, kept.report.message_id))


def _kept(ctx: Context, where: Mapping[str, str | bool]) -> list[Stored[ScraperReport]]:
    documents = ctx.ports.store.query(REPORTS, where)
    return [Stored(from_data(ScraperReport, document.data), document.version) for document in documents]


def record_reports(ctx: Context, done: Sweep) -> None:
    """Write to the record what it lacks of the scrapers' reports; what it does not take waits for the next sweep."""
    try:
        waiting = _kept(ctx, {"pipeline": ctx.policy.pipeline, "recorded": False})
        for start in range(0, len(waiting), AT_ONCE):
            if not _write(ctx, waiting[start : start + AT_ONCE]):
                done.wakeups.append(None)
                return
        _compare(ctx, done, ctx.ports.clock.now())
    except OutOfTime as error:
        done.findings.append(Finding("scraper_reports", ctx.policy.pipeline, str(error), FindingResult.FAILED))
        done.wakeups.append(None)


def _write(ctx: Context, reports: list[Stored[ScraperReport]]) -> bool:
    if not _insert(ctx, [stored.value for stored in reports]):
        return False
    for stored in reports:
        assert stored.version is not None
        # A lost race leaves the row to be written again, which the record does not count twice.
        written = replace(stored.value, recorded=True)
        ctx.ports.store.update(_path(ctx, written), _data(ctx, written), stored.version)
    return True


def _insert(ctx: Context, reports: Iterable[ScraperReport]) -> bool:
    by_place: dict[str, list[ScraperReport]] = {}
    for kept in reports:
        by_place.setdefault(kept.place, []).append(kept)
    rows = []
    for place, listed in by_place.items():
        others = [stored.value.report for stored in _kept(ctx, {"place": place})]
        for kept in listed:
            older = is_superseded(kept.report, others)
            rows.append(completion_row(ctx.policy, kept.key, kept.report, superseded=older))
    return write_rows(ctx, rows)


def _compare(ctx: Context, done: Sweep, now: datetime) -> None:
    """Write again, once a day, what the record took and does not hold; a report is of no use to the state.

    What only the record has, because the state was away, comes again as a message.
    """
    memory = ctx.memory
    if memory.scraper_reports_at is not None and now < memory.scraper_reports_at:
        return
    lease = acquire(ctx, f"reconciliation of {PHASE}", COMPARED_EVERY)
    memory.scraper_reports_at = lease.until if isinstance(lease, Locked) else now + COMPARED_EVERY
    if isinstance(lease, Locked):
        return
    today = ctx.policy.local(now).date()
    try:
        rows = ctx.ports.audit.completions(ctx.policy.pipeline, today - DAYS_AROUND, today + DAYS_AROUND)
    except Unavailable as error:
        ctx.log("reconciliation.unreadable", severity="WARNING", error=str(error))
        return
    written = {(row["run_id"], row["message_id"]) for row in rows if row["phase"] == PHASE}
    lost = [
        kept
        for kept in kept_reports(ctx)
        if kept.recorded
        and now - kept.report.received_at < WINDOW
        and (kept.key.id, kept.report.message_id) not in written
    ]
    if lost and _insert(ctx, lost):
        ids = [kept.report.message_id for kept in lost]
        ctx.log("reconciliation.repaired", severity="WARNING", side="record", messages=ids[:50], count=len(ids))
        what = f"{amount(len(ids), 'report')} of scrapers brought to the record"
        done.findings.append(Finding("reconciliation", "", what, FindingResult.DONE))
