"""One deployment of several pipelines: its functions serve the one that a topic or a caller names, or every one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shared import runtime
from shared.adapters.config.policy_folder import load_policies
from shared.adapters.local.memory import MemoryStore
from shared.app.context import Context
from shared.app.reporting.queries import all_runs, quarantine
from shared.app.sweep import pipelines as sweeps
from shared.core.errors import PolicyError
from shared.core.model import RunKey, State
from shared.simulation.kept import EMBEDDED
from shared.simulation.scenario import FaultKind
from tests.app.handlers_kit import HandlersKit
from tests.functions.entry import client, message

MINIMAL = Path(__file__).parents[1] / "pipelines" / "minimal.yaml"
NAMES = ("bakery", "sales", "weather")
DAY = "2026-03-02"


def folder_of(path: Path, *names: str) -> Path:
    """Write a policy file for each name, all of one shape."""
    for name in names:
        (path / f"{name}.yaml").write_text(MINIMAL.read_text().replace("weather", name), encoding="utf-8")
    return path


@dataclass
class Deployment:
    """Three pipelines on one store, each with its own outside world."""

    kits: dict[str, HandlersKit]
    store: MemoryStore

    def post(self, function: str, path: str = "/", body: Any = None) -> tuple[int, Any]:
        answer = client(function).post(path, data=b"" if body is None else json.dumps(body))
        return answer.status_code, answer.get_json()

    def push(self, function: str, topic: str, processor: str = "StationsJob") -> int:
        fields = {"processor_name": processor, "game_date": DAY, "status": "success"}
        body = {**message(json.dumps(fields).encode(), "m1"), "subscription": "s"}
        path = f"/projects/demo-p/topics/{topic}"
        return client(function).post(path, data=json.dumps(body), content_type="application/json").status_code

    def runs(self) -> dict[str, list[str]]:
        return {name: [run.key.id for run in all_runs(kit.ctx)] for name, kit in self.kits.items()}


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    store = MemoryStore()
    policies = load_policies(folder_of(tmp_path, *NAMES))
    kits = {policy.pipeline: HandlersKit(policy=policy, store=store) for policy in policies}
    with runtime.override_context(*(kit.ctx for kit in kits.values())):
        yield Deployment(kits, store)


def test_a_message_is_the_pipeline_s_of_its_topic(deployment: Deployment) -> None:
    """R3: whichever function it is pushed to, a completion opens a run of the pipeline that owns the topic alone."""
    assert deployment.push("phase2_to_phase3", "sales-collect-complete") == 200
    assert deployment.runs() == {"bakery": [], "sales": [f"sales/{DAY}/daily"], "weather": []}
    assert deployment.push("phase3_to_phase4", "weather-collect-complete") == 200
    assert deployment.runs()["weather"] == [f"weather/{DAY}/daily"]


def test_one_function_serves_every_transition(deployment: Deployment) -> None:
    """`transition` knows no pipeline of its own: each that is complete has its trigger sent, on its own topic."""
    for name in ("sales", "weather"):
        for processor in ("StationsJob", "radar"):
            assert deployment.push("transition", f"{name}-collect-complete", processor) == 200
    sent = {name: [publication.topic for publication in kit.published] for name, kit in deployment.kits.items()}
    assert sent == {"bakery": [], "sales": ["sales-forecast-trigger"], "weather": ["weather-forecast-trigger"]}
    assert deployment.push("transition", "sales-forecast-complete", "model") == 200
    key = RunKey("sales", date.fromisoformat(DAY), "daily")
    assert deployment.kits["sales"].state("collect_to_forecast", key).state is State.CONFIRMED


def test_a_message_of_no_pipeline_s_topic_is_kept(deployment: Deployment) -> None:
    """R1: acknowledged, in quarantine with the topic that nobody reports on; a probe without data is none."""
    assert deployment.push("transition", "strange-topic") == 200
    kept = quarantine(deployment.kits["bakery"].ctx)
    assert ["strange-topic" in kept_message.reason for kept_message in kept] == [True]
    assert deployment.runs() == {"bakery": [], "sales": [], "weather": []}
    empty = {"message": {"messageId": "m2", "attributes": {}}, "subscription": "s"}
    assert client("transition").post("/projects/demo-p/topics/strange-topic", data=json.dumps(empty)).status_code == 200
    assert len(quarantine(deployment.kits["bakery"].ctx)) == 1


def test_a_sweep_is_one_of_each_pipeline(deployment: Deployment) -> None:
    """Without a name every pipeline is swept, and each finding says whose it is."""
    for name in NAMES:
        deployment.push("phase2_to_phase3", f"{name}-collect-complete")
    status, findings = deployment.post("self_heal", body={"dry_run": True})
    assert status == 200
    assert {finding["pipeline"] for finding in findings} == set(NAMES)
    assert all(finding["run"].startswith(f"{finding['pipeline']}/") for finding in findings)


def test_a_sweep_of_one_pipeline_leaves_the_others(deployment: Deployment) -> None:
    """The body names a pipeline: its documents alone are looked at."""
    for name in NAMES:
        deployment.push("phase2_to_phase3", f"{name}-collect-complete")
    _, findings = deployment.post("self_heal", body={"pipeline": "sales", "dry_run": True})
    assert {finding["pipeline"] for finding in findings} == {"sales"}


@pytest.mark.parametrize(
    ("function", "path", "body"),
    [
        ("self_heal", "/", {"pipeline": "saels"}),
        ("validation_runner", "/?schedule=overnight&pipeline=saels", None),
        ("phase5_batches", "/status?pipeline=saels", None),
    ],
)
def test_a_pipeline_that_is_not_there_is_refused(deployment: Deployment, function: str, path: str, body: Any) -> None:
    """400, with the names that there are, and nothing is written."""
    answer = client(function).open(
        path, method="GET" if "status" in path else "POST", data=b"" if body is None else json.dumps(body)
    )
    assert answer.status_code == 400
    assert all(name in answer.get_json()["hint"] for name in NAMES)
    assert deployment.store.query("runs") == []


def test_the_fault_of_one_pipeline_is_no_other_s(deployment: Deployment) -> None:
    """A store that fails for one, and an error that nobody expected in another: the third is swept, and 207 said."""
    for name in NAMES:
        deployment.push("phase2_to_phase3", f"{name}-collect-complete")
    deployment.kits["bakery"].fail("state", FaultKind.UNAVAILABLE)
    damaged = [document for document in deployment.store.query("runs") if document.data["pipeline"] == "sales"]
    deployment.store.update(damaged[0].path, {**damaged[0].data, "opened_at": 7}, damaged[0].version)
    status, findings = deployment.post("self_heal")
    assert status == 207
    failed = {finding["pipeline"] for finding in findings if finding["result"] == "failed"}
    assert failed == {"bakery", "sales"}
    assert deployment.kits["sales"].texts("fault") != []
    assert deployment.kits["weather"].texts("fault") == []


def test_an_error_in_one_sweep_ends_no_other(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a sweep raises is told to the people of its pipeline and becomes a finding; the others answer."""
    swept: list[str] = []
    real = sweeps.handle_sweep

    def handle(ctx: Context, options: Any) -> Any:
        swept.append(ctx.policy.pipeline)
        if ctx.policy.pipeline == "bakery":
            raise KeyError("shelf")
        return real(ctx, options)

    monkeypatch.setattr(sweeps, "handle_sweep", handle)
    status, findings = deployment.post("self_heal")
    assert (status, sorted(swept)) == (207, sorted(NAMES))
    assert [finding["pipeline"] for finding in findings if finding["result"] == "failed"] == ["bakery"]
    assert len(deployment.kits["bakery"].texts("error")) == 1
    assert deployment.kits["sales"].texts("error") == []


