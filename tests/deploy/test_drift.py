"""What `bin/check-drift` finds, one kind of drift at a time."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deploy.apply import apply
from deploy.command_line import CommandLine
from deploy.drift import DRIFT, SAME, UNKNOWN, Colour, Report, drift
from deploy.git import changed, left_at
from deploy.manifest import BuildInfo
from deploy.plan import plan
from deploy.runner import CommandResult
from tests.deploy.drifts import DRIFTS, FUNCTION, grant, variable
from tests.deploy.standin import Cloud
from tests.deploy.world import PLACE, build_info, load_changed, manifest, project

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANSWERS = Path(__file__).parent / "answers"  # written after the API references, not taken from a project


def look(cloud: Any, given: BuildInfo, hours_since_change: float = 1) -> Report:
    """Check drift once; every function's sources changed that many hours ago."""
    changed = NOW - timedelta(hours=hours_since_change)

    def left_at(folder: str, commit: str) -> datetime | None:
        return changed if folder in manifest().functions and commit else None

    return drift(manifest(), PLACE, plan(manifest(), PLACE, given), cloud, left_at, NOW)


@cache
def deployed(folder: Path) -> str:
    """Return the state of a project in which everything was deployed."""
    cloud = project(folder)
    list(apply(plan(manifest(), PLACE, build_info()), cloud))
    return cloud.state()


@pytest.fixture
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    folder = Path(tmp_path_factory.getbasetemp()) / "drift"
    folder.mkdir(exist_ok=True)
    return Cloud(folder, kinds=json.loads(deployed(folder)))


def test_what_was_just_deployed_is_the_same(cloud: Cloud) -> None:
    """No finding, status 0, and the commit, digest and revision of each function."""
    report = look(cloud, build_info())
    assert (report.status, report.findings) == (SAME, ())
    assert report.functions["self_heal"]["revision"] == "nba-self-heal-00001"
    assert report.functions["self_heal"]["commit"] == build_info().commit


@pytest.mark.parametrize("kind", DRIFTS)
def test_each_kind_of_drift_is_red(cloud: Cloud, kind: str) -> None:
    """One thing changed by hand: status 1, and a red finding that names it."""
    assert len(DRIFTS) > 90
    change, where, what = DRIFTS[kind]
    change(cloud)
    report = look(cloud, build_info())
    findings = [(finding.where, finding.what.split(" (")[0], finding.colour) for finding in report.findings]
    assert (where, what, Colour.RED) in findings, findings
    assert report.status == DRIFT


@pytest.mark.parametrize("topic", [*manifest().topics, manifest().dead_letter.topic])
def test_a_subscription_that_nobody_declared_is_found_on_every_topic(cloud: Cloud, topic: str) -> None:
    """Whatever its name: completions, triggers and dead letters, each topic is watched."""
    name = "projects/demo-orch/subscriptions/eventarc-us-west2-old-sub-123"
    cloud.store("subscriptions")["old"] = {"name": name, "topic": f"projects/demo-orch/topics/{topic}"}
    assert [(finding.where, finding.what, finding.colour) for finding in look(cloud, build_info()).findings] == [
        ("subscription eventarc-us-west2-old-sub-123", "orphan", Colour.RED)
    ]


def test_a_right_that_the_manifest_leaves_to_others_is_no_drift(cloud: Cloud, tmp_path: Path) -> None:
    """Declared under granted_by_others it is in peace; the same member's other right on it is not."""
    topic, who = "nba-phase2-raw-complete", "serviceAccount:raw@demo-orch.iam.gserviceaccount.com"
    grants = [{"member": who, "role": "roles/pubsub.publisher", "scope": f"topic/{topic}"}]
    declared = load_changed(tmp_path, {"granted_by_others": grants})
    for role in ("roles/pubsub.publisher", "roles/pubsub.admin"):
        grant("topics", topic, role, who)(cloud)
    report = drift(declared, PLACE, plan(declared, PLACE, build_info()), cloud, lambda folder, commit: None, NOW)
    assert [(finding.where, finding.what) for finding in report.findings] == [
        (f"topic role {topic} roles/pubsub.admin {who}", "member")
    ]
    (line,) = [finding.hint for finding in report.findings]
    assert line.startswith(f"gcloud pubsub topics remove-iam-policy-binding {topic} ")


