"""Each bundle in an environment of its own: installed, served from a bare folder, sent a real event."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.pubsub_v1.types import PushConfig

from deploy import bundle
from deploy.import_closure import imported
from deploy.manifest import ROOT, Function
from deploy.ready import HEALTH, PROBE
from tests.bundles.serving import Served, environment_of, served
from tests.deploy.world import manifest
from tests.tooling import pips

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bundles")]
EVENTS = [function for function in manifest().functions.values() if function.push]
CALLED = [function for function in manifest().functions.values() if not function.push]


def some_of(functions: Sequence[Function]) -> list[Any]:
    """Return them all, those between the first and the last for the nightly lane: their bundles differ in little."""
    return [
        pytest.param(
            function,
            id=function.folder,
            marks=[] if function in (functions[0], functions[-1]) else [pytest.mark.nightly],
        )
        for function in functions
    ]


NO_EMBEDDED = ("duckdb", "sqlglot", "typer", "rich", "hypothesis", "pytest", "bqemulator")
COMPLETION = {
    "phase2": {"processor_name": "p2_odds_game_lines", "status": "success", "record_count": 100},
    "phase3": {"processor_name": "player_game_summary", "status": "started"},
    "phase4": {"processor_name": "ml_feature_store", "status": "started"},
    "phase5": {"processor_name": "prediction_coordinator", "status": "started"},
    "phase6": {"processor_name": "phase6_export", "status": "started"},
    "grading": {"processor_name": "grading", "status": "started"},
}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every bundle, as bin/build writes it."""
    folder = tmp_path_factory.mktemp("built")
    for function in manifest().functions.values():
        bundle.write(bundle.bundle_of(function), folder)
    return folder


@pytest.fixture(scope="session")
def python_for(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Function], Path]:
    """The interpreter of a function's environment; functions with the same requirements share one."""
    made: dict[bytes, Path] = {}

    def of(function: Function) -> Path:
        lock = built / function.folder / "requirements.txt"
        if lock.read_bytes() not in made:
            made[lock.read_bytes()] = environment_of(lock, tmp_path_factory.mktemp("env"))
        return made[lock.read_bytes()]

    return of


@pytest.fixture
def variables(firestore_host: str, pubsub_host: str) -> dict[str, str]:
    """The environment of the manifest, the stores replaced by emulators and the warehouse by a closed door."""
    filled = {name: "http://127.0.0.1:9/" if name.endswith("_URL") else value for name, value in
              manifest().functions["self_heal"].environment.items()}  # fmt: skip
    return filled | {
        "GOOGLE_CLOUD_PROJECT": f"demo-{time.monotonic_ns()}",
        "FIRESTORE_EMULATOR_HOST": firestore_host,
        "PUBSUB_EMULATOR_HOST": pubsub_host,
        "BIGQUERY_EMULATOR_HOST": "http://127.0.0.1:9",
        "ORCH_ALERTS": "console",
        "GIT_COMMIT": "0" * 40,
    }


def test_a_bundle_holds_what_the_function_needs_and_nothing_else(built: Path) -> None:
    """main.py, shared, config, requirements: no tests, no command line, no simulation, no embedded warehouse."""
    for function in manifest().functions.values():
        files = {
            path.relative_to(built / function.folder).as_posix() for path in (built / function.folder).rglob("*.*")
        }
        assert {"main.py", "requirements.txt", "config/nba.yaml", "shared/runtime.py", ".gcloudignore"} <= files
        tops = {name.split("/")[0] for name in files}
        assert tops <= {"main.py", "requirements.txt", "config", "shared", ".gcloudignore", "templates"}
        assert [name for name in files if re.search(r"simulation|/cli/|test|duckdb|README|__pycache__", name)] == []
        assert bundle.bundle_of(function).size < bundle.LARGEST


