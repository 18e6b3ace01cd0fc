"""Pausing through the command line, and nights with a pause in them (behaviour T8)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest

from shared.app.reporting.daily import summary
from shared.app.reporting.health import DeploymentInfo as Health
from shared.app.reporting.overview import overview
from shared.core.alerting.kinds import AlertKind
from shared.core.model import Outcome, State
from shared.core.policy.policy import PlannedPause
from shared.simulation.scenario import Health as Fitness
from tests.app.handlers_kit import HandlersKit
from tests.app.test_self_heal import at, local
from tests.core.build import DAY, NIGHT, PGS, PHASE3, POLICY, SAME_DAY, T0, TO3, TO4, TO5, UPGC

BY = ("--reason", "between rounds", "--by", "ada")
ON = (str(DAY), "--mode", "overnight")
DAYS = timedelta(days=1)
PHASE4 = ("player_daily_cache", "ml_feature_store", "team_defense_zone_analysis", "player_shot_zone_analysis",
          "player_composite_factors")  # fmt: skip


@pytest.fixture
def house() -> HandlersKit:
    return HandlersKit().ordinary()


def paused(house: HandlersKit, *more: str) -> str:
    status, said = house.orch("pause", *BY, *more)
    assert status == 0, said
    return said


def recorded(house: HandlersKit) -> list[tuple[str, str, str, str]]:
    """Return what the record keeps of pauses: what, why, mode and transition, in order."""
    house.sweeps(1)
    rows = sorted(
        house.audit.tables.get("phase_execution_log", {}).values(), key=lambda row: str(row["execution_timestamp"])
    )
    return [
        (row["decision"], row["reason"], row["mode"], row["transition"]) for row in rows if "pause" in row["decision"]
    ]


# nights


def test_nothing_leaves_inside_and_what_is_ready_goes_at_its_end(house: HandlersKit) -> None:
    """All of phase 3 reports inside the pause: recorded, nothing sent, nothing asked; one sweep after it, all of it."""
    paused(house, "--until", "09:00")
    house.finish(*PHASE3, records=200)
    at(house, 8, 59)
    house.sweep()
    assert house.published == []
    assert house.services.asked["precompute"] == 0
    assert all(house.completion(name) is not None for name in PHASE3)
    assert house.state(TO4).state is State.WAITING
    at(house, 9)
    house.sweep()
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)]


def test_a_report_alone_is_enough_at_the_end(house: HandlersKit) -> None:
    """No sweep has run since the pause was over: the next delivery decides by the pauses as they stand now."""
    paused(house, "--until", "09:00")
    house.finish(*PHASE3[:-1], records=200)
    at(house, 9)
    house.deliver(PHASE3[-1], records=200)
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)]


def test_a_report_inside_a_pause_triggers_nothing_before_any_sweep_has_seen_it(house: HandlersKit) -> None:
    """The pause was begun a second ago; the handler of a message knows of it as the sweep does."""
    house.finish(*PHASE3[:-1], records=200)
    paused(house)
    house.deliver(PHASE3[-1], records=200)
    assert house.published == []


def test_the_sweep_opens_no_run_inside_a_pause(house: HandlersKit) -> None:
    """The other modes open as ever; the paused one does when the pause is over."""
    house.change(games={DAY + DAYS: 5})
    paused(house, "--mode", "same_day", "--until", "12:00")
    at(house, 11)
    house.sweep()
    opened = {document["key"]["mode"] for document in house.documents("runs")}
    assert opened == {"overnight"}
    at(house, 12)
    house.sweep()
    opened = {document["key"]["mode"] for document in house.documents("runs")}
    assert opened == {"overnight", "same_day"}


def test_nobody_is_told_what_is_due_and_nothing_is_repaired(house: HandlersKit) -> None:
    """From before the due times to after them: one info that it begins, and silence; the services are not called."""
    paused(house, "--until", "11:00")
    house.deliver(UPGC, records=200)
    for hour, minute in ((6, 31), (7, 31), (8, 31), (9, 1), (10, 31)):
        at(house, hour, minute)
        house.sweeps(2)
    assert [notice.kind for notice in house.notices()] == [AlertKind.PAUSED]
    assert house.services.calls == []
    at(house, 11)
    house.sweeps(2)
    assert {AlertKind.PAUSE_ENDED, AlertKind.DUE_WARNING} <= {notice.kind for notice in house.notices()}
    assert [call.path for call in house.reruns] != []


def test_a_paused_start_silences_what_comes_after_it(house: HandlersKit) -> None:
    """Only phase 3's start is paused: phases 4 to 6 cannot come, nobody is told, nobody is asked to run again."""
    paused(house, "--transition", TO3, "--until", "13:00")
    for hour in (7, 9, 11, 12):
        at(house, hour, 31)
        house.sweeps(2)
    assert [notice.kind for notice in house.notices()] == [AlertKind.PAUSED]
    assert house.services.calls == []


