"""Every row of the decision table of behaviour 3, the order of the rows, and the rules D1 to D7 and D9."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.core.decision import state_changes
from shared.core.decision.decide import decide
from shared.core.decision.decisions import Blocked, Confirm, Done, EmptyOk, Held, Read, Trigger, Wait
from shared.core.decision.gates import Readings, Unfit, Wanted
from shared.core.decision.snapshot import DecisionInput  # fmt: skip
from shared.core.model import Failure, Hold, HoldCause, Outcome, Plan, Report, Request, State, TransitionState
from shared.core.policy.transitions import ConfirmBy, Deadline, Dispatch, Role, Then, Tier
from tests.core.build import (
    CACHE,
    FEATURES,
    GAMES,
    NIGHT,
    PGS,
    PHASE3,
    POLICY,
    PSZA,
    SAME_DAY,
    SECOND,
    T0,
    TDGS,
    TDZA,
    TO4,
    TO5,
    TO6,
    TOGS,
    UPGC,
    UTGC,
    World,
    at,
    claimed,
    confirmed,
    decided,
    dispatched,
    done,
    plan,
    report,
    snapshot,
    with_expectation,
    with_transition,
)  # fmt: skip

LEASE = POLICY.claim_lease
WITHIN = POLICY.transitions[TO4].confirm.within
NOW = at(minutes=1)
REQUEST = Request("the data is good", T0)
HOLD = Hold(HoldCause.OPERATOR, T0, "by an operator: wait for the league")
REJECTED = Hold(HoldCause.REJECTED, T0, "answers 422", code_version="v1")
FAILURE = Failure(1, T0, at(minutes=4), "answers 503")
NO_COVERAGE = World(percents={"game_coverage": 71})


def full(**more: object) -> DecisionInput:
    """Return a situation in which every processor of phase 3 is done."""
    return snapshot(*done(*PHASE3), **more)  # type: ignore[arg-type]  # passed through to a typed helper


def triggered(decision: object) -> Plan:
    assert isinstance(decision, Trigger), decision
    return decision.plan


def waits(decision: object) -> Wait:
    assert isinstance(decision, Wait), decision
    return decision


def blocked(decision: object) -> Mapping[str, str]:
    assert isinstance(decision, Blocked), decision
    return decision.reasons


# The rows, one by one


def test_a_date_without_units_expects_nothing() -> None:
    """Row 1: whatever was reported, an empty date is in order."""
    assert decide(full(games=0), NOW) == EmptyOk()
    assert decide(snapshot(games=0), NOW) == EmptyOk()


def test_confirmed_is_done() -> None:
    """Row 2: what has begun needs nothing."""
    assert decide(full(state=confirmed()), NOW) == Done("confirmed")


@pytest.mark.parametrize(
    ("after", "again"), [(WITHIN - SECOND, False), (WITHIN, True), (WITHIN + SECOND, True)], ids=str
)
def test_an_unconfirmed_dispatch_is_repeated_after_its_time(after: timedelta, again: bool) -> None:
    """Row 3: at `confirm.within` after the dispatch, not a second before, the same plan goes out again."""
    what = plan(3, "refresh")
    decision = decide(full(state=dispatched(what)), T0 + after)
    if again:
        assert decision == Trigger(what)
    else:
        assert waits(decision).next_at == T0 + WITHIN


def test_a_dispatch_is_repeated_only_so_often() -> None:
    """Row 3: after `redispatch` repetitions it waits, however long, for a report of the next phase."""
    state = dispatched()
    again = state_changes.dispatched(claimed(state.accepted_plan, T0 + WITHIN, state), T0 + WITHIN)
    assert again.dispatches == 2
    assert waits(decide(full(state=again), T0 + WITHIN + SECOND)).next_at == T0 + 2 * WITHIN
    assert waits(decide(full(state=again), at(hours=30))).next_at is None
    late = full(state=again, next_report_at=at(hours=30))
    assert decide(late, at(hours=31)) == Confirm(ConfirmBy.FIRST_REPORT, at(hours=30))


def test_a_report_during_the_call_confirms_once_that_is_accepted() -> None:
    """D7: a service that answers at its end has reported by then; while the call is under way that confirms nothing."""
    claim = claimed()
    during = T0 + SECOND
    assert isinstance(decide(full(state=claim, next_report_at=during), at(seconds=2)), Wait)
    answered = state_changes.dispatched(claim, at(seconds=15))
    assert decide(full(state=answered, next_report_at=during), at(seconds=15)) == Confirm(
        ConfirmBy.FIRST_REPORT, during
    )
    assert isinstance(decide(full(state=answered, next_report_at=T0 - SECOND), at(seconds=15)), Wait)


def test_each_repetition_has_its_own_time() -> None:
    """Row 3: repetitions are one `within` apart, counted from the latest dispatch."""
    twice = with_transition(TO4, confirm=replace(POLICY.transitions[TO4].confirm, redispatch=2))
    state = dispatched()
    again = state_changes.dispatched(claimed(state.accepted_plan, at(minutes=31), state), at(minutes=31))
    decision_input = full(state=again, policy=twice)
    assert waits(decide(decision_input, at(minutes=60))).next_at == at(minutes=61)
    assert triggered(decide(decision_input, at(minutes=61))).generation == 1


@pytest.mark.parametrize("transition", [TO5, TO6])
def test_a_generation_is_numbered_once_more_only_after_anything_was_accepted(transition: str) -> None:
    """A trigger of which nothing was accepted keeps its number, an accepted one does not (D9)."""
    waiting = snapshot(transition=transition, state=replace(TransitionState(), request=REQUEST, generation=1))
    assert triggered(decided(waiting, NOW)).generation == 1
    accepted = replace(waiting, state=replace(waiting.state, steps_proven=1))
    assert triggered(decided(accepted, NOW)).generation == 2


@pytest.mark.parametrize(("after", "again"), [(LEASE - SECOND, False), (LEASE, True), (LEASE + SECOND, True)], ids=str)
def test_a_claim_is_a_lease(after: timedelta, again: bool) -> None:
    """Rows 4 and 5: while it runs others wait, at its end the same plan is dispatched under the same trigger id."""
    what = plan()
    decision = decide(full(state=claimed(what)), T0 + after)
    if again:
        assert decision == Trigger(what)
    else:
        assert waits(decision).next_at == T0 + LEASE


@pytest.mark.parametrize("after", [SECOND, LEASE + SECOND], ids=str)
def test_a_report_that_names_the_trigger_confirms_a_claim(after: timedelta) -> None:
    """Row 5: it has begun by this very trigger, so whoever held the claim did dispatch; nothing goes out again."""
    named = frozenset({NIGHT.trigger_id(TO4, 1)})
    decision_input = full(state=claimed(), next_report_at=T0 + SECOND, next_trigger_ids=named)
    assert decide(decision_input, T0 + after) == Confirm(ConfirmBy.FIRST_REPORT, T0 + SECOND)


@pytest.mark.parametrize("named", [(), (NIGHT.trigger_id(TO4, 2),), (NIGHT.trigger_id(TO5, 1),)], ids=str)
def test_a_report_that_names_another_trigger_or_none_confirms_no_claim(named: tuple[str, ...]) -> None:
    """Row 5: somebody else may have started the next phase; at the lease's end the trigger goes out, same id."""
    decision_input = full(state=claimed(), next_report_at=T0 + SECOND, next_trigger_ids=frozenset(named))
    assert waits(decide(decision_input, T0 + SECOND)).next_at == T0 + LEASE
    assert decide(decision_input, T0 + LEASE) == Trigger(plan())