def test_every_sweep_failing_is_said_so(deployment: Deployment) -> None:
    """The platform tries again what no pipeline got done: 500."""
    for kit in deployment.kits.values():
        kit.fail("state", FaultKind.UNAVAILABLE)
    status, findings = deployment.post("self_heal")
    assert status == 500
    assert {finding["pipeline"] for finding in findings} == set(NAMES)


def test_a_sweep_is_refused_as_a_whole(deployment: Deployment) -> None:
    """What one pipeline does not understand starts no sweep of any: half obeyed is not obeyed."""
    status, body = deployment.post("self_heal", body={"mode": "weekly"})
    assert status == 400
    assert "hint" in body
    assert deployment.store.query("locks") == []


def test_every_function_says_which_pipelines_it_serves(deployment: Deployment) -> None:
    """/health names them all in the place of the one."""
    for function in ("self_heal", "transition", "phase2_to_phase3", "health_check", "validation_runner"):
        health = client(function).get("/health").get_json()
        assert health["pipelines"] == list(NAMES)
        assert "pipeline" not in health


def test_readiness_is_that_of_every_pipeline(deployment: Deployment) -> None:
    """/ready by pipeline, 503 with the names of those that are not; of one alone with its name."""
    assert client("health_check").get("/ready").status_code == 200
    deployment.kits["sales"].fail("bus", FaultKind.UNAVAILABLE)
    deployment.kits["sales"].fail("warehouse", FaultKind.UNAVAILABLE)
    deployment.kits["sales"].ctx.memory.readiness = None
    answer = client("health_check").get("/ready")
    assert answer.status_code == 503
    assert answer.get_json()["status"] == "not ready: sales"
    assert set(answer.get_json()["pipelines"]) == set(NAMES)
    assert client("health_check").get("/ready?pipeline=weather").status_code == 200
    assert client("health_check").get("/ready?pipeline=sales").status_code == 503


