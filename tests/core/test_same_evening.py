"""What is published on the evening of its own date: whose it is, and how its run begins (behaviour R11)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.config.policy_file import load_policy
from shared.core.alerting.conditions import conditions
from shared.core.alerting.kinds import AlertKind
from shared.core.calendar import clock_from, final_since
from shared.core.decision.completeness import Status
from shared.core.decision.decisions import Wait
from shared.core.decision.explain import explain
from shared.core.decision.gates import Readings
from shared.core.decision.readiness import NotReady, Ready, readiness
from shared.core.decision.snapshot import DecisionInput
from shared.core.errors import PolicyError
from shared.core.message import Delivery, Received, parse
from shared.core.model import Lane, Outcome, Run, RunKey, Units
from shared.core.policy.names import Names
from shared.core.policy.policy import Policy
from tests.core.build import PGS, PHASE3, SECOND, TDGS, UPGC, report, snapshot

REFERENCE = Path(__file__).parents[1] / "pipeline" / "nba.yaml"
OVERLAY = {"modes": {"overnight": {"same_evening_from": "21:30"}}}
POLICY = load_policy(REFERENCE, OVERLAY)
PLAIN = load_policy(REFERENCE)
DAY = date(2026, 1, 21)
NIGHT = RunKey("nba", DAY, "overnight")


def local(hours: int, minutes: int = 0, seconds: int = 0, *, days: int = 0) -> datetime:
    """Return a local time of DAY, or so many days later."""
    there = datetime(2026, 1, 21, hours, minutes, seconds, tzinfo=POLICY.zone)
    return (there + timedelta(days=days)).astimezone(UTC)


def key_of(
    processor: str,
    published: datetime,
    phase: str = "phase3",
    policy: Policy = POLICY,
    received: datetime | None = None,
    **more: object,
) -> RunKey:
    body = {"processor_name": processor, "game_date": DAY.isoformat(), "status": "success", **more}
    delivery = Delivery("m-1", phase, json.dumps(body).encode(), published, received or published)
    message = parse(delivery, policy, Names(policy))
    assert isinstance(message, Received)
    return message.key


@pytest.mark.parametrize(
    ("processor", "published", "mode"),
    [
        # Only overnight waits for it: whatever the clock of its own day shows.
        ("player_game_summary", local(0), "overnight"),
        ("player_game_summary", local(21, 29, 59), "overnight"),
        ("player_game_summary", local(23, 59, 59), "overnight"),
        ("player_game_summary", local(0, days=1), "overnight"),
        # On another day than its own the date decides, as for all.
        ("player_game_summary", local(23, 59, 59, days=-1), "tomorrow"),
        # Several wait for it: today's until half past nine to the second, the night's from then on.
        ("upcoming_team_game_context", local(23, 59, 59, days=-1), "tomorrow"),
        ("upcoming_team_game_context", local(0), "same_day"),
        ("upcoming_team_game_context", local(21, 29, 59), "same_day"),
        ("upcoming_team_game_context", local(21, 30), "overnight"),
        ("upcoming_team_game_context", local(23, 59, 59), "overnight"),
        ("upcoming_team_game_context", local(0, days=1), "overnight"),
    ],
)
def test_whose_a_report_of_the_evening_is(processor: str, published: datetime, mode: str) -> None:
    """R11: the mode that alone expects it; of several the one of the smallest offset, from its own time on."""
    assert key_of(processor, published) == replace(NIGHT, mode=mode)


@pytest.mark.parametrize(
    ("published", "mode"), [(local(21, 29, 59), "same_day"), (local(21, 30), "overnight")], ids=["before", "from"]
)
def test_a_last_phase_is_expected_by_all_who_start_it(published: datetime, mode: str) -> None:
    """R11: nothing waits for the export, and the three modes start it."""
    assert key_of("phase6_export", published, "phase6").mode == mode


def test_a_last_phase_that_one_mode_starts_is_that_modes() -> None:
    """R11: whatever the clock, for no other mode's transition starts it."""
    policy = load_policy(REFERENCE)
    last = policy.transitions["phase5_to_phase6"]
    kept = replace(last, expects={"overnight": last.expects["overnight"]})
    policy = replace(policy, transitions={**policy.transitions, last.name: kept})
    assert key_of("phase6_export", local(12), "phase6", policy).mode == "overnight"


def test_without_an_evening_the_date_decides_between_several() -> None:
    """R4: a policy that names no such time keeps today's reports for today until midnight."""
    assert key_of("upcoming_team_game_context", local(23, 59, 59), policy=PLAIN).mode == "same_day"


def test_what_nobody_expects_goes_by_the_date() -> None:
    """R4: a processor that no transition names is of the mode of its date, on the evening too."""
    assert key_of("p2_bdl_box_scores", local(22), "phase2").mode == "same_day"


def test_a_message_that_names_its_mode_is_believed() -> None:
    """R4: the message's own word comes first; the lane stands beside it."""
    assert key_of("player_game_summary", local(22), mode="same_day").mode == "same_day"
    assert key_of("player_game_summary", local(12), backfill_mode=True) == replace(NIGHT, lane=Lane.BACKFILL)