def test_a_report_from_before_the_claim_confirms_nothing() -> None:
    """Row 5: somebody else's report says nothing about our dispatch."""
    decision_input = full(state=claimed(), next_report_at=T0 - SECOND)
    assert waits(decide(decision_input, NOW)).next_at == T0 + LEASE
    assert decide(decision_input, T0 + LEASE) == Trigger(plan())


def test_the_first_claim_of_a_later_generation_is_not_confirmed_by_reports() -> None:
    """Row 5: while generation 2 is claimed a report may still speak of generation 1."""
    state = claimed(plan(2, "operator"), at(hours=1), confirmed())
    decision_input = full(state=state, next_report_at=at(hours=1, seconds=30))
    assert waits(decide(decision_input, at(hours=1, minutes=1))).next_at == at(hours=1) + LEASE


def test_readings_are_asked_for_before_anything_is_decided_by_them() -> None:
    """Row 6: everything that gates and preflight need, at once; then the answer decides."""
    decision = decide(full(), NOW)
    tables = frozenset(f"nba_analytics.{name}" for name in PHASE3)
    assert decision == Read(Wanted(tables, ("game_coverage", "minutes_coverage"), "precompute"))
    some = full(readings=Readings(rows=dict.fromkeys(tables, 5), percents={"game_coverage": 90}))
    assert decide(some, NOW) == Read(Wanted(percents=("minutes_coverage",), service="precompute"))


