"""What an operator tells the orchestrators, through the command line as it is called (behaviour D9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from shared.core.model import State
from shared.core.policy.phases import Disabled
from shared.core.policy.policy import Policy
from shared.ports import Response
from shared.simulation.scenario import FaultKind, Health
from tests.app.handlers_kit import HandlersKit, lane, tables
from tests.core.build import DAY, NIGHT, PHASE3, POLICY, SECOND, TO3, TO4, TO5, TO6, UPGC

DATE = str(DAY)
NIGHTLY = (DATE, "--mode", "overnight")
ON = (*NIGHTLY, "--reason", "said by on call", "--by", "ada")
COORDINATOR = "prediction_coordinator"
PHASE4 = ("team_defense_zone_analysis", "player_shot_zone_analysis", "player_composite_factors", "player_daily_cache")


@pytest.fixture
def house() -> HandlersKit:
    return HandlersKit().ordinary()


def triggered(house: HandlersKit, transition: str = TO4, *more: str) -> str:
    status, said = house.orch("trigger", transition, *ON, *more)
    assert status == 0, said
    return said


def reasons(house: HandlersKit, transition: str) -> list[tuple[str, str]]:
    """Return what the record keeps of an operator's acts, decision and reason."""
    house.sweeps(1)
    rows = house.audit.tables["phase_execution_log"].values()
    kept = [(row["decision"], row["reason"]) for row in rows if row["transition"] == transition]
    return [one for one in kept if one[0].startswith("operator")]


# trigger


def test_a_trigger_goes_over_everything_that_blocks(house: HandlersKit) -> None:
    """Gates that block, a service that is down, processors that are missing: the next generation leaves."""
    house.deliver(UPGC, records=200)
    house.change(rows={table: {DAY: 0} for table in tables(POLICY)})
    house.change(readings={"game_coverage": 10.0})
    house.health("precompute", Health.DOWN)
    assert NIGHT.trigger_id(TO4, 1) in triggered(house)
    [one] = house.published
    assert one.body["trigger_reason"] == "operator"
    assert one.body["completed_processors"] == [UPGC]
    assert reasons(house, TO4) == [("operator_trigger", "said by on call (by ada)")]


def test_a_trigger_goes_over_a_hold_and_ends_it(house: HandlersKit) -> None:
    """What the operator starts is not kept by what an operator held; afterwards nothing is on hold."""
    house.orch("hold", TO4, *ON)
    triggered(house)
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert house.state(TO4).hold is None


def test_a_trigger_goes_over_an_empty_date(house: HandlersKit) -> None:
    """A date without units has no run: the command opens it, dispatches, and a report confirms it."""
    house.change(games={DAY: 0})
    triggered(house)
    house.deliver("player_composite_factors", "started")
    assert house.state(TO4).state is State.CONFIRMED
    house.sweeps(3)
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert house.notices() == []


def test_a_trigger_works_on_a_closed_run(house: HandlersKit) -> None:
    """A run that closed for its age is opened again, dispatched and confirmed, and closes once more, two days on."""
    house.deliver(UPGC, records=200)
    house.wait(timedelta(days=3))
    house.sweep()
    assert house.run().closed_at is not None
    triggered(house, TO6)
    assert house.run().closed_at is None
    house.deliver("phase6_export", "started")
    assert house.state(TO6).state is State.CONFIRMED
    house.sweeps(2)
    assert house.run().closed_at is None, "what comes before the export was never triggered"
    house.wait(timedelta(hours=48))
    house.sweep()
    assert house.run().closed_at is not None


def test_each_accepted_trigger_is_another_generation(house: HandlersKit) -> None:
    """Twice the command, twice a generation; each with a trigger id of its own."""
    triggered(house)
    triggered(house)
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1), NIGHT.trigger_id(TO4, 2)]


def test_a_generation_nothing_of_was_accepted_keeps_its_number(house: HandlersKit) -> None:
    """The call gets no answer: exit 5 says so; asked again once it may go, it is still generation 1."""
    house.services.answers[COORDINATOR] = Response(503, "overloaded")
    status, said = house.orch("trigger", TO5, *ON)
    assert status == 5
    assert "503" in said
    house.services.answers[COORDINATOR] = Response(202, "")
    house.wait(timedelta(minutes=2))
    assert NIGHT.trigger_id(TO5, 1) in triggered(house, TO5)
    assert {call.body["trigger_id"] for call in house.calls} == {NIGHT.trigger_id(TO5, 1)}


