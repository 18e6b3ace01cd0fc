"""Self-heal: what it repairs, how often, and when it keeps its hands off (behaviour 9)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from shared.app.call import Call
from shared.app.sweep.handler import answer as answered
from shared.app.sweep.handler import handle_sweep
from shared.app.sweep.options import parse_options
from shared.app.sweep.sweep import TIME_LIMIT, SweepOptions
from shared.core.errors import Unreached
from shared.core.model import Outcome, RunKey, State, Units
from shared.core.policy.phases import Phase, Processor
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Expectation
from shared.ports import Response
from shared.simulation.fakes.clock import Crash
from shared.simulation.scenario import GameCount
from tests.app.handlers_kit import Called, Fate, HandlersKit, lane
from tests.core.build import DAY, NIGHT, PGS, PHASE3, POLICY, SECOND, TDGS, TO4, UPGC

TABLE = {name: POLICY.phases["phase3"].processors[name].table for name in PHASE3}
DATE = str(DAY)
REFUSED = Unreached("analytics", "connection refused")
COOLDOWN = timedelta(minutes=30)


def local(kit: HandlersKit, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return kit.policy.local(kit.clock.instant).replace(hour=hour, minute=minute, second=second)


def rerun_requests(kit: HandlersKit, phase: str = "phase3") -> list[Called]:
    """Return the reruns that were asked for of one phase."""
    return [call for call in kit.reruns if call.body["phase"] == phase]


def at(kit: HandlersKit, hour: int, minute: int = 0, second: int = 0) -> None:
    """Let it become this local time of the morning after."""
    kit.clock.instant = local(kit, hour, minute, second)


@pytest.fixture
def kit() -> HandlersKit:
    """A night in which one required and two optional processors of phase 3 came at 06:00."""
    kit = HandlersKit().ordinary()
    kit.finish(UPGC, TDGS, "team_offense_game_summary", records=200)
    kit.sweep()
    return kit


# reruns


def test_who_is_missing_at_due_is_asked_for_once(kit: HandlersKit) -> None:
    """Nothing a second before 08:30; then one call for all that are missing, with run, date and reason."""
    at(kit, 8, 29, 59)
    kit.sweep()
    assert rerun_requests(kit) == []
    kit.wait(SECOND)
    answer = kit.sweep()
    [call] = rerun_requests(kit)
    assert (call.service, call.path) == ("analytics", "/process-date-range")
    assert call.body["processors"] == [PGS, "upcoming_team_game_context"]
    assert (call.body["run_id"], call.body["game_date"], call.body["mode"]) == (NIGHT.id, DATE, "overnight")
    [finding] = answer.about("repair")
    assert (finding["result"], PGS in finding["detail"]) == ("done", True)


def test_two_attempts_a_cooldown_apart_and_no_third(kit: HandlersKit) -> None:
    """08:30, half an hour later once more, and never again however long it stays missing."""
    at(kit, 8, 30)
    times = []
    for _ in range(200):
        before = len(rerun_requests(kit))
        kit.sweep()
        times += [kit.clock.now()] * (len(rerun_requests(kit)) - before)
        kit.wait()
    assert len(times) == 2
    assert COOLDOWN <= times[1] - times[0] <= COOLDOWN + timedelta(minutes=2)
    assert kit.run().repairs["phase3"].attempts == 2


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_door_that_is_shut_costs_no_attempt(kit: HandlersKit, status: int) -> None:
    """A 4xx is tried again after each cooldown, without an end; repaired, both attempts are still there."""
    kit.services.answers["analytics"] = Response(status, "no")
    at(kit, 8, 30)
    kit.sweeps(130)
    assert len(rerun_requests(kit)) == 5
    assert kit.run().repairs["phase3"].attempts == 0
    del kit.services.answers["analytics"]
    kit.sweeps(100)
    assert len(rerun_requests(kit)) == 7


@pytest.mark.parametrize("answered", [Response(500, ""), Response(503, ""), Response(429, ""), REFUSED, None], ids=str)
def test_only_an_accepted_call_uses_up_an_attempt(kit: HandlersKit, answered: Response | Unreached | None) -> None:
    """An outage is tried again after 1, 2, 4, 8 and then every 15 minutes, a call without an answer 15 later, each a
    failed finding and so a 207; when it is over both attempts are still there."""
    kit.services.answers["analytics"] = answered
    at(kit, 8, 30)
    answers = [kit.sweep(), *kit.sweeps(59)]
    calls = [call.at for call in rerun_requests(kit)]
    waits = [round((later - before) / timedelta(minutes=1)) for before, later in pairwise(calls)]
    assert waits == ([16, 16, 16] if answered is None else [1, 2, 4, 8, 15, 15])[: len(waits)]
    assert len(waits) == (3 if answered is None else 6)
    failed = [finding for answer in answers for finding in answer.about("repair") if "phase3" in finding["detail"]]
    assert [finding["result"] for finding in failed] == ["failed"] * len(calls)
    assert 207 in [answer.status for answer in answers]
    del kit.services.answers["analytics"]
    kit.sweeps(120)
    assert len(rerun_requests(kit)) == len(calls) + 2


def test_a_crash_after_the_call_does_not_repeat_it(kit: HandlersKit) -> None:
    """That it calls is written before the call: a sweep that dies in between leaves it open, and the cooldown holds."""
    at(kit, 8, 30)
    clean = HandlersKit().ordinary()
    clean.finish(UPGC, TDGS, "team_offense_game_summary", records=200)
    clean.sweep()
    at(clean, 8, 30)
    clean.sweep()
    number = next(n for n, what in enumerate(clean.effects.done) if what.startswith("analytics"))
    kit.effects.fate = (number, Fate.DIES_AFTER)
    with pytest.raises(Crash):
        kit.sweep()
    kit.ctx = kit.instance()
    kit.sweeps(25)
    assert len(rerun_requests(kit)) == 1


@pytest.mark.parametrize("sign", ["started", "success"])
def test_a_phase_that_runs_is_left_alone(kit: HandlersKit, sign: str) -> None:
    """A `started` younger than the cooldown is a phase at work; any other newest report is not."""
    at(kit, 8, 20)
    kit.deliver(PGS if sign == "started" else UPGC, sign)
    at(kit, 8, 30)
    kit.sweeps(15)
    assert len(rerun_requests(kit)) == (0 if sign == "started" else 1)
    kit.sweeps(30)
    assert rerun_requests(kit)


def test_nothing_confirmed_is_touched(kit: HandlersKit) -> None:
    """Triggered, dispatched or confirmed: a processor that stays missing is not rerun."""
    kit.wait(timedelta(minutes=40))
    kit.deliver(PGS, records=203)
    assert kit.state(TO4).accepted_plan is not None
    at(kit, 8, 30)
    kit.sweeps(60)
    assert rerun_requests(kit) == []


def test_a_phase_somebody_else_started_is_not_rerun(kit: HandlersKit) -> None:
    """Once the next phase reports, a repair would pull the ground from under it."""
    kit.deliver("player_composite_factors", "started")
    at(kit, 8, 30)
    kit.sweeps(60)
    assert rerun_requests(kit) == []


def test_what_an_operator_holds_is_not_repaired(kit: HandlersKit) -> None:
    """On hold: no rerun; released: one."""
    kit.orch("hold", TO4, DATE, "--mode", "overnight", "--reason", "source is wrong")
    at(kit, 8, 30)
    kit.sweeps(10)
    assert rerun_requests(kit) == []
    kit.orch("release", TO4, DATE, "--mode", "overnight", "--reason", "source is right")
    kit.sweeps(2)
    assert len(rerun_requests(kit)) == 1


def presuming(after: timedelta | None) -> Policy:
    """Return the policy with a calendar that presumes a game to be over so long after its start."""
    assert POLICY.calendar is not None
    return replace(POLICY, calendar=replace(POLICY.calendar, start_column="begins", presumed_final_after=after))


@pytest.mark.parametrize(
    ("games", "after", "calls"),
    [
        (GameCount(final=6, in_progress=1), None, 0),
        (GameCount(final=6, in_progress=1), timedelta(hours=14), 0),
        (GameCount(final=6, in_progress=1), timedelta(hours=13), 1),
        (GameCount(final=6, scheduled=1), timedelta(hours=13), 0),
        (GameCount(final=7), None, 1),
    ],
)
def test_games_must_be_final_overnight(games: GameCount, after: timedelta | None, calls: int) -> None:
    """A west-coast game that still runs at 08:30 is no missing data; one that began too long ago is over (T9)."""
    kit = HandlersKit(policy=presuming(after)).ordinary()
    kit.change(games={DAY: games})
    kit.finish(UPGC, TDGS, records=200)
    at(kit, 8, 30)
    kit.sweep()
    assert len(rerun_requests(kit)) == calls


def test_a_game_that_is_presumed_over_is_named_once() -> None:
    """One info alert names it, also while it stays so (behaviour T9)."""
    kit = HandlersKit(policy=presuming(timedelta(hours=6))).ordinary()
    kit.change(games={DAY: GameCount(final=6, in_progress=1)}, units={DAY: ("BOS@NYK",) * 6 + ("MIL@ORL",)})
    kit.sweeps(3)
    [text] = kit.texts("presumed")
    assert "game MIL@ORL" in text
    assert "presumed over" in text


def test_a_date_beyond_the_calendar_s_reach_is_left_alone() -> None:
    """Whether it had games nobody knows: it is neither empty nor repaired (behaviour T9, section 9)."""
    assert POLICY.calendar is not None
    kit = HandlersKit(policy=replace(POLICY, calendar=replace(POLICY.calendar, reaches_back=timedelta(0)))).ordinary()
    at(kit, 8, 30)
    kit.deliver(UPGC, records=200)
    kit.sweep()
    assert rerun_requests(kit) == []
    assert kit.run(NIGHT).units == Units(None, None)


def test_games_need_not_be_final_on_their_day() -> None:
    """`same_day` works on games that are not played yet."""
    today = DAY + timedelta(days=1)
    kit = HandlersKit().ordinary().ordinary(today)
    kit.change(games={today: GameCount(scheduled=7)})
    kit.deliver("upcoming_team_game_context", mode="same_day", game_date=str(today))
    kit.deliver(UPGC, "failed", mode="same_day", game_date=str(today))
    at(kit, 11, 30)
    kit.sweep()
    assert "same_day" in [call.body["mode"] for call in rerun_requests(kit)]


def test_a_date_without_units_is_never_repaired(kit: HandlersKit) -> None:
    """Postponed after all: nothing is missing."""
    kit.change(games={DAY: GameCount(postponed=7)})
    at(kit, 8, 30)
    kit.sweeps(60)
    assert rerun_requests(kit) == []


def test_a_night_is_repaired_until_its_run_closes(kit: HandlersKit) -> None:
    """After midnight the night is still lost: it is asked for until 48 hours after its date."""
    kit.wait(timedelta(days=1))
    at(kit, 8, 30)
    kit.sweeps(10)
    assert len([call for call in rerun_requests(kit) if call.body["game_date"] == DATE]) == 1
    kit.wait(timedelta(days=1))
    at(kit, 8, 30)
    kit.sweeps(60)
    live = [call for call in rerun_requests(kit) if call.body["lane"] == "live"]
    assert len([call for call in live if call.body["game_date"] == DATE]) == 1


@pytest.mark.parametrize(("modes", "calls"), [(None, 0), (frozenset({"same_day"}), 1)])
def test_a_day_of_games_is_repaired_on_that_day_only(modes: frozenset[str] | None, calls: int) -> None:
    """What `same_day` works for is over by midnight, unless the policy says otherwise (`repairs.modes`)."""
    today = DAY + timedelta(days=1)
    kit = HandlersKit(policy=replace(POLICY, repairs=replace(POLICY.repairs, modes=modes))).ordinary().ordinary(today)
    kit.change(games={today: GameCount(final=7)})
    kit.wait(timedelta(hours=10))
    kit.deliver("upcoming_team_game_context", mode="same_day", game_date=str(today))
    kit.wait(timedelta(days=1))
    kit.sweep()
    assert len([call for call in rerun_requests(kit) if call.body["mode"] == "same_day"]) == calls


def test_backfill_is_never_repaired() -> None:
    """A run of the backfill lane on its very working day: no call."""
    kit = HandlersKit().ordinary()
    kit.finish(UPGC, TDGS, records=200, backfill_mode=True)
    at(kit, 8, 30)
    kit.sweeps(40)
    assert [call for call in rerun_requests(kit) if call.body["lane"] == "backfill"] == []


def test_a_rerun_that_works_ends_it(kit: HandlersKit) -> None:
    """What the rerun brings is decided on as always: triggered, and no second call."""
    at(kit, 8, 30)
    kit.sweep()
    kit.deliver(PGS, "started")
    kit.wait(timedelta(minutes=5))
    kit.deliver(PGS, records=203)
    assert kit.state(TO4).state is State.DISPATCHED
    kit.sweeps(60)
    assert len(rerun_requests(kit)) == 1


# the detector


def large_phase(size: int, present: int) -> HandlersKit:
    """A pipeline whose phase 3 has so many required processors, of which so many report."""
    before = POLICY.phases["phase3"]
    names = [f"job_{number:02d}" for number in range(size)]
    processors = {name: Processor(name, "phase3") for name in names}
    phase = Phase(before.name, before.title, before.completions_topic, processors, before.rerun)
    due = POLICY.transitions[TO4].expects["overnight"].due
    expects = {"overnight": Expectation(frozenset(names), due=due)}
    transition = replace(POLICY.transitions[TO4], expects=expects, gates=(), preflight=None)
    policy: Policy = replace(
        POLICY,
        phases={**POLICY.phases, "phase3": phase},
        transitions={**POLICY.transitions, TO4: transition},
    )
    kit = HandlersKit(policy=policy).ordinary()
    for name in names[:present]:
        kit.take("phase3", _json(kit.message(name)))
    at(kit, 8, 30)
    return kit


def _json(body: object) -> bytes:
    return json.dumps(body).encode()


# The share of the policy is 80 percent, of more than 20 items.
@pytest.mark.parametrize(
    ("size", "present", "refused"), [(21, 4, True), (21, 5, False), (20, 0, False), (25, 5, False), (25, 4, True)]
)
def test_a_detector_that_finds_too_much_is_wrong(size: int, present: int, refused: bool) -> None:
    """Above the share of many it refuses, with one warning; at the share, or of few, it repairs."""
    kit = large_phase(size, present)
    kit.sweeps(3)
    assert len(rerun_requests(kit)) == (0 if refused else 1)
    warnings = kit.notices("repair_refused")
    assert [notice.severity for notice in warnings] == ["warning"] * refused
    if refused:
        assert f"{size - present} of {size}" in warnings[0].text


def test_a_refusal_ends_when_the_share_does() -> None:
    """Enough of them report: the refusal is over, and who is still missing is asked for."""
    kit = large_phase(25, 4)
    kit.sweep()
    kit.take("phase3", _json(kit.message("job_04")))
    kit.sweeps(4)
    assert [notice.resolved for notice in kit.notices("repair_refused")] == [False, True]
    assert len(rerun_requests(kit)) == 1


# inferred completions


@pytest.fixture
def silent() -> HandlersKit:
    """A night in which everybody came but the player summary, whose table was empty when the run was opened."""
    kit = HandlersKit().ordinary()
    kit.change(rows={TABLE[PGS]: {DAY: 0}})
    kit.sweep()
    kit.finish(*(name for name in PHASE3 if name != PGS), records=200)
    return kit


def rows(kit: HandlersKit, count: int, processor: str = PGS) -> None:
    kit.change(rows={TABLE[processor]: {DAY: count}})


def outcome(kit: HandlersKit, processor: str = PGS) -> Outcome | None:
    completion = kit.completion(processor)
    return None if completion is None or completion.latest is None else completion.latest.outcome


def test_a_silent_required_processor_is_taken_by_its_output(silent: HandlersKit) -> None:
    """From 08:30 on, not a second before: counted, triggered by the same sweep, one warning that names it."""
    rows(silent, 203)
    at(silent, 8, 29, 59)
    silent.sweep()
    assert outcome(silent) is None
    silent.wait(SECOND)
    silent.sweep()
    assert outcome(silent) is Outcome.INFERRED
    assert silent.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert rerun_requests(silent) == []
    silent.sweeps(30)
    [warning] = silent.notices("silent")
    assert (warning.severity, PGS in warning.text) == ("warning", True)


@pytest.mark.parametrize(("count", "taken"), [(0, False), (69, False), (70, True)])
def test_the_floor_holds_for_what_is_inferred(silent: HandlersKit, count: int, taken: bool) -> None:
    """Ten rows for each of seven games, or it is not done."""
    rows(silent, count)
    at(silent, 8, 30)
    silent.sweeps(2)
    assert (outcome(silent) is Outcome.INFERRED) is taken


def test_one_row_is_the_least_where_there_is_no_floor() -> None:
    """A processor without a floor needs a row, and one that was not there before."""
    for count, taken in ((0, False), (1, True)):
        kit = HandlersKit().ordinary()
        table = POLICY.phases["phase4"].processors["ml_feature_store"].table
        kit.change(rows={table: {DAY: 0}})
        kit.sweep()
        kit.finish(*(n for n in POLICY.phases["phase4"].processors if n != "ml_feature_store"))
        kit.change(rows={table: {DAY: count}})
        at(kit, 10, 30)
        kit.sweeps(1)
        assert (outcome(kit, "ml_feature_store") is Outcome.INFERRED) is taken


@pytest.mark.parametrize(("before", "now", "taken"), [(203, 203, False), (203, 204, True), (70, 69, False)])
def test_rows_that_were_there_before_prove_nothing(before: int, now: int, taken: bool) -> None:
    """More rows than when the run was opened, else it is yesterday's table that is looked at."""
    kit = HandlersKit().ordinary()
    rows(kit, before)
    kit.sweep()
    kit.finish(*(name for name in PHASE3 if name != PGS), records=200)
    rows(kit, now)
    at(kit, 8, 30)
    kit.sweeps(2)
    assert (outcome(kit) is Outcome.INFERRED) is taken


