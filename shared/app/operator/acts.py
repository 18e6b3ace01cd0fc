"""What an operator may do to a run (behaviour D9): each writes an event with its reason, then decides as always."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.app.batches import receive as batch_messages
from shared.app.context import Context
from shared.app.outcome import CommandResult, Outcome, Why
from shared.app.quarantine.rows import Quarantined, listed, mark_replayed
from shared.app.state.compare_and_set import change_document
from shared.app.state.opening import SLOW, as_touched, ensure_open, touch
from shared.app.state.repository import load_run, read_run, run_data, run_path, transition_data, transition_path
from shared.app.sweep.rerun import call_rerun
from shared.app.transitions import delivery_alerts
from shared.app.transitions.receive import receive
from shared.app.transitions.reconcile import ReconcileResult, reconcile
from shared.app.transitions.snapshot import reload
from shared.app.workflows import receive as scraper_reports
from shared.core import signals
from shared.core.calendar import working_day
from shared.core.decision import state_changes
from shared.core.decision.explain import state_name
from shared.core.errors import Malformed, Unavailable
from shared.core.message import Delivery, parse
from shared.core.model import UNTOUCHED, Act, Hold, HoldCause, Lane, RepairLog, Request, RunKey, TransitionState
from shared.core.policy.signals import SIGNAL
from shared.core.wire.answers import Means
from shared.core.workflows.files import PHASE
from shared.documents import from_data
from shared.ports import Document

Change = Callable[[TransitionState, datetime], TransitionState]


def is_expected(ctx: Context, key: RunKey) -> bool:
    """True if a run exists, or is one that the clock opens today: another one comes of a slip of the finger as easily
    as of a wish."""
    if read_run(ctx.ports.store.get(run_path(key))[0]) is not None:
        return True
    today = ctx.policy.local(ctx.ports.clock.now()).date()
    return key.lane is Lane.LIVE and working_day(key, ctx.policy) == today


def trigger(ctx: Context, key: RunKey, transition: str, why: Why) -> CommandResult:
    """Dispatch the next generation, whatever policy, gates, preflight or an empty date say."""

    def ask(state: TransitionState, now: datetime) -> TransitionState:
        return replace(state, request=Request(why.reason, now), hold=None, failure=None)

    results = _change(ctx, key, transition, ask, "trigger", why)
    snapshot = results.snapshot
    shown = state_name(snapshot, results.decision)
    carried, refused = snapshot.state.accepted_plan, snapshot.state.hold
    if refused is not None and refused.cause is HoldCause.REJECTED:
        return CommandResult(Outcome.REFUSED, f"{key.id} {transition}: {refused.text}")
    unknown = snapshot.state.unproven
    if unknown is not None:
        trigger_id = key.trigger_id(transition, snapshot.state.generation)
        return CommandResult(
            Outcome.DONE, f"{trigger_id} called, unproven ({shown}): {unknown.text}; reason: {why.reason}"
        )
    if snapshot.state.request is not None or carried is None:
        cause = results.failed or snapshot.state.failure or refused
        text = (
            cause.text
            if cause is not None and not isinstance(cause, Unavailable)
            else str(cause or "another dispatch is under way")
        )
        return CommandResult(Outcome.UNAVAILABLE, f"{key.id} {transition}: not dispatched yet ({shown}): {text}")
    trigger_id = key.trigger_id(transition, carried.generation)
    return CommandResult(Outcome.DONE, f"{trigger_id} dispatched ({shown}), reason: {why.reason}")


def hold(ctx: Context, key: RunKey, transition: str, why: Why) -> CommandResult:
    """Keep a transition from being dispatched until it is released."""

    def ask(state: TransitionState, now: datetime) -> TransitionState:
        return replace(state, hold=Hold(HoldCause.OPERATOR, now, f"by {why.who}: {why.reason}"), request=None)

    results = _change(ctx, key, transition, ask, "hold", why)
    return CommandResult(
        Outcome.DONE,
        f"{key.id} {transition} is on hold ({state_name(results.snapshot, results.decision)}): {why.reason}",
    )


def release(ctx: Context, key: RunKey, transition: str, why: Why) -> CommandResult:
    """Give a held transition back to its policy."""
    stored = load_run(ctx.ports.store, key).transition(transition)
    if stored.value.hold is None:
        return CommandResult(Outcome.REFUSED, f"{key.id} {transition} is not on hold")

    def ask(state: TransitionState, now: datetime) -> TransitionState:
        return replace(state, hold=None, failure=None, held_since=None)

    results = _change(ctx, key, transition, ask, "release", why)
    return CommandResult(
        Outcome.DONE, f"{key.id} {transition} released ({state_name(results.snapshot, results.decision)}): {why.reason}"
    )


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What became of asking a phase to run; ``means`` is None where it was not called.

    ``begun`` is true where it may be at work, so that it is not asked again blindly (behaviour D11).
    """

    answer: CommandResult
    means: Means | None = None
    begun: bool = False


