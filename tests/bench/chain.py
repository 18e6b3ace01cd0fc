"""Figures from the last completion to the trigger: through Pub/Sub and Firestore, and through the embedded parts."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import date
from functools import partial
from pathlib import Path
from secrets import token_hex
from time import perf_counter
from typing import Any

from google.cloud.pubsub_v1 import SubscriberClient

from shared.adapters.clock import SystemClock
from shared.adapters.google.firestore import FirestoreStore
from shared.adapters.local.bus import LocalBus
from shared.simulation.nba_tables import GameStatus, schedule_row, statistics_id
from tests.bench.figure import MILLI, Bench, Figure, Spread
from tests.bench.policies import bare_policy_file
from tests.bench.state import FLOORS, day_of, environment
from tests.bench.wire import PROCESSORS, TOPIC, Caller, body_of
from tests.contract.nba import fill_schedule
from tests.contract.warehouses import DuckDbWorld
from tests.emulators.push import PushWire
from tests.emulators.server import main_of, served
from tests.local_server import LocalServer, ServerAnswer
from tests.policy_files import NBA

TRIGGER, FLOOR_TOPIC, FLOOR_TRIGGER = "nba-phase4-trigger", "floor-complete", "floor-trigger"
PATIENCE = 60.0
WARM = 2
FIT = json.dumps({"status": "ready", "service": "nba-phase4-precompute-processors"}).encode()


class Arrivals:
    """When the first message of each date arrived on a topic; a date is a run of its own here."""

    def __init__(self, wire: PushWire, topic: str) -> None:
        self._at: dict[str, float] = {}
        self._changed = threading.Condition()
        self._client = SubscriberClient()
        name = f"projects/{wire.project}/subscriptions/{topic}-pull"
        self._future = self._client.subscribe(name, callback=self._arrived)

    def _arrived(self, message: Any) -> None:
        now = perf_counter()
        with self._changed:
            self._at.setdefault(message.attributes["game_date"], now)
            self._changed.notify_all()
        message.ack()

    def at(self, day: str) -> float:
        """Return when a date's message arrived; wait for it."""
        with self._changed:
            assert self._changed.wait_for(lambda: day in self._at, PATIENCE), f"no trigger for {day}"
            return self._at[day]

    def close(self) -> None:
        self._future.cancel()
        self._future.result(timeout=PATIENCE)
        self._client.close()


def latency(bench: Bench) -> Iterator[Figure]:
    """Publish the last completion of a run on the emulator and await its trigger, in turn with the floor's chain."""
    with environment(bench.variables()):
        yield _latency(bench, whole=False)
        yield _latency(bench, whole=True)


def _latency(bench: Bench, *, whole: bool) -> Figure:
    project = f"demo-bench-{token_hex(4)}"
    home = bench.folder / project
    home.mkdir()
    wire = PushWire(project)
    for topic in (TOPIC, TRIGGER, FLOOR_TOPIC, FLOOR_TRIGGER):
        wire.add_topic(topic)
    wire.listen(TRIGGER)
    wire.listen(FLOOR_TRIGGER)
    with ExitStack() as stack:
        services = stack.enter_context(LocalServer(always=ServerAnswer(body=FIT)))
        variables = {
            **bench.variables(),
            "GOOGLE_CLOUD_PROJECT": project,
            "ORCH_POLICY": str(NBA if whole else bare_policy_file(home)),
            "ORCH_WAREHOUSE": "duckdb",
            "ORCH_ALERTS": "console",
            "ORCH_HOME": str(home),
            "PRECOMPUTE_PROCESSOR_URL": services.url,
            "FLOOR_EXPECTED": ",".join(PROCESSORS),
            "FLOOR_TOPIC": FLOOR_TRIGGER,
        }
        samples = bench.size.samples // 3 + WARM
        if whole:
            _seed(home, samples)
        ours_url, _ = stack.enter_context(served(main_of("phase3_to_phase4"), variables, home / "log"))
        floor_url, _ = stack.enter_context(served(FLOORS / "chain" / "main.py", variables, home / "log"))
        wire.push(TOPIC, ours_url)
        wire.push(FLOOR_TOPIC, floor_url)
        stack.callback(wire.close)
        theirs = Arrivals(wire, FLOOR_TRIGGER)
        stack.callback(theirs.close)
        mine = Arrivals(wire, TRIGGER)
        stack.callback(mine.close)
        store = FirestoreStore(project)
        ours, floor = [], []
        for number in range(samples):
            day = day_of(number)
            stored = partial(store.count, f"runs/nba~{day}~overnight/completions")
            ours.append(_one(wire, TOPIC, mine, day, stored))
            floor.append(_one(wire, FLOOR_TOPIC, theirs, day, partial(store.count, f"floor/{day}/completions")))
    return Figure(
        "latency",
        "publish to trigger, the reference policy: calendar, gates on DuckDB, preflight" if whole else
        "publish to trigger, a policy without gates",
        "ms",
        Spread.of(ours[WARM:], MILLI),
        Spread.of(floor[WARM:], MILLI),
        "create, list, create, publish by hand",
        most=1.4 if whole else 1.25,
    )  # fmt: skip


