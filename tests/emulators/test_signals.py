"""A night by signals as in production: bucket notifications and a transfer, pushed by Pub/Sub to the served function.

The emulators stand for Firestore and Pub/Sub, a DuckDB file for BigQuery; nobody publishes a completion.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from secrets import token_hex

import pytest
from google.cloud.pubsub_v1 import PublisherClient

from shared import runtime
from shared.app.reporting import queries
from shared.core.model import RunKey
from tests.core import signal_samples as samples
from tests.emulators.push import PushWire
from tests.emulators.server import ROOT, main_of, served

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("firestore")]

PIPELINE = ROOT / "tests" / "pipelines" / "minimal.yaml"
SIGNALS = """
signals:
  files: {source: storage, topic: weather-signals, phase: collect, object: "*/{date}_*", processor: stations}
  query: {source: data_transfer, topic: weather-signals, phase: collect, jobs: {642f3a36-0000-2fbb: radar}}
"""
TOPIC, TRIGGER = "weather-signals", "weather-forecast-trigger"
DAY = date(2023, 3, 23)
KEY = RunKey("weather", DAY, "daily")
PATIENCE = timedelta(seconds=60)


@pytest.fixture
def variables(firestore_host: str, pubsub_host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_host)
    policy = tmp_path / "weather.yaml"
    policy.write_text(PIPELINE.read_text(encoding="utf-8") + SIGNALS, encoding="utf-8")
    return {
        "GOOGLE_CLOUD_PROJECT": f"demo-signals-{token_hex(4)}",
        "FIRESTORE_EMULATOR_HOST": firestore_host,
        "PUBSUB_EMULATOR_HOST": pubsub_host,
        "ORCH_WAREHOUSE": "duckdb",
        "ORCH_ALERTS": "console",
        "ORCH_POLICY": str(policy),
        "ORCH_HOME": str(tmp_path),
    }


@pytest.fixture
def wire(variables: dict[str, str]) -> Iterator[PushWire]:
    wire = PushWire(variables["GOOGLE_CLOUD_PROJECT"])
    for topic in (TOPIC, TRIGGER):
        wire.add_topic(topic)
    wire.listen(TRIGGER)
    yield wire
    wire.close()


def state(variables: dict[str, str], expected: str) -> str:
    """Return the transition's state, as soon as it is the one that is waited for."""
    ctx, end = runtime.from_environment(variables), time.monotonic() + PATIENCE.total_seconds()
    while True:
        current = queries.explain(ctx, KEY, "collect_to_forecast").state
        if current == expected or time.monotonic() > end:
            return current
        time.sleep(0.1)


def test_recorded_notifications_trigger_the_next_phase(
    variables: dict[str, str], wire: PushWire, tmp_path: Path
) -> None:
    """A recorded notification by its attributes alone, twice, and a recorded transfer run by its data: one trigger."""
    topic = f"projects/{variables['GOOGLE_CLOUD_PROJECT']}/topics/{TOPIC}"
    publisher = PublisherClient()
    notified = {**samples.STORAGE_DATED, "objectId": f"water/{DAY}_water_Lot3.csv"}
    with served(main_of("transition"), variables, tmp_path / "function.log") as (url, _):
        wire.push(TOPIC, url)
        for _ in range(2):
            publisher.publish(topic, b"", **notified).result(timeout=10)
        assert state(variables, "waiting") == "waiting"
        publisher.publish(topic, json.dumps({**samples.TRANSFER_RUN, "state": "RUNNING"}).encode()).result(timeout=10)
        publisher.publish(topic, json.dumps(samples.TRANSFER_RUN).encode()).result(timeout=10)
        [trigger] = wire.arrivals(TRIGGER, 1, PATIENCE)
        assert trigger.body["trigger_id"] == "weather/2023-03-23/daily/collect_to_forecast/1"
        assert set(trigger.body["completed_processors"]) == {"radar", "stations"}
        assert state(variables, "dispatched") == "dispatched"
    publisher.stop()
    assert wire.pull(TRIGGER, 2.0) == []
    assert queries.quarantine(runtime.from_environment(variables)) == []