NAMES = [(p.name, phase.name) for phase in POLICY.phases.values() for p in phase.processors.values()]


@given(
    who=st.sampled_from(NAMES),
    published=st.integers(0, 3 * 86400).map(lambda seconds: local(0, days=-1) + timedelta(seconds=seconds)),
    late=st.timedeltas(timedelta(0), timedelta(days=7)),
)
def test_a_redelivery_finds_the_same_run(who: tuple[str, str], published: datetime, late: timedelta) -> None:
    """R11: message and policy decide, never the time at which a delivery arrives."""
    name, phase = who
    assert key_of(name, published, phase, received=published + late) == key_of(name, published, phase)


@given(published=st.integers(0, 86399).map(lambda seconds: local(0) + timedelta(seconds=seconds)))
def test_of_the_day_itself_each_processor_goes_where_the_policy_says(published: datetime) -> None:
    """R11, said once more from the policy's sets: one mode that expects it, or the evening, or today."""
    for name, phase in NAMES:
        waiting = [t for t in POLICY.transitions.values() if phase in t.after]
        modes = {mode for t in waiting for mode, expectation in t.expects.items() if name in expectation.expected}
        if not waiting:
            modes = {mode for t in POLICY.transitions.values() if t.starts == phase for mode in t.expects}
        evening = published.astimezone(POLICY.zone).time() >= time(21, 30)
        several = "overnight" if evening and "overnight" in modes else "same_day"
        assert key_of(name, published, phase).mode == (modes.pop() if len(modes) == 1 else several)


OPENS = local(5, days=1)
EARLY = local(23, 35)
SHORT = 30
GAMES, UNDER_WAY = Units(4, 4), Units(4, 3)


def test_the_clock_of_an_early_run_begins_when_it_opens() -> None:
    """R11: tiers and deadline run from the later of the first report and `opens_at`, else from the report."""
    assert clock_from(NIGHT, EARLY, POLICY) == OPENS
    assert clock_from(NIGHT, OPENS - SECOND, POLICY) == OPENS
    assert clock_from(NIGHT, OPENS + SECOND, POLICY) == OPENS + SECOND
    assert clock_from(NIGHT, EARLY, PLAIN) == EARLY
    assert clock_from(replace(NIGHT, mode="same_day"), EARLY, POLICY) == EARLY


def reported(
    *names: str, units: Units = GAMES, policy: Policy = POLICY, final_at: datetime | None = None
) -> DecisionInput:
    """Return the night's second transition once these have reported at 23:35, more than enough."""
    whole = [report(name, records=90, ended=EARLY) for name in names]
    decision_input = snapshot(*whole, policy=policy, final_at=final_at)
    return replace(decision_input, key=NIGHT, units=units)


FOUR = [name for name in PHASE3 if name != TDGS]


@pytest.mark.parametrize(
    ("now", "ready"),
    [
        (OPENS - SECOND, None),
        (OPENS + timedelta(minutes=15) - SECOND, None),
        (OPENS + timedelta(minutes=15), "tier_1"),
    ],
)
def test_before_it_opens_only_completeness_triggers(now: datetime, ready: str | None) -> None:
    """R11: four of five at 23:35 wait for the first tier of the morning, five go at once."""
    four = reported(*FOUR)
    at = readiness(four, four.seen, now)
    if ready is None:
        assert isinstance(at, NotReady)
        assert at.next_at == OPENS + timedelta(minutes=15)
    else:
        assert isinstance(at, Ready)
        assert at.reason == ready
    five = reported(*PHASE3)
    assert readiness(five, five.seen, EARLY) == Ready("complete")


def test_the_deadline_of_an_early_run_is_counted_from_its_opening() -> None:
    """R11: what a person is shown is what is decided by."""
    four = reported(*FOUR)
    shown = {moment["name"]: moment["at"] for moment in explain(four, Wait("waits"), EARLY).evidence["times"]}
    assert shown["deadline"] == (OPENS + timedelta(hours=2)).isoformat()
    assert shown["tier_1"] == (OPENS + timedelta(minutes=15)).isoformat()


def word(units: Units, final_at: datetime | None, received: datetime, policy: Policy = POLICY) -> Status:
    decision_input = snapshot(report(PGS, records=SHORT, ended=received), policy=policy, final_at=final_at)
    return replace(decision_input, key=NIGHT, units=units).seen.statuses[PGS].status


def test_a_short_report_before_the_units_are_final_is_early() -> None:
    """R11: 30 of 40 records while a game is on are not yet all; from the end of the last game on they are too few."""
    ended = local(22, 50)
    assert word(UNDER_WAY, None, ended) is Status.NOT_YET
    assert word(GAMES, ended, ended - SECOND) is Status.NOT_YET
    assert word(GAMES, ended, ended) is Status.UNDER_MINIMUM
    assert word(GAMES, None, ended) is Status.UNDER_MINIMUM
    assert word(UNDER_WAY, None, ended, PLAIN) is Status.UNDER_MINIMUM
    assert word(Units(None, None), None, ended) is Status.DONE