def test_rights_on_the_project_of_people_are_their_owners_business(cloud: Cloud) -> None:
    """An owner, or an account that is not ours, may have what it has there."""
    for member in ("user:owner@example.com", "serviceAccount:other@demo-orch.iam.gserviceaccount.com"):
        grant("projects", PLACE.project, "roles/owner", member)(cloud)
    assert look(cloud, build_info()).findings == ()


def test_a_policy_that_cannot_be_read_is_named_and_the_others_are_judged(cloud: Cloud) -> None:
    """Blind for one thing's rights, the check says so, and still sees everybody elsewhere."""
    grant("services", FUNCTION, "roles/run.invoker", "allUsers")(cloud)

    def blind(line: CommandLine) -> CommandResult:
        if line.command.startswith("gcloud secrets get-iam-policy slack-webhook-error"):
            return CommandResult(1, "", "ERROR: (gcloud) PERMISSION_DENIED: no")
        return cloud(line)

    findings = {(finding.where, finding.colour) for finding in look(blind, build_info()).findings}
    assert ("policy of secret slack-webhook-error", Colour.UNKNOWN) in findings
    assert (f"service role {FUNCTION} roles/run.invoker allUsers", Colour.RED) in findings


def test_an_expected_reader_of_a_topic_is_no_orphan(cloud: Cloud) -> None:
    """A subscription that the manifest names as somebody else's is left in peace."""
    name = "projects/demo-orch/subscriptions/phase6-export-sub"
    cloud.store("subscriptions")["outside"] = {
        "name": name,
        "topic": "projects/demo-orch/topics/nba-phase6-export-trigger",
    }
    assert look(cloud, build_info()).status == SAME


@pytest.mark.parametrize(("hours", "colour"), [(23, Colour.AMBER), (24, Colour.AMBER), (24.1, Colour.RED)])
def test_code_that_is_older_than_the_tree_is_due_for_a_day(cloud: Cloud, hours: float, colour: Colour) -> None:
    """Other source than the tree's is amber for 24 hours after the change, then red; both are drift."""
    report = look(cloud, build_info("b"), hours)
    assert {finding.colour for finding in report.findings} == {colour}
    assert report.status == DRIFT


def test_code_of_a_commit_that_nobody_knows_is_red(cloud: Cloud) -> None:
    """Deployed from elsewhere, or not from a commit at all: nobody can say that it is only a deploy that is due."""
    for name in cloud.store("functions"):
        cloud.store("functions")[name]["labels"]["commit-sha"] = ""
    digests = [finding for finding in look(cloud, build_info("b"), 1).findings if "digest" in finding.what.lower()]
    assert {digest.colour for digest in digests} == {Colour.RED}


def test_staleness_is_counted_from_when_the_tree_left_what_runs(tmp_path: Path) -> None:
    """A tree that changes every day does not make code of last month fresh; a branch counts from its merge."""
    day = [f"2026-11-{number:02}T12:00:00+00:00" for number in range(1, 9)]
    git(tmp_path, "init", "-q", "-b", "main")
    deployed = commit(tmp_path, "shared/a.py", day[0])
    commit(tmp_path, "docs/b.md", day[1])
    git(tmp_path, "checkout", "-q", "-b", "side")
    commit(tmp_path, "shared/c.py", day[2])
    git(tmp_path, "checkout", "-q", "main")
    commit(tmp_path, "docs/d.md", day[3])
    git(tmp_path, "merge", "-q", "--no-ff", "-m", "merge", "side", at=day[4])
    latest = commit(tmp_path, "shared/a.py", day[6])
    ours = ["shared/a.py", "shared/c.py"]
    assert left_at(tmp_path, deployed, ours) == datetime(2026, 11, 5, 12, tzinfo=UTC)
    assert left_at(tmp_path, deployed, ["shared/a.py"]) == datetime(2026, 11, 7, 12, tzinfo=UTC)
    assert left_at(tmp_path, latest, ours) is None
    assert left_at(tmp_path, "0" * 40, ours) is None