def test_nothing_is_read_while_nothing_is_ready() -> None:
    """A completion that only waits does not pay for the warehouse."""
    assert isinstance(decide(snapshot(*done(PGS)), NOW), Wait)


def test_unknown_units_are_asked_for_before_floors_decide() -> None:
    """T3: without a reading of the calendar it is read first; without an answer floors refuse nothing."""
    decision_input = snapshot(*(report(name, records=1) for name in PHASE3), games=None)
    assert decide(decision_input, NOW) == Read(Wanted(calendar=True))
    assert triggered(decided(decision_input, NOW, World(games=None))).reason == "complete"
    assert waits(decided(decision_input, NOW, World(rows=0))).next_at is None
    assert decided(decision_input, NOW, World(games=0)) == EmptyOk()


def test_a_gate_blocks_by_name_and_number() -> None:
    """Row 7: the reasons name each gate that says no, and nothing else."""
    world = World(percents={"game_coverage": 71, "minutes_coverage": 79.5})
    reasons = blocked(decided(full(), NOW, world))
    assert set(reasons) == {"game_coverage", "minutes_coverage"}
    assert "71" in reasons["game_coverage"]
    assert "79.5" in reasons["minutes_coverage"]


def test_an_unfit_service_blocks() -> None:
    """Row 7: the preflight binds like a gate, under the name of the service."""
    world = World(fitness=Unfit("precompute answers 404"))
    assert blocked(decided(full(), NOW, world)) == {"precompute": "precompute answers 404"}


def test_a_failed_dispatch_waits_for_its_back_off() -> None:
    """D5: until `retry_at` it is blocked, from then on it goes."""
    decision_input = full(state=replace(TransitionState(), failure=FAILURE, generation=1))
    early = decided(decision_input, FAILURE.retry_at - SECOND)
    assert early == Blocked({"dispatch": FAILURE.text}, FAILURE.retry_at)
    assert triggered(decided(decision_input, FAILURE.retry_at)).generation == 1


def test_ready_triggers() -> None:
    """Row 8: complete, gates read and passed."""
    trigger_plan = triggered(decided(full(), NOW))
    assert (trigger_plan.generation, trigger_plan.reason, trigger_plan.degraded, trigger_plan.missing) == (
        1,
        "complete",
        False,
        (),
    )
    assert set(trigger_plan.completed) == set(PHASE3)
    assert set(trigger_plan.readings) == {"phase3_rows", "game_coverage", "minutes_coverage", "precompute"}


def test_the_plan_carries_records_and_partials() -> None:
    """Row 8: what is missing or partial is named, and the records of what is done go with it."""
    reports = [report(PGS, records=160), *done(UPGC, TDGS), report(TOGS, Outcome.PARTIAL, 14)]
    trigger_plan = triggered(decided(snapshot(*reports), at(minutes=15)))
    assert (trigger_plan.reason, trigger_plan.first_tier, trigger_plan.degraded) == ("tier_1", True, True)
    assert (trigger_plan.missing, trigger_plan.partial) == ((TOGS, UTGC), (TOGS,))
    assert trigger_plan.completed == {PGS: 160, UPGC: None, TDGS: None}


def test_not_ready_waits_and_says_for_whom_and_until_when() -> None:
    """Row 9: the missing by name, required ones first, and the moment at which the clock decides next."""
    wait = waits(decide(snapshot(*done(PGS, TDGS)), NOW))
    assert wait.reason == f"waiting for {UPGC}, {TOGS}, {UTGC}"
    assert wait.next_at == at(minutes=15)


def test_without_any_report_there_is_no_clock() -> None:
    """Row 9: nothing has opened, so no tier or deadline is in sight (due times are alerts, not decisions)."""
    assert waits(decide(snapshot(), at(hours=40))).next_at is None


# Tiers and deadlines, to the second

THREE, FOUR = [PGS, UPGC, TDGS], [PGS, UPGC, TDGS, TOGS]
WITHOUT_A_REQUIRED = [PGS, TDGS, TOGS, UTGC]
MINUTE = timedelta(minutes=1)

