"""`orch limits`: every quota with what is asked of it, from files alone; what passes is told with what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.core.costs.price import Limit
from shared.core.limits.documented import OWN
from tests.app.handlers_kit import HandlersKit
from tests.emulators.server import ROOT
from tests.policy_files import PRODUCTION

MINIMAL = str(ROOT / "tests" / "pipelines" / "minimal.yaml")


def limits(*argv: str) -> tuple[int, str]:
    return HandlersKit().orch("limits", str(PRODUCTION), *argv)


def items(*argv: str) -> dict[str, Any]:
    _, output = limits("--json", *argv)
    document = json.loads(output[output.index("{") :])
    assert document["schema_version"] == 1
    return {item["quota"]: item for item in document["items"]}


def test_it_needs_neither_credentials_nor_state(tmp_path: Path) -> None:
    """From an empty folder, next to no environment: one pipeline fits, status 0, nothing written."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-P", "-m", "shared.cli.main", "limits", "--pipelines", "1"]
    answer = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    first, *_, last = answer.stdout.splitlines()
    assert first.split() == ["quota", "limit", "held", "to", "1", "unit"]
    assert last.startswith("pushed_at_once waits from 1 on: raise instances.max of the function")
    assert list(tmp_path.iterdir()) == []


def test_a_thousand_pipelines_pass_and_are_told_what_to_do() -> None:
    """Without options 1, 100 and 1,000 stand side by side; status 1, for the last passes quotas, each with advice."""
    status, output = limits()
    assert status == 1
    assert "topics passes from 1,000 on: a second project for topics, or a raised quota" in output.splitlines()
    uses = items()
    assert set(uses) == {ceiling.name for ceiling in OWN} | {limit.value for limit in Limit}
    for item in uses.values():
        assert [asked["pipelines"] for asked in item["asked"]] == [1, 100, 1000]
        assert item["source"].startswith("https://")
        assert "" not in (item["governor"], item["where"], item["test"], item["advice"])


def test_deployments_of_their_own_take_the_crowd_apart() -> None:
    """A hundred pipelines on a hundred deployments are a crowd of one each; their schedules are a hundred times as
    many."""
    together, apart = (items("--pipelines", "100", "--deployments", number) for number in ("1", "100"))
    assert (together["pushed_at_once"]["asked"][0]["asked"], apart["pushed_at_once"]["asked"][0]["asked"]) == (
        16_100,
        161,
    )
    assert apart["schedules"]["asked"][0]["asked"] == 100 * together["schedules"]["asked"][0]["asked"]


def test_another_policy_has_limits_of_its_own() -> None:
    """A file as argument, as of `orch cost`."""
    status, output = HandlersKit().orch("limits", MINIMAL, "--pipelines", "1")
    assert status == 0, output
    assert "insert_id" in output


@pytest.mark.parametrize("argv", [["--pipelines", "0"], ["absent.yaml"], ["--deployments", "none"]])
def test_what_is_wrong_with_a_call_is_said(argv: list[str]) -> None:
    """Status 2, and nothing is calculated."""
    status, output = HandlersKit().orch("limits", *argv)
    assert status == 2
    assert "insert_id" not in output