def test_what_a_paused_transition_waits_for_is_neither_asked_for_nor_inferred(house: HandlersKit) -> None:
    """Only phase 4's start is paused: at its due time phase 3 is left alone, after the pause it is inferred."""
    table = POLICY.phases["phase3"].processors[PGS].table
    assert table is not None
    house.change(rows={table: {DAY: 0}})
    house.sweep()
    paused(house, "--transition", TO4, "--until", "09:00")
    house.finish(UPGC, *PHASE3[2:4], records=200)
    house.change(rows={table: {DAY: 203}})
    at(house, 8, 31)
    house.sweeps(3)
    assert house.reruns == []
    assert house.completion(PGS) is None
    at(house, 9)
    house.sweeps(2)
    inferred = house.completion(PGS)
    assert inferred is not None
    assert inferred.latest is not None
    assert inferred.latest.outcome is Outcome.INFERRED
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)]


def test_an_alert_that_stands_is_not_over_by_a_pause(house: HandlersKit) -> None:
    """A due alert and an unfit service, then a pause: no recovery is sent, and no repetition; at its end they hold."""
    house.health("precompute", Fitness.DOWN)
    at(house, 10, 1)
    house.finish(*PHASE3, records=200)
    house.sweeps(7)
    before = [notice.kind for notice in house.notices()]
    assert {AlertKind.PREFLIGHT, AlertKind.DUE_CRITICAL} <= set(before)
    paused(house, "--transition", TO4)
    house.sweeps(3)
    house.wait(26 * timedelta(hours=1))
    house.sweeps(3)
    after = [notice for notice in house.notices()[len(before) :] if f"{NIGHT.id} {TO4}:" in notice.text]
    assert [(one.kind, one.resolved) for one in after] == []
    house.health("precompute", Fitness.HEALTHY)
    house.orch("pause", "--end")
    house.sweeps(3)
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert AlertKind.PREFLIGHT in {notice.kind for notice in house.notices(resolved=True)}


def test_an_operator_triggers_through_a_pause(house: HandlersKit) -> None:
    """And what it started is confirmed inside it."""
    paused(house)
    status, said = house.orch("trigger", TO4, *ON, *BY)
    assert status == 0, said
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    house.deliver("player_composite_factors", "started")
    assert house.state(TO4).state is State.CONFIRMED


def test_a_dispatch_nobody_took_up_is_repeated_after_the_pause(house: HandlersKit) -> None:
    """Sent at 06:00 and unconfirmed, paused from 06:10 to 09:00: sent again at 09:00, under the same id."""
    house.finish(*PHASE3, records=200)
    at(house, 6, 10)
    paused(house, "--until", "09:00")
    sent = len(house.published)
    house.sweeps(100)
    assert len(house.published) == sent
    at(house, 9)
    house.sweep()
    assert len(house.published) == 2 * sent
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)] * 2


# who is told, and what is kept


def test_begin_week_and_end_are_told_once_each(house: HandlersKit) -> None:
    """15 days, a sweep every hour: begin, two reminders, end; all info, none of them a recovery."""
    paused(house, "--until", str(date(2026, 2, 6)))
    for _ in range(15 * 24):
        house.wait(timedelta(hours=1))
        house.sweep()
    about = [notice for notice in house.notices() if notice.kind.startswith("pause")]
    assert [one.kind for one in about] == ["paused", "pause_goes_on", "pause_goes_on", "pause_ended"]
    assert {one.severity for one in about} == {"info"}
    assert not any(one.resolved for one in about)
    assert all("between rounds" in one.text for one in about)


