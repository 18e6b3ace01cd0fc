"""A run's timeline, from state documents alone: nothing is asked of the warehouse or of a service (behaviour 11).

What is over and was a block or a hold is no longer in the state: whoever has read the decisions hands them in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from shared.app.alerting import outbox
from shared.app.context import Context
from shared.app.reporting.overview import cells_of
from shared.app.state.repository import Loaded
from shared.app.transitions.snapshot import transitions_of, versioned_input
from shared.core.alerting.alert import Alert
from shared.core.calendar import due_at
from shared.core.decision.completeness import Completeness, ProcessorStatus, Status
from shared.core.decision.snapshot import DecisionInput
from shared.core.decision.stops import Stop, stops
from shared.core.model import Completion, LogEntry, Outcome, Report, RunKey, TransitionState
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Transition
from shared.core.reporting.page import Cell, Event, GateLine, Kind, Leg, Timeline, Tone, Track, in_order
from shared.core.texts import amount, duration, names

TONES = {
    Status.DONE: Tone.GOOD,
    Status.PARTIAL: Tone.NOTICE,
    Status.PARTIAL_SHORT: Tone.BAD,
    Status.UNDER_MINIMUM: Tone.BAD,
    Status.UNITS_SHORT: Tone.BAD,
    Status.NOTHING: Tone.BAD,
    Status.NOT_YET: Tone.NOTICE,
    Status.FAILED: Tone.BAD,
    Status.STARTED: Tone.BUSY,
    Status.ABSENT: Tone.QUIET,
}
OUTCOMES = {
    Outcome.FAILED: Tone.BAD,
    Outcome.PARTIAL: Tone.NOTICE,
    Outcome.NO_DATA: Tone.NOTICE,
    Outcome.INFERRED: Tone.NOTICE,
}
SEVERITIES = {"critical": Tone.BAD, "warning": Tone.NOTICE, "info": Tone.BUSY}


def timeline(
    ctx: Context, key: RunKey, loaded: Loaded, decisions: Mapping[str, Sequence[LogEntry]] | None = None
) -> Timeline:
    """Return the timeline of a run that was read whole; raises ``Unavailable`` if its alerts cannot be read.

    ``decisions`` are those of the run by transition, None where they were not read: past blocks are then not on it.
    """
    assert loaded.run is not None
    run, policy, now = loaded.run.value, ctx.policy, ctx.ports.clock.now()
    alerts = _alerts(ctx, key)
    legs = []
    for transition, where in zip(transitions_of(policy, key.mode), cells_of(policy, run, loaded, now), strict=True):
        snapshot = versioned_input(ctx, key, loaded, transition).snapshot
        past = stops((decisions or {}).get(transition.name, ()))
        legs.append(_leg(snapshot, where, alerts.get(transition.name, ()), past))
    named = {leg.cell.transition for leg in legs}
    rest = in_order(event for name, events in alerts.items() if name not in named for event in events)
    passed = transitions_of(policy, key.mode)
    waited_for = {phase for transition in passed for phase in transition.after}
    last = [transition.starts for transition in passed if transition.starts not in waited_for]
    return Timeline(
        key=key,
        opened_at=run.opened_at,
        closed_at=run.closed_at,
        units=None if run.units is None else run.units.total,
        legs=tuple(legs),
        last_phase=", ".join(phase for phase in last if policy.phases[phase].processors),
        last_tracks=tuple(_reported(loaded.completions_of(last) if last else {})),
        alerts=rest,
    )


def _alerts(ctx: Context, key: RunKey) -> dict[str, tuple[Event, ...]]:
    """Return what people were told of a run, by transition."""
    by_transition: dict[str, list[Event]] = {}
    for document in ctx.ports.store.query(outbox.COLLECTION, {"run": key.id}):
        alert = outbox.read(document).alert
        by_transition.setdefault(alert.transition, []).extend(_alert_events(alert))
    return {name: in_order(events) for name, events in by_transition.items()}


def _alert_events(alert: Alert) -> Iterator[Event]:
    line = alert.text.splitlines()[0] if alert.text else alert.kind
    short = line.removeprefix(f"{alert.run} {alert.transition}".strip()).removeprefix(": ")
    unsent = ", not sent yet" if alert.unsent else ""
    count = f", {alert.count} times" if alert.count > 1 else ""
    text = f"{alert.severity}{count}{unsent}: {short}"
    yield Event(alert.first_at, Kind.ALERT, text, SEVERITIES.get(alert.severity, Tone.NOTICE), alert.kind)
    if alert.resolved_at is not None:
        yield Event(alert.resolved_at, Kind.OVER, f"over: {short}", Tone.GOOD, alert.kind)


def _leg(snapshot: DecisionInput, where: Cell, alerts: tuple[Event, ...], past: Sequence[Stop]) -> Leg:
    transition, completeness = snapshot.transition, snapshot.seen
    ordered = sorted(completeness.expected, key=lambda name: (name not in completeness.required, name))
    return Leg(
        cell=where,
        after=", ".join(transition.after),
        starts=transition.starts,
        tracks=tuple(
            _track(completeness.statuses[name], snapshot.completions.get(name), required=name in completeness.required)
            for name in ordered
        ),
        marks=in_order((*_milestones(snapshot, completeness), *_past(snapshot.state, past))),
        gates=tuple(_gates(snapshot.state)),
        alerts=alerts,
    )


def _track(at: ProcessorStatus, completion: Completion | None, *, required: bool) -> Track:
    floor = (
        f"at least {at.min_records} wanted"
        if at.min_records and at.status in (Status.UNDER_MINIMUM, Status.PARTIAL_SHORT)
        else ""
    )
    lack = "" if at.shortfall is None else at.shortfall.text
    note = lack or ("nothing to do" if at.nothing_to_do else "counter missing" if at.counter_missing else floor)
    started = None if completion is None else completion.started_at
    word = at.status.value.replace("_", " ") if at.status is not Status.ABSENT else "no report"
    return Track(
        at.processor, required, word, TONES[at.status], note, started, tuple(_events(at.processor, completion))
    )


def _reported(completions: Mapping[str, Completion]) -> Iterator[Track]:
    """Yield the processors of the last phase, which nothing waits for."""
    for name, completion in sorted(completions.items()):
        latest = completion.latest
        word = "started" if latest is None else latest.outcome.value
        tone = Tone.BUSY if latest is None else OUTCOMES.get(latest.outcome, Tone.GOOD)
        yield Track(name, False, word, tone, "", completion.started_at, tuple(_events(name, completion)))


def _events(name: str, completion: Completion | None) -> Iterator[Event]:
    """Yield a processor's start, its first report that may count, its last good one and its latest."""
    if completion is None:
        return
    if completion.started_at is not None:
        yield Event(completion.started_at, Kind.STARTED, f"{name} started", Tone.QUIET, name)
    kept = {report.message_id: report for report in (completion.last_good, completion.latest) if report is not None}
    times = {report.received_at for report in kept.values()}
    for opener in completion.clock_starters[:1]:
        if opener.received_at not in times:
            text = f"{name} first report that may count{_records(opener.records)}"
            yield Event(opener.received_at, Kind.REPORT, text, Tone.GOOD, name)
    for report in kept.values():
        yield Event(
            report.received_at, Kind.REPORT, _report_text(name, report), OUTCOMES.get(report.outcome, Tone.GOOD), name
        )
    if completion.superseded and completion.latest is not None:
        reports = "report" if completion.superseded == 1 else "reports"
        text = f"{name}: {completion.superseded} older {reports} superseded by this one"
        yield Event(completion.latest.received_at, Kind.REPORT, text, Tone.QUIET, name)


