"""From when on a hand-off is measured: from the last thing that was waited for, where nothing else kept the trigger
back (behaviour 14)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.core.decision import state_changes
from shared.core.decision.decisions import Trigger
from shared.core.decision.pause import Pause
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Act, Block, State, TransitionState, Unproven
from tests.core.build import PGS, PHASE3, T0, UPGC, at, decided, dispatched, done, plan, report, snapshot

LAST = at(minutes=3)


def complete(state: TransitionState | None = None, **more: object) -> DecisionInput:
    """All of phase 3, the last of it three minutes after the others."""
    others = [name for name in PHASE3 if name != UPGC]
    return snapshot(*done(*others), report(UPGC, ended=LAST), state=state, **more)  # type: ignore[arg-type]


def input_at(given: DecisionInput) -> datetime | None:
    decision = decided(given, at(minutes=5))
    assert isinstance(decision, Trigger)
    return decision.plan.last_input_at


def test_it_is_the_receipt_of_the_last_report() -> None:
    """Not the first one, from which waits are measured."""
    assert input_at(complete()) == LAST


def test_a_newer_success_of_a_processor_moves_it() -> None:
    """The report that counts is its latest good one."""
    given = snapshot(*done(*PHASE3), report(PGS, ended=at(minutes=4)))
    assert input_at(given) == at(minutes=4)


def test_units_that_became_final_later_count() -> None:
    """A report can count because the games are over by then: it waited for that."""
    assert input_at(complete(final_at=at(minutes=4))) == at(minutes=4)
    assert input_at(complete(final_at=T0)) == LAST


@pytest.mark.parametrize(
    "state",
    [
        TransitionState(State.BLOCKED, blocked={"game_coverage": Block(LAST, "80 percent")}),
        TransitionState(State.BLOCKED, blocked={"answer": Block(LAST, "not yet")}),
        TransitionState(held_since=LAST),
        TransitionState(acts=(Act("release", "alice", "looked", at(minutes=4)),)),
    ],
    ids=["gate", "not yet", "held", "released"],
)
def test_what_something_else_kept_back_is_not_measured(state: TransitionState) -> None:
    """When a gate opened, or a person let go, nobody wrote: the time until then is not ours."""
    assert input_at(complete(state)) is None


def test_an_act_of_before_the_last_report_keeps_nothing_back() -> None:
    """It was over when the last report came."""
    assert input_at(complete(TransitionState(acts=(Act("release", "alice", "x", at(minutes=2)),)))) == LAST


def test_a_dispatch_that_failed_is_late() -> None:
    """What did not get through kept nothing back: the second attempt is measured from the same moment."""
    failed = TransitionState(State.BLOCKED, blocked={"dispatch": Block(LAST, "503")})
    assert input_at(complete(failed)) == LAST


def test_a_second_attempt_keeps_what_the_first_knew() -> None:
    """A gate had kept the plan back before its first attempt failed."""
    first = state_changes.claimed(TransitionState(), plan(last_input_at=None), "me", LAST, timedelta(minutes=1))
    failed = state_changes.call_failed(first, "503", LAST, LAST)
    assert input_at(complete(failed)) is None


@pytest.mark.parametrize(
    ("ends", "expected"), [(at(minutes=4), None), (at(minutes=2), LAST)], ids=["paused", "paused before"]
)
def test_a_pause_after_the_last_report_is_not_measured(ends: datetime, expected: datetime | None) -> None:
    """The trigger went out at its end."""
    assert input_at(complete(pauses=(Pause("1", T0, ends, "between rounds"),))) == expected


def test_a_hand_off_ends_when_the_accepted_claim_began() -> None:
    """A service that answers at its end would else make its own duration ours."""
    claim = state_changes.claimed(
        TransitionState(), plan(last_input_at=LAST), "me", at(minutes=4), timedelta(minutes=1)
    )
    sent = state_changes.dispatched(claim, at(minutes=40))
    assert sent.handoff == timedelta(minutes=1)
    assert [entry.handoff_seconds for entry in sent.pending_audit] == [60.0]


def test_only_the_trigger_carries_the_hand_off() -> None:
    """Neither a repeated dispatch nor a confirmation counts it again."""
    sent = dispatched(plan(last_input_at=T0), at(seconds=5))
    again = state_changes.dispatched(replace(sent, claim=None), at(minutes=20))
    assert [(e.decision, e.handoff_seconds) for e in again.pending_audit] == [("trigger", 5.0), ("redispatch", None)]


def test_a_call_of_unknown_outcome_left_when_it_was_made() -> None:
    """It was proven half an hour later (behaviour D11)."""
    lost = state_changes.unproven(dispatched_claim(), at(seconds=10), "no answer", at(seconds=40))
    proven = state_changes.proven(lost, 1, at(minutes=30))
    assert proven.handoff == timedelta(seconds=10)
    assert isinstance(lost.unproven, Unproven)


def dispatched_claim() -> TransitionState:
    return state_changes.claimed(TransitionState(), plan(last_input_at=T0), "me", at(seconds=9), timedelta(minutes=1))
