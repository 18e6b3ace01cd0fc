"""Receiving a completion: durably recorded, then decided on, then acknowledged (behaviour 2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from shared.app.alerting import outage, raise_alerts
from shared.app.audit.write import completion_row, write_rows
from shared.app.context import Context
from shared.app.state.opening import SLOW, touch
from shared.app.state.repository import (
    Loaded,
    load_completions,
    load_phases,
)
from shared.app.transitions import delivery_alerts
from shared.app.transitions.cloudevents import replay_marks
from shared.app.transitions.fan_in import Read, is_fan_in, reconcile_if_complete
from shared.app.transitions.keeping import Around, Kept, keep, read_around, transitions_of_report
from shared.app.transitions.reconcile import ReconcileResult, VersionedInput, reconcile
from shared.app.transitions.snapshot import versioned_input
from shared.core.decision.decisions import Wait
from shared.core.errors import Malformed, Unavailable
from shared.core.message import Counted, Delivery, Received, from_attributes, parse
from shared.core.model import Completion, RunKey, State
from shared.core.policy.signals import SIGNAL
from shared.core.policy.transitions import Transition

BEGUN = frozenset({State.CLAIMED, State.DISPATCHED})
# What the started phase says of its work decides whether it is started again.
STARTED = BEGUN | {State.CONFIRMED}
# What becomes of a crowd's transition once it was claimed, a refresh too, is the sweep's.
BEYOND = BEGUN | {State.CONFIRMED, State.OBSERVED}


class Handled(StrEnum):
    """What became of a delivery; each of them is acknowledged."""

    PROBE = "probe"
    QUARANTINED = "quarantined"
    COUNTED = "counted"
    RECORDED = "recorded"
    DECIDED = "decided"


class Written(StrEnum):
    """Where a completion was written while the state store was away."""

    RECORD = "record only"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Receipt:
    handled: Handled
    run: str = ""
    decision: str = ""


def receive(ctx: Context, delivery: Delivery) -> Receipt:
    """Take one message in; raise ``Unavailable`` if it must be delivered again."""
    if delivery.phase.startswith(SIGNAL):
        return _receive_signal(ctx, delivery)
    return _receive(ctx, delivery)


def _receive_signal(ctx: Context, delivery: Delivery) -> Receipt:
    """Take in what came by the topic of a signal, which may hold several messages (R13).

    One that cannot be stored now keeps no other back; then all are delivered again, which counts once.
    """
    from shared.core import signals  # most pipelines have none

    try:
        parts = signals.each_of(delivery, ctx.policy)
    except Malformed as wrong:
        return _quarantined(ctx, delivery, wrong)
    if len(parts) == 1:
        return _receive(ctx, delivery)
    receipts, failures = list[Receipt](), list[Unavailable]()
    for part in parts:
        try:
            receipts.append(_receive(ctx, part))
        except Unavailable as error:
            failures.append(error)
    if failures:
        raise failures[0]
    handled = next(step for step in reversed(Handled) if any(receipt.handled is step for receipt in receipts))
    runs = dict.fromkeys(receipt.run for receipt in receipts if receipt.run)
    return Receipt(handled, ", ".join(runs), "; ".join(receipt.decision for receipt in receipts if receipt.decision))


def _receive(ctx: Context, delivery: Delivery) -> Receipt:
    received = understand(ctx, delivery)
    if isinstance(received, Receipt):
        return received
    try:
        kept = keep(ctx, received)
    except Unavailable as error:
        only_in_audit_log(ctx, received, error)
        raise
    receipt = _handle(ctx, delivery, kept)
    if ctx.ports.clock.now() - kept.since >= SLOW:
        touch(ctx, kept.received.key.id)
    return receipt


def _handle(ctx: Context, delivery: Delivery, kept: Kept) -> Receipt:
    """Say what a report that is stored brings to light, and decide on it."""
    received = kept.received
    log_recorded(ctx, received)
    if received.by_table:
        raise_alerts.raise_now(ctx, [delivery_alerts.known_by_table(received, delivery.phase)])
    if received.other_dataset:
        raise_alerts.raise_now(ctx, [raise_alerts.other_dataset(received, delivery.phase)])
    if received.skip_downstream:
        return Receipt(Handled.RECORDED, received.key.id, "the message asks for no decision")
    around = read_around(ctx, kept)
    run = None if around.loaded.run is None else around.loaded.run.value
    if run is not None and run.policy_version not in ("", ctx.policy.version):
        # What the run has begun under another policy only a sweep looks at as a whole.
        return Receipt(Handled.RECORDED, received.key.id, "the policy has changed; the next sweep decides")
    return _decide(ctx, kept, around)


def understand(ctx: Context, delivery: Delivery) -> Received | Receipt:
    """Return what a message reports; where it reports nothing that is to be kept, what became of it: nothing of a
    probe, counted, or kept in quarantine."""
    if marks := replay_marks(delivery):
        ctx.log("completion.replayed", message_id=delivery.message_id, phase=delivery.phase, **marks)
    if delivery.phase.startswith(SIGNAL):
        return _understand_signal(ctx, delivery)
    if not delivery.data.strip():
        in_attributes = from_attributes(delivery, ctx.policy)
        if in_attributes is None:
            ctx.log("completion.probe", message_id=delivery.message_id, phase=delivery.phase)
            return Receipt(Handled.PROBE)
        delivery = in_attributes
    try:
        received = parse(delivery, ctx.policy, ctx.names)
    except Malformed as wrong:
        return _quarantined(ctx, delivery, wrong)
    return _count(ctx, delivery, received) if isinstance(received, Counted) else received


def _understand_signal(ctx: Context, delivery: Delivery) -> Received | Receipt:
    """Return the completion that another system's message means; where it means none, what became of it (R13)."""
    from shared.core import signals  # most pipelines have none

    try:
        if signals.is_probe(signals.foreign_of(delivery)):
            ctx.log("completion.probe", message_id=delivery.message_id, phase=delivery.phase)
            return Receipt(Handled.PROBE)
        received = signals.read(delivery, ctx.policy, ctx.names)
    except Malformed as wrong:
        return _quarantined(ctx, delivery, wrong)
    return _count(ctx, delivery, received) if isinstance(received, Counted) else received


