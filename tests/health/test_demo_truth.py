"""What page and reports say of the demo's nights is what happened in them: against the recorded times written out
here, and against the documents and rows that the nights left, read without any of our own code."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
import yaml

from shared.app.sweep.handler import handle_sweep
from shared.app.sweep.sweep import SweepOptions
from shared.app.validation.validate import check_all
from shared.cli import main as orch
from shared.core.validation.checks import Status, Target
from shared.entrypoints.validation import checks
from shared.simulation.demo.nights import Night, load
from tests.health.demo_nights import PLAYED, as_left, named, play
from tests.health.scenario_states import ask
from tests.health.spoken import Days, Stand
from tests.policy_files import NBA

pytestmark = [pytest.mark.xdist_group("demo-nights"), pytest.mark.slow]
NEW_YORK = ZoneInfo("America/New_York")
RAW: dict[str, Any] = yaml.safe_load(NBA.read_text())
MODES = {"overnight": -1, "same_day": 0, "tomorrow": 1}
# Four of five without a required one: held at four hours, released by its arrival after that.
HELD = Night("held", "20 January 2026: held at four hours", "incidents/B8_no_tier_without_the_pair.yaml", ())
HELD_UNTIL = datetime(2026, 1, 20, 16, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Happened:
    """A trigger as the night's people remember it: local times, the tier, who was missing."""

    night: str
    run: str
    transition: str
    local: str
    note: str
    missing: str = ""


REMEMBERED = [
    Happened("one-processor", "nba/2025-12-29/same_day", "phase3_to_phase4", "2025-12-29 10:36", "tier 1",
             "upcoming_team_game_context"),
    Happened("one-record", "nba/2026-01-18/tomorrow", "phase3_to_phase4", "2026-01-17 18:07", "tier 1",
             "upcoming_team_game_context"),
    Happened("two-runs", "nba/2026-01-21/same_day", "phase3_to_phase4", "2026-01-21 10:36", "tier 1",
             "upcoming_team_game_context"),
    Happened("two-runs", "nba/2026-01-21/overnight", "phase3_to_phase4", "2026-01-22 06:11", "all complete"),
    Happened("tier-two", "nba/2026-01-19/overnight", "phase4_to_phase5", "2026-01-20 08:02", "tier 2",
             "player_composite_factors"),
    Happened("whole", "nba/2026-01-24/overnight", "phase2_to_phase3", "2026-01-25 05:47", "all complete"),
    Happened("whole", "nba/2026-01-24/overnight", "phase3_to_phase4", "2026-01-25 06:04", "all complete"),
    Happened("whole", "nba/2026-01-24/overnight", "phase4_to_phase5", "2026-01-25 06:32", "all complete"),
    Happened("whole", "nba/2026-01-24/overnight", "phase5_to_phase6", "2026-01-25 06:51", "all complete"),
]  # fmt: skip


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `bin/demo` leaves."""
    folder = tmp_path_factory.mktemp("demo")
    play(folder)
    return folder


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a night leaves that is stopped while a transition is held."""
    folder = tmp_path_factory.mktemp("held")
    whole = load(HELD)
    events = tuple(event for event in whole.events if event.at < HELD_UNTIL)
    play(folder, [(HELD, replace(whole, end=HELD_UNTIL, events=events, expect=()))])
    return folder