def _one(wire: PushWire, topic: str, arrivals: Arrivals, day: str, recorded: Callable[[], int]) -> float:
    """Return the seconds from the publication of a run's last completion to the arrival of its trigger."""
    *others, last = PROCESSORS
    for processor in others:
        wire.publish(topic, body_of(processor, day))
    end = perf_counter() + PATIENCE
    while recorded() < len(others):
        assert perf_counter() < end, f"the first completions of {day} were not recorded"
    began = perf_counter()
    wire.publish(topic, body_of(last, day))
    return arrivals.at(day) - began


def _seed(home: Path, days: int) -> None:
    """Write a schedule with one game for each date, and tables that are full enough for every gate."""
    world = DuckDbWorld(home / "warehouse.duckdb")
    dates = [date.fromisoformat(day_of(number)) for number in range(days)]
    fill_schedule(world, [schedule_row(day, 0, GameStatus.FINAL) for day in dates])
    columns = {"game_date": "DATE", "game_id": "STRING", "player_lookup": "STRING", "minutes_played": "INT64"}
    rows = [[str(day), statistics_id(day, 0), f"player {n}", 24, False] for day in dates for n in range(12)]
    for name in PROCESSORS:
        world.table(f"nba_analytics.{name}", {**columns, "is_dnp": "BOOL"}, rows)


def latency_embedded(bench: Bench) -> Iterator[Figure]:
    """Send the last completion of a run over HTTP to a function on the embedded parts, which answers once it left."""
    home = bench.folder / "embedded"
    home.mkdir()
    LocalBus(home / "bus.db", SystemClock()).add_topic(TRIGGER)
    variables = {
        "ORCH_POLICY": str(bare_policy_file(home)),
        "ORCH_STATE": "sqlite",
        "ORCH_BUS": "local",
        "ORCH_WAREHOUSE": "duckdb",
        "ORCH_ALERTS": "console",
        "ORCH_HOME": str(home),
    }
    ours, floor = [], []
    with ExitStack() as stack:
        url, _ = stack.enter_context(served(main_of("phase3_to_phase4"), variables, home / "log"))
        floor_url, _ = stack.enter_context(served(FLOORS / "empty" / "main.py", {}, home / "log"))
        mine, theirs = Caller(url), Caller(floor_url)
        durable = stack.enter_context(closing(sqlite3.connect(home / "floor.db", isolation_level=None)))
        durable.execute("PRAGMA journal_mode = WAL")
        durable.execute("PRAGMA synchronous = FULL")
        durable.execute("CREATE TABLE floor (data TEXT)")
        for number in range(bench.size.samples + WARM):
            day = day_of(number)
            for processor in PROCESSORS[:-1]:
                mine.send(body_of(processor, day))
            ours.append(mine.send(body_of(PROCESSORS[-1], day)))
            spent = theirs.send(body_of(PROCESSORS[-1], day))
            began = perf_counter()
            durable.execute("INSERT INTO floor VALUES ('completion')")
            floor.append(spent + perf_counter() - began)
        mine.close()
        theirs.close()
    with closing(sqlite3.connect(home / "bus.db")) as bus:
        left = bus.execute("SELECT count(*) FROM messages").fetchone()[0]
    yield Figure(
        "latency-embedded",
        "HTTP CloudEvent in, trigger out, SQLite",
        "ms",
        Spread.of(ours[WARM:], MILLI),
        most=20,
        counted={"triggers": f"{left} of {len(ours)}"},
    )
    yield Figure(
        "latency-embedded",
        "the same beside its floor",
        "ms",
        Spread.of(ours[WARM:], MILLI),
        Spread.of(floor[WARM:], MILLI),
        "empty function and one commit",
    )