# who is done, how long after the first receipt, reason of the trigger (None: waits)
TIERS: list[tuple[list[str], timedelta, str | None]] = [
    (FOUR, 15 * MINUTE - SECOND, None),
    (FOUR, 15 * MINUTE, "tier_1"),
    (FOUR, 15 * MINUTE + SECOND, "tier_1"),
    (THREE, 15 * MINUTE + SECOND, None),
    (THREE, 30 * MINUTE - SECOND, None),
    (THREE, 30 * MINUTE, "tier_2"),
    (THREE, 30 * MINUTE + SECOND, "tier_2"),
    (FOUR, 30 * MINUTE, "tier_1"),
    ([PGS, UPGC], 30 * MINUTE + SECOND, None),
    ([PGS, UPGC], 120 * MINUTE - SECOND, None),
    ([PGS, UPGC], 120 * MINUTE, "deadline"),
    ([PGS, UPGC], 120 * MINUTE + SECOND, "deadline"),
    (THREE, 120 * MINUTE, "tier_2"),
    (WITHOUT_A_REQUIRED, 15 * MINUTE, None),
    (WITHOUT_A_REQUIRED, 30 * MINUTE, None),
    (WITHOUT_A_REQUIRED, 120 * MINUTE - SECOND, None),
]


@pytest.mark.parametrize(("who", "after", "reason"), TIERS)
def test_tiers_and_deadline_to_the_second(who: list[str], after: timedelta, reason: str | None) -> None:
    """D1: at or after its time, enough of the expected and every required one; the first that holds is named."""
    decision = decided(snapshot(*done(*who)), T0 + after)
    if reason is None:
        assert waits(decision).next_at is None or waits(decision).next_at > T0 + after  # type: ignore[operator]
    else:
        assert triggered(decision).reason == reason
        assert triggered(decision).first_tier == (reason == "tier_1")
        assert triggered(decision).missing == tuple(n for n in snapshot(*done(*who)).seen.missing)


@pytest.mark.parametrize(
    ("after", "next_at"),
    [(0, 15), (14, 15), (15, 30), (29, 30), (30, 120), (119, 120)],
)
def test_the_next_moment_is_the_nearest_to_come(after: int, next_at: int) -> None:
    """Two of five: each tier passes by, and the one after it, then the deadline, is announced."""
    assert waits(decide(snapshot(*done(PGS, TDGS)), at(minutes=after))).next_at == at(minutes=next_at)


@pytest.mark.parametrize("after", [-1, 0, 1])
@pytest.mark.parametrize(
    ("then", "who", "outcome"),
    [
        (Then.TRIGGER, [TDGS], "trigger"),
        (Then.TRIGGER, [PGS, UPGC], "trigger"),
        (Then.TRIGGER_IF_REQUIRED, [PGS, TDGS], "held"),
        (Then.TRIGGER_IF_REQUIRED, [PGS, UPGC], "trigger"),
        (Then.HOLD, [PGS, UPGC, TDGS, TOGS], "held"),
    ],
)
def test_what_the_deadline_does(then: Then, who: list[str], outcome: str, after: int) -> None:
    """Rows 10 to 12, one second before the deadline, at it and after it."""
    policy = with_expectation(TO4, "overnight", tiers=(), deadline=Deadline(timedelta(hours=1), then))
    decision = decided(snapshot(*done(*who), policy=policy), at(hours=1, seconds=after))
    if after < 0:
        assert waits(decision).next_at == at(hours=1)
    elif outcome == "trigger":
        assert (triggered(decision).reason, triggered(decision).degraded) == ("deadline", True)
    else:
        assert isinstance(decision, Held)
        assert decision.cause == "deadline"
        assert all(name in decision.text for name in set(PHASE3) - set(who))


def test_a_held_transition_goes_when_the_missing_arrives() -> None:
    """Row 12: held is decided again like any other state."""
    held = replace(TransitionState(), held_since=at(hours=2))
    without = snapshot(*done(PGS, TDGS, TOGS), state=held)
    assert isinstance(decided(without, at(hours=3)), Held)
    with_it = snapshot(*done(PGS, TDGS, TOGS), *done(UPGC, ended=at(hours=3)), state=held)
    assert triggered(decided(with_it, at(hours=3))).reason == "tier_1"