@pytest.mark.parametrize("function", some_of(EVENTS))
def test_an_event_function_takes_in_what_is_pushed(
    function: Function,
    built: Path,
    python_for: Callable[[Function], Path],
    variables: dict[str, str],
    tmp_path: Path,
) -> None:
    """A completion published to each of its topics arrives by push and is in the state store, from its own `shared`;
    a topic that carries none, such as one of batches, takes in what is asked after a deploy."""
    assert function.push is not None
    project = variables["GOOGLE_CLOUD_PROJECT"]
    variables["SOURCE_DIGEST"] = bundle.bundle_of(function).digest
    with served(python_for(function), built / function.folder, tmp_path, variables) as server:
        for topic in function.push.topics:
            phase = manifest().policy.topics.get(topic)
            if phase is not None:
                body = json.dumps({**COMPLETION[phase], "game_date": "2026-01-21", "mode": "overnight"}).encode()
                with pushed(variables["PUBSUB_EMULATOR_HOST"], project, topic, server.address, body):
                    stored = wait_for(variables, f"{phase}.{COMPLETION[phase]['processor_name']}")
                assert stored["phase"] == phase, server.output()[-2000:]
            asked = server.ask("POST", f"/projects/{project}/topics/{topic}", json.dumps(PROBE).encode())
            assert asked[0] == 200, (asked, server.output()[-2000:])
        assert_says_what_it_runs(server, function)
        assert_imported_from_the_bundle(server.output(), tmp_path / "workspace")


@pytest.mark.parametrize("function", CALLED, ids=lambda function: function.folder)
def test_a_called_function_answers(
    function: Function,
    built: Path,
    python_for: Callable[[Function], Path],
    variables: dict[str, str],
    tmp_path: Path,
) -> None:
    """What deployment asks of it, and what the schedule sends, are answered as expected, from its own `shared`."""
    ready = function.ready or HEALTH
    variables["SOURCE_DIGEST"] = bundle.bundle_of(function).digest
    with served(python_for(function), built / function.folder, tmp_path, variables) as server:
        body = json.dumps(ready.body or {}).encode()
        asked = None if ready.method == "GET" else body
        status, answer = server.ask(ready.method, ready.path, asked)
        expected = (200, 207) if ready.status == 200 else (ready.status,)
        assert status in expected, (answer, server.output()[-2000:])
        assert isinstance(json.loads(answer), list | dict)
        assert_says_what_it_runs(server, function)
        assert_imported_from_the_bundle(server.output(), tmp_path / "workspace")


