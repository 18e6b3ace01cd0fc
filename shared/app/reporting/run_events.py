"""Everything that happened to one run, in order: deliveries as they came, decisions, dispatches, what people did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.app.alerting import outbox
from shared.app.audit.rows import report_of
from shared.app.context import Context
from shared.app.quarantine.rows import rows as quarantined_rows
from shared.app.reporting.decisions import Decisions, decisions
from shared.app.state.repository import Loaded, load_run
from shared.core.alerting.alert import Alert
from shared.core.alerting.quiet import SAYS
from shared.core.calendar import working_day
from shared.core.model import Logged, Report, Run, RunKey
from shared.core.texts import amount, day_time, names

BY_OPERATOR = "operator_"
DISPATCHES = frozenset({Logged.TRIGGER, Logged.REDISPATCH})


class RunEventKind(StrEnum):
    """What an event is; at one moment they happen in this order."""

    OPENED = "opened"
    DELIVERY = "delivery"
    QUARANTINED = "quarantined"
    OPERATOR = "operator"
    DECISION = "decision"
    DISPATCH = "dispatch"
    REPAIR = "repair"
    ALERT = "alert"
    OVER = "over"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One thing that happened. ``where`` is the phase or transition; ``by`` and ``reason`` are a person's;
    ``message_ids`` those of the messages that it is of, of which there were ``count``."""

    at: datetime
    kind: RunEventKind
    where: str
    text: str
    by: str = ""
    reason: str = ""
    message_ids: tuple[str, ...] = ()
    count: int = 1


def run_events(ctx: Context, key: RunKey) -> list[RunEvent] | None:
    """Return everything that is known to have happened to a run, oldest first; None where nothing is known of it.

    Deliveries and decisions come from the record, and from the state where they wait for it. A message that came twice
    is one delivery: the second changes nothing and is stored nowhere (behaviour R5). Raises ``Unavailable`` if state or
    record does not answer.
    """
    loaded = load_run(ctx.ports.store, key)
    events = [*_deliveries(ctx, key, loaded), *_decisions(key, decisions(ctx, key, loaded))]
    if loaded.run is None and not events:
        return None
    if loaded.run is not None:
        events += _of_run(loaded.run.value)
    events += [*_acts(loaded), *_quarantined(ctx, key), *_alerts(ctx, key)]
    order = list(RunEventKind)
    return sorted(events, key=lambda event: (event.at, order.index(event.kind), event.where, event.text))


def _deliveries(ctx: Context, key: RunKey, loaded: Loaded) -> Iterator[RunEvent]:
    recorded = (row for row in ctx.ports.audit.completions(key.pipeline, key.day, key.day) if row["run_id"] == key.id)
    reports = {report.message_id: report for report in map(report_of, recorded)}
    for phase in loaded.completions.values():
        for completion in phase.values():
            reports |= {report.message_id: report for report in completion.pending_audit}
    latest: dict[tuple[str, str], Report] = {}
    same: dict[tuple[object, ...], str] = {}
    for report in sorted(reports.values(), key=lambda report: (report.received_at, report.message_id)):
        before = latest.get((report.phase, report.processor))
        content = (report.phase, report.processor, report.outcome, report.occurred_at, report.records, report.error)
        first = same.setdefault(content, report.message_id)
        notes = _report_notes(report, before, first)
        if before is None or report.occurred_at >= before.occurred_at:
            latest[report.phase, report.processor] = report
        yield RunEvent(
            report.received_at,
            RunEventKind.DELIVERY,
            report.phase,
            f"{report.processor} {_reported(report)}{notes}",
            message_ids=(report.message_id,),
        )


def _reported(report: Report) -> str:
    records = "" if report.records is None else f", {amount(report.records, 'record')}"
    error = f": {report.error[:200]}" if report.error else ""
    return f"{report.outcome.value.replace('_', ' ')}{records}{error}"


def _report_notes(report: Report, before: Report | None, first: str) -> str:
    if first != report.message_id:
        return f" (the same as {first})"
    if before is not None and report.occurred_at < before.occurred_at:
        return f" (older than {before.message_id}: superseded)"
    return ""


