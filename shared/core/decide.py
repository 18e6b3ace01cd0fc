"""The decision: state, policy, clock and readings in, one value out (behaviour 3).

    decide(situation, now)  ->  Wait | Read | Blocked | Trigger | Confirm | Held | Done | EmptyOk

Nothing here acts. `shared/app/reconcile.py` carries a decision out and asks again, so a retry, a
duplicate, a tick and a repair are the same call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from shared.core import gates
from shared.core.calendar import instant
from shared.core.gates import Fit, GateResult, Readings, Unchecked, Unfit, Verdict, Wanted
from shared.core.model import Completion, Plan, RunKey, State, TransitionState, Units
from shared.core.policy import ConfirmBy, Expectation, Gate, GateKind, Policy, Processor, Then, Transition
from shared.core.standing import Picture, picture


@dataclass(frozen=True)
class Situation:
    """Everything one transition of one run is decided by, the clock aside.

    ``completions`` are those of the phase it waits for, ``next_report_at`` is the receipt of the
    latest report of the phase it starts; ``units`` None means that no calendar reading is known.
    """

    policy: Policy
    transition: Transition
    key: RunKey
    state: TransitionState
    completions: Mapping[str, Completion] = field(default_factory=dict)
    units: Units | None = None
    next_report_at: datetime | None = None
    closed: bool = False
    readings: Readings = field(default_factory=Readings)
    code_version: str = ""

    @property
    def expectation(self) -> Expectation:
        return self.transition.expects[self.key.mode]

    @property
    def processors(self) -> Mapping[str, Processor]:
        return self.policy.phases[self.transition.after].processors

    @cached_property
    def gates(self) -> tuple[Gate, ...]:
        """The gates that this mode passes through, in the order of the policy."""
        named = (self.policy.gates[name] for name in self.transition.gates)
        return tuple(gate for gate in named if gates.applies(gate, self.key.mode))

    @property
    def empty(self) -> bool:
        return self.units is not None and self.units.total == 0

    @cached_property
    def seen(self) -> Picture:
        """Where every expected processor stands."""
        return picture(
            self.expectation,
            self.processors,
            self.completions,
            self.key.day,
            None if self.units is None else self.units.total,
            self.readings.rows,
            carried=None if self.state.carried is None else self.state.carried.completed,
            partial_is_done=any(gate.kind is GateKind.COMPLETION_PERCENT for gate in self.gates),
            opened=self.state.opened_at,
        )

    @property
    def opened_by_table(self) -> datetime | None:
        """When the clock began where a table that outvotes a report may have begun it; else None (behaviour R7)."""
        outvoted = any(at.counter_missing for at in self.seen.standings.values())
        return self.seen.opened_at if outvoted else None


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before ``next_at`` (None: before the next event)."""

    reason: str
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """Read this, then decide again."""

    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Blocked:
    """Ready, but this stands in the way: name of gate or service (or `dispatch`) to text."""

    reasons: Mapping[str, str]
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """Claim and dispatch this plan; of a generation already claimed or dispatched, under the same trigger id."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Confirm:
    """The next phase has begun; ``first_seen_at`` is set where a report shows it."""

    by: ConfirmBy
    first_seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Not to be triggered: the words `deadline`, `operator` or `rejected`, and the text."""

    cause: str
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    reason: str


@dataclass(frozen=True, slots=True)
class EmptyOk:
    """The date has no units: nothing is dispatched, nothing alerts."""


Decision = Wait | Read | Blocked | Trigger | Confirm | Held | Done | EmptyOk


@dataclass(frozen=True, slots=True)
class Ready:
    """Why a transition may go: `complete`, `tier_2`, `deadline`, `refresh` or `operator`."""

    reason: str
    first_tier: bool = False


@dataclass(frozen=True, slots=True)
class NotReady:
    """Why it may not go yet, and when the clock alone will change that."""

    reason: str
    next_at: datetime | None = None
    held: bool = False


def decide(situation: Situation, now: datetime) -> Decision:
    """Decide one transition of one run; the first matching row of behaviour 3 wins."""
    state = situation.state
    if situation.closed and state.request is None:
        return Done("the run is closed")
    if state.request is not None:
        return _operator(situation, now)
    if situation.empty:
        return _begun(situation) or EmptyOk()
    if state.hold is not None and state.hold.cause == "operator":
        return _begun(situation) or _held_by(situation)
    match state.state:
        case State.CLAIMED:
            return _claimed(situation, now)
        case State.DISPATCHED | State.CONFIRMED:
            return _dispatched(situation, now)
        case State.OBSERVED:
            return Done("observed only: nothing is dispatched")
        case _:
            return _open(situation, now)


def _begun(situation: Situation) -> Confirm | None:
    """Return what shows that a dispatch has begun (behaviour D7), also one that nobody marked; None if nothing does."""
    state, by, seen_at = situation.state, situation.transition.confirm.by, situation.next_report_at
    if by is not ConfirmBy.FIRST_REPORT:
        return Confirm(by) if state.state is State.DISPATCHED else None
    since = state.dispatched_at
    if state.state is State.CLAIMED:
        since = _confirmable_since(state)
    elif state.state is not State.DISPATCHED:
        return None
    return Confirm(by, seen_at) if since is not None and seen_at is not None and seen_at >= since else None