def test_a_baseline_that_could_not_be_read_infers_nothing() -> None:
    """The warehouse is away while the run opens: the baseline is what is there when it can be read."""
    kit = HandlersKit().ordinary()
    kit.fail("warehouse", lasts=timedelta(minutes=5))
    kit.sweep()
    kit.finish(*(name for name in PHASE3 if name != PGS), records=200)
    kit.sweeps(7)
    at(kit, 8, 30)
    kit.sweeps(3)
    assert outcome(kit) is None
    rows(kit, 2000)
    # A rerun was asked for at 08:31: until it would be over nobody is silent.
    kit.wait(COOLDOWN)
    kit.sweeps(2)
    assert outcome(kit) is Outcome.INFERRED


@pytest.mark.parametrize(("age", "taken"), [(timedelta(hours=2) - SECOND, False), (timedelta(hours=2), True)])
def test_a_start_stands_for_two_hours(silent: HandlersKit, age: timedelta, taken: bool) -> None:
    """A `started` younger than 2 h is no silence; one of 2 h and more is."""
    rows(silent, 203)
    silent.clock.instant = local(silent, 9) - age
    silent.deliver(PGS, "started")
    at(silent, 9)
    silent.sweep()
    assert (outcome(silent) is Outcome.INFERRED) is taken


