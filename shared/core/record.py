"""Folding reports into what is known of a processor: events change state (behaviour R5, R6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.core.model import Cause, Completion, Opener, Outcome, Report

REMEMBERED_MESSAGES = 50
REMEMBERED_CAUSES = 10
REMEMBERED_TRIGGERS = 10
# While the record is away a document must not outgrow what a store takes.
REMEMBERED_UNRECORDED = 50
SHORT_LIST, SHORT_TEXT = 60, 200
GOOD = frozenset({Outcome.SUCCESS, Outcome.PARTIAL, Outcome.SKIPPED, Outcome.INFERRED})
NO_CAUSE = "no cause given"


def record(known: Completion | None, report: Report) -> Completion:
    """Return what is known after this report; the same message twice changes nothing.

    The latest outcome by ``occurred_at`` stands, whatever the order of arrival; at the same
    instant the one received later.
    """
    known = known or Completion(report.phase, report.processor)
    if report.message_id in known.message_ids:
        return known
    seen = replace(
        known,
        message_ids=(*known.message_ids, report.message_id)[-REMEMBERED_MESSAGES:],
        last_received_at=_later(known.last_received_at, report.received_at),
        trigger_ids=_with_trigger(known.trigger_ids, report.trigger_id),
        unrecorded=(*known.unrecorded, _for_record(report))[-REMEMBERED_UNRECORDED:],
    )
    if report.outcome is Outcome.STARTED:
        return replace(seen, started_at=_later(seen.started_at, report.received_at))
    return _with_outcome(seen, report)


def _with_outcome(known: Completion, report: Report) -> Completion:
    latest = known.latest
    stands = latest is None or report.occurred_at >= latest.occurred_at
    after = replace(
        known,
        latest=report if stands else latest,
        superseded=known.superseded + (latest is not None),
    )
    if report.outcome is Outcome.FAILED:
        return replace(after, failures=_count_failure(after, report))
    if report.outcome not in GOOD or not (known.good is None or report.occurred_at >= known.good.occurred_at):
        return after
    # A good report ends the series of failures, unless a failure that came after it stands.
    failures = () if stands else after.failures
    openers = _with_opener(known.openers, report) if stands else known.openers
    return replace(after, good=report, openers=openers, failures=failures)


def _count_failure(known: Completion, report: Report) -> tuple[Cause, ...]:
    if known.good is not None and report.occurred_at <= known.good.occurred_at:
        return known.failures
    text = report.error.strip()[:200] or NO_CAUSE
    before = next((cause.count for cause in known.failures if cause.text == text), 0)
    others = (cause for cause in known.failures if cause.text != text)
    counted = sorted((Cause(text, before + 1), *others), key=lambda cause: -cause.count)
    return tuple(counted[:REMEMBERED_CAUSES])


def _for_record(report: Report) -> Report:
    """Return a report as it waits for the record: what is long stays in the latest report, where there is room."""
    long = sum(map(len, report.entities.values())) > SHORT_LIST
    if not long and len(report.error) <= SHORT_TEXT:
        return report
    return replace(report, error=report.error[:SHORT_TEXT], entities={} if long else report.entities)


def _with_trigger(known: tuple[str, ...], trigger_id: str) -> tuple[str, ...]:
    """Add the trigger that a report names, the newest last."""
    if not trigger_id:
        return known
    return (*(name for name in known if name != trigger_id), trigger_id)[-REMEMBERED_TRIGGERS:]


def _with_opener(openers: tuple[Opener, ...], report: Report) -> tuple[Opener, ...]:
    """Add a report that may start the clock, unless an earlier one starts it whenever this one would."""
    partial = report.outcome is Outcome.PARTIAL
    records = report.records if report.outcome in (Outcome.SUCCESS, Outcome.PARTIAL) else None
    for earlier in openers:
        as_many = earlier.records is None or (records is not None and earlier.records >= records)
        if as_many and (partial or not earlier.partial):
            return openers
    return (*openers, Opener(report.received_at, records, partial))


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)