def documents(folder: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(folder / "state.db")) as connection:
        return {path: json.loads(data) for path, data in connection.execute("SELECT path, data FROM documents")}


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(duckdb.connect(folder / "warehouse.duckdb", read_only=True)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def runs(folder: Path, day: str | None = None) -> Iterator[tuple[str, str, str]]:
    """Yield path, date and mode of every run document."""
    for path in documents(folder):
        parts = path.split("/")
        if parts[0] == "runs" and len(parts) == 2:
            _, on, mode = parts[1].split("~")
            if day in (None, on):
                yield path, on, mode


def moment(kept: Any) -> datetime | None:
    return None if kept is None else datetime.fromisoformat(kept["$at"])


def shown(at: datetime) -> str:
    return f"{at.astimezone(NEW_YORK):%a %H:%M}"


def due(transition: str, on: str, mode: str) -> datetime | None:
    """Return a transition's due time of a run, from the policy's file alone."""
    expects = RAW["transitions"][transition]["expects"]
    due_times = {**expects.get("any_mode", {}), **expects.get(mode, {})}.get("due")
    if due_times is None:
        return None
    worked_on = date.fromisoformat(on) - timedelta(days=MODES[mode])
    return datetime.combine(worked_on, time.fromisoformat(due_times["warning"]), NEW_YORK)


def reason(word: str) -> str:
    return "all complete" if word == "complete" else word.replace("_", " ")


def agree(cell: Stand, kept: dict[str, Any] | None, limit: datetime | None, now: datetime, *, passed: bool) -> None:
    """Compare a cell with the transition's document: triggered at, tier, degraded, late, held."""
    carried = None if kept is None else kept["carried"]
    at = None if kept is None else moment(kept["triggered_at"])
    assert (carried is None) == (at is None) == (cell.at == "" or cell.word == "held")
    late = [note for note in cell.notes if note.startswith("late by ")]
    if kept is not None and carried is not None and at is not None:
        assert cell.word == kept["state"]
        assert datetime.fromisoformat(cell.at) == at.replace(microsecond=0)
        assert cell.time == shown(at)
        assert cell.notes[0] == reason(carried["reason"])
        missing = [note for note in cell.notes if note.startswith("degraded: ")]
        assert missing == ([f"degraded: without {', '.join(carried['missing'])}"] if carried["missing"] else [])
        assert bool(late) == (limit is not None and at >= limit)
    elif kept is not None and kept["state"] == "held":
        since = moment(kept["held_since"])
        assert since is not None
        assert (cell.word, cell.time) == ("held", shown(since))
        assert bool(late) == (limit is not None and now >= limit)
    elif passed:
        assert cell.word == "overtaken"
    else:
        assert cell.word == ("late" if limit is not None and now >= limit else "waiting")
        assert bool(late) == (cell.word == "late")


@pytest.mark.parametrize("trigger", REMEMBERED, ids=lambda trigger: f"{trigger.run}-{trigger.transition}")
def test_the_page_says_what_is_remembered(demo_folder: Path, trigger: Happened) -> None:
    """Each trigger of the recorded nights: to the minute, by its tier, and without whom."""
    with as_left(demo_folder, named(trigger.night)) as ctx:
        page = Days(ask("/").text)
        text = orch.run(["report", trigger.run.split("/")[1]], ctx)[1]
    _, day, mode = trigger.run.split("/")
    cell = page.of(day, mode.replace("_", " ")).cells[trigger.transition]
    local = datetime.fromisoformat(trigger.local).replace(tzinfo=NEW_YORK)
    assert datetime.fromisoformat(cell.at).replace(second=0) == local
    assert (cell.word, cell.notes[0]) == ("confirmed", trigger.note)
    assert [note for note in cell.notes if "degraded" in note] == (
        [f"degraded: without {trigger.missing}"] if trigger.missing else []
    )
    [line] = [line for line in text.splitlines() if f"as {trigger.run}/{trigger.transition}/1" in line]
    assert f"{local:%H:%M}" in line
    assert ("degraded: without" in line) == bool(trigger.missing)


@pytest.mark.parametrize("night", PLAYED, ids=lambda night: night.name)
def test_every_cell_is_what_stands_in_the_state(demo_folder: Path, night: Night) -> None:
    """All runs of the page's days, transition by transition, and no run that is not there."""
    with as_left(demo_folder, night) as ctx:
        page, now = Days(ask("/").text), ctx.ports.clock.now()
    kept, listed = documents(demo_folder), {row.day for row in page.passes}
    looked_at = 0
    for path, on, mode in runs(demo_folder):
        if on not in listed:
            continue
        row = page.of(on, mode.replace("_", " "))
        assert row.link == f"?run=nba/{on}/{mode}"
        states = [kept.get(f"{path}/transitions/{name}") for name in RAW["transitions"]]
        for place, name in enumerate(RAW["transitions"]):
            passed = any(state is not None and state["carried"] is not None for state in states[place + 1 :])
            agree(row.cells[name], states[place], due(name, on, mode), now, passed=passed)
            looked_at += 1
    assert looked_at >= 4
    there = {(on, mode) for _, on, mode in runs(demo_folder)}
    assert {(row.day, row.name.replace(" ", "_")) for row in page.passes if row.link} == {
        key for key in there if key[0] in listed
    }


@pytest.mark.parametrize("night", PLAYED, ids=lambda night: night.name)
def test_a_day_without_a_run_says_why(demo_folder: Path, night: Night) -> None:
    """No games by the schedule: nothing was expected. Games, and its time has come: no run was opened."""
    games = {str(day): count for day, count in rows(
        demo_folder, "SELECT game_date, COUNT(*) FROM nba_raw.v_nbac_schedule_latest GROUP BY 1"
    )}  # fmt: skip
    with as_left(demo_folder, night):
        page = Days(ask("/").text)
    for row in page.passes:
        if row.link:
            continue
        if games.get(row.day, 0) == 0:
            assert row.outcome == "nothing expected: no games", row
        else:
            assert row.outcome.startswith(("no run was opened", "opens ")), row


@pytest.mark.parametrize("night", PLAYED, ids=lambda night: night.name)
def test_the_open_alerts_are_those_that_stand(demo_folder: Path, night: Night) -> None:
    """Each alert whose condition holds is on the page with its first line; none that is over."""
    standing = [
        data["text"].splitlines()[0] for path, data in documents(demo_folder).items()
        if path.startswith("alerts/") and (data["standing"] or data["unsent"])
    ]  # fmt: skip
    with as_left(demo_folder, night):
        html, report = ask("/").text.replace("<wbr>", ""), ask("/report?send=false").json
    assert f"Open alerts ({len(standing)})" in html
    assert all(text in html for text in standing)
    assert sorted(alert["text"] for alert in report["alerts_open"]) == sorted(standing)


@pytest.mark.parametrize("night", PLAYED, ids=lambda night: night.name)
def test_the_daily_report_is_what_stands_in_the_state(demo_folder: Path, night: Night) -> None:
    """Every run of yesterday and today: time, reason, who was missing, and when those came at last."""
    kept = documents(demo_folder)
    with as_left(demo_folder, night):
        report = ask("/report?send=false").json
    looked_at = 0
    for run in report["runs"]:
        path = f"runs/{run['run'].replace('/', '~')}"
        assert (run["opened_at"] is not None) == (path in kept)
        for transition in run["transitions"]:
            state = kept.get(f"{path}/transitions/{transition['transition']}")
            carried = None if state is None else state["carried"]
            at = None if state is None else moment(state["triggered_at"])
            triggered_at = (
                None if transition["triggered_at"] is None else datetime.fromisoformat(transition["triggered_at"])
            )
            assert triggered_at == (None if at is None else at.replace(microsecond=0))
            assert transition["degraded"] == bool(carried and carried["missing"])
            if carried is None:
                continue
            looked_at += 1
            assert (transition["reason"], transition["missing"]) == (carried["reason"], carried["missing"])
            after = RAW["transitions"][transition["transition"]]["after"]
            for late in transition["late"]:
                came = kept.get(f"{path}/completions/{after}.{late['processor']}")
                first = None if came is None or came["good"] is None else moment(came["good"]["received_at"])
                assert late["at"] == (
                    None if first is None else first.astimezone(NEW_YORK).isoformat(timespec="seconds")
                )
    assert looked_at >= 1


def test_page_and_record_tell_the_same_triggers(demo_folder: Path) -> None:
    """The rows of the record: run, transition, reason, who was missing, and the moment, each exactly once."""
    recorded = {
        (run, transition, reason, missing or "", at.replace(microsecond=0))
        for run, transition, reason, missing, at in rows(
            demo_folder,
            "SELECT run_id, transition, reason, missing, triggered_at FROM nba_orchestration.phase_execution_log "
            "WHERE decision = 'trigger'",
        )
    }
    triggers = set()
    for night in PLAYED:
        with as_left(demo_folder, night):
            page = Days(ask("/").text)
        for row in page.passes:
            for name, cell in row.cells.items():
                if cell.at:
                    why = "complete" if cell.notes[0] == "all complete" else cell.notes[0].replace(" ", "_")
                    missing = next((n.removeprefix("degraded: without ") for n in cell.notes if "degraded" in n), "")
                    run = f"nba/{row.day}/{row.name.replace(' ', '_')}"
                    triggers.add((run, name, why, missing, datetime.fromisoformat(cell.at)))
    assert triggers == recorded
    assert len(recorded) == len(REMEMBERED)


def test_the_checks_see_the_sweeps_of_the_last_night(demo_folder: Path) -> None:
    """The sweep ran to the end of the night, and no transition of it stands still: both are judged, not skipped."""
    with as_left(demo_folder, named("whole")) as ctx:
        # Who plays a night lets the minutes pass in which nothing is due, the quarter-hourly look too.
        handle_sweep(ctx, SweepOptions())
        validation, now = checks(ctx), ctx.ports.clock.now()
        target = Target(validation.schedules["post_overnight"], date(2026, 1, 24), now, NEW_YORK)
        results = check_all(ctx, (validation.checks["sweep_alive"], validation.checks["runs_opened"]), target, None)
    assert [result.status for result in results] == [Status.PASS, Status.PASS], [result.message for result in results]
    assert "since the last sweep" in results[0].message


def test_a_held_transition_is_seen_held_since_its_deadline(held: Path) -> None:
    """07:02 and four hours: held since 11:02, late by its due time of 10:30, with the alert that was sent for it."""
    with as_left(held, HELD) as ctx:
        html, now = ask("/").text, ctx.ports.clock.now()
        report = ask("/report?send=false").json
    cell = Days(html).of("2026-01-19", "overnight").cells["phase4_to_phase5"]
    assert (cell.word, cell.time) == ("held", "Tue 11:02")
    assert "late by 1 h: due 10:30 EST" in cell.notes
    kept = documents(held)["runs/nba~2026-01-19~overnight/transitions/phase4_to_phase5"]
    agree(cell, kept, due("phase4_to_phase5", "2026-01-19", "overnight"), now, passed=False)
    [run] = [run for run in report["runs"] if run["run"] == "nba/2026-01-19/overnight"]
    [transition] = [transition for transition in run["transitions"] if transition["transition"] == "phase4_to_phase5"]
    assert (transition["word"], transition["triggered_at"], transition["missing"]) == (
        "held",
        None,
        ["player_daily_cache"],
    )
    [alert] = [alert for alert in report["alerts_open"] if "held" in alert["text"]]
    assert alert["severity"] == "critical"
    assert "player_daily_cache" in alert["text"]
