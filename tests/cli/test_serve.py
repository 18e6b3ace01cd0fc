"""`orch serve`: a function on this machine, as a person with a browser sees it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from shared.simulation import children
from tests.signals import heard
from tests.tooling.tiny_repository import ROOT
from tests.validation.fixtures import VALIDATION, read
from tests.validation.worlds import on_duckdb

EMBEDDED = {"ORCH_STATE": "sqlite", "ORCH_BUS": "local", "ORCH_WAREHOUSE": "duckdb", "ORCH_ALERTS": "console"}


@contextmanager
def serving(home: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command; yield the process and the first line that it says, and leave nothing running."""
    environment = {**os.environ, **EMBEDDED, "ORCH_HOME": str(home), "NO_PROXY": "127.0.0.1"}
    command = [str(ROOT / "bin" / "orch"), "serve", *arguments]
    with heard():
        process = children.start(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    with process:
        assert process.stderr is not None
        try:
            yield process, next((line for line in process.stderr if line.startswith("orch: ")), "")
        finally:
            children.end([process])


@pytest.mark.slow
def test_the_page_is_served_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    """The address is said; page, health and readiness answer; Ctrl-C is a normal end."""
    on_duckdb(read(VALIDATION.checks["games_final"], "passes"), tmp_path / "warehouse.duckdb")
    with serving(tmp_path, "--port", "0") as (process, output):
        url = re.search(r"health_check at (http://127\.0\.0\.1:\d+/) ", output)
        assert url is not None, output
        assert requests.get(f"{url[1]}health", timeout=30).json()["service"] == "health_check"
        page = requests.get(url[1], timeout=30)
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "<h1>nba</h1>" in page.text
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


@pytest.mark.slow
def test_a_schedule_of_the_validation_can_be_asked_for(tmp_path: Path) -> None:
    """What it found is in the answer and in the record, which the analysis reads then."""
    on_duckdb(read(VALIDATION.checks["games_final"], "passes"), tmp_path / "warehouse.duckdb")
    with serving(tmp_path, "validation_runner", "--port", "0") as (_, output):
        url = output.split()[3]
        body = requests.get(f"{url}?schedule=midday&date=2026-01-21", timeout=60).json()
    assert (body["schedule"], body["not_recorded"]) == ("midday", "")
    environment = {**os.environ, **EMBEDDED, "ORCH_HOME": str(tmp_path)}
    script = ROOT / "bin" / "analyze-validation-trends"
    process = subprocess.run([script], env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert process.returncode == 0, process.stderr
    assert "What recurs most" in process.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("nothing",), "one of health_check, phase2_to_phase3"), (("--port", "70000"), "--port")],
)
def test_a_wrong_call_says_what_there_is(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    """Exit 2, with a hint."""
    environment = {**os.environ, **EMBEDDED, "ORCH_HOME": str(tmp_path)}
    called = subprocess.run(
        [ROOT / "bin" / "orch", "serve", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert called.returncode == 2
    assert words in called.stderr
    assert "hint:" in called.stderr


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    """With the address and a way out, and no trace back."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with serving(tmp_path, "--port", str(taken.getsockname()[1])) as (process, output):
            assert "cannot listen on 127.0.0.1" in output
            assert process.wait(30) == 2