@pytest.mark.parametrize("status", ["failed", "no_data", "partial"])
def test_who_has_reported_is_not_silent(silent: HandlersKit, status: str) -> None:
    """A report of any outcome is what its processor says; the table does not speak for it."""
    silent.deliver(PGS, status, records=3 if status == "partial" else None)
    rows(silent, 203)
    at(silent, 8, 30)
    silent.sweeps(5)
    assert outcome(silent) is Outcome(status)


def test_an_optional_processor_is_never_inferred() -> None:
    """Its table full, itself silent: absent."""
    kit = HandlersKit().ordinary()
    rows(kit, 0, TDGS)
    kit.sweep()
    kit.finish(UPGC, records=200)
    rows(kit, 200, TDGS)
    at(kit, 8, 30)
    kit.sweeps(5)
    assert kit.completion(TDGS) is None


def test_nothing_is_inferred_in_backfill() -> None:
    """Not there, and not of a live run's silence either."""
    kit = HandlersKit().ordinary()
    rows(kit, 0)
    kit.finish(UPGC, records=200, backfill_mode=True)
    kit.sweep()
    rows(kit, 203)
    at(kit, 8, 30)
    kit.sweeps(5)
    assert kit.completion(PGS, lane(NIGHT)) is None


def test_nothing_is_inferred_after_the_working_day(silent: HandlersKit) -> None:
    """Rows that come the next day are somebody's repair."""
    silent.wait(timedelta(days=1))
    rows(silent, 203)
    at(silent, 8, 30)
    silent.sweeps(3)
    assert outcome(silent) is None


