"""Emulators as child processes: absence is told from failure, and nothing is left running."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from shared.simulation.emulators import Emulator, EmulatorFailed, EmulatorMissing, firestore_emulator
from tests.busy import allowed

Tools = Callable[[str], Path]


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    """Put a ``java`` and a ``gcloud`` with this script first on PATH; return the folder it runs in."""

    def put(script: str) -> Path:
        for name, body in (("java", ""), ("gcloud", script)):
            (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return put


def test_without_gcloud_the_reason_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No gcloud on PATH is one line with a remedy."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmulatorMissing, match=r"gcloud.*install"), firestore_emulator():
        pass


def test_a_missing_component_is_named(tools: Tools) -> None:
    """What gcloud says when the emulator is no part of the installation becomes the command that installs it."""
    tools("echo 'This action requires the installation of components: [cloud-firestore-emulator]' >&2; exit 1")
    with (
        pytest.raises(EmulatorMissing, match="gcloud components install cloud-firestore-emulator"),
        firestore_emulator(),
    ):
        pass


def test_an_early_end_shows_the_log(tools: Tools) -> None:
    """An emulator that ends before it is ready is a failure, with its last words."""
    tools("echo 'Address already in use'; exit 3")
    with pytest.raises(EmulatorFailed, match=r"status 3(.|\n)*Address already in use"), firestore_emulator():
        pass


def test_one_that_never_gets_ready_is_ended_with_its_children(tools: Tools) -> None:
    """After the time allowed the whole group is killed, children that ignore the polite signal included."""
    folder = tools("(trap '' TERM; while :; do date +%N > beat; sleep 0.05; done) & wait")
    emulator = Emulator("test", ("gcloud",), "none", folder / "log")
    with pytest.raises(EmulatorFailed, match="not ready within"):
        emulator.start(within=timedelta(seconds=allowed(0.5)))
    last = (folder / "beat").read_text()
    time.sleep(0.3)
    assert (folder / "beat").read_text() == last