def test_who_and_why_stand_in_the_record(house: HandlersKit) -> None:
    """Begin and end, each once, with scope, person and reason; also while the record was away."""
    house.fail("record", lasts=timedelta(minutes=5))
    paused(house, "--mode", "overnight")
    house.sweeps(3)
    assert "phase_execution_log" not in house.audit.tables
    house.sweeps(10)
    house.orch("pause", "--end", "--mode", "overnight", "--reason", "play", "--by", "bob")
    assert recorded(house) == [
        ("operator_pause", "between rounds (by ada)", "overnight", ""),
        ("operator_pause_end", "play (by bob)", "overnight", ""),
    ]
    house.sweeps(3)
    assert len(recorded(house)) == 2


def test_a_planned_pause_begins_by_itself_and_can_be_ended() -> None:
    """Nobody does anything: told, recorded, in force; `--end` ends it, and the policy does not bring it back."""
    policy = replace(POLICY, pauses=(PlannedPause(DAY + DAYS, DAY + 30 * DAYS, "off-season"),))
    house = HandlersKit(policy=policy).ordinary()
    house.finish(*PHASE3, records=200)
    house.sweep()
    assert house.published == []
    assert [notice.kind for notice in house.notices()] == [AlertKind.PAUSED]
    assert "by the policy" in house.texts(AlertKind.PAUSED)[0]
    status, said = house.orch("pause", "--end", *BY)
    assert status == 0, said
    house.sweep()
    assert house.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert [what for what, *_ in recorded(house)] == ["pause", "operator_pause_end"]


# the command


def test_the_list_shows_what_stands_what_is_over_and_what_comes(house: HandlersKit) -> None:
    house.ctx = house.instance(
        policy=replace(POLICY, pauses=(PlannedPause(date(2026, 7, 1), date(2026, 10, 1), "off-season"),))
    )
    paused(house, "--transition", TO5)
    paused(house, "--mode", "tomorrow")
    house.orch("pause", "--end", "p1")
    status, said = house.orch("pause", "--list")
    assert status == 0
    lines = said.splitlines()
    assert [line.split("  ")[:3] for line in lines[:3]] == [
        ["p1", "over", TO5],
        ["p2", "in force", "mode tomorrow"],
        ["policy-2026-07-01-2026-10-01", "to come", "everything"],
    ]
    status, said = house.orch("pause", "--list", "--json", "--mode", "tomorrow")
    [one] = json.loads(said)["items"]
    assert (one["id"], one["state"], one["by"], one["reason"]) == ("p2", "in force", "ada", "between rounds")
    assert one["begins_at"] == T0.isoformat()


def test_a_dry_run_says_what_would_be_and_changes_nothing(house: HandlersKit) -> None:
    status, said = house.orch("pause", *BY, "--dry-run")
    assert status == 0
    assert "would create pauses/nba" in said
    assert "would tell people, info" in said
    assert house.contents() == {}
    assert house.sink.taken == []
    paused(house)
    before = house.contents()
    status, said = house.orch("pause", "--end", "--dry-run")
    assert status == 0
    assert "would change pauses/nba" in said
    assert house.contents() == before