def _decisions(key: RunKey, by_transition: Decisions) -> Iterator[RunEvent]:
    for transition, entries in by_transition.items():
        for entry in entries:
            if entry.decision.startswith(BY_OPERATOR):
                continue  # the state has who and why
            without = f", degraded without {names(entry.missing)}" if entry.degraded else ""
            what = entry.decision.replace("_", " ")
            if entry.decision in DISPATCHES:
                sent = f"{what} by {entry.reason} as {key.trigger_id(transition, entry.generation)}{without}"
                yield RunEvent(entry.at, RunEventKind.DISPATCH, transition, sent)
            else:
                why = f": {entry.reason}" if entry.reason else ""
                yield RunEvent(entry.at, RunEventKind.DECISION, transition, f"{what}{why}{without}")


def _acts(loaded: Loaded) -> Iterator[RunEvent]:
    for name, stored in loaded.transitions.items():
        for act in stored.value.acts:
            yield RunEvent(act.at, RunEventKind.OPERATOR, name, act.verb, act.by or "an operator", act.reason)


def _of_run(run: Run) -> Iterator[RunEvent]:
    yield RunEvent(run.opened_at, RunEventKind.OPENED, "", "the run is opened")
    if run.reopened_at is not None:
        yield RunEvent(run.reopened_at, RunEventKind.OPENED, "", "the run is opened again")
    if run.closed_at is not None:
        yield RunEvent(run.closed_at, RunEventKind.CLOSED, "", "the run is closed")
    for phase, repair in run.repairs.items():
        if repair.last_at is not None:
            whom = f" for {names(repair.asked)}" if repair.asked else ""
            what = repair.failure.text if repair.failure is not None else repair.answer or "accepted"
            why = f" because {repair.why}" if repair.why else ""
            text = f"asked to run again{whom}{why}, {amount(repair.attempts, 'accepted call')}: {what}"
            yield RunEvent(repair.last_at, RunEventKind.REPAIR, phase, text)


def _quarantined(ctx: Context, key: RunKey) -> Iterator[RunEvent]:
    """Yield what could not be understood and may have been meant for the run: of its date, whatever the mode, and of
    the day on which it is worked on, by which messages are kept whose date cannot be read."""
    for row in quarantined_rows(ctx, None):
        if row.day not in (key.day, working_day(key, ctx.policy)):
            continue
        for body in row.bodies:
            who = row.processor or "no processor"
            replayed = f"; replayed {day_time(ctx.policy, body.replayed_at)}" if body.replayed_at is not None else ""
            text = f"{who}: {body.reason}{replayed}"
            yield RunEvent(
                body.received_at,
                RunEventKind.QUARANTINED,
                row.phase,
                text,
                body.replayed_by,
                body.replayed_for,
                body.message_ids,
                body.count,
            )


def _alerts(ctx: Context, key: RunKey) -> Iterator[RunEvent]:
    alerts: Iterable[Alert] = (
        outbox.read(document).alert for document in ctx.ports.store.query(outbox.COLLECTION, {"run": key.id})
    )
    for alert in alerts:
        line = (alert.text.splitlines() or [alert.kind])[0]
        short = line.removeprefix(f"{alert.run} {alert.transition}".strip()).removeprefix(": ").strip()
        yield RunEvent(
            alert.first_at, RunEventKind.ALERT, alert.transition, f"{alert.severity}: {short}", count=alert.count
        )
        if alert.quiet is not None:
            text = f"alert {SAYS[alert.quiet.kind]} until {day_time(ctx.policy, alert.quiet.until)}: {short}"
            quiet = alert.quiet
            yield RunEvent(
                quiet.at, RunEventKind.OPERATOR, alert.transition, text, quiet.by or "an operator", quiet.reason
            )
        if alert.resolved_at is not None:
            yield RunEvent(alert.resolved_at, RunEventKind.OVER, alert.transition, f"over: {short}")
