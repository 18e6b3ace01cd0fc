"""Folding reports into what is known of a processor: events change state (behaviour R5, R6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.core.model import Cause, ClockStarter, Completion, Outcome, Report

REMEMBERED_MESSAGES = 50
REMEMBERED_CAUSES = 10
REMEMBERED_TRIGGERS = 10
# While the record does not answer a document must not outgrow what a store takes.
REMEMBERED_PENDING_AUDIT = 50
SHORT_LIST, SHORT_TEXT = 60, 200
# Of one date; a document must not outgrow what a store takes.
REMEMBERED_UNITS = 5000
WHOLE = frozenset({Outcome.SUCCESS, Outcome.SKIPPED})
GOOD = frozenset({Outcome.SUCCESS, Outcome.PARTIAL, Outcome.SKIPPED, Outcome.INFERRED})
COUNTED = frozenset({Outcome.SUCCESS, Outcome.PARTIAL})
NO_CAUSE = "no cause given"


def apply_report(completion: Completion | None, report: Report) -> Completion:
    """Return what is known after this report; the same message twice changes nothing.

    The latest outcome by ``occurred_at`` counts, whatever the order of arrival; at the same
    instant the one received later.
    """
    completion = completion or Completion(report.phase, report.processor)
    if report.message_id in completion.message_ids:
        return completion
    updated = replace(
        completion,
        message_ids=(*completion.message_ids, report.message_id)[-REMEMBERED_MESSAGES:],
        last_received_at=_later(completion.last_received_at, report.received_at),
        trigger_ids=_with_trigger(completion.trigger_ids, report.trigger_id),
        pending_audit=(*completion.pending_audit, _with_pending_audit(report))[-REMEMBERED_PENDING_AUDIT:],
    )
    if report.source:
        own = _folded(completion.sources.get(report.source, Completion(report.phase, report.processor)), report)
        updated = replace(updated, sources={**completion.sources, report.source: own})
    return _folded(updated, report)


def _folded(completion: Completion, report: Report) -> Completion:
    if report.outcome is Outcome.STARTED:
        return replace(completion, started_at=_later(completion.started_at, report.received_at))
    return _with_outcome(completion, report)


def _stands(latest: Report | None, report: Report) -> bool:
    """Say whether a report replaces the one that counts now: the later one does.

    An incremental one never lowers what counts: against more records, or a better outcome, it is only kept (R10).
    """
    if latest is None:
        return True
    later, earlier = (report, latest) if report.occurred_at >= latest.occurred_at else (latest, report)
    return (earlier if _lowers(later, earlier) else later) is report


def _lowers(later: Report, earlier: Report) -> bool:
    if later.is_incremental is not True or earlier.outcome not in GOOD:
        return False
    if later.outcome not in GOOD or (later.outcome is Outcome.PARTIAL and earlier.outcome is Outcome.SUCCESS):
        return True
    return later.records is not None and earlier.records is not None and later.records < earlier.records


def _with_outcome(completion: Completion, report: Report) -> Completion:
    latest = completion.latest
    stands = _stands(latest, report)
    after = replace(
        completion,
        latest=report if stands else latest,
        superseded=completion.superseded + (latest is not None),
        added=completion.added + (report.records or 0 if report.outcome in COUNTED else 0),
        units=_with_unit(completion.units, report),
    )
    if report.outcome is Outcome.FAILED:
        return replace(after, failures=_count_failure(after, report))
    if report.outcome not in GOOD or not _stands(completion.last_good, report):
        return after
    # A good report ends the series of failures, unless a failure that came after it counts.
    failures = () if stands else after.failures
    clock_starters = _with_clock_starter(completion.clock_starters, report) if stands else completion.clock_starters
    return replace(after, last_good=report, clock_starters=clock_starters, failures=failures)


def _with_unit(units: tuple[str, ...], report: Report) -> tuple[str, ...]:
    """Add the unit of a whole report; one that is not whole any more is taken out (behaviour R10).

    Reports of one unit are told apart by their arrival: those of others say nothing of when it was told of last.
    """
    if not report.unit or (report.outcome in WHOLE) is (report.unit in units):
        return units
    if report.outcome in WHOLE:
        return (*units, report.unit)[-REMEMBERED_UNITS:]
    return tuple(unit for unit in units if unit != report.unit)


def _count_failure(completion: Completion, report: Report) -> tuple[Cause, ...]:
    if completion.last_good is not None and report.occurred_at <= completion.last_good.occurred_at:
        return completion.failures
    text = report.error.strip()[:200] or NO_CAUSE
    before = next((cause.count for cause in completion.failures if cause.text == text), 0)
    others = (cause for cause in completion.failures if cause.text != text)
    counted = sorted((Cause(text, before + 1), *others), key=lambda cause: -cause.count)
    return tuple(counted[:REMEMBERED_CAUSES])


def _with_pending_audit(report: Report) -> Report:
    """Return a report as it waits for the record: what is long stays in the latest report, where there is room."""
    long = sum(map(len, report.entities.values())) > SHORT_LIST
    if not long and len(report.error) <= SHORT_TEXT:
        return report
    return replace(report, error=report.error[:SHORT_TEXT], entities={} if long else report.entities)


def _with_trigger(trigger_ids: tuple[str, ...], trigger_id: str) -> tuple[str, ...]:
    """Add the trigger that a report names, the newest last."""
    if not trigger_id:
        return trigger_ids
    return (*(name for name in trigger_ids if name != trigger_id), trigger_id)[-REMEMBERED_TRIGGERS:]


def _with_clock_starter(clock_starters: tuple[ClockStarter, ...], report: Report) -> tuple[ClockStarter, ...]:
    """Add a report that may start the clock, unless an earlier one starts it whenever this one would."""
    partial = report.outcome is Outcome.PARTIAL
    records = report.records if report.outcome in (Outcome.SUCCESS, Outcome.PARTIAL) else None
    for earlier in clock_starters:
        if earlier.skipped and report.outcome is not Outcome.SKIPPED:
            continue
        as_many = earlier.records is None or (records is not None and earlier.records >= records)
        if as_many and (partial or not earlier.partial):
            return clock_starters
    return (*clock_starters, ClockStarter(report.received_at, records, partial, report.outcome is Outcome.SKIPPED))


def _later(moment: datetime | None, other: datetime) -> datetime:
    return other if moment is None else max(moment, other)