def set_aside(ctx: Context, delivery: Delivery, reason: str) -> Receipt:
    """Keep what came in no envelope that is known: as it came, with the reason (behaviour R1)."""
    return _quarantined(ctx, delivery, Malformed("envelope", reason))


def _quarantined(ctx: Context, delivery: Delivery, wrong: Malformed) -> Receipt:
    from shared.app.quarantine.keep import quarantine  # most instances have nothing to put there

    quarantine(ctx, delivery, wrong)
    return Receipt(Handled.QUARANTINED, decision=wrong.reason)


def _count(ctx: Context, delivery: Delivery, counted: Counted) -> Receipt:
    """Count what bears on no run; nothing is decided by it and nobody is told (behaviour R8, R9)."""
    from shared.app.quarantine import message_counts  # and nothing to count

    message_counts.count(ctx, delivery, counted)
    why = counted.why.value
    ctx.log("completion.counted", phase=counted.phase, name=counted.name, why=why, message_id=delivery.message_id)
    return Receipt(Handled.COUNTED, decision=f"counted as {why}: {counted.name}")


def only_in_audit_log(ctx: Context, received: Received, error: Unavailable) -> None:
    """While state is away a completion still goes to the record if it can, and comes again (behaviour 8)."""
    row = completion_row(ctx.policy, received.key, received.report, superseded=False)
    written = Written.RECORD if write_rows(ctx, [row], state_away=True) else Written.NOWHERE
    ctx.log(
        "completion.not_in_state",
        severity="WARNING",
        run_id=received.key.id,
        processor=received.report.processor,
        written=written.value,
        error=str(error),
    )
    if written is Written.NOWHERE:
        outage.alert_both_stores_down(ctx, received.key.id, str(error))


