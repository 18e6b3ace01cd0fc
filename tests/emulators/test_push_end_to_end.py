"""A night as in production: Pub/Sub pushes completions to a served function, and the trigger arrives on its topic.

The emulators stand for Firestore and Pub/Sub, a DuckDB file for BigQuery, a local server for the next phase's service.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from shared import runtime
from shared.app.context import Context
from shared.app.reporting import queries
from shared.core.model import RunKey
from shared.simulation.emulators import free_port
from shared.simulation.nba_tables import GameStatus, schedule_row, statistics_id
from shared.simulation.parse import read_scenario
from shared.simulation.scenario import Complete
from tests.contract.nba import fill_schedule
from tests.contract.warehouses import DuckDbWorld
from tests.emulators.push import Arrived, PushWire
from tests.emulators.server import ROOT, main_of, served
from tests.local_server import LocalServer, ServerAnswer
from tests.policy_files import NBA

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("firestore")]

NIGHT = ROOT / "tests" / "scenarios" / "incidents" / "B9_five_in_a_minute.yaml"
DAY = date(2026, 2, 17)
KEY = RunKey("nba", DAY, "overnight")
GAMES, PLAYERS = 6, 12
PHASE3, PHASE4 = "nba-phase3-analytics-complete", "nba-phase4-precompute-complete"
TRIGGER = "nba-phase4-trigger"
FIVE = {
    "player_game_summary",
    "upcoming_player_game_context",
    "team_defense_game_summary",
    "team_offense_game_summary",
    "upcoming_team_game_context",
}
PATIENCE = timedelta(seconds=60)
READY = ServerAnswer(body=json.dumps({"status": "ready", "service": "nba-phase4-precompute-processors"}).encode())


class Project:
    """A project of its own on both emulators, with the facts of the night in its warehouse."""

    def __init__(self, variables: dict[str, str], wire: PushWire, services: LocalServer) -> None:
        self.variables, self.wire, self.services = variables, wire, services
        self.log = Path(variables["ORCH_HOME"]) / "function.log"
        self.context: Context = runtime.from_environment(variables)

    @contextmanager
    def serving(self, function: str, port: int | None = None) -> Iterator[str]:
        with served(main_of(function), self.variables, self.log, port=port) as (url, _):
            yield url

    def triggers(self) -> list[Arrived]:
        """Return the five messages of the trigger, and whatever came beside them."""
        return self.wire.arrivals(TRIGGER, len(FIVE), PATIENCE) + self.wire.pull(TRIGGER, 2.0)

    def log_count(self, event: str) -> int:
        """Return how often the function's log has this event, as soon as it has it at all."""
        end = time.monotonic() + PATIENCE.total_seconds()
        while True:
            count = self.log.read_text().count(f'"message":"{event}"')
            if count or time.monotonic() > end:
                return count
            time.sleep(0.1)

    def state(self, transition: str, expected: str) -> str:
        """Return the transition's state, as soon as it is the one that is waited for."""
        end = time.monotonic() + PATIENCE.total_seconds()
        while True:
            state = queries.explain(self.context, KEY, transition).state
            if state == expected or time.monotonic() > end:
                return state
            time.sleep(0.1)


@pytest.fixture
def project(
    firestore_host: str, pubsub_host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_host)
    seed(tmp_path)
    name = f"demo-push-{token_hex(4)}"
    wire = PushWire(name)
    for topic in (PHASE3, PHASE4, TRIGGER):
        wire.add_topic(topic)
    wire.listen(TRIGGER)
    with LocalServer(always=READY) as services:
        variables = {
            "GOOGLE_CLOUD_PROJECT": name,
            "FIRESTORE_EMULATOR_HOST": firestore_host,
            "PUBSUB_EMULATOR_HOST": pubsub_host,
            "ORCH_WAREHOUSE": "duckdb",
            "ORCH_ALERTS": "console",
            "ORCH_POLICY": str(NBA),
            "ORCH_HOME": str(tmp_path),
            "PRECOMPUTE_PROCESSOR_URL": services.url,
        }
        yield Project(variables, wire, services)
    wire.close()


def seed(home: Path) -> None:
    """Write the schedule and the tables of phase 3 as they are once the five have ended."""
    world = DuckDbWorld(home / "warehouse.duckdb")
    fill_schedule(world, [schedule_row(DAY, number, GameStatus.FINAL) for number in range(GAMES)])
    columns = {"game_date": "DATE", "game_id": "STRING", "player_lookup": "STRING", "minutes_played": "INT64"}
    rows = [
        [DAY.isoformat(), statistics_id(DAY, game), f"p{n}", 24, False] for game in range(GAMES) for n in range(PLAYERS)
    ]
    for name in FIVE:
        world.table(f"nba_analytics.{name}", {**columns, "is_dnp": "BOOL"}, rows)


