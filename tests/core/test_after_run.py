"""Waiting for another run binds a trigger as a gate does (behaviour D4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.core.alerting.conditions import AlertKind, conditions
from shared.core.decision.decide import decide
from shared.core.decision.decisions import Blocked, Read, Trigger
from shared.core.decision.gates import Readings
from shared.core.decision.snapshot import DecisionInput
from shared.core.model import Plan, Run, RunKey, State, TransitionState, Units, Unproven
from shared.core.policy.after_run import NAME, AfterRun, OtherRun, judge
from shared.core.policy.after_run_check import after_run_problems
from tests.core.build import DAY, PHASE3, POLICY, T0, TO4, at, done, snapshot, with_transition
from tests.core.test_passes import REGIONAL, plain
from tests.policy_files import edit, outcome, write

AFTER = AfterRun("sales", "daily", "publish", -1)
SALES = RunKey("sales", DAY - timedelta(days=1), "daily")
PUBLISHED = TransitionState(State.CONFIRMED, 1, accepted_plan=Plan(1, "complete"))
KEY = "transitions.orders_to_books.expects.us.after_run"


def run(**changes: Any) -> Run:
    return Run(SALES, T0, **changes)


@pytest.mark.parametrize(
    ("enough", "state"),
    [
        (False, TransitionState()),
        (False, TransitionState(State.BLOCKED)),
        (False, TransitionState(State.HELD)),
        (False, TransitionState(State.CLAIMED, 1, plan=Plan(1, "complete"))),
        (False, TransitionState(State.DISPATCHED, 1, plan=Plan(1, "x"), unproven=Unproven(T0, T0, 1, "no answer"))),
        (True, TransitionState(State.DISPATCHED, 1, accepted_plan=Plan(1, "complete"))),
        (True, PUBLISHED),
        (True, TransitionState(State.CLAIMED, 2, plan=Plan(2, "refresh"), accepted_plan=Plan(1, "complete"))),
        (True, TransitionState(State.OBSERVED)),
        (True, TransitionState(State.EMPTY_OK)),
    ],
)
def test_when_a_transition_has_come_far_enough(enough: bool, state: TransitionState) -> None:
    """Dispatched, confirmed, observed or empty; what is only claimed, or of unknown outcome, is not."""
    other_run = judge(AFTER, SALES, run(), {"publish": state, "other": TransitionState()})
    assert other_run == OtherRun(enough, f"sales/2026-01-20/daily publish: {state.state.value}")


def test_a_run_that_is_not_there_or_has_no_units() -> None:
    """A run that nobody opened is waited for; one without units has nothing to wait for."""
    assert judge(AFTER, SALES, None, {}) == OtherRun(False, "there is no run sales/2026-01-20/daily yet")
    empty = run(units=Units(0, 0))
    assert judge(AFTER, SALES, empty, {}) == OtherRun(True, "sales/2026-01-20/daily has no units")


def test_all_of_a_run_is_waited_for_until_it_is_over() -> None:
    """Without a transition: the run is closed, and every transition of it was sent."""
    whole = replace(AFTER, transition="")
    assert judge(whole, SALES, None, {}) == OtherRun(False, "there is no run sales/2026-01-20/daily yet")
    states = {"publish": PUBLISHED, "print": TransitionState()}
    assert judge(whole, SALES, run(), {"publish": PUBLISHED}) == OtherRun(False, "sales/2026-01-20/daily is not over")
    closed = run(closed_at=T0)
    assert judge(whole, SALES, closed, states) == OtherRun(False, "sales/2026-01-20/daily is over without print")
    assert judge(whole, SALES, closed, {}) == OtherRun(False, "sales/2026-01-20/daily is over without any trigger")
    assert judge(whole, SALES, closed, {"publish": PUBLISHED}).enough


def waiting(**more: Any) -> DecisionInput:
    """Return phase 3 of a night, all done, that waits for the sales of the day before."""
    expects = {**POLICY.transitions[TO4].expects}
    expects["overnight"] = replace(expects["overnight"], after_run=AFTER)
    policy = with_transition(TO4, expects=expects, gates=(), preflight=None)
    return snapshot(*done(*PHASE3), transition=TO4, policy=policy, **more)


def decided(decision_input: DecisionInput, other: OtherRun | None, minutes: int = 1) -> Any:
    readings = replace(decision_input.readings, other_run=other)
    return decide(replace(decision_input, readings=readings, pauses=()), at(minutes=minutes))


def test_it_binds_every_trigger_but_an_operators() -> None:
    """D4: read first, then blocked with the state of the other run, then triggered, and the record says by what."""
    decision_input = waiting()
    asked = decided(decision_input, None)
    assert isinstance(asked, Read)
    assert asked.wanted.other_run == AFTER
    blocked = decided(decision_input, OtherRun(False, "sales publish: waiting"))
    assert blocked == Blocked({NAME: "sales publish: waiting"})
    sent = decided(decision_input, OtherRun(True, "sales publish: confirmed"))
    assert isinstance(sent, Trigger)
    assert sent.plan.readings[NAME] == "sales publish: confirmed"


def test_waiting_for_another_run_is_told_at_the_deadline_alone() -> None:
    """A5: nobody is told that it waits; that it still does at its deadline is critical, and due times name it."""
    decision_input = waiting(state=TransitionState(State.BLOCKED))
    for minutes, kinds in ((5, set()), (300, {AlertKind.GATE_OVERDUE})):
        decision = Blocked({NAME: "sales publish: waiting"})
        alerts = list(conditions(decision_input, decision, at(minutes=minutes), {}))
        assert {alert.kind for alert in alerts} & {AlertKind.GATE, AlertKind.GATE_OVERDUE} == kinds


@pytest.mark.parametrize(
    ("after", "key", "reason"),
    [
        ({"mode": "asia", "transition": "orders_to_books"}, ".mode", "there is no mode asia in shop"),
        ({"mode": "eu", "transition": "books"}, ".transition", "there is no transition books in shop"),
        ({"mode": "late", "transition": "orders_to_books"}, ".mode", "late does not pass orders_to_books"),
        ({"mode": "us", "transition": "orders_to_books"}, "", "the run would wait for itself"),
        ({"mode": "us"}, "", "the run would wait for itself"),
        ({"mode": "us", "offset_days": -1}, None, ""),
        ({"mode": "eu", "transition": "orders_to_books"}, None, ""),
        ({"mode": "late", "transition": "orders_to_shelves", "offset_days": 0}, None, ""),
        ({"mode": "eu", "transition": "orders_to_books", "lane": "live"}, ".lane", "there is no such key"),
        ({"transition": "orders_to_books"}, ".mode", "is missing"),
    ],
)
def test_a_run_that_can_never_come_is_refused(
    after: dict[str, Any], key: str | None, reason: str, tmp_path: Path
) -> None:
    """Of the own pipeline the file shows it; what another has, nobody knows from this one."""
    where = "transitions/orders_to_books/expects/us/after_run"
    error = outcome(write(tmp_path, edit(plain("regional"), {where: {"pipeline": "shop", **after}})))
    if key is None:
        assert error is None, str(error)
        return
    assert error is not None
    assert error.key == f"{KEY}{key}"
    assert reason in error.reason
    assert error.hint


@pytest.mark.parametrize(
    ("mode", "after", "offset", "reason"),
    [
        ("weekly", "nightly", 0, "never expected: weekly is expected on mon, nightly on tue"),
        ("weekly", "nightly", -1, ""),
        ("weekly", "nightly", -7, "nightly on tue, wed, thu, fri, sat, sun"),
        ("nightly", "weekly", -1, ""),
        ("invoice", "nightly", 0, ""),
        ("invoice", "invoice", -1, "invoice on days 1, 15 of the month"),
        ("invoice", "invoice", -14, ""),
    ],
)
def test_a_run_that_is_never_expected_then_is_refused(
    mode: str, after: str, offset: int, reason: str, tmp_path: Path
) -> None:
    """A week's report that waits for the night of its own date waits for what no sweep opens; where there is one day on
    which both are expected, nothing is said."""
    where = f"transitions/loans_to_reports/expects/{mode}/after_run"
    waits = {"pipeline": "library", "mode": after, "transition": "loans_to_reports", "offset_days": offset}
    error = outcome(write(tmp_path, edit(plain("weekly"), {where: waits})))
    assert (error is None) is not bool(reason), str(error)
    assert error is None or reason in error.reason


def test_two_that_wait_for_each_other_are_refused(tmp_path: Path) -> None:
    """Each of two passes waits for the other: neither would ever go."""
    expects = "transitions/orders_to_books/expects"
    waits = {
        f"{expects}/{mode}/after_run": {"pipeline": "shop", "mode": other, "transition": "orders_to_books"}
        for mode, other in (("us", "eu"), ("eu", "us"))
    }
    error = outcome(write(tmp_path, edit(plain("regional"), waits)))
    assert error is not None
    assert "the run would wait for itself" in error.reason
    waits[f"{expects}/us/after_run"]["offset_days"] = -1  # type: ignore[assignment]
    assert outcome(write(tmp_path, edit(plain("regional"), waits))) is None


def test_what_another_pipeline_has_is_checked_where_it_is_known(tmp_path: Path) -> None:
    """With every pipeline of a deployment at hand, one that is not there is a problem; alone it is not."""
    expects = {**REGIONAL.transitions["orders_to_books"].expects}
    expects["us"] = replace(expects["us"], after_run=AfterRun("sales", "daily", "publish"))
    transition = replace(REGIONAL.transitions["orders_to_books"], expects=expects)
    policy = replace(REGIONAL, transitions={**REGIONAL.transitions, transition.name: transition})
    assert list(after_run_problems(policy)) == []
    [problem] = after_run_problems(policy, {"shop": policy, "sale": REGIONAL})
    assert (problem.key, problem.reason) == (f"{KEY}.pipeline", "there is no pipeline sales")
    assert problem.hint == "did you mean sale?"


def test_a_run_that_waits_for_none_reads_none() -> None:
    decision_input = snapshot(*done(*PHASE3), transition=TO4)
    decision = decide(replace(decision_input, pauses=()), T0)
    assert isinstance(decision, Read)
    assert decision.wanted.other_run is None
    assert Readings().other_run is None
