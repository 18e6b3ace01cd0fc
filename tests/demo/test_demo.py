"""The demo from outside: a night through served functions, what it says of it, and what it leaves."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from shared.simulation.demo.night import NIGHT_LEGEND
from shared.simulation.demo.nights import NIGHTS, load
from shared.simulation.demo.workspace import Workspace, WorkspaceInUse
from shared.simulation.emulators import EmulatorMissing, require_tools
from tests.busy import allowed
from tests.demo.clones import ROOT, cloned, command, environment
from tests.emulators.gcloud import skip_or_fail
from tests.process_table import Process, descendants, left
from tests.signals import heard
from tests.tooling.tiny_repository import run

NIGHT = ("--night", "one-processor", "--speed", "40")


def demo(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(*command(home, arguments), cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, seconds=300)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return cloned(tmp_path / "a clone")


def run_printed_commands(printed: str, clone: Path) -> list[subprocess.CompletedProcess[str]]:
    """Type every command that a demo has printed, in another folder; but not the one that serves the page."""
    lines = [line.strip() for line in printed.splitlines() if " --home " in line and " serve " not in line]
    return [run("sh", "-c", line, cwd=clone.parent, seconds=300) for line in lines]


# A line of what happens, which the legend above has none of.
REPORTED = re.compile(r"\s*\d\d:\d\d\s+.*report")


def functions_of(pid: int) -> set[Process]:
    """Return the functions that a demo serves, each with its worker."""
    return {process for process in descendants(pid) if "functions_framework" in process.command}


@pytest.mark.slow
def test_a_night_is_played_judged_and_left_to_be_asked(clone: Path) -> None:
    """Plain lines without a terminal, a summary, exit 0; the commands it prints read the night as it ended."""
    played = run(clone / "bin/demo", *NIGHT, cwd=clone, seconds=400)
    assert played.returncode == 0, played.stdout + played.stderr
    lines = [line.strip() for line in played.stdout.splitlines()]
    assert "happened  phase3 -> phase4 (same_day) at 10:36 by tier_1" in lines
    assert "happened  5 of 5 expectations held" in lines
    assert lines[-1].startswith("1 night played, all as expected")
    assert "\x1b" not in played.stdout
    assert "logged by" not in played.stdout
    kinds = {line.split()[1] for line in played.stdout.splitlines() if re.match(r"  \d\d:\d\d  ", line)}
    legend = {
        word for line in NIGHT_LEGEND.splitlines()[1:] for word in re.split(r"\s{2,}", line.strip())[0].split(", ")
    }
    assert kinds <= legend

    status, explained = run_printed_commands(played.stdout, clone)
    assert status.returncode == 0, status.stderr
    assert "\nnba/2025-12-29/same_day  11 games, opened 10:25 EST\n" in status.stdout
    assert explained.returncode == 0, explained.stderr
    assert explained.stdout.startswith("nba/2025-12-29/same_day phase3_to_phase4: confirmed")
    assert "triggered 10:36 EST by tier_1" in explained.stdout


@pytest.mark.nightly
@pytest.mark.xdist_group("demo-emulators")
def test_the_same_on_the_emulators(clone: Path) -> None:
    """Firestore and Pub/Sub of Google in place of the embedded parts: the same night, left in the same store."""
    try:
        require_tools()
    except EmulatorMissing as missing:
        skip_or_fail(str(missing))
    played = run(clone / "bin/demo", "--emulators", *NIGHT, cwd=clone, seconds=400)
    if "not installed (gcloud components install" in played.stderr:
        skip_or_fail(played.stderr.strip())
    assert played.returncode == 0, played.stdout + played.stderr
    assert "5 of 5 expectations held" in played.stdout
    _, explained = run_printed_commands(played.stdout, clone)
    assert "triggered 10:36 EST by tier_1" in explained.stdout, explained.stderr


@pytest.mark.slow
def test_a_broken_function_fails_the_night_with_its_log(clone: Path) -> None:
    """A function that raises: exit 1, which one, and the end of its log; nothing is offered to be asked."""
    main = clone / "functions/phase3_to_phase4/main.py"
    main.write_text(main.read_text().replace("    transition.receive(", '    raise RuntimeError("on purpose")\n    ('))
    played = run(clone / "bin/demo", *NIGHT, cwd=clone, seconds=400)
    assert played.returncode == 1, played.stdout + played.stderr
    assert "not played to its end: phase3_to_phase4 answers 500" in played.stdout
    assert "RuntimeError: on purpose" in played.stdout
    assert run_printed_commands(played.stdout, clone) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_stopped_in_the_middle_it_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and a kill end every function and say so: exit 130."""
    with heard():
        playing = subprocess.Popen(
            command(tmp_path, ("--night", "tier-two")),
            cwd=ROOT,
            env={**environment(), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    with playing:
        assert playing.stdout is not None
        assert any(REPORTED.match(line) for line in playing.stdout)
        functions = functions_of(playing.pid)
        playing.send_signal(number)
        _, talk = playing.communicate(timeout=60)
    assert len({process.command for process in functions}) == 5
    assert (playing.returncode, talk) == (130, "stopped; nothing is left running\n")
    assert {process for process in functions if process.runs()} == set()


@pytest.mark.slow
def test_killed_in_the_middle_it_leaves_nothing_running(tmp_path: Path) -> None:
    """SIGKILL, after which nobody can clean up any more: the functions go all the same."""
    with subprocess.Popen(
        command(tmp_path, ("--night", "tier-two")),
        cwd=ROOT,
        env={**environment(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as playing:
        assert playing.stdout is not None
        assert any(REPORTED.match(line) for line in playing.stdout)
        started = descendants(playing.pid)
        assert len({process.command for process in functions_of(playing.pid)}) == 5
        playing.kill()
    assert left(started, seconds=60) == set()


def test_without_gcloud_it_says_so_and_touches_nothing(tmp_path: Path) -> None:
    """What an earlier demo left is still there when the emulators are absent: exit 2, with a remedy."""
    (tmp_path / "state.db").write_text("kept")
    (tmp_path / "bin").mkdir()
    played = subprocess.run(
        command(tmp_path, ("--emulators",)),
        cwd=ROOT,
        env={**environment(), "PATH": str(tmp_path / "bin")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert played.returncode == 2
    assert "error: gcloud is not on PATH" in played.stderr
    assert "hint:" in played.stderr
    assert (tmp_path / "state.db").read_text() == "kept"


def test_nights_are_named(tmp_path: Path) -> None:
    """`--list` names every night on stdout; another name is refused with these names."""
    listed = demo(tmp_path, "--list")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [night.name for night in NIGHTS]
    refused = demo(tmp_path, "--night", "none")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert all(night.name in refused.stderr for night in NIGHTS)


@pytest.mark.parametrize("night", NIGHTS, ids=lambda night: night.name)
def test_every_night_can_be_played(night: object) -> None:
    """Its scenario holds nothing that only the simulation can play."""
    chosen = next(candidate for candidate in NIGHTS if candidate is night)
    assert load(chosen).events


def test_one_folder_holds_one_demo(tmp_path: Path) -> None:
    """A second demo in the same folder is refused before it touches anything; afterwards the folder is free."""
    home = Workspace(tmp_path)
    with home.taken():
        (tmp_path / "state.db").write_text("of the first")
        began = time.monotonic()
        with pytest.raises(WorkspaceInUse), home.taken():
            pass
        assert time.monotonic() - began < allowed(1)
        assert (tmp_path / "state.db").exists()
    with home.taken():
        assert not (tmp_path / "state.db").exists()
