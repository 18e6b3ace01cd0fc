"""After a trigger: better data triggers the next generation, so often and so long as the policy says (behaviour D8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import pytest

from shared.core.decision import state_changes
from shared.core.decision.decide import decide
from shared.core.decision.decisions import Blocked, Decision, Done, Read, Trigger, Wait
from shared.core.decision.gates import Unfit, Wanted
from shared.core.model import Hold, HoldCause, Outcome, Plan, Report, TransitionState
from shared.core.policy.transitions import Messages, Publication
from tests.core.build import (
    GAMES,
    GOOD,
    PGS,
    PHASE3,
    POLICY,
    SECOND,
    T0,
    TO4,
    TO5,
    TOGS,
    UPGC,
    UTGC,
    World,
    at,
    confirmed,
    decided,
    dispatched,
    done,
    plan,
    report,
    snapshot,
    with_transition,
)  # fmt: skip
from tests.core.test_sources import A, B, policy_of_sources

BEFORE = 200
OTHERS = [name for name in PHASE3 if name != PGS]
COUNTED = dict.fromkeys(PHASE3, BEFORE)
# 16:00 in New York on the morning of the trigger
UNTIL = at(hours=10)
NOW = at(hours=1)


def night(*later: Report, state: TransitionState | None = None, missing: tuple[str, ...] = ()) -> list[Report]:
    """Return what was reported before the trigger, then later reports."""
    return [report(name, records=BEFORE) for name in PHASE3 if name not in missing] + list(later)


def after_trigger(
    *later: Report, state: TransitionState | None = None, missing: tuple[str, ...] = (), world: World = GOOD
) -> Decision:
    """Decide an hour after a confirmed trigger without the missing ones, which later reports follow."""
    completed = {name: records for name, records in COUNTED.items() if name not in missing}
    stored = state or confirmed(plan(completed=completed, missing=missing))
    return decided(snapshot(*night(*later, missing=missing), state=stored), NOW, world)


def grown(records: int, name: str = PGS) -> Report:
    return report(name, records=records, ended=at(minutes=50))


def refreshed(decision: Decision) -> Plan:
    assert isinstance(decision, Trigger), decision
    assert decision.plan.reason == "refresh"
    return decision.plan


@pytest.mark.parametrize(
    ("records", "refreshes"),
    [(BEFORE - 50, False), (BEFORE, False), (219, False), (220, True), (221, True)],
)
def test_growth_of_at_least_ten_percent_triggers_the_next_generation(records: int, refreshes: bool) -> None:
    """Below, at and above the limit; fewer records than before are no growth."""
    decision = after_trigger(grown(records))
    if refreshes:
        assert (refreshed(decision).generation, refreshed(decision).completed[PGS]) == (2, records)
    else:
        assert decision == Done("confirmed")


@pytest.mark.parametrize(("records", "refreshes"), [(10_999, False), (11_000, True)])
def test_the_limit_is_exact(records: int, refreshes: bool) -> None:
    """9.99 percent is not ten."""
    state = confirmed(plan(completed={**COUNTED, PGS: 10_000}))
    assert isinstance(after_trigger(grown(records), state=state), Trigger) == refreshes


def test_from_nothing_any_record_is_growth() -> None:
    """A processor that carried zero records has grown with its first."""
    decision = after_trigger(grown(100), state=confirmed(plan(completed={**COUNTED, PGS: 0})))
    assert refreshed(decision).generation == 2
    assert after_trigger(state=confirmed(plan(completed=COUNTED))) == Done("confirmed")


@pytest.mark.parametrize(("before", "after"), [(None, 500), (200, None)])
def test_without_two_counts_there_is_no_growth(before: int | None, after: int | None) -> None:
    """What was not counted cannot be said to have grown."""
    state = confirmed(plan(completed={**COUNTED, PGS: before}))
    assert after_trigger(report(PGS, records=after, ended=at(minutes=50)), state=state) == Done("confirmed")


def test_what_one_loader_reports_of_a_unit_is_no_growth_of_another() -> None:
    """The count of a loader was carried; it is short since, and another vouches, whose reports are of one game."""
    short = report(PGS, records=20, ended=at(minutes=40), source="Players")
    single = report(PGS, records=BEFORE * 2, ended=at(minutes=50), source="Teams")
    whole = report(PGS, records=BEFORE, source="Players")
    policy = policy_of_sources(one_by_one=True)
    reports = [whole, short, single, *(report(name, records=BEFORE) for name in OTHERS)]
    stored = confirmed(plan(completed=COUNTED))
    world = World(tables={A: 20, B: 14})
    assert decided(snapshot(*reports, state=stored, policy=policy), NOW, world) == Done("confirmed")
    whole_again = report(PGS, records=BEFORE * 2, ended=at(minutes=55), source="Players")
    decision = decided(snapshot(*reports, whole_again, state=stored, policy=policy), NOW, world)
    assert refreshed(decision).completed[PGS] == BEFORE * 2


def test_what_was_missing_triggers_when_it_arrives() -> None:
    """The next generation carries it, and is degraded no more."""
    trigger_plan = refreshed(after_trigger(report(TOGS, records=14, ended=at(minutes=50)), missing=(TOGS,)))
    assert (trigger_plan.generation, trigger_plan.missing, trigger_plan.completed[TOGS]) == (2, (), 14)


def test_a_partial_brings_its_success() -> None:
    """R6: a part was listed as missing, so its whole is one that was missing."""
    state = confirmed(plan(completed={**COUNTED}, missing=(TOGS,), partial=(TOGS,)))
    state = replace(
        state, accepted_plan=replace(state.accepted_plan or plan(), completed={n: 200 for n in PHASE3 if n != TOGS})
    )
    part = report(TOGS, Outcome.PARTIAL, 14)
    assert after_trigger(part, state=state, missing=(TOGS,)) == Done("confirmed")
    whole = report(TOGS, records=14, ended=at(minutes=50))
    assert refreshed(after_trigger(part, whole, state=state, missing=(TOGS,))).missing == ()


def test_a_retracted_success_does_not_arrive_by_the_trigger_itself() -> None:
    """R6: a success taken back by a failure before the trigger is still missing after it; nothing has arrived."""
    back = [report(TOGS, records=14), report(TOGS, Outcome.FAILED, ended=at(minutes=2))]
    assert after_trigger(*back, missing=(TOGS,)) == Done("confirmed")


def test_a_failure_after_the_trigger_neither_retracts_nor_refreshes() -> None:
    """R6: what was carried stays done."""
    assert after_trigger(report(PGS, Outcome.FAILED, ended=at(minutes=50))) == Done("confirmed")


@pytest.mark.parametrize(("rows", "brings"), [(14, True), (13, False), (None, False)])
def test_a_missing_counter_brings_what_was_missing_too(rows: int | None, brings: bool) -> None:
    """R6: below the floor the table decides, after a trigger as before it."""
    late = report(TOGS, records=1, ended=at(minutes=50))
    table = f"nba_analytics.{TOGS}"
    state = confirmed(plan(completed={n: BEFORE for n in PHASE3 if n != TOGS}, missing=(TOGS,)))
    decision_input = snapshot(*night(late, missing=(TOGS,)), state=state)
    assert decide(decision_input, NOW) == Read(Wanted(rows=frozenset({table})))
    decision = decided(decision_input, NOW, World(tables={table: rows}))
    assert isinstance(decision, Trigger) if brings else decision == Done("confirmed")


def test_growth_is_measured_against_what_the_last_generation_carried() -> None:
    """Twenty percent since the first trigger, but nothing since the second."""
    twice = with_transition(TO4, refresh=replace(POLICY.transitions[TO4].refresh, at_most=5))  # type: ignore[type-var]
    second = confirmed(plan(2, "refresh", completed={**COUNTED, PGS: 240}), at(minutes=30), confirmed(plan()))
    assert decided(snapshot(*night(grown(240)), state=second, policy=twice), NOW) == Done("confirmed")
    assert decided(snapshot(*night(grown(263)), state=second, policy=twice), NOW) == Done("confirmed")
    assert refreshed(decided(snapshot(*night(grown(264)), state=second, policy=twice), NOW)).generation == 3


def test_at_most_so_many() -> None:
    """One refresh in the reference policy: what grows after it starts nothing."""
    once = confirmed(plan(2, "refresh", completed=COUNTED), at(minutes=30), confirmed(plan()))
    assert once.refreshes == 1
    assert after_trigger(grown(900), state=once) == Done("confirmed")


def test_an_operators_generation_does_not_use_up_a_refresh() -> None:
    """Only refreshes are counted."""
    by_hand = confirmed(plan(2, "operator", completed=COUNTED), at(minutes=30), confirmed(plan()))
    assert by_hand.refreshes == 0
    assert refreshed(after_trigger(grown(900), state=by_hand)).generation == 3


@pytest.mark.parametrize(
    ("when", "refreshes"), [(UNTIL - SECOND, True), (UNTIL, True), (UNTIL + SECOND, False)], ids=str
)
def test_not_after_its_local_time_on_the_day_of_the_trigger(when: object, refreshes: bool) -> None:
    """16:00 in New York is 21:00 UTC in winter."""
    decision_input = snapshot(*night(grown(400)), state=confirmed(plan(completed=COUNTED)))
    assert isinstance(decided(decision_input, when), Trigger) == refreshes  # type: ignore[arg-type]


def test_the_day_is_that_of_the_trigger_and_not_of_the_date() -> None:
    """A run triggered late in the evening has no refresh on the next day."""
    evening = confirmed(plan(completed=COUNTED), at(hours=11))
    decision_input = snapshot(*night(grown(400)), state=evening)
    assert decided(decision_input, at(hours=12)) == Done("confirmed")
    assert decided(decision_input, at(hours=25)) == Done("confirmed")


def test_a_refresh_does_not_open_another_window() -> None:
    """The window is that of the first trigger, also when a refresh left on another day."""
    first = confirmed(plan())
    second = confirmed(plan(2, "refresh"), at(hours=9), first)
    assert second.triggered_at == T0
    assert confirmed(plan(2, "operator"), at(hours=30), first).triggered_at == at(hours=30)


def test_without_refresh_in_the_policy_nothing_is_triggered_again() -> None:
    """phase4_to_phase5 has none: arrivals are noted, not acted on."""
    names = sorted(POLICY.transitions[TO5].expects["overnight"].expected)
    state = confirmed(Plan(1, "tier_2", completed=dict.fromkeys(names[1:], 1), missing=(names[0],)))
    decision_input = snapshot(*done(*names), transition=TO5, state=state)
    assert decided(decision_input, NOW) == Done("confirmed")


@pytest.mark.parametrize(
    ("world", "reason"),
    [
        (World(percents={"game_coverage": 40}), "game_coverage"),
        (World(fitness=Unfit("precompute answers 503")), "precompute"),
        (World(tables={f"nba_analytics.{PGS}": 0}), "phase3_rows"),
    ],
)
def test_gates_and_preflight_bind_a_refresh(world: World, reason: str) -> None:
    """It stays due, blocked by name, until they pass or the time is over."""
    decision = after_trigger(grown(400), world=world)
    assert isinstance(decision, Blocked)
    assert set(decision.reasons) == {reason}
    state = state_changes.resting(confirmed(plan(completed=COUNTED)), decision, NOW)
    assert refreshed(after_trigger(grown(400), state=state)).generation == 2


def test_a_rejected_refresh_is_held_by_the_same_code() -> None:
    """D5 binds a refresh like any other dispatch."""
    state = replace(confirmed(plan(completed=COUNTED)), hold=Hold(HoldCause.REJECTED, T0, "answers 422", "v1"))
    decision_input = snapshot(*night(grown(400)), state=state, code_version="v1")
    assert type(decided(decision_input, NOW)).__name__ == "Held"
    assert refreshed(decided(replace(decision_input, code_version="v2"), NOW)).generation == 2


def test_while_nobody_confirmed_the_next_generation_may_go_before_the_repetition() -> None:
    """An unconfirmed first generation does not keep better data back."""
    state = dispatched(plan(completed=COUNTED))
    decision_input = snapshot(*night(grown(400)), state=state)
    assert refreshed(decided(decision_input, at(minutes=5))).generation == 2
    assert refreshed(decided(decision_input, at(minutes=31))).generation == 2


def test_a_blocked_refresh_does_not_stop_the_repetition() -> None:
    """Generation 1 is repeated at its time, whatever blocks generation 2, and until then it waits."""
    closed = World(percents={"game_coverage": 40})
    what = plan(completed=COUNTED)
    decision_input = snapshot(*night(grown(400)), state=dispatched(what))
    within = POLICY.transitions[TO4].confirm.within
    waiting = decided(decision_input, at(minutes=5), closed)
    assert isinstance(waiting, Wait)
    assert waiting.next_at == T0 + within
    assert decided(decision_input, T0 + within, closed) == Trigger(what)


def test_a_refresh_that_failed_to_leave_is_tried_again_when_its_back_off_is_over() -> None:
    """While generation 1 waits for its report, the announced moment is the earlier one."""
    first = dispatched(plan(completed=COUNTED))
    second = state_changes.claimed(first, plan(2, "refresh", completed=COUNTED), "me", T0, POLICY.claim_lease)
    failed = state_changes.call_failed(second, "answers 503", T0)
    assert failed.failure is not None
    decision_input = snapshot(*night(grown(400)), state=failed)
    waiting = decided(decision_input, at(seconds=30))
    assert isinstance(waiting, Wait)
    assert waiting.next_at == failed.failure.retry_at
    assert refreshed(decided(decision_input, failed.failure.retry_at)).generation == 2


def test_several_arrivals_are_one_refresh() -> None:
    """Everything that is better now goes with one generation."""
    later = [report(TOGS, records=14, ended=at(minutes=40)), report(UTGC, records=14, ended=at(minutes=41)), grown(900)]
    trigger_plan = refreshed(after_trigger(*later, missing=(TOGS, UTGC)))
    assert (trigger_plan.missing, trigger_plan.completed[PGS], trigger_plan.completed[TOGS]) == ((), 900, 14)


def test_a_refresh_may_still_be_degraded() -> None:
    """The processors that are still missing are named again."""
    later = report(TOGS, records=14, ended=at(minutes=40))
    trigger_plan = refreshed(after_trigger(later, missing=(TOGS, UTGC)))
    assert (trigger_plan.missing, trigger_plan.degraded) == ((UTGC,), True)


def test_the_window_is_local_in_summer_too() -> None:
    """In July 16:00 in New York is 20:00 UTC, an hour earlier."""
    refresh = replace(POLICY.transitions[TO4].refresh, until=time(16))  # type: ignore[type-var]
    policy = with_transition(TO4, refresh=refresh)
    summer = T0 + timedelta(days=180)
    later = report(PGS, records=400, ended=summer + timedelta(minutes=5))
    decision_input = snapshot(*night(later), state=confirmed(plan(completed=COUNTED), summer), policy=policy)
    assert isinstance(decided(decision_input, summer + timedelta(hours=9)), Trigger)
    assert decided(decision_input, summer + timedelta(hours=9, seconds=1)) == Done("confirmed")


def test_the_reference_policy_is_what_these_tests_assume() -> None:
    """One refresh until 16:00 at ten percent, messages per processor, floors that 200 records reach."""
    transition = POLICY.transitions[TO4]
    assert transition.refresh is not None
    assert (transition.refresh.until, transition.refresh.at_most) == (time(16), 1)
    [step] = transition.dispatch.steps
    assert isinstance(step.target, Publication)
    assert step.target.messages is Messages.PER_PROCESSOR
    floors = [POLICY.phases["phase3"].processors[name].records_needed(GAMES) for name in (PGS, UPGC, *OTHERS)]
    assert all(floor is not None and floor <= BEFORE for floor in floors)
