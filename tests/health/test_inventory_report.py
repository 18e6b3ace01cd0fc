"""What the daily report says of schedules, subscriptions, what waits in them, and drift, or that it could not read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.oauth2.credentials import Credentials

from deploy import bundle
from shared import runtime
from shared.adapters.google.inventory import MONITORING, PUBSUB, SCHEDULER, GoogleInventory
from tests.adapters.cloud_apis import PROJECT, CloudApis
from tests.adapters.test_inventory import BAD, DECLARED, FED
from tests.deploy.world import manifest
from tests.health.scenario_states import LeftByDemo, ask
from tests.health.test_ready import CALENDAR, EMBEDDED

PARTS = {SCHEDULER: "schedules", PUBSUB: "subscriptions", MONITORING: "backlog"}
Report = dict[str, Any]


@pytest.fixture
def apis() -> Iterator[CloudApis]:
    with CloudApis(DECLARED) as running:
        yield running


def report(left: LeftByDemo, apis: CloudApis) -> Report:
    """Return the report of a function that can ask this project."""
    clock = left.ctx.ports.clock
    credentials = lambda: Credentials("a-token")  # type: ignore[no-untyped-call]  # noqa: E731 - a factory
    inventory = GoogleInventory(PROJECT, DECLARED, clock, hosts=apis.hosts, credentials=credentials)
    with runtime.override_context(replace(left.ctx, inventory=inventory)):
        answer = ask("/report?send=false")
    assert answer.status_code == 200
    body: Report = json.loads(answer.data)
    return body


def test_what_is_as_declared_is_said_with_its_numbers(morning: LeftByDemo, apis: CloudApis) -> None:
    """Counts, not adjectives; drift is compared elsewhere, and the report says that it did not read it."""
    made = report(morning, apis)
    assert made["schedules"] == {"declared": 9, "odd": []}
    assert made["subscriptions"]["declared"] == len(DECLARED.subscriptions)
    assert made["backlog"] == dict.fromkeys(DECLARED.subscriptions, 0)
    for line in ("Schedules: 9 declared, none not as it should be", "Backlog: nothing waits"):
        assert line in made["text"].splitlines()
    assert made["could_not_read"] == [
        "drift: not readable here: the daily comparison keeps the repository's issue 'Deployment drift'"
    ]
    assert f"Could not be read: {made['could_not_read'][0]}" in made["text"]


def test_what_differs_is_named(morning: LeftByDemo, apis: CloudApis) -> None:
    """A paused schedule, a missing subscription, messages that wait: by name, with what it means."""
    apis.jobs["nba-self-heal"]["state"] = "PAUSED"
    del apis.feeds[FED]
    apis.waiting["nba-phase2-to-phase3--nba-phase2-raw-complete"] = [3, 41]
    text = report(morning, apis)["text"]
    for words in (
        "Schedules: 9 declared, 1 not as it should be",
        "nba-self-heal is paused: nobody calls at its times",
        f"{FED} is not there: nothing of nba-phase3-analytics-complete arrives",
        "Backlog: 41 in nba-phase2-to-phase3--nba-phase2-raw-complete",
    ):
        assert words in text


@pytest.mark.parametrize("bad", ["403", "404", "500", "no JSON", "drops"])
@pytest.mark.parametrize("api", PARTS)
def test_what_cannot_be_read_is_null_and_named(morning: LeftByDemo, apis: CloudApis, api: str, bad: str) -> None:
    """The part is absent, never empty; its reason stands in the answer and in the text; all other parts are there."""
    apis.instead[api] = BAD[bad][0]
    made = report(morning, apis)
    assert {part: made[part] is None for part in PARTS.values()} == {part: name == api for name, part in PARTS.items()}
    [why] = [line for line in made["could_not_read"] if api in line]
    assert BAD[bad][1] in why
    assert f"Could not be read: {why}" in made["text"]
    title = {"schedules": "Schedules:", "subscriptions": "Subscriptions:", "backlog": "Backlog:"}[PARTS[api]]
    assert title not in made["text"]
    assert made["runs"]


def test_here_nothing_of_it_can_be_read(morning: LeftByDemo) -> None:
    """In an embedded or local run each part says so: none is green, none is an error of the rest."""
    made = ask("/report?send=false").json
    assert made is not None
    assert [made[part] for part in (*PARTS.values(), "drift")] == [None] * 4
    here = "the inventory is not readable here: only a deployed bundle knows what should be there"
    for what in ("schedules", "subscriptions", "backlog of subscriptions"):
        assert f"{what}: {here}" in made["could_not_read"]


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The config of a bundle as it lies beside the function that was deployed."""
    bundle.write(bundle.bundle_of(manifest().functions["health_check"]), tmp_path)
    config = tmp_path / "health_check" / "config"
    monkeypatch.setattr(runtime, "CONFIG", config)
    return config


def test_a_deployed_function_asks_its_project(deployed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the file in its own bundle and the project's name; without credentials it says that, and answers."""
    import duckdb

    connection = duckdb.connect(tmp_path / "warehouse.duckdb")
    connection.execute(CALENDAR)
    connection.close()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    variables = {**EMBEDDED, "ORCH_HOME": str(tmp_path), "ORCH_ALERTS": "console"}
    for named, why in ((PROJECT, "no credentials"), ("", "GOOGLE_CLOUD_PROJECT: is not set")):
        with runtime.override_context(runtime.from_environment({**variables, "GOOGLE_CLOUD_PROJECT": named})):
            made = ask("/report?send=false").json
        assert made is not None
        assert made["schedules"] is None
        assert [line for line in made["could_not_read"] if line.startswith("schedules: ") and why in line]
    (deployed / "inventory.json").write_text("{}")
    with runtime.override_context(runtime.from_environment({**variables, "GOOGLE_CLOUD_PROJECT": PROJECT})):
        made = ask("/report?send=false").json
    assert made is not None
    assert any("not what bin/build writes" in line for line in made["could_not_read"])
