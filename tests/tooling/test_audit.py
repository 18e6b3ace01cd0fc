"""bin/audit: what an index of advisories knows of each lock, and that an index which was not asked is no good news."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.manifest import ROOT

LOCKS = sorted(path.stem for path in (ROOT / "deploy/requirements").glob("*.txt"))
CLEAN = {"name": "flask", "version": "3.1.0", "vulns": []}
KNOWN = {"name": "idna", "version": "3.6", "vulns": [{"id": "PYSEC-2024-60", "fix_versions": ["3.7"]}]}
SKIPPED = {"name": "urllib3", "skip_reason": "Dependency not found on PyPI and could not be audited"}
# Answers as the real one does: a file where it was told to, and a status that is 1 for advisories and for failures.
TOOL = """
import json, pathlib, sys
given = json.loads(pathlib.Path(__file__).with_name("given.json").read_text())
words = sys.argv[1:]
assert {"--strict", "--disable-pip", "--require-hashes"} <= set(words), words
assert words[words.index("--vulnerability-service") + 1] == "osv"
lock = pathlib.Path(words[words.index("--requirement") + 1])
assert lock.is_file()
found = given.get(lock.stem)
if found is None:
    sys.exit("ERROR: could not reach api.osv.dev")
pathlib.Path(words[words.index("--output") + 1]).write_text(json.dumps({"dependencies": found, "fixes": []}))
sys.exit(any(one.get("vulns") for one in found))
"""


def run_audit(folder: Path, answers: dict[str, list[dict[str, object]]], *names: str) -> tuple[int, str, str]:
    """Run bin/audit where its environment is ready and the tool gives these answers, by lock."""
    for part in ("bin", "deploy/requirements"):
        shutil.copytree(ROOT / part, folder / part)
    environment = folder / ".venv-audit"
    (environment / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "deploy/requirements/audit.txt", environment / "installed.txt")
    (environment / "bin/python").write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(environment))} exec {shlex.quote(sys.executable)} "$@"\n'
    )
    (environment / "bin/python").chmod(0o755)
    (environment / "pip_audit.py").write_text(TOOL)
    (environment / "given.json").write_text(json.dumps(answers))
    ended = subprocess.run([folder / "bin/audit", *names], capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout, ended.stderr


def test_nothing_known_of_any_lock_is_well(tmp_path: Path) -> None:
    """Exit 0, and every lock was asked about, the tool's own among them."""
    status, out, err = run_audit(tmp_path, {name: [CLEAN] for name in LOCKS})
    assert (status, out, err[-300:] if status else "") == (0, "", "")
    assert {"audit", "dev", "functions", "local"} <= set(LOCKS)
    assert all(f"asking about {name}\n" in err for name in LOCKS)


def test_an_advisory_is_named_with_what_mends_it(tmp_path: Path) -> None:
    """Exit 1 after all locks; the data stands on standard output."""
    answers = {name: [CLEAN] for name in LOCKS} | {"functions": [CLEAN, KNOWN]}
    status, out, err = run_audit(tmp_path, answers)
    assert (status, out) == (1, "functions: idna 3.6: PYSEC-2024-60, fixed in 3.7\n")
    assert f"asking about {LOCKS[-1]}" in err


@pytest.mark.parametrize("answers", [{}, {"functions": [SKIPPED]}, {"functions": []}])
def test_what_was_not_asked_is_not_done(tmp_path: Path, answers: dict[str, list[dict[str, object]]]) -> None:
    """An index that does not answer, a package left out, nothing looked at: exit 2, named, with a hint."""
    status, out, err = run_audit(tmp_path, answers, "functions")
    assert (status, out) == (2, "")
    assert "not done" in err
    assert "hint:" in err


def test_a_lock_that_is_not_there_is_a_wrong_call(tmp_path: Path) -> None:
    """Exit 2 before anything is installed or asked."""
    status, _, err = run_audit(tmp_path, {}, "functoins")
    assert status == 2
    assert "no lock functoins" in err