REFUSED = {
    "no reason": (("pause",), 2, "--reason"),
    "an empty reason": (("pause", "--reason", " "), 2, "--reason"),
    "an unknown mode": (("pause", *BY, "--mode", "tonight"), 2, "unknown mode 'tonight'"),
    "an unknown transition": (("pause", *BY, "--transition", "phase4"), 2, "unknown transition 'phase4'"),
    "no time": (("pause", *BY, "--until", "soon"), 2, "not a time"),
    "an impossible date": (("pause", *BY, "--until", "2026-02-30"), 2, "not a time"),
    "a time that is over": (("pause", *BY, "--until", "2026-01-01"), 2, "is over"),
    "begin and end": (("pause", "--end", "--until", "09:00"), 2, "--until"),
    "end and list": (("pause", "--end", "--list"), 2, "contradict"),
    "an id to begin": (("pause", "p1", *BY), 2, "--end"),
    "json of a begin": (("pause", *BY, "--json"), 2, "--list"),
    "the end of nothing": (("pause", "--end"), 3, "nothing is paused"),
    "the end of a stranger": (("pause", "--end", "p7"), 3, "there is no pause 'p7'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_is_said_and_not_done(case: str, house: HandlersKit) -> None:
    """With what is wrong, a hint and an exit status of its own; nothing is written and nobody told."""
    argv, status, said = REFUSED[case]
    ended, printed = house.orch(*argv)
    assert (ended, said in printed) == (status, True), printed
    assert house.contents() == {}
    assert house.sink.taken == []


def test_one_scope_is_paused_once_and_the_end_wants_to_be_clear(house: HandlersKit) -> None:
    """A second pause of the same scope, an end that may mean either of two, an end twice: refused, exit 4."""
    paused(house, "--mode", "overnight")
    paused(house, "--mode", "tomorrow")
    status, said = house.orch("pause", *BY, "--mode", "overnight")
    assert (status, "--end p1" in said) == (4, True), said
    status, said = house.orch("pause", "--end")
    assert (status, "p1" in said and "p2" in said) == (4, True), said
    assert house.orch("pause", "--end", "--mode", "tomorrow")[0] == 0
    status, said = house.orch("pause", "--end", "p2")
    assert (status, "over since" in said) == (4, True), said
    assert house.orch("pause", "--end")[0] == 0


@pytest.mark.parametrize(
    ("text", "hour", "days"),
    [
        ("2026-01-25", 0, 3),
        ("2026-01-25 09:30", 9.5, 3),
        ("2026-01-25T14:30Z", 9.5, 3),
        ("09:30", 9.5, 0),
        ("05:00", 5, 1),
    ],
)
def test_until_is_read_as_people_write_it(text: str, hour: float, days: int, house: HandlersKit) -> None:
    """A date is its first instant, local; a time alone the next one: at 06:00 05:00 is tomorrow's."""
    paused(house, "--until", text)
    [pause] = house.documents("pauses")[0]["pauses"]
    midnight = local(house, 0) + days * DAYS
    assert pause["ends_at"] == midnight + timedelta(hours=hour)


def test_two_who_pause_at_once_are_both_heard(house: HandlersKit) -> None:
    """Neither begin takes the other's away, whatever order their reads and writes come in."""
    house.at_once(
        lambda: house.orch("pause", *BY, "--mode", "tomorrow"),
        lambda: house.orch("pause", *BY, "--mode", "overnight"),
    )
    [book] = house.documents("pauses")
    assert {one["mode"] for one in book["pauses"]} == {"tomorrow", "overnight"}
    assert {one["id"] for one in book["pauses"]} == {"p1", "p2"}


# where people look


def test_page_and_report_say_what_is_paused(house: HandlersKit) -> None:
    """The days show `paused` instead of `late`, a run that was not opened says why, and the report begins with it."""
    house.change(games={DAY + DAYS: 5})
    house.deliver(UPGC, records=200)
    paused(house, "--until", "2026-01-23")
    at(house, 10, 30)
    house.sweep()
    shown = overview(house.ctx, [DAY, DAY + DAYS], None)
    rows = {row.key: row for row in shown.rows}
    assert {cell.word for cell in rows[NIGHT].cells} == {"paused"}
    assert "by ada: between rounds" in rows[NIGHT].cells[0].notes[0]
    assert rows[replace(SAME_DAY, day=DAY + DAYS)].said.startswith("not opened: paused since")
    made = summary(house.ctx, Health("nba_orchestration"))
    assert len(made["pauses"]) == 1
    assert "Pause: everything is paused since 2026-01-22 06:00 EST" in made["text"]
    assert "late by" not in made["text"]
    house.orch("pause", "--end")
    house.sweep()
    shown = overview(house.ctx, [DAY], None)
    assert "paused" not in {cell.word for row in shown.rows for cell in row.cells}
    assert summary(house.ctx, Health("nba_orchestration"))["pauses"] == []


def test_the_command_that_the_alert_prints_ends_the_pause(house: HandlersKit) -> None:
    """What stands behind `To do` is pasted as it is."""
    paused(house)
    [text] = house.texts(AlertKind.PAUSED)
    command = text.rpartition("To do: to end it: bin/orch ")[2]
    assert house.orch(*command.split())[0] == 0
    assert [one["ended_at"] is not None for one in house.documents("pauses")[0]["pauses"]] == [True]