@pytest.mark.parametrize(("units", "counts"), [(UNDER_WAY, False), (GAMES, True)], ids=["under way", "final"])
def test_a_table_vouches_for_a_short_report_once_the_units_are_final(units: Units, counts: bool) -> None:
    """R11: a gate may have read the table already; while games are on it vouches for nobody, and starts no clock."""
    table = POLICY.phases["phase3"].processors[PGS].table or ""
    decision_input = snapshot(
        report(PGS, records=SHORT, ended=EARLY), policy=POLICY, readings=Readings(rows={table: 90})
    )
    seen = replace(decision_input, key=NIGHT, units=units, final_at=EARLY + SECOND if counts else None).seen
    assert (PGS in seen.done, seen.opened_at is not None) == (counts, counts)
    assert seen.statuses[PGS].counter_missing is counts


@pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.SKIPPED])
def test_a_report_of_nothing_is_early_while_the_units_are_under_way(outcome: Outcome) -> None:
    """R11, R12: it is said of no report of the evening that it wrote nothing, and its table is not asked."""
    phase = POLICY.phases["phase3"]
    plain = replace(phase.processors[UPGC], min_records_per_unit=None)
    phases = {**POLICY.phases, "phase3": replace(phase, processors={**phase.processors, UPGC: plain})}
    policy = replace(POLICY, phases=phases)
    decision_input = snapshot(report(UPGC, outcome, records=0, ended=EARLY), policy=policy)
    during = replace(decision_input, key=NIGHT, units=UNDER_WAY).seen.statuses[UPGC]
    assert (during.status, during.needs_rows) == (Status.NOT_YET, None)
    after = replace(decision_input, key=NIGHT, units=GAMES, final_at=EARLY + SECOND).seen.statuses[UPGC]
    assert (after.status, after.needs_rows) == (Status.NOT_YET, plain.table)
    later = replace(decision_input, key=NIGHT, units=GAMES, final_at=EARLY).seen.statuses[UPGC]
    assert (later.status, later.needs_rows) == (Status.NOTHING, plain.table)


@pytest.mark.parametrize(
    ("units", "final_at", "expected"),
    [(UNDER_WAY, None, Status.NOT_YET), (GAMES, EARLY + SECOND, Status.NOT_YET), (GAMES, EARLY, Status.UNITS_SHORT)],
    ids=["under way", "final since", "final before"],
)
def test_units_that_are_missing_on_the_evening_are_named_without_a_warning(
    units: Units, final_at: datetime | None, expected: Status
) -> None:
    """R11: three of four games at 23:35 while the fourth is on; who asks is told which, nobody is warned."""
    phase = POLICY.phases["phase3"]
    by_games = replace(phase.processors[PGS], units="game")
    phases = {**POLICY.phases, "phase3": replace(phase, processors={**phase.processors, PGS: by_games})}
    held = Readings(held={PGS: frozenset({"A@B", "C@D", "E@F"})})
    decision_input = snapshot(
        report(PGS, records=90, ended=EARLY), policy=replace(POLICY, phases=phases), readings=held
    )
    names = ("A@B", "C@D", "E@F", "G@H")
    night = replace(decision_input, key=NIGHT, units=replace(units, names=names), final_at=final_at)
    at = night.seen.statuses[PGS]
    assert at.status is expected
    assert at.shortfall is not None
    assert at.shortfall.names == ("G@H",)
    kinds = {condition.kind for condition in conditions(night, Wait("waits"), EARLY + SECOND)}
    assert (AlertKind.UNITS_SHORT in kinds) is (expected is Status.UNITS_SHORT)


def test_a_whole_report_before_the_units_are_final_counts() -> None:
    """R6: who has enough is done, whatever the calendar still shows."""
    assert reported(UPGC, units=UNDER_WAY).seen.done == {UPGC}


def test_since_when_the_units_are_final() -> None:
    """R11: since the reading that showed it first; a run that was opened with all of them final, since then."""
    opened, ended, later = local(20), local(22, 50), local(23)
    run = Run(NIGHT, opened)
    assert final_since(run, GAMES, ended) == opened
    assert final_since(run, UNDER_WAY, ended) is None
    playing = replace(run, units=UNDER_WAY)
    assert final_since(playing, GAMES, ended) == ended
    over = replace(run, units=GAMES, final_at=ended)
    assert final_since(over, GAMES, later) == ended
    assert final_since(over, Units(5, 4), later) is None
    assert final_since(run, Units(0, 0), later) is None


def test_an_evening_belongs_to_a_mode_of_the_next_days() -> None:
    """A mode that works on the date itself has nothing to reach back for: refused with its key."""
    with pytest.raises(PolicyError, match=r"modes\.same_day\.same_evening_from"):
        load_policy(REFERENCE, {"modes": {"same_day": {"same_evening_from": "21:30"}}})
