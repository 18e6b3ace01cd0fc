"""bin/deploy and bin/check-drift as people run them, with a stand-in gcloud, bq and curl on PATH."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from deploy import bundle, command, monitoring
from deploy.manifest import ROOT
from deploy.runner import Subprocess
from tests.deploy.on_path import on_path
from tests.deploy.standin import NUMBER, Cloud
from tests.deploy.world import PLACE, furnished, manifest
from tests.tooling.tiny_repository import run

BUNDLE_OF = bundle.bundle_of


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """A project that holds the services of others."""
    return furnished(Cloud(tmp_path))


@pytest.fixture
def work_folder(tmp_path: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with fresh bundles; gcloud, bq and curl on PATH know the project."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(command, "BUILD", tmp_path / "build")
    monkeypatch.setattr(command, "Subprocess", lambda folder: Subprocess(tmp_path))
    # One reading of the tree for the whole test: somebody may be editing it.
    monkeypatch.setattr(bundle, "bundle_of", lambda function: bundle_of_tree(function.folder))
    with on_path(tmp_path / "bin", cloud):
        yield tmp_path


@cache
def bundle_of_tree(folder: str) -> bundle.Bundle:
    return BUNDLE_OF(manifest().functions[folder])


def build(work_folder: Path) -> None:
    assert command.call(["build", "--out", str(work_folder / "build")]) == 0


@pytest.mark.slow
def test_apply_says_first_and_does_then(work_folder: Path, cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --yes nothing changes; with it everything is made."""
    build(work_folder)
    assert command.call(["apply", "self_heal", "--project=demo-orch"]) == 0
    output = capsys.readouterr().out
    assert "create   function nba-self-heal" in output
    assert "would change; nothing was changed (--yes does it)" in output
    assert cloud.store("topics") == {}
    assert command.call(["apply", "self_heal", "--project=demo-orch", "--yes"]) == 0
    assert "created  function nba-self-heal" in capsys.readouterr().out
    assert list(cloud.store("functions")) == ["nba-self-heal"]
    assert list(cloud.store("jobs")) == ["nba-self-heal"]


