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
def kit() -> HandlersKit:
    return HandlersKit().ordinary()


def triggered(kit: HandlersKit, transition: str = TO4, *more: str) -> str:
    status, output = kit.orch("trigger", transition, *ON, *more)
    assert status == 0, output
    return output


def reasons(kit: HandlersKit, transition: str) -> list[tuple[str, str]]:
    """Return what the record keeps of an operator's acts, decision and reason."""
    kit.sweeps(1)
    rows = kit.audit.tables["phase_execution_log"].values()
    kept = [(row["decision"], row["reason"]) for row in rows if row["transition"] == transition]
    return [entry for entry in kept if entry[0].startswith("operator")]


# trigger


def test_a_trigger_goes_over_everything_that_blocks(kit: HandlersKit) -> None:
    """Gates that block, a service that is down, processors that are missing: the next generation leaves."""
    kit.deliver(UPGC, records=200)
    kit.change(rows={table: {DAY: 0} for table in tables(POLICY)})
    kit.change(readings={"game_coverage": 10.0})
    kit.health("precompute", Health.DOWN)
    assert NIGHT.trigger_id(TO4, 1) in triggered(kit)
    [publication] = kit.published
    assert publication.body["trigger_reason"] == "operator"
    assert publication.body["completed_processors"] == [UPGC]
    assert reasons(kit, TO4) == [("operator_trigger", "said by on call (by ada)")]


def test_a_trigger_goes_over_a_hold_and_ends_it(kit: HandlersKit) -> None:
    """What the operator starts is not kept by what an operator held; afterwards nothing is on hold."""
    kit.orch("hold", TO4, *ON)
    triggered(kit)
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert kit.state(TO4).hold is None


def test_a_trigger_goes_over_an_empty_date(kit: HandlersKit) -> None:
    """A date without units has no run: the command opens it, dispatches, and a report confirms it."""
    kit.change(games={DAY: 0})
    triggered(kit)
    kit.deliver("player_composite_factors", "started")
    assert kit.state(TO4).state is State.CONFIRMED
    kit.sweeps(3)
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert kit.notices() == []


def test_a_trigger_works_on_a_closed_run(kit: HandlersKit) -> None:
    """A run that closed for its age is opened again, dispatched and confirmed, and closes once more, two days on."""
    kit.deliver(UPGC, records=200)
    kit.wait(timedelta(days=3))
    kit.sweep()
    assert kit.run().closed_at is not None
    triggered(kit, TO6)
    assert kit.run().closed_at is None
    kit.deliver("phase6_export", "started")
    assert kit.state(TO6).state is State.CONFIRMED
    kit.sweeps(2)
    assert kit.run().closed_at is None, "what comes before the export was never triggered"
    kit.wait(timedelta(hours=48))
    kit.sweep()
    assert kit.run().closed_at is not None


def test_each_accepted_trigger_is_another_generation(kit: HandlersKit) -> None:
    """Twice the command, twice a generation; each with a trigger id of its own."""
    triggered(kit)
    triggered(kit)
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1), NIGHT.trigger_id(TO4, 2)]


def test_a_generation_nothing_of_was_accepted_keeps_its_number(kit: HandlersKit) -> None:
    """The call gets no answer: exit 5 says so; asked again once it may go, it is still generation 1."""
    kit.services.answers[COORDINATOR] = Response(503, "overloaded")
    status, output = kit.orch("trigger", TO5, *ON)
    assert status == 5
    assert "503" in output
    kit.services.answers[COORDINATOR] = Response(202, "")
    kit.wait(timedelta(minutes=2))
    assert NIGHT.trigger_id(TO5, 1) in triggered(kit, TO5)
    assert {call.body["trigger_id"] for call in kit.calls} == {NIGHT.trigger_id(TO5, 1)}


def test_a_trigger_that_could_not_leave_is_made_by_a_later_sweep(kit: HandlersKit) -> None:
    """The broker is away: exit 5, and the request stands until a sweep carries it out, once."""
    kit.fail("bus", lasts=timedelta(minutes=2))
    status, output = kit.orch("trigger", TO4, *ON)
    assert status == 5
    assert "bus" in output
    kit.sweeps(5)
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert kit.published[0].body["trigger_reason"] == "operator"


def test_a_trigger_the_consumer_rejects_is_refused(kit: HandlersKit) -> None:
    """Exit 4 with status and body, held, and not tried again by itself."""
    kit.services.answers[COORDINATOR] = Response(422, "unknown batch")
    status, output = kit.orch("trigger", TO5, *ON)
    assert (status, "422" in output, "unknown batch" in output) == (4, True, True)
    kit.sweeps(10)
    assert len(kit.calls) == 1
    kit.services.answers[COORDINATOR] = Response(200, "")
    triggered(kit, TO5)
    kit.services.answers[COORDINATOR] = Response(422, "unknown batch")
    status, output = kit.orch("trigger", TO5, *ON)
    assert (status, "422" in output) == (4, True)