def _operator(situation: Situation, now: datetime) -> Decision:
    """Dispatch the next generation whatever policy and gates say, once no other dispatch is under way (D9)."""
    state = situation.state
    assert state.request is not None
    if state.state is State.CLAIMED and state.claim is not None and now < state.claim.expires_at:
        return Wait("another dispatch is under way", state.claim.expires_at)
    if state.failure is not None and now < state.failure.retry_at:
        return Blocked({"dispatch": state.failure.text}, state.failure.retry_at)
    seen = situation.seen
    return Trigger(replace(_plan(situation, seen, Ready("operator")), note=state.request.reason))


def _claimed(situation: Situation, now: datetime) -> Decision:
    claim, plan = situation.state.claim, situation.state.plan
    assert claim is not None
    assert plan is not None
    if now < claim.expires_at:
        return _begun(situation) or Wait("claimed; its dispatch is under way", claim.expires_at)
    return _begun(situation) or Trigger(plan)


def _confirmable_since(state: TransitionState) -> datetime | None:
    """Return from when on a report of the next phase shows that the claimed generation has begun.

    None during the first claim of a later generation: the report may still speak of the one before.
    """
    if state.carried is None:
        return None if state.claim is None else state.claim.claimed_at
    return state.dispatched_at if state.carried.generation == state.generation else None


def _dispatched(situation: Situation, now: datetime) -> Decision:
    state = situation.state
    refresh = _refresh(situation, now)
    if state.state is State.CONFIRMED:
        return refresh or Done("confirmed")
    begun = _begun(situation)
    if begun is not None:
        return begun
    if refresh is not None and not isinstance(refresh, Blocked):
        return refresh
    return _unconfirmed(situation, now, None if refresh is None else refresh.next_at)


def _unconfirmed(situation: Situation, now: datetime, refresh_at: datetime | None) -> Decision:
    """Dispatch once more under the same trigger id, so often and so far apart as the policy says."""
    state, confirm, starts = situation.state, situation.transition.confirm, situation.transition.starts
    assert state.carried is not None
    again_at = confirm_by(state, confirm.within)
    if state.failure is not None:
        again_at = max(again_at, state.failure.retry_at)
    if now < again_at:
        next_at = again_at if refresh_at is None else min(again_at, refresh_at)
        return Wait(f"dispatched; no report of {starts} yet", next_at)
    if state.dispatches > confirm.redispatch:
        return Wait(f"dispatched {state.dispatches} times; no report of {starts}", refresh_at)
    return _held_by(situation) if _rejected(situation) else Trigger(state.carried)


def confirm_by(state: TransitionState, within: timedelta) -> datetime:
    """Return when the latest dispatch should have been confirmed at the latest (behaviour 3)."""
    assert state.last_dispatched_at is not None
    return state.last_dispatched_at + within


def _open(situation: Situation, now: datetime) -> Decision:
    """Decide a transition that has not been triggered."""
    if _rejected(situation):
        return _held_by(situation)
    seen = situation.seen
    if seen.needs_rows:
        return _first_the_calendar(situation) or Read(Wanted(rows=seen.needs_rows))
    at = readiness(situation, seen, now)
    if isinstance(at, Ready):
        return _pass_gates(situation, seen, at, now)
    if at.held:
        return _first_the_calendar(situation) or Held("deadline", at.reason)
    return Wait(at.reason, at.next_at)


def readiness(situation: Situation, seen: Picture, now: datetime) -> Ready | NotReady:
    """Say whether sets and clock allow a trigger (behaviour D1, section 3); gates aside."""
    if seen.complete:
        return Ready("complete")
    waiting = "waiting for " + (", ".join(seen.missing) or "nothing that is expected")
    if seen.opened_at is None:
        return NotReady(waiting)
    moments = []
    for number, tier in enumerate(situation.expectation.tiers, start=1):
        at = seen.opened_at + tier.after
        moments.append(at)
        enough = len(seen.present) >= min(tier.at_least, len(seen.expected))
        if now >= at and enough and seen.required <= seen.present:
            return Ready(f"tier_{number}", first_tier=number == 1)
    deadline = situation.expectation.deadline
    if deadline is not None:
        at = seen.opened_at + deadline.after
        moments.append(at)
        if now >= at:
            return _at_deadline(deadline.then, seen)
    return NotReady(waiting, min((at for at in moments if at > now), default=None))


def _at_deadline(then: Then, seen: Picture) -> Ready | NotReady:
    if then is Then.TRIGGER or (then is Then.TRIGGER_IF_REQUIRED and seen.required <= seen.present):
        return Ready("deadline")
    return NotReady("the deadline has passed without " + ", ".join(seen.missing), held=True)


def _first_the_calendar(situation: Situation) -> Read | None:
    """Floors need the units of the date: read them before anything is decided by floors (behaviour T3)."""
    unknown = situation.units is None and situation.policy.calendar is not None
    return Read(Wanted(calendar=True)) if unknown and not situation.readings.calendar_asked else None