def rerun(ctx: Context, key: RunKey, phase: str, why: Why, only: tuple[str, ...] = ()) -> CommandResult:
    """Call a phase's rerun, in a run that is open for what its processors will report.

    It names all that are enabled on the date, or those of ``only``.
    """
    return ask_to_run(ctx, key, phase, why, only).answer


def ask_to_run(ctx: Context, key: RunKey, phase: str, why: Why, only: tuple[str, ...] = ()) -> RunRequest:
    """Do what ``rerun`` does, and return what the answer means as well."""
    how = ctx.policy.phases[phase].rerun
    if how is None:
        return RunRequest(CommandResult(Outcome.REFUSED, f"{phase} has no rerun in the policy"))
    enabled = enabled_on(ctx, key, phase)
    disabled = [name for name in only if name not in enabled]
    if disabled:
        return RunRequest(
            CommandResult(Outcome.REFUSED, f"{', '.join(disabled)} is disabled on {key.day}: it is never asked to run")
        )
    decided = recorded_at(ctx, key.mode, phase)
    if decided is not None:
        _change(ctx, key, decided, lambda state, now: state, "rerun", why)
    outcome = call_rerun(ctx, key, phase, how, only or enabled, why.reason)
    answered = None if outcome is None else outcome.answered
    text = "there was no time left to call it" if answered is None else answered.text
    ctx.log("operator.rerun_called", run_id=key.id, phase=phase, answer=text)
    if outcome is not None and outcome.unknown:
        answer = CommandResult(Outcome.UNAVAILABLE, f"{key.id} {phase} may have been started: {text}")
        return RunRequest(answer, outcome.answered.means, begun=True)
    if answered is None or answered.means is not Means.ACCEPTED:
        answer = CommandResult(Outcome.UNAVAILABLE, f"{key.id} {phase} was not started: {text}")
        return RunRequest(answer, None if answered is None else answered.means)
    whom = f" for {', '.join(only)}" if only else ""
    message = f"{key.id} {phase} asked to run again{whom}: {answered.note or text}"
    try:
        _note_accepted(ctx, key, phase, ctx.ports.clock.now())
    except Unavailable as away:
        answer = CommandResult(Outcome.UNAVAILABLE, f"{message}; self-heal does not know of it: {away}")
        return RunRequest(answer, Means.ACCEPTED, begun=True)
    return RunRequest(CommandResult(Outcome.DONE, message), Means.ACCEPTED, begun=True)


def enabled_on(ctx: Context, key: RunKey, phase: str) -> tuple[str, ...]:
    """Return the processors of a phase that run on the date."""
    return tuple(p.name for p in ctx.policy.phases[phase].processors.values() if not p.disabled_on(key.day))


def recorded_at(ctx: Context, mode: str, phase: str) -> str | None:
    """Return the transition that keeps who asked a phase to run, and why; None where the mode passes none."""
    listed = (*ctx.policy.after(phase), ctx.policy.starting(phase))
    return next(
        (transition.name for transition in listed if transition is not None and mode in transition.expects), None
    )


def _note_accepted(ctx: Context, key: RunKey, phase: str, now: datetime) -> None:
    """Let self-heal know that the phase runs (behaviour 9); the call uses up none of its attempts."""

    def with_note(document: Document | None) -> tuple[Mapping[str, Any] | None, None]:
        run = read_run(document)
        if run is None:
            return None, None
        log = replace(run.value.repairs.get(phase, RepairLog()), accepted_at=now, failure=None, pending=False)
        noted = replace(run.value, repairs={**run.value.repairs, phase: log})
        return run_data(as_touched(noted, now), ctx.policy), None

    change_document(ctx.ports.store, run_path(key), with_note)