def test_partial_counts_for_tiers_as_a_required_one_too() -> None:
    """R6: at or above the floor for tiers and deadline; below it for nothing."""
    enough = [report(PGS, Outcome.PARTIAL, 10 * GAMES), *done(UPGC, TDGS, TOGS, UTGC)]
    assert isinstance(decided(snapshot(*enough), at(minutes=14)), Wait)
    trigger_plan = triggered(decided(snapshot(*enough), at(minutes=15)))
    assert (trigger_plan.reason, trigger_plan.missing, trigger_plan.partial, trigger_plan.degraded) == (
        "tier_1",
        (PGS,),
        (PGS,),
        True,
    )
    short = [report(PGS, Outcome.PARTIAL, 10 * GAMES - 1), *done(UPGC, TDGS, TOGS, UTGC)]
    assert isinstance(decided(snapshot(*short), at(minutes=15)), Wait)


def test_the_clock_of_a_tier_is_the_receipt() -> None:
    """R7: processors that ended hours ago are waited for from the moment their reports were received."""
    reports = [report(name, ended=at(hours=-5), received=T0) for name in FOUR]
    assert isinstance(decided(snapshot(*reports), at(minutes=15) - SECOND), Wait)
    assert triggered(decided(snapshot(*reports), at(minutes=15))).reason == "tier_1"


def test_later_reports_do_not_move_tiers() -> None:
    """R7: a second report of the opener, a retraction or another processor leave the first tier where it was."""
    reports = [
        report(PGS, records=150),
        report(PGS, Outcome.FAILED, ended=at(minutes=4)),
        report(PGS, records=151, ended=at(minutes=9)),
        *done(UPGC, TDGS, TOGS, ended=at(minutes=10)),
    ]
    assert waits(decided(snapshot(*reports), at(minutes=15) - SECOND)).next_at == at(minutes=15)
    assert triggered(decided(snapshot(*reports), at(minutes=15))).reason == "tier_1"


def test_a_tier_never_asks_for_more_than_is_expected() -> None:
    """With a processor disabled, `at_least` is at most the number of those expected."""
    policy = with_expectation(TO4, "overnight", tiers=(Tier(timedelta(minutes=5), 9),), deadline=None)
    reports = [report(PGS, Outcome.PARTIAL, 500), *done(UPGC, TDGS, TOGS, UTGC)]
    assert triggered(decided(snapshot(*reports, policy=policy), at(minutes=5))).reason == "tier_1"


def test_sets_decide_and_not_counts_of_whatever_arrived() -> None:
    """D1: four processors that nobody expects of a same-day run do not make its one required one."""
    strangers = snapshot(*done(PGS, TDGS, TOGS), key=SAME_DAY)
    assert waits(decide(strangers, at(hours=20))).next_at is None
    everybody = snapshot(*done(*PHASE3), key=SAME_DAY)
    assert set(triggered(decided(everybody, NOW)).completed) == {UPGC, UTGC}


def test_no_tier_without_the_required() -> None:
    """D1: all four others of phase 4 satisfy no tier, ever; the deadline holds."""
    others = snapshot(*done(TDZA, PSZA, "player_composite_factors", FEATURES), transition=TO5)
    assert [type(decided(others, at(hours=h))) for h in (1, 2, 3, 4)] == [Wait, Wait, Wait, Held]
    with_it = snapshot(*done(TDZA, PSZA, CACHE, FEATURES), transition=TO5)
    assert triggered(decided(with_it, at(hours=1))).reason == "tier_2"


@pytest.mark.parametrize("minutes", [15, 30, 120])
def test_gates_bind_tiers_and_deadlines_too(minutes: int) -> None:
    """D4: no moment of the clock goes past a gate or an unfit service."""
    decision_input = snapshot(*done(PGS, UPGC, TDGS, *([TOGS] if minutes == 15 else [])))
    assert set(blocked(decided(decision_input, at(minutes=minutes), NO_COVERAGE))) == {"game_coverage"}
    unfit = World(fitness=Unfit("refused"))
    assert set(blocked(decided(decision_input, at(minutes=minutes), unfit))) == {"precompute"}


def test_a_gates_no_is_a_value_and_leaves_no_trigger() -> None:
    """D4: blocked leaves generation, claim and plan alone; once the number is there it is generation 1 that goes."""
    state = TransitionState()
    decision = decided(full(state=state), NOW, NO_COVERAGE)
    assert isinstance(decision, Blocked)
    after = state_changes.resting(state, decision, NOW)
    assert (after.state.value, after.generation, after.claim, after.accepted_plan) == ("blocked", 0, None, None)
    assert triggered(decided(full(state=after), at(hours=1))).generation == 1