def _report_text(name: str, report: Report) -> str:
    error = f": {report.error[:200]}" if report.error else ""
    return f"{name} {report.outcome.value.replace('_', ' ')}{_records(report.records)}{error}"


def _records(count: int | None) -> str:
    return "" if count is None else f", {amount(count, 'record')}"


def _milestones(snapshot: DecisionInput, completeness: Completeness) -> Iterator[Event]:
    """Yield what clock and orchestrator did: tiers, deadline and due times, blocks, the trigger, its confirmation."""
    state = snapshot.state
    if completeness.opened_at is not None:
        yield Event(
            completeness.opened_at, Kind.OPENED, "first report that counts: the tiers run from here", Tone.QUIET
        )
    yield from _clock(snapshot, completeness)
    for name, block in state.blocked.items():
        yield Event(block.since, Kind.BLOCKED, f"blocked by {name}: {block.text}", Tone.BAD, name)
    if state.held_since is not None:
        why = state.hold.text if state.hold is not None else f"without {names(completeness.missing)}"
        yield Event(state.held_since, Kind.HELD, f"held: {why}", Tone.BAD)
    yield from _sent(snapshot.policy, snapshot.transition, snapshot.key, state)


def _past(state: TransitionState, past: Sequence[Stop]) -> Iterator[Event]:
    """Yield the blocks and holds that are over; one whose end is not recorded ended with the trigger."""
    for stop in past:
        ends_at = stop.ends_at or state.triggered_at
        if ends_at is not None and ends_at >= stop.begins_at:
            text = f"{stop.state.value} for {duration(ends_at - stop.begins_at)}: {stop.text}"
            yield Event(stop.begins_at, Kind(stop.state.value), text, Tone.NOTICE, until=ends_at)


