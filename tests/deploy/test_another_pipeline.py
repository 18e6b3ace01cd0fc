"""A pipeline is added as deploy/README.md tells it: its commands, typed in a clone as they stand there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.demo.clones import cloned
from tests.deploy.world import COMMIT, ROOT
from tests.tooling.test_readme import blocks
from tests.tooling.tiny_repository import run

GUIDE = ROOT / "deploy" / "README.md"


@pytest.mark.nightly
def test_the_guide_leads_from_two_files_to_a_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command succeeds; the plan has topics, subscriptions, rights, address and schedule of the new pipeline, and
    the manifest is as it was."""
    monkeypatch.setenv("COMMIT_SHA", COMMIT)
    clone = cloned(tmp_path / "a clone")
    before = (clone / "deploy" / "functions.yaml").read_bytes()
    [block] = [
        block for block in blocks(GUIDE.read_text(encoding="utf-8")) if block.run_by.endswith(Path(__file__).name)
    ]
    printed = []
    for command in block.commands:
        answer = run("bash", "-o", "pipefail", "-c", command, cwd=clone)
        assert answer.returncode == 0, f"$ {command}\n{answer.stdout}{answer.stderr}"
        printed.append(answer.stdout)
    *_, checked, planned = printed
    for name in ("harbour", "nba"):
        assert f"config/{name}.yaml: {name} is in order" in checked
    for line in (
        "topics create harbour-collect-complete ",
        "topics create harbour-publish-trigger ",
        "subscriptions create nba-transition--harbour-clean-complete ",
        "services add-iam-policy-binding harbour-clean ",
        "HARBOUR_CLEAN_URL=https://harbour-clean-123456789012.us-west2.run.app",
        "jobs create http nba-validation-harbour--daily ",
    ):
        assert line in planned, line
    assert (clone / "deploy" / "functions.yaml").read_bytes() == before