def test_observed_is_done_and_dispatches_nothing() -> None:
    """D6: what was observed stays observed."""
    watch = with_transition(TO4, dispatch=Dispatch(Role.OBSERVE))
    state = state_changes.observed(TransitionState(), plan(), T0)
    assert isinstance(decide(full(state=state, policy=watch), at(hours=5)), Done)


LOW = report(PGS, records=1)
ASKS = Read(Wanted(rows=frozenset({"nba_analytics.player_game_summary"})))


@pytest.mark.parametrize(
    "state",
    [
        dispatched(plan(missing=(PGS,))),
        confirmed(plan(missing=(PGS,))),
        replace(confirmed(plan(missing=(PGS,))), state=State.OBSERVED),
        replace(TransitionState(), hold=HOLD),
        replace(confirmed(plan(missing=(PGS,))), request=REQUEST),
    ],
    ids=["dispatched", "confirmed", "observed", "held", "asked"],
)
def test_the_table_is_asked_about_a_low_report_whatever_has_happened(state: TransitionState) -> None:
    """R6: before a trigger and after it alike, and for an operator's trigger too."""
    decision_input = snapshot(LOW, *done(*(name for name in PHASE3 if name != PGS)), state=state)
    assert decide(decision_input, NOW) == ASKS


def test_an_operators_trigger_counts_what_the_table_shows() -> None:
    """R6, D9: the low report's processor is done in the plan, and not missing."""
    decision_input = snapshot(
        LOW, *done(*(name for name in PHASE3 if name != PGS)), state=replace(confirmed(), request=REQUEST)
    )
    trigger_plan = triggered(decided(decision_input, NOW, World(rows=1000)))
    assert (trigger_plan.missing, trigger_plan.completed[PGS]) == ((), 1)


# How a dispatch is confirmed (D7)


@pytest.mark.parametrize("by", [ConfirmBy.HTTP, ConfirmBy.PUBLISH])
def test_an_accepted_answer_confirms(by: ConfirmBy) -> None:
    """D7: by `http` or `publish` the mark dispatched is all it takes."""
    policy = with_transition(TO4, confirm=replace(POLICY.transitions[TO4].confirm, by=by))
    assert decide(full(state=dispatched(), policy=policy), T0) == Confirm(by)


@pytest.mark.parametrize(("received", "confirms"), [(-SECOND, False), (timedelta(0), True), (SECOND, True)], ids=str)
def test_a_report_confirms_from_the_first_dispatch_on(received: timedelta, confirms: bool) -> None:
    """D7: any report of the next phase, received since this generation's first dispatch."""
    decision_input = full(state=dispatched(), next_report_at=T0 + received)
    decision = decide(decision_input, T0 + 2 * SECOND)
    assert decision == Confirm(ConfirmBy.FIRST_REPORT, T0 + received) if confirms else isinstance(decision, Wait)


def test_each_generation_is_confirmed_by_its_own_reports() -> None:
    """D7: what confirmed generation 1 does not confirm generation 2."""
    first = confirmed()
    second = dispatched(plan(2, "operator"), at(hours=1), first)
    assert waits(decide(full(state=second, next_report_at=at(minutes=5)), at(hours=1))).next_at == at(hours=1) + WITHIN
    assert isinstance(decide(full(state=second, next_report_at=at(hours=1)), at(hours=1)), Confirm)


# Failures and rejections of a dispatch (D5)


def test_a_rejection_stands_until_another_deploy() -> None:
    """D5: whatever arrives, nothing is retried by the same code; other code tries again."""
    state = replace(TransitionState(), hold=REJECTED, generation=1)
    assert decide(full(state=state, code_version="v1"), at(hours=9)) == Held(HoldCause.REJECTED, "answers 422")
    assert triggered(decided(full(state=state, code_version="v2"), at(hours=9))).generation == 1


def test_a_rejection_is_over_with_an_operators_trigger() -> None:
    """D5, D9: an operator may try again."""
    state = replace(TransitionState(), request=REQUEST, generation=1)
    assert triggered(decide(full(state=state, code_version="v1"), NOW)).reason == "operator"


def unconfirmed() -> TransitionState:
    """Return a dispatch whose time to be confirmed is over."""
    return dispatched(when=T0 - WITHIN)