def test_an_environment_holds_its_lock_and_no_embedded_store(
    built: Path, python_for: Callable[[Function], Path]
) -> None:
    """What is installed is what is pinned: self-heal does not carry DuckDB, nothing carries the tests' tools."""
    function = manifest().functions["self_heal"]
    code = "from importlib.metadata import distributions as d; print(*{x.metadata['Name'].lower() for x in d()})"
    listed = subprocess.run(
        [str(python_for(function)), "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(NO_EMBEDDED) & set(listed) == set()
    assert {"functions-framework", "google-cloud-firestore", "msgspec"} <= set(listed)


@pytest.mark.nightly
@pytest.mark.parametrize("version", [*pips.HASHES, pips.NEWEST])
@pytest.mark.parametrize("function", [*EVENTS, *CALLED], ids=lambda function: function.folder)
def test_every_bundle_installs_with_every_pip(function: Function, built: Path, version: str, tmp_path: Path) -> None:
    """The requirements.txt of each bundle is really installed by each pip that an image may bring."""
    python = environment_of(built / function.folder / "requirements.txt", tmp_path / "env", version)
    code = "import functions_framework, google.cloud.bigquery, google.cloud.firestore, google.cloud.pubsub"
    assert subprocess.run([str(python), "-I", "-c", code], check=False).returncode == 0


# Reads names of modules and says which of them cannot be found.
FIND = """
import importlib.util, sys
def there(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
print(*[name for name in sys.stdin.read().split() if not there(name)])
"""


@pytest.mark.parametrize("function", [*some_of(EVENTS), *some_of(CALLED)])
def test_every_package_that_is_imported_is_installed(
    function: Function, built: Path, python_for: Callable[[Function], Path]
) -> None:
    """What the bundle's modules import of others, on first use too, is in its own environment."""
    named: set[str] = set()
    for path in (built / function.folder).rglob("*.py"):
        named |= {name for name in imported(path.read_text()) if name.split(".")[0] not in ("shared", "__future__")}
    asked = {name for name in named if name.split(".")[-1].islower()}
    assert {"functions_framework", "google.cloud.bigquery", "requests"} <= asked
    ended = subprocess.run(
        [str(python_for(function)), "-I", "-c", FIND],
        input=" ".join(sorted(asked)),
        capture_output=True,
        text=True,
        check=True,
    )
    missing = ended.stdout.split()
    assert [module for module in missing if not is_attribute(module, python_for(function))] == []


def is_attribute(name: str, python: Path) -> bool:
    """Whether a name that is no module is something that one holds, such as a function."""
    above, _, last = name.rpartition(".")
    code = f"import {above or name}, sys; sys.exit(not hasattr(sys.modules[{above!r}], {last!r}))"
    return subprocess.run([str(python), "-I", "-c", code], capture_output=True, check=False).returncode == 0


class pushed:
    """A message on a topic with a push subscription, as the manifest makes it: the path names the topic."""

    def __init__(self, host: str, project: str, topic: str, address: str, data: bytes) -> None:
        self._project, self._topic, self._address, self._data = project, topic, address, data
        self._publisher, self._subscriber = PublisherClient(), SubscriberClient()
        self._name = self._subscriber.subscription_path(project, f"push-{topic}")

    def __enter__(self) -> None:
        path = self._publisher.topic_path(self._project, self._topic)
        self._publisher.create_topic(name=path)
        endpoint = f"{self._address}/projects/{self._project}/topics/{self._topic}"
        self._subscriber.create_subscription(
            name=self._name, topic=path, push_config=PushConfig(push_endpoint=endpoint)
        )
        self._publisher.publish(path, self._data).result(timeout=20)

    def __exit__(self, *exception: object) -> None:
        self._subscriber.delete_subscription(subscription=self._name)
        self._subscriber.close()


@pytest.fixture(autouse=True)
def clients_find_the_emulators(monkeypatch: pytest.MonkeyPatch, firestore_host: str, pubsub_host: str) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_host)


def wait_for(variables: dict[str, str], document: str, seconds: float = 60) -> dict[str, object]:
    """Return a completion as it was stored."""
    client = firestore.Client(project=variables["GOOGLE_CLOUD_PROJECT"], credentials=AnonymousCredentials())
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for run in client.collection("runs").stream():
            snapshot = run.reference.collection("completions").document(document).get()
            if snapshot.exists:
                return dict(snapshot.to_dict() or {})
        time.sleep(0.3)
    raise AssertionError(f"{document} was not stored within {seconds} s")


def assert_says_what_it_runs(server: Served, function: Function) -> None:
    """GET /health names the function, its commit and the digest of its sources, as a deploy asks it."""
    status, answer = server.ask("GET", "/health")
    output = json.loads(answer)
    assert (status, output["service"], output["version"]) == (200, function.folder, "0" * 40)
    assert output["source_digest"] == bundle.bundle_of(function).digest


def assert_imported_from_the_bundle(log: str, workspace: Path) -> None:
    """Every module of ours came from the folder that is served, and none from this repository."""
    files = set(re.findall(r"^# code object from '?([^'\n]+)", log, re.MULTILINE))
    ours = {name for name in files if "/shared/" in name}
    assert f"{workspace}/shared/runtime.py" in ours
    assert {name for name in ours if not name.startswith(f"{workspace}/")} == set()
    assert {name for name in files if name.startswith(f"{ROOT}/")} == set()