def test_a_trigger_that_could_not_leave_is_made_by_a_later_sweep(house: HandlersKit) -> None:
    """The broker is away: exit 5, and the request stands until a sweep carries it out, once."""
    house.fail("bus", lasts=timedelta(minutes=2))
    status, said = house.orch("trigger", TO4, *ON)
    assert status == 5
    assert "bus" in said
    house.sweeps(5)
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert house.published[0].body["trigger_reason"] == "operator"


def test_a_trigger_the_consumer_rejects_is_refused(house: HandlersKit) -> None:
    """Exit 4 with status and body, held, and not tried again by itself."""
    house.services.answers[COORDINATOR] = Response(422, "unknown batch")
    status, said = house.orch("trigger", TO5, *ON)
    assert (status, "422" in said, "unknown batch" in said) == (4, True, True)
    house.sweeps(10)
    assert len(house.calls) == 1
    house.services.answers[COORDINATOR] = Response(200, "")
    triggered(house, TO5)
    house.services.answers[COORDINATOR] = Response(422, "unknown batch")
    status, said = house.orch("trigger", TO5, *ON)
    assert (status, "422" in said) == (4, True)


def test_the_backfill_lane_is_another_run(house: HandlersKit) -> None:
    """`--lane backfill` dispatches under that run's id and says so in the message; the live run knows nothing."""
    said = triggered(house, TO4, "--lane", "backfill", "--new-run")
    assert lane(NIGHT).trigger_id(TO4, 1) in said
    assert house.published[0].body["lane"] == "backfill"
    assert house.state(TO4).generation == 0


# hold and release


def test_a_hold_keeps_what_is_complete(house: HandlersKit) -> None:
    """Complete and on hold: nothing leaves, nothing critical is said, and the release lets it go under generation 1."""
    status, said = house.orch("hold", TO4, *ON)
    assert (status, "said by on call" in said) == (0, True)
    for processor in PHASE3:
        house.deliver(processor, records=200)
    house.sweeps(180)
    assert house.state(TO4).state is State.HELD
    assert not house.published
    assert [notice.severity for notice in house.notices("on_hold")] == ["info"]
    assert not house.notices("held")
    status, said = house.orch("release", TO4, *ON)
    assert status == 0, said
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert reasons(house, TO4) == [
        ("operator_hold", "said by on call (by ada)"),
        ("operator_release", "said by on call (by ada)"),
    ]


def test_a_release_of_what_waits_waits_on(house: HandlersKit) -> None:
    """Giving it back to its policy is all a release does."""
    house.deliver(UPGC, records=200)
    house.orch("hold", TO4, *ON)
    status, _ = house.orch("release", TO4, *ON)
    assert status == 0
    assert house.state(TO4).state is State.WAITING
    assert not house.published


def test_a_release_of_what_is_not_held_is_refused(house: HandlersKit) -> None:
    """Exit 4, and nothing is written."""
    status, said = house.orch("release", TO4, *ON)
    assert (status, said) == (4, f"{NIGHT.id} {TO4} is not on hold\n")
    assert house.store.written == []


def test_a_hold_stops_the_second_dispatch_of_an_unconfirmed_one(house: HandlersKit) -> None:
    """What was dispatched stays dispatched; while on hold it does not leave again, and any report confirms it."""
    triggered(house, TO6)
    house.orch("hold", TO6, *ON)
    house.sweeps(65)
    assert len(house.published) == 1
    house.deliver("phase6_export", "started")
    assert house.state(TO6).state is State.CONFIRMED


def test_held_at_the_deadline_an_operator_triggers_it(house: HandlersKit) -> None:
    """The critical alert names the command; it ends the hold of the policy, and the alert with it."""
    house.deliver(COORDINATOR, "partial", records=20, metadata={"completion_pct": 40})
    house.deliver(COORDINATOR, "failed", error_message="no odds")
    house.sweeps(61)
    [held] = house.notices("held")
    assert f"orch trigger {TO6}" in held.text
    triggered(house, TO6)
    house.sweeps(3)
    assert [notice.resolved for notice in house.notices("held")] == [False, True]