def test_the_backfill_lane_is_another_run(kit: HandlersKit) -> None:
    """`--lane backfill` dispatches under that run's id and says so in the message; the live run knows nothing."""
    output = triggered(kit, TO4, "--lane", "backfill", "--new-run")
    assert lane(NIGHT).trigger_id(TO4, 1) in output
    assert kit.published[0].body["lane"] == "backfill"
    assert kit.state(TO4).generation == 0


# hold and release


def test_a_hold_keeps_what_is_complete(kit: HandlersKit) -> None:
    """Complete and on hold: nothing leaves, nothing critical is said, and the release lets it go under generation 1."""
    status, output = kit.orch("hold", TO4, *ON)
    assert (status, "said by on call" in output) == (0, True)
    for processor in PHASE3:
        kit.deliver(processor, records=200)
    kit.sweeps(180)
    assert kit.state(TO4).state is State.HELD
    assert not kit.published
    assert [notice.severity for notice in kit.notices("on_hold")] == ["info"]
    assert not kit.notices("held")
    status, output = kit.orch("release", TO4, *ON)
    assert status == 0, output
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert reasons(kit, TO4) == [
        ("operator_hold", "said by on call (by ada)"),
        ("operator_release", "said by on call (by ada)"),
    ]


def test_a_release_of_what_waits_waits_on(kit: HandlersKit) -> None:
    """Giving it back to its policy is all a release does."""
    kit.deliver(UPGC, records=200)
    kit.orch("hold", TO4, *ON)
    status, _ = kit.orch("release", TO4, *ON)
    assert status == 0
    assert kit.state(TO4).state is State.WAITING
    assert not kit.published


def test_a_release_of_what_is_not_held_is_refused(kit: HandlersKit) -> None:
    """Exit 4, and nothing is written."""
    status, output = kit.orch("release", TO4, *ON)
    assert (status, output) == (4, f"{NIGHT.id} {TO4} is not on hold\n")
    assert kit.store.written == []


def test_a_hold_stops_the_second_dispatch_of_an_unconfirmed_one(kit: HandlersKit) -> None:
    """What was dispatched stays dispatched; while on hold it does not leave again, and any report confirms it."""
    triggered(kit, TO6)
    kit.orch("hold", TO6, *ON)
    kit.sweeps(65)
    assert len(kit.published) == 1
    kit.deliver("phase6_export", "started")
    assert kit.state(TO6).state is State.CONFIRMED


def test_held_at_the_deadline_an_operator_triggers_it(kit: HandlersKit) -> None:
    """The critical alert names the command; it ends the hold of the policy, and the alert with it."""
    kit.deliver(COORDINATOR, "partial", records=20, metadata={"completion_pct": 40})
    kit.deliver(COORDINATOR, "failed", error_message="no odds")
    kit.sweeps(61)
    [held] = kit.notices("held")
    assert f"orch trigger {TO6}" in held.text
    triggered(kit, TO6)
    kit.sweeps(3)
    assert [notice.resolved for notice in kit.notices("held")] == [False, True]


# rerun


def test_a_rerun_calls_the_phase_for_its_enabled_processors(kit: HandlersKit) -> None:
    """One call with every enabled processor, the run and the reason; the reason is in the record."""
    status, output = kit.orch("rerun", "phase3", *ON)
    assert status == 0, output
    [call] = kit.reruns
    assert (call.service, call.path) == ("analytics", "/process-date-range")
    assert set(call.body["processors"]) == set(PHASE3)
    assert (call.body["run_id"], call.body["game_date"], call.body["reason"]) == (NIGHT.id, DATE, "said by on call")
    assert reasons(kit, TO4) == [("operator_rerun", "said by on call (by ada)")]


def test_a_rerun_may_be_of_one_processor(kit: HandlersKit) -> None:
    """`--processor`, by any of its names and more than once: only these are asked for, and the answer names them."""
    status, output = kit.orch("rerun", "phase3", *ON, "--processor", "PlayerGameSummaryProcessor", "--processor", UPGC)
    assert status == 0, output
    assert f"for player_game_summary, {UPGC}" in output
    [call] = kit.reruns
    assert call.body["processors"] == ["player_game_summary", UPGC]


def test_a_rerun_of_nobody_is_refused(kit: HandlersKit) -> None:
    """A name that the phase does not have, or that is disabled on the date: exit 2 or a refusal, and no call."""
    status, output = kit.orch("rerun", "phase3", *ON, "--processor", "player_game_sumary")
    assert (status, "player_game_summary" in output) == (2, True), output
    assert kit.reruns == []
    before = kit.policy.phases["phase3"].processors[UPGC]
    off = replace(before, disabled=Disabled(since=date(2026, 1, 1), reason="broken"))
    phase = replace(kit.policy.phases["phase3"], processors={**kit.policy.phases["phase3"].processors, UPGC: off})
    policy = replace(kit.policy, phases={**kit.policy.phases, "phase3": phase})
    status, output = kit.orch("rerun", "phase3", *ON, "--processor", UPGC, ctx=kit.instance(policy=policy))
    assert status != 0
    assert "disabled" in output
    assert kit.reruns == []


