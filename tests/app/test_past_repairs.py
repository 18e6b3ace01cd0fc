"""Repairs that reach back: what a live run closed without is asked for in the backfill lane (behaviour 9, T9)."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.app.state.repository import run_path
from shared.app.sweep.sweep import SweepOptions
from shared.core.errors import Unavailable
from shared.core.model import RunKey, State
from shared.core.policy.policy import Policy
from shared.ports import Response
from shared.simulation.fakes.clock import Crash
from shared.simulation.scenario import CallAnswer, GameCount
from tests.app.handlers_kit import Called, Fate, HandlersKit, lane
from tests.core.build import DAY, GAMES, NIGHT, PGS, PHASE3, POLICY, T0, TDGS, TO3, TO4, UPGC
from tests.policy_files import NBA

AWAY = Response(503, "Service Unavailable")
HOUR = timedelta(hours=1)
PAST = lane(NIGHT)
RERUN = "analytics /process-date-range"
BEFORE = DAY - timedelta(days=1)


def limited(**repairs: Any) -> Policy:
    return load_policy(NBA, {"repairs": repairs})


def of_day(day: date) -> RunKey:
    return replace(NIGHT, day=day)


def rerun_requests(kit: HandlersKit) -> list[Called]:
    return [call for call in kit.reruns if call.body["lane"] == "backfill"]


def back(kit: HandlersKit) -> None:
    """Let analytics answer again."""
    kit.services.answers.pop("analytics", None)


def lost_night(policy: Policy = POLICY, days: tuple[date, ...] = (DAY,)) -> HandlersKit:
    """Return a kit whose nights lack a required processor of phase 3, while analytics is away until they are closed.

    It is the first minute after the last of them closed.
    """
    return lose(HandlersKit(policy=policy, start=T0 - (DAY - days[0])), days)


def lose(kit: HandlersKit, days: tuple[date, ...] = (DAY,)) -> HandlersKit:
    """Let a kit lose these nights, and be at the first minute after the last of them closed."""
    policy = kit.policy
    kit.services.answers["analytics"] = AWAY
    until_closed = kit.instance(policy=replace(policy, repairs=replace(policy.repairs, per_day=0)))
    for day in days:
        kit.clock.instant = T0 - (DAY - day)
        kit.ordinary(day)
        kit.finish(*sorted(policy.transitions[TO3].expects["overnight"].expected), records=200, game_date=str(day))
        kit.finish(UPGC, TDGS, records=200, game_date=str(day))
        kit.sweep(ctx=until_closed)
    while any(kit.run(of_day(day)).closed_at is None for day in days):
        kit.wait(HOUR)
        kit.sweep(ctx=until_closed)
    assert rerun_requests(kit) == []
    back(kit)
    return kit


@pytest.fixture
def kit() -> HandlersKit:
    return lost_night()


def minutes(kit: HandlersKit, count: int, step: timedelta = timedelta(minutes=1)) -> None:
    for _ in range(count):
        kit.wait(step)
        kit.sweep()


def days_asked(kit: HandlersKit) -> list[str]:
    return [call.body["game_date"] for call in rerun_requests(kit)]


def test_a_night_that_closed_incomplete_is_asked_for_in_the_backfill_lane(kit: HandlersKit) -> None:
    """Once, for all that its backfill run lacks, in the words of that lane; the run is open for what comes back."""
    assert kit.run().repairs["phase3"].attempts == 0
    kit.wait()
    answer = kit.sweep()
    [call] = rerun_requests(kit)
    assert (call.body["run_id"], call.body["game_date"]) == (PAST.id, str(DAY))
    assert set(call.body["processors"]) == set(PHASE3)
    assert kit.run(PAST).closed_at is None
    [finding] = answer.about("repair")
    assert (finding["run"], finding["result"]) == (PAST.id, "done")
    minutes(kit, 20)
    assert len(rerun_requests(kit)) == 1


def test_what_it_brings_goes_on_in_the_backfill_lane(kit: HandlersKit) -> None:
    """Its reports name no lane: they are the backfill run's, whose trigger goes out; one info tells that it worked."""
    minutes(kit, 1)
    kit.finish(*PHASE3, records=200)
    minutes(kit, 90)
    assert kit.state(TO4, PAST).triggered
    assert not kit.state(TO4).triggered
    [note] = kit.notices("past_repaired")
    assert note.severity == "info"
    assert all(word in note.text for word in (NIGHT.id, "phase3", TO4))
    minutes(kit, 30, HOUR)
    assert len([call for call in rerun_requests(kit) if call.body["phase"] == "phase3"]) == 1