# rerun


def test_a_rerun_calls_the_phase_for_its_enabled_processors(house: HandlersKit) -> None:
    """One call with every enabled processor, the run and the reason; the reason is in the record."""
    status, said = house.orch("rerun", "phase3", *ON)
    assert status == 0, said
    [call] = house.reruns
    assert (call.service, call.path) == ("analytics", "/process-date-range")
    assert set(call.body["processors"]) == set(PHASE3)
    assert (call.body["run_id"], call.body["game_date"], call.body["reason"]) == (NIGHT.id, DATE, "said by on call")
    assert reasons(house, TO4) == [("operator_rerun", "said by on call (by ada)")]


def test_a_rerun_may_be_of_one_processor(house: HandlersKit) -> None:
    """`--processor`, by any of its names and more than once: only these are asked for, and the answer names them."""
    status, said = house.orch("rerun", "phase3", *ON, "--processor", "PlayerGameSummaryProcessor", "--processor", UPGC)
    assert status == 0, said
    assert f"for player_game_summary, {UPGC}" in said
    [call] = house.reruns
    assert call.body["processors"] == ["player_game_summary", UPGC]


def test_a_rerun_of_nobody_is_refused(house: HandlersKit) -> None:
    """A name that the phase does not have, or that is disabled on the date: exit 2 or a refusal, and no call."""
    status, said = house.orch("rerun", "phase3", *ON, "--processor", "player_game_sumary")
    assert (status, "player_game_summary" in said) == (2, True), said
    assert house.reruns == []
    before = house.policy.phases["phase3"].processors[UPGC]
    off = replace(before, disabled=Disabled(since=date(2026, 1, 1), reason="broken"))
    phase = replace(house.policy.phases["phase3"], processors={**house.policy.phases["phase3"].processors, UPGC: off})
    policy = replace(house.policy, phases={**house.policy.phases, "phase3": phase})
    status, said = house.orch("rerun", "phase3", *ON, "--processor", UPGC, ctx=house.instance(policy=policy))
    assert status != 0
    assert "disabled" in said
    assert house.reruns == []


def test_self_heal_takes_an_operators_rerun_for_running(house: HandlersKit) -> None:
    """An accepted rerun is not doubled by the repair that falls due a minute later."""
    house.deliver(UPGC, records=200)
    house.clock.instant = house.policy.local(house.clock.instant).replace(hour=8, minute=29)
    house.orch("rerun", "phase3", *ON)
    house.sweeps(25)
    assert len(house.reruns) == 1
    house.sweeps(10)
    assert len(house.reruns) == 2


def test_a_rerun_opens_a_closed_run_again(house: HandlersKit) -> None:
    """What the rerun brings is decided on."""
    house.deliver(UPGC, records=200)
    house.wait(timedelta(days=3))
    house.sweep()
    status, said = house.orch("rerun", "phase3", *ON)
    assert status == 0, said
    assert not house.published
    house.deliver(PHASE3[0], records=200)
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)]


def test_a_rerun_that_is_not_accepted_says_what_was_answered(house: HandlersKit) -> None:
    """Exit 5 with the status, or with the variable that is not set."""
    house.health("analytics", Health.DOWN)
    status, said = house.orch("rerun", "phase3", *ON)
    assert (status, "503" in said) == (5, True)
    ctx = house.instance()
    ctx = replace(ctx, endpoints={**ctx.endpoints, "analytics": None})
    status, said = house.orch("rerun", "phase3", *ON, ctx=ctx)
    assert (status, "ANALYTICS_PROCESSOR_URL" in said) == (5, True)


def test_a_phase_without_a_rerun_is_refused(house: HandlersKit) -> None:
    """Exit 4, naming the policy."""
    status, said = house.orch("rerun", "phase6", *ON)
    assert (status, "no rerun in the policy" in said) == (4, True)


# what is wrong with a call

