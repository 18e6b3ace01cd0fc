"""Whoever starts an emulator, a function or a browser may be killed: none of them stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.simulation import children
from tests.browser import chromium
from tests.process_table import Process, descendants, left
from tests.signals import heard
from tests.tooling.tiny_repository import ROOT

PATIENCE = 60.0
"""Seconds for processes to go, on a busy machine too; what stays, stays for ever."""

HOLD = "print('ready', flush=True)\n    time.sleep(600)\n"
START = "import os, sys, time\nfrom pathlib import Path\nfolder = Path(sys.argv[1] if sys.argv[1:] else '.')\n"
VARIABLES = "{'PATH': os.environ['PATH'], 'ORCH_STATE': 'sqlite', 'ORCH_HOME': str(folder)}"
DRIVERS = {
    "firestore": "from shared.simulation.emulators import firestore_emulator\nwith firestore_emulator():\n    ",
    "pubsub": "from shared.simulation.emulators import pubsub_emulator\nwith pubsub_emulator():\n    ",
    "bigquery": "from tests.emulators.bigquery import bigquery_emulator\nwith bigquery_emulator():\n    ",
    "functions of the demo": "from shared.simulation.demo.servers import served\n"
    f"with served(['health_check'], {VARIABLES}, folder):\n    ",
    "functions of tests and bench": "from tests.emulators.server import main_of, served\n"
    f"with served(main_of('health_check'), {VARIABLES}, folder / 'log'):\n    ",
    "functions of a bundle": "from deploy import bundle\nfrom tests.bundles.serving import served\n"
    "from tests.deploy.world import manifest\n"
    "bundle.write(bundle.bundle_of(manifest().functions['health_check']), folder)\n"
    "with served(Path(sys.executable), folder / 'health_check', folder, {'ORCH_STATE': 'sqlite'}):\n    ",
    "browser": "from tests.browser.chromium import browser\nwith browser():\n    ",
}
STUBBORN = """
from shared.simulation import children
children.start(["sh", "-c", "trap '' TERM; sleep 600 & while :; do sleep 1; done"])
if True:
    """
PAUSED = """
import signal, subprocess
from shared.simulation import children
process = children.start(["sh", "-c", "sleep 600 & echo up; wait"], stdout=subprocess.PIPE, text=True)
process.stdout.readline()
children.send(process, signal.SIGSTOP)
if True:
    """


@contextmanager
def driver(code: str, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Run a program that starts something and holds it; it is ready inside the ``with`` block."""
    line = [sys.executable, "-c", START + code + HOLD, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with heard():
        process = subprocess.Popen(line, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def killed(code: str, *arguments: str | Path) -> tuple[set[Process], set[Process]]:
    """Kill a driver where it stands; return what it had started, and what of that is left."""
    with driver(code, *arguments) as process:
        started = descendants(process.pid)
        process.kill()
        process.wait()
        return started, left(started, PATIENCE)


IN_EVERY_RUN = ("pubsub", "functions of tests and bench")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name if name in IN_EVERY_RUN else pytest.param(name, marks=pytest.mark.nightly) for name in DRIVERS]
)
def test_a_killed_driver_leaves_nothing_running(name: str, tmp_path: Path) -> None:
    """SIGKILL to the process that started it: the process table holds none of its descendants afterwards."""
    if name in ("firestore", "pubsub"):
        require_emulators()
    if name == "browser" and not chromium.CHROMIUM.exists():
        chromium.skip_or_fail(f"{chromium.CHROMIUM} is missing")
    started, rest = killed(DRIVERS[name], tmp_path)
    assert len(started) >= 2, "the thing itself and who watches it"
    assert rest == set()


@pytest.mark.parametrize("code", [STUBBORN, PAUSED], ids=["deaf to SIGTERM", "paused"])
def test_neither_deafness_nor_a_pause_keeps_it(code: str) -> None:
    """A group that ignores SIGTERM, and one that was stopped, go as well, with the grandchildren."""
    started, rest = killed(code)
    assert any("sleep 600" in process.command for process in started)
    assert rest == set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_other_signals_leave_nothing_either(number: signal.Signals) -> None:
    """A driver that does not clean up by itself is cleaned up after."""
    with driver("from shared.simulation import children\nchildren.start(['sleep', '600'])\nif True:\n    ") as process:
        started = descendants(process.pid)
        process.send_signal(number)
        process.wait(PATIENCE)
        assert left(started, PATIENCE) == set()


def test_a_killed_test_run_leaves_nothing_running(tmp_path: Path) -> None:
    """SIGKILL to pytest, with workers: what a test of a worker had started goes too, and so does the worker."""
    (tmp_path / "test_it.py").write_text(
        "import time\nfrom pathlib import Path\nfrom shared.simulation import children\n\n"
        "def test_it() -> None:\n    children.start(['sleep', '600'])\n    Path('ready').touch()\n    time.sleep(600)\n"
    )
    line = [sys.executable, "-m", "pytest", "-q", "-n1", "-p", "no:bqemulator", "--rootdir", ".", "test_it.py"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    with subprocess.Popen(
        line, cwd=tmp_path, env={**environment, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL
    ) as process:
        try:
            assert came(tmp_path / "ready")
            started = descendants(process.pid)
        finally:
            process.kill()
        process.wait()
    assert any("sleep 600" in process.command for process in started)
    assert left(started, PATIENCE) == set()


def test_ended_in_order_nothing_is_left_and_nobody_else_is_touched() -> None:
    """``end`` waits for the whole group, and another child goes on."""
    first = children.start(["sh", "-c", "sleep 600 & wait"])
    second = children.start(["sleep", "600"])
    try:
        members = descendants(first.pid)
        children.end([first])
        assert {process for process in members if process.runs()} == set()
        assert first.poll() is not None
        assert second.poll() is None
    finally:
        children.end([first, second])


def test_a_killed_watcher_is_replaced(tmp_path: Path) -> None:
    """Somebody kills the watcher: what is started afterwards is watched all the same."""
    code = (
        "import os, signal\nfrom shared.simulation import children\nchildren.start(['true'])\n"
        "children._watcher._process.kill()\nchildren._watcher._process.wait()\n"
        "children.start(['sleep', '600'])\nif True:\n    "
    )
    started, rest = killed(code)
    assert any("sleep 600" in process.command for process in started)
    assert rest == set()


def came(path: Path, seconds: float = PATIENCE) -> bool:
    """Whether a file is there within so many seconds."""
    waiting = subprocess.run(
        ["timeout", str(seconds), "sh", "-c", 'until [ -e "$0" ]; do sleep 0.1; done', str(path)], check=False
    )
    return waiting.returncode == 0


def require_emulators() -> None:
    """Skip, or fail where nothing may be skipped, without what the emulators need."""
    from shared.simulation.emulators import EmulatorMissing, require_tools
    from tests.emulators.gcloud import skip_or_fail

    try:
        require_tools()
    except EmulatorMissing as missing:
        skip_or_fail(str(missing))
