"""The scripts in bin/ on a bare machine, from anywhere, in a folder with a space in its name."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.local_server import closed_port
from tests.tooling.made_up_index import wheel
from tests.tooling.tiny_repository import ANNOTATIONS, ROOT, add, build, lend_env, run, write

TOOLS = ("bash", "cat", "cmp", "cp", "dirname", "grep", "mkdir", "readlink", "rm", "sh", "sleep", "tail", "tee")
ONE_PIN = f"nothing-of-this-name==1.0 \\\n    --hash=sha256:{'0' * 64}\n"
NO_INDEX = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "",
    "PIP_EXTRA_INDEX_URL": "",
    "PYTHON": sys.executable,
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return build(tmp_path / "a clone")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "else where"
    folder.mkdir()
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """A folder of wheels; pip takes a space in its name for the end of it."""
    folder = tmp_path / "index"
    folder.mkdir()
    return folder


def machine(folder: Path, **scripts: str) -> dict[str, str]:
    """Return an environment whose PATH holds the basic tools and these shell scripts, nothing else."""
    path = folder / "path"
    path.mkdir()
    for tool in TOOLS:
        executable = shutil.which(tool)
        assert executable is not None
        (path / tool).symlink_to(executable)
    for name, body in scripts.items():
        (path / name).write_text(f"#!/bin/sh\n{body}\n")
        (path / name).chmod(0o755)
    return {"PATH": str(path), "PYTHON": ""}


def test_without_python_it_says_what_to_install(repository: Path, elsewhere: Path, tmp_path: Path) -> None:
    """No Python at all: exit status 3, and a hint."""
    answer = run(repository / "bin/test", cwd=elsewhere, env=machine(tmp_path))
    assert (answer.returncode, answer.stdout) == (3, "")
    assert "error: Python 3.11 or newer with its venv module is needed; found: no python3" in answer.stderr
    assert "hint: install it" in answer.stderr


def test_an_old_python_is_named(repository: Path, elsewhere: Path, tmp_path: Path) -> None:
    """A Python that is too old: exit status 3, its version, no environment left behind."""
    old = 'case "$1" in --version) echo Python 3.9.2;; *) exit 1;; esac'
    answer = run(repository / "bin/orch", "status", cwd=elsewhere, env=machine(tmp_path, python3=old))
    assert answer.returncode == 3
    assert "found: Python 3.9.2" in answer.stderr
    assert not (repository / ".venv-demo").exists()
    assert list((repository / ".venv-making").iterdir()) == []


def test_what_pip_cannot_install_is_shown_and_tried_again(repository: Path, elsewhere: Path) -> None:
    """A failed installation: exit status 4, pip's own words, a hint, and no stamp that would hide it next time."""
    write(repository, "deploy/requirements/dev.txt", ONE_PIN)
    first, second = (run(repository / "bin/test", "--version", cwd=elsewhere, env=NO_INDEX) for _ in range(2))
    assert (first.returncode, second.returncode) == (4, 4)
    assert "No matching distribution found for nothing-of-this-name==1.0" in first.stderr
    assert "error: the package index has no fit file for a pin of deploy/requirements/dev.txt" in first.stderr
    assert "hint: PIP_INDEX_URL names another index" in first.stderr
    assert "making .venv with Python 3" in first.stderr
    assert "making .venv with" not in second.stderr, "the folder itself was fine"
    assert not (repository / ".venv/installed.txt").exists()


def test_a_file_with_another_hash_is_called_so(repository: Path, elsewhere: Path, index: Path) -> None:
    """The index gives another file than the lock names: a hash mismatch, and no word of an index out of reach."""
    write(repository, "deploy/requirements/dev.txt", ONE_PIN)
    wheel(index, "nothing-of-this-name", "1.0", [])
    answer = run(repository / "bin/test", cwd=elsewhere, env={**NO_INDEX, "PIP_FIND_LINKS": str(index)})
    assert answer.returncode == 4
    assert "error: hash mismatch: the index gave other files than deploy/requirements/dev.txt names" in answer.stderr
    assert "hint: empty pip's cache" in answer.stderr


