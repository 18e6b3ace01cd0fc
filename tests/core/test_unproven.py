"""What a call of unknown outcome is taken for, decided purely (behaviour D11, section 3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.decision import state_changes
from shared.core.decision.decide import decide
from shared.core.decision.decisions import Confirm, Decision, Doubt, Proven, Read, Trigger, Wait
from shared.core.decision.gates import Readings, Wanted
from shared.core.decision.snapshot import DecisionInput
from shared.core.decision.unproven import exhausted
from shared.core.model import State, TransitionState
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import ConfirmBy
from shared.core.wire.answers import StatusCall
from tests.core.build import (
    CACHE,
    COORDINATOR,
    FEATURES,
    NIGHT,
    PCF,
    POLICY,
    PSZA,
    SECOND,
    T0,
    TDZA,
    TO5,
    at,
    claimed,
    done,
    plan,
    snapshot,
    with_transition,
)

LEASE = POLICY.claim_lease
WITHIN = timedelta(minutes=15)
FIRST = NIGHT.trigger_id(TO5, 1)
CONFIRM = replace(POLICY.transitions[TO5].confirm, within=WITHIN, redispatch=1)
UNASKED = with_transition(TO5, POLICY, confirm=CONFIRM)
SERVICE = replace(POLICY.services[COORDINATOR], status=StatusCall("/status", {"status": ("in_progress",)}))
ASKED = replace(UNASKED, services={**UNASKED.services, COORDINATOR: SERVICE})


def of(state: TransitionState, policy: Policy = ASKED, **more: Any) -> DecisionInput:
    return snapshot(*done(TDZA, PSZA, PCF, CACHE, FEATURES), transition=TO5, state=state, policy=policy, **more)


def unproven(began: datetime = T0) -> TransitionState:
    """Return the state after a call that left and was never answered."""
    return state_changes.unproven(claimed(when=began), began, "no answer within 20 s", began + timedelta(seconds=20))


def after(decision_input: DecisionInput, decision: Decision, now: datetime) -> DecisionInput:
    """Carry out what proves or doubts."""
    if isinstance(decision, Doubt):
        state = state_changes.unproven(decision_input.state, decision.claimed_at, decision.text, now, left=False)
        return replace(decision_input, state=state)
    assert isinstance(decision, Proven)
    return replace(decision_input, state=state_changes.proven(decision_input.state, 1, now))


def test_a_claim_that_ended_is_doubted_only_where_the_service_can_be_asked() -> None:
    """Section 3: D11 first for a step whose service has a `status` call; any other goes out again at once."""
    assert isinstance(decide(of(claimed()), T0 + LEASE), Doubt)
    assert isinstance(decide(of(claimed()), T0 + LEASE - SECOND), Wait)
    assert decide(of(claimed(), UNASKED), T0 + LEASE) == Trigger(plan())


@pytest.mark.parametrize(
    ("received", "named", "taken"),
    [
        (SECOND, (), False),
        (SECOND, (FIRST,), True),
        (SECOND, (NIGHT.trigger_id(TO5, 2), "x"), False),
        (LEASE, (), True),
    ],
    ids=["of somebody else's start", "with this trigger id", "with another", "once it counts as dispatched"],
)
def test_while_it_was_only_claimed_a_report_needs_its_trigger_id(
    received: timedelta, named: tuple[str, ...], taken: bool
) -> None:
    """Section 3: who died may have sent nothing. A report from then proves it by its trigger id alone; later, D7."""
    decision_input, now = of(claimed()), T0 + LEASE
    doubtful = after(decision_input, decide(decision_input, now), now)
    assert doubtful.state.state is State.DISPATCHED
    ids = frozenset(named)
    seen = replace(doubtful, next_report_at=T0 + received, next_trigger_ids=ids, readings=Readings(at_work=False))
    assert isinstance(decide(seen, now), Proven) is taken
    again = decide(seen, T0 + WITHIN)
    assert isinstance(again, Proven) if taken else again == Trigger(plan()), "never lost: it leaves under its id"


def test_of_a_call_that_left_any_report_since_is_proof() -> None:
    """It was dispatched when it was made: a report of that moment counts, one from before does not."""
    for received, proven in ((-SECOND, False), (timedelta(0), True), (SECOND, True)):
        decision_input = of(unproven(), UNASKED, next_report_at=T0 + received)
        assert isinstance(decide(decision_input, at(minutes=1)), Proven) is proven


def test_the_service_is_asked_first_and_its_yes_is_enough() -> None:
    """A question, then at work: accepted; else it waits, and is called again at `confirm.within`, to the second."""
    decision_input = of(unproven())
    assert decide(decision_input, at(minutes=1)) == Read(Wanted(status=COORDINATOR))
    working = replace(decision_input, readings=Readings(at_work=True))
    assert decide(working, at(minutes=1)) == Proven(COORDINATOR)
    idle = replace(decision_input, readings=Readings(at_work=False))
    waiting = decide(idle, T0 + WITHIN - SECOND)
    assert isinstance(waiting, Wait)
    assert waiting.next_at == T0 + WITHIN
    assert decide(idle, T0 + WITHIN) == Trigger(plan())


def test_what_is_proven_was_dispatched_when_it_was_called() -> None:
    """Due times and confirmation count from the call, of a claim that ended from the claim."""
    for decision_input, now in ((of(unproven()), at(minutes=5)), (of(claimed()), T0 + LEASE)):
        doubtful = (
            after(decision_input, decide(decision_input, now), now) if decision_input.state.claim else decision_input
        )
        state = after(doubtful, Proven(COORDINATOR), now).state
        assert (state.dispatched_at, state.last_dispatched_at, state.dispatches) == (T0, T0, 1)
        assert (state.unproven, state.claim, state.state) == (None, None, State.DISPATCHED)
        assert isinstance(decide(of(state, next_report_at=None), now), Confirm)
        assert POLICY.transitions[TO5].confirm.by is ConfirmBy.HTTP


@given(minutes=st.lists(st.integers(1, 60), max_size=40), status=st.booleans())
def test_no_call_is_made_twice_within_its_time(minutes: list[int], status: bool) -> None:
    """Whatever the moments of the sweeps: calls lie `confirm.within` apart, and there are two at most."""
    policy, now, calls = (ASKED if status else UNASKED), T0, [T0]
    decision_input = replace(of(unproven(), policy), readings=Readings(at_work=False))
    for wait in minutes:
        now += timedelta(minutes=wait)
        decision = decide(decision_input, now)
        if isinstance(decision, Trigger):
            assert decision.plan.generation == 1
            state = state_changes.claimed(decision_input.state, decision.plan, "me", now, LEASE)
            decision_input = replace(decision_input, state=state_changes.unproven(state, now, "no answer", now))
            calls.append(now)
        else:
            assert isinstance(decision, Wait)
    assert all(later - before >= WITHIN for before, later in pairwise(calls))
    assert len(calls) <= 2
    assert exhausted(decision_input, now) is (len(calls) == 2 and now - calls[-1] >= WITHIN)
