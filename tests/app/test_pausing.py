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
def kit() -> HandlersKit:
    return HandlersKit().ordinary()


def paused(kit: HandlersKit, *more: str) -> str:
    status, output = kit.orch("pause", *BY, *more)
    assert status == 0, output
    return output


def recorded(kit: HandlersKit) -> list[tuple[str, str, str, str]]:
    """Return what the record keeps of pauses: what, why, mode and transition, in order."""
    kit.sweeps(1)
    rows = sorted(
        kit.audit.tables.get("phase_execution_log", {}).values(), key=lambda row: str(row["execution_timestamp"])
    )
    return [
        (row["decision"], row["reason"], row["mode"], row["transition"]) for row in rows if "pause" in row["decision"]
    ]


# nights


def test_nothing_leaves_inside_and_what_is_ready_goes_at_its_end(kit: HandlersKit) -> None:
    """All of phase 3 reports inside the pause: recorded, nothing sent, nothing asked; one sweep after it, all of it."""
    paused(kit, "--until", "09:00")
    kit.finish(*PHASE3, records=200)
    at(kit, 8, 59)
    kit.sweep()
    assert kit.published == []
    assert kit.services.asked["precompute"] == 0
    assert all(kit.completion(name) is not None for name in PHASE3)
    assert kit.state(TO4).state is State.WAITING
    at(kit, 9)
    kit.sweep()
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]


def test_a_report_alone_is_enough_at_the_end(kit: HandlersKit) -> None:
    """No sweep has run since the pause was over: the next delivery decides by the pauses as they stand now."""
    paused(kit, "--until", "09:00")
    kit.finish(*PHASE3[:-1], records=200)
    at(kit, 9)
    kit.deliver(PHASE3[-1], records=200)
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]


def test_a_report_inside_a_pause_triggers_nothing_before_any_sweep_has_seen_it(kit: HandlersKit) -> None:
    """The pause was begun a second ago; the handler of a message knows of it as the sweep does."""
    kit.finish(*PHASE3[:-1], records=200)
    paused(kit)
    kit.deliver(PHASE3[-1], records=200)
    assert kit.published == []


def test_the_sweep_opens_no_run_inside_a_pause(kit: HandlersKit) -> None:
    """The other modes open as ever; the paused one does when the pause is over."""
    kit.change(games={DAY + DAYS: 5})
    paused(kit, "--mode", "same_day", "--until", "12:00")
    at(kit, 11)
    kit.sweep()
    opened = {document["key"]["mode"] for document in kit.documents("runs")}
    assert opened == {"overnight"}
    at(kit, 12)
    kit.sweep()
    opened = {document["key"]["mode"] for document in kit.documents("runs")}
    assert opened == {"overnight", "same_day"}


def test_nobody_is_told_what_is_due_and_nothing_is_repaired(kit: HandlersKit) -> None:
    """From before the due times to after them: one info that it begins, and silence; the services are not called."""
    paused(kit, "--until", "11:00")
    kit.deliver(UPGC, records=200)
    for hour, minute in ((6, 31), (7, 31), (8, 31), (9, 1), (10, 31)):
        at(kit, hour, minute)
        kit.sweeps(2)
    assert [notice.kind for notice in kit.notices()] == [AlertKind.PAUSED]
    assert kit.services.calls == []
    at(kit, 11)
    kit.sweeps(2)
    assert {AlertKind.PAUSE_ENDED, AlertKind.DUE_WARNING} <= {notice.kind for notice in kit.notices()}
    assert [call.path for call in kit.reruns] != []


def test_a_paused_start_silences_what_comes_after_it(kit: HandlersKit) -> None:
    """Only phase 3's start is paused: phases 4 to 6 cannot come, nobody is told, nobody is asked to run again."""
    paused(kit, "--transition", TO3, "--until", "13:00")
    for hour in (7, 9, 11, 12):
        at(kit, hour, 31)
        kit.sweeps(2)
    assert [notice.kind for notice in kit.notices()] == [AlertKind.PAUSED]
    assert kit.services.calls == []


def test_what_a_paused_transition_waits_for_is_neither_asked_for_nor_inferred(kit: HandlersKit) -> None:
    """Only phase 4's start is paused: at its due time phase 3 is left alone, after the pause it is inferred."""
    table = POLICY.phases["phase3"].processors[PGS].table
    assert table is not None
    kit.change(rows={table: {DAY: 0}})
    kit.sweep()
    paused(kit, "--transition", TO4, "--until", "09:00")
    kit.finish(UPGC, *PHASE3[2:4], records=200)
    kit.change(rows={table: {DAY: 203}})
    at(kit, 8, 31)
    kit.sweeps(3)
    assert kit.reruns == []
    assert kit.completion(PGS) is None
    at(kit, 9)
    kit.sweeps(2)
    inferred = kit.completion(PGS)
    assert inferred is not None
    assert inferred.latest is not None
    assert inferred.latest.outcome is Outcome.INFERRED
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]


