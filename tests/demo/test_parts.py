"""The parts of the demo: its clock, its scheduler, its tables, its servers and its judgement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from shared.adapters.local.accelerated_clock import AcceleratedClock, FileClock, clock_of
from shared.adapters.local.duckdb import DuckDbAuditLog, DuckDbWarehouse
from shared.adapters.local.sqlite import SqliteStore
from shared.core.errors import PolicyError, Unavailable
from shared.core.model import Units
from shared.ports import CalendarRef, TableRef
from shared.simulation.demo.fixtures import Fixtures
from shared.simulation.demo.nights import Night, load
from shared.simulation.demo.servers import ROOT, ServerFailed, complaints, served
from shared.simulation.demo.speed import MINUTE, SWEEP_AT, Speed, Sweeps
from shared.simulation.demo.verdict import GRACE, judged
from shared.simulation.demo.workspace import Workspace, documents
from shared.simulation.history import History
from shared.simulation.runner import play
from shared.simulation.scenario import Change, GameCount
from shared.simulation.world_data import WorldData

START = datetime(2026, 1, 24, 10, 0, tzinfo=UTC)
DAY = date(2026, 1, 24)
WHOLE = Night("whole", "a whole ordinary night", "own/whole_ordinary_night.yaml", ())


@pytest.fixture
def clock(tmp_path: Path) -> FileClock:
    clock = FileClock(tmp_path / "clock")
    clock.set(START, 0)
    return clock


def test_a_clock_in_a_file_is_one_clock_for_all(clock: FileClock, tmp_path: Path) -> None:
    """Whoever reads the file sees what was set last, standing still or running."""
    other = clock_of(f"@{tmp_path / 'clock'}")
    assert other.now() == clock.now() == START
    clock.set(START + MINUTE, 1)
    assert START + MINUTE <= other.now() < START + 2 * MINUTE


def test_a_clock_that_stands_still_lets_waiting_end(clock: FileClock) -> None:
    """Speed 0 stops the hands, not those who wait."""
    clock.sleep(timedelta(milliseconds=1))
    assert clock.now() == START


@pytest.mark.parametrize("text", ["", "now", "2026-01-24|0|1|2", "2026-01-24|soon|1"])
def test_what_is_no_clock_is_refused(text: str, tmp_path: Path) -> None:
    """In the variable and in the file alike, with a hint."""
    with pytest.raises(PolicyError, match="is not a clock"):
        clock_of(text)
    (tmp_path / "clock").write_text(text)
    with pytest.raises(PolicyError, match="is not a clock"):
        clock_of(f"@{tmp_path / 'clock'}")


def test_a_clock_without_its_file_is_unavailable(tmp_path: Path) -> None:
    """The name of the file is said."""
    with pytest.raises(Unavailable, match="gone"):
        clock_of(f"@{tmp_path / 'gone'}")


def test_a_clock_survives_its_text() -> None:
    """What is written in an environment variable is read as the same clock."""
    clock = AcceleratedClock(START, 12.5, 600)
    assert AcceleratedClock.parse(str(clock)) == clock


def test_pace_puts_the_clock_forward_and_never_back(clock: FileClock) -> None:
    """A time that has passed is not shown again."""
    pace = Speed(clock, speed=1000)
    pace.go()
    pace.forward(START + 90 * MINUTE)
    assert clock.now() >= START + 90 * MINUTE
    pace.forward(START + MINUTE)
    assert clock.now() >= START + 90 * MINUTE


def sweeps(reports: Sweeps, until: datetime, timers: list[datetime]) -> Iterator[datetime]:
    now = START
    while now < until:
        now = reports.after(now, timers)
        yield now


def test_sweeps_come_every_minute_and_rarely_in_quiet_hours() -> None:
    """Each is past a full minute; around reports a minute apart; a timer in quiet hours keeps its minute."""
    reports = Sweeps([START, START + timedelta(hours=6)])
    timer = START + timedelta(hours=2, minutes=7)
    times = list(sweeps(reports, START + timedelta(hours=7), [timer]))
    assert all(at - SWEEP_AT == at.replace(second=0) for at in times)
    steps = {b - a for a, b in pairwise(times)}
    assert max(steps) == timedelta(minutes=15)
    assert timer + SWEEP_AT in times
    busy = [at for at in times if abs(at - START - timedelta(hours=6)) <= timedelta(minutes=15)]
    assert {b - a for a, b in pairwise(busy)} == {MINUTE}


def test_tables_hold_what_the_facts_say(tmp_path: Path) -> None:
    """Rows, games and the gates' own SQL read from the tables what the scenario's world knows."""
    scenario = load(WHOLE)
    facts = WorldData(scenario.policy, scenario.start)
    tables = Fixtures(tmp_path / "w.duckdb", scenario.policy, [DAY])
    facts.merge(Change(games={DAY: GameCount(scheduled=3, final=5)}))
    tables.follow(facts)
    warehouse = DuckDbWarehouse(tmp_path / "w.duckdb", ROOT / "config")
    calendar = scenario.policy.calendar
    assert calendar is not None
    where = CalendarRef(calendar.table, calendar.date_column, calendar.status_column, calendar.excluded_statuses)
    assert warehouse.units(where, [DAY]) == {DAY: Units(8, 5)}
    assert warehouse.number("gates/game_coverage.sql", DAY) == 0
    for count in (4, 40, 40):
        facts.grow("nba_analytics.player_game_summary", DAY, count)
        tables.follow(facts)
        table = TableRef("nba_analytics.player_game_summary")
        assert warehouse.rows([table], DAY) == {table.table: count}
    assert warehouse.number("gates/game_coverage.sql", DAY) == 100
    assert warehouse.number("gates/minutes_coverage.sql", DAY) == 100


def test_what_a_night_leaves_joins_what_is_kept(tmp_path: Path) -> None:
    """Documents and rows of two nights, each played on empty stores, are all in the stores that are left."""
    home = Workspace(tmp_path)
    with home.taken():
        for night in ("one", "two"):
            home.fresh()
            store = SqliteStore(home.state)
            store.create(f"runs/{night}", {"night": night})
            store.create(f"runs/{night}/transitions/t", {"night": night})
            store.create(f"alerts/{night}", {"night": night})
            store.create("locks/sweep", {"night": night})
            scenario = load(WHOLE)
            Fixtures(home.warehouse, scenario.policy, [DAY]).follow(WorldData(scenario.policy, scenario.start))
            DuckDbAuditLog(home.warehouse, "nba_orchestration").create_tables()
            home.keep(store, "nba_orchestration")
            store.close()
    kept = SqliteStore(tmp_path / "state.db")
    assert {document.path for document in documents(kept)} == {"locks/sweep"} | {
        path for night in ("one", "two") for path in (f"runs/{night}", f"runs/{night}/transitions/t", f"alerts/{night}")
    }
    [lock] = kept.get("locks/sweep")
    assert lock is not None
    assert lock.data == {"night": "two"}
    kept.close()
    warehouse = DuckDbWarehouse(tmp_path / "warehouse.duckdb", ROOT / "config")
    assert warehouse.query("SELECT COUNT(*) AS n FROM nba_orchestration.phase_completions", {}) == [{"n": 0}]


def test_a_function_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    """The tail of the log is in the error, and the others are stopped."""
    with (
        pytest.raises(ServerFailed, match=r"no_such_function ended with status 1; the end of (.|\n)*no_such_function"),
        served(["no_such_function"], {"PYTHONPATH": str(ROOT)}, tmp_path),
    ):
        raise AssertionError("it cannot have started")


def test_what_the_functions_complained_of_is_counted(tmp_path: Path) -> None:
    """Log lines above information, by function and event; neither what is no JSON, nor what is said of the policy."""
    (tmp_path / "self_heal.log").write_text(
        '{"severity":"INFO","message":"sweep.done"}\n{"severity":"WARNING","message":"record.unavailable"}\n'
        '{"severity":"WARNING","message":"record.unavailable"}\nplain words\n[1]\n'
        '{"severity":"WARNING","message":"policy.silence"}\n'
    )
    logged = complaints(tmp_path)
    assert logged == {"self_heal record.unavailable": 2}
    assert judged(WHOLE, load(WHOLE), History(), logged).happened[-1] == (
        "logged by self_heal record.unavailable: 2 times"
    )


def test_a_night_is_judged_with_a_minutes_grace() -> None:
    """A trigger a minute after its time passes, one later fails; a night in which nothing happens fails."""
    scenario = load(WHOLE)
    history = play(scenario)
    for late, passed in ((GRACE, True), (2 * GRACE, False)):
        departures = [
            replace(departure, at=departure.at + MINUTE + late)
            if departure.transition == "phase2_to_phase3"
            else departure
            for departure in history.departures
        ]
        result = judged(WHOLE, scenario, replace(history, departures=departures), {})
        assert result.passed is passed, result.happened
    assert not judged(WHOLE, scenario, History(), {}).passed
