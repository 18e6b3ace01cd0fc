"""Self-heal asks a phase to run again once the data has come that it lacked: calls, log and clock (behaviour 9)."""

from __future__ import annotations

from datetime import timedelta

from shared.core.model import State
from shared.core.policy.phases import RerunInputs
from shared.core.policy.policy import Policy
from shared.ports import Response
from shared.simulation.scenario import GameCount
from tests.app.handlers_kit import HandlersKit
from tests.core.build import (
    CACHE,
    DAY,
    FEATURES,
    GAMES,
    PCF,
    PGS,
    PSZA,
    TDGS,
    TDZA,
    TO4,
    TO5,
    TOGS,
    UPGC,
    UTGC,
    with_expectation,
)
from tests.core.test_reruns_on_data import opening_on

MINUTE = timedelta(minutes=1)


def waiting_for_all(grace: timedelta | None = None) -> Policy:
    """Return a policy whose phase 5 waits for all of phase 4, which is asked again on the fifth of phase 3."""
    policy = opening_on(RerunInputs("phase3", (TOGS,)), grace=grace)
    return with_expectation(TO5, "overnight", policy, tiers=(), deadline=None)


ON_DATA, WITH_GRACE = waiting_for_all(), waiting_for_all(20 * MINUTE)


def lacking(policy: Policy = ON_DATA, status: str = "no_data") -> HandlersKit:
    """Return a night at 06:30: phase 4 was started by tier 1 without the fifth of phase 3, and lacks one processor."""
    kit = HandlersKit(policy=policy).ordinary()
    kit.finish_phase2()
    kit.finish(PGS, UPGC, TDGS, UTGC, records=200)
    kit.sweeps(20)
    assert kit.state(TO4).state is State.DISPATCHED
    kit.finish(TDZA, PSZA, CACHE, FEATURES, records=200)
    if status:
        kit.deliver(PCF, status)
    kit.sweeps(10)
    assert kit.reruns == []
    return kit


def test_the_call_names_who_lacked_it_and_says_why() -> None:
    """One call by the next sweep, with the reason; the finding and the log of the run say it too."""
    kit = lacking()
    kit.deliver(TOGS, records=200)
    answer = kit.sweep()
    [call] = kit.reruns
    assert (call.body["phase"], call.body["processors"]) == ("phase4", [PCF])
    assert call.body["reason"] == f"missing at {TO5}; its data came at 06:30 EST ({TOGS})"
    [finding] = answer.about("repair")
    assert f"(its data came at 06:30 EST ({TOGS}))" in finding["detail"]
    log = kit.run().repairs["phase4"]
    assert (log.attempts, log.asked, log.why) == (1, (PCF,), f"its data came at 06:30 EST ({TOGS})")


def test_it_is_asked_again_after_the_cooldown_and_no_third_time() -> None:
    """Attempts and cooldown are those of every repair; two that changed nothing are told long before it is due."""
    kit = lacking()
    kit.deliver(TOGS, records=200)
    kit.sweeps(45)
    assert len(kit.reruns) == 2
    assert kit.reruns[1].at - kit.reruns[0].at >= timedelta(minutes=30)
    kit.sweeps(31)
    assert len(kit.reruns) == 2
    [text] = kit.texts("repair_in_vain")
    assert "asked for player_composite_factors" in text


def test_who_answers_that_there_is_nothing_still_is_asked_when_it_is_due() -> None:
    """The answer is younger than the data: the second attempt is kept for `due.warning` at 10:30."""
    kit = lacking()
    kit.deliver(TOGS, records=200)
    kit.sweeps(2)
    kit.deliver(PCF, "no_data")
    kit.clock.instant += timedelta(hours=3, minutes=40)
    kit.sweep()
    assert len(kit.reruns) == 1
    kit.clock.instant += timedelta(minutes=20)
    kit.sweeps(2)
    assert len(kit.reruns) == 2
    assert kit.run().repairs["phase4"].why == ""


def test_a_refusal_is_told_until_nothing_is_missing() -> None:
    """A call that nobody takes is a fault at once; it stands while its processor is missing, and ends with it."""
    kit = lacking()
    kit.services.answers["precompute"] = Response(400, '{"error": "no such processor"}')
    kit.deliver(TOGS, records=200)
    kit.sweeps(10)
    [fault] = kit.notices("repair_fault")
    assert fault.resolved is False
    # What it reports now is younger than the data: nothing is ready, and the fault is none the less there.
    kit.deliver(PCF, "no_data")
    kit.sweeps(10)
    assert len(kit.notices("repair_fault")) == 1
    kit.deliver(PCF, records=200)
    kit.sweeps(3)
    assert kit.notices("repair_fault", resolved=True)


def test_a_phase_at_work_is_left_alone() -> None:
    """A `started` after the data is the phase at work, for as long as the cooldown."""
    kit = lacking()
    kit.deliver(PCF, "started")
    kit.deliver(TOGS, records=200)
    kit.sweeps(20)
    assert kit.reruns == []


def test_games_have_to_be_final_as_ever() -> None:
    """Before the last game has ended no data opens anything in a night's run."""

    kit = lacking()
    kit.change(games={DAY: GameCount(final=GAMES - 1, scheduled=1)})
    kit.sweep()
    kit.deliver(TOGS, records=200)
    kit.sweeps(3)
    assert kit.reruns == []


def test_a_run_that_waits_for_a_grace_is_looked_at_then() -> None:
    """No minute is swept in vain until the grace is over: the run is put off to that second, and then it is asked."""
    kit = lacking(WITH_GRACE, status="")
    kit.deliver(TOGS, records=200)
    came = kit.clock.now()
    kit.sweeps(3)  # the event settles
    assert kit.run().next_check_at == came + 20 * MINUTE
    kit.clock.instant = came + 20 * MINUTE - timedelta(seconds=1)
    kit.sweep()
    assert kit.reruns == []
    kit.clock.instant = came + 20 * MINUTE
    kit.sweep()
    assert [call.body["processors"] for call in kit.reruns] == [[PCF]]


def test_explain_and_status_say_when_it_is_asked() -> None:
    """Both name the moment as the next one; JSON has it as data."""
    kit = lacking(WITH_GRACE, status="")
    kit.deliver(TOGS, records=200)
    _, text = kit.orch("explain", TO5, "2026-01-21", "--mode", "overnight")
    words = f"phase4 is asked to run again for {PCF}: its data came at 06:30 EST ({TOGS})"
    assert f"    {words}; at 06:50 EST" in text.splitlines()
    assert f"next:  rerun 06:50 EST, in 20 min: {words}" in text
    status, listed = kit.orch("status", "2026-01-21", "--json")
    assert words in listed, status