def test_a_package_that_the_lock_lacks_is_called_so(repository: Path, elsewhere: Path, index: Path) -> None:
    """A pin that asks for more than is pinned: the lock is named as what is to be repaired, and how."""
    wheel(index, "forgotten", "2.0", [])
    digest = wheel(index, "nothing-of-this-name", "1.0", ["forgotten>=1"])
    write(repository, "deploy/requirements/dev.txt", ONE_PIN.replace("0" * 64, digest))
    answer = run(repository / "bin/test", cwd=elsewhere, env={**NO_INDEX, "PIP_FIND_LINKS": str(index)})
    assert answer.returncode == 4
    assert "forgotten>=1" in answer.stderr
    assert "error: not pinned: deploy/requirements/dev.txt lacks a package named above" in answer.stderr
    assert "hint: make the lock again with bin/lock" in answer.stderr


def test_an_index_that_does_not_answer_is_called_so(repository: Path, elsewhere: Path) -> None:
    """Nobody listens where the index should be: that is said, though pip ends with 'no matching distribution'."""
    write(repository, "deploy/requirements/dev.txt", ONE_PIN)
    away = {"PIP_INDEX_URL": f"http://127.0.0.1:{closed_port()}/", "PIP_RETRIES": "1"}
    answer = run(repository / "bin/test", cwd=elsewhere, env={**NO_INDEX, "PIP_NO_INDEX": "0", **away})
    assert answer.returncode == 4
    assert "error: no package index answered: deploy/requirements/dev.txt could not be installed" in answer.stderr
    assert "hint: is the network up?" in answer.stderr


@pytest.mark.parametrize(
    ("talk", "error", "hint"),
    [
        (
            "Could not install packages due to an OSError: [Errno 28] No space left on device",
            "the disk is full",
            "df -h",
        ),
        ("Some unheard-of trouble", "pip could not install deploy/requirements/dev.txt", "its own words are above"),
    ],
)
def test_other_ends_of_pip_are_told_from_its_words(
    repository: Path, elsewhere: Path, talk: str, error: str, hint: str
) -> None:
    """A full disk has its own hint; what is not known is shown and not guessed at."""
    write(repository, ".venv/bin/python", f"#!/bin/sh\ncase \"$*\" in *install*) echo 'ERROR: {talk}'; exit 1;; esac\n")
    (repository / ".venv/bin/python").chmod(0o755)
    answer = run(repository / "bin/test", cwd=elsewhere)
    assert (answer.returncode, f"ERROR: {talk}" in answer.stderr) == (4, True)
    assert f"error: {error}" in answer.stderr
    assert hint in answer.stderr.partition("hint: ")[2]


def test_a_finished_environment_is_used_in_silence(repository: Path, elsewhere: Path) -> None:
    """With the lock unchanged nothing is installed and nothing is said."""
    lend_env(repository)
    answer = run(repository / "bin/test", "--version", cwd=elsewhere)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith("pytest ")


def test_a_changed_lock_is_installed_again(repository: Path, elsewhere: Path) -> None:
    """One changed line of the lock and the stamp no longer holds."""
    lend_env(repository)
    write(repository, "deploy/requirements/dev.txt", ONE_PIN)
    answer = run(repository / "bin/test", "--version", cwd=elsewhere, env={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""})
    assert answer.returncode == 4
    assert "installing 1 packages into .venv" in answer.stderr


def test_a_lock_left_by_a_dead_process_is_no_obstacle(repository: Path, elsewhere: Path) -> None:
    """Whoever was making the environment was killed: the next one goes on at once."""
    dead = run("sh", "-c", "echo $$", cwd=elsewhere).stdout
    write(repository, ".venv-making/.venv", dead)
    write(repository, "deploy/requirements/dev.txt", ONE_PIN)
    bare = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PYTHON": sys.executable}
    answer = run(repository / "bin/test", cwd=elsewhere, env=bare)
    assert "installing 1 packages into .venv" in answer.stderr


@pytest.mark.parametrize(("claim", "status"), [("True", 0), ("False", 1)])
def test_bin_test_ends_as_pytest_ends(repository: Path, elsewhere: Path, claim: str, status: int) -> None:
    """Arguments are pytest's, paths are the repository's, the exit status is passed on."""
    lend_env(repository)
    write(repository, "tests/test_nothing.py", f"def test_claim() -> None:\n    assert {claim}\n")
    answer = run(repository / "bin/test", "tests/test_nothing.py", "-k", "claim", "-q", cwd=elsewhere)
    assert answer.returncode == status, answer.stdout