def test_an_alert_that_stands_is_not_over_by_a_pause(kit: HandlersKit) -> None:
    """A due alert and an unfit service, then a pause: no recovery is sent, and no repetition; at its end they hold."""
    kit.health("precompute", Fitness.DOWN)
    at(kit, 10, 1)
    kit.finish(*PHASE3, records=200)
    kit.sweeps(7)
    before = [notice.kind for notice in kit.notices()]
    assert {AlertKind.PREFLIGHT, AlertKind.DUE_CRITICAL} <= set(before)
    paused(kit, "--transition", TO4)
    kit.sweeps(3)
    kit.wait(26 * timedelta(hours=1))
    kit.sweeps(3)
    after = [notice for notice in kit.notices()[len(before) :] if f"{NIGHT.id} {TO4}:" in notice.text]
    assert [(notice.kind, notice.resolved) for notice in after] == []
    kit.health("precompute", Fitness.HEALTHY)
    kit.orch("pause", "--end")
    kit.sweeps(3)
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert AlertKind.PREFLIGHT in {notice.kind for notice in kit.notices(resolved=True)}


def test_an_operator_triggers_through_a_pause(kit: HandlersKit) -> None:
    """And what it started is confirmed inside it."""
    paused(kit)
    status, output = kit.orch("trigger", TO4, *ON, *BY)
    assert status == 0, output
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    kit.deliver("player_composite_factors", "started")
    assert kit.state(TO4).state is State.CONFIRMED


def test_a_dispatch_nobody_took_up_is_repeated_after_the_pause(kit: HandlersKit) -> None:
    """Sent at 06:00 and unconfirmed, paused from 06:10 to 09:00: sent again at 09:00, under the same id."""
    kit.finish(*PHASE3, records=200)
    at(kit, 6, 10)
    paused(kit, "--until", "09:00")
    sent = len(kit.published)
    kit.sweeps(100)
    assert len(kit.published) == sent
    at(kit, 9)
    kit.sweep()
    assert len(kit.published) == 2 * sent
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)] * 2


# who is told, and what is kept


def test_begin_week_and_end_are_told_once_each(kit: HandlersKit) -> None:
    """15 days, a sweep every hour: begin, two reminders, end; all info, none of them a recovery."""
    paused(kit, "--until", str(date(2026, 2, 6)))
    for _ in range(15 * 24):
        kit.wait(timedelta(hours=1))
        kit.sweep()
    about = [notice for notice in kit.notices() if notice.kind.startswith("pause")]
    assert [notice.kind for notice in about] == ["paused", "pause_goes_on", "pause_goes_on", "pause_ended"]
    assert {notice.severity for notice in about} == {"info"}
    assert not any(notice.resolved for notice in about)
    assert all("between rounds" in notice.text for notice in about)


def test_who_and_why_stand_in_the_record(kit: HandlersKit) -> None:
    """Begin and end, each once, with scope, person and reason; also while the record was away."""
    kit.fail("record", lasts=timedelta(minutes=5))
    paused(kit, "--mode", "overnight")
    kit.sweeps(3)
    assert "phase_execution_log" not in kit.audit.tables
    kit.sweeps(10)
    kit.orch("pause", "--end", "--mode", "overnight", "--reason", "play", "--by", "bob")
    assert recorded(kit) == [
        ("operator_pause", "between rounds (by ada)", "overnight", ""),
        ("operator_pause_end", "play (by bob)", "overnight", ""),
    ]
    kit.sweeps(3)
    assert len(recorded(kit)) == 2


def test_a_planned_pause_begins_by_itself_and_can_be_ended() -> None:
    """Nobody does anything: told, recorded, in force; `--end` ends it, and the policy does not bring it back."""
    policy = replace(POLICY, pauses=(PlannedPause(DAY + DAYS, DAY + 30 * DAYS, "off-season"),))
    kit = HandlersKit(policy=policy).ordinary()
    kit.finish(*PHASE3, records=200)
    kit.sweep()
    assert kit.published == []
    assert [notice.kind for notice in kit.notices()] == [AlertKind.PAUSED]
    assert "by the policy" in kit.texts(AlertKind.PAUSED)[0]
    status, output = kit.orch("pause", "--end", *BY)
    assert status == 0, output
    kit.sweep()
    assert kit.trigger_ids == [NIGHT.trigger_id(TO4, 1)]
    assert [what for what, *_ in recorded(kit)] == ["pause", "operator_pause_end"]


# the command


def test_the_list_shows_what_stands_what_is_over_and_what_comes(kit: HandlersKit) -> None:
    kit.ctx = kit.instance(
        policy=replace(POLICY, pauses=(PlannedPause(date(2026, 7, 1), date(2026, 10, 1), "off-season"),))
    )
    paused(kit, "--transition", TO5)
    paused(kit, "--mode", "tomorrow")
    kit.orch("pause", "--end", "p1")
    status, output = kit.orch("pause", "--list")
    assert status == 0
    lines = output.splitlines()
    assert [line.split("  ")[:3] for line in lines[:3]] == [
        ["p1", "over", TO5],
        ["p2", "in force", "mode tomorrow"],
        ["policy-2026-07-01-2026-10-01", "to come", "everything"],
    ]
    status, output = kit.orch("pause", "--list", "--json", "--mode", "tomorrow")
    [pause] = json.loads(output)["items"]
    assert (pause["id"], pause["state"], pause["by"], pause["reason"]) == ("p2", "in force", "ada", "between rounds")
    assert pause["begins_at"] == T0.isoformat()


