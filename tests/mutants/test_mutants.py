"""Every deliberate error in a copy of the code is caught by the tests named for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.mutants.fork_server import ForkServer
from tests.mutants.mutants import MUTANTS, Edit, Mutant

ROOT = Path(__file__).resolve().parents[2]
# The command line, which some tests drive, reads the manifest.
COPIED = ("shared", "functions", "config", "deploy", "tests", "pyproject.toml")
ALL_PASSED, SOME_FAILED = 0, 1
DECIDING = ("shared/core/decision/", "shared/app/transitions/", "shared/app/state/compare_and_set.py")
# What a failed `assert` and a `pytest.raises` that saw no error say; any other error is the code no longer running.
OWN_ASSERTIONS = ("assert", "did not raise")
# No two files of the copy ever have the same time, so that no stale bytecode is taken for a mutant.
mtimes = count(1_000_000_000)


@dataclass
class Ran:
    """What pytest said: its exit status, its talk, and each case with the message it failed with ("" if it passed)."""

    status: int
    talk: str
    cases: dict[str, str] = field(default_factory=dict)

    def failures_of(self, test: str) -> list[str]:
        """Return the messages of a named test, of all its cases where none is named."""
        messages = (m for name, m in self.cases.items() if name == test or name.startswith(f"{test}["))
        return [message for message in messages if message]


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the code and its tests to where they may be broken."""
    copy = tmp_path_factory.mktemp("mutants") / "copy"
    for name in COPIED:
        source, target = ROOT / name, copy / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("mutants", ".hypothesis"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return copy


@contextmanager
def mutated(copy: Path, edits: Iterable[Edit]) -> Iterator[None]:
    """Apply the edits to the copy, and take them back."""
    before: dict[Path, str] = {}
    try:
        for edit in edits:
            path = copy / edit.file
            text = path.read_text(encoding="utf-8")
            assert text.count(edit.old) == 1, f"{edit.file} holds {text.count(edit.old)} times, not once: {edit.old!r}"
            before.setdefault(path, text)
            write(path, text.replace(edit.old, edit.new))
        yield
    finally:
        for path, text in before.items():
            write(path, text)


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    stamp = next(mtimes)
    os.utime(path, (stamp, stamp))


@pytest.fixture(scope="session")
def server() -> Iterator[ForkServer]:
    with ForkServer() as server:
        yield server


def run(server: ForkServer, copy: Path, tests: Iterable[str], report: Path) -> Ran:
    """Run the named tests in the copy, with a pytest of their own."""
    # No emulator is started for them: what runs on several adapters runs on the embedded ones.
    options = [
        "-q",
        "-k",
        "not [bigquery and not [pubsub",
        "-p",
        "no:cacheprovider",
        "--noconftest",
        "--tb=short",
        f"--junitxml={report}",
    ]
    talk = report.with_suffix(".txt")
    status = server.pytest(copy, [*options, *tests], talk)
    cases = {}
    if report.exists():
        for case in ET.parse(report).iter("testcase"):  # noqa: S314 - written by our own pytest
            failure = case.find("failure")
            name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
            cases[name] = "" if failure is None else failure.get("message") or "failed"
    return Ran(status, talk.read_text(encoding="utf-8"), cases)


def is_own_assertion(message: str) -> bool:
    """True if a test failed because of what it claims."""
    return any(word in message.lower() for word in OWN_ASSERTIONS)


def test_what_a_test_claims_is_told_from_code_that_breaks_off(tmp_path: Path, server: ForkServer) -> None:
    """A claim that does not hold and an error that does not come are caught; a name or key that is missing is not."""
    bodies = {
        "held": ("assert 1 == 2", True),
        "raised": ("import pytest\n    with pytest.raises(KeyError): pass", True),
        "name": ("print(missing)", False),
        "key": ("{}['missing']", False),
    }
    source = "\n".join(f"def test_{name}():\n    {body}\n" for name, (body, _) in bodies.items())
    (tmp_path / "test_bodies.py").write_text(source, encoding="utf-8")
    ran = run(server, tmp_path, ["test_bodies.py"], tmp_path / "report.xml")
    own = {name: [is_own_assertion(m) for m in ran.failures_of(f"test_bodies.py::test_{name}")] for name in bodies}
    assert own == {name: [expected] for name, (_, expected) in bodies.items()}


@pytest.mark.nightly
def test_the_named_tests_pass_on_the_code_as_it_is(workshop: Path, tmp_path: Path, server: ForkServer) -> None:
    """What fails without a mutant catches nothing. Every run of the tests has them among its own, without the copy."""
    named = sorted({test for mutant in MUTANTS for test in mutant.tests})
    ran = run(server, workshop, named, tmp_path / "report.xml")
    assert ran.status == ALL_PASSED, ran.talk


def test_each_edit_finds_its_text_once() -> None:
    """Seen in a second: code that moved takes its mutants with it."""
    edits = [(mutant.name, edit) for mutant in MUTANTS for edit in mutant.edits]
    lost = [
        (name, edit.file)
        for name, edit in edits
        if not (ROOT / edit.file).is_file() or (ROOT / edit.file).read_text(encoding="utf-8").count(edit.old) != 1
    ]
    assert lost == []


def lane(mutant: Mutant) -> Any:
    """Errors in deciding and claiming are made in every run of the tests, the others in the nightly lane."""
    decides = any(edit.file.startswith(DECIDING) for edit in mutant.edits)
    return pytest.param(mutant, id=mutant.name, marks=[] if decides else [pytest.mark.nightly])


@pytest.mark.parametrize("mutant", [lane(mutant) for mutant in MUTANTS])
def test_a_mutant_is_caught(mutant: Mutant, workshop: Path, tmp_path: Path, server: ForkServer) -> None:
    """Each test named for it fails, by an assertion of its own and not because nothing runs any more."""
    with mutated(workshop, mutant.edits):
        ran = run(server, workshop, mutant.tests, tmp_path / "report.xml")
    assert ran.status == SOME_FAILED, ran.talk
    for test in mutant.tests:
        failures = ran.failures_of(test)
        assert failures, f"{test} did not notice: {mutant.name}\n{ran.talk}"
        assert any(is_own_assertion(message) for message in failures), ran.talk


def test_the_names_are_distinct() -> None:
    """A mutant is known by its name."""
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names)


def test_what_should_catch_a_mutant_is_a_test() -> None:
    """Two entries that were run together would leave a mutant that nobody makes."""
    assert [test for mutant in MUTANTS for test in mutant.tests if "::test_" not in test] == []


def test_a_text_that_is_not_there_is_an_error(workshop: Path) -> None:
    """A mutant whose place in the code has changed is not taken for one that was caught."""
    with (
        pytest.raises(AssertionError, match="0 times"),
        mutated(workshop, [Edit("shared/core/decision/decide.py", "gone", "")]),
    ):
        pass


def test_no_mutant_fails_for_a_name_that_is_not_there(tmp_path: Path) -> None:
    """An error must be one that a person could make and Python would run: every name that it uses is defined."""
    for number, mutant in enumerate(MUTANTS):
        for file in {edit.file for edit in mutant.edits if edit.file.endswith(".py")}:
            text = (ROOT / file).read_text(encoding="utf-8")
            for edit in mutant.edits:
                text = text.replace(edit.old, edit.new) if edit.file == file else text
            (tmp_path / f"m{number}_{Path(file).name}").write_text(text, encoding="utf-8")
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", "--output-format", "concise", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