def test_bin_orch_keeps_the_folder_of_the_caller(repository: Path, elsewhere: Path) -> None:
    """Relative files are the caller's, its modules are not ours, and the exit status comes back."""
    lend_env(repository, ".venv-demo", "local")
    write(repository, "shared/cli/main.py", "import os, sys, json\nprint(os.getcwd(), sys.argv[1:])\nsys.exit(7)\n")
    write(elsewhere, "json.py", "raise SystemExit('the wrong module')\n")
    write(elsewhere, "shared/__init__.py", "raise SystemExit('the wrong package')\n")
    answer = run(repository / "bin/orch", "simulate", "a file.yaml", cwd=elsewhere)
    assert (answer.returncode, answer.stdout) == (7, f"{elsewhere} ['simulate', 'a file.yaml']\n"), answer.stderr


def test_bin_orch_may_be_linked_into_the_path(repository: Path, elsewhere: Path) -> None:
    """A symbolic link to a script still finds the repository."""
    lend_env(repository, ".venv-demo", "local")
    write(repository, "shared/cli/main.py", "print('here')\n")
    (elsewhere / "orch").symlink_to(repository / "bin/orch")
    assert run(elsewhere / "orch", cwd=elsewhere).stdout == "here\n"


def test_bin_check_passes_a_lawful_tree(repository: Path, elsewhere: Path) -> None:
    """Every step is named with its verdict on stderr, and pytest has the last word on stdout."""
    lend_env(repository)
    answer = run(repository / "bin/check", cwd=elsewhere)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    steps = [line.split()[1].rstrip(":") for line in answer.stderr.splitlines() if ": ok (" in line]
    assert steps == ["format", "lint", "core", "types", "imports", "shell"]
    assert "1 passed" in answer.stdout.splitlines()[-1]


def test_every_step_of_bin_check_can_fail_the_whole(repository: Path, elsewhere: Path) -> None:
    """One fault for each step: all are named, the tests run all the same, and the exit status is 1."""
    lend_env(repository)
    add(repository, "shared/app/format.py", "x = {  }")
    add(repository, "shared/app/lint.py", "import json")
    add(repository, "shared/core/clock.py", "import time as time")
    add(repository, "shared/app/types.py", "x: int = ''")
    add(repository, "shared/app/sweep/layers.py", "import shared.runtime")
    write(repository, "bin/broken", "#!/bin/sh\nif true\n")
    answer = run(repository / "bin/check", cwd=elsewhere)
    assert answer.returncode == 1
    summary = next(line for line in answer.stderr.splitlines() if "failed before the tests" in line)
    assert [step in summary for step in ("format", "lint", "core bans", "types", "imports", "shell")] == [True] * 6
    assert "1 passed" in answer.stdout.splitlines()[-1]


def test_a_failing_test_fails_bin_check(repository: Path, elsewhere: Path) -> None:
    """With every other step clean the exit status is pytest's."""
    lend_env(repository)
    write(repository, "tests/test_nothing.py", f"{ANNOTATIONS}\n\ndef test_claim() -> None:\n    assert not __name__\n")
    answer = run(repository / "bin/check", cwd=elsewhere)
    assert answer.returncode == 1
    assert "failed before the tests" not in answer.stderr
    assert "1 failed" in answer.stdout.splitlines()[-1]


def test_ci_without_gcloud_says_so(repository: Path, elsewhere: Path, tmp_path: Path) -> None:
    """Continuous integration does not start without the emulators' home."""
    answer = run(repository / ".ci/run", cwd=elsewhere, env=machine(tmp_path))
    assert answer.returncode == 3
    assert "error: gcloud is missing" in answer.stderr
    assert "hint: install the Google Cloud CLI" in answer.stderr


def test_ci_forbids_skipping_emulators(repository: Path, elsewhere: Path, tmp_path: Path) -> None:
    """Continuous integration runs the one gate, with the emulators and the browser required."""
    write(repository, "bin/check", '#!/bin/sh\necho "$REQUIRE_EMULATORS $REQUIRE_BROWSER $CI"\n')
    stubs = machine(tmp_path, gcloud="exit 0", git="exit 0", java="exit 0", chromium="exit 0", python3="exit 0")
    assert run(repository / ".ci/run", cwd=elsewhere, env={**stubs, "CI": ""}).stdout == "1 1 true\n"


def test_scripts_can_be_run() -> None:
    """Every script of the real bin/ and .ci/ that names its interpreter has its executable bit."""
    files = [path for folder in ("bin", ".ci") for path in sorted((ROOT / folder).iterdir()) if path.is_file()]
    named = [path for path in files if path.read_bytes().startswith(b"#!")]
    assert [path.name for path in named if not os.access(path, os.X_OK)] == []
    assert {"check", "lock", "orch", "run", "test"} <= {path.name for path in named}