def test_a_failed_repetition_waits_for_its_back_off() -> None:
    """D5: a dispatch that failed while it was repeated is tried again when the back-off is over, not at once."""
    state = state_changes.call_failed(claimed(plan(), T0, unconfirmed()), "answers 503", T0)
    assert state.failure is not None
    wait = waits(decide(full(state=state), state.failure.retry_at - SECOND))
    assert wait.next_at == state.failure.retry_at
    assert decide(full(state=state), state.failure.retry_at) == Trigger(plan())


def test_a_rejected_repetition_is_held() -> None:
    """D5: a repetition that the consumer rejects is not repeated by the same code."""
    state = state_changes.rejected(claimed(plan(), T0, unconfirmed()), "answers 422", "v1", T0)
    assert decide(full(state=state, code_version="v1"), NOW) == Held(HoldCause.REJECTED, "answers 422")
    assert decide(full(state=state, code_version="v2"), NOW) == Trigger(plan())
    late = full(state=state, code_version="v1", next_report_at=NOW)
    assert isinstance(decide(late, NOW), Confirm)


# Operators (D9)


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("games", [0, GAMES, None])
@pytest.mark.parametrize("who", [[], [PGS], list(PHASE3)])
def test_an_operator_dispatches_whatever_stands_in_the_way(closed: bool, games: int | None, who: list[str]) -> None:
    """D9: policy, gates, preflight, an empty date and a closed run do not matter, and nothing is read."""
    state = replace(TransitionState(), request=REQUEST)
    trigger_plan = triggered(decide(snapshot(*done(*who), games=games, state=state, closed=closed), NOW))
    assert (trigger_plan.generation, trigger_plan.reason, trigger_plan.note) == (1, "operator", REQUEST.reason)
    assert set(trigger_plan.missing) == set(PHASE3) - set(who)


def test_an_operator_goes_on_to_the_next_generation() -> None:
    """D9: after a confirmed trigger the number is one more."""
    state = replace(confirmed(plan(4, "operator")), request=REQUEST)
    assert triggered(decide(full(state=state), NOW)).generation == 5


def test_an_operator_waits_for_a_dispatch_under_way() -> None:
    """D9: a running claim is waited for; an expired one is not."""
    state = replace(claimed(), request=REQUEST)
    assert waits(decide(full(state=state), T0 + LEASE - SECOND)).next_at == T0 + LEASE
    assert triggered(decide(full(state=state), T0 + LEASE)).generation == 1


def test_an_operators_failed_dispatch_keeps_to_the_back_off() -> None:
    """D5 binds an operator's dispatch too, once it was tried."""
    state = replace(TransitionState(), request=REQUEST, failure=FAILURE, generation=1)
    assert blocked(decide(full(state=state), FAILURE.retry_at - SECOND)) == {"dispatch": FAILURE.text}
    assert isinstance(decide(full(state=state), FAILURE.retry_at), Trigger)


@pytest.mark.parametrize("state", [TransitionState(), dispatched(), confirmed(), claimed()], ids=lambda s: s.state)
def test_an_operators_hold_holds_everything(state: TransitionState) -> None:
    """D9: held until released, whatever is done and however late; an operator's own trigger goes past it."""
    held = replace(state, hold=HOLD)
    assert decide(full(state=held), at(hours=5)) == Held(HoldCause.OPERATOR, HOLD.text)
    asked = replace(held, request=REQUEST)
    assert isinstance(decide(full(state=asked), at(hours=5)), Trigger)


@pytest.mark.parametrize("state", [dispatched(), claimed()], ids=lambda s: s.state)
def test_a_hold_does_not_hide_that_a_dispatch_has_begun(state: TransitionState) -> None:
    """D9: a hold keeps from being dispatched; what left before it is confirmed all the same."""
    named = frozenset({NIGHT.trigger_id(TO4, 1)})
    held = full(state=replace(state, hold=HOLD), next_report_at=at(hours=4), next_trigger_ids=named)
    assert decide(held, at(hours=5)) == Confirm(ConfirmBy.FIRST_REPORT, at(hours=4))


def test_released_is_decided_as_usual() -> None:
    """D9: without the hold the next decision is the policy's."""
    assert isinstance(decided(full(state=replace(TransitionState(), hold=HOLD)), NOW), Held)
    assert triggered(decided(full(state=TransitionState()), NOW)).reason == "complete"


