"""Files of scrapers: what is announced is kept, and announced again where it became no rows (section 9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.app.context import Context
from shared.app.state.repository import Stored, completion_path, read_completion
from shared.app.state.upkeep import touch_upkeep
from shared.app.transitions.readings import read_rows
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.message import Received
from shared.core.model import Outcome, RunKey
from shared.core.policy.phases import Processor
from shared.core.reporting.findings import Finding, FindingResult, Sweep
from shared.core.severity import Severity
from shared.core.texts import say
from shared.core.workflows.files import MOST, ScraperFile, counted, is_due, is_refused, looked_at, topic_of
from shared.core.workflows.model import Workflows
from shared.documents import document_id, from_data, to_data
from shared.ports import Message

FILES = "scraper_files"
KEPT = timedelta(days=3)
EXHAUSTED = "announced as often as it may be"
DONE = (Outcome.SUCCESS, Outcome.PARTIAL, Outcome.INFERRED)


def announced(ctx: Context, workflows: Workflows, received: Received, body: Mapping[str, Any]) -> None:
    """Keep the file that a report of a scraper tells of, if a processor is to make rows of it.

    A file is known by its scraper, date and execution: what is told of it twice is one file.
    """
    report, key = received.report, received.key
    processor = workflows.scrapers[report.processor].processor
    if processor is None or report.outcome is not Outcome.SUCCESS:
        return
    now = ctx.ports.clock.now()
    file_id = document_id(f"{report.processor}/{key.day.isoformat()}/{report.execution_id or report.message_id}")
    file = ScraperFile(
        ctx.policy.pipeline, file_id, report.processor, processor, key.day, now, dict(body), expires_at=now + KEPT
    )
    touch_upkeep(ctx)
    ctx.ports.store.create(_path(file), to_data(file))


def _path(file: ScraperFile) -> str:
    return f"{FILES}/{file.pipeline}~{file.id}"


def announce_again(ctx: Context, done: Sweep, now: datetime) -> None:
    """Look at the files whose time has come, close those that became rows, announce the others again."""
    waiting = _files(ctx, {"pipeline": ctx.policy.pipeline, "closed_for": ""})
    done.wakeups += [looked_at(stored.value, now) for stored in waiting]
    due = [stored for stored in waiting if is_due(stored.value, now)]
    if not due:
        return
    left: list[Stored[ScraperFile]] = []
    for stored in due:
        reason = _closed_for(ctx, stored.value)
        if reason is None:
            left.append(stored)
        elif reason:
            _save(ctx, stored, replace(stored.value, closed_for=reason))
    if not left:
        return
    of = counted([stored.value for stored in _files(ctx, {"pipeline": ctx.policy.pipeline})], now)
    missing_ids = {stored.value.id for stored in left}
    missing = sum(file.id in missing_ids or (file.again > 0 and file.closed_for in ("", EXHAUSTED)) for file in of)
    if is_refused(missing, len(of)):
        done.say(_refused(ctx, missing, len(of)))
        done.findings.append(
            Finding("files", ctx.policy.pipeline, f"{missing} of {len(of)} missing", FindingResult.SKIPPED)
        )
        done.wakeups.append(None)
        return
    for stored in left:
        _again(ctx, done, stored, now)


def _again(ctx: Context, done: Sweep, stored: Stored[ScraperFile], now: datetime) -> None:
    file = stored.value
    after = replace(file, again=file.again + 1, again_at=now)
    if after.again >= MOST:
        after = replace(after, closed_for=EXHAUSTED)
    if not _save(ctx, stored, after):
        return
    message = Message({**file.message, "recovery": True}, {"pipeline": file.pipeline, "recovery": "true"})
    ctx.ports.bus.publish(topic_of(file.pipeline), [message])
    ctx.log("scraper_file.announced_again", scraper=file.scraper, file=file.id, time=after.again)
    done.findings.append(Finding("file", file.id, f"{file.scraper} announced again", FindingResult.DONE))
    done.wakeups.append(looked_at(after, now))


def _closed_for(ctx: Context, file: ScraperFile) -> str | None:
    """Return why nobody waits for a file's rows any more, "" where that cannot be read, None where it became none."""
    place = _processor(ctx, file.processor)
    if place is None:
        return "its processor has left the policy"
    phase, processor = place
    if _completed(ctx, file, phase):
        return "its processor has reported"
    tables = [part.table for part in processor.parts if part.table is not None]
    rows = read_rows(ctx, [processor], file.day)
    if tables and all(rows.get(table) is None for table in tables):
        return ""
    return "its table holds rows" if any(rows.get(table) for table in tables) else None


def _processor(ctx: Context, name: str) -> tuple[str, Processor] | None:
    for phase in ctx.policy.phases.values():
        if name in phase.processors:
            return phase.name, phase.processors[name]
    return None


def _completed(ctx: Context, file: ScraperFile, phase: str) -> bool:
    """True where the processor has reported a success for the date since the file was announced."""
    keys = [RunKey(ctx.policy.pipeline, file.day, mode) for mode in ctx.policy.modes]
    for document in ctx.ports.store.get(*(completion_path(key, phase, file.processor) for key in keys)):
        stored = read_completion(document)
        report = None if stored is None else stored.value.last_good
        if report is not None and report.outcome in DONE and report.received_at >= file.announced_at:
            return True
    return False


def _files(ctx: Context, where: Mapping[str, str]) -> list[Stored[ScraperFile]]:
    documents = ctx.ports.store.query(FILES, where)
    return [Stored(from_data(ScraperFile, document.data), document.version) for document in documents]


def _save(ctx: Context, stored: Stored[ScraperFile], after: ScraperFile) -> bool:
    assert stored.version is not None
    return ctx.ports.store.update(_path(after), to_data(after), stored.version) is not None


def _refused(ctx: Context, missing: int, of: int) -> Condition:
    what = f"{missing} of {of} files that scrapers announced in the last 24 hours became no rows"
    then = "none of them is announced again: something larger is wrong"
    text = say(ctx.policy.pipeline, "", what, then, "look at the subscription and the service of phase 2")
    return Condition(AlertKind.FILES_REFUSED, Severity.WARNING, ctx.policy.pipeline, "", "", text)