def test_a_page_is_of_one_pipeline_and_leads_to_the_others(deployment: Deployment) -> None:
    """The first without a name; a run's id says whose page it stands on."""
    deployment.push("phase2_to_phase3", "weather-collect-complete")
    first = client("health_check").get("/").text
    assert "Pipeline bakery" in first
    for name in NAMES:
        assert f'href="?pipeline={name}"' in first
    assert "Pipeline sales" in client("health_check").get("/?pipeline=sales").text
    of_run = client("health_check").get(f"/?run=weather/{DAY}/daily")
    assert of_run.status_code == 200
    assert "Pipeline weather" in of_run.text
    unknown = client("health_check").get("/?pipeline=nba")
    assert unknown.status_code == 400
    assert "sales" in unknown.get_json()["hint"]


def test_each_pipeline_reports_to_its_own_people(deployment: Deployment) -> None:
    """POST /report sends one report of each; one that cannot be made is a fault of its own."""
    answer = client("health_check").post("/report")
    assert answer.status_code == 200
    assert set(answer.get_json()["pipelines"]) == set(NAMES)
    for name, kit in deployment.kits.items():
        [text] = kit.texts("report")
        assert text.startswith(f"{name}: daily report")


def test_the_environment_names_a_folder(tmp_path: Path) -> None:
    """ORCH_POLICY: a context for each policy by file name, and one store, bus and network between them."""
    variables = {**EMBEDDED, "ORCH_HOME": str(tmp_path / "home"), "ORCH_POLICY": str(folder_of(tmp_path, *NAMES))}
    made = runtime.contexts_of(variables)
    assert [ctx.policy.pipeline for ctx in made] == list(NAMES)
    for port in ("store", "bus", "http", "clock", "secrets"):
        assert len({id(getattr(ctx.ports, port)) for ctx in made}) == 1
    assert len({id(ctx.memory) for ctx in made}) == 3
    assert runtime.chosen(made, "sales") is made[1]


def test_which_of_several_has_to_be_said(tmp_path: Path) -> None:
    """None named, or one that is not there: refused with the names that there are."""
    variables = {**EMBEDDED, "ORCH_HOME": str(tmp_path / "home"), "ORCH_POLICY": str(folder_of(tmp_path, *NAMES))}
    for name in (None, "nba"):
        with pytest.raises(PolicyError, match="bakery, sales, weather"):
            runtime.from_environment(variables, name)


def test_a_folder_of_one_policy_is_that_policy(tmp_path: Path) -> None:
    """Nothing differs from naming the file itself: the same policy, and the same answers without a name."""
    home = {**EMBEDDED, "ORCH_HOME": str(tmp_path / "home")}
    folder = folder_of(tmp_path, "sales")
    of_file, of_folder = (
        runtime.from_environment({**home, "ORCH_POLICY": str(path)}) for path in (folder / "sales.yaml", folder)
    )
    assert of_file.policy == of_folder.policy
    kits = [HandlersKit(policy=ctx.policy, store=MemoryStore()) for ctx in (of_file, of_folder)]
    answers = []
    for kit in kits:
        with runtime.override_context(kit.ctx):
            asked = [client("health_check").get(path).get_json() for path in ("/health", "/ready", "/report")]
            answers.append([*asked, client("self_heal").post("/").get_json()])
    assert answers[0] == answers[1]
    assert answers[0][0]["pipeline"] == "sales"


def test_a_policy_of_the_folder_that_is_wrong_is_refused(tmp_path: Path) -> None:
    """What is wrong between two of them is told as what is wrong in one: file, key, hint."""
    folder_of(tmp_path, "sales")
    (tmp_path / "twice.yaml").write_text((tmp_path / "sales.yaml").read_text(), encoding="utf-8")
    with pytest.raises(PolicyError, match=r"twice\.yaml: pipeline"):
        runtime.contexts_of({**EMBEDDED, "ORCH_POLICY": str(tmp_path)})
