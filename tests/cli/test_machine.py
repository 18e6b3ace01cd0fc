"""`orch` on a machine that is not as it should be: a message, a hint and a status, never a traceback."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from shared import runtime
from shared.cli import main

ROOT = Path(__file__).resolve().parents[2]
EMBEDDED = {"ORCH_STATE": "sqlite", "ORCH_BUS": "local", "ORCH_WAREHOUSE": "duckdb", "ORCH_ALERTS": "console"}
TRIGGER = ["trigger", "phase3_to_phase4", "2026-01-21", "--mode", "overnight", "--reason", "déjà vu"]
VERBS = {
    "status": ["status", "2026-01-21"],
    "explain": ["explain", "phase3_to_phase4", "2026-01-21", "--mode", "overnight"],
    "trigger": TRIGGER,
    "quarantine": ["quarantine", "list"],
    "serve": ["serve", "self_heal", "--port", "0"],
}


def a_file(folder: Path) -> Path:
    (folder / "home").write_text("", encoding="utf-8")
    return folder / "home"


def below_a_file(folder: Path) -> Path:
    return a_file(folder) / "below"


def uncreatable(folder: Path) -> Path:
    return Path("/proc/none")


def too_long(folder: Path) -> Path:
    """Return what cannot even be looked for."""
    return folder / ("h" * 300)


def of_nobody(folder: Path) -> Path:
    return Path("~no-such-user/home")


HOMES: dict[str, Callable[[Path], Path]] = {
    "a file": a_file, "below a file": below_a_file, "cannot be made": uncreatable, "too long": too_long,
    "of nobody": of_nobody,
}  # fmt: skip


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("verb", VERBS)
def test_a_home_that_cannot_be_used(home: str, verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The variable, the folder and a hint; status 2, nothing on standard output."""
    where = HOMES[home](tmp_path)
    with runtime.override_context(runtime.from_environment({**EMBEDDED, "ORCH_HOME": str(where)})):
        status = main.call(VERBS[verb])
    streams = capsys.readouterr()
    assert status == 2
    assert streams.out == ""
    assert f"environment: ORCH_HOME: {where} " in streams.err
    assert "hint: " in streams.err


def test_a_home_that_may_not_be_written_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said before anything is tried. (Whoever runs the tests may be allowed everything.)"""
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path and allowed(path, mode))
    with runtime.override_context(runtime.from_environment({**EMBEDDED, "ORCH_HOME": str(tmp_path)})):
        assert main.call(VERBS["status"]) == 2
    assert "is not yours to write to" in capsys.readouterr().err


def test_a_tilde_is_the_home_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the hint writes it, also where no shell has read it: no folder of that name is left beside the caller."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path)
    with runtime.override_context(runtime.from_environment({**EMBEDDED, "ORCH_HOME": "~/.orch"})):
        main.call(VERBS["status"])
    assert [path.name for path in tmp_path.iterdir()] == ["user"]
    assert (tmp_path / "user/.orch").is_dir()


def orch(
    arguments: list[str],
    home: Path,
    variables: Mapping[str, str],
    *,
    most_bytes: int | None = None,
    out: int = subprocess.PIPE,
) -> subprocess.CompletedProcess[bytes]:
    """Run `orch` in a process of its own, in which no file may grow over so many bytes."""

    def limited() -> None:
        if most_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    return subprocess.run(
        [sys.executable, "-P", "-m", "shared.cli.main", *arguments],
        # Without bytecode: what is cut off by the limit would be taken for whole by the next process.
        env={
            "PYTHONDONTWRITEBYTECODE": "1",
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            **EMBEDDED,
            "ORCH_HOME": str(home),
            **variables,
        },
        stdout=out,
        stderr=subprocess.PIPE,
        preexec_fn=limited,
        timeout=120,
        check=False,
    )


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    """Where no file can grow: what could not be written and what to do; status 5, as of any part that is away."""
    ended = orch(TRIGGER, tmp_path, {}, most_bytes=4096)
    error_output = ended.stderr.decode()
    assert ended.returncode == 5, error_output
    assert "Traceback" not in error_output
    assert "free some space" in error_output


def a_text(state: Path) -> None:
    state.write_text("not a database\n" * 100)


@pytest.mark.parametrize("spoil", [a_text, Path.mkdir], ids=["another file", "a folder"])
def test_a_state_that_is_none_is_said_to_be_spoilt(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    """Nobody says that nothing was lost, or that another try helps: which file it is, and what to do with it."""
    spoil(tmp_path / "state.db")
    ended = orch(["status"], tmp_path, {})
    error_output = ended.stderr.decode()
    assert ended.returncode == 5, error_output
    assert str(tmp_path / "state.db") in error_output
    assert "move it away" in error_output
    assert "nothing was lost" not in error_output


def test_a_home_of_blanks_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an empty one: the folder `.orch` beside the caller, not one that nobody can see."""
    monkeypatch.chdir(tmp_path)
    with runtime.override_context(runtime.from_environment({**EMBEDDED, "ORCH_HOME": "  "})):
        main.call(VERBS["status"])
    assert [path.name for path in tmp_path.iterdir()] == [".orch"]


def test_a_full_disk_behind_standard_output_is_said(tmp_path: Path) -> None:
    """Data that could not be written is no success."""
    with Path("/dev/full").open("wb") as full:
        ended = orch(["check"], tmp_path, {}, out=full.fileno())
    error_output = ended.stderr.decode()
    assert ended.returncode == 5, error_output
    assert "Traceback" not in error_output
    assert "Exception ignored" not in error_output
    assert "free some space" in error_output


def test_a_reader_who_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    """`orch check | head -0`: the status of a closed pipe, and no word about it."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = orch(["check"], tmp_path, {}, out=writing)
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


LOCALES = {
    "C without UTF-8": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "ASCII output": {"PYTHONIOENCODING": "ascii"},
    "Latin 1": {"PYTHONIOENCODING": "latin-1"},
    "Turkish": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_locale_reads_and_writes_the_same(locale: str, tmp_path: Path) -> None:
    """Letters that a terminal cannot show are escaped, JSON stays JSON, and the policy's own are read as UTF-8."""
    text = (
        (ROOT / "config/nba.yaml").read_text(encoding="utf-8").replace("pipeline: nba", "pipeline: nba  # déjà İŞ", 1)
    )
    policy = tmp_path / "günlük.yaml"
    policy.write_text(text.replace("reason: ", "reason: Şimdi ünï — ", 1), encoding="utf-8")
    checked = orch(["check", str(policy)], tmp_path, LOCALES[locale])
    assert checked.returncode == 0, checked.stderr
    assert b"19 processors" in checked.stdout
    asked = orch(["status", "2026-01-21", "--json"], tmp_path, LOCALES[locale])
    assert b"Traceback" not in asked.stderr
    assert asked.returncode in (0, 3)
    json.loads(asked.stdout or b"{}")
    wrong = orch(["trigger", "fäze", "2026-01-21", "--mode", "overnight", "--reason", "x"], tmp_path, LOCALES[locale])
    assert wrong.returncode == 2, wrong.stderr
    assert b"hint: " in wrong.stderr
    assert b"Traceback" not in wrong.stderr