# The first matching row wins

CLOSED = Done("the run is closed")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"closed": True, "games": 0}, CLOSED),
        ({"closed": True, "state": dispatched()}, CLOSED),
        ({"closed": True, "state": replace(TransitionState(), hold=HOLD)}, CLOSED),
        ({"games": 0, "state": replace(TransitionState(), hold=HOLD)}, EmptyOk()),
        ({"games": 0, "state": claimed()}, EmptyOk()),
        ({"games": 0, "state": dispatched()}, EmptyOk()),
        ({"games": 0, "state": confirmed()}, EmptyOk()),
        ({"games": 0, "state": dispatched(), "next_report_at": T0}, Confirm(ConfirmBy.FIRST_REPORT, T0)),
        ({"state": replace(claimed(), hold=HOLD)}, Held(HoldCause.OPERATOR, HOLD.text)),
        (
            {"state": replace(TransitionState(), hold=REJECTED), "code_version": "v1"},
            Held(HoldCause.REJECTED, "answers 422"),
        ),
        ({"state": replace(TransitionState(), failure=FAILURE)}, Blocked({"dispatch": "answers 503"}, at(minutes=4))),
    ],
)
def test_the_first_matching_row_wins(changes: dict[str, object], expected: object) -> None:
    """With everything done and the lease over, the earlier row is the one decided by."""
    assert decided(full(**changes), T0 + LEASE + SECOND, NO_COVERAGE) == expected


def test_complete_comes_before_tiers_and_deadline() -> None:
    """When several reasons hold, the best is the one that is told."""
    assert triggered(decided(full(), at(hours=9))).reason == "complete"


def test_modes_and_lanes_are_decided_alike() -> None:
    """A backfill run is decided by the same rows as a live one of its mode."""
    key = replace(NIGHT, lane=type(NIGHT.lane)("backfill"))
    assert decided(full(key=key), NOW) == decided(full(), NOW)


def test_the_percentage_of_a_report_opens_the_last_gate() -> None:
    """R6: with a `completion_percent` gate a partial is done, and the gate says whether it is enough."""

    def coordinator(percent: float | None) -> list[Report]:
        return [report("prediction_coordinator", Outcome.PARTIAL, 50, percent=percent)]

    assert triggered(decided(snapshot(*coordinator(80), transition=TO6), NOW)).reason == "complete"
    below = decided(snapshot(*coordinator(79.9), transition=TO6), NOW)
    assert set(blocked(below)) == {"prediction_completeness"}
    assert isinstance(decided(snapshot(*coordinator(None), transition=TO6), NOW), Trigger)


def test_zero_percent_with_rows_in_the_table_is_taken_as_not_stated() -> None:
    """R6: 0 percent while the table holds at least `min_rows` counts as absent, and warns."""
    decision_input = snapshot(report("prediction_coordinator", percent=0), transition=TO6)
    assert set(triggered(decided(decision_input, NOW, World(rows=10))).warnings) == {"prediction_completeness"}
    assert "prediction_completeness" in blocked(decided(decision_input, NOW, World(rows=9)))


def test_a_deadline_of_the_phase_that_opened_it_is_local_to_its_run() -> None:
    """Two modes of a date have their own sets and times: two minutes of a same-day run, fifteen of a night."""
    same_day = snapshot(*done(UPGC), key=SAME_DAY)
    assert waits(decided(same_day, at(minutes=2) - SECOND)).next_at == at(minutes=2)
    assert triggered(decided(same_day, at(minutes=2))).reason == "tier_1"
    assert isinstance(decided(snapshot(*done(UPGC), key=NIGHT), at(minutes=2)), Wait)


def times(snapshot: DecisionInput, until: datetime) -> list[datetime]:
    """Return the moments that waiting decisions announce, one after the other."""
    moments: list[datetime] = []
    now = T0
    while now < until:
        decision = decided(snapshot, now)
        if not isinstance(decision, Wait) or decision.next_at is None:
            break
        moments.append(now := decision.next_at)
    return moments


def test_the_announced_moments_are_the_tiers_and_the_deadline() -> None:
    """Going from moment to moment meets every tier and the deadline and nothing else."""
    decision_input = snapshot(*done(CACHE), transition=TO5)
    assert times(decision_input, at(hours=9)) == [at(minutes=30), at(hours=1), at(hours=2), at(hours=4)]
