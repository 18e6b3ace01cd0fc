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


def local(house: HandlersKit, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return house.policy.local(house.clock.instant).replace(hour=hour, minute=minute, second=second)


def asked(house: HandlersKit, phase: str = "phase3") -> list[Called]:
    """Return the reruns that were asked for of one phase."""
    return [call for call in house.reruns if call.body["phase"] == phase]


def at(house: HandlersKit, hour: int, minute: int = 0, second: int = 0) -> None:
    """Let it become this local time of the morning after."""
    house.clock.instant = local(house, hour, minute, second)


@pytest.fixture
def house() -> HandlersKit:
    """A night in which one required and two optional processors of phase 3 came at 06:00."""
    house = HandlersKit().ordinary()
    house.finish(UPGC, TDGS, "team_offense_game_summary", records=200)
    house.sweep()
    return house


# reruns


def test_who_is_missing_at_due_is_asked_for_once(house: HandlersKit) -> None:
    """Nothing a second before 08:30; then one call for all that are missing, with run, date and reason."""
    at(house, 8, 29, 59)
    house.sweep()
    assert asked(house) == []
    house.wait(SECOND)
    answer = house.sweep()
    [call] = asked(house)
    assert (call.service, call.path) == ("analytics", "/process-date-range")
    assert call.body["processors"] == [PGS, "upcoming_team_game_context"]
    assert (call.body["run_id"], call.body["game_date"], call.body["mode"]) == (NIGHT.id, DATE, "overnight")
    [finding] = answer.about("repair")
    assert (finding["result"], PGS in finding["detail"]) == ("done", True)


def test_two_attempts_a_cooldown_apart_and_no_third(house: HandlersKit) -> None:
    """08:30, half an hour later once more, and never again however long it stays missing."""
    at(house, 8, 30)
    times = []
    for _ in range(200):
        before = len(asked(house))
        house.sweep()
        times += [house.clock.now()] * (len(asked(house)) - before)
        house.wait()
    assert len(times) == 2
    assert COOLDOWN <= times[1] - times[0] <= COOLDOWN + timedelta(minutes=2)
    assert house.run().repairs["phase3"].attempts == 2


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_door_that_is_shut_costs_no_attempt(house: HandlersKit, status: int) -> None:
    """A 4xx is tried again after each cooldown, without an end; mended, both attempts are still there."""
    house.services.answers["analytics"] = Response(status, "no")
    at(house, 8, 30)
    house.sweeps(130)
    assert len(asked(house)) == 5
    assert house.run().repairs["phase3"].attempts == 0
    del house.services.answers["analytics"]
    house.sweeps(100)
    assert len(asked(house)) == 7


@pytest.mark.parametrize("answered", [Response(500, ""), Response(503, ""), Response(429, ""), REFUSED, None], ids=str)
def test_only_an_accepted_call_uses_up_an_attempt(house: HandlersKit, answered: Response | Unreached | None) -> None:
    """An outage is tried again after 1, 2, 4, 8 and then every 15 minutes, a call without an answer 15 later, each a
    failed finding and so a 207; when it is over both attempts are still there."""
    house.services.answers["analytics"] = answered
    at(house, 8, 30)
    answers = [house.sweep(), *house.sweeps(59)]
    calls = [call.at for call in asked(house)]
    waits = [round((later - before) / timedelta(minutes=1)) for before, later in pairwise(calls)]
    assert waits == ([16, 16, 16] if answered is None else [1, 2, 4, 8, 15, 15])[: len(waits)]
    assert len(waits) == (3 if answered is None else 6)
    failed = [finding for answer in answers for finding in answer.about("repair") if "phase3" in finding["detail"]]
    assert [finding["result"] for finding in failed] == ["failed"] * len(calls)
    assert 207 in [answer.status for answer in answers]
    del house.services.answers["analytics"]
    house.sweeps(120)
    assert len(asked(house)) == len(calls) + 2


def test_a_crash_after_the_call_does_not_repeat_it(house: HandlersKit) -> None:
    """That it calls is written before the call: a sweep that dies in between leaves it open, and the cooldown holds."""
    at(house, 8, 30)
    clean = HandlersKit().ordinary()
    clean.finish(UPGC, TDGS, "team_offense_game_summary", records=200)
    clean.sweep()
    at(clean, 8, 30)
    clean.sweep()
    number = next(n for n, what in enumerate(clean.effects.done) if what.startswith("analytics"))
    house.effects.fate = (number, Fate.DIES_AFTER)
    with pytest.raises(Crash):
        house.sweep()
    house.ctx = house.instance()
    house.sweeps(25)
    assert len(asked(house)) == 1


@pytest.mark.parametrize("sign", ["started", "success"])
def test_a_phase_that_runs_is_left_alone(house: HandlersKit, sign: str) -> None:
    """A `started` younger than the cooldown is a phase at work; any other newest report is not."""
    at(house, 8, 20)
    house.deliver(PGS if sign == "started" else UPGC, sign)
    at(house, 8, 30)
    house.sweeps(15)
    assert len(asked(house)) == (0 if sign == "started" else 1)
    house.sweeps(30)
    assert asked(house)


def test_nothing_confirmed_is_touched(house: HandlersKit) -> None:
    """Triggered, dispatched or confirmed: a processor that stays missing is not rerun."""
    house.wait(timedelta(minutes=40))
    house.deliver(PGS, records=203)
    assert house.state(TO4).accepted_plan is not None
    at(house, 8, 30)
    house.sweeps(60)
    assert asked(house) == []


def test_a_phase_somebody_else_started_is_not_rerun(house: HandlersKit) -> None:
    """Once the next phase reports, a repair would pull the ground from under it."""
    house.deliver("player_composite_factors", "started")
    at(house, 8, 30)
    house.sweeps(60)
    assert asked(house) == []


def test_what_an_operator_holds_is_not_repaired(house: HandlersKit) -> None:
    """On hold: no rerun; released: one."""
    house.orch("hold", TO4, DATE, "--mode", "overnight", "--reason", "source is wrong")
    at(house, 8, 30)
    house.sweeps(10)
    assert asked(house) == []
    house.orch("release", TO4, DATE, "--mode", "overnight", "--reason", "source is right")
    house.sweeps(2)
    assert len(asked(house)) == 1


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
    house = HandlersKit(policy=presuming(after)).ordinary()
    house.change(games={DAY: games})
    house.finish(UPGC, TDGS, records=200)
    at(house, 8, 30)
    house.sweep()
    assert len(asked(house)) == calls


def test_a_game_that_is_presumed_over_is_named_once() -> None:
    """One info alert names it, also while it stays so (behaviour T9)."""
    house = HandlersKit(policy=presuming(timedelta(hours=6))).ordinary()
    house.change(games={DAY: GameCount(final=6, in_progress=1)}, units={DAY: ("BOS@NYK",) * 6 + ("MIL@ORL",)})
    house.sweeps(3)
    [text] = house.texts("presumed")
    assert "game MIL@ORL" in text
    assert "presumed over" in text


def test_a_date_beyond_the_calendar_s_reach_is_left_alone() -> None:
    """Whether it had games nobody knows: it is neither empty nor repaired (behaviour T9, section 9)."""
    assert POLICY.calendar is not None
    house = HandlersKit(policy=replace(POLICY, calendar=replace(POLICY.calendar, reaches_back=timedelta(0)))).ordinary()
    at(house, 8, 30)
    house.deliver(UPGC, records=200)
    house.sweep()
    assert asked(house) == []
    assert house.run(NIGHT).units == Units(None, None)


def test_games_need_not_be_final_on_their_day() -> None:
    """`same_day` works on games that are not played yet."""
    today = DAY + timedelta(days=1)
    house = HandlersKit().ordinary().ordinary(today)
    house.change(games={today: GameCount(scheduled=7)})
    house.deliver("upcoming_team_game_context", mode="same_day", game_date=str(today))
    house.deliver(UPGC, "failed", mode="same_day", game_date=str(today))
    at(house, 11, 30)
    house.sweep()
    assert "same_day" in [call.body["mode"] for call in asked(house)]


def test_a_date_without_units_is_never_repaired(house: HandlersKit) -> None:
    """Postponed after all: nothing is missing."""
    house.change(games={DAY: GameCount(postponed=7)})
    at(house, 8, 30)
    house.sweeps(60)
    assert asked(house) == []


def test_a_night_is_repaired_until_its_run_closes(house: HandlersKit) -> None:
    """After midnight the night is still lost: it is asked for until 48 hours after its date."""
    house.wait(timedelta(days=1))
    at(house, 8, 30)
    house.sweeps(10)
    assert len([call for call in asked(house) if call.body["game_date"] == DATE]) == 1
    house.wait(timedelta(days=1))
    at(house, 8, 30)
    house.sweeps(60)
    live = [call for call in asked(house) if call.body["lane"] == "live"]
    assert len([call for call in live if call.body["game_date"] == DATE]) == 1


@pytest.mark.parametrize(("modes", "calls"), [(None, 0), (frozenset({"same_day"}), 1)])
def test_a_day_of_games_is_repaired_on_that_day_only(modes: frozenset[str] | None, calls: int) -> None:
    """What `same_day` works for is over by midnight, unless the policy says otherwise (`repairs.modes`)."""
    today = DAY + timedelta(days=1)
    house = HandlersKit(policy=replace(POLICY, repairs=replace(POLICY.repairs, modes=modes))).ordinary().ordinary(today)
    house.change(games={today: GameCount(final=7)})
    house.wait(timedelta(hours=10))
    house.deliver("upcoming_team_game_context", mode="same_day", game_date=str(today))
    house.wait(timedelta(days=1))
    house.sweep()
    assert len([call for call in asked(house) if call.body["mode"] == "same_day"]) == calls


def test_backfill_is_never_repaired() -> None:
    """A run of the backfill lane on its very working day: no call."""
    house = HandlersKit().ordinary()
    house.finish(UPGC, TDGS, records=200, backfill_mode=True)
    at(house, 8, 30)
    house.sweeps(40)
    assert [call for call in asked(house) if call.body["lane"] == "backfill"] == []


def test_a_rerun_that_works_ends_it(house: HandlersKit) -> None:
    """What the rerun brings is decided on as always: triggered, and no second call."""
    at(house, 8, 30)
    house.sweep()
    house.deliver(PGS, "started")
    house.wait(timedelta(minutes=5))
    house.deliver(PGS, records=203)
    assert house.state(TO4).state is State.DISPATCHED
    house.sweeps(60)
    assert len(asked(house)) == 1


# the detector


def crowd(size: int, present: int) -> HandlersKit:
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
    house = HandlersKit(policy=policy).ordinary()
    for name in names[:present]:
        house.take("phase3", _json(house.message(name)))
    at(house, 8, 30)
    return house


def _json(body: object) -> bytes:
    return json.dumps(body).encode()


# The share of the policy is 80 percent, of more than 20 items.
@pytest.mark.parametrize(
    ("size", "present", "refused"), [(21, 4, True), (21, 5, False), (20, 0, False), (25, 5, False), (25, 4, True)]
)
def test_a_detector_that_finds_too_much_is_wrong(size: int, present: int, refused: bool) -> None:
    """Above the share of many it refuses, with one warning; at the share, or of few, it repairs."""
    house = crowd(size, present)
    house.sweeps(3)
    assert len(asked(house)) == (0 if refused else 1)
    warnings = house.notices("repair_refused")
    assert [notice.severity for notice in warnings] == ["warning"] * refused
    if refused:
        assert f"{size - present} of {size}" in warnings[0].text


def test_a_refusal_ends_when_the_share_does() -> None:
    """Enough of them report: the refusal is over, and who is still missing is asked for."""
    house = crowd(25, 4)
    house.sweep()
    house.take("phase3", _json(house.message("job_04")))
    house.sweeps(4)
    assert [notice.resolved for notice in house.notices("repair_refused")] == [False, True]
    assert len(asked(house)) == 1


# inferred completions


@pytest.fixture
def silent() -> HandlersKit:
    """A night in which everybody came but the player summary, whose table was empty when the run was opened."""
    house = HandlersKit().ordinary()
    house.change(rows={TABLE[PGS]: {DAY: 0}})
    house.sweep()
    house.finish(*(name for name in PHASE3 if name != PGS), records=200)
    return house


def rows(house: HandlersKit, count: int, processor: str = PGS) -> None:
    house.change(rows={TABLE[processor]: {DAY: count}})


def outcome(house: HandlersKit, processor: str = PGS) -> Outcome | None:
    known = house.completion(processor)
    return None if known is None or known.latest is None else known.latest.outcome


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
    assert asked(silent) == []
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
        house = HandlersKit().ordinary()
        table = POLICY.phases["phase4"].processors["ml_feature_store"].table
        house.change(rows={table: {DAY: 0}})
        house.sweep()
        house.finish(*(n for n in POLICY.phases["phase4"].processors if n != "ml_feature_store"))
        house.change(rows={table: {DAY: count}})
        at(house, 10, 30)
        house.sweeps(1)
        assert (outcome(house, "ml_feature_store") is Outcome.INFERRED) is taken


@pytest.mark.parametrize(("before", "now", "taken"), [(203, 203, False), (203, 204, True), (70, 69, False)])
def test_rows_that_were_there_before_prove_nothing(before: int, now: int, taken: bool) -> None:
    """More rows than when the run was opened, else it is yesterday's table that is looked at."""
    house = HandlersKit().ordinary()
    rows(house, before)
    house.sweep()
    house.finish(*(name for name in PHASE3 if name != PGS), records=200)
    rows(house, now)
    at(house, 8, 30)
    house.sweeps(2)
    assert (outcome(house) is Outcome.INFERRED) is taken


def test_a_baseline_that_could_not_be_read_infers_nothing() -> None:
    """The warehouse is away while the run opens: the baseline is what is there when it can be read."""
    house = HandlersKit().ordinary()
    house.fail("warehouse", lasts=timedelta(minutes=5))
    house.sweep()
    house.finish(*(name for name in PHASE3 if name != PGS), records=200)
    house.sweeps(7)
    at(house, 8, 30)
    house.sweeps(3)
    assert outcome(house) is None
    rows(house, 2000)
    # A rerun was asked for at 08:31: until it would be over nobody is silent.
    house.wait(COOLDOWN)
    house.sweeps(2)
    assert outcome(house) is Outcome.INFERRED


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
    house = HandlersKit().ordinary()
    rows(house, 0, TDGS)
    house.sweep()
    house.finish(UPGC, records=200)
    rows(house, 200, TDGS)
    at(house, 8, 30)
    house.sweeps(5)
    assert house.completion(TDGS) is None


def test_nothing_is_inferred_in_backfill() -> None:
    """Not there, and not of a live run's silence either."""
    house = HandlersKit().ordinary()
    rows(house, 0)
    house.finish(UPGC, records=200, backfill_mode=True)
    house.sweep()
    rows(house, 203)
    at(house, 8, 30)
    house.sweeps(5)
    assert house.completion(PGS, lane(NIGHT)) is None


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
    house = HandlersKit().ordinary()
    house.finish(*PHASE3[:-1], records=200)
    house.effects.fate = (len(house.effects.done) + 1, Fate.DIES_AFTER)
    with pytest.raises(Crash):
        house.deliver(PHASE3[-1], records=200)
    assert house.state(TO4).state is State.CLAIMED
    house.ctx = house.instance()
    house.sweeps(1)
    assert house.published == []
    house.sweeps(1)
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert house.published[0].body["attempt"] == 2


# two at once, and how it answers


@pytest.mark.parametrize("seed", range(4))
def test_of_two_sweeps_at_once_the_second_does_nothing(seed: int) -> None:
    """In any interleaving: one repairs, the other answers 200 that one is under way (behaviour T7)."""
    house = HandlersKit(seed=seed).ordinary()
    house.finish(UPGC, TDGS, records=200)
    at(house, 8, 30)
    answers: list[tuple[list[dict[str, object]], int]] = []

    def sweeper() -> None:
        answers.append(handle_sweep(house.instance(), SweepOptions()))

    house.at_once(sweeper, sweeper)
    assert [status for _, status in answers] == [200, 200]
    skipped = [found for found, _ in answers if found and found[0]["result"] == "skipped"]
    assert len(skipped) == 1
    assert len(asked(house)) == 1


def test_a_sweep_that_died_is_followed_by_the_next_minutes(house: HandlersKit) -> None:
    """Its lock is a lease of under a minute: at most one sweep is lost."""
    house.effects.fate = (len(house.effects.done) + 1, Fate.DIES_BEFORE)
    house.wait()
    with pytest.raises(Crash):
        house.sweep()
    house.ctx = house.instance()
    answers = house.sweeps(1)
    assert [finding["detail"] for finding in answers[0].findings] != ["another sweep is under way"]


def test_a_dry_run_changes_nothing_and_says_what_would_be(house: HandlersKit) -> None:
    """No write but the lock's, no call, no notice; a finding for each transition of each run."""
    at(house, 8, 30)
    before = house.contents("runs") | house.contents("alerts")
    answer = house.sweep(SweepOptions(dry_run=True))
    assert answer.status == 200
    assert {finding["result"] for finding in answer.findings} == {"dry_run"}
    assert {finding["what"] for finding in answer.findings} == set(POLICY.transitions)
    assert house.contents("runs") | house.contents("alerts") == before
    assert [asked(house), house.published, house.notices()] == [[], [], []]


def test_a_dry_run_of_what_is_ready_does_not_trigger_it(house: HandlersKit) -> None:
    """It reads what a decision needs, says Trigger, and leaves it to the next sweep."""
    house.change(readings={"game_coverage": 10.0})
    house.deliver(PGS, records=203)
    house.wait(timedelta(minutes=16))
    house.change(readings={"game_coverage": 100.0})
    answer = house.sweep(SweepOptions(dry_run=True))
    [finding] = answer.about(TO4)
    assert finding["detail"].startswith("Trigger")
    assert house.published == []


def test_only_the_date_and_mode_asked_for_are_looked_at() -> None:
    """Of three runs the one that is wished; what is not looked at keeps its alerts."""
    house = HandlersKit().ordinary().ordinary(DAY + timedelta(days=1))
    today = RunKey("nba", DAY + timedelta(days=1), "same_day")
    house.change(readings={"game_coverage": 10.0})
    for name in PHASE3:
        house.deliver(name, records=200)
    house.deliver(UPGC, records=200, mode="same_day", game_date=str(today.day))
    house.wait(timedelta(minutes=3))
    house.sweep(SweepOptions(day=DAY))
    assert house.state(TO4, today).generation == 0
    house.change(readings={"game_coverage": 100.0})
    for _ in range(3):
        house.wait()
        house.sweep(SweepOptions(mode="same_day"))
    assert house.state(TO4, today).generation == 1
    assert house.state(TO4).generation == 0
    assert [notice.resolved for notice in house.notices("gate")] == [False]
    house.sweeps(1)
    assert house.state(TO4).generation == 1


def test_force_repairs_whatever_was_tried_before(house: HandlersKit) -> None:
    """Attempts used up and cooling: a forced sweep calls all the same; a phase at work it still leaves alone."""
    at(house, 8, 30)
    house.sweeps(120)
    assert len(asked(house)) == 2
    house.services.answers["analytics"] = Response(500, "")
    for calls in (3, 4):
        house.sweep(SweepOptions(force=True))
        assert len(asked(house)) == calls
    house.deliver(PGS, "started")
    house.sweep(SweepOptions(force=True))
    assert len(asked(house)) == 4


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
def test_a_body_a_little_off_does_nothing(house: HandlersKit, body: bytes) -> None:
    """400 with what is wrong and a hint: a mistyped dry run must not be a real one."""
    house.deliver(PGS, records=203)
    house.wait(timedelta(minutes=16))
    refused, status = answered(house.ctx, call(body))
    assert status == 400
    assert isinstance(refused, dict)
    assert WRONGS[body] in refused["error"]
    assert refused["hint"]
    assert house.state(TO4).state is State.WAITING
    assert house.logged("sweep.refused")
    assert answered(house.ctx, call())[1] == 200
    assert house.state(TO4).state is State.DISPATCHED


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (call(query=(("dry_run", "true"),)), 400),
        (call(b"{}", query=(("date", "2026-01-21"),)), 400),
        (call(path="/dry_run"), 404),
        (call(path="/sweep"), 404),
    ],
)
def test_what_is_asked_beside_the_body_is_refused(house: HandlersKit, asked: Call, status: int) -> None:
    """A parameter of the query or another path is not read, so it is not obeyed by a full sweep either."""
    house.deliver(PGS, records=203)
    house.wait(timedelta(minutes=16))
    assert answered(house.ctx, asked)[1] == status
    assert house.state(TO4).state is State.WAITING