def test_a_report_that_comes_after_all_stands(silent: HandlersKit) -> None:
    """The real report replaces the inferred one; after the trigger it is no growth and no second trigger."""
    rows(silent, 203)
    at(silent, 8, 30)
    silent.sweep()
    silent.wait()
    silent.deliver(PGS, records=203)
    assert outcome(silent) is Outcome.SUCCESS
    assert silent.trigger_ids == [NIGHT.trigger_id(TO4, 1)]


# stalled claims


def test_a_stalled_claim_is_taken_over_by_the_sweep() -> None:
    """Whoever claimed is gone: at the end of the lease the sweep dispatches, under the same id, as attempt 2."""
    kit = HandlersKit().ordinary()
    kit.finish(*PHASE3[:-1], records=200)
    kit.effects.fate = (len(kit.effects.done) + 1, Fate.DIES_AFTER)
    with pytest.raises(Crash):
        kit.deliver(PHASE3[-1], records=200)
    assert kit.state(TO4).state is State.CLAIMED
    kit.ctx = kit.instance()
    kit.sweeps(1)
    assert kit.published == []
    kit.sweeps(1)
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert kit.published[0].body["attempt"] == 2


# two at once, and how it answers


@pytest.mark.parametrize("seed", range(4))
def test_of_two_sweeps_at_once_the_second_does_nothing(seed: int) -> None:
    """In any interleaving: one repairs, the other answers 200 that one is under way (behaviour T7)."""
    kit = HandlersKit(seed=seed).ordinary()
    kit.finish(UPGC, TDGS, records=200)
    at(kit, 8, 30)
    answers: list[tuple[list[dict[str, object]], int]] = []

    def sweeper() -> None:
        answers.append(handle_sweep(kit.instance(), SweepOptions()))

    kit.at_once(sweeper, sweeper)
    assert [status for _, status in answers] == [200, 200]
    skipped = [findings for findings, _ in answers if findings and findings[0]["result"] == "skipped"]
    assert len(skipped) == 1
    assert len(rerun_requests(kit)) == 1


