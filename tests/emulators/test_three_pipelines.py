"""One night of three pipelines of different shape on one deployment: one function, one database, one sweep.

The emulators stand for Firestore and Pub/Sub, a DuckDB file for BigQuery, a local server for a service that is called.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from shared import runtime
from shared.adapters.config.policy_folder import load_policies
from shared.adapters.local.accelerated_clock import AcceleratedClock
from shared.app.reporting import queries
from shared.core.calendar import day_of, working_day
from shared.core.model import RunKey
from shared.core.policy.policy import Policy
from tests.emulators.push import PushWire
from tests.emulators.server import main_of, served
from tests.functions.entry import client
from tests.local_server import LocalServer, ServerAnswer
from tests.random_nights.several import SHAPES

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("firestore")]

PATIENCE = timedelta(seconds=60)
READY = ServerAnswer(body=json.dumps({"status": "ready", "service": "gazette-typesetter"}).encode())
# Past the deadline of an hour whose weather station is silent.
LATER = timedelta(minutes=16)
Body = dict[str, Any]


@dataclass
class Deployment:
    """The policies of one folder, the project that they share on the emulators, and the function that serves them."""

    policies: dict[str, Policy]
    variables: dict[str, str]
    wire: PushWire
    home: Path

    def key(self, pipeline: str, mode: str) -> RunKey:
        """Return the run of a mode that is expected on the latest day on which it is, in the pipeline's zone."""
        policy = self.policies[pipeline]
        today = policy.local(datetime.now(UTC)).date()
        day = next(day for n in range(9) if policy.modes[mode].expected_on(day := today - timedelta(days=n)))
        return RunKey(pipeline, day_of(policy.modes[mode], day), mode)

    def report(self, key: RunKey, processor: str, **more: object) -> tuple[str, Body]:
        """Return the topic and the body of a success."""
        phases = self.policies[key.pipeline].phases.values()
        phase = next(phase for phase in phases if processor in phase.processors)
        body = {"processor_name": processor, "game_date": key.day.isoformat(), "mode": key.mode, "status": "success"}
        assert phase.completions_topic is not None
        return phase.completions_topic, {**body, "record_count": 1500, **more}

    def publish(self, *reports: tuple[str, Body]) -> None:
        """Publish every report twice, all at once."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda report: self.wire.publish(*report), reports * 2))

    def arrived(self, topic: str, count: int) -> dict[str, list[str]]:
        """Return the trigger ids that arrived on a topic with the reason of each, as soon as there are so many."""
        reasons: dict[str, list[str]] = {}
        for arrival in self.wire.arrivals(topic, count, PATIENCE):
            reasons.setdefault(arrival.attributes["trigger_id"], []).append(arrival.attributes["trigger_reason"])
        return reasons

    def sweep(self, ahead: timedelta) -> tuple[int, list[Body]]:
        """Sweep all pipelines by one call, some time from now."""
        now = datetime.now(UTC)
        clock = AcceleratedClock(now + ahead, now.timestamp(), 1.0)
        contexts = runtime.contexts_of(
            {**self.variables, "ORCH_HOME": str(self.home / "sweep"), "ORCH_CLOCK": str(clock)}
        )
        with runtime.override_context(*contexts):
            answer = client("self_heal").post("/", data=b"{}")
        return answer.status_code, answer.get_json()

    def runs(self) -> dict[str, set[str]]:
        contexts = runtime.contexts_of({**self.variables, "ORCH_HOME": str(self.home / "look")})
        return {ctx.policy.pipeline: {run.key.id for run in queries.all_runs(ctx)} for ctx in contexts}

    def state(self, key: RunKey, transition: str, word: str) -> str:
        """Return a transition's state, as soon as it is the one that is waited for."""
        contexts = runtime.contexts_of({**self.variables, "ORCH_HOME": str(self.home / "look")})
        ctx, end = runtime.chosen(contexts, key.pipeline), time.monotonic() + PATIENCE.total_seconds()
        while (seen := queries.explain(ctx, key, transition).state) != word and time.monotonic() < end:
            time.sleep(0.1)
        return str(seen)