def test_self_heal_takes_an_operators_rerun_for_running(kit: HandlersKit) -> None:
    """An accepted rerun is not doubled by the repair that falls due a minute later."""
    kit.deliver(UPGC, records=200)
    kit.clock.instant = kit.policy.local(kit.clock.instant).replace(hour=8, minute=29)
    kit.orch("rerun", "phase3", *ON)
    kit.sweeps(25)
    assert len(kit.reruns) == 1
    kit.sweeps(10)
    assert len(kit.reruns) == 2


def test_a_rerun_opens_a_closed_run_again(kit: HandlersKit) -> None:
    """What the rerun brings is decided on."""
    kit.deliver(UPGC, records=200)
    kit.wait(timedelta(days=3))
    kit.sweep()
    status, output = kit.orch("rerun", "phase3", *ON)
    assert status == 0, output
    assert not kit.published
    kit.deliver(PHASE3[0], records=200)
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]


def test_a_rerun_that_is_not_accepted_says_what_was_answered(kit: HandlersKit) -> None:
    """Exit 5 with the status, or with the variable that is not set."""
    kit.health("analytics", Health.DOWN)
    status, output = kit.orch("rerun", "phase3", *ON)
    assert (status, "503" in output) == (5, True)
    ctx = kit.instance()
    ctx = replace(ctx, endpoints={**ctx.endpoints, "analytics": None})
    status, output = kit.orch("rerun", "phase3", *ON, ctx=ctx)
    assert (status, "ANALYTICS_PROCESSOR_URL" in output) == (5, True)


def test_a_phase_without_a_rerun_is_refused(kit: HandlersKit) -> None:
    """Exit 4, naming the policy."""
    status, output = kit.orch("rerun", "phase6", *ON)
    assert (status, "no rerun in the policy" in output) == (4, True)


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
def test_a_wrong_call_says_what_is_wrong_and_what_would_be_right(kit: HandlersKit, case: str) -> None:
    """Exit 2, a message that quotes what was given, a hint with what there is; nothing is written or sent."""
    argv, message, hint = WRONG[case]
    status, output = kit.orch(*argv)
    assert status == 2, output
    assert message in output
    assert hint in output.split("hint:")[1]
    assert kit.effects.done == []


@pytest.mark.parametrize("verb", ["trigger", "hold", "release", "rerun"])
def test_a_reason_is_required(kit: HandlersKit, verb: str) -> None:
    """Without `--reason` the call is wrong: exit 2, naming the option."""
    status, output = kit.orch(verb, TO4, *NIGHTLY)
    assert (status, "--reason" in output) == (2, True)


def test_a_transition_that_a_mode_does_not_pass_is_a_wrong_call(kit: HandlersKit) -> None:
    """A mode that the policy leaves out of a transition cannot be triggered, held or explained there."""
    ctx = kit.instance(policy=without_mode(TO6, "tomorrow"))
    for verb in ("trigger", "hold", "explain"):
        more = () if verb == "explain" else ("--reason", "r")
        status, output = kit.orch(verb, TO6, DATE, "--mode", "tomorrow", *more, ctx=ctx)
        assert status == 2, output
        assert "overnight" in output.split("hint:")[1]


def without_mode(transition: str, mode: str) -> Policy:
    before = POLICY.transitions[transition]
    expects = {name: expectation for name, expectation in before.expects.items() if name != mode}
    return replace(POLICY, transitions={**POLICY.transitions, transition: replace(before, expects=expects)})


def test_a_mode_may_be_left_out_where_there_is_one() -> None:
    """A pipeline of one mode needs no `--mode`."""
    kit = HandlersKit(policy=replace(POLICY, modes={"overnight": POLICY.modes["overnight"]})).ordinary()
    status, output = kit.orch("trigger", TO4, DATE, "--reason", "r")
    assert (status, NIGHT.trigger_id(TO4, 1) in output) == (0, True)


@pytest.mark.parametrize("argv", [("trigger", TO4), ("hold", TO4), ("release", TO4)])
def test_a_state_store_that_is_away_is_exit_5(kit: HandlersKit, argv: tuple[str, str]) -> None:
    """Nothing was done, nothing was lost: the hint says so."""
    kit.fail("state", FaultKind.UNAVAILABLE)
    status, output = kit.orch(*argv, *ON)
    assert (status, "hint:" in output) == (5, True)
    kit.restore()
    assert not kit.published


def test_no_command_waits_for_a_lease_longer_than_it_lasts(kit: HandlersKit) -> None:
    """While another instance dispatches, the request is kept and made when its lease ends."""
    kit.bus.during = lambda: kit.stage.die(kit.clock.actor, "while publishing")  # type: ignore[arg-type]
    with pytest.raises(BaseException, match="while publishing"):
        kit.orch("trigger", TO4, *ON)
    status, output = kit.orch("trigger", TO4, *ON)
    assert (status, "under way" in output) == (5, True)
    claim = kit.state(TO4).claim
    assert claim is not None
    kit.clock.instant = claim.expires_at - SECOND
    kit.sweep()
    assert not kit.published
    kit.wait(SECOND)
    kit.sweep()
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
