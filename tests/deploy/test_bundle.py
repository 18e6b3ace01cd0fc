"""Bundles as files: reproducible byte for byte, and only what a function needs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import bundle
from deploy.manifest import ROOT
from deploy.manifest_file import load_manifest
from tests.deploy.world import TODAY, load_changed, manifest
from tests.emulators.gcloud import skip_or_fail
from tests.own_pipeline import leave_alone
from tests.tooling.tiny_repository import run

SELF_HEAL = manifest().functions["self_heal"]
# What bin/build makes is of the tree as it is, with every pipeline in it.
WHOLE = load_manifest(today=TODAY).functions


def copy_of_the_tree(folder: Path) -> Path:
    """Return a copy of what bundles are made of, written in another order, with what an editor leaves behind."""
    root = folder / "elsewhere"
    for name in ("config", "functions", "shared", "deploy/requirements"):
        shutil.copytree(ROOT / name, root / name)
    (root / "shared/core/__pycache__").mkdir(exist_ok=True)
    (root / "shared/core/__pycache__/model.cpython-311.pyc").write_bytes(b"old")
    (root / "functions/self_heal/.main.py.swp").write_bytes(b"open")
    os.utime(root / "shared/runtime.py", (1, 1))
    return root


def test_the_same_tree_yields_the_same_bytes(tmp_path: Path) -> None:
    """Made twice, and from another place, a bundle has the same files, bytes, modes, times and digest."""
    first, second = bundle.bundle_of(SELF_HEAL), bundle.bundle_of(SELF_HEAL, copy_of_the_tree(tmp_path))
    assert first.files == second.files
    assert first.digest == second.digest
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        bundle.write(first, tmp_path / place)
    assert seen(tmp_path / "a") == seen(tmp_path / "b")


def test_two_machines_build_the_same_bytes(tmp_path: Path) -> None:
    """`bin/build` from two folders, with other times, another zone, mask and hash seed: the same to the bit."""
    made = []
    for place, umask, zone in (("one", 0o022, "UTC"), ("an other", 0o077, "Asia/Tokyo")):
        root, out = tmp_path / place / "tree", tmp_path / place / "build"
        for name in ("bin", "config", "deploy", "functions", "shared"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for number, path in enumerate(sorted(root.rglob("*"))):
            os.utime(path, (umask * number, umask * number))
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(root), "TZ": zone, "PYTHONHASHSEED": str(umask)}
        command = [sys.executable, "-P", "-m", "deploy.command", "build", "--out", str(out)]
        subprocess.run(command, cwd=tmp_path, env=env, umask=umask, check=True, capture_output=True)
        assert len(list(out.iterdir())) == len(WHOLE) + 1
        made.append(seen(out))
    assert [entry[0] for entry in made[0]] == [entry[0] for entry in made[1]]
    bundles = [[entry for entry in each if not entry[0].startswith("observability/")] for each in made]
    assert bundles[0] == bundles[1]
    assert [(entry[0], entry[3]) for entry in made[0]] == [(entry[0], entry[3]) for entry in made[1]]


def seen(folder: Path) -> list[tuple[str, int, float, bytes]]:
    return [
        (path.relative_to(folder).as_posix(), path.stat().st_mode, path.stat().st_mtime, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("shared/core/decision/decide.py", False),
        ("config/nba.yaml", False),
        ("functions/self_heal/main.py", False),
        ("deploy/requirements/functions.txt", False),
        ("functions/phase2_to_phase3/main.py", True),
        ("shared/cli/main.py", True),
        ("shared/simulation/world.py", True),
        ("config/README.md", True),
        ("config/MESSAGES.md", True),
        ("config/checks/README.md", True),
    ],
)
def test_the_digest_follows_what_is_in_the_bundle(tmp_path: Path, name: str, same: bool) -> None:
    """One more line in a file changes the digest of the functions that carry it, and of no other."""
    root = copy_of_the_tree(tmp_path)
    with (root / name).open("a") as file:
        file.write("\n# changed\n")
    assert (bundle.bundle_of(SELF_HEAL, root).digest == bundle.bundle_of(SELF_HEAL).digest) is same


def test_a_renamed_file_is_another_digest() -> None:
    """The digest covers paths as well as contents."""
    made = bundle.bundle_of(SELF_HEAL)
    moved = {("main_.py" if name == "main.py" else name): content for name, content in made.files.items()}
    assert bundle.Bundle("self_heal", moved).digest != made.digest


def test_writing_replaces_what_was_there(tmp_path: Path) -> None:
    """A file that an older build left behind is gone; what is written reads back as the same bundle."""
    (tmp_path / "self_heal").mkdir()
    (tmp_path / "self_heal/left_over.py").write_text("x = 1\n")
    bundle.write(bundle.bundle_of(SELF_HEAL), tmp_path)
    assert bundle.read(tmp_path, "self_heal") == bundle.bundle_of(SELF_HEAL)
    assert bundle.read(tmp_path, "phase2_to_phase3") is None


def test_what_is_uploaded_is_the_bundle(tmp_path: Path) -> None:
    """gcloud's own rules leave nothing of a bundle out, and let nothing in that Python left beside it."""
    if shutil.which("gcloud") is None:
        skip_or_fail("gcloud is not on PATH")
    bundle.write(bundle.bundle_of(SELF_HEAL), tmp_path)
    (tmp_path / "self_heal/shared/__pycache__").mkdir()
    (tmp_path / "self_heal/shared/__pycache__/runtime.cpython-311.pyc").write_bytes(b"old")
    command = ["gcloud", "meta", "list-files-for-upload", str(tmp_path / "self_heal")]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert sorted(listed) == sorted(bundle.bundle_of(SELF_HEAL).files)