def completions() -> list[dict[str, Any]]:
    """Return the completions of the recorded night; their run is named, for the emulator publishes them today."""
    events = read_scenario(NIGHT).events
    return [{**e.happening.body, "mode": "overnight"} for e in events if isinstance(e.happening, Complete)]


def judged(arrived: list[Arrived]) -> None:
    """One trigger: one id, one message for each completed processor, the same ids in body and attributes."""
    assert {arrival.attributes["trigger_id"] for arrival in arrived} == {"nba/2026-02-17/overnight/phase3_to_phase4/1"}
    assert sorted(arrival.attributes["processor_name"] for arrival in arrived) == sorted(FIVE)
    for arrival in arrived:
        assert arrival.attributes["attempt"] == "1"
        assert {name: arrival.attributes[name] for name in ("pipeline", "transition", "mode", "lane", "game_date")} == {
            "pipeline": "nba",
            "transition": "phase3_to_phase4",
            "mode": "overnight",
            "lane": "live",
            "game_date": "2026-02-17",
        }
        assert (arrival.attributes["trigger_reason"], arrival.attributes["degraded"]) == ("complete", "false")
        assert set(arrival.body["completed_processors"]) == FIVE
        fields = {
            name: arrival.body[name] for name in ("trigger_id", "processor_name", "correlation_id", "source_table")
        }
        assert fields == {name: arrival.attributes[name] for name in fields}


def test_a_night_is_pushed_and_triggers_the_next_phase(project: Project) -> None:
    """Five pushed completions leave as one trigger, and a pushed `started` of the next phase confirms it."""
    with project.serving("phase3_to_phase4") as url:
        project.wire.push(PHASE3, url)
        for body in completions():
            project.wire.publish(PHASE3, body)
        judged(project.triggers())
        assert project.state("phase3_to_phase4", "dispatched") == "dispatched"
    assert {asked.path for asked in project.services.asked} == {"/ready"}
    started = {"processor_name": "PlayerDailyCacheProcessor", "game_date": DAY.isoformat(), "status": "started"}
    with project.serving("phase4_to_phase5") as url:
        project.wire.push(PHASE4, url)
        project.wire.publish(PHASE4, {**started, "mode": "overnight", "phase": "phase4"})
        assert project.state("phase3_to_phase4", "confirmed") == "confirmed"
    assert project.wire.pull(TRIGGER, 2.0) == []


def test_what_nobody_took_is_pushed_again(project: Project) -> None:
    """Completions published while the function is down arrive once it is up, and are one trigger all the same."""
    port = free_port()
    project.wire.push(PHASE3, f"http://127.0.0.1:{port}")
    for body in completions():
        project.wire.publish(PHASE3, body)
    assert project.wire.pull(TRIGGER, 2.0) == []
    assert queries.runs(project.context) == []
    with project.serving("phase3_to_phase4", port):
        judged(project.triggers())


def test_what_cannot_be_decided_is_pushed_again(project: Project) -> None:
    """While the bus refuses the trigger the function answers 5xx; once it takes it, one trigger id has left."""
    unknown = {**project.variables, "ORCH_BUS": "local"}  # a bus without the topic
    port = free_port()
    project.wire.push(PHASE3, f"http://127.0.0.1:{port}")
    with served(main_of("phase3_to_phase4"), unknown, project.log, port=port):
        for body in completions():
            project.wire.publish(PHASE3, body)
        assert project.log_count("transition.dispatch_failed") >= 1
    assert project.wire.pull(TRIGGER, 1.0) == []
    with project.serving("phase3_to_phase4", port):
        arrived = project.triggers()
    assert {arrival.attributes["trigger_id"] for arrival in arrived} == {"nba/2026-02-17/overnight/phase3_to_phase4/1"}
    assert sorted(arrival.attributes["processor_name"] for arrival in arrived) == sorted(FIVE)


def test_a_poisoned_message_is_pushed_once(project: Project) -> None:
    """What can never be understood is acknowledged, so that nothing behind it waits, and kept as it came."""
    with project.serving("phase3_to_phase4") as url:
        project.wire.push(PHASE3, url)
        project.wire.publish(PHASE3, {"processor_name": "Nobody", "game_date": "TODAY", "status": "success"})
        for body in completions():
            project.wire.publish(PHASE3, body)
        judged(project.triggers())
    assert [json.loads(message.raw)["processor_name"] for message in queries.quarantine(project.context)] == ["Nobody"]
    assert project.log_count("completion.quarantined") == 1
