"""Closing the runs that are over or too old, once their alerts have been settled (behaviour T5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from shared.app.context import Context
from shared.app.state.repository import Stored, read_transitions, save_run, transition_path
from shared.app.transitions.reconcile import ReconcileResult
from shared.core import commands
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.calendar import ends_at
from shared.core.decision.closing import is_over, never_triggered
from shared.core.decision.silence import not_ended
from shared.core.model import UNTOUCHED, Lane, Run, TransitionState
from shared.core.objectives.punctuality import Punctuality, at_close
from shared.core.reporting.findings import Finding, FindingResult, Sweep
from shared.core.severity import Severity
from shared.core.texts import names, say


@dataclass(frozen=True, slots=True)
class Closing:
    """A run that is to be closed as it was when this was decided; ``expired`` says that it was not over. ``missed`` are
    the transitions that were due and were never triggered."""

    run: Stored[Run]
    states: Mapping[str, TransitionState]
    expired: bool
    missed: tuple[str, ...] = ()


def closing_of(
    ctx: Context, done: Sweep, run: Stored[Run], results: list[ReconcileResult], now: datetime
) -> Closing | None:
    """Return how a run ends now, None if it stays open; a run that is only too old says what never triggered."""
    key = run.value.key
    snapshots = [result.snapshot for result in results]
    states = {snapshot.transition.name: snapshot.state for snapshot in snapshots}
    missed = tuple(snapshot.transition.name for snapshot in snapshots if at_close(snapshot, now) is not None)
    if is_over(snapshots, now):
        return Closing(run, states, expired=False, missed=missed)
    if now < ends_at(run.value, ctx.policy):
        return None
    left = [snapshot.transition.name for snapshot in snapshots if never_triggered(snapshot)]
    unended = [snapshot.transition.starts for snapshot in snapshots if not_ended(snapshot)]
    if left or unended:
        again = [commands.trigger(name, key, "the run had closed without it") for name in left]
        lacks = [("never triggered", left), ("never ended", unended)]
        what = "; ".join(("closed for its age", *(f"{lack}: {names(which)}" for lack, which in lacks if which)))
        do = "\n".join(("to trigger one all the same:", *again)) if again else ""
        text = say(key.id, "", what, "only an operator reopens it", do)
        done.say(Condition(AlertKind.EXPIRED, Severity.INFO, key.id, "", "", text))
    return Closing(run, states, expired=True, missed=missed)


def closing_of_departed(done: Sweep, run: Stored[Run], left: tuple[str, ...]) -> Closing:
    """Return how a run ends that the policy cannot decide any more; the alert names what left it."""
    key, in_flight = run.value.key, any(name.startswith("transition") for name in left)
    grave = Severity.CRITICAL if in_flight else Severity.WARNING
    severity = grave if key.lane is Lane.LIVE else Severity.INFO
    what = f"closed, because the policy changed under it; what left it: {names(left)}"
    then = "nothing more of it is dispatched; only an operator reopens it"
    text = say(key.id, "", what, then, "see what it has started, and trigger by hand what must still go")
    done.say(Condition(AlertKind.DEPARTED, severity, key.id, "", "", text))
    return Closing(run, {}, expired=True)


def close(ctx: Context, done: Sweep, closing: Closing) -> None:
    """Close a run unless it or one of its transitions has been changed since; then the next sweep looks again."""
    run, now = closing.run, ctx.ports.clock.now()
    if not _as_decided(ctx, closing):
        return
    if save_run(ctx.ports.store, Stored(replace(run.value, closed_at=now), run.version), ctx.policy) is None:
        return
    ctx.log("run.closed", run_id=run.value.key.id, expired=closing.expired)
    for name in closing.missed:
        ctx.log("transition.never_triggered", run_id=run.value.key.id, transition=name, by_due=Punctuality.NEVER)
    ctx.memory.past_repairs_at = None  # from now on it is repaired in the backfill lane, if it must be (behaviour 9)
    done.wakeups.append(None)
    done.closed.append(run.value.key.id)
    done.findings.append(Finding("run", run.value.key.id, "closed", FindingResult.DONE))


def _as_decided(ctx: Context, closing: Closing) -> bool:
    """True while every transition is as it was, what has gone to the record since aside."""
    names, key = tuple(closing.states), closing.run.value.key
    documents = ctx.ports.store.get(*(transition_path(key, name) for name in names)) if names else []
    stored = read_transitions(names, documents)
    now = {name: stored[name].value if name in stored else UNTOUCHED for name in names}
    return all(
        replace(now[name], pending_audit=()) == replace(state, pending_audit=())
        for name, state in closing.states.items()
    )