WRONG = {
    "transition": (("trigger", "phase9_to_phase10", *ON), "unknown transition 'phase9_to_phase10'", TO3),
    "phase": (("rerun", "phase9", *ON), "unknown phase 'phase9'", "phase2"),
    "mode": (("hold", TO4, DATE, "--mode", "weekly", "--reason", "r"), "unknown mode 'weekly'", "same_day"),
    "no mode": (("hold", TO4, DATE, "--reason", "r"), "--mode is missing", "overnight"),
    "date": (("trigger", TO4, "2026-2-30", "--mode", "overnight", "--reason", "r"), "'2026-2-30' is not", "2026-01-21"),
    "no such day": (("trigger", TO4, "2026-02-30", "--mode", "overnight", "--reason", "r"), "not a date", "2026-01-21"),
    "far date": (("trigger", TO4, "9999-12-31", "--mode", "overnight", "--reason", "r"), "not a date", "2026-01-21"),
    "lane": (("release", TO4, *ON, "--lane", "fast"), "unknown lane 'fast'", "live or backfill"),
    "empty reason": (("trigger", TO4, *NIGHTLY, "--reason", "  "), "--reason is empty", "say why"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_call_says_what_is_wrong_and_what_would_be_right(house: HandlersKit, case: str) -> None:
    """Exit 2, a message that quotes what was given, a hint with what there is; nothing is written or sent."""
    argv, message, hint = WRONG[case]
    status, said = house.orch(*argv)
    assert status == 2, said
    assert message in said
    assert hint in said.split("hint:")[1]
    assert house.effects.done == []


@pytest.mark.parametrize("verb", ["trigger", "hold", "release", "rerun"])
def test_a_reason_is_required(house: HandlersKit, verb: str) -> None:
    """Without `--reason` the call is wrong: exit 2, naming the option."""
    status, said = house.orch(verb, TO4, *NIGHTLY)
    assert (status, "--reason" in said) == (2, True)


def test_a_transition_that_a_mode_does_not_pass_is_a_wrong_call(house: HandlersKit) -> None:
    """A mode that the policy leaves out of a transition cannot be triggered, held or explained there."""
    ctx = house.instance(policy=without_mode(TO6, "tomorrow"))
    for verb in ("trigger", "hold", "explain"):
        more = () if verb == "explain" else ("--reason", "r")
        status, said = house.orch(verb, TO6, DATE, "--mode", "tomorrow", *more, ctx=ctx)
        assert status == 2, said
        assert "overnight" in said.split("hint:")[1]


def without_mode(transition: str, mode: str) -> Policy:
    before = POLICY.transitions[transition]
    expects = {name: expectation for name, expectation in before.expects.items() if name != mode}
    return replace(POLICY, transitions={**POLICY.transitions, transition: replace(before, expects=expects)})


def test_a_mode_may_be_left_out_where_there_is_one() -> None:
    """A pipeline of one mode needs no `--mode`."""
    house = HandlersKit(policy=replace(POLICY, modes={"overnight": POLICY.modes["overnight"]})).ordinary()
    status, said = house.orch("trigger", TO4, DATE, "--reason", "r")
    assert (status, NIGHT.trigger_id(TO4, 1) in said) == (0, True)


@pytest.mark.parametrize("argv", [("trigger", TO4), ("hold", TO4), ("release", TO4)])
def test_a_state_store_that_is_away_is_exit_5(house: HandlersKit, argv: tuple[str, str]) -> None:
    """Nothing was done, nothing was lost: the hint says so."""
    house.fail("state", FaultKind.UNAVAILABLE)
    status, said = house.orch(*argv, *ON)
    assert (status, "hint:" in said) == (5, True)
    house.mend()
    assert not house.published


def test_no_command_waits_for_a_lease_longer_than_it_lasts(house: HandlersKit) -> None:
    """While another instance dispatches, the request is kept and made when its lease ends."""
    house.bus.during = lambda: house.stage.die(house.clock.actor, "while publishing")  # type: ignore[arg-type]
    with pytest.raises(BaseException, match="while publishing"):
        house.orch("trigger", TO4, *ON)
    status, said = house.orch("trigger", TO4, *ON)
    assert (status, "under way" in said) == (5, True)
    claim = house.state(TO4).claim
    assert claim is not None
    house.clock.instant = claim.expires_at - SECOND
    house.sweep()
    assert not house.published
    house.wait(SECOND)
    house.sweep()
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