def test_a_budget_for_a_lifetime(kit: HandlersKit) -> None:
    """Two accepted calls for a date and phase, a cooldown apart, and no third within 14 days, told once in vain."""
    minutes(kit, 14 * 24 * 2, HOUR / 2)
    calls = rerun_requests(kit)
    assert [call.body["phase"] for call in calls] == ["phase3"] * 2
    assert calls[1].at - calls[0].at >= POLICY.repairs.cooldown
    assert kit.run().repairs["phase3"].attempts == 2
    [warning] = kit.notices("past_repair_in_vain", resolved=False)
    assert warning.severity == "warning"
    assert all(word in warning.text for word in (NIGHT.id, PGS, "2 repairs", "nothing changed", "--lane backfill"))


def test_attempts_of_the_live_run_count() -> None:
    """Both were accepted before it closed, and nothing came of them: nobody asks a third time."""
    kit = HandlersKit().ordinary()
    kit.finish_phase2()
    kit.finish(UPGC, TDGS, records=200)
    minutes(kit, 24 * 6, HOUR / 2)
    assert kit.run().closed_at is not None
    assert len(kit.reruns) == 2
    assert rerun_requests(kit) == []


def test_oldest_first_one_a_minute() -> None:
    """Three nights: the oldest is asked first, and the service is not asked for all of them at once."""
    days = (DAY - timedelta(days=2), BEFORE, DAY)
    kit = lost_night(days=days)
    minutes(kit, 10)
    assert days_asked(kit) == [str(day) for day in days]
    ats = [call.at for call in rerun_requests(kit)]
    assert ats == sorted(set(ats))


def test_so_many_a_day() -> None:
    """`repairs.per_day` counts what was accepted; the next local day goes on with the next oldest."""
    days = (DAY - timedelta(days=2), BEFORE, DAY)
    kit = lost_night(limited(per_day=2, max_attempts=1), days)
    minutes(kit, 30)
    assert days_asked(kit) == [str(day) for day in days[:2]]
    minutes(kit, 23, HOUR)
    assert days_asked(kit) == [str(day) for day in days[:2]]
    minutes(kit, 2, HOUR)
    assert days_asked(kit) == [str(day) for day in days]


def test_none_a_day_is_none() -> None:
    """With 0 a closed run is never repaired."""
    kit = lost_night(limited(per_day=0))
    minutes(kit, 48, HOUR)
    assert rerun_requests(kit) == []


def test_only_what_was_accepted_is_spent() -> None:
    """Refused and unanswered calls use up neither the date's attempts nor the day's number."""
    kit = lost_night(limited(per_day=1, max_attempts=1))
    kit.services.answers["analytics"] = AWAY
    minutes(kit, 60)
    assert len(rerun_requests(kit)) > 3
    assert kit.run().repairs["phase3"].attempts == 0
    back(kit)
    minutes(kit, 30)
    assert kit.run().repairs["phase3"].attempts == 1