def test_a_sweep_that_died_is_followed_by_the_next_minutes(kit: HandlersKit) -> None:
    """Its lock is a lease of under a minute: at most one sweep is lost."""
    kit.effects.fate = (len(kit.effects.done) + 1, Fate.DIES_BEFORE)
    kit.wait()
    with pytest.raises(Crash):
        kit.sweep()
    kit.ctx = kit.instance()
    answers = kit.sweeps(1)
    assert [finding["detail"] for finding in answers[0].findings] != ["another sweep is under way"]


def test_a_dry_run_changes_nothing_and_says_what_would_be(kit: HandlersKit) -> None:
    """No write but the lock's, no call, no notice; a finding for each transition of each run."""
    at(kit, 8, 30)
    before = kit.contents("runs") | kit.contents("alerts")
    answer = kit.sweep(SweepOptions(dry_run=True))
    assert answer.status == 200
    assert {finding["result"] for finding in answer.findings} == {"dry_run"}
    assert {finding["what"] for finding in answer.findings} == set(POLICY.transitions)
    assert kit.contents("runs") | kit.contents("alerts") == before
    assert [rerun_requests(kit), kit.published, kit.notices()] == [[], [], []]


def test_a_dry_run_of_what_is_ready_does_not_trigger_it(kit: HandlersKit) -> None:
    """It reads what a decision needs, says Trigger, and leaves it to the next sweep."""
    kit.change(readings={"game_coverage": 10.0})
    kit.deliver(PGS, records=203)
    kit.wait(timedelta(minutes=16))
    kit.change(readings={"game_coverage": 100.0})
    answer = kit.sweep(SweepOptions(dry_run=True))
    [finding] = answer.about(TO4)
    assert finding["detail"].startswith("Trigger")
    assert kit.published == []


