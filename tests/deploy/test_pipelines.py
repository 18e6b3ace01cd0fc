"""cloudbuild.yaml and the workflows, judged by what will read them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.manifest import ROOT
from tests.emulators.gcloud import skip_or_fail

CLOUDBUILD = ROOT / "cloudbuild.yaml"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
LOADER = """
import sys
sys.path[:0] = [sys.argv[1] + "/lib", sys.argv[1] + "/lib/third_party"]
from googlecloudsdk.api_lib.cloudbuild import cloudbuild_util, config
from googlecloudsdk.core import properties
messages = cloudbuild_util.GetMessagesModule()
build = config.LoadCloudbuildConfigFromPath(sys.argv[2], messages, params={})
print(len(build.steps))
"""


def schema_says(schema: str, path: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "check_jsonschema", f"--builtin-schema={schema}", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def loader_says(path: Path) -> subprocess.CompletedProcess[str]:
    """Load a build the way `gcloud builds submit` does, with gcloud's own Python."""
    if shutil.which("gcloud") is None:
        skip_or_fail("gcloud is not on PATH")
    asked = ["gcloud", "info", "--format=json(basic.python_location,installation.sdk_root)"]
    info = json.loads(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
    python, root = info["basic"]["python_location"], info["installation"]["sdk_root"]
    return subprocess.run([python, "-c", LOADER, root, str(path)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("schema", "path"),
    [("vendor.cloudbuild", CLOUDBUILD), *(("vendor.github-workflows", path) for path in WORKFLOWS)],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_schema_takes_it(schema: str, path: Path) -> None:
    """The published schema finds no fault."""
    assert schema_says(schema, path) == (0, "ok -- validation done\n")


def test_a_schema_can_say_no(tmp_path: Path) -> None:
    """A misspelt key of a step is found."""
    path = tmp_path / "cloudbuild.yaml"
    path.write_text(CLOUDBUILD.read_text().replace("entrypoint:", "entrypiont:", 1))
    assert schema_says("vendor.cloudbuild", path)[0] == 1


def test_gclouds_own_loader_takes_the_build(tmp_path: Path) -> None:
    """gcloud reads each step, and refuses the same file with a key that it does not know."""
    good = loader_says(CLOUDBUILD)
    assert (good.returncode, good.stdout.strip()) == (0, "5"), good.stderr
    path = tmp_path / "cloudbuild.yaml"
    path.write_text(CLOUDBUILD.read_text().replace("entrypoint:", "entrypiont:", 1))
    bad = loader_says(path)
    assert bad.returncode != 0
    assert "entrypiont" in bad.stderr


def test_the_build_checks_before_it_deploys_and_compares_after() -> None:
    """Check, build, deploy what changed, compare: each step runs a script that exists."""
    steps: list[dict[str, Any]] = yaml.safe_load(CLOUDBUILD.read_text())["steps"]
    assert [step["id"] for step in steps] == ["history", "check", "build", "deploy", "drift"]
    assert steps[0]["entrypoint"] == "git"
    scripts = [ROOT / step["entrypoint"] for step in steps[1:]]
    assert all(script.is_file() and script.stat().st_mode & 0o100 for script in scripts)


def test_the_workflows_run_what_they_should() -> None:
    """ci runs the one gate; drift runs daily, needs no stored key, and may write one issue."""
    ci, drift = ((ROOT / f".github/workflows/{name}.yml").read_text() for name in ("ci", "drift"))
    assert "run: bin/check\n" in ci
    assert "bin/check-drift" in drift
    assert "credentials_json" not in drift
    on = yaml.safe_load(drift)[True]  # YAML reads a bare `on` as true
    assert len(on["schedule"]) == 1
    assert on["schedule"][0]["cron"].split()[2:] == ["*", "*", "*"]


# Asked of no registry yet; an image leaves this list when its digest is written down.
WITHOUT_DIGEST = {"gcr.io/google.com/cloudsdktool/google-cloud-cli:528.0.0"}


def test_an_image_without_a_digest_is_named_with_the_line_that_asks_for_it() -> None:
    """Every image has its exact version; those that are not pinned are listed, here and in the deploy guide."""
    build = yaml.safe_load(CLOUDBUILD.read_text())
    used = {step["name"].replace("$_IMAGE", build["substitutions"]["_IMAGE"]) for step in build["steps"]}
    assert [name for name in used if not re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?", name)] == []
    assert {name for name in used if "@sha256:" not in name} == WITHOUT_DIGEST
    guide = (ROOT / "deploy/README.md").read_text()
    assert [name for name in WITHOUT_DIGEST if f"gcloud container images describe {name} --format=" not in guide] == []


def test_the_image_of_the_build_has_what_the_steps_run() -> None:
    """Steps ask git and gcloud's alpha track; of Google's images only the one without a variant has both.

    The variant with the emulators has no git, so no step could tell the commit; the others have no emulators.
    """
    image = yaml.safe_load(CLOUDBUILD.read_text())["substitutions"]["_IMAGE"]
    assert re.fullmatch(r"[\d.]+", image.partition("@")[0].rpartition(":")[2])


PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_to_a_commit(path: Path) -> None:
    """A tag can be moved by whoever owns the action; a commit cannot. Its version stands beside it."""
    used = [line.strip().removeprefix("- ") for line in path.read_text().splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not PINNED.fullmatch(line)] == []


def test_an_action_has_one_commit_in_all_workflows() -> None:
    """A workflow that is forgotten when another is renewed would go on with the older one."""
    used = {line.strip().removeprefix("- ") for path in WORKFLOWS for line in path.read_text().splitlines()}
    pins = [line.partition("@") for line in used if line.startswith("uses:")]
    assert len({name for name, _, _ in pins}) == len(pins) == 5


RIGHTS = {
    "ci.yml": {"check": {"contents": "read"}},
    "drift.yml": {"drift": {"contents": "read", "id-token": "write", "issues": "write"}},
    "audit.yml": {"audit": {"contents": "read"}},
    "nightly.yml": {"releases": {"contents": "read"}},
}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_job_has_the_rights_that_it_needs_and_no_others(path: Path) -> None:
    """None for the workflow, each job its own; no token of the checkout is left for what runs after it."""
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {}
    assert {name: job["permissions"] for name, job in workflow["jobs"].items()} == RIGHTS[path.name]
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert [checkout["with"]["persist-credentials"] for checkout in checkouts] == [False]


def test_advisories_are_asked_about_each_night() -> None:
    """By the script that says so where it could not be done."""
    audit = yaml.safe_load((ROOT / ".github/workflows/audit.yml").read_text())
    assert [schedule["cron"].split()[2:] for schedule in audit[True]["schedule"]] == [["*", "*", "*"]]
    assert audit["jobs"]["audit"]["steps"][-1] == {"run": "bin/audit"}


def test_the_drift_workflow_keeps_what_was_said(tmp_path: Path) -> None:
    """What differs goes into the issue; if nothing could be compared, why not; the status goes on to the next step."""
    steps = yaml.safe_load((ROOT / ".github/workflows/drift.yml").read_text())["jobs"]["drift"]["steps"]
    script = next(step["run"] for step in steps if step.get("id") == "compare")
    (tmp_path / "bin").mkdir()
    for body, status, kept in (
        ("echo red; echo talk >&2; exit 1", "1", "red\n"),
        ("echo no account >&2; exit 2", "2", "no account\n"),
        ("echo same", "0", "same\n"),
    ):
        (tmp_path / "bin/check-drift").write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / "bin/check-drift").chmod(0o755)
        env = {"PATH": "/usr/bin:/bin", "GITHUB_OUTPUT": str(tmp_path / "output")}
        subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=env, check=True, capture_output=True)
        assert (tmp_path / "output").read_text().splitlines()[-1] == f"status={status}"
        assert (tmp_path / "drift.txt").read_text() == kept


def test_the_shell_of_the_drift_workflow_keeps_one_issue(tmp_path: Path) -> None:
    """Drift opens an issue, drift again edits the same one, sameness closes it."""
    steps = yaml.safe_load((ROOT / ".github/workflows/drift.yml").read_text())["jobs"]["drift"]["steps"]
    script = next(step["run"] for step in steps if step.get("name") == "keep one issue up to date")
    (tmp_path / "gh").write_text(
        '#!/bin/sh\necho "$1 $2 $3" >> calls\n'
        'case "$2" in list) cat number;; create) echo 7 > number;; close) : > number;; esac\n'
    )
    (tmp_path / "gh").chmod(0o755)
    (tmp_path / "number").write_text("")
    (tmp_path / "drift.txt").write_text("red function x\n")
    for status in ("1", "1", "2", "0", "0"):
        env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "STATUS": status, "GH_TOKEN": "x"}
        subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, env=env, check=True)
    calls = [line for line in (tmp_path / "calls").read_text().splitlines() if " list " not in line]
    assert calls == ["issue create --title", "issue edit 7", "issue edit 7", "issue close 7"]