def _clock(snapshot: DecisionInput, completeness: Completeness) -> Iterator[Event]:
    """Yield the times that mattered: those up to the trigger, and while there is none those ahead."""
    expectation, triggered = snapshot.expectation, snapshot.state.triggered_at
    events, since = [], snapshot.clock_from
    if since is not None:
        for number, tier in enumerate(expectation.tiers, start=1):
            wants = f"tier {number}: {min(tier.at_least, len(completeness.expected))} of {len(completeness.expected)}"
            events.append(Event(since + tier.after, Kind.TIER, wants))
        if expectation.deadline is not None:
            then = expectation.deadline.then.value.replace("_", " ")
            events.append(Event(since + expectation.deadline.after, Kind.DEADLINE, f"deadline: {then}"))
    if expectation.due is not None and not snapshot.empty:
        for severity, clock in (("warning", expectation.due.warning), ("critical", expectation.due.critical)):
            at = due_at(snapshot.key, clock, snapshot.policy)
            if at is not None:
                events.append(Event(at, Kind.DUE, f"due ({severity})"))
    yield from (event for event in events if triggered is None or event.at <= triggered)


def _sent(policy: Policy, transition: Transition, key: RunKey, state: TransitionState) -> Iterator[Event]:
    plan = state.accepted_plan
    if plan is None or state.triggered_at is None:
        return
    reason = plan.reason.replace("_", " ")
    first = state.triggered_at if state.dispatched_at is None else min(state.triggered_at, state.dispatched_at)
    without = f", degraded: without {', '.join(plan.missing)}" if plan.degraded else ""
    sent = f"triggered by {reason} as {key.trigger_id(transition.name, plan.generation)}{without}"
    tone = Tone.NOTICE if plan.degraded else Tone.GOOD
    if plan.generation > 1 and state.dispatched_at is not None and state.dispatched_at > first:
        yield Event(first, Kind.TRIGGER, "triggered, an earlier generation", Tone.QUIET)
        yield Event(state.dispatched_at, Kind.TRIGGER, sent, tone)
    else:
        yield Event(first, Kind.TRIGGER, sent, tone)
    last = state.last_dispatched_at
    if last is not None and state.dispatches > 1:
        yield Event(last, Kind.DISPATCH, f"sent again under the same id, {state.dispatches} times in all", Tone.NOTICE)
    if state.confirmed_at is not None:
        by = transition.confirm.by.value.replace("_", " ")
        yield Event(state.confirmed_at, Kind.CONFIRMED, f"confirmed by {by}: {transition.starts} has begun", Tone.GOOD)


def _gates(state: TransitionState) -> Iterator[GateLine]:
    """Yield the readings the trigger carried, and what blocks now."""
    carried = state.accepted_plan
    for name, text in (carried.readings if carried is not None else {}).items():
        if name not in state.blocked:
            yield GateLine(name, text.removeprefix(f"{name}: "))
    for name, block in state.blocked.items():
        yield GateLine(name, block.text.removeprefix(f"{name}: "), blocks=True)