def test_a_call_that_nobody_took_leaves_no_run_open(kit: HandlersKit) -> None:
    """A backfill run that was opened for it is closed again, without a word; one that was open stays so."""
    kit.services.answers["analytics"] = AWAY
    minutes(kit, 1)
    assert kit.run(PAST).closed_at is not None
    assert kit.notices("expired")[1:] == []
    kit.orch("rerun", "phase3", str(DAY), "--mode", "overnight", "--lane", "backfill", "--reason", "mine")
    assert kit.run(PAST).closed_at is None
    minutes(kit, 30)
    assert kit.run(PAST).closed_at is None


def test_a_call_without_an_answer_keeps_its_run_open() -> None:
    """It may be at work: what it reports must find its run (behaviour D11)."""
    kit = lost_night()
    kit.services.answers["analytics"] = Unavailable("analytics", "no answer in time")
    minutes(kit, 1)
    assert kit.run(PAST).closed_at is None
    assert kit.run().repairs["phase3"].attempts == 0
    back(kit)
    kit.finish(*PHASE3, records=200)
    minutes(kit, 20)
    assert kit.state(TO4, PAST).triggered
    assert len(rerun_requests(kit)) == 1


def test_a_date_that_is_refused_does_not_keep_the_others() -> None:
    """The oldest is answered 500 for ever: the others are asked, and it is tried again after them."""
    days = (BEFORE, DAY)
    kit = lost_night(days=days)

    def answer(method: str, url: str, body: Any, timeout: timedelta) -> Response:
        back(kit)
        if body and body.get("game_date") == str(BEFORE):
            kit.services.answers["analytics"] = AWAY
        return type(kit.services).request(kit.services, method, url, body, timeout)

    kit.services.request = answer  # type: ignore[method-assign]
    minutes(kit, 30)
    assert days_asked(kit)[:2] == [str(BEFORE), str(DAY)]
    assert kit.run(NIGHT).repairs["phase3"].attempts == 1
    assert len([day for day in days_asked(kit) if day == str(BEFORE)]) > 1


def test_a_stuck_game_keeps_only_its_own_date() -> None:
    """Its units are not final, and the policy presumes nothing: that date waits, the next is repaired (T9)."""
    kit = lost_night(days=(BEFORE, DAY))
    kit.change(games={BEFORE: GameCount(final=GAMES - 1, in_progress=1)})
    minutes(kit, 10)
    assert days_asked(kit) == [str(DAY)]
    kit.change(games={BEFORE: GameCount(final=GAMES)})
    minutes(kit, 2, HOUR)
    assert set(days_asked(kit)) == {str(BEFORE), str(DAY)}


def test_a_run_that_cannot_be_read_keeps_only_itself() -> None:
    """Its document is spoilt: one critical alert names it, once, and the next date is repaired all the same (T9)."""
    kit = lost_night(days=(BEFORE, DAY))
    [document] = kit.store.inner.get(run_path(of_day(BEFORE)))
    assert document is not None
    kit.store.inner.update(run_path(of_day(BEFORE)), {**document.data, "opened_at": "?"}, document.version)
    minutes(kit, 300)
    assert str(DAY) in days_asked(kit)
    assert str(BEFORE) not in days_asked(kit)
    [alert] = [notice for notice in kit.notices("past_unreadable") if of_day(BEFORE).id in notice.text]
    assert alert.severity == "critical"


def test_a_run_that_cannot_be_decided_keeps_only_itself() -> None:
    """What lies below it is spoilt: the next date is repaired all the same, and the alert comes once (T9)."""
    kit = lost_night(days=(BEFORE, DAY))
    spoilt = kit.store.inner.query(f"{run_path(of_day(BEFORE))}/completions")[0]
    kit.store.inner.update(spoilt.path, {**spoilt.data, "added": "?"}, spoilt.version)
    minutes(kit, 300)
    assert set(days_asked(kit)) == {str(DAY)}
    assert len([notice for notice in kit.notices("past_unreadable") if of_day(BEFORE).id in notice.text]) == 1