def _pass_gates(situation: Situation, seen: Picture, ready: Ready, now: datetime) -> Decision:
    """Ask preflight and gates; they bind every trigger but an operator's (behaviour D4)."""
    if _rejected(situation):
        return _held_by(situation)
    calendar = _first_the_calendar(situation)
    if calendar is not None:
        return calendar
    failure = situation.state.failure
    if failure is not None and now < failure.retry_at:
        return Blocked({"dispatch": failure.text}, failure.retry_at)
    unread = _unread(situation, seen)
    if unread:
        return Read(unread)
    results = gates.evaluate(situation.gates, situation.processors, seen, situation.readings)
    reasons = {result.gate: result.text for result in results if result.verdict is Verdict.BLOCK}
    fitness = situation.readings.fitness
    if isinstance(fitness, Unfit):
        assert situation.transition.preflight is not None
        reasons[situation.transition.preflight] = fitness.text
    if reasons:
        return Blocked(reasons)
    return Trigger(_plan(situation, seen, ready, results))


def _rejected(situation: Situation) -> bool:
    """True while the consumer's refusal stands: until an operator or another deploy (behaviour D5)."""
    hold = situation.state.hold
    return hold is not None and hold.code_version == situation.code_version


def _held_by(situation: Situation) -> Held:
    hold = situation.state.hold
    assert hold is not None
    return Held(hold.cause, hold.text)


def _unread(situation: Situation, seen: Picture) -> Wanted:
    needs = gates.wanted(situation.gates, situation.processors, seen, situation.readings)
    preflight = situation.transition.preflight
    service = preflight if preflight is not None and situation.readings.fitness is None else None
    return replace(needs, service=service)


def _refresh(situation: Situation, now: datetime) -> Decision | None:
    """Return the next generation's decision while a refresh is due, None while none is (behaviour D8)."""
    carried = situation.state.carried
    if carried is None or not may_refresh(situation, now):
        return None
    seen = situation.seen
    if seen.needs_rows:
        return Read(Wanted(rows=seen.needs_rows))
    return _pass_gates(situation, seen, Ready("refresh"), now) if refresh_causes(situation, seen, carried) else None


def refresh_until(situation: Situation) -> datetime | None:
    """Return until when a refresh may be dispatched: a local time on the day of the trigger (behaviour D8)."""
    refresh, at = situation.transition.refresh, situation.state.triggered_at
    if refresh is None or at is None:
        return None
    return instant(situation.policy.local(at).date(), refresh.until, situation.policy.zone)


def may_refresh(situation: Situation, now: datetime) -> bool:
    refresh, until = situation.transition.refresh, refresh_until(situation)
    return refresh is not None and until is not None and now <= until and situation.state.refreshes < refresh.at_most


def refresh_causes(situation: Situation, seen: Picture, carried: Plan) -> frozenset[str]:
    """Return the processors that brought what was missing, or enough more than what was carried."""
    arrived = seen.done & frozenset(carried.missing)
    refresh = situation.transition.refresh
    if refresh is None:
        return arrived
    grown = {name for name in seen.done - arrived if _grew(situation, seen, name, carried, refresh.min_growth_percent)}
    return arrived | grown


def _grew(situation: Situation, seen: Picture, name: str, carried: Plan, percent: float) -> bool:
    report = seen.standings[name].report
    before = carried.completed.get(name)
    if report is None or report.records is None or before is None:
        return False
    return report.records > before and (report.records - before) * 100 >= percent * before


def _plan(situation: Situation, seen: Picture, ready: Ready, results: tuple[GateResult, ...] = ()) -> Plan:
    state = situation.state
    readings = {result.gate: result.text for result in results}
    fitness = situation.readings.fitness
    if isinstance(fitness, Fit | Unchecked) and situation.transition.preflight is not None:
        note = fitness.note if isinstance(fitness, Fit) else fitness.text
        readings[situation.transition.preflight] = note or "fit"
    return Plan(
        generation=max(1, state.generation + _next(state, ready)),
        reason=ready.reason,
        completed={name: _records(seen, name) for name in sorted(seen.done)},
        missing=seen.missing,
        partial=tuple(sorted(seen.partial)),
        first_tier=ready.first_tier,
        opened_at=seen.opened_at,
        readings=readings,
        warnings={result.gate: result.text for result in results if _warns(result, seen)},
    )


def _next(state: TransitionState, ready: Ready) -> int:
    """Return 1 if the plan is another generation: what was taken half goes on under its trigger id, unless an
    operator asks for more (behaviour D3, D9)."""
    return int(state.accepted if ready.reason == "operator" else state.accepted_whole)


def _records(seen: Picture, name: str) -> int | None:
    report = seen.standings[name].report
    return None if report is None else report.records


def _warns(result: GateResult, seen: Picture) -> bool:
    """A gate's warning is said unless all it is about is already named as missing (behaviour A5)."""
    if result.verdict is not Verdict.WARN:
        return False
    return not result.subjects or not result.subjects <= frozenset(seen.missing)