def replay(ctx: Context, kept: Quarantined, why: Why) -> CommandResult:
    """Bring a message back from quarantine; it stays there, as it is, if it still cannot be understood.

    Who did it and why is kept with the message (behaviour D9).
    """
    delivery = replace(kept.delivery, received_at=ctx.ports.clock.now())
    if kept.phase.partition(".")[0] == batch_messages.STARTS:
        return _replay_of_batch(ctx, kept, delivery, why)
    scrapers = ctx.workflows if kept.phase == PHASE and PHASE not in ctx.policy.phases else None
    reader = ctx if scrapers is None else scraper_reports.reading(ctx, scrapers)
    try:
        _understood(delivery, reader)
    except Malformed as wrong:
        return CommandResult(Outcome.REFUSED, f"{kept.message_id}: still not understood: {wrong.reason}")
    receipt = receive(ctx, delivery) if scrapers is None else scraper_reports.receive(ctx, scrapers, delivery)
    mark_replayed(ctx, kept, why.by, why.reason)
    ctx.log("quarantine.replayed", message_id=kept.message_id, run_id=receipt.run, reason=why.reason, by=why.by)
    # A scraper's report opens no run: it is only recorded under the name of one.
    run = receipt.run if scrapers is None else ""
    return CommandResult(Outcome.DONE, f"{kept.message_id}: {receipt.handled.value} in {run or 'no run'}")


def _understood(delivery: Delivery, reader: Context) -> None:
    """Raise ``Malformed`` for what still cannot be understood."""
    if not delivery.phase.startswith(SIGNAL):
        parse(delivery, reader.policy, reader.names)
        return
    flaws = []
    for part in signals.each_of(delivery, reader.policy):
        try:
            signals.read(part, reader.policy, reader.names)
        except Malformed as wrong:
            flaws.append(wrong)
        else:
            return  # what cannot be understood of the others is kept by itself
    raise flaws[0]


def _replay_of_batch(ctx: Context, kept: Quarantined, delivery: Delivery, why: Why) -> CommandResult:
    """Bring back what was meant for a batch."""
    try:
        taken = batch_messages.take_in(ctx, delivery)
    except Malformed as wrong:
        return CommandResult(Outcome.REFUSED, f"{kept.message_id}: still not understood: {wrong.reason}")
    mark_replayed(ctx, kept, why.by, why.reason)
    ctx.log("quarantine.replayed", message_id=kept.message_id, batch_id=taken.batch_id, reason=why.reason, by=why.by)
    return CommandResult(Outcome.DONE, f"{kept.message_id}: {taken.what} in {taken.batch_id}")


def find_quarantined(ctx: Context, message_id: str) -> Quarantined | None:
    """Return one message kept aside, even if it was replayed."""
    return next((kept for kept in listed(ctx, None) if message_id in kept.message_ids), None)


def _change(ctx: Context, key: RunKey, transition: str, ask: Change, verb: str, why: Why) -> ReconcileResult:
    """Write an operator's event into a transition, opening or reopening its run, then decide."""
    now = ctx.ports.clock.now()
    _open(ctx, key, now)
    _write(ctx, key, transition, lambda state: state_changes.acted(ask(state, now), Act(verb, why.by, why.reason, now)))
    ctx.log(f"operator.{verb}", run_id=key.id, transition=transition, reason=why.reason, by=why.by)
    again = reload(ctx, key, ctx.policy.transitions[transition])
    results = reconcile(ctx, again(), again, "operator")
    if ctx.ports.clock.now() - now >= SLOW:
        touch(ctx, key.id)
    delivery_alerts.after_delivery(ctx, [results], "", ctx.ports.clock.now())
    return results


def _write(ctx: Context, key: RunKey, name: str, change: Callable[[TransitionState], TransitionState]) -> None:
    def changed(document: Document | None) -> tuple[Mapping[str, Any] | None, None]:
        state = UNTOUCHED if document is None else from_data(TransitionState, document.data)
        return transition_data(change(state), key, ctx.policy, ctx.ports.clock.now()), None

    change_document(ctx.ports.store, transition_path(key, name), changed)


def _open(ctx: Context, key: RunKey, now: datetime) -> None:
    """Make sure that the run is open, so that what the operator starts is also confirmed."""
    if ensure_open(ctx.ports.store, ctx.policy, key, now):
        ctx.log("run.opened", run_id=key.id, by="operator")