@pytest.mark.parametrize("games", [None, 0], ids=["the calendar is away", "no games"])
def test_without_units_nothing_is_asked(kit: HandlersKit, games: int | None) -> None:
    """Nobody knows whether there was anything to do, or there was not."""
    if games is None:
        kit.fail("warehouse")
    else:
        kit.change(games={DAY: games})
    minutes(kit, 5, HOUR)
    assert rerun_requests(kit) == []


def test_a_date_older_than_the_reach_is_left_alone(kit: HandlersKit) -> None:
    """Away for more than 14 dates: nobody is asked for it afterwards."""
    kit.services.answers["analytics"] = AWAY
    minutes(kit, 24 * 12, HOUR)
    calls = len(rerun_requests(kit))
    assert calls
    back(kit)
    minutes(kit, 5, HOUR)
    assert len(rerun_requests(kit)) == calls


def test_inside_a_pause_nothing_is_asked(kit: HandlersKit) -> None:
    """Of a paused mode no date is repaired; once the pause is over it is (T8)."""
    kit.orch("pause", "--mode", "overnight", "--reason", "between two rounds")
    minutes(kit, 5, HOUR)
    assert rerun_requests(kit) == []
    kit.orch("pause", "--end", kit.documents("pauses")[0]["pauses"][0]["id"], "--reason", "over")
    minutes(kit, 1, HOUR)
    assert len(rerun_requests(kit)) == 1


def test_never_around_a_gate() -> None:
    """Phase 3 came whole, a gate kept phase 4 from being started until the run closed: nothing is asked."""
    kit = HandlersKit().ordinary()
    kit.finish_phase2()
    kit.change(readings={"game_coverage": 40.0})
    kit.finish(*PHASE3, records=200)
    minutes(kit, 24 * 5, HOUR)
    assert kit.state(TO4).state is State.BLOCKED
    assert kit.run().closed_at is not None
    assert kit.reruns == []


def test_a_gate_of_the_backfill_run_keeps_its_phase(kit: HandlersKit) -> None:
    """Phase 3 is repaired, the gate blocks phase 4 there: phase 4 is not asked."""
    kit.change(readings={"game_coverage": 40.0})
    minutes(kit, 1)
    kit.finish(*PHASE3, records=200)
    minutes(kit, 30, HOUR)
    assert kit.state(TO4, PAST).state is State.BLOCKED
    assert {call.body["phase"] for call in rerun_requests(kit)} == {"phase3"}


def test_a_refusal_is_one_critical_alert_a_day() -> None:
    """Three dates answered 400: one alert of self-heal with the answer, not one for each date."""
    days = (DAY - timedelta(days=2), BEFORE, DAY)
    kit = lost_night(days=days)
    back(kit)
    kit.services.change({RERUN: (CallAnswer(400, {"error": "unknown processor"}, timedelta(0)),)})
    before = len(kit.notices("past_repair_fault"))
    minutes(kit, 240)
    [alert] = kit.notices("past_repair_fault")[before:]
    assert alert.severity == "critical"
    assert alert.text.startswith("nba: ")
    assert all(word in alert.text for word in (str(days[0]), "2 more dates", "400", "unknown processor"))


def test_a_crash_after_the_call_costs_no_second_one(kit: HandlersKit) -> None:
    """Who called dies before the answer is noted: the phase is left to work for a cooldown, then asked again."""
    kit.wait()
    [call] = [n for n, what in enumerate(effects_of_a_sweep()) if what.startswith("analytics")]
    kit.effects.fate = (len(kit.effects.done) + call, Fate.DIES_AFTER)
    with pytest.raises(Crash):
        kit.sweep()
    kit.ctx = kit.instance()
    kit.effects.fate = None
    minutes(kit, 28)
    assert len(rerun_requests(kit)) == 1
    minutes(kit, 10)
    assert len(rerun_requests(kit)) == 2
    assert kit.run().repairs["phase3"].attempts == 1


def effects_of_a_sweep() -> list[str]:
    """Return what the sweep after a lost night does, in order."""
    twin = lost_night()
    twin.wait()
    done = len(twin.effects.done)
    twin.sweep()
    return twin.effects.done[done:]


