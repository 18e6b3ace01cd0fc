"""Of several policies in a folder each has its own checks and workflows: by the file's name, or by what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shared import runtime
from shared.adapters.config.beside import own_file
from shared.adapters.config.policy_file import load_policy
from shared.app.context import Context
from shared.core.errors import PolicyError
from shared.core.policy.policy import Policy
from shared.entrypoints.validation import own_checks
from shared.entrypoints.workflows import with_workflows

ROOT = Path(__file__).parents[2]
MINIMAL = ROOT / "tests" / "pipelines" / "minimal.yaml"
WORKFLOWS = (ROOT / "config" / "workflows.yaml").read_text(encoding="utf-8")


def policy_of(folder: Path, name: str) -> Policy:
    path = folder / f"{name}.yaml"
    path.write_text(MINIMAL.read_text(encoding="utf-8").replace("weather", name), encoding="utf-8")
    return load_policy(path)


def test_a_file_belongs_to_the_pipeline_it_names(tmp_path: Path) -> None:
    """`STEM.KIND.yaml` comes first, then `KIND.yaml` unless it says that it is another's; else there is none."""
    sales, weather = policy_of(tmp_path, "sales"), policy_of(tmp_path, "weather")
    shared, own = tmp_path / "workflows.yaml", tmp_path / "sales.workflows.yaml"
    assert own_file(sales, "workflows") is None
    shared.write_text("workflows: {}\n", encoding="utf-8")
    assert [own_file(policy, "workflows") for policy in (sales, weather)] == [shared, shared]
    shared.write_text('# whose\npipeline: "weather"\nworkflows: {}\n', encoding="utf-8")
    assert [own_file(policy, "workflows") for policy in (sales, weather)] == [None, shared]
    own.write_text("workflows: {}\n", encoding="utf-8")
    assert [own_file(policy, "workflows") for policy in (sales, weather)] == [own, shared]


def contexts(folder: Path, monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, Context]:
    for name in ("ORCH_WORKFLOWS", "ORCH_VALIDATION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    made = runtime.contexts_of({"ORCH_POLICY": str(folder), "ORCH_HOME": str(folder), "ORCH_STATE": "sqlite"})
    return {ctx.policy.pipeline: ctx for ctx in made}


def nba_and_sales(folder: Path, whose: str = "") -> Path:
    policy_of(folder, "sales")
    (folder / "nba.yaml").write_text((ROOT / "config" / "nba.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    text = WORKFLOWS if not whose else WORKFLOWS.replace("pipeline: nba\n", whose)
    (folder / "workflows.yaml").write_text(text, encoding="utf-8")
    return folder


def test_each_pipeline_has_its_own_workflows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What says that it is nba's is nobody else's, whether it lies beside the policies or the environment names it."""
    for variables in ({}, {"ORCH_WORKFLOWS": str(tmp_path / "workflows.yaml")}):
        pipeline_contexts = contexts(nba_and_sales(tmp_path), monkeypatch, **variables)
        with runtime.override_context(*pipeline_contexts.values()):
            assert with_workflows(pipeline_contexts["nba"]).workflows is not None
            assert with_workflows(pipeline_contexts["sales"]).workflows is None


def test_of_several_a_workflow_file_has_to_say_whose_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused with file, key and hint; of one pipeline alone nothing needs to be said."""
    pipeline_contexts = contexts(nba_and_sales(tmp_path, "\n"), monkeypatch)
    with (
        runtime.override_context(*pipeline_contexts.values()),
        pytest.raises(PolicyError, match="pipeline: is missing"),
    ):
        with_workflows(pipeline_contexts["nba"])
    alone = replace(pipeline_contexts["nba"], several=False)
    assert with_workflows(alone).workflows is not None


def test_a_workflow_file_of_another_pipeline_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One pipeline alone that is given another's file is told so, with both names."""
    pipeline_contexts = contexts(nba_and_sales(tmp_path, "pipeline: sales\n"), monkeypatch)
    monkeypatch.setenv("ORCH_WORKFLOWS", str(tmp_path / "workflows.yaml"))
    with pytest.raises(PolicyError, match="is sales, the policy's is nba"):
        with_workflows(replace(pipeline_contexts["nba"], several=False))


def test_a_slip_in_the_name_is_no_other_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What names a pipeline that no policy of the folder is, is refused, and not taken for somebody else's."""
    pipeline_contexts = contexts(nba_and_sales(tmp_path, "pipeline: nbaa\n"), monkeypatch)
    with pytest.raises(PolicyError, match="is nbaa, the policy's is nba"):
        with_workflows(pipeline_contexts["nba"])


def test_each_pipeline_has_its_own_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks in `config/` are nba's: it has them wherever its policy lies, and no other pipeline has."""
    pipeline_contexts = contexts(nba_and_sales(tmp_path), monkeypatch)
    with runtime.override_context(*pipeline_contexts.values()):
        nba, sales = own_checks(pipeline_contexts["nba"]), own_checks(pipeline_contexts["sales"])
    assert nba is not None
    assert nba.pipeline == "nba"
    assert sales is None
