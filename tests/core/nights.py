"""Random situations: any reports, any stored state that acts can lead to, any policy of tiers and deadlines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta

from hypothesis import strategies as st

from shared.core.decision import state_changes
from shared.core.decision.decisions import Confirm
from shared.core.decision.gates import Fit, Unchecked, Unfit
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Hold, HoldCause, Outcome, Plan, Report, Request, RunKey, State, TransitionState
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Confirm as ConfirmPolicy
from shared.core.policy.transitions import ConfirmBy, Deadline, Expectation, Refresh, Then, Tier
from tests.core.build import DAY, POLICY, T0, World, at, plan, report, snapshot, with_transition

MODES = sorted(POLICY.modes)
TRANSITIONS = sorted(POLICY.transitions)
PERCENTS = [0.0, 50.0, 79.9, 80.0, 100.0]
minutes = st.integers(0, 300)
soon = st.integers(0, 20)
seldom = st.integers(0, 5).map(lambda number: number == 5)
optional_minutes = st.none() | minutes


@st.composite
def policies(draw: st.DrawFn, transition: str, mode: str, gates: tuple[str, ...] | None = None) -> Policy:
    """Draw the reference policy with other times, demands and repetitions of one transition."""
    before = POLICY.transitions[transition]
    expected = sorted(before.expects[mode].expected)
    required = draw(st.sets(st.sampled_from(expected), min_size=1, max_size=2))
    afters = sorted(draw(st.sets(st.integers(1, 120), max_size=3)))
    tiers = tuple(Tier(timedelta(minutes=n), draw(st.integers(1, 4))) for n in afters)
    deadline = draw(st.none() | st.builds(Deadline, st.integers(60, 240).map(_minutes), st.sampled_from(Then)))
    expectation = Expectation(
        frozenset(required), frozenset(expected) - required, tiers, deadline, before.expects[mode].due
    )
    confirm = ConfirmPolicy(
        draw(st.sampled_from(ConfirmBy)), _minutes(draw(st.integers(5, 60))), draw(st.integers(0, 2))
    )
    refresh = draw(st.none() | st.builds(Refresh, st.just(time(16)), st.integers(1, 2), st.just(10.0)))
    if gates is None:
        gates = draw(st.sampled_from([before.gates, before.gates[:1], ("prediction_completeness",), ()]))
    return with_transition(
        transition, expects={**before.expects, mode: expectation}, confirm=confirm, refresh=refresh, gates=gates
    )


def _minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


@st.composite
def reports(draw: st.DrawFn, phase: str, most: int = 4, receipts: st.SearchStrategy[int] = minutes) -> list[Report]:
    """Draw reports of a phase's processors, expected or not, in the order of arrival: successes of some, and more."""
    names = sorted(POLICY.phases[phase].processors)
    good = draw(st.lists(st.sampled_from(names), unique=True))
    statements = [(name, Outcome.SUCCESS, 200) for name in good] + draw(st.lists(sayings(names), max_size=most))
    received = sorted(draw(st.lists(receipts, min_size=len(statements), max_size=len(statements))))
    statements = draw(st.permutations(statements))
    return [
        report(
            *statements[place],
            ended=at(minutes=minute - draw(st.integers(0, 90))),
            received=at(minutes=minute),
            message_id=f"m{place}",
            percent=draw(st.none() | st.sampled_from(PERCENTS)),
        )
        for place, minute in enumerate(received)
    ]


def _reports_of_plan(state: TransitionState) -> list[Report]:
    """Return the successes that what has left was made of."""
    carried = {} if state.accepted_plan is None else state.accepted_plan.completed
    return [
        report(name, records=records, ended=at(hours=-3), message_id=f"carried {name}")
        for name, records in carried.items()
    ]


def sayings(names: list[str]) -> st.SearchStrategy[tuple[str, Outcome, int | None]]:
    counts = st.sampled_from([None, 0, 1, 13, 14, 70, 200, 220])
    return st.tuples(st.sampled_from(names), st.sampled_from(sorted(Outcome)), counts)


Act = Callable[[TransitionState, datetime], TransitionState]


@st.composite
def states(draw: st.DrawFn, expected: list[str], by: ConfirmBy) -> TransitionState:
    """Draw a stored state by acting at random, as handlers and operators do, one act after the other."""
    state, now = TransitionState(), 0
    for _ in range(draw(st.integers(0, 6))):
        now += draw(st.integers(0, 60))
        state = draw(st.sampled_from(_acts(draw(plans(expected, state)), by, state)))(state, at(minutes=now))
    return state if draw(seldom) else replace(state, request=None)