def test_two_sweeps_ask_once(kit: HandlersKit) -> None:
    """Of two instances that look at the same time one calls."""
    kit.wait()
    others = [kit.instance(), kit.instance()]
    kit.at_once(*(lambda ctx=ctx: kit.sweep(ctx=ctx) for ctx in others))
    assert len(rerun_requests(kit)) == 1


def test_a_sweep_that_is_only_to_look_asks_nobody(kit: HandlersKit) -> None:
    """`dry_run` calls nobody, nor does a sweep of another date; one of its date does."""
    kit.wait()
    kit.sweep(SweepOptions(dry_run=True))
    kit.sweep(SweepOptions(day=BEFORE))
    assert rerun_requests(kit) == []
    kit.sweep(SweepOptions(day=DAY))
    assert len(rerun_requests(kit)) == 1


def test_a_mode_that_is_not_repaired_is_left_alone() -> None:
    """`repairs.modes` names the modes whose past is repaired: without the night's, nobody is asked."""
    kit = lost_night(limited(modes=["same_day"]))
    minutes(kit, 5, HOUR)
    assert rerun_requests(kit) == []


def test_looking_at_the_past_is_rare(kit: HandlersKit) -> None:
    """Once nothing is to be asked it is looked at once an hour; other sweeps read nothing of closed runs,
    but for the hourly comparison and the objectives, which read less."""
    kit.finish(*PHASE3, records=200)
    minutes(kit, 90)
    kit.store.operations.clear()
    minutes(kit, 1)
    first = kit.store.operations["reads"]
    counts = []
    for _ in range(59):
        kit.store.operations.clear()
        minutes(kit, 1)
        counts.append(kit.store.operations["reads"])
    looks = [reads for reads in (first, *counts) if reads > min(counts) + 30]
    assert len(looks) <= 1


def test_a_part_is_told_once_no_repair_is_left(kit: HandlersKit) -> None:
    """Both repairs were accepted and brought one of the five: one warning names those that are still missing."""
    minutes(kit, 1)
    kit.finish(TDGS, records=200)
    minutes(kit, 6, HOUR)
    assert kit.run().repairs["phase3"].attempts == 2
    texts = kit.texts("past_repair_in_vain")
    assert len(texts) == 1
    assert "still missing" in texts[0]
    assert PGS in texts[0]
    assert TDGS not in texts[0]


@pytest.mark.parametrize("answer", [None, Response(400, "no such processor")], ids=["in vain", "refused"])
def test_the_command_that_is_printed_asks_in_the_backfill_run(kit: HandlersKit, answer: Response | None) -> None:
    """As it stands, lane and date included: exit 0, and one more call of that run."""
    if answer is not None:
        kit.services.answers["analytics"] = answer
    minutes(kit, 6, HOUR)
    back(kit)
    [text] = kit.texts("past_repair_fault" if answer else "past_repair_in_vain")[:1]
    [line] = [line for line in text.splitlines() if "bin/orch rerun" in line]
    before = len(rerun_requests(kit))
    status, output = kit.orch(*shlex.split(line[line.index("bin/orch ") :])[1:])
    assert status == 0, output
    assert [call.body["run_id"] for call in rerun_requests(kit)[before:]] == [PAST.id]


def test_a_budget_that_nobody_can_read_stops_no_sweep() -> None:
    """Nothing is asked for then, a person is told once, and what else a sweep ends with is done: alerts, closings."""
    kit = lost_night()
    day = kit.policy.local(kit.clock.instant).date()
    kit.store.inner.create(f"repair_budgets/nba~{day}", {"calls": {"confused": True}})
    answers = kit.sweeps(3)
    assert {answer.status for answer in answers} <= {200, 207}
    assert rerun_requests(kit) == []
    assert ["repairs of the past" in text for text in kit.texts("fault")] == [True]
