"""What is missing on the machine is said when it is first asked for, with what to do: never by a trace back later."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared import runtime
from shared.adapters.local.duckdb import DuckDbAuditLog
from shared.cli import monitor
from shared.cli.entry import call
from shared.core.errors import PolicyError
from tests.tooling.tiny_repository import ROOT


@pytest.mark.parametrize("made", [False, True])
def test_a_record_without_its_schemas_is_refused_when_it_is_made(tmp_path: Path, made: bool) -> None:
    """An absent folder and an empty one alike: not at the first row, whose failure would be taken for an outage."""
    folder = tmp_path / "bigquery"
    if made:
        folder.mkdir()
    with pytest.raises(PolicyError, match="holds no schema") as refused:
        DuckDbAuditLog(tmp_path / "house.duckdb", "nba_orchestration", schemas=folder)
    assert "git checkout deploy/bigquery" in refused.value.hint
    assert not (tmp_path / "house.duckdb").exists()


@pytest.mark.parametrize("command", ["completeness", "failures"])
def test_a_monitor_without_a_project_is_a_wrong_call(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """64 with the variable and a hint: no check was broken, and nothing is logged as if one were."""
    with runtime.override_context(runtime.from_environment({})):
        assert call(monitor.app, [command], "monitor", monitor.USAGE, monitor.UNREADABLE) == monitor.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert "GOOGLE_CLOUD_PROJECT: is not set" in err
    assert "hint:" in err
    assert "Traceback" not in err


LIGHT = """
import sys
from importlib.abc import MetaPathFinder


class Light(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("google", "grpc"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Light())
module, *sys.argv[1:] = sys.argv[1:]
import runpy
runpy.run_module(module, run_name="__main__")
"""


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (("shared.cli.monitor", "failures"), 64),
        (("shared.cli.monitor", "completeness"), 64),
        (("shared.cli.trends",), 2),
        (("shared.cli.main", "status"), 2),
        (("shared.cli.main", "report", "2026-01-21"), 2),
    ],
)
def test_the_light_environment_says_that_it_lacks_googles_libraries(command: tuple[str, ...], status: int) -> None:
    """What `bin/demo` installs cannot ask a project: each command says so, with what to do, and no trace back."""
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "GOOGLE_CLOUD_PROJECT": "demo-light"}
    asked = subprocess.run(
        [sys.executable, "-c", LIGHT, *command], env=variables, capture_output=True, text=True, check=False, timeout=60
    )
    assert asked.returncode == status, asked.stderr
    assert "the light environment has no" in asked.stderr
    assert "hint:" in asked.stderr
    assert "Traceback" not in asked.stderr + asked.stdout