@st.composite
def plans(draw: st.DrawFn, expected: list[str], state: TransitionState) -> Plan:
    """Draw what the next generation, or the same one again, carries."""
    again = state.generation and not state.accepted
    missing = draw(st.sets(st.sampled_from(expected)))
    completed = {name: draw(st.sampled_from([None, 0, 14, 70, 200])) for name in expected if name not in missing}
    reason = draw(st.sampled_from(["complete", "tier_1", "deadline", "refresh" if state.accepted_plan else "complete"]))
    generation = state.generation if again else state.generation + 1
    return plan(generation, reason, missing=tuple(sorted(missing)), completed=completed)


def _acts(what: Plan, by: ConfirmBy, state: TransitionState) -> list[Act]:
    """Return what may happen to a transition in this state, the likely more than once."""
    match state.state:
        case State.CLAIMED:
            return [*[state_changes.dispatched] * 6, *_endings_of(state), ask]
        case State.DISPATCHED:
            assert state.accepted_plan is not None
            return [*[_confirmation(by)] * 2, _claim(state.accepted_plan), *[_claim(what)] * 4, ask, hold, release]
        case _:
            return [*[_claim(what)] * 4, ask, hold, release]


def _endings_of(state: TransitionState) -> list[Act]:
    """Return how a claim ends that is not dispatched."""
    assert state.plan is not None
    return [
        lambda s, now: state_changes.call_failed(s, "answers 503", now),
        lambda s, now: state_changes.publish_failed(state_changes.step_proven(s), "no broker", now),
        lambda s, now: state_changes.rejected(s, "answers 422", "v1", now),
        _claim(state.plan),
    ]


def ask(state: TransitionState, now: datetime) -> TransitionState:
    return replace(state, request=Request("data is good", now), hold=None, failure=None)


def hold(state: TransitionState, now: datetime) -> TransitionState:
    return replace(state, hold=Hold(HoldCause.OPERATOR, now, "by an operator"), request=None)


def release(state: TransitionState, now: datetime) -> TransitionState:
    return replace(state, hold=None, failure=None, held_since=None)


def _claim(what: Plan) -> Act:
    return lambda state, now: state_changes.claimed(state, what, "me", now, POLICY.claim_lease)


def _confirmation(by: ConfirmBy) -> Act:
    return lambda state, now: state_changes.confirmed(state, Confirm(by, now), now)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw what readings find; None is unreadable."""
    rows = st.sampled_from([None, 0, 1, 13, 70, 1000])
    return World(
        rows=draw(rows),
        percent=draw(st.none() | st.sampled_from(PERCENTS)),
        fitness=draw(st.sampled_from([Fit(), Fit("degraded"), Unfit("answers 503"), Unchecked("no url")])),
        games=draw(st.sampled_from([None, 0, 1, 7])),
    )


@st.composite
def snapshots(draw: st.DrawFn, *, fresh: bool = False, most: int = 4) -> DecisionInput:
    """Draw a situation; a ``fresh`` one was never claimed, held or asked for, and its reports came early."""
    transition, mode = draw(st.sampled_from(TRANSITIONS)), draw(st.sampled_from(MODES))
    policy = draw(policies(transition, mode))
    rules = policy.transitions[transition]
    expected = sorted(rules.expects[mode].expected)
    state = TransitionState() if fresh else draw(states(expected, rules.confirm.by))
    next_report = draw(optional_minutes)
    return snapshot(
        *_reports_of_plan(state),
        *draw(reports(rules.after[0], most, soon if fresh else minutes)),
        transition=transition,
        key=RunKey("nba", DAY, mode),
        games=draw(st.sampled_from([7, 1] if fresh else [7, 7, 1, 1, 0, None])),
        state=state,
        policy=policy,
        next_report_at=None if next_report is None else at(minutes=next_report),
        closed=not fresh and draw(seldom),
        code_version=draw(st.sampled_from(["v1", "v2"])),
    )


first_hours = st.integers(0, 250).map(lambda minute: T0 + timedelta(minutes=minute))
moments = (st.integers(-60, 480) | st.integers(480, 48 * 60)).map(lambda minute: T0 + timedelta(minutes=minute))