# the time limit


def test_the_oldest_goes_first_and_the_rest_keeps_its_alerts() -> None:
    """A sweep that runs out of time has looked at the oldest run, says 207, and ends no alert of the others."""
    before = RunKey("nba", DAY - timedelta(days=1), "overnight")
    house = HandlersKit().ordinary().ordinary(before.day)
    house.change(readings={"game_coverage": 10.0})
    for day in (DAY, before.day):
        for name in PHASE3:
            house.deliver(name, records=200, game_date=str(day))
    house.sweep()
    assert len(house.notices("gate")) == 2
    house.change(readings={"game_coverage": 100.0})
    house.wait()
    answer = house.sweep(ctx=house.with_ports(http=Slow(house)))
    assert answer.status == 207
    assert [finding["run"] for finding in answer.about("sweep")] == [NIGHT.id]
    assert (house.state(TO4, before).generation, house.state(TO4).generation) == (1, 0)
    house.sweeps(4)
    assert house.state(TO4).generation == 1
    assert len(house.notices("gate", resolved=True)) == 2


class Slow:
    """Services that take the whole of a sweep's time to say that they are ready."""

    def __init__(self, house: HandlersKit) -> None:
        self._house = house

    def request(self, method: str, url: str, body: object, timeout: timedelta) -> Response:
        self._house.clock.sleep(TIME_LIMIT)
        return Response(200, '{"status": "ready"}')


