"""What is odd about the reports of single processors, before and after the trigger (behaviour R6, R10, R12, D8)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from shared.core import commands
from shared.core.alerting.condition import Condition, of_transition
from shared.core.alerting.kinds import AlertKind
from shared.core.decision.completeness import Completeness, ProcessorStatus, Status
from shared.core.decision.refresh import another_may_follow, refresh_causes
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import State
from shared.core.texts import amount

SAME_FAILURE = 3


def of_reports(snapshot: DecisionInput, completeness: Completeness) -> Iterator[Condition]:
    """Yield what is odd about single processors' reports (behaviour R6)."""
    for name in sorted(completeness.expected):
        at = completeness.statuses[name]
        yield from _by_units(snapshot, at)
        if at.status is Status.UNDER_MINIMUM and at.report is not None and at.needs_rows is None:
            records = amount(at.report.records, "record")
            what = f"{name} reported {records} of at least {at.min_records}: not counted as done"
            yield of_transition(
                snapshot,
                AlertKind.UNDER_MINIMUM,
                name,
                what,
                "its next report may repair it",
                f"look at the run of {name} and its source",
            )
        if at.counter_missing and at.report is not None:
            what = (
                f"counter missing: {name} reported {amount(at.report.records, 'record')} while its table holds enough"
            )
            yield of_transition(
                snapshot,
                AlertKind.COUNTER_MISSING,
                name,
                what,
                "it is counted as done",
                f"make {name} report its record count",
            )
        completion = snapshot.completions.get(name)
        cause = completion.failures[0] if completion is not None and completion.failures else None
        if cause is not None and cause.count >= SAME_FAILURE and at.status is not Status.DONE:
            what = f"{name} failed {cause.count} times for the same reason: {cause.text}"
            yield of_transition(snapshot, AlertKind.FAILING, name, what, "", f"repair {name}")
        if at.report is not None and at.report.outcome.value == "inferred":
            what = f"{name} wrote its table but reported nothing; taken as completed from its output"
            yield of_transition(
                snapshot, AlertKind.SILENT, name, what, "it counts as done", f"make {name} publish its completions"
            )


def _by_units(snapshot: DecisionInput, at: ProcessorStatus) -> Iterator[Condition]:
    """Yield what a table lacks of a date, and who says that nothing was done (behaviour R10, R12)."""
    name, report = at.processor, at.report
    if report is None or at.asks:
        return
    if at.status is Status.UNITS_SHORT and not at.per_unit and at.shortfall is not None:
        what = f"{name} reported success, and its table is short: {at.shortfall.text}"
        then, do = "it is not counted as done; the next report may repair it", f"look at the source of {name}"
        yield of_transition(snapshot, AlertKind.UNITS_SHORT, name, what, then, do)
    if at.status is Status.NOTHING:
        cause = f" ({report.error})" if report.error else ""
        counted = (
            "skipped" if report.records is None else f"{report.outcome.value} with {amount(report.records, 'record')}"
        )
        what = f"{name} reported {counted}{cause} on a date with {snapshot.policy.unit}s, and its table holds no rows"
        then, do = "it is not counted as done; rows in its table make it count", f"look at the run of {name}"
        yield of_transition(snapshot, AlertKind.NOTHING, name, what, then, do)
    if at.nothing_to_do:
        what = f"{name} had nothing to do: 0 of 0 expected"
        then = "it counts as done; the gates decide"
        yield of_transition(snapshot, AlertKind.NOTHING_TO_DO, name, what, then)


def of_late_reports(snapshot: DecisionInput, completeness: Completeness, now: datetime) -> Iterator[Condition]:
    """Yield what arrived after the trigger and starts nothing again (behaviour D8)."""
    carried = snapshot.state.accepted_plan
    resting = snapshot.state.state not in (State.CLAIMED, State.OBSERVED)
    if carried is None or another_may_follow(snapshot, now) or not resting:
        return
    for name in sorted(refresh_causes(snapshot, completeness, carried)):
        report = completeness.statuses[name].report
        count = "" if report is None or report.records is None else f" with {amount(report.records, 'record')}"
        clause = (
            "was missing at the trigger and has arrived" if name in carried.missing else "has grown since the trigger"
        )
        what = f"{name} {clause}{count}; nothing is triggered again"
        again = commands.trigger(snapshot.transition.name, snapshot.key, f"{name} {clause}")
        do = f"if it matters: {again}"
        yield of_transition(snapshot, AlertKind.LATE, name, what, "", do)