def test_a_bundle_that_grew_too_large_is_refused(tmp_path: Path) -> None:
    """Over a megabyte something is in it that no function needs."""
    root = copy_of_the_tree(tmp_path)
    leave_alone(root)
    (root / "config/dump.sql").write_text("x" * bundle.LARGEST)
    with pytest.raises(bundle.BundleError, match=rf"self_heal: .* bytes, over {bundle.LARGEST}"):
        bundle.bundle_of(SELF_HEAL, root)


def test_many_pipelines_do_not_make_a_bundle_too_large(tmp_path: Path) -> None:
    """Sixty policies as long as nba's fit; what is large beside them is refused as it is beside one."""
    root = copy_of_the_tree(tmp_path)
    policy = (root / "config/nba.yaml").read_text(encoding="utf-8")
    for number in range(60):
        (root / f"config/p{number}.yaml").write_text(policy, encoding="utf-8")
    assert bundle.bundle_of(SELF_HEAL, root).size > bundle.LARGEST
    (root / "config/dump.sql").write_text("x" * 60 * bundle.LARGEST_FILE)
    with pytest.raises(bundle.BundleError, match="self_heal"):
        bundle.bundle_of(SELF_HEAL, root)


def test_bin_build_writes_bundles_and_says_their_digests(tmp_path: Path) -> None:
    """`bin/build --json` names what it wrote; the observability files are rendered beside the bundles."""
    answer = run(ROOT / "bin/build", "self_heal", "--out", tmp_path, "--json", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    summary = json.loads(answer.stdout)["functions"]["self_heal"]
    assert summary["source_digest"] == bundle.bundle_of(WHOLE["self_heal"]).digest
    assert (tmp_path / "observability/metrics/orch_sweeps.json").is_file()


def test_bin_build_refuses_an_unknown_function(tmp_path: Path) -> None:
    """A name that is not in the manifest: status 2 and what there is."""
    answer = run(ROOT / "bin/build", "self_heel", "--out", tmp_path, cwd=tmp_path)
    assert answer.returncode == 2
    assert "no function self_heel" in answer.stderr
    assert "self_heal" in answer.stderr


def test_who_judges_the_inventory_carries_what_is_declared(tmp_path: Path) -> None:
    """The two that compare, and the sweep that counts dead letters, know the manifest they were built from; a schedule
    is no other function's affair."""
    made = {name: bundle.bundle_of(function) for name, function in manifest().functions.items()}
    carry = {name for name, function_bundle in made.items() if "config/inventory.json" in function_bundle.files}
    assert carry == {"validation_runner", "health_check", "self_heal"}
    inventory = json.loads(made["health_check"].files["config/inventory.json"])
    assert inventory["schedules"]["nba-daily-report"] == ["0 8 * * *", "America/New_York"]
    changed = load_changed(tmp_path, {"schedules/nba-daily-report/cron": "0 9 * * *"})
    digests = {name: bundle.bundle_of(function).digest for name, function in changed.functions.items()}
    assert {name for name, function_bundle in made.items() if function_bundle.digest != digests[name]} == carry
    assert "deploy/functions.yaml" in bundle.sources_of(made["health_check"])
    assert "deploy/functions.yaml" not in bundle.sources_of(made["phase3_to_phase4"])