def test_only_the_date_and_mode_asked_for_are_looked_at() -> None:
    """Of three runs the one that is wished; what is not looked at keeps its alerts."""
    kit = HandlersKit().ordinary().ordinary(DAY + timedelta(days=1))
    today = RunKey("nba", DAY + timedelta(days=1), "same_day")
    kit.change(readings={"game_coverage": 10.0})
    for name in PHASE3:
        kit.deliver(name, records=200)
    kit.deliver(UPGC, records=200, mode="same_day", game_date=str(today.day))
    kit.wait(timedelta(minutes=3))
    kit.sweep(SweepOptions(day=DAY))
    assert kit.state(TO4, today).generation == 0
    kit.change(readings={"game_coverage": 100.0})
    for _ in range(3):
        kit.wait()
        kit.sweep(SweepOptions(mode="same_day"))
    assert kit.state(TO4, today).generation == 1
    assert kit.state(TO4).generation == 0
    assert [notice.resolved for notice in kit.notices("gate")] == [False]
    kit.sweeps(1)
    assert kit.state(TO4).generation == 1


def test_force_repairs_whatever_was_tried_before(kit: HandlersKit) -> None:
    """Attempts used up and cooling: a forced sweep calls all the same; a phase at work it still leaves alone."""
    at(kit, 8, 30)
    kit.sweeps(120)
    assert len(rerun_requests(kit)) == 2
    kit.services.answers["analytics"] = Response(500, "")
    for calls in (3, 4):
        kit.sweep(SweepOptions(force=True))
        assert len(rerun_requests(kit)) == calls
    kit.deliver(PGS, "started")
    kit.sweep(SweepOptions(force=True))
    assert len(rerun_requests(kit)) == 4