@pytest.fixture
def deployment(
    firestore_host: str, pubsub_host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployment]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_host)
    folder = tmp_path / "policies"
    folder.mkdir()
    for path in SHAPES.values():
        shutil.copy(path, folder)
    policies = {policy.pipeline: policy for policy in load_policies(folder)}
    wire = PushWire(f"demo-three-{token_hex(4)}")
    completions = {topic for policy in policies.values() for topic in policy.topics}
    triggers = {
        topic
        for policy in policies.values()
        for transition in policy.transitions.values()
        for topic in transition.topics
    }
    for topic in completions | triggers:
        wire.add_topic(topic)
    for topic in triggers:
        wire.listen(topic)
    with LocalServer(always=READY) as typesetter:
        variables = {
            "GOOGLE_CLOUD_PROJECT": wire.project,
            "FIRESTORE_EMULATOR_HOST": firestore_host,
            "PUBSUB_EMULATOR_HOST": pubsub_host,
            "ORCH_WAREHOUSE": "duckdb",
            "ORCH_ALERTS": "console",
            "ORCH_POLICY": str(folder),
            "ORCH_HOME": str(tmp_path / "function"),
            "GAZETTE_TYPESETTER_URL": typesetter.url,
        }
        with served(main_of("transition"), variables, tmp_path / "function.log") as (url, _):
            for topic in completions:
                wire.push(topic, url)
            yield Deployment(policies, variables, wire, tmp_path)
    wire.close()


def test_a_night_of_three_pipelines(deployment: Deployment) -> None:
    """Each trigger goes out once, under its own id, on its own topic: when its inputs are whole, or at the deadline
    that the one sweep sees; each run stands in the one database under the name of its pipeline."""
    paper, whole, half, loans = (
        deployment.key(*of)
        for of in (("gazette", "evening"), ("meters", "h05"), ("meters", "h06"), ("library", "nightly"))
    )
    assert working_day(paper, deployment.policies["gazette"]) < paper.day
    deployment.publish(
        deployment.report(paper, "articles"),
        deployment.report(paper, "photos"),
        deployment.report(whole, "readings"),
        deployment.report(whole, "weather"),
        deployment.report(half, "readings"),
        deployment.report(loans, "loans"),
    )
    expected = {
        "gazette-texts-trigger": {f"{paper.id}/desk_to_texts/1": ["complete"]},
        "gazette-pictures-trigger": {f"{paper.id}/desk_to_pictures/1": ["complete"]},
        "meters-loads-go": {f"{whole.id}/meters_to_loads/1": ["complete"]},
        "library-reports-go": {f"{loans.id}/loans_to_reports/1": ["complete"]},
    }
    assert {topic: deployment.arrived(topic, 1) for topic in expected} == expected
    deployment.publish(deployment.report(paper, "pages"), deployment.report(paper, "plates"))
    assert deployment.arrived("gazette-print-trigger", 1) == {f"{paper.id}/both_to_print/1": ["complete"]}
    deployment.publish(deployment.report(paper, "edition"), deployment.report(whole, "forecast"))
    assert deployment.arrived("gazette-archive-trigger", 1) == {f"{paper.id}/print_to_archive/1": ["complete"]}
    assert deployment.state(whole, "meters_to_loads", "confirmed") == "confirmed"

    status, findings = deployment.sweep(LATER)
    assert (status, [finding for finding in findings if finding["result"] == "failed"]) == (200, [])
    assert all(finding["run"].startswith(f"{finding['pipeline']}/") for finding in findings if finding["run"])
    assert deployment.arrived("meters-loads-go", 1) == {f"{half.id}/meters_to_loads/1": ["deadline"]}
    assert [deployment.wire.pull(topic, 0.2) for topic in expected] == [[]] * len(expected)
    runs = deployment.runs()
    assert {paper.id} <= runs["gazette"]
    assert {whole.id, half.id} <= runs["meters"]
    assert {loans.id} <= runs["library"]
    assert all(run.startswith(f"{name}/") for name, ids in runs.items() for run in ids)