def test_a_dry_run_says_what_would_be_and_changes_nothing(kit: HandlersKit) -> None:
    status, output = kit.orch("pause", *BY, "--dry-run")
    assert status == 0
    assert "would create pauses/nba" in output
    assert "would tell people, info" in output
    assert kit.contents() == {}
    assert kit.sink.taken == []
    paused(kit)
    before = kit.contents()
    status, output = kit.orch("pause", "--end", "--dry-run")
    assert status == 0
    assert "would change pauses/nba" in output
    assert kit.contents() == before


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
def test_what_cannot_be_done_is_said_and_not_done(case: str, kit: HandlersKit) -> None:
    """With what is wrong, a hint and an exit status of its own; nothing is written and nobody told."""
    argv, status, text = REFUSED[case]
    ended, printed = kit.orch(*argv)
    assert (ended, text in printed) == (status, True), printed
    assert kit.contents() == {}
    assert kit.sink.taken == []


def test_one_scope_is_paused_once_and_the_end_wants_to_be_clear(kit: HandlersKit) -> None:
    """A second pause of the same scope, an end that may mean either of two, an end twice: refused, exit 4."""
    paused(kit, "--mode", "overnight")
    paused(kit, "--mode", "tomorrow")
    status, output = kit.orch("pause", *BY, "--mode", "overnight")
    assert (status, "--end p1" in output) == (4, True), output
    status, output = kit.orch("pause", "--end")
    assert (status, "p1" in output and "p2" in output) == (4, True), output
    assert kit.orch("pause", "--end", "--mode", "tomorrow")[0] == 0
    status, output = kit.orch("pause", "--end", "p2")
    assert (status, "over since" in output) == (4, True), output
    assert kit.orch("pause", "--end")[0] == 0


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
def test_until_is_read_as_people_write_it(text: str, hour: float, days: int, kit: HandlersKit) -> None:
    """A date is its first instant, local; a time alone the next one: at 06:00 05:00 is tomorrow's."""
    paused(kit, "--until", text)
    [pause] = kit.documents("pauses")[0]["pauses"]
    midnight = local(kit, 0) + days * DAYS
    assert pause["ends_at"] == midnight + timedelta(hours=hour)


def test_two_who_pause_at_once_are_both_heard(kit: HandlersKit) -> None:
    """Neither begin takes the other's away, whatever order their reads and writes come in."""
    kit.at_once(
        lambda: kit.orch("pause", *BY, "--mode", "tomorrow"),
        lambda: kit.orch("pause", *BY, "--mode", "overnight"),
    )
    [book] = kit.documents("pauses")
    assert {pause["mode"] for pause in book["pauses"]} == {"tomorrow", "overnight"}
    assert {pause["id"] for pause in book["pauses"]} == {"p1", "p2"}


# where people look


def test_page_and_report_say_what_is_paused(kit: HandlersKit) -> None:
    """The days show `paused` instead of `late`, a run that was not opened says why, and the report begins with it."""
    kit.change(games={DAY + DAYS: 5})
    kit.deliver(UPGC, records=200)
    paused(kit, "--until", "2026-01-23")
    at(kit, 10, 30)
    kit.sweep()
    shown = overview(kit.ctx, [DAY, DAY + DAYS], None)
    rows = {row.key: row for row in shown.rows}
    assert {cell.word for cell in rows[NIGHT].cells} == {"paused"}
    assert "by ada: between rounds" in rows[NIGHT].cells[0].notes[0]
    assert rows[replace(SAME_DAY, day=DAY + DAYS)].said.startswith("not opened: paused since")
    made = summary(kit.ctx, Health("nba_orchestration"))
    assert len(made["pauses"]) == 1
    assert "Pause: everything is paused since 2026-01-22 06:00 EST" in made["text"]
    assert "late by" not in made["text"]
    kit.orch("pause", "--end")
    kit.sweep()
    shown = overview(kit.ctx, [DAY], None)
    assert "paused" not in {cell.word for row in shown.rows for cell in row.cells}
    assert summary(kit.ctx, Health("nba_orchestration"))["pauses"] == []


def test_the_command_that_the_alert_prints_ends_the_pause(kit: HandlersKit) -> None:
    """What stands behind `To do` is pasted as it is."""
    paused(kit)
    [text] = kit.texts(AlertKind.PAUSED)
    command = text.rpartition("To do: to end it: bin/orch ")[2]
    assert kit.orch(*command.split())[0] == 0
    assert [pause["ended_at"] is not None for pause in kit.documents("pauses")[0]["pauses"]] == [True]