WISHES: dict[bytes, SweepOptions] = {
    b"": SweepOptions(),
    b" \n": SweepOptions(),
    b"{}": SweepOptions(),
    b'{"date": "2026-01-21", "mode": "overnight", "dry_run": true, "force": true}': SweepOptions(
        DAY, "overnight", True, True
    ),
    b'{"date": null, "mode": null}': SweepOptions(),
    b'{"dry_run": false}': SweepOptions(),
}
WRONGS: dict[bytes, str] = {
    b'{"dry_run": "true"}': "dry_run",
    b'{"dry_run": 1}': "dry_run",
    b'{"dry_run": null}': "dry_run",
    b'{"force": "no"}': "force",
    b'{"dry_run": true,}': "JSON",
    b"{'dry_run': true}": "JSON",
    b"dry_run=true": "JSON",
    b"{": "JSON",
    b"[]": "object",
    b"null": "object",
    b'{"dryrun": true}': "dryrun",
    b'{"dry-run": true}': "dry-run",
    b'{"DRY_RUN": true}': "DRY_RUN",
    b'{"dry_run": true, "dry_run": false}': "twice",
    b'{"date": "TODAY"}': "date",
    b'{"date": ""}': "date",
    b'{"date": "20260121"}': "date",
    b'{"date": "2026-02-30"}': "date",
    b'{"date": "0001-01-01"}': "reach",
    b'{"date": 20260121}': "date",
    b'{"mode": 7}': "mode",
    b'{"mode": "over night"}': "mode",
    b"\xff\xfe": "JSON",
    b"[" * 100_000: "JSON",
}


def call(data: bytes = b"", query: tuple[tuple[str, str], ...] = (), path: str = "/") -> Call:
    return Call(path, query, data)


@pytest.mark.parametrize("body", WISHES, ids=lambda body: body[:30].decode(errors="replace"))
def test_a_body_that_is_understood_is_honoured(body: bytes) -> None:
    """A date, a mode, looking only, or forcing; nothing of it asks for all."""
    assert parse_options(POLICY, call(body)) == WISHES[body]