def test_what_is_not_committed_is_named(tmp_path: Path) -> None:
    """An edited file and a new one, of those that are asked for."""
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, "shared/a.py", "2026-11-01T12:00:00+00:00")
    assert changed(tmp_path, ["shared"]) == []
    (tmp_path / "shared/a.py").write_text("edited")
    (tmp_path / "shared/new.py").write_text("new")
    (tmp_path / "other.py").write_text("new")
    assert changed(tmp_path, ["shared"]) == ["shared/a.py", "shared/new.py"]


def git(folder: Path, *words: str, at: str = "2026-11-01T12:00:00+00:00") -> str:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_COMMITTER_DATE": at, "GIT_AUTHOR_DATE": at}
    names = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
    command = ["git", "-C", str(folder), *names, *words]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip()


def commit(folder: Path, name: str, at: str) -> str:
    (folder / name).parent.mkdir(exist_ok=True)
    with (folder / name).open("a") as file:
        file.write(f"{at}\n")
    git(folder, "add", name, at=at)
    git(folder, "commit", "-q", "-m", "change", at=at)
    return git(folder, "rev-parse", "HEAD")


def test_an_older_commit_with_the_same_source_is_no_drift(cloud: Cloud) -> None:
    """A commit that changed nothing of a function does not make it stale."""
    assert look(cloud, BuildInfo("f" * 40, build_info().digests)).status == SAME


def test_what_cannot_be_read_is_unknown(cloud: Cloud) -> None:
    """Without the right to read a schedule nothing is said of it, and the status is 2; drift elsewhere makes it 1."""

    def blind(line: CommandLine) -> CommandResult:
        if "scheduler" in line.words:
            return CommandResult(
                1, "", "ERROR: (gcloud) PERMISSION_DENIED: the caller does not have permission, or not found"
            )
        return cloud(line)

    report = look(blind, build_info())
    assert report.status == UNKNOWN
    assert {"schedule nba-self-heal", "schedule state nba-self-heal", "orphans"} <= {
        finding.where for finding in report.findings
    }
    assert {finding.colour for finding in report.findings} == {Colour.UNKNOWN}
    assert look(blind, build_info("b")).status == DRIFT


def test_no_value_of_a_variable_is_shown(cloud: Cloud) -> None:
    """A report goes into a public issue: names are said, values never."""
    config = cloud.store("functions")[FUNCTION]["serviceConfig"]
    config["environmentVariables"] |= {"ORCH_SECRETS": "hunter2", "BY_HAND": "hunter3"}
    for name, value in (("ORCH_SECRETS", "hunter4"), ("BY_HAND", "hunter5")):
        variable(name, value)(cloud)
    text = json.dumps(look(cloud, build_info()).data())
    assert "BY_HAND" in text
    assert "hunter" not in text


def test_answers_as_the_api_references_show_them(cloud: Cloud) -> None:
    """Answers with all that the services add to what was asked for are judged as the same."""

    def answered(line: CommandLine) -> CommandResult:
        for path in ANSWERS.glob("*.json"):
            kind, name = path.stem.split("@")
            if line.command.startswith(f"gcloud {kind.replace('_', ' ')} describe {name}"):
                return CommandResult(0, path.read_text(), "")
        return cloud(line)

    assert len(list(ANSWERS.glob("*.json"))) == 4
    assert look(answered, build_info()).findings == ()