def test_what_a_sweep_sends_is_in_its_answer(house: HandlersKit) -> None:
    """A trigger by its id and reason: done, 200. One that failed or was rejected: failed, with why, 207."""
    house.deliver(PGS, records=203)
    house.fail("bus", lasts=timedelta(minutes=17))
    house.wait(timedelta(minutes=16))
    failed = house.sweep()
    assert failed.status == 207
    assert "bus" in failed.about("trigger")[0]["detail"]
    house.wait()
    done = house.sweep()
    assert done.status == 200
    assert [finding["detail"] for finding in done.about("trigger")] == [f"{NIGHT.trigger_id(TO4, 1)} by tier_1"]
    assert house.sweeps(1)[0].about("trigger") == []
    house.services.answers["prediction_coordinator"] = Response(422, "no such batch")
    house.change(rows={POLICY.phases["phase4"].processors["ml_feature_store"].table: {DAY: 0}})
    house.finish(*POLICY.phases["phase4"].processors)
    house.ordinary()
    rejected = house.sweeps(2)
    assert [answer.status for answer in rejected] == [207, 200]
    assert "422" in rejected[0].about("trigger")[0]["detail"]


def test_two_runs_are_repaired_by_one_sweep() -> None:
    """Two modes of one morning, each with its own attempts."""
    today = DAY + timedelta(days=1)
    house = HandlersKit().ordinary().ordinary(today)
    house.change(games={today: GameCount(scheduled=7)})
    house.deliver(UPGC, records=200)
    house.deliver("upcoming_team_game_context", mode="same_day", game_date=str(today))
    house.deliver(UPGC, "failed", mode="same_day", game_date=str(today))
    at(house, 11, 30)
    house.sweep()
    assert {call.body["mode"] for call in asked(house)} == {"overnight", "same_day"}