@pytest.mark.parametrize("body", WRONGS, ids=lambda body: body[:30].decode(errors="replace"))
def test_a_body_a_little_off_does_nothing(kit: HandlersKit, body: bytes) -> None:
    """400 with what is wrong and a hint: a mistyped dry run must not be a real one."""
    kit.deliver(PGS, records=203)
    kit.wait(timedelta(minutes=16))
    refused, status = answered(kit.ctx, call(body))
    assert status == 400
    assert isinstance(refused, dict)
    assert WRONGS[body] in refused["error"]
    assert refused["hint"]
    assert kit.state(TO4).state is State.WAITING
    assert kit.logged("sweep.refused")
    assert answered(kit.ctx, call())[1] == 200
    assert kit.state(TO4).state is State.DISPATCHED


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (call(query=(("dry_run", "true"),)), 400),
        (call(b"{}", query=(("date", "2026-01-21"),)), 400),
        (call(path="/dry_run"), 404),
        (call(path="/sweep"), 404),
    ],
)
def test_what_is_asked_beside_the_body_is_refused(kit: HandlersKit, asked: Call, status: int) -> None:
    """A parameter of the query or another path is not read, so it is not obeyed by a full sweep either."""
    kit.deliver(PGS, records=203)
    kit.wait(timedelta(minutes=16))
    assert answered(kit.ctx, asked)[1] == status
    assert kit.state(TO4).state is State.WAITING


# the time limit


def test_the_oldest_goes_first_and_the_rest_keeps_its_alerts() -> None:
    """A sweep that runs out of time has looked at the oldest run, says 207, and ends no alert of the others."""
    before = RunKey("nba", DAY - timedelta(days=1), "overnight")
    kit = HandlersKit().ordinary().ordinary(before.day)
    kit.change(readings={"game_coverage": 10.0})
    for day in (DAY, before.day):
        for name in PHASE3:
            kit.deliver(name, records=200, game_date=str(day))
    kit.sweep()
    assert len(kit.notices("gate")) == 2
    kit.change(readings={"game_coverage": 100.0})
    kit.wait()
    answer = kit.sweep(ctx=kit.with_ports(http=Slow(kit)))
    assert answer.status == 207
    assert [finding["run"] for finding in answer.about("sweep")] == [NIGHT.id]
    assert (kit.state(TO4, before).generation, kit.state(TO4).generation) == (1, 0)
    kit.sweeps(4)
    assert kit.state(TO4).generation == 1
    assert len(kit.notices("gate", resolved=True)) == 2


class Slow:
    """Services that take the whole of a sweep's time to say that they are ready."""

    def __init__(self, kit: HandlersKit) -> None:
        self._kit = kit

    def request(self, method: str, url: str, body: object, timeout: timedelta) -> Response:
        self._kit.clock.sleep(TIME_LIMIT)
        return Response(200, '{"status": "ready"}')


def test_what_a_sweep_sends_is_in_its_answer(kit: HandlersKit) -> None:
    """A trigger by its id and reason: done, 200. One that failed or was rejected: failed, with why, 207."""
    kit.deliver(PGS, records=203)
    kit.fail("bus", lasts=timedelta(minutes=17))
    kit.wait(timedelta(minutes=16))
    failed = kit.sweep()
    assert failed.status == 207
    assert "bus" in failed.about("trigger")[0]["detail"]
    kit.wait()
    done = kit.sweep()
    assert done.status == 200
    assert [finding["detail"] for finding in done.about("trigger")] == [f"{NIGHT.trigger_id(TO4, 1)} by tier_1"]
    assert kit.sweeps(1)[0].about("trigger") == []
    kit.services.answers["prediction_coordinator"] = Response(422, "no such batch")
    kit.change(rows={POLICY.phases["phase4"].processors["ml_feature_store"].table: {DAY: 0}})
    kit.finish(*POLICY.phases["phase4"].processors)
    kit.ordinary()
    rejected = kit.sweeps(2)
    assert [answer.status for answer in rejected] == [207, 200]
    assert "422" in rejected[0].about("trigger")[0]["detail"]


def test_two_runs_are_repaired_by_one_sweep() -> None:
    """Two modes of one morning, each with its own attempts."""
    today = DAY + timedelta(days=1)
    kit = HandlersKit().ordinary().ordinary(today)
    kit.change(games={today: GameCount(scheduled=7)})
    kit.deliver(UPGC, records=200)
    kit.deliver("upcoming_team_game_context", mode="same_day", game_date=str(today))
    kit.deliver(UPGC, "failed", mode="same_day", game_date=str(today))
    at(kit, 11, 30)
    kit.sweep()
    assert {call.body["mode"] for call in rerun_requests(kit)} == {"overnight", "same_day"}