def log_recorded(ctx: Context, received: Received) -> None:
    report = received.report
    ctx.log(
        "completion.recorded",
        run_id=received.key.id,
        phase=report.phase,
        processor=report.processor,
        outcome=report.outcome.value,
        records=report.records,
        message_id=report.message_id,
        correlation_id=report.correlation_id,
    )


def _decide(ctx: Context, kept: Kept, around: Around) -> Receipt:
    key, report, loaded = kept.received.key, kept.received.report, around.loaded
    alone = {report.phase: {report.processor: kept.own}}
    results = []
    for transition in transitions_of_report(ctx, kept.received):
        state = loaded.transition(transition.name).value.state
        if transition.starts == report.phase:
            if state in BEGUN:
                results.append(_reconcile_each(ctx, kept.received, replace(loaded, completions=alone), transition))
        elif not is_fan_in(transition, key):
            results.append(_reconcile_each(ctx, kept.received, loaded, transition))
        elif state not in BEYOND:
            whole = _reconcile_fan_in(ctx, kept.received, around, transition)
            results += [] if whole is None else [whole]
    delivery_alerts.after_delivery(ctx, results, report.processor, ctx.ports.clock.now())
    failed = next((result.failed for result in results if result.failed is not None), None)
    if failed is not None:
        raise failed
    return Receipt(Handled.DECIDED, key.id, _shown(results) or "waiting for the others")


def _reconcile_each(ctx: Context, received: Received, loaded: Loaded, transition: Transition) -> ReconcileResult:
    key, report = received.key, received.report
    load = partial(_load, ctx, key, transition, report.phase)
    return reconcile(ctx, _versioned_input(ctx, key, loaded, transition, report.phase), load, report.processor)


def _reconcile_fan_in(
    ctx: Context, received: Received, around: Around, transition: Transition
) -> ReconcileResult | None:
    """Decide a phase of very many members once all of them may be there; tiers and deadline are the sweep's."""
    key, phase = received.key, received.report.phase

    def loaded(read: Read) -> Loaded:
        completions: dict[str, dict[str, Completion]] = {}
        for name, stored in read.items():
            completions.setdefault(stored.value.phase, {})[name] = stored.value
        return replace(around.loaded, completions=completions)

    def missing_in(read: Read) -> list[str]:
        # Whose table may outvote its report is not known to be missing before the table has been read.
        seen = _versioned_input(ctx, key, loaded(read), transition, phase).snapshot.seen
        return [name for name in seen.missing if not seen.statuses[name].asks]

    def reconcile_read(read: Read) -> ReconcileResult:
        return _reconcile_each(ctx, received, loaded(read), transition)

    return reconcile_if_complete(ctx, key, transition, missing_in, reconcile_read, around.members)


def _load(ctx: Context, key: RunKey, transition: Transition, phase: str) -> VersionedInput:
    phases = (phase,) if transition.starts == phase else transition.after
    loaded = load_phases(ctx.ports.store, key, phases, (transition.name,))
    return _versioned_input(ctx, key, loaded, transition, phase)


def _versioned_input(ctx: Context, key: RunKey, loaded: Loaded, transition: Transition, phase: str) -> VersionedInput:
    """Return what one transition is decided by, from what was read of the phase that reported.

    The phases on its other side are read only where they decide something.
    """
    state = loaded.transition(transition.name).value
    if transition.starts == phase:
        own, others = [transition.starts], [*transition.after]
        decides = state.state is State.CLAIMED or state.request is not None
    else:
        own, others = [*transition.after], [transition.starts]
        decides = state.state in STARTED
    completions = {name: loaded.completions.get(name, {}) for name in own}
    if decides:
        completions |= {name: load_completions(ctx.ports.store, key, name) for name in others}
    return versioned_input(ctx, key, replace(loaded, completions=completions), transition)


def _shown(results: list[ReconcileResult]) -> str:
    decisions = (result.decision for result in results)
    return "; ".join(d.reason if isinstance(d, Wait) else type(d).__name__.lower() for d in decisions)