def test_apply_refuses_bundles_of_another_tree(
    work_folder: Path, cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    """What lies in build/ must be what the tree yields: an edited bundle is never deployed."""
    build(work_folder)
    (work_folder / "build/self_heal/shared/core/decision/decide.py").write_text("x = 1\n")
    assert command.call(["apply", "self_heal", f"--number={NUMBER}", "--project=demo-orch", "--yes"]) == 1
    assert "build/self_heal is not what the tree yields" in capsys.readouterr().err
    assert cloud.store("topics") == {}


def test_a_plan_is_printed_without_any_cloud(capsys: pytest.CaptureFixture[str]) -> None:
    """With the project's number given a plan needs nobody; --json is for scripts."""
    assert command.call(["plan", "--project=demo-orch", f"--number={NUMBER}"]) == 0
    text = capsys.readouterr().out
    assert "# function nba-self-heal" in text
    assert "gcloud scheduler jobs create http nba-self-heal" in text
    assert command.call(["plan", "self_heal", "--project=demo-orch", f"--number={NUMBER}", "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)
    assert {step["function"] for step in steps} == {"", "self_heal"}


def test_drift_has_three_statuses(work_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty project is drift, status 1; a gcloud that cannot read is status 2; --json says the same in JSON."""
    assert command.call(["check-drift", "--project=demo-orch", f"--number={NUMBER}", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["status"] == "drift"
    assert {"colour": "red", "where": "function nba-self-heal", "what": "existence"}.items() <= next(
        finding for finding in report["findings"] if finding["where"] == "function nba-self-heal"
    ).items()
    for name in ("gcloud", "bq"):
        (work_folder / "bin" / name).write_text("#!/bin/sh\necho 'ERROR: (gcloud) UNAUTHENTICATED' >&2\nexit 1\n")
    assert command.call(["check-drift", "--project=demo-orch", f"--number={NUMBER}", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["status"] == "could not tell"


@pytest.mark.slow
def test_what_was_applied_is_the_same(work_folder: Path, cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """After `apply --yes` of everything the drift check ends with 0; one paused schedule makes it 1, by name."""
    build(work_folder)
    assert command.call(["apply", "--project=demo-orch", "--yes"]) == 0
    capsys.readouterr()
    assert command.call(["check-drift", "--project=demo-orch"]) == 0
    output = capsys.readouterr().out
    assert output.splitlines()[-1].startswith("same: ")
    assert len([line for line in output.splitlines() if ": commit " in line]) == len(manifest().functions)
    cloud.store("jobs")["nba-self-heal"]["state"] = "PAUSED"
    assert command.call(["check-drift", "--project=demo-orch"]) == 1
    assert "red     schedule state nba-self-heal: state: wanted ENABLED, found PAUSED" in capsys.readouterr().out


def test_an_unknown_project_is_named(work_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The number is asked of gcloud; a project that is not there is status 2 with a hint."""
    (work_folder / "bin/gcloud").write_text("#!/bin/sh\necho 'ERROR: NOT_FOUND' >&2\nexit 1\n")
    assert command.call(["check-drift", "--project=nowhere"]) == 2
    assert "project nowhere is not there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("script", "words", "message"),
    [
        ("deploy", [], "Usage: bin/deploy"),
        ("deploy", ["aply"], "No such command 'aply'"),
        ("deploy", ["plan"], "Missing option '--project'"),
        ("deploy", ["apply", "--project=p", "--yse"], "No such option: --yse"),
        ("deploy", ["plan", "--project=p", "--number=1", "self_heel"], "no function self_heel"),
        ("check-drift", [], "no project is named"),
        ("build", ["self_heel"], "no function self_heel"),
    ],
)
def test_a_wrong_call_is_told_and_is_status_2(tmp_path: Path, script: str, words: list[str], message: str) -> None:
    """What was wrong and a hint, no traceback; and never 1, which is drift."""
    answer = run(ROOT / "bin" / script, *words, cwd=tmp_path)
    assert answer.returncode == 2
    assert message in answer.stderr + answer.stdout
    assert "Traceback" not in answer.stderr
    assert message.startswith("Usage") or "hint: " in answer.stderr


def test_without_credentials_one_error_is_told(work_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No account: a dry run ends at its first reading with what gcloud said, and not with "nothing would change"."""
    words = (
        "ERROR: (gcloud.x) You do not currently have an active account selected.\nPlease run:\n\n  $ gcloud auth login"
    )
    (work_folder / "bin/gcloud").write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{words}\nEND\nexit 1\n")
    assert command.call(["apply", "--project=demo-orch", f"--number={NUMBER}"]) == 1
    streams = capsys.readouterr()
    assert "would change" not in streams.out
    assert "active account" in streams.err
    assert "hint: bin/orch doctor" in streams.err


def test_what_belongs_to_an_api_that_is_off_would_be_made(
    work_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In an empty project most APIs are off: a dry run counts what they would hold as to be made."""
    words = "ERROR: (gcloud.x) PERMISSION_DENIED: The API has not been used in project 1 before or it is disabled."
    (work_folder / "bin/gcloud").write_text(
        f'#!/bin/sh\ncase "$1" in services) echo "[]";; *) echo "{words}" >&2; exit 1;; esac\n'
    )
    assert command.call(["apply", "self_heal", "--project=demo-orch", f"--number={NUMBER}"]) == 0
    output = capsys.readouterr().out
    assert "create   topic nba-phase6-export-trigger" in output
    assert "unknown" not in output


def test_an_interruption_is_told(
    work_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C ends with 130 and says how to go on."""

    def stop(line: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "Subprocess", lambda folder: stop)
    assert command.call(["apply", "--project=demo-orch", f"--number={NUMBER}"]) == 130
    assert "the same command goes on where it stopped" in capsys.readouterr().err


def test_what_cannot_be_read_is_counted_and_is_status_1(work_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run that could not look everywhere says so: by thing, with the reason, and at the end."""
    (work_folder / "bin/bq").write_text(
        "#!/bin/sh\necho 'ERROR: (bq) no such project' >&2\necho 'see bq help' >&2\nexit 1\n"
    )
    assert command.call(["apply", "self_heal", "--project=demo-orch", f"--number={NUMBER}"]) == 1
    streams = capsys.readouterr()
    assert "unknown  table alerts: ERROR: (bq) no such project" in streams.out
    assert "21 could not be read, and may change too" in streams.err


def test_the_scripts_start_from_anywhere(tmp_path: Path) -> None:
    """bin/deploy and bin/check-drift show their help, whatever the folder."""
    for script, word in (("deploy", "plan"), ("check-drift", "drift")):
        answer = run(ROOT / "bin" / script, "--help", cwd=tmp_path)
        assert answer.returncode == 0, answer.stderr
        assert word in answer.stdout


def test_what_bin_build_renders_is_what_apply_reads(work_folder: Path) -> None:
    """The files that the plan names exist after a build."""
    build(work_folder)
    named = {f"build/observability/{name}" for name in monitoring.rendered(manifest()) if not name.startswith("slos/")}
    assert all((work_folder / name).is_file() for name in named)
    assert bundle.read(work_folder / "build", "self_heal") is not None
    assert PLACE.url("x") == f"https://x-{NUMBER}.us-west2.run.app"
